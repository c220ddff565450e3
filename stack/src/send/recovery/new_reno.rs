//! Fast retransmit and fast recovery by duplicate acknowledgments, for peers without SACK (RFC 5681
//! §3.2, RFC 6582).

use crate::congestion::{Acked, Congestion};
use crate::seq::SeqNum;

/// Acknowledgments without progress that mean a loss (RFC 5681 §3.2).
pub(super) const DUPLICATE_ACK_THRESHOLD: u32 = 3;

/// What the sender does after a duplicate acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDuplicateAck {
    /// One of the first two, or one too many for another recovery: send what
    /// [`NewReno::extra_allowance`] permits.
    Wait,
    /// The third: send the segment at SND.UNA again, whatever the window.
    FastRetransmit,
    /// In recovery already: send what the inflated window permits.
    Inflated,
}

/// What the sender does after an acknowledgment of new data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnNewAck {
    /// Nothing beyond sending what the window permits.
    Grown,
    /// In recovery, and more is missing: send the segment at the new SND.UNA again. The
    /// retransmission timer restarts at the first one only (RFC 6582 §3.2, impatient variant).
    PartialAck {
        /// This is the first partial acknowledgment of this recovery.
        first: bool,
    },
    /// Recovery is over.
    Recovered,
}

/// What is known of losses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewReno {
    duplicate_acks: u32,
    /// SND.NXT at the first duplicate: what limited transmit sends later is no flight.
    nxt_at_first_duplicate: SeqNum,
    /// SND.NXT at the last loss; acknowledgments up to here start no new recovery.
    recover: SeqNum,
    recovery: Option<FastRecovery>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FastRecovery {
    partial_ack_seen: bool,
}

impl NewReno {
    /// Nothing lost yet on a connection whose initial send sequence number is `iss`.
    pub(crate) const fn new(iss: SeqNum) -> NewReno {
        NewReno {
            duplicate_acks: 0,
            nxt_at_first_duplicate: iss,
            recover: iss,
            recovery: None,
        }
    }

    /// Duplicate acknowledgments in a row.
    pub(crate) const fn duplicate_acks(&self) -> u32 {
        self.duplicate_acks
    }

    /// True in fast recovery.
    pub(crate) const fn in_recovery(&self) -> bool {
        self.recovery.is_some()
    }

    /// What may be in the network beyond the window after the first two duplicates: a segment for
    /// each (limited transmit, RFC 3042).
    // REQ: RFC5681-14
    // REQ: RFC3042-1
    // REQ: RFC3042-2
    pub(crate) fn extra_allowance(&self, smss: u32) -> u32 {
        let segments = if self.recovery.is_none() {
            self.duplicate_acks.min(DUPLICATE_ACK_THRESHOLD - 1)
        } else {
            0
        };
        smss.saturating_mul(segments)
    }

    /// SND.UNA moved forward; `flight` bytes are still out.
    pub(crate) fn on_new_ack(
        &mut self,
        congestion: &mut Congestion,
        acked: Acked,
        flight: u32,
    ) -> OnNewAck {
        self.duplicate_acks = 0;
        let una = acked.una;
        let Some(recovery) = self.recovery else {
            congestion.on_acked(acked);
            // Keeps `recover` within half the sequence space however long nothing is lost.
            self.recover = self.recover.max(una - 1);
            return OnNewAck::Grown;
        };
        let smss = congestion.smss();
        if una.at_or_after(self.recover) {
            // REQ: RFC6582-3
            self.recovery = None;
            let without_burst = flight.max(smss).saturating_add(smss);
            congestion.set_cwnd(congestion.ssthresh().min(without_burst));
            return OnNewAck::Recovered;
        }
        // REQ: RFC6582-2
        let mut cwnd = congestion.cwnd().saturating_sub(acked.bytes);
        if acked.bytes >= smss {
            cwnd = cwnd.saturating_add(smss);
        }
        congestion.set_cwnd(cwnd);
        self.recovery = Some(FastRecovery {
            partial_ack_seen: true,
        });
        // REQ: RFC6582-1
        // REQ: RFC6582-5
        OnNewAck::PartialAck {
            first: !recovery.partial_ack_seen,
        }
    }

    /// A duplicate acknowledgment (RFC 5681 §2) arrived.
    pub(crate) fn on_duplicate_ack(
        &mut self,
        congestion: &mut Congestion,
        una: SeqNum,
        nxt: SeqNum,
    ) -> OnDuplicateAck {
        let smss = congestion.smss();
        if self.recovery.is_some() {
            // REQ: RFC5681-16
            congestion.set_cwnd(congestion.cwnd().saturating_add(smss));
            return OnDuplicateAck::Inflated;
        }
        if self.duplicate_acks == 0 {
            self.nxt_at_first_duplicate = nxt;
        }
        self.duplicate_acks = self.duplicate_acks.saturating_add(1);
        // REQ: RFC6582-4
        if self.duplicate_acks != DUPLICATE_ACK_THRESHOLD || !una.after(self.recover) {
            return OnDuplicateAck::Wait;
        }
        // REQ: RFC5681-13
        // REQ: RFC5681-15
        congestion.on_loss(una.span_to(self.nxt_at_first_duplicate));
        let inflated = smss.saturating_mul(DUPLICATE_ACK_THRESHOLD);
        congestion.set_cwnd(congestion.ssthresh().saturating_add(inflated));
        self.recover = nxt;
        self.recovery = Some(FastRecovery {
            partial_ack_seen: false,
        });
        OnDuplicateAck::FastRetransmit
    }

    /// Nothing was lost after all.
    pub(crate) fn undo(&mut self) {
        self.recovery = None;
        self.duplicate_acks = 0;
    }

    /// The retransmission timer expired: everything up to `nxt` counts as lost.
    pub(crate) fn on_timeout(&mut self, nxt: SeqNum) {
        self.recover = nxt;
        self.recovery = None;
        self.duplicate_acks = 0;
    }
}

#[cfg(test)]
mod tests;
