//! Capture files: pcapng with raw IP packets, one comment a packet (the script's line and notation).
//!
//! Format: draft-ietf-opsawg-pcapng. One section, one interface of link type RAW, times
//! in microseconds since the case's clock was started.

use crate::source::Source;
use crate::trace::{Trace, TraceEvent};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const LINKTYPE_RAW: u16 = 101;
const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const EPB_FLAGS: u16 = 2;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// The packets of a trace as a capture file. `title` becomes the section's comment.
pub fn render(title: &str, source: &Source, trace: &Trace) -> Vec<u8> {
    let mut out = Vec::new();
    let mut section = Vec::new();
    section.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    section.extend((-1i64).to_le_bytes());
    option(&mut section, OPT_COMMENT, title.as_bytes());
    option(&mut section, OPT_END, &[]);
    block(&mut out, SECTION_HEADER, &section);

    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend(0u16.to_le_bytes());
    interface.extend(0u32.to_le_bytes());
    option(&mut interface, IF_NAME, b"stack under test");
    option(&mut interface, OPT_END, &[]);
    block(&mut out, INTERFACE, &interface);

    for entry in &trace.entries {
        let (bytes, direction) = match &entry.what {
            TraceEvent::Injected(bytes) => (bytes, INBOUND),
            TraceEvent::Sent(bytes) => (bytes, OUTBOUND),
            TraceEvent::Call | TraceEvent::Note | TraceEvent::Printed => continue,
        };
        let micros = u64::try_from(entry.at.as_micros()).unwrap_or(0);
        let mut packet = Vec::new();
        packet.extend(0u32.to_le_bytes());
        packet.extend(((micros >> 32) as u32).to_le_bytes());
        packet.extend((micros as u32).to_le_bytes());
        packet.extend((bytes.len() as u32).to_le_bytes());
        packet.extend((bytes.len() as u32).to_le_bytes());
        packet.extend(bytes);
        pad(&mut packet);
        let line = entry.span.map_or(String::new(), |span| {
            format!("line {}: ", source.line_of(span.start))
        });
        option(
            &mut packet,
            OPT_COMMENT,
            format!("{line}{}", entry.text).as_bytes(),
        );
        option(&mut packet, EPB_FLAGS, &direction.to_le_bytes());
        option(&mut packet, OPT_END, &[]);
        block(&mut out, ENHANCED_PACKET, &packet);
    }
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (body.len() + 12) as u32;
    out.extend(kind.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(body);
    out.extend(length.to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    out.extend(value);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn blocks_chain_from_front_to_back_and_back_to_front() {
        let mut trace = Trace::default();
        let at = Time::from_micros(5_000_000_000);
        trace.push(
            at,
            TraceEvent::Injected(vec![0x45; 41]),
            None,
            "< S".to_string(),
        );
        trace.push(at, TraceEvent::Call, None, "not a packet".to_string());
        trace.push(
            at,
            TraceEvent::Sent(vec![0x45; 40]),
            None,
            "> S.".to_string(),
        );
        let file = render("t", &Source::new("t.pkt", ""), &trace);
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let mut kinds = Vec::new();
        let mut at = 0;
        while at < file.len() {
            let length = word(at + 4) as usize;
            assert_eq!(length % 4, 0);
            assert_eq!(word(at + length - 4) as usize, length);
            kinds.push(word(at));
            at += length;
        }
        assert_eq!(
            kinds,
            [SECTION_HEADER, INTERFACE, ENHANCED_PACKET, ENHANCED_PACKET]
        );
    }
}
