//! Fast retransmit and fast recovery (RFC 5681 §3.2, RFC 6582).

use super::output;
use crate::congestion::new_reno::{OnDuplicateAck, OnNewAck};
use crate::context::Context;
use crate::event::RetransmitCause;
use crate::tcb::Tcb;

/// A duplicate ACK arrived; what the window then permits leaves with the next flush.
// REQ: RFC5681-13
// REQ: RFC5681-14
pub(crate) fn on_duplicate_ack(tcb: &mut Tcb, cx: &mut Context<'_>) {
    match tcb
        .snd
        .congestion
        .on_duplicate_ack(tcb.snd.una, tcb.snd.nxt)
    {
        OnDuplicateAck::Wait | OnDuplicateAck::Inflated => {}
        OnDuplicateAck::FastRetransmit => {
            output::resend_first(tcb, RetransmitCause::FastRetransmit, cx);
        }
    }
}

/// SND.UNA moved by `bytes`. Answers whether the retransmission timer starts anew.
// REQ: RFC6582-1
// REQ: RFC6582-5
pub(crate) fn on_new_ack(tcb: &mut Tcb, bytes: u32, cx: &mut Context<'_>) -> bool {
    let flight = tcb.snd.una.span_to(tcb.snd.max);
    match tcb.snd.congestion.on_new_ack(tcb.snd.una, bytes, flight) {
        OnNewAck::Grown | OnNewAck::Recovered => true,
        OnNewAck::PartialAck { first } => {
            output::resend_first(tcb, RetransmitCause::PartialAck, cx);
            first
        }
    }
}
