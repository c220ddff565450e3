//! Fourth check: the SYN bit in synchronized states (RFC 9293 §3.10.7.4, RFC 5961 §4.2).

use crate::event::Discard;
use crate::segment::SegmentRef;
use crate::state::{Check, Disposition};

/// Answers any SYN with a challenge: if the peer really began anew, its reset will prove it.
// REQ: RFC5961-6
// REQ: RFC5961-7
// REQ: RFC9293-SM-43
pub(crate) fn challenge(segment: &SegmentRef<'_>) -> Check {
    if segment.flags.syn {
        return Check::Break(Disposition::ChallengeAck(Discard::Syn));
    }
    Check::Continue(())
}
