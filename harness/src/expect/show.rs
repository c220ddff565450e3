//! Packets in the script's own notation.

use std::fmt::Write as _;

use crate::program::{
    BodyPattern, EcnPattern, IcmpPattern, IcmpQuote, IpPattern, OptionsPattern, PacketPattern,
    TcpPattern,
};
use crate::wire::{TcpFlags, TcpOption};

/// Letters of the control bits, in the order packetdrill's users write them.
const FLAG_LETTERS: [(TcpFlags, char); 8] = [
    (TcpFlags::FIN, 'F'),
    (TcpFlags::SYN, 'S'),
    (TcpFlags::RST, 'R'),
    (TcpFlags::PSH, 'P'),
    (TcpFlags::URG, 'U'),
    (TcpFlags::ECE, 'E'),
    (TcpFlags::CWR, 'W'),
    (TcpFlags::AE, 'A'),
];

/// Control bits as a script writes them: `S.`, `FP.`, `SEW`, `-` for none.
pub fn flags(bits: TcpFlags) -> String {
    let mut text: String = FLAG_LETTERS
        .iter()
        .filter(|(bit, _)| bits.contains(*bit))
        .map(|(_, letter)| *letter)
        .collect();
    if bits.contains(TcpFlags::ACK) {
        text.push('.');
    }
    if text.is_empty() {
        "-".to_string()
    } else {
        text
    }
}

/// One option as a script writes it; unknown kinds as `kind-N HEX`.
pub fn option(option: &TcpOption) -> String {
    let with_hex = |name: &str, bytes: &[u8]| {
        if bytes.is_empty() {
            name.to_string()
        } else {
            format!("{name} {}", hex(bytes))
        }
    };
    match option {
        TcpOption::EndOfList => "eol".to_string(),
        TcpOption::NoOperation => "nop".to_string(),
        TcpOption::MaximumSegmentSize(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(shift) => format!("wscale {shift}"),
        TcpOption::SackPermitted => "sackOK".to_string(),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<String> = blocks
                .iter()
                .map(|(left, right)| format!("{left}:{right}"))
                .collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::Timestamps { value, echo_reply } => format!("TS val {value} ecr {echo_reply}"),
        TcpOption::Md5(digest) => with_hex("md5", digest),
        TcpOption::FastOpen(cookie) => with_hex("FO", cookie),
        TcpOption::FastOpenExperimental(cookie) => with_hex("FOEXP", cookie),
        TcpOption::AccEcn { order, counters } => {
            let names = if *order == 0 {
                ["e0b", "ceb", "e1b"]
            } else {
                ["e1b", "ceb", "e0b"]
            };
            let counters: Vec<String> = names
                .iter()
                .zip(counters)
                .map(|(name, counter)| format!("{name} {counter}"))
                .collect();
            format!("ECN {}", counters.join(" "))
        }
        TcpOption::Other { kind, data } => with_hex(&format!("kind-{kind}"), data),
    }
}

/// An option list as a script writes it: `<mss 1460,nop>`, `<...>`, or nothing.
pub fn options(pattern: &OptionsPattern) -> String {
    match pattern {
        OptionsPattern::Any => "<...>".to_string(),
        OptionsPattern::Exactly(list) if list.is_empty() => String::new(),
        OptionsPattern::Exactly(list) => {
            format!(
                "<{}>",
                list.iter().map(option).collect::<Vec<_>>().join(",")
            )
        }
    }
}

/// A TCP line without arrow and annotation.
pub fn tcp(pattern: &TcpPattern) -> String {
    let mut text = String::new();
    if let Some((source, destination)) = pattern.ports {
        let _ = write!(text, "{source} > {destination} ");
    }
    let end = pattern.seq.wrapping_add(u32::from(pattern.len));
    let _ = write!(
        text,
        "{} {}:{end}({})",
        flags(pattern.flags),
        pattern.seq,
        pattern.len
    );
    if let Some(ack) = pattern.ack {
        let _ = write!(text, " ack {ack}");
    }
    if let Some(window) = pattern.window {
        let _ = write!(text, " win {window}");
    }
    if pattern.urgent != 0 {
        let _ = write!(text, " urg {}", pattern.urgent);
    }
    let list = options(&pattern.options);
    if !list.is_empty() {
        let _ = write!(text, " {list}");
    }
    text
}

/// A packet line without its time: `> [ttl 64] S. 0:0(0) ack 1 <...>`.
pub fn packet(pattern: &PacketPattern, inbound: bool) -> String {
    let mut text = if inbound { "< " } else { "> " }.to_string();
    text.push_str(&annotation(&pattern.ip));
    match &pattern.body {
        BodyPattern::Tcp(segment) => text.push_str(&tcp(segment)),
        BodyPattern::Udp { ports, len } => {
            text.push_str("udp ");
            if let Some((source, destination)) = ports {
                let _ = write!(text, "{source} > {destination} ");
            }
            let _ = write!(text, "({len})");
        }
        BodyPattern::Icmp(message) => text.push_str(&icmp(message)),
    }
    text
}

fn annotation(ip: &IpPattern) -> String {
    let mut items = Vec::new();
    match ip.ecn {
        Some(EcnPattern::EctAny) => items.push("ect01".to_string()),
        Some(EcnPattern::Bits(bits)) => {
            items.push(["noecn", "ect1", "ect0", "ce"][usize::from(bits & 3)].to_string());
        }
        None => {}
    }
    items.extend(ip.tos.map(|tos| format!("tos {tos:#04x}")));
    items.extend(ip.ttl.map(|ttl| format!("ttl {ttl}")));
    items.extend(ip.flow_label.map(|label| format!("flowlabel {label:#x}")));
    if items.is_empty() {
        String::new()
    } else {
        format!("[{}] ", items.join(", "))
    }
}

fn icmp(message: &IcmpPattern) -> String {
    let number = |(v4, v6): (Option<u8>, Option<u8>)| match (v4, v6) {
        (Some(v4), Some(v6)) if v4 != v6 => format!("{v4}/{v6}"),
        (Some(number), _) | (None, Some(number)) => number.to_string(),
        (None, None) => "0".to_string(),
    };
    let mut text = format!(
        "icmp type_{} code_{}",
        number(message.kind),
        number(message.code)
    );
    if let Some(mtu) = message.mtu {
        let _ = write!(text, " mtu {mtu}");
    }
    if let Some(id) = message.id {
        let _ = write!(text, " id {id}");
    }
    match message.quote {
        IcmpQuote::Tcp { seq, len } => {
            let end = seq.wrapping_add(u32::from(len));
            let _ = write!(text, " [{seq}:{end}({len})]");
        }
        IcmpQuote::Udp(len) => {
            let _ = write!(text, " [udp ({len})]");
        }
        IcmpQuote::Raw(len) => {
            let _ = write!(text, " [raw ({len})]");
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0x000, "-")]
    #[case(0x010, ".")]
    #[case(0x012, "S.")]
    #[case(0x0c2, "SEW")]
    #[case(0x1d8, "PEWA.")]
    fn flags_are_shown_as_scripts_write_them(#[case] bits: u16, #[case] text: &str) {
        assert_eq!(flags(TcpFlags(bits)), text);
    }

    #[test]
    fn a_whole_line_reads_like_a_script() {
        let pattern = TcpPattern {
            ports: None,
            flags: TcpFlags::ACK.with(TcpFlags::PSH),
            seq: 1,
            len: 100,
            ack: Some(301),
            window: Some(256),
            urgent: 0,
            options: OptionsPattern::Exactly(vec![
                TcpOption::NoOperation,
                TcpOption::NoOperation,
                TcpOption::Timestamps {
                    value: 4,
                    echo_reply: 5,
                },
            ]),
        };
        assert_eq!(
            tcp(&pattern),
            "P. 1:101(100) ack 301 win 256 <nop,nop,TS val 4 ecr 5>"
        );
    }
}
