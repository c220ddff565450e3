//! Defects of receivers.

use crate::segment::SegmentRef;
use crate::seq::SeqNum;
use crate::tcb::Tcb;

/// What is taken for acceptable where ours finds `right`.
pub(crate) fn in_window(tcb: &Tcb, segment: &SegmentRef<'_>, right: bool) -> bool {
    let (nxt, wnd) = (tcb.rcv.nxt, tcb.rcv.wnd());
    let (first, len) = (segment.seq, segment.len());
    let last = first + len.max(1) - 1;
    let end = nxt + wnd;
    let flat = |number: SeqNum| nxt.raw() <= number.raw() && number.raw() < end.raw();
    let right = mutant!(
        tcb.config,
        D04,
        right,
        match (len, wnd) {
            (0, 0) => first == nxt,
            (0, _) => flat(first),
            (_, 0) => false,
            (_, _) => flat(first) || flat(last),
        }
    );
    let holds = |number: SeqNum| nxt.at_or_before(number) && number.before(end);
    mutant!(
        tcb.config,
        D06,
        right,
        match (len, wnd) {
            (0, _) | (_, 0) => right,
            (_, _) => holds(first) && holds(last),
        }
    )
}

/// The lesser of two numbers.
pub(crate) fn earlier(one: SeqNum, other: SeqNum) -> SeqNum {
    SeqNum::new(one.raw().min(other.raw()))
}
