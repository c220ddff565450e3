//! Fourth check: the SYN bit in synchronized states (RFC 9293 §3.10.7.4, RFC 5961 §4.2).

use crate::event::Discard;
use crate::segment::SegmentRef;
use crate::state::{Check, Disposition};
use crate::tcb::Tcb;

/// Answers any SYN with a challenge: if the peer really began anew, its reset will prove it.
// REQ: RFC5961-6
// REQ: RFC5961-7
// REQ: RFC9293-SM-43
pub(crate) fn challenge(tcb: &Tcb, segment: &SegmentRef<'_>) -> Check {
    if mutant!(tcb.config, C04, segment.flags.syn, {
        segment.flags.syn && !segment.seq.after(tcb.rcv.nxt)
    }) {
        let answer = Disposition::ChallengeAck(Discard::Syn);
        return Check::Break(mutant!(tcb.config, C03, answer, {
            Disposition::AbortWithReset(crate::error::ConnectionError::Reset)
        }));
    }
    Check::Continue(())
}
