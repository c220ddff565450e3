//! Numbers back to names, for what people read.

use super::{ancillary, ip, poll, socket, tcp};

/// `POLLIN|POLLOUT`, or `0`.
pub fn poll_mask(mask: i16) -> String {
    joined(poll::TABLE, "POLL", i64::from(mask.cast_unsigned()))
}

/// `EPOLLIN|EPOLLET`, or `0`.
pub fn epoll_mask(mask: u32) -> String {
    joined(poll::TABLE, "EPOLL", i64::from(mask))
}

/// `MSG_ERRQUEUE|MSG_TRUNC`, or `0`.
pub fn flags_of_message(flags: i32) -> String {
    joined(socket::TABLE, "MSG_", i64::from(flags.cast_unsigned()))
}

/// Bits by name, the rest in hex.
fn joined(table: &[(&str, i64)], prefix: &str, mask: i64) -> String {
    let mut rest = mask;
    let mut parts: Vec<String> = Vec::new();
    let bits = table
        .iter()
        .filter(|(name, bit)| name.starts_with(prefix) && bit.count_ones() == 1);
    for (name, bit) in bits {
        if rest & bit != 0 && !name.contains("CTL") && !name.ends_with("CLOEXEC") {
            rest &= !bit;
            parts.push((*name).to_owned());
        }
    }
    if rest != 0 || parts.is_empty() {
        parts.push(match rest {
            0 => "0".to_owned(),
            rest => format!("{rest:#x}"),
        });
    }
    parts.join("|")
}

/// `AF_INET`, or the number.
pub fn family_name(family: i32) -> String {
    name_in(socket::TABLE, "AF_", i64::from(family)).unwrap_or_else(|| family.to_string())
}

/// Level and type of a control message: `SOL_SOCKET/SCM_TIMESTAMPING`, `SOL_TCP/TCP_CM_INQ`.
pub fn control_name(level: i32, kind: i32) -> String {
    let kind = i64::from(kind);
    let (level_name, name) = match level {
        0 => ("SOL_IP", name_in(ip::TABLE, "IP_", kind)),
        1 => (
            "SOL_SOCKET",
            // SO_… and SCM_… of one message have one number; SCM_TSTAMP_… are no messages.
            ancillary::TABLE
                .iter()
                .find(|(name, number)| {
                    name.starts_with("SCM_") && !name.contains("TSTAMP_") && *number == kind
                })
                .map(|(name, _)| (*name).to_owned()),
        ),
        6 => ("SOL_TCP", name_in(tcp::TABLE, "TCP_CM_", kind)),
        17 => ("SOL_UDP", name_in(ip::TABLE, "UDP_", kind)),
        41 => ("SOL_IPV6", name_in(ip::TABLE, "IPV6_", kind)),
        _ => return format!("{level}/{kind}"),
    };
    format!("{level_name}/{}", name.unwrap_or_else(|| kind.to_string()))
}

/// `TCP_NLA_BUSY`, or the number.
pub fn statistic_name(kind: u16) -> String {
    name_in(tcp::TABLE, "TCP_NLA_", i64::from(kind)).unwrap_or_else(|| kind.to_string())
}

/// How many bytes Linux gives a statistic of SCM_TIMESTAMPING_OPT_STATS.
pub fn statistic_len(kind: u16) -> usize {
    let name = statistic_name(kind);
    match name.strip_prefix("TCP_NLA_").unwrap_or_default() {
        "PAD" => 0,
        "BUSY" | "RWND_LIMITED" | "SNDBUF_LIMITED" | "DATA_SEGS_OUT" | "TOTAL_RETRANS"
        | "PACING_RATE" | "DELIVERY_RATE" | "BYTES_SENT" | "BYTES_RETRANS" | "EDT" => 8,
        "RECUR_RETRANS" | "DELIVERY_RATE_APP_LMT" | "CA_STATE" | "TTL" => 1,
        "TIMEOUT_REHASH" => 2,
        _ => 4,
    }
}

fn name_in(table: &[(&str, i64)], prefix: &str, number: i64) -> Option<String> {
    table
        .iter()
        .find(|(name, known)| name.starts_with(prefix) && *known == number)
        .map(|(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(poll_mask(0x5), "POLLIN|POLLOUT")]
    #[case(poll_mask(0), "0")]
    #[case(poll_mask(0x2000), "POLLRDHUP")]
    #[case(epoll_mask(0x8000_0001), "EPOLLIN|EPOLLET")]
    #[case(epoll_mask(0x100_0000), "0x1000000")]
    #[case(flags_of_message(0x2020), "MSG_TRUNC|MSG_ERRQUEUE")]
    #[case(flags_of_message(0), "0")]
    #[case(family_name(10), "AF_INET6")]
    #[case(family_name(200), "200")]
    #[case(control_name(1, 37), "SOL_SOCKET/SCM_TIMESTAMPING")]
    #[case(control_name(1, 2), "SOL_SOCKET/SCM_CREDENTIALS")]
    #[case(control_name(0, 11), "SOL_IP/IP_RECVERR")]
    #[case(control_name(41, 25), "SOL_IPV6/IPV6_RECVERR")]
    #[case(control_name(6, 36), "SOL_TCP/TCP_CM_INQ")]
    #[case(control_name(6, 99), "SOL_TCP/99")]
    #[case(control_name(99, 1), "99/1")]
    #[case(statistic_name(4), "TCP_NLA_DATA_SEGS_OUT")]
    fn numbers_have_names(#[case] shown: String, #[case] wanted: &str) {
        assert_eq!(shown, wanted);
    }

    #[rstest]
    #[case(1, 8)]
    #[case(8, 4)]
    #[case(11, 1)]
    #[case(23, 2)]
    #[case(0, 0)]
    fn statistics_have_linuxs_sizes(#[case] kind: u16, #[case] len: usize) {
        assert_eq!(statistic_len(kind), len);
    }
}
