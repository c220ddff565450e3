//! TCP options in the script's own notation.

use crate::program::{Match, OptionPattern, OptionsPattern};
use crate::wire::TcpOption;

use super::show::hex;

/// One option as a script writes it; kinds without a name as `gen-K HEX` and `exp-ID HEX`.
pub fn option(option: &TcpOption) -> String {
    match option {
        TcpOption::EndOfList => "eol".to_string(),
        TcpOption::NoOperation => "nop".to_string(),
        TcpOption::MaximumSegmentSize(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(shift) => format!("wscale {shift}"),
        TcpOption::SackPermitted => "sackOK".to_string(),
        TcpOption::Sack(edges) => sack(edges.iter().copied()),
        TcpOption::Timestamps { value, echo_reply } => format!("TS val {value} ecr {echo_reply}"),
        TcpOption::Md5(digest) => with_hex("md5", digest),
        TcpOption::FastOpen(cookie) => with_hex("FO", cookie),
        TcpOption::FastOpenExperimental(cookie) => with_hex("FOEXP", cookie),
        TcpOption::AccEcn { order, counters } => acc_ecn(*order, counters),
        TcpOption::Other {
            kind: 254,
            data: experiment,
        } if experiment.len() >= 2 => experiment_option(experiment),
        TcpOption::Other { kind, data } => with_hex(&format!("gen-{kind}"), data),
        TcpOption::Raw(bytes) => with_hex("malformed", bytes),
    }
}

/// An option list as a script writes it: `<mss 1460,nop>`, `<...>`, or nothing.
pub fn options(pattern: &OptionsPattern) -> String {
    match pattern {
        OptionsPattern::Any => "<...>".to_string(),
        OptionsPattern::List(list) => match list.as_slice() {
            [] => String::new(),
            [OptionPattern::Is(TcpOption::Raw(area))] => format!("<{}>", hex(area)),
            list => {
                let list: Vec<String> = list.iter().map(one).collect();
                format!("<{}>", list.join(","))
            }
        },
    }
}

fn one(pattern: &OptionPattern) -> String {
    match pattern {
        OptionPattern::Is(exact) => option(exact),
        OptionPattern::MaximumSegmentSize(size) => format!("mss {size}"),
        OptionPattern::WindowScale(shift) => format!("wscale {shift}"),
        OptionPattern::Sack(edges) => sack(edges.iter().copied()),
        OptionPattern::Timestamps {
            value,
            echo_reply,
            absolute_echo,
        } => {
            let mark = if *absolute_echo { "!" } else { "" };
            format!("TS val {} ecr {echo_reply}{mark}", dots(*value))
        }
        OptionPattern::AccEcn { order, counters } => acc_ecn(*order, counters),
        OptionPattern::Data { kind, start } => match (kind, start.as_slice()) {
            (5, []) => "sack *".to_string(),
            (19, []) => "md5 *".to_string(),
            (34, []) => "FO *".to_string(),
            (254, [0xf9, 0x89]) => "FOEXP *".to_string(),
            (254, [high, low]) => format!("exp-{high:02x}{low:02x} *"),
            (kind, _) => format!("gen-{kind} *"),
        },
        OptionPattern::Md5Valid => "md5 valid".to_string(),
        OptionPattern::Others => "...".to_string(),
    }
}

/// A value that may be anything, in packetdrill's own spelling.
fn dots(value: Match<u32>) -> String {
    match value {
        Match::Any => "...".to_string(),
        value => value.to_string(),
    }
}

fn sack<E: std::fmt::Display>(edges: impl Iterator<Item = (E, E)>) -> String {
    let blocks: Vec<String> = edges
        .map(|(left, right)| format!("{left}:{right}"))
        .collect();
    format!("sack {}", blocks.join(" "))
}

fn acc_ecn<C: std::fmt::Display>(order: u8, counters: &[C]) -> String {
    if counters.is_empty() {
        return format!("AccECN{order}");
    }
    let names = match order {
        0 => ["e0b", "ceb", "e1b"],
        _ => ["e1b", "ceb", "e0b"],
    };
    format!("ECN {}", pairs(&names, counters))
}

fn pairs<C: std::fmt::Display>(names: &[&str], counters: &[C]) -> String {
    let pairs: Vec<String> = names
        .iter()
        .zip(counters)
        .map(|(name, counter)| format!("{name} {counter}"))
        .collect();
    pairs.join(" ")
}

/// An experiment (RFC 6994): id and data.
fn experiment_option(data: &[u8]) -> String {
    match data {
        [0xac, order @ (0xc0 | 0xc1), counters @ ..]
            if counters.len() <= 9 && counters.len().is_multiple_of(3) =>
        {
            let names = match order {
                0xc0 => ["ee0b", "eceb", "ee1b"],
                _ => ["ee1b", "eceb", "ee0b"],
            };
            let counters: Vec<u32> = counters
                .chunks_exact(3)
                .map(|bytes| u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
                .collect();
            let name = format!("exp-AccECN{}", order & 1);
            match counters.is_empty() {
                true => name,
                false => format!("{name} {}", pairs(&names, &counters)),
            }
        }
        [0x00, 0xac] => "exp-tarr".to_string(),
        [0x00, 0xac, ratio] if ratio & 1 == 0 => format!("exp-tarr {}", ratio >> 1),
        _ => with_hex(&format!("exp-{}", hex(&data[..2])), &data[2..]),
    }
}

fn with_hex(name: &str, bytes: &[u8]) -> String {
    match bytes {
        [] => name.to_string(),
        bytes => format!("{name} {}", hex(bytes)),
    }
}
