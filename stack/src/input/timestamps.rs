//! Before the first check: timestamps and PAWS (RFC 7323 §5).

use crate::config::MissingTimestamp;
use crate::event::Discard;
use crate::segment::SegmentRef;
use crate::state::{Check, Disposition};
use crate::tcb::Tcb;
use crate::time::Instant;

/// Turns away segments whose timestamp is old, or missing where one was agreed on.
// REQ: RFC7323-21
pub(crate) fn check(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) -> Check {
    // REQ: RFC7323-15
    let Some(state) = tcb.negotiated.timestamps else {
        return Check::Continue(());
    };
    // REQ: RFC7323-22
    if segment.flags.rst {
        return Check::Continue(());
    }
    let Some(theirs) = segment.options.timestamps else {
        // A SYN is of another incarnation, which has agreed on nothing with us: the fourth check
        // answers it.
        return match tcb.config.missing_timestamp {
            // REQ: RFC7323-13
            // REQ: RFC7323-14
            MissingTimestamp::Drop if !segment.flags.syn => {
                Check::Break(Disposition::Discard(Discard::MissingTimestamp))
            }
            MissingTimestamp::Drop | MissingTimestamp::Accept => Check::Continue(()),
        };
    };
    // REQ: RFC7323-20
    let old = state.is_old(theirs.value, now);
    if mutant!(tcb.config, I06, old, theirs.value < state.recent) {
        return Check::Break(if segment.flags.syn {
            Disposition::ChallengeAck(Discard::Paws)
        } else {
            Disposition::DiscardAndAck(Discard::Paws)
        });
    }
    if mutant!(tcb.config, I07, false, theirs.value != state.recent) {
        tcb.negotiated.timestamps = Some(crate::tcb::TimestampState {
            recent: theirs.value,
            ..state
        });
    }
    Check::Continue(())
}

/// TS.Recent follows segments that span the last acknowledgment sent (RFC 7323 §4.3). Not before the
/// ACK field is found acceptable: what RFC 5961 §5.2 has discarded must leave nothing behind, or
/// whoever guesses a sequence number could set a timestamp that makes all that follows look old.
// REQ: RFC7323-16
// REQ: RFC7323-17
// REQ: RFC7323-18
pub(crate) fn remember(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    let (Some(state), Some(theirs)) = (
        tcb.negotiated.timestamps.as_mut(),
        segment.options.timestamps,
    ) else {
        return;
    };
    // REQ: RFC7323-22
    let usable = !segment.flags.rst && !segment.flags.syn;
    let usable = mutant!(tcb.config, I09, usable, false);
    if usable && !state.is_old(theirs.value, now) && segment.seq.at_or_before(state.last_ack_sent) {
        state.recent = theirs.value;
        state.recent_at = now;
    }
}
