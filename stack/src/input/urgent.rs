//! Sixth check: the URG bit (RFC 9293 §3.8.5, §3.10.7.4).

use crate::context::Context;
use crate::event::Event;
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

#[cfg(feature = "mutants")]
use crate::mutants::wrong::parsing;

/// Moves RCV.UP forward and tells the user when urgent data is newly ahead or its end moved.
// REQ: RFC9293-MUST-30
// REQ: RFC9293-MUST-31
// REQ: RFC9293-SM-48
// REQ: RFC6093-2
pub(crate) fn process(tcb: &mut Tcb, segment: &SegmentRef<'_>, cx: &mut Context<'_>) {
    if !segment.flags.urg {
        return;
    }
    // The pointer names the byte after the urgent data. One that names no byte ahead says nothing.
    // REQ: RFC9293-MUST-62
    // REQ: RFC6093-1
    let up = mutant!(tcb.config, L01, segment.up, parsing::octet_before(segment));
    let up = mutant!(tcb.config, L02, up, parsing::text_before(segment));
    let end = segment.seq + u32::from(up);
    let is_ahead = end.after(tcb.rcv.read_position());
    let moves = tcb.rcv.up.is_none_or(|up| end.after(up));
    if !is_ahead || !moves {
        return;
    }
    tcb.rcv.up = Some(end);
    tcb.rcv.urgent_byte = None;
    tcb.rcv.urgent_taken = false;
    // REQ: RFC9293-MUST-32
    cx.event(Event::UrgentSignal { id: tcb.id, end });
}
