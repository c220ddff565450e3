//! Receivers that lost, doubled or misreported what arrived out of order (group E).

use crate::input::text;
use crate::recv::buffer::RecvBuffer;
use crate::segment::SegmentRef;
use crate::seq::SeqRange;
use crate::tcb::Tcb;

/// [`text::place`], or what the host's mutant makes of it.
pub(crate) fn store(tcb: &mut Tcb, segment: &SegmentRef<'_>, new: SeqRange) -> u32 {
    let nxt = tcb.rcv.nxt;
    let held = tcb.rcv.buffer.islands().len();
    if mutant!(tcb.config, E02, false, held == RecvBuffer::MAX_ISLANDS) {
        return 0;
    }
    let advanced = text::place(tcb, segment, new);
    let joined = advanced == 0 && tcb.rcv.buffer.islands().len() < held;
    if mutant!(tcb.config, E04, false, joined) {
        tcb.rcv.buffer.forget_behind(nxt.span_to(new.start));
    }
    let filled = tcb.negotiated.sack && advanced > new.len();
    if mutant!(tcb.config, E11, false, filled) {
        tcb.rcv.duplicate = Some(SeqRange::new(new.end, tcb.rcv.nxt));
    }
    advanced
}
