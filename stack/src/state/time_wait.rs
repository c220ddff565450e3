//! TIME-WAIT: both directions are closed; old segments die out for 2MSL.

use super::{Check, Disposition};
use crate::config::{RstInTimeWait, TimeWaitSyn};
use crate::context::Context;
use crate::event::Discard;
use crate::input::{acceptability, ack, reset, syn, text, timestamps};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// TIME-WAIT. The peer's FIN, repeated, is all that should arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeWait;

impl TimeWait {
    /// Starts, or starts again, the 2MSL wait.
    // REQ: RFC9293-MUST-13
    // REQ: DOC-TW-03
    pub(crate) fn start_timer(tcb: &mut Tcb, now: Instant) {
        tcb.arm(Timer::TimeWait, now, tcb.config.msl * 2);
    }

    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.4).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        if cx.listens && opens_new_incarnation(tcb, segment, cx.now) {
            return Check::Break(Disposition::Reincarnate);
        }
        timestamps::check(tcb, segment, cx.now)?;
        restart_for_repeated_fin(tcb, segment, cx.now);
        // First. The repeated FIN ends here, acknowledged.
        acceptability::check(tcb, segment)?;
        // Second.
        match mutant!(
            tcb.config,
            G08,
            tcb.config.rst_in_time_wait,
            RstInTimeWait::Close
        ) {
            // REQ: RFC9293-SM-42
            RstInTimeWait::Close => reset::close(tcb, segment)?,
            // REQ: RFC1337-1
            RstInTimeWait::Ignore if segment.flags.rst => {
                return Check::Break(Disposition::Discard(Discard::Reset));
            }
            RstInTimeWait::Ignore => {}
        }
        // Fourth.
        syn::challenge(tcb, segment)?;
        // Fifth.
        ack::process(tcb, segment, cx)?;
        self.on_text(tcb, segment, cx)
    }

    /// Sixth to eighth: nothing can follow the peer's FIN.
    pub(crate) fn on_text(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        text::ignore(tcb, segment, cx);
        Check::Continue(())
    }
}

/// The peer did not get the acknowledgment of its FIN: the wait begins anew.
// REQ: RFC9293-SM-41
// REQ: DOC-TW-05
fn restart_for_repeated_fin(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    let repeats_fin = segment.flags.fin
        && !segment.flags.rst
        && !segment.flags.syn
        && segment.seq + segment.len() == tcb.rcv.nxt;
    if repeats_fin {
        TimeWait::start_timer(tcb, now);
    }
}

/// Whether a SYN is provably newer than the old incarnation (RFC 6191 §2, RFC 9293 §3.6.1).
// REQ: RFC9293-MAY-2
// REQ: RFC9293-SHLD-4
fn opens_new_incarnation(tcb: &Tcb, segment: &SegmentRef<'_>, now: Instant) -> bool {
    let flags = &segment.flags;
    if tcb.config.time_wait_syn == TimeWaitSyn::Refuse
        || !flags.syn
        || segment.ack.is_some()
        || flags.rst
    {
        return false;
    }
    // The number of the peer's FIN, just before RCV.NXT, was the last one.
    let newer_seq = match tcb.config.time_wait_syn {
        TimeWaitSyn::Accept => segment.seq.at_or_after(tcb.rcv.nxt),
        TimeWaitSyn::AcceptBeyond | TimeWaitSyn::Refuse => segment.seq.after(tcb.rcv.nxt),
    };
    let newer_seq = mutant!(tcb.config, G09, newer_seq, !newer_seq);
    match (tcb.negotiated.timestamps, segment.options.timestamps) {
        (Some(old), Some(new)) => {
            // REQ: RFC6191-1
            // REQ: RFC6191-2
            (new.value != old.recent && !old.is_old(new.value, now))
                || (new.value == old.recent && newer_seq)
        }
        // Timestamps prove something only if the new incarnation would use them.
        // REQ: RFC6191-4
        (None, Some(_)) => tcb.config.timestamps || newer_seq,
        // REQ: RFC6191-3
        (Some(_), None) | (None, None) => newer_seq,
    }
}
