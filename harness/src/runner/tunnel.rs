//! Commands that make a tunnel which the machine does not have: a reason to skip, not to fail.

use crate::target::CommandReport;

use super::Stop;

/// What tools say when the kernel has no such device or encapsulation.
const LACKING: [&str; 4] = [
    "Unknown device type",
    "encapsulation type not supported",
    "failed: No such device",
    "Operation not supported",
];

/// The reason to skip, if a command that makes a tunnel failed because there is none of its kind:
/// the capability is `tunnel:ipip` and the like.
pub(super) fn lacking(command: &str, report: &CommandReport) -> Option<Stop> {
    let said = report
        .output
        .lines()
        .find(|line| LACKING.iter().any(|known| line.contains(known)))?;
    let kinds: Vec<&str> = command.split(['\n', ';', '&']).filter_map(kind).collect();
    let kind = match kinds[..] {
        [] => return None,
        [only] => only,
        _ => "several",
    };
    Some(Stop::Unsupported {
        capability: format!("tunnel:{kind}"),
        reason: format!("this machine's kernel cannot make it ({})", said.trim()),
    })
}

/// What kind of tunnel one command makes: `ip link add … type KIND`, `ip tunnel add … mode KIND`,
/// `ip route … encap KIND`.
fn kind(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace();
    if words.next() != Some("ip") {
        return None;
    }
    let words: Vec<&str> = words.collect();
    let behind = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    let makes = words.contains(&"add") || words.contains(&"replace");
    let marks: &[&str] = if words.contains(&"link") {
        &["type"]
    } else if words.contains(&"tunnel") || words.contains(&"tunl") {
        &["mode"]
    } else {
        &["encap"]
    };
    marks.iter().find_map(|mark| behind(mark)).filter(|_| makes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "ip link add t type ipip local 10.0.0.1",
        "Error: Unknown device type.",
        Some("tunnel:ipip")
    )]
    #[case(
        "true; ip link set lo up\nip link add t type sit",
        "Error: Unknown device type.\nCannot find device",
        Some("tunnel:sit")
    )]
    #[case(
        "ip tunnel add t mode gre remote 10.0.0.1",
        "add tunnel \"gre0\" failed: No such device",
        Some("tunnel:gre")
    )]
    #[case(
        "ip route add 10.0.0.0/8 encap mpls 100 dev tun0",
        "Error: lwt encapsulation type not supported.",
        Some("tunnel:mpls")
    )]
    #[case(
        "ip link add a type ipip && ip link add b type gre",
        "Error: Unknown device type.",
        Some("tunnel:several")
    )]
    #[case("ip link add t type ipip", "RTNETLINK answers: File exists", None)]
    #[case(
        "ip route add 10.0.0.0/8 dev tun0",
        "RTNETLINK answers: Operation not supported",
        None
    )]
    #[case("ethtool -K tun0 tso off", "Operation not supported", None)]
    fn only_a_missing_tunnel_is_lacking(
        #[case] command: &str,
        #[case] output: &str,
        #[case] want: Option<&str>,
    ) {
        let report = CommandReport {
            status: Some(1),
            output: output.to_string(),
        };
        let found = match lacking(command, &report) {
            Some(Stop::Unsupported { capability, .. }) => Some(capability),
            _ => None,
        };
        assert_eq!(found.as_deref(), want);
    }
}
