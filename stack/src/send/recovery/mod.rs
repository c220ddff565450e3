//! Finding losses and recovering from them. The method depends on what the peer can tell us:
//! duplicate acknowledgments (`new_reno`) or selective ones (`sack`).

pub(crate) mod new_reno;
pub(crate) mod sack;

use super::flight::Delivered;
use super::output;
use crate::context::Context;
use crate::event::RetransmitCause;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;
use new_reno::{NewReno, OnDuplicateAck, OnNewAck};
use sack::{OnAck, Progress, SackRecovery};

/// What is known of losses, by the method in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LossRecovery {
    /// The peer has no SACK.
    NewReno(NewReno),
    /// It has.
    Sack(SackRecovery),
}

impl LossRecovery {
    /// Before the handshake has told what the peer can do.
    pub(crate) const fn new(iss: SeqNum) -> LossRecovery {
        LossRecovery::NewReno(NewReno::new(iss))
    }

    /// The handshake is done.
    pub(crate) fn on_established(&mut self, iss: SeqNum, sack: bool) {
        *self = if sack {
            LossRecovery::Sack(SackRecovery::new(iss))
        } else {
            LossRecovery::NewReno(NewReno::new(iss))
        };
    }

    /// Numbers already in flight went out again.
    pub(crate) fn on_sent_again(&mut self, range: SeqRange, rescue: bool) {
        if let LossRecovery::Sack(sack) = self {
            sack.on_sent_again(range, rescue);
        }
    }

    fn on_timeout(&mut self, nxt: SeqNum) {
        match self {
            LossRecovery::NewReno(new_reno) => new_reno.on_timeout(nxt),
            LossRecovery::Sack(sack) => sack.on_timeout(nxt),
        }
    }
}

/// What an acknowledgment brought, after SND.UNA and the scoreboard took it in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    /// Bytes by which SND.UNA moved; `None` if it did not.
    pub(crate) advanced: Option<u32>,
    /// What left the network.
    pub(crate) delivered: Delivered,
    /// It is a duplicate by RFC 5681 §2.
    pub(crate) duplicate: bool,
}

/// Takes an acknowledgment. Answers whether the retransmission timer starts anew, should SND.UNA
/// have moved.
pub(crate) fn on_ack(tcb: &mut Tcb, ack: Ack, cx: &mut Context<'_>) -> bool {
    let snd = &mut tcb.snd;
    match &mut snd.recovery {
        LossRecovery::Sack(sack) => {
            let progress = Progress {
                una: snd.una,
                nxt: snd.nxt,
                advanced: ack.advanced,
                sacked: ack.delivered.sacked,
            };
            let found = sack.on_ack(&mut snd.flight, &mut snd.congestion, progress);
            if found == OnAck::Entered {
                output::send_first_lost(tcb, RetransmitCause::FastRetransmit, cx);
            }
            true
        }
        LossRecovery::NewReno(_) => match ack.advanced {
            Some(bytes) => on_new_ack(tcb, bytes, cx),
            None => {
                if ack.duplicate {
                    on_duplicate_ack(tcb, cx);
                }
                true
            }
        },
    }
}

/// A duplicate ACK arrived; what the window then permits leaves with the next flush.
// REQ: RFC5681-13
// REQ: RFC5681-14
fn on_duplicate_ack(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let snd = &mut tcb.snd;
    let LossRecovery::NewReno(new_reno) = &mut snd.recovery else {
        return;
    };
    match new_reno.on_duplicate_ack(&mut snd.congestion, snd.una, snd.nxt) {
        OnDuplicateAck::Wait | OnDuplicateAck::Inflated => {}
        OnDuplicateAck::FastRetransmit => {
            output::resend_first(tcb, RetransmitCause::FastRetransmit, cx);
        }
    }
}

/// SND.UNA moved by `bytes`.
// REQ: RFC6582-1
// REQ: RFC6582-5
fn on_new_ack(tcb: &mut Tcb, bytes: u32, cx: &mut Context<'_>) -> bool {
    let snd = &mut tcb.snd;
    let flight = snd.una.span_to(snd.max);
    let LossRecovery::NewReno(new_reno) = &mut snd.recovery else {
        return true;
    };
    match new_reno.on_new_ack(&mut snd.congestion, snd.una, bytes, flight) {
        OnNewAck::Grown | OnNewAck::Recovered => true,
        OnNewAck::PartialAck { first } => {
            output::resend_first(tcb, RetransmitCause::PartialAck, cx);
            first
        }
    }
}

/// The retransmission timer expired: everything outstanding counts as lost. `first` as in
/// [`Congestion::on_timeout`](crate::congestion::Congestion::on_timeout).
// REQ: RFC2018-8
// REQ: RFC2018-9
pub(crate) fn on_timeout(tcb: &mut Tcb, first: bool) {
    let snd = &mut tcb.snd;
    let flight = snd.una.span_to(snd.max);
    snd.congestion.on_timeout(flight, first);
    snd.recovery.on_timeout(snd.max);
    snd.flight.forget_sacks();
    snd.flight.mark_all_lost();
}

/// How many sequence numbers more the congestion window lets into the network.
// REQ: RFC5681-1
// REQ: RFC6675-5
pub(crate) fn room(tcb: &Tcb) -> u32 {
    let snd = &tcb.snd;
    let (cwnd, smss) = (snd.congestion.cwnd(), snd.congestion.smss());
    match &snd.recovery {
        LossRecovery::NewReno(new_reno) => {
            let allowance = cwnd.saturating_add(new_reno.extra_allowance(smss));
            allowance.saturating_sub(snd.flight.pipe())
        }
        LossRecovery::Sack(sack) => {
            let room = cwnd.saturating_sub(snd.flight.pipe());
            if sack.in_recovery() && room < smss {
                return 0;
            }
            room
        }
    }
}
