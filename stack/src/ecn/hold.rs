//! Marks that meet a congestion window of one segment: nothing is left to take from it, so the sender waits
//! (RFC 3168 §6.1.2, RFC 9438 §4.6).

use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// A wait for which nothing is sent, and how many there were in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    until: Instant,
    doublings: u32,
}

/// A mark met a window of one segment: the next one leaves when the retransmission timer would expire, and
/// later each time that this happens in a row.
// REQ: RFC9438-7
pub(crate) fn begin(tcb: &mut Tcb, now: Instant) {
    let (rto, most) = (tcb.snd.rtt.rto(), tcb.config.max_rto);
    let Some(reduced) = tcb.ecn.reduced.as_deref_mut() else {
        return;
    };
    let doublings = match reduced.hold {
        Some(before) => before.doublings.saturating_add(1),
        None => 0,
    };
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    let wait = rto.saturating_mul(factor).min(most.max(rto));
    reduced.hold = Some(Hold {
        until: now + wait,
        doublings,
    });
}

/// New data was acknowledged without a mark: congestion is over.
pub(crate) fn end(tcb: &mut Tcb) {
    let reduced = tcb.ecn.reduced.as_deref_mut();
    if reduced.and_then(|reduced| reduced.hold.take()).is_some() {
        tcb.timers.disarm(Timer::Pacing);
    }
}

/// When the next segment may leave, if marks have said so.
pub(crate) fn until(tcb: &Tcb) -> Option<Instant> {
    let hold = tcb.ecn.reduced.as_deref()?.hold?;
    Some(hold.until)
}
