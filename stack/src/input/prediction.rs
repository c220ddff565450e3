//! Header prediction (RFC 7323 §5.6): the segment that a receiver of bulk data expects next.
//!
//! Of the checks of RFC 9293 §3.10.7.4 such a segment passes every one, and most of them say nothing about
//! it. So what is expected is looked at together, and what is left of the checks is done: the numbers of
//! the header count, the text goes to its place. A segment that is anything else goes through the checks
//! one by one; so does one whose checksum turns out wrong when its text has been summed, and then nothing
//! has happened yet.
//!
//! Both ways lead to the same state and the same answers: the tests below hold them against each other.

use super::text::{self, Shape};
use crate::ecn::Mode;
use crate::recv::autotune;
use crate::tcb::{Tcb, TimestampState};
use crate::time::Instant;
use crate::timers::Timer;
use crate::wire::usual::{Arrived, HEADER_LEN, Usual};

/// Takes the segment if it is the one expected, in ESTABLISHED. False, and nothing has changed, if it is
/// another, or damaged.
pub(crate) fn process(tcb: &mut Tcb, segment: &Arrived<'_>, now: Instant) -> bool {
    let (head, len) = (&segment.head, segment.text.len() as u32);
    let Some(state) = tcb.negotiated.timestamps else {
        return false;
    };
    let taken = is_expected(tcb, head, len, state)
        && says_nothing_new(tcb, head)
        && has_no_business(tcb)
        && tcb.rcv.buffer.insert_summed(segment.text, segment.sum);
    if !taken {
        return false;
    }
    tcb.counters.on_received(len as usize, true, now);
    if head.seq.at_or_before(state.last_ack_sent) {
        tcb.negotiated.timestamps = Some(TimestampState {
            recent: head.timestamps.value,
            recent_at: now,
            ..state
        });
    }
    tcb.last_heard = now;
    tcb.snd.wl1 = head.seq;
    tcb.snd.wl2 = head.ack;
    tcb.rcv.nxt = head.seq + len;
    tcb.rcv.highest = tcb.rcv.highest.max(tcb.rcv.nxt);
    autotune::on_text(tcb, len as usize, Some(head.timestamps), now);
    let shape = Shape {
        len,
        header: HEADER_LEN as u32,
        flagged: head.psh,
        push: head.psh,
    };
    text::owe_acknowledgment(tcb, len, shape, now);
    true
}

/// The next text, inside the window, from the incarnation at hand: checks before the first, first,
/// seventh and eighth.
fn is_expected(tcb: &Tcb, head: &Usual, len: u32, state: TimestampState) -> bool {
    // An older timestamp may be right all the same, once a month.
    let is_older = (head.timestamps.value.wrapping_sub(state.recent) as i32) < 0;
    head.seq == tcb.rcv.nxt && len <= tcb.rcv.wnd() && tcb.rcv.fin.is_none() && !is_older
}

/// The fifth check: nothing of ours is acknowledged, or could be, and the window is what it was.
fn says_nothing_new(tcb: &Tcb, head: &Usual) -> bool {
    let snd = &tcb.snd;
    let is_newer = snd.wl1.at_or_before(head.seq) && snd.wl2.at_or_before(head.ack);
    head.ack == snd.una
        && !snd.in_flight()
        && is_newer
        && head.wnd.scale(tcb.negotiated.snd_scale) == snd.wnd
        && snd.wnd.bytes() > 0
        && snd.probes == 0
}

/// Nothing else waits for a segment.
fn has_no_business(tcb: &Tcb) -> bool {
    matches!(tcb.ecn.mode, Mode::Off)
        && tcb.md5.is_none()
        && tcb.fast_open.pending().is_none()
        && !tcb.fast_open.deferred
        && !tcb.user.detached
        && !tcb.timers.is_armed(Timer::KeepAlive)
        && !has_mutant(tcb)
}

/// Historic defects are in the checks one by one.
#[cfg(feature = "mutants")]
fn has_mutant(tcb: &Tcb) -> bool {
    tcb.config.mutant.mutant().is_some()
}

#[cfg(not(feature = "mutants"))]
const fn has_mutant(_: &Tcb) -> bool {
    false
}

#[cfg(test)]
mod tests;
