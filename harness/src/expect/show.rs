//! Packets in the script's own notation.

use std::fmt::Write as _;

use crate::program::{BodyPattern, Match, PacketPattern, TcpPattern};
use crate::wire::{TcpDamage, TcpFlags};

pub use super::show_options::{option, options};

use super::show_ip::{annotation, icmp, udp, udp_ports};
pub use super::show_ip::{layers, quote};

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

/// A TCP line without arrow and annotation.
pub fn tcp(pattern: &TcpPattern) -> String {
    let mut text = String::new();
    if let Some((source, destination)) = pattern.ports {
        let _ = write!(text, "{source} > {destination} ");
    }
    let bits = pattern.flags.map_or("*".to_string(), flags);
    let _ = write!(text, "{bits} {}", range(pattern));
    if let Some(ack) = pattern.ack {
        let _ = write!(text, " ack {ack}");
    }
    if pattern.window != Match::Any {
        let _ = write!(text, " win {}", pattern.window);
    }
    if pattern.urgent != Match::Is(0) {
        let _ = write!(text, " urg {}", pattern.urgent);
    }
    let list = options(&pattern.options);
    if !list.is_empty() {
        let _ = write!(text, " {list}");
    }
    if let Some(bytes) = &pattern.payload {
        let _ = write!(text, " {}", contents(bytes));
    }
    text.push_str(&damage(&pattern.damage));
    text
}

/// `1:1001(1000)`; `*` where a line leaves the end open.
fn range(pattern: &TcpPattern) -> String {
    let TcpPattern { seq, len, .. } = pattern;
    let end = match (seq, len) {
        (Match::Is(seq), Match::Is(len)) => seq.wrapping_add(u32::from(*len)).to_string(),
        _ => "*".to_string(),
    };
    let mark = if pattern.absolute { "!" } else { "" };
    format!("{seq}:{end}({len}){mark}")
}

/// Payload contents: text where it can be read, else hex.
pub(super) fn contents(bytes: &[u8]) -> String {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(plain) => format!("\"{text}\""),
        _ => format!("data 0x{}", hex(bytes)),
    }
}

fn damage(damage: &TcpDamage) -> String {
    let mut text = String::new();
    if damage.bad_checksum {
        text.push_str(" badsum");
    }
    if let Some(words) = damage.data_offset {
        let _ = write!(text, " doff {words}");
    }
    if damage.reserved != 0 {
        let _ = write!(text, " reserved {}", damage.reserved);
    }
    if let Some(len) = damage.cut {
        let _ = write!(text, " cut {len}");
    }
    text
}

/// A packet line without its time: `> [ttl 64] S. 0:0(0) ack 1 <...>`.
pub fn packet(pattern: &PacketPattern, inbound: bool) -> String {
    let mut text = if inbound { "< " } else { "> " }.to_string();
    text.push_str(&layers(&pattern.layers));
    text.push_str(&annotation(&pattern.ip));
    match &pattern.body {
        BodyPattern::Tcp(segment) => text.push_str(&tcp(segment)),
        BodyPattern::Udp(datagram) => text.push_str(&udp(datagram)),
        BodyPattern::Icmp(message) => text.push_str(&icmp(message)),
    }
    if let Some(ports) = pattern.udp_encapsulation {
        text.push_str(&udp_ports(ports));
    }
    text
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::OptionsPattern;
    use crate::wire::TcpOption;
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
            flags: Some(TcpFlags::ACK.with(TcpFlags::PSH)),
            seq: Match::Is(1),
            absolute: false,
            len: Match::Is(100),
            ack: Some(Match::Is(301)),
            window: Match::Is(256),
            urgent: Match::Is(0),
            options: OptionsPattern::exactly([
                TcpOption::NoOperation,
                TcpOption::NoOperation,
                TcpOption::Timestamps {
                    value: 4,
                    echo_reply: 5,
                },
            ]),
            payload: None,
            damage: TcpDamage::default(),
        };
        assert_eq!(
            tcp(&pattern),
            "P. 1:101(100) ack 301 win 256 <nop,nop,TS val 4 ecr 5>"
        );
    }
}
