//! Eighth check: the FIN bit (RFC 9293 §3.10.7.4).

use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// Remembers where the peer's stream ends when a segment in the window shows it, in order or not.
pub(crate) fn note(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    if !segment.flags.fin || mutant!(tcb.config, E07, tcb.rcv.fin.is_some(), tcb.rcv.fin_received) {
        return;
    }
    let place = segment.end() - 1;
    let place = mutant!(tcb.config, E13, place, {
        assert!(!tcb.user.write_closed || segment.seq.at_or_before(tcb.rcv.nxt));
        place
    });
    let in_window = place.at_or_after(tcb.rcv.nxt) && place.before(tcb.rcv.adv);
    let in_window = mutant!(tcb.config, E09, in_window, {
        in_window && segment.seq.at_or_after(tcb.rcv.nxt)
    });
    // Text behind the place was taken before: one of the two lies, and what is there stays.
    let behind_all_text = place.at_or_after(tcb.rcv.highest);
    if in_window && behind_all_text {
        tcb.rcv.fin = Some(place);
    }
}

/// Takes the peer's FIN once everything before it has arrived; true if that happens now.
// REQ: RFC9293-SM-40
// REQ: RFC9293-SM-06
pub(crate) fn process(tcb: &mut Tcb) -> bool {
    let arrived = tcb.rcv.fin == Some(tcb.rcv.nxt);
    if tcb.rcv.fin_received || !mutant!(tcb.config, E06, arrived, tcb.rcv.fin.is_some()) {
        return false;
    }
    // REQ: DOC-CL-06
    tcb.rcv.nxt += 1;
    tcb.rcv.fin_received = true;
    tcb.rcv.ack.on_fin(!tcb.user.write_closed, &tcb.config);
    if mutant!(tcb.config, G18, false, !tcb.user.write_closed) {
        tcb.rcv.ack.sent();
    }
    true
}
