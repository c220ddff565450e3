//! SYN-SENT: our SYN is out, the peer's has not come.

use super::{Check, Disposition, Established, Origin, State, SynReceived};
use crate::config::SynData;
use crate::context::Context;
use crate::error::ConnectionError;
use crate::event::Discard;
use crate::input::{ack, handshake};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// SYN-SENT. SEND is queued until ESTABLISHED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SynSent;

impl SynSent {
    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.3).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        // First: the ACK bit.
        let ack_acceptable = check_ack(tcb, segment)?;
        // Second: the RST bit.
        check_reset(segment, ack_acceptable)?;
        // Third, security and compartment, is not offered. Fourth: the SYN bit.
        if segment.flags.syn {
            return Check::Break(self.on_syn(tcb, segment, ack_acceptable, cx));
        }
        // Fifth: neither SYN nor RST.
        // REQ: RFC9293-SM-21
        Check::Break(Disposition::Discard(Discard::NeitherSynNorReset))
    }

    fn on_syn(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        ack_acceptable: bool,
        cx: &mut Context<'_>,
    ) -> Disposition {
        handshake::take_syn(tcb, segment, cx.now);
        if ack_acceptable {
            // REQ: RFC9293-SM-11
            ack::of_syn(tcb, segment, segment.ack.unwrap_or(tcb.snd.una), cx);
            tcb.rcv.ack.now();
            return Disposition::Continue(State::Established(Established));
        }
        // The SYNs crossed.
        // REQ: RFC9293-MUST-10
        // REQ: RFC9293-SM-13
        match tcb.config.syn_data {
            SynData::Drop => {}
            SynData::Queue => handshake::queue_text(tcb, segment),
        }
        Disposition::Enter(State::SynReceived(SynReceived {
            origin: Origin::Active,
        }))
    }
}

/// Whether SEG.ACK acknowledges our SYN; without an ACK bit it does not.
fn check_ack(tcb: &Tcb, segment: &SegmentRef<'_>) -> Check<bool> {
    let Some(ack) = segment.ack else {
        return Check::Continue(false);
    };
    // REQ: RFC9293-SM-19
    if ack.at_or_before(tcb.snd.iss) || ack.after(tcb.snd.nxt) {
        return Check::Break(if segment.flags.rst {
            Disposition::Discard(Discard::Ack)
        } else {
            Disposition::DiscardAndReset(Discard::Ack)
        });
    }
    Check::Continue(ack.after(tcb.snd.una))
}

fn check_reset(segment: &SegmentRef<'_>, ack_acceptable: bool) -> Check {
    if !segment.flags.rst {
        return Check::Continue(());
    }
    // REQ: RFC9293-SM-20
    // REQ: RFC5961-5
    Check::Break(if ack_acceptable {
        Disposition::Abort(ConnectionError::Refused)
    } else {
        Disposition::Discard(Discard::Reset)
    })
}
