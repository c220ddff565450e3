//! Loss recovery by selective acknowledgments (RFC 6675).

use super::new_reno::DUPLICATE_ACK_THRESHOLD;
use crate::congestion::{Acked, Congestion};
use crate::send::flight::{Flight, Mark, Sent};
use crate::seq::{SeqNum, SeqRange};

/// What an acknowledgment means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnAck {
    /// Nothing is lost that was not known to be.
    GoOn,
    /// A loss was found: the first segment that counts as lost goes out at once, whatever the
    /// window.
    Entered,
    /// Recovery is over.
    Recovered,
}

/// What changed with an acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// SND.UNA now.
    pub(crate) una: SeqNum,
    /// SND.NXT.
    pub(crate) nxt: SeqNum,
    /// What was acknowledged cumulatively; `None` if SND.UNA did not move.
    pub(crate) advanced: Option<Acked>,
    /// Sequence numbers selectively acknowledged for the first time.
    pub(crate) sacked: u32,
}

/// Something that recovery sends again though it does not count as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    pub(crate) range: SeqRange,
    /// By the last rule, which may be used once in a recovery.
    pub(crate) rescue: bool,
}

/// What is known of losses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SackRecovery {
    /// Acknowledgments with new selective information since SND.UNA moved last.
    duplicate_acks: u32,
    /// SND.NXT at the first of them: what limited transmit sends later is no flight.
    nxt_at_first_duplicate: SeqNum,
    /// RecoveryPoint: the numbers sent when recovery or a timeout began end here.
    recover: SeqNum,
    recovery: Option<FastRecovery>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FastRecovery {
    /// HighRxt: everything before was sent again in this recovery, or need not be.
    high_rxt: SeqNum,
    /// The one rescue retransmission was used.
    rescued: bool,
}

impl SackRecovery {
    /// Nothing lost yet on a connection whose initial send sequence number is `iss`.
    pub(crate) const fn new(iss: SeqNum) -> SackRecovery {
        SackRecovery {
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

    /// Takes an acknowledgment that the scoreboard has recorded already.
    pub(crate) fn on_ack(
        &mut self,
        flight: &mut Flight,
        congestion: &mut Congestion,
        progress: Progress,
    ) -> OnAck {
        let Progress {
            una,
            nxt,
            advanced,
            sacked,
        } = progress;
        if self.recovery.is_some() {
            // REQ: RFC6675-6
            if una.at_or_after(self.recover) {
                self.recovery = None;
                self.duplicate_acks = 0;
                return OnAck::Recovered;
            }
            self.mark_lost(flight, congestion.smss());
            return OnAck::GoOn;
        }
        if let Some(acked) = advanced {
            self.duplicate_acks = 0;
            congestion.on_acked(acked);
            // Keeps `recover` within half the sequence space however long nothing is lost.
            self.recover = self.recover.max(una - 1);
        }
        if sacked > 0 {
            if self.duplicate_acks == 0 {
                self.nxt_at_first_duplicate = nxt;
            }
            self.duplicate_acks = self.duplicate_acks.saturating_add(1);
        }
        // REQ: RFC2018-12
        // REQ: RFC6675-4
        let edge = flight.loss_edge(DUPLICATE_ACK_THRESHOLD, congestion.smss());
        let lost = self.duplicate_acks >= DUPLICATE_ACK_THRESHOLD
            || edge.is_some_and(|edge| edge.after(una));
        // REQ: RFC6675-7
        if !lost || una.before(self.recover) || flight.is_empty() {
            return OnAck::GoOn;
        }
        self.enter(flight, congestion, una, nxt);
        OnAck::Entered
    }

    // REQ: RFC5681-15
    fn enter(
        &mut self,
        flight: &mut Flight,
        congestion: &mut Congestion,
        una: SeqNum,
        nxt: SeqNum,
    ) {
        let counted = if self.duplicate_acks > 0 {
            self.nxt_at_first_duplicate
        } else {
            nxt
        };
        congestion.on_loss(una.span_to(counted.max(una)));
        congestion.set_cwnd(congestion.ssthresh());
        self.recover = nxt;
        self.recovery = Some(FastRecovery {
            high_rxt: una,
            rescued: false,
        });
        flight.mark_lost(|sent| sent.range.start == una);
        self.mark_lost(flight, congestion.smss());
    }

    /// Whatever enough was acknowledged above is lost, but for what went out again already.
    fn mark_lost(&self, flight: &mut Flight, smss: u32) {
        let (Some(recovery), Some(edge)) = (
            self.recovery,
            flight.loss_edge(DUPLICATE_ACK_THRESHOLD, smss),
        ) else {
            return;
        };
        flight.mark_lost(|sent| {
            sent.range.start.before(edge) && sent.range.start.at_or_after(recovery.high_rxt)
        });
    }

    /// With nothing lost and nothing new to send, what recovery sends all the same: rules 3 and 4
    /// of RFC 6675's NextSeg(), at most `most` numbers.
    // REQ: RFC6675-3
    pub(crate) fn speculative(&self, flight: &Flight, most: u32) -> Option<Guess> {
        let recovery = self.recovery?;
        let out = |sent: &&Sent| sent.mark == Mark::Out;
        let below_sacked = flight.highest_sacked().and_then(|highest| {
            let mut candidates = flight.iter().filter(out);
            candidates.find(|sent| {
                sent.range.start.at_or_after(recovery.high_rxt)
                    && sent.range.end.at_or_before(highest)
            })
        });
        if let Some(Sent { range, .. }) = below_sacked {
            return Some(Guess {
                range: SeqRange::with_len(range.start, range.len().min(most)),
                rescue: false,
            });
        }
        if recovery.rescued {
            return None;
        }
        let last = flight.iter().rev().find(out)?.range;
        let len = last.len().min(most);
        Some(Guess {
            range: SeqRange::with_len(last.end - len, len),
            rescue: true,
        })
    }

    /// Numbers already in flight went out again; `rescue` if it was by the last rule.
    pub(crate) fn on_sent_again(&mut self, range: SeqRange, rescue: bool) {
        let Some(recovery) = &mut self.recovery else {
            return;
        };
        if rescue {
            recovery.rescued = true;
        } else {
            recovery.high_rxt = recovery.high_rxt.max(range.end);
        }
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
