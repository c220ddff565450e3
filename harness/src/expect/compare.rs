//! Field by field: what a line demands against what was seen, all differences at once.

use std::fmt::Display;

use crate::program::{
    BodyPattern, Match, OptionPattern, OptionsPattern, PacketPattern, TcpPattern,
};
use crate::verdict::Difference;
use crate::wire::{Parsed, TcpOption, Transport};

use super::{ip, show};

/// What a comparison takes into account beyond the fields written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Whether an outbound timestamp's echo is compared. packetdrill never does; our own cases do.
    pub echo_reply: bool,
    /// How far an outbound TS value may be off, in ticks; `None` = not compared.
    pub timestamp_slack: Option<u32>,
    /// The digest that an MD5 option of the packet seen must carry.
    pub md5: Option<[u8; 16]>,
    /// Whether exactly what packetdrill compares is compared.
    pub drop_in: bool,
    /// Whether the order of TCP options and their padding (NOP, end of list) are the stack's own.
    pub free_layout: bool,
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
/// `seen` is the packet as the script would write it, every field present; `live` what it was read from.
pub fn packet(
    expected: &PacketPattern,
    seen: &PacketPattern,
    live: &Parsed,
    rules: Rules,
) -> Vec<Difference> {
    let mut found = ip::headers(expected, live);
    if expected.udp_encapsulation != seen.udp_encapsulation {
        let text = |ports: Option<(u16, u16)>| match ports {
            Some((source, destination)) => format!("udp({source} > {destination})"),
            None => "none".to_string(),
        };
        let (want, got) = (expected.udp_encapsulation, seen.udp_encapsulation);
        found.push(difference("udp_encapsulation", text(want), text(got)));
    }
    match (&expected.body, &seen.body, &live.packet.transport) {
        (BodyPattern::Tcp(want), BodyPattern::Tcp(got), _) => found.extend(tcp(want, got, rules)),
        (BodyPattern::Udp(want), BodyPattern::Udp(_), Transport::Udp(datagram)) => {
            found.extend(ip::udp(want, &datagram.payload));
        }
        (BodyPattern::Icmp(want), BodyPattern::Icmp(got), Transport::Icmp(message)) => {
            let v4 = live.packet.ip.source.is_ipv4();
            found.extend(ip::icmp(want, got, message, v4, rules.drop_in));
        }
        (want, _, transport) => {
            found.push(difference(
                "protocol",
                protocol(want),
                seen_protocol(transport),
            ));
        }
    }
    found
}

fn protocol(body: &BodyPattern) -> &'static str {
    match body {
        BodyPattern::Tcp(_) => "TCP",
        BodyPattern::Udp(_) => "UDP",
        BodyPattern::Icmp(_) => "ICMP",
    }
}

fn seen_protocol(transport: &Transport) -> String {
    match transport {
        Transport::Tcp(_) => "TCP".to_string(),
        Transport::Udp(_) => "UDP".to_string(),
        Transport::Icmp(_) => "ICMP".to_string(),
        Transport::Other { protocol, .. } => format!("protocol {protocol}"),
    }
}

fn tcp(want: &TcpPattern, got: &TcpPattern, rules: Rules) -> Vec<Difference> {
    let mut found = Vec::new();
    if let (Some(expected), Some(actual)) = (want.flags, got.flags)
        && expected != actual
    {
        found.push(difference(
            "flags",
            show::flags(expected),
            show::flags(actual),
        ));
    }
    let absent = Match::Is(0);
    let ack = (want.ack.unwrap_or(absent), got.ack.unwrap_or(absent));
    found.extend(field("seq", want.seq, got.seq));
    found.extend(field("length", want.len, got.len));
    found.extend(field("ack", ack.0, ack.1));
    found.extend(field("window", want.window, got.window));
    found.extend(field("urgent", want.urgent, got.urgent));
    found.extend(options(&want.options, &got.options, rules));
    found
}

/// A field of the packet seen, which has one value, against what the line takes.
fn field<T: PartialOrd + Copy + Display>(
    name: &'static str,
    want: Match<T>,
    got: Match<T>,
) -> Option<Difference> {
    let actual = got.exact()?;
    (!want.takes(actual)).then(|| difference(name, want.to_string(), actual.to_string()))
}

fn options(want: &OptionsPattern, got: &OptionsPattern, rules: Rules) -> Option<Difference> {
    let (OptionsPattern::List(expected), OptionsPattern::List(actual)) = (want, got) else {
        return None;
    };
    let seen: Vec<&TcpOption> = actual.iter().filter_map(OptionPattern::exact).collect();
    let same = match expected.as_slice() {
        [OptionPattern::Is(TcpOption::Raw(area))] => *area == bytes(&seen),
        expected if rules.free_layout => same_set(expected, &seen, rules),
        expected => same_list(expected, &seen, rules),
    };
    let text = |pattern| match show::options(pattern) {
        text if text.is_empty() => "none".to_string(),
        text => text,
    };
    (!same).then(|| difference("options", text(want), text(got)))
}

/// Whether a list of options is one that the line takes: the same in the same order, where `...`
/// stands for any number of any options.
fn same_list(want: &[OptionPattern], got: &[&TcpOption], rules: Rules) -> bool {
    // `fits[n]`: the line so far takes the first n options. Row by row, several `...` cost no more
    // than one.
    let mut fits = vec![false; got.len() + 1];
    fits[0] = true;
    for pattern in want {
        let mut next = vec![false; got.len() + 1];
        for place in 0..=got.len() {
            next[place] = match pattern {
                OptionPattern::Others => fits[..=place].contains(&true),
                pattern => {
                    place > 0 && fits[place - 1] && same_option(pattern, got[place - 1], rules)
                }
            };
        }
        fits = next;
    }
    fits[got.len()]
}

/// The same in any order, padding aside.
fn same_set(want: &[OptionPattern], got: &[&TcpOption], rules: Rules) -> bool {
    let is_padding =
        |option: &TcpOption| matches!(option, TcpOption::NoOperation | TcpOption::EndOfList);
    let mut left: Vec<&TcpOption> = got
        .iter()
        .copied()
        .filter(|seen| !is_padding(seen))
        .collect();
    let wanted = want.iter().filter(|pattern| match pattern {
        OptionPattern::Is(option) => !is_padding(option),
        OptionPattern::Others => false,
        _ => true,
    });
    for pattern in wanted {
        // A kind stands in a header once, so that no pattern can take what another one needs.
        let Some(place) = (left.iter()).position(|seen| same_option(pattern, seen, rules)) else {
            return false;
        };
        left.remove(place);
    }
    left.is_empty() || want.contains(&OptionPattern::Others)
}

fn bytes(options: &[&TcpOption]) -> Vec<u8> {
    let mut bytes = Vec::new();
    options.iter().for_each(|option| option.write(&mut bytes));
    bytes
}

fn same_option(want: &OptionPattern, got: &TcpOption, rules: Rules) -> bool {
    match (want, got) {
        (
            OptionPattern::Is(TcpOption::Timestamps { value, echo_reply }),
            TcpOption::Timestamps { .. },
        ) => same_timestamps(Match::Is(*value), Match::Is(*echo_reply), got, rules),
        (
            OptionPattern::Timestamps {
                value, echo_reply, ..
            },
            TcpOption::Timestamps { .. },
        ) => same_timestamps(*value, *echo_reply, got, rules),
        // An option given by its kind is one with these bytes, whatever its name.
        (OptionPattern::Is(want @ TcpOption::Other { .. }), got) => bytes(&[want]) == bytes(&[got]),
        (OptionPattern::Is(want), got) => want == got,
        (OptionPattern::MaximumSegmentSize(size), TcpOption::MaximumSegmentSize(seen)) => {
            size.takes(*seen)
        }
        (OptionPattern::WindowScale(shift), TcpOption::WindowScale(seen)) => shift.takes(*seen),
        (OptionPattern::Sack(blocks), TcpOption::Sack(seen)) => {
            blocks.len() == seen.len()
                && blocks
                    .iter()
                    .zip(seen)
                    .all(|((left, right), block)| left.takes(block.0) && right.takes(block.1))
        }
        (
            OptionPattern::AccEcn { order, counters },
            TcpOption::AccEcn {
                order: seen_order,
                counters: seen,
            },
        ) => {
            order == seen_order
                && counters.len() == seen.len()
                && counters
                    .iter()
                    .zip(seen)
                    .all(|(want, got)| want.takes(*got))
        }
        (OptionPattern::Md5Valid, TcpOption::Md5(digest)) => {
            rules.md5.is_some_and(|right| digest[..] == right)
        }
        (OptionPattern::Data { kind, start }, got) => match bytes(&[got])[..] {
            [seen, _, ref data @ ..] => seen == *kind && data.starts_with(start),
            _ => false,
        },
        _ => false,
    }
}

/// Single values are judged by the rules of the case, what a script leaves open by what it says.
fn same_timestamps(
    want_value: Match<u32>,
    want_echo: Match<u32>,
    got: &TcpOption,
    rules: Rules,
) -> bool {
    let TcpOption::Timestamps { value, echo_reply } = got else {
        return false;
    };
    let value_fits = match want_value {
        Match::Is(want) => {
            let distance = want.wrapping_sub(*value).min(value.wrapping_sub(want));
            rules.timestamp_slack.is_none_or(|slack| distance <= slack)
        }
        open => open.takes(*value),
    };
    let echo_fits = match want_echo {
        Match::Is(want) => !rules.echo_reply || want == *echo_reply,
        open => open.takes(*echo_reply),
    };
    value_fits && echo_fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MSS: TcpOption = TcpOption::MaximumSegmentSize(1460);
    const PERMITTED: TcpOption = TcpOption::SackPermitted;
    const NOP: TcpOption = TcpOption::NoOperation;
    const END: TcpOption = TcpOption::EndOfList;

    #[rstest]
    #[case::in_another_order(&[MSS, NOP, NOP, PERMITTED], &[PERMITTED, MSS, END, END], true)]
    #[case::another_value(&[MSS], &[TcpOption::MaximumSegmentSize(1400)], false)]
    #[case::one_too_many(&[MSS], &[MSS, PERMITTED], false)]
    #[case::one_too_few(&[MSS, NOP, PERMITTED], &[MSS], false)]
    #[case::twice_is_not_once(&[MSS, MSS], &[MSS], false)]
    #[case::nothing_but_padding(&[], &[NOP, END], true)]
    fn a_layout_of_its_own_is_no_difference(
        #[case] want: &[TcpOption],
        #[case] got: &[TcpOption],
        #[case] same: bool,
    ) {
        let free = Rules {
            free_layout: true,
            ..Rules::default()
        };
        let list = |options: &[TcpOption]| OptionsPattern::exactly(options.to_vec());
        let found = options(&list(want), &list(got), free);
        assert_eq!(found.is_none(), same, "{found:?}");
        // By default every byte counts.
        assert!(options(&list(want), &list(got), Rules::default()).is_some());
    }

    #[test]
    fn others_take_what_is_left_wherever_they_stand() {
        let free = Rules {
            free_layout: true,
            ..Rules::default()
        };
        let want = OptionsPattern::List(vec![OptionPattern::Others, OptionPattern::Is(MSS)]);
        let got = |options: &[TcpOption]| OptionsPattern::exactly(options.to_vec());
        assert!(options(&want, &got(&[MSS, PERMITTED]), free).is_none());
        assert!(options(&want, &got(&[PERMITTED]), free).is_some());
    }
}
