//! The names of what scripts may need, and what of it the harness itself lacks, whatever the target.

use super::check::is_call;
use super::suggest;
use crate::program::Capability;
use crate::symbols;

/// Names that stand alone.
const SUBJECTS: [&str; 23] = [
    "address",
    "agent",
    "encapsulation",
    "flood",
    "gateway_ip",
    "icmp",
    "idle_server",
    "local_ip",
    "mptcp",
    "mtu",
    "netmask_ip",
    "port",
    "psp",
    "python",
    "raw",
    "remote_addresses",
    "remote_ip",
    "sctp",
    "shared_object",
    "shell",
    "size",
    "tun0",
    "udp",
];

/// More of them, and all names of a kind that has few.
const OTHERS: [&str; 16] = [
    "command:global-state",
    "command:link",
    "command:route",
    "control:extended_error",
    "control:sendmsg",
    "control:statistics",
    "control:timestamping",
    "ip_version:ipv4",
    "ip_version:ipv4-mapped-ipv6",
    "ip_version:ipv6",
    "option:is_anyip",
    "option:mss",
    "option:speed",
    "pointer:later",
    "udp_encapsulation",
    "wire",
];

/// Kinds with a name behind the colon.
const KINDS: [&str; 9] = [
    "call", "family", "ioctl", "qdisc", "shell", "sockopt", "sysctl", "tcp_info", "tunnel",
];

/// What is wrong with the name of a capability, as a help text; `None` if it can be one.
///
/// A target that is asked for a name it has never heard of may well say that it lacks nothing.
pub(super) fn trouble(name: &str) -> Option<String> {
    let whole = || SUBJECTS.into_iter().chain(OTHERS);
    if whole().any(|known| known == name) {
        return None;
    }
    let Some((kind, rest)) = name.split_once(':') else {
        return Some(match suggest::nearest(name, whole()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => LIST.to_owned(),
        });
    };
    let is_value = |text: &str| symbols::lookup(text).is_some() || is_number(text);
    let known = match kind {
        "call" => is_call(rest),
        "sockopt" => rest
            .split_once('/')
            .is_some_and(|(level, option)| is_value(level) && is_value(option)),
        "ioctl" => is_value(rest),
        "tcp_info" => symbols::is_code_variable(rest),
        _ => KINDS.contains(&kind) && !rest.is_empty(),
    };
    if known {
        return None;
    }
    if KINDS.contains(&kind) {
        return Some(format!(
            "behind `{kind}:` stands a name that scripts use; {LIST}"
        ));
    }
    let near = suggest::nearest(name, whole()).map(str::to_owned);
    let near = near.or_else(|| suggest::nearest(kind, KINDS).map(|kind| format!("{kind}:{rest}")));
    Some(near.map_or(LIST.to_owned(), |near| format!("did you mean `{near}`?")))
}

const LIST: &str = "docs/language.md lists them in \"What a target must offer\"";

fn is_number(text: &str) -> bool {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))
}

/// Why no target can run a script with this need, or `None` if the target decides.
pub fn unavailable(capability: &Capability) -> Option<String> {
    let (kind, rest) = capability.0.split_once(':').unwrap_or((&capability.0, ""));
    let reason = match kind {
        "ip_version" => return Some(format!("the script has words that exist only on {rest}")),
        "sctp" => "only TCP inside UDP is supported, not SCTP",
        "psp" => "PSP is read, but not built or compared",
        "wire" => "runs between two machines are not supported",
        "shared_object" => "stacks in shared objects are not supported",
        _ => return None,
    };
    Some(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("python", false)]
    #[case("ip_version:ipv4", true)]
    #[case("control:statistics", false)]
    #[case("option:is_anyip", false)]
    #[case("udp", false)]
    #[case("shell", false)]
    #[case("sockopt:SOL_TCP/TCP_INQ", false)]
    #[case("call:splice", false)]
    fn the_harness_knows_its_own_gaps(#[case] name: &str, #[case] gap: bool) {
        assert_eq!(unavailable(&Capability(name.to_owned())).is_some(), gap);
    }

    #[rstest]
    #[case("udp")]
    #[case("udp_encapsulation")]
    #[case("sockopt:SOL_TCP/TCP_INQ")]
    #[case("sockopt:270/1")]
    #[case("ioctl:SIOCINQ")]
    #[case("ioctl:0x8915")]
    #[case("sysctl:net.ipv4.tcp_ecn")]
    #[case("call:pselect")]
    #[case("tcp_info:tcpi_snd_cwnd")]
    #[case("qdisc:fq")]
    #[case("ip_version:ipv4-mapped-ipv6")]
    fn what_scripts_need_can_be_asked_for(#[case] name: &str) {
        assert_eq!(trouble(name), None);
    }

    #[rstest]
    #[case("upd", "did you mean `udp`?")]
    #[case("sockpt:SOL_TCP/TCP_INQ", "did you mean `sockopt:SOL_TCP/TCP_INQ`?")]
    #[case("control:sendmgs", "did you mean `control:sendmsg`?")]
    #[case("frobnicate", LIST)]
    #[case("frobnicate:5", LIST)]
    fn a_name_that_nothing_has_is_told(#[case] name: &str, #[case] help: &str) {
        assert_eq!(trouble(name).as_deref(), Some(help));
    }

    #[rstest]
    #[case("sockopt:SOL_TCP/TCP_INQQ")]
    #[case("sockopt:TCP_INQ")]
    #[case("ioctl:0x")]
    #[case("sysctl:")]
    #[case("call:recvmmsg")]
    #[case("tcp_info:snd_cwnd")]
    fn a_name_behind_a_kind_is_looked_at(#[case] name: &str) {
        let help = trouble(name).unwrap();
        assert!(help.starts_with("behind `"), "{help}");
    }
}
