//! What the arrival of a segment comes to.

use core::ops::ControlFlow;

use super::State;
use crate::error::ConnectionError;
use crate::event::{AbandonCause, Discard};

/// Every outcome a state can decide on. States decide;
/// [`Connection`](crate::connection::Connection) carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The segment is used up and the state stays.
    Stay,
    /// Dropped in silence.
    Discard(Discard),
    /// Dropped; `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>` answers. If the segment occupied no sequence
    /// space the answer counts against the challenge ACK budget, so that two confused peers cannot
    /// answer ACK with ACK for ever.
    DiscardAndAck(Discard),
    /// Dropped; a challenge ACK answers within its budget (RFC 5961).
    ChallengeAck(Discard),
    /// Dropped; `<SEQ=SEG.ACK><CTL=RST>` answers.
    DiscardAndReset(Discard),
    /// Dropped; the SYN-ACK goes out again.
    RepeatSynAck,
    /// The segment is used up; this state follows.
    Enter(State),
    /// This state follows at once and goes on with the segment at the sixth check.
    Continue(State),
    /// A half-open passive connection disappears; its listener goes on.
    ReturnToListen {
        /// Why.
        cause: AbandonCause,
        /// Whether the segment is answered with a RST, as one for nobody.
        reset: bool,
    },
    /// The connection ends with an error.
    Abort(ConnectionError),
    /// The connection ends with an error, and a RST tells the peer.
    AbortWithReset(ConnectionError),
    /// The connection ends with an error, and `<SEQ=SEG.ACK><CTL=RST>` answers.
    AbortAsUnknown(ConnectionError),
    /// The connection ends in good order.
    Close,
    /// TIME-WAIT gives way: the segment is a SYN for a new incarnation.
    Reincarnate,
}

/// Outcome of one check: go on to the next with a value, or stop with a disposition.
pub(crate) type Check<T = ()> = ControlFlow<Disposition, T>;

/// The disposition a chain of checks ended with.
pub(crate) fn decide(check: ControlFlow<Disposition>) -> Disposition {
    match check {
        ControlFlow::Break(disposition) => disposition,
        ControlFlow::Continue(()) => Disposition::Stay,
    }
}
