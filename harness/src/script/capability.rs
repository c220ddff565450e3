//! What scripts may need that the harness itself lacks, whatever the target.

use crate::program::Capability;

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
}
