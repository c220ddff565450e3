//! What the reference target offers, by the names `skip` reports.

use super::{calls, info, programs, sysctl};
use crate::symbols;

/// Whole subjects that are missing.
const MISSING: &[(&str, &str)] = &[
    (
        "call:eventfd",
        "the reference target has TCP sockets, epoll instances, pipes and files only",
    ),
    ("call:cap_set", "the reference target has no privileges"),
    (
        "call:psp_rx_assoc",
        "the reference stack speaks plain TCP only",
    ),
    (
        "call:psp_tx_assoc",
        "the reference stack speaks plain TCP only",
    ),
    ("udp", "the reference stack speaks TCP only"),
    (
        "shell",
        "the reference target has no shell; it takes settings and what leaves its stack alone",
    ),
    ("encapsulation", "the reference stack has no tunnels"),
    (
        "udp_encapsulation",
        "the reference stack has no TCP inside UDP",
    ),
    ("psp", "the reference stack has no PSP"),
    ("raw", "the reference stack speaks TCP only"),
    ("mptcp", "the reference stack speaks plain TCP only"),
    (
        "option:mss",
        "the reference target has no receive offload that could join segments",
    ),
    (
        "option:is_anyip",
        "the reference stack has the address it was given and no other",
    ),
    ("wire", "the reference target has no network card"),
    ("shared_object", "the reference target is built in"),
    (
        "control:sendmsg",
        "the reference target sends no control messages",
    ),
    (
        "control:statistics",
        "the reference target keeps no statistics of each time stamp",
    ),
];

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
    "recvmsg",
    "write",
    "writev",
    "send",
    "sendto",
    "sendmsg",
    "fcntl",
    "ioctl",
    "close",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "poll",
    "epoll_create",
    "epoll_ctl",
    "epoll_wait",
    "getsockname",
    "getpeername",
    "dup",
    "dup2",
    "dup3",
    "ppoll",
    "select",
    "pselect",
    "epoll_create1",
    "epoll_pwait",
    "sigaction",
    "tgkill",
    "open",
    "pipe",
    "splice",
    "sendfile",
];

/// Subjects that are there.
const OFFERED: &[&str] = &[
    // As far as it goes: a file that means nothing here is refused when the command is run.
    "command:global-state",
    "control:extended_error",
    "control:timestamping",
    "flood",
    "icmp",
    "option:speed",
    "tcp",
    "tcp_info",
    "python",
    "ip_version:ipv4",
    "ip_version:ipv6",
    "ip_version:ipv4-mapped-ipv6",
];

/// Why a capability is missing, or `None` if it is there.
pub(super) fn lacks(name: &str) -> Option<String> {
    if let Some((_, reason)) = MISSING.iter().find(|entry| entry.0 == name) {
        return Some((*reason).to_owned());
    }
    let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
    let known = match kind {
        "call" => CALLS.contains(&rest),
        "sysctl" => match rest.split_once('=') {
            Some((name, value)) => sysctl::takes(name, value),
            None => sysctl::is_known(rest),
        },
        "sockopt" => calls::is_known_option(rest),
        "ioctl" => symbols::lookup(rest)
            .and_then(|request| u64::try_from(request).ok())
            .or_else(|| request_number(rest))
            .is_some_and(calls::is_known_request),
        "shell" => rest == "bash" || programs::NAMES.contains(&rest),
        "tcp_info" => info::NAMES.contains(&rest),
        _ => false,
    };
    if known || OFFERED.contains(&name) {
        return None;
    }
    Some(match kind {
        "call" => format!("the reference target does not know the call {rest}"),
        "sysctl" if sysctl::is_known(rest.split('=').next().unwrap_or(rest)) => {
            format!("the reference stack does not take the value {rest}")
        }
        "sysctl" => format!("the reference stack has no setting {rest}"),
        "sockopt" => format!("the reference target does not know the option {rest}"),
        "ioctl" => format!("the reference target does not know the request {rest}"),
        "tcp_info" => format!("the reference stack does not keep {rest}"),
        "shell" => format!("the reference target does not know the program {rest}"),
        _ => format!("the reference target does not know the capability {name}"),
    })
}

fn request_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("call:accept4", true)]
    #[case("call:splice", true)]
    #[case("call:eventfd", false)]
    #[case("call:frobnicate", false)]
    #[case("udp", false)]
    #[case("icmp", true)]
    #[case("shell", false)]
    #[case("shell:nstat", true)]
    #[case("shell:bash", true)]
    #[case("shell:ls", false)]
    #[case("sysctl:net.ipv4.tcp_syncookies", true)]
    #[case("sysctl:net.ipv4.tcp_ecn", true)]
    #[case("sysctl:net.ipv4.tcp_moderate_rcvbuf", true)]
    #[case("sysctl:net.ipv4.tcp_ecn=5", true)]
    #[case("sysctl:net.ipv4.tcp_ecn=6", false)]
    #[case("sysctl:net.ipv4.tcp_rmem=4096 131072 6291456", true)]
    #[case("sysctl:net.ipv4.tcp_rmem=4096", false)]
    #[case("sysctl:net.ipv4.tcp_congestion_control=bbr", false)]
    #[case("sysctl:net.ipv4.tcp_reordering=0x3", true)]
    #[case("sysctl:net.ipv4.tcp_reordering=4", false)]
    #[case("sysctl:net.ipv4.tcp_fack=17", true)]
    #[case("sysctl:net.core.somaxconn=128", true)]
    #[case("sysctl:net.core.somaxconn=many", false)]
    #[case("sysctl:net.ipv4.tcp_tw_reuse=1", false)]
    #[case("sysctl:net.ipv4.tcp_tw_reuse", false)]
    #[case("sockopt:SOL_TCP/TCP_INQ", true)]
    #[case("sockopt:SOL_TCP/TCP_REPAIR", false)]
    #[case("ioctl:0x541b", true)]
    #[case("ioctl:SIOCINQ", true)]
    #[case("ioctl:SIOCGIFADDR", false)]
    #[case("ip_version:ipv4", true)]
    #[case("ioctl:0x1234", false)]
    #[case("tcp_info:tcpi_state", true)]
    #[case("tcp_info:tcpi_pacing_rate", false)]
    #[case("option:mss", false)]
    #[case("option:is_anyip", false)]
    #[case("option:speed", true)]
    #[case("something:else", false)]
    fn a_capability_is_there_or_missing_with_a_reason(#[case] name: &str, #[case] there: bool) {
        assert_eq!(lacks(name).is_none(), there, "{:?}", lacks(name));
    }
}
