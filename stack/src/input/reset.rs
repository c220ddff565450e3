//! Second check: the RST bit (RFC 9293 §3.10.7.4, RFC 5961 §3.2).

use crate::config::ResetError;
use crate::error::ConnectionError;
use crate::event::Discard;
use crate::segment::SegmentRef;
use crate::state::{Check, Disposition};
use crate::tcb::Tcb;

/// What a segment in the window says by its RST bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    /// There is no RST.
    Absent,
    /// A RST at exactly RCV.NXT.
    Valid,
}

/// Tells a valid reset from one that only earns a challenge.
pub(crate) fn judge(tcb: &Tcb, segment: &SegmentRef<'_>) -> Check<Reset> {
    if !segment.flags.rst {
        return Check::Continue(Reset::Absent);
    }
    // REQ: RFC5961-2
    let exact = mutant!(tcb.config, C01, segment.seq == tcb.rcv.nxt, true);
    if mutant!(tcb.config, C02, exact, false) {
        return Check::Continue(Reset::Valid);
    }
    // REQ: RFC5961-3
    // REQ: RFC5961-4
    Check::Break(Disposition::ChallengeAck(Discard::Reset))
}

/// ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT: the user learns of the reset.
// REQ: RFC5961-8
pub(crate) fn abort(tcb: &Tcb, segment: &SegmentRef<'_>) -> Check {
    match judge(tcb, segment)? {
        Reset::Absent => Check::Continue(()),
        Reset::Valid => {
            let after_close = tcb.rcv.fin_received && tcb.config.reset_error == ResetError::ByState;
            let error = if after_close {
                ConnectionError::ResetAfterClose
            } else {
                ConnectionError::Reset
            };
            Check::Break(Disposition::Abort(error))
        }
    }
}

/// CLOSING, LAST-ACK, TIME-WAIT: nothing is lost any more, the connection is just gone.
pub(crate) fn close(tcb: &Tcb, segment: &SegmentRef<'_>) -> Check {
    match judge(tcb, segment)? {
        Reset::Absent => Check::Continue(()),
        Reset::Valid => Check::Break(Disposition::Close),
    }
}
