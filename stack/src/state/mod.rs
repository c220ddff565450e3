//! The eleven states of RFC 9293 §3.3.2: one file each, and what SEGMENT ARRIVES (§3.10.7) means in
//! it.
//!
//! A state looks at a segment in the RFC's order and answers with a disposition; only
//! `Connection::transition` changes the state. LISTEN belongs to a listener, which is no
//! connection: see `listen.rs`. CLOSED as the answer to segments for nobody is in `closed.rs`.

pub(crate) mod close_wait;
pub(crate) mod closed;
pub(crate) mod closing;
mod disposition;
pub(crate) mod established;
pub(crate) mod fin_wait_1;
pub(crate) mod fin_wait_2;
pub(crate) mod last_ack;
pub(crate) mod listen;
mod name;
pub(crate) mod syn_received;
pub(crate) mod syn_sent;
pub(crate) mod time_wait;

pub(crate) use close_wait::CloseWait;
pub(crate) use closed::Closed;
pub(crate) use closing::Closing;
pub(crate) use disposition::{Check, Disposition, decide};
pub(crate) use established::Established;
pub(crate) use fin_wait_1::FinWait1;
pub(crate) use fin_wait_2::FinWait2;
pub(crate) use last_ack::LastAck;
pub use name::StateName;
pub(crate) use syn_received::{Origin, SynReceived};
pub(crate) use syn_sent::SynSent;
pub(crate) use time_wait::TimeWait;

use crate::context::Context;
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// The state of a connection, with what is only meaningful there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Closed(Closed),
    SynSent(SynSent),
    SynReceived(SynReceived),
    Established(Established),
    FinWait1(FinWait1),
    FinWait2(FinWait2),
    CloseWait(CloseWait),
    Closing(Closing),
    LastAck(LastAck),
    TimeWait(TimeWait),
}

impl State {
    /// The RFC's name.
    pub(crate) fn name(&self) -> StateName {
        match self {
            Self::Closed(_) => StateName::Closed,
            Self::SynSent(_) => StateName::SynSent,
            Self::SynReceived(_) => StateName::SynReceived,
            Self::Established(_) => StateName::Established,
            Self::FinWait1(_) => StateName::FinWait1,
            Self::FinWait2(_) => StateName::FinWait2,
            Self::CloseWait(_) => StateName::CloseWait,
            Self::Closing(_) => StateName::Closing,
            Self::LastAck(_) => StateName::LastAck,
            Self::TimeWait(_) => StateName::TimeWait,
        }
    }

    /// Where a connection in SYN-RECEIVED comes from.
    pub(crate) fn origin(&self) -> Option<Origin> {
        match self {
            Self::SynReceived(SynReceived { origin }) => Some(*origin),
            Self::Closed(_)
            | Self::SynSent(_)
            | Self::Established(_)
            | Self::FinWait1(_)
            | Self::FinWait2(_)
            | Self::CloseWait(_)
            | Self::Closing(_)
            | Self::LastAck(_)
            | Self::TimeWait(_) => None,
        }
    }

    /// SEGMENT ARRIVES, all checks.
    pub(crate) fn on_segment(
        &self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Disposition {
        decide(match self {
            Self::Closed(state) => state.on_segment(),
            Self::SynSent(state) => state.on_segment(tcb, segment, cx),
            Self::SynReceived(state) => state.on_segment(tcb, segment, cx),
            Self::Established(state) => state.on_segment(tcb, segment, cx),
            Self::FinWait1(state) => state.on_segment(tcb, segment, cx),
            Self::FinWait2(state) => state.on_segment(tcb, segment, cx),
            Self::CloseWait(state) => state.on_segment(tcb, segment, cx),
            Self::Closing(state) => state.on_segment(tcb, segment, cx),
            Self::LastAck(state) => state.on_segment(tcb, segment, cx),
            Self::TimeWait(state) => state.on_segment(tcb, segment, cx),
        })
    }

    /// SEGMENT ARRIVES from the sixth check on, for a segment that moved the connection into this
    /// state.
    pub(crate) fn on_text(
        &self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Disposition {
        decide(match self {
            Self::Established(state) => state.on_text(tcb, segment, cx),
            Self::FinWait1(state) => state.on_text(tcb, segment, cx),
            Self::FinWait2(state) => state.on_text(tcb, segment, cx),
            Self::TimeWait(state) => state.on_text(tcb, segment, cx),
            // No check leads here: these states come before the sixth check, are entered by a FIN, which
            // is the last, or have no connection.
            Self::Closed(_)
            | Self::SynSent(_)
            | Self::SynReceived(_)
            | Self::CloseWait(_)
            | Self::Closing(_)
            | Self::LastAck(_) => Check::Continue(()),
        })
    }

    /// Whether data and FIN may be sent or sent again from here.
    pub(crate) fn may_send(&self) -> bool {
        match self {
            Self::Established(_)
            | Self::CloseWait(_)
            | Self::FinWait1(_)
            | Self::Closing(_)
            | Self::LastAck(_) => true,
            // REQ: RFC7413-13
            Self::SynReceived(SynReceived { origin }) => *origin == Origin::FastOpen,
            Self::Closed(_) | Self::SynSent(_) | Self::FinWait2(_) | Self::TimeWait(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
