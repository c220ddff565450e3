//! What the smoltcp target offers, by the names `skip` reports.

use super::{calls, commands};
use crate::symbols;

/// Calls that are there.
const CALLS: &[&str] = &[
    "socket",
    "bind",
    "listen",
    "accept",
    "accept4",
    "connect",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "write",
    "writev",
    "send",
    "sendto",
    "fcntl",
    "ioctl",
    "close",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "poll",
    "ppoll",
    "select",
    "pselect",
    "getsockname",
    "getpeername",
];

/// Subjects that are there.
const OFFERED: &[&str] = &[
    "flood",
    // ICMP messages reach smoltcp; that its TCP does not look at them is for the cases to find.
    "icmp",
    "tcp",
    "tcp_info",
    "python",
    "ip_version:ipv4",
    "ip_version:ipv6",
    "ip_version:ipv4-mapped-ipv6",
];

/// Why a capability is missing, or `None` if it is there.
pub(super) fn lacks(name: &str) -> Option<String> {
    let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
    let known = match kind {
        "call" => CALLS.contains(&rest),
        "sysctl" => match rest.split_once('=') {
            Some((name, value)) => commands::takes(name, value),
            None => commands::is_known(rest),
        },
        "sockopt" => calls::is_known_option(rest),
        "ioctl" => symbols::lookup(rest)
            .and_then(|request| u64::try_from(request).ok())
            .is_some_and(calls::is_known_request),
        "tcp_info" => rest == "tcpi_state",
        _ => false,
    };
    if known || OFFERED.contains(&name) {
        return None;
    }
    Some(match kind {
        "call" => format!("the smoltcp target does not know the call {rest}"),
        "sysctl" => commands::reason(rest),
        "sockopt" => format!("smoltcp has nothing that the option {rest} could set"),
        "ioctl" => format!("smoltcp has nothing that the request {rest} could ask for"),
        "tcp_info" => "of a connection smoltcp tells the state only".to_owned(),
        "shell" => "the smoltcp target has no shell; it takes settings".to_owned(),
        "udp" | "raw" | "mptcp" | "encapsulation" | "udp_encapsulation" => {
            "the smoltcp target has plain TCP only".to_owned()
        }
        _ => format!("the smoltcp target has no {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("call:accept4", true)]
    #[case("call:epoll_wait", false)]
    #[case("udp", false)]
    #[case("icmp", true)]
    #[case("shell", false)]
    #[case("sysctl:net.ipv4.tcp_timestamps=0", true)]
    #[case("sysctl:net.ipv4.tcp_timestamps=7", false)]
    #[case("sysctl:net.ipv4.tcp_ecn=0", true)]
    #[case("sysctl:net.ipv4.tcp_ecn=1", false)]
    #[case("sysctl:net.ipv4.tcp_syn_retries=3", false)]
    #[case("sockopt:SOL_TCP/TCP_NODELAY", true)]
    #[case("sockopt:SOL_TCP/TCP_MAXSEG", false)]
    #[case("ioctl:SIOCINQ", true)]
    #[case("ioctl:SIOCATMARK", false)]
    #[case("tcp_info:tcpi_state", true)]
    #[case("tcp_info:tcpi_rto", false)]
    #[case("ip_version:ipv4-mapped-ipv6", true)]
    #[case("something:else", false)]
    fn a_capability_is_there_or_missing_with_a_reason(#[case] name: &str, #[case] there: bool) {
        assert_eq!(lacks(name).is_none(), there, "{:?}", lacks(name));
    }
}
