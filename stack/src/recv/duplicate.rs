//! Text that arrives for the second time (RFC 2883).

use crate::segment::SegmentRef;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;

/// Notes what of the segment's text is here already, to be reported in the next acknowledgment. Of
/// several stretches the first counts.
// REQ: RFC2883-1
// REQ: RFC2883-3
// REQ: RFC2883-6
pub(crate) fn note(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    if segment.payload.is_empty() || !tcb.config.dsack || !tcb.negotiated.sack {
        return;
    }
    let text = SeqRange::with_len(segment.text_seq(), segment.payload.len() as u32);
    let found = before(tcb.rcv.nxt, text).or_else(|| {
        let islands = tcb.rcv.buffer.islands().iter();
        let mut ranges = islands
            .map(|island| SeqRange::new(tcb.rcv.nxt + island.start, tcb.rcv.nxt + island.end));
        ranges.find_map(|island| island.intersect(text))
    });
    if found.is_some() {
        tcb.rcv.duplicate = found;
    }
}

/// Notes that the peer's SYN is here already.
// REQ: RFC2883-1
pub(crate) fn note_syn(tcb: &mut Tcb) {
    if tcb.config.dsack && tcb.negotiated.sack {
        tcb.rcv.duplicate = Some(SeqRange::with_len(tcb.rcv.irs, 1));
    }
}

/// The part of `text` that lies before `nxt`.
fn before(nxt: SeqNum, text: SeqRange) -> Option<SeqRange> {
    let part = SeqRange::new(text.start, text.end.min(nxt));
    part.end.after(part.start).then_some(part)
}
