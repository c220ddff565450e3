//! Field by field: what a line demands against what was seen, all differences at once.

use crate::program::{
    BodyPattern, EcnPattern, IcmpPattern, IpPattern, OptionsPattern, PacketPattern, TcpPattern,
};
use crate::verdict::Difference;
use crate::wire::{IpFields, TcpOption};

use super::show;

/// What a comparison takes into account beyond the fields written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Whether an outbound timestamp's echo is compared. packetdrill never does; our own cases do.
    pub echo_reply: bool,
    /// How far an outbound TS value may be off, in ticks; `None` = not compared.
    pub timestamp_slack: Option<u32>,
}

/// One difference.
pub fn difference(
    field: &'static str,
    expected: impl Into<String>,
    actual: impl Into<String>,
) -> Difference {
    Difference {
        field,
        expected: expected.into(),
        actual: actual.into(),
    }
}

/// Compares an outbound line with the packet seen, both in script numbers.
///
/// `seen` is the packet as the script would write it, every field present; `ip` its real IP header.
pub fn packet(
    expected: &PacketPattern,
    seen: &PacketPattern,
    ip: &IpFields,
    rules: Rules,
) -> Vec<Difference> {
    let mut found = annotation(&expected.ip, ip);
    match (&expected.body, &seen.body) {
        (BodyPattern::Tcp(want), BodyPattern::Tcp(got)) => found.extend(tcp(want, got, rules)),
        (BodyPattern::Udp { len: want, .. }, BodyPattern::Udp { len: got, .. }) => {
            if want != got {
                found.push(difference("length", want.to_string(), got.to_string()));
            }
        }
        (BodyPattern::Icmp(want), BodyPattern::Icmp(got)) => {
            found.extend(icmp(want, got, ip.source.is_ipv4()));
        }
        (want, got) => found.push(difference("protocol", protocol(want), protocol(got))),
    }
    found
}

fn protocol(body: &BodyPattern) -> &'static str {
    match body {
        BodyPattern::Tcp(_) => "TCP",
        BodyPattern::Udp { .. } => "UDP",
        BodyPattern::Icmp(_) => "ICMP",
    }
}

fn annotation(expected: &IpPattern, ip: &IpFields) -> Vec<Difference> {
    let mut found = Vec::new();
    let ecn = ip.traffic_class & 3;
    let name = |bits: u8| ["noecn", "ect1", "ect0", "ce"][usize::from(bits & 3)];
    match expected.ecn {
        Some(EcnPattern::Bits(bits)) if bits != ecn => {
            found.push(difference("ecn", name(bits), name(ecn)));
        }
        Some(EcnPattern::EctAny) if ecn != 1 && ecn != 2 => {
            found.push(difference("ecn", "ect01", name(ecn)));
        }
        Some(EcnPattern::Bits(_) | EcnPattern::EctAny) | None => {}
    }
    if let Some(tos) = expected.tos.filter(|&tos| tos != ip.traffic_class) {
        found.push(difference(
            "tos",
            format!("{tos:#04x}"),
            format!("{:#04x}", ip.traffic_class),
        ));
    }
    if let Some(ttl) = expected.ttl.filter(|&ttl| ttl != ip.ttl) {
        found.push(difference("ttl", ttl.to_string(), ip.ttl.to_string()));
    }
    found
}

fn tcp(want: &TcpPattern, got: &TcpPattern, rules: Rules) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut field = |name, expected: u64, actual: u64| {
        if expected != actual {
            found.push(difference(name, expected.to_string(), actual.to_string()));
        }
    };
    field("seq", u64::from(want.seq), u64::from(got.seq));
    field("length", u64::from(want.len), u64::from(got.len));
    field(
        "ack",
        u64::from(want.ack.unwrap_or(0)),
        u64::from(got.ack.unwrap_or(0)),
    );
    if let Some(window) = want.window {
        field(
            "window",
            u64::from(window),
            u64::from(got.window.unwrap_or(0)),
        );
    }
    field("urgent", u64::from(want.urgent), u64::from(got.urgent));
    if want.flags != got.flags {
        found.insert(
            0,
            difference("flags", show::flags(want.flags), show::flags(got.flags)),
        );
    }
    found.extend(options(&want.options, &got.options, rules));
    found
}

fn options(want: &OptionsPattern, got: &OptionsPattern, rules: Rules) -> Option<Difference> {
    let (OptionsPattern::Exactly(expected), OptionsPattern::Exactly(actual)) = (want, got) else {
        return None;
    };
    let same = expected.len() == actual.len()
        && expected
            .iter()
            .zip(actual)
            .all(|(want, got)| same_option(want, got, rules));
    let text = |pattern| match show::options(pattern) {
        text if text.is_empty() => "none".to_string(),
        text => text,
    };
    (!same).then(|| difference("options", text(want), text(got)))
}

fn same_option(want: &TcpOption, got: &TcpOption, rules: Rules) -> bool {
    match (want, got) {
        (
            TcpOption::Timestamps {
                value: want_value,
                echo_reply: want_echo,
            },
            TcpOption::Timestamps { value, echo_reply },
        ) => {
            let distance = want_value
                .wrapping_sub(*value)
                .min(value.wrapping_sub(*want_value));
            (!rules.echo_reply || want_echo == echo_reply)
                && rules.timestamp_slack.is_none_or(|slack| distance <= slack)
        }
        (want, got) => want == got,
    }
}

fn icmp(want: &IcmpPattern, got: &IcmpPattern, v4: bool) -> Vec<Difference> {
    let pick = |(four, six): (Option<u8>, Option<u8>)| if v4 { four } else { six }.unwrap_or(0);
    [
        ("icmp_type", want.kind, got.kind),
        ("icmp_code", want.code, got.code),
    ]
    .into_iter()
    .filter(|(_, want, got)| pick(*want) != pick(*got))
    .map(|(name, want, got)| difference(name, pick(want).to_string(), pick(got).to_string()))
    .collect()
}
