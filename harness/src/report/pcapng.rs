//! Capture files: pcapng with raw IP packets, one comment a packet (the script's line and notation).
//!
//! Format: draft-ietf-opsawg-pcapng. One section, one interface of link type RAW, times
//! in microseconds since the case's clock was started.

use crate::source::Source;
use crate::trace::TraceEvent;
use crate::verdict::CaseResult;

use super::{evidence, plain};

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

/// The packets of a result as a capture file. `title` becomes the section's comment; the comment of a
/// packet is its script line, the packet in the script's notation, and what became of it.
pub fn render(title: &str, source: &Source, result: &CaseResult) -> Vec<u8> {
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

    for shown in evidence::shown(result, source) {
        let entry = shown.entry;
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
        let line = shown
            .line
            .map_or(String::new(), |line| format!("line {line}: "));
        let comment = format!("{line}{} [{}]", entry.text, shown.verdict());
        option(&mut packet, OPT_COMMENT, plain::line(&comment).as_bytes());
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
    use crate::report::samples;

    #[test]
    fn blocks_chain_from_front_to_back_and_back_to_front() {
        let (source, mut result) = samples::failed("ack", "1001", "501");
        if let Some(TraceEvent::Injected(bytes)) =
            result.trace.entries.get_mut(1).map(|entry| &mut entry.what)
        {
            bytes.push(0);
        }
        let file = render("t", &source, &result);
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
        let packets = [ENHANCED_PACKET; 4];
        assert_eq!(kinds, [&[SECTION_HEADER, INTERFACE][..], &packets].concat());
    }

    #[test]
    fn a_comment_has_line_notation_and_verdict() {
        let (source, result) = samples::failed("ack", "1001", "501");
        let file = render("t", &source, &result);
        for want in [
            "line 5: < S 0:0(0) win 20000 <mss 1000> [played by tcpdrill]",
            "line 6: > S. 0:0(0) ack 1 win 65535 <mss 1460> [as written]",
            "line 8: > . 1:1(0) ack 501 win 64535 [DIFFERS in ack: expected 1001, got 501]",
        ] {
            let found = file
                .windows(want.len())
                .any(|bytes| bytes == want.as_bytes());
            assert!(found, "{want}");
        }
    }
}
