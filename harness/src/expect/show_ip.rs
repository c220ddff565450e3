//! Annotations, layers, UDP and ICMP in the script's own notation.

use std::fmt::Write as _;

use crate::program::{
    EcnPattern, IcmpPattern, IcmpQuote, IpPattern, LayerPattern, Match, UdpPattern,
};
use crate::symbols::icmp::words;
use crate::wire::encapsulation::{Gre, gre};

use super::show::contents;

/// Layers as a script writes them, a blank behind the last: `ipv4 10.0.0.1 > 10.0.0.2: gre: `.
pub fn layers(patterns: &[LayerPattern]) -> String {
    let mut text = String::new();
    for pattern in patterns {
        let _ = match pattern {
            LayerPattern::Ip {
                ip,
                source,
                destination,
            } => {
                let version = if source.is_ipv4() { "ipv4" } else { "ipv6" };
                let ip = annotation(ip);
                write!(text, "{version} {ip}{source} > {destination}: ")
            }
            LayerPattern::Gre(header) => write!(text, "{}: ", gre_layer(header)),
            LayerPattern::Mpls(entries) => {
                text.push_str("mpls");
                for entry in entries {
                    let bottom = if entry.bottom { "[S], " } else { "" };
                    let _ = write!(
                        text,
                        " (label {}, tc {}, {bottom}ttl {})",
                        entry.label, entry.class, entry.ttl
                    );
                }
                write!(text, ": ")
            }
        };
    }
    text
}

fn gre_layer(header: &Gre) -> String {
    if header.flags == 0 {
        return "gre".to_string();
    }
    let mut text = format!("gre flags {:#06x}", header.flags);
    let present = |flag| header.flags & flag != 0;
    // Written out in full, as packetdrill wants it, but for a checksum that is to fit.
    match header.checksum {
        None if present(gre::CHECKSUM) => {}
        sum => {
            let _ = write!(text, ", sum {:#06x}", sum.unwrap_or(0));
        }
    }
    let _ = write!(
        text,
        ", off {}, key={:#x}, seq {}",
        header.offset, header.key, header.sequence
    );
    text
}

/// An annotation as a script writes it, a blank behind; empty if it says nothing.
pub(super) fn annotation(ip: &IpPattern) -> String {
    let mut items = Vec::new();
    match ip.ecn {
        Some(EcnPattern::EctAny) => items.push("ect01".to_string()),
        Some(EcnPattern::Bits(bits)) => {
            items.push(["noecn", "ect1", "ect0", "ce"][usize::from(bits & 3)].to_string());
        }
        None => {}
    }
    items.extend(ip.dscp.map(|dscp| format!("dscp {dscp:#04x}")));
    items.extend(ip.tos.map(|tos| format!("tos {tos:#04x}")));
    items.extend(ip.ttl.map(|ttl| format!("ttl {ttl}")));
    items.extend(ip.flow_label.map(|label| format!("flowlabel {label:#x}")));
    items.extend(ip.id.map(|id: Match<u32>| format!("id {id}")));
    items.extend(
        ip.dont_fragment
            .map(|set| if set { "df" } else { "nodf" }.to_string()),
    );
    items.extend(ip.fragment.map(|piece| {
        let more = if piece.more { "+" } else { "" };
        format!("frag {}:{}{more}", piece.first, piece.end)
    }));
    if ip.damage.checksum {
        items.push("badsum".to_string());
    }
    items.extend(ip.damage.length.map(|length| format!("len {length}")));
    items.extend(ip.damage.protocol.map(|number| format!("proto {number}")));
    if items.is_empty() {
        String::new()
    } else {
        format!("[{}] ", items.join(", "))
    }
}

/// `/udp(9811 > 1)`.
pub(super) fn udp_ports((source, destination): (u16, u16)) -> String {
    format!("/udp({source} > {destination})")
}

pub(super) fn udp(datagram: &UdpPattern) -> String {
    let mut text = "udp ".to_string();
    if let Some((source, destination)) = datagram.ports {
        let _ = write!(text, "{source} > {destination} ");
    }
    let _ = write!(text, "({})", datagram.len);
    if let Some(bytes) = &datagram.contents {
        let _ = write!(text, " {}", contents(bytes));
    }
    if datagram.bad_checksum {
        text.push_str(" badsum");
    }
    text
}

pub(super) fn icmp(message: &IcmpPattern) -> String {
    let mut text = format!("icmp {}", words(message.kind, message.code));
    if let Some(mtu) = message.mtu {
        let _ = write!(text, " mtu {mtu}");
    }
    if let Some(id) = message.id {
        let _ = write!(text, " id {id}");
    }
    if let Some(sequence) = message.sequence {
        let _ = write!(text, " seq {sequence}");
    }
    if let Some(what) = &message.quote {
        let _ = write!(text, " {}", quote(what));
    }
    if message.bad_checksum {
        text.push_str(" badsum");
    }
    text
}

/// What an ICMP message quotes: `[1:1001(1000)]`, `[udp (20)]`, `[raw (64)]`, `"abc"`.
pub fn quote(quote: &IcmpQuote) -> String {
    match quote {
        IcmpQuote::Tcp { seq, len, udp } => {
            let end = seq.wrapping_add(u32::from(*len));
            let udp = udp.map_or(String::new(), udp_ports);
            format!("[{seq}:{end}({len}){udp}]")
        }
        IcmpQuote::Udp(len) => format!("[udp ({len})]"),
        IcmpQuote::Raw(len) => format!("[raw ({len})]"),
        IcmpQuote::Contents(bytes) => contents(bytes),
    }
}
