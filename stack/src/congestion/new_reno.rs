//! Slow start, congestion avoidance, fast retransmit and fast recovery with NewReno's handling
//! of partial acknowledgments (RFC 5681, RFC 6582). All sizes are bytes.

use super::InitialWindow;
use crate::seq::SeqNum;

/// Acknowledgments without progress that mean a loss (RFC 5681 §3.2).
const DUPLICATE_ACK_THRESHOLD: u32 = 3;

/// What the sender does after a duplicate acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicateAck {
    /// One of the first two, or one too many for another recovery: send what
    /// [`NewReno::send_allowance`] permits.
    Wait,
    /// The third: send the segment at SND.UNA again, whatever the window.
    FastRetransmit,
    /// In recovery already: send what the inflated window permits.
    Inflated,
}

/// What the sender does after an acknowledgment of new data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNewAck {
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

/// The congestion state of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReno {
    smss: u32,
    initial_window: InitialWindow,
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged since the window grew last in congestion avoidance.
    acked_in_avoidance: u32,
    duplicate_acks: u32,
    /// SND.NXT at the first duplicate: what limited transmit sends later is no flight.
    snd_nxt_at_first_duplicate: SeqNum,
    /// SND.NXT at the last loss; acknowledgments up to here start no new recovery.
    recover: SeqNum,
    recovery: Option<Recovery>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Recovery {
    partial_ack_seen: bool,
}

impl NewReno {
    /// The state at the start of a connection whose initial send sequence number is `iss`, for
    /// segments of `smss` bytes (at least 1).
    pub fn new(iss: SeqNum, smss: u32, initial_window: InitialWindow) -> NewReno {
        let smss = smss.max(1);
        NewReno {
            smss,
            initial_window,
            // REQ: RFC5681-3
            cwnd: initial_window.bytes(smss),
            // REQ: RFC5681-8
            ssthresh: u32::MAX,
            acked_in_avoidance: 0,
            duplicate_acks: 0,
            snd_nxt_at_first_duplicate: iss,
            recover: iss,
            recovery: None,
        }
    }

    /// The congestion window.
    pub const fn cwnd(&self) -> u32 {
        self.cwnd
    }

    /// The slow start threshold; `u32::MAX` before the first loss.
    pub const fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// The rule for the window at the start.
    pub const fn initial_window(&self) -> InitialWindow {
        self.initial_window
    }

    /// The segment size that counts.
    pub const fn smss(&self) -> u32 {
        self.smss
    }

    /// Duplicate acknowledgments since the last progress.
    pub const fn duplicate_acks(&self) -> u32 {
        self.duplicate_acks
    }

    /// True in fast recovery.
    pub const fn in_recovery(&self) -> bool {
        self.recovery.is_some()
    }

    /// True in slow start: RFC 5681 leaves `cwnd == ssthresh` open, here it is avoidance.
    pub const fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// How much may be in flight now: the window and, after the first two duplicates, a segment
    /// for each (limited transmit).
    pub fn send_allowance(&self) -> u32 {
        // REQ: RFC5681-14
        let limited = if self.recovery.is_none() {
            self.duplicate_acks.min(DUPLICATE_ACK_THRESHOLD - 1)
        } else {
            0
        };
        self.cwnd.saturating_add(self.smss.saturating_mul(limited))
    }

    /// The handshake is done and the segment size known. A SYN that was lost costs the initial
    /// window (RFC 5681 §3.1).
    pub fn on_established(&mut self, smss: u32, syn_was_lost: bool) {
        self.smss = smss.max(1);
        // REQ: RFC5681-4
        self.cwnd = if syn_was_lost {
            self.smss
        } else {
            self.initial_window.bytes(self.smss)
        };
    }

    /// The path became narrower or wider: from now on segments of `smss` bytes count.
    pub fn set_smss(&mut self, smss: u32) {
        self.smss = smss.max(1);
    }

    /// SND.UNA moved forward by `acked` bytes to `una`; `flight` bytes are still out.
    pub fn on_new_ack(&mut self, una: SeqNum, acked: u32, flight: u32) -> OnNewAck {
        self.duplicate_acks = 0;
        let Some(recovery) = self.recovery else {
            self.grow(acked);
            // Keeps `recover` within half the sequence space however long nothing is lost.
            self.recover = self.recover.max(una - 1);
            return OnNewAck::Grown;
        };
        if una.at_or_after(self.recover) {
            // REQ: RFC6582-3
            self.recovery = None;
            self.cwnd = self
                .ssthresh
                .min(flight.max(self.smss).saturating_add(self.smss));
            self.acked_in_avoidance = 0;
            return OnNewAck::Recovered;
        }
        // REQ: RFC6582-2
        self.cwnd = self.cwnd.saturating_sub(acked);
        if acked >= self.smss {
            self.cwnd = self.cwnd.saturating_add(self.smss);
        }
        self.cwnd = self.cwnd.max(self.smss);
        self.recovery = Some(Recovery {
            partial_ack_seen: true,
        });
        // REQ: RFC6582-1
        // REQ: RFC6582-5
        OnNewAck::PartialAck {
            first: !recovery.partial_ack_seen,
        }
    }

    /// A duplicate acknowledgment (RFC 5681 §2) arrived.
    pub fn on_duplicate_ack(&mut self, una: SeqNum, snd_nxt: SeqNum) -> OnDuplicateAck {
        if self.recovery.is_some() {
            // REQ: RFC5681-16
            self.cwnd = self.cwnd.saturating_add(self.smss);
            return OnDuplicateAck::Inflated;
        }
        if self.duplicate_acks == 0 {
            self.snd_nxt_at_first_duplicate = snd_nxt;
        }
        self.duplicate_acks = self.duplicate_acks.saturating_add(1);
        // REQ: RFC6582-4
        if self.duplicate_acks != DUPLICATE_ACK_THRESHOLD || !una.after(self.recover) {
            return OnDuplicateAck::Wait;
        }
        // REQ: RFC5681-13
        // REQ: RFC5681-15
        self.ssthresh = self.half_of(una.span_to(self.snd_nxt_at_first_duplicate));
        self.cwnd = self.ssthresh.saturating_add(self.smss.saturating_mul(3));
        self.recover = snd_nxt;
        self.recovery = Some(Recovery {
            partial_ack_seen: false,
        });
        OnDuplicateAck::FastRetransmit
    }

    /// The retransmission timer expired with `flight` bytes out. `first` is false when it is the
    /// same segment's timer that expires again: the threshold then stays (RFC 5681 §3.1).
    pub fn on_timeout(&mut self, flight: u32, snd_nxt: SeqNum, first: bool) {
        // REQ: RFC5681-9
        if first {
            self.ssthresh = self.half_of(flight);
        }
        // REQ: RFC5681-10
        self.cwnd = self.smss;
        self.recover = snd_nxt;
        self.recovery = None;
        self.duplicate_acks = 0;
        self.acked_in_avoidance = 0;
    }

    /// Nothing was sent for longer than the retransmission timeout (RFC 5681 §4.1).
    pub fn on_idle(&mut self) {
        // REQ: RFC5681-17
        self.cwnd = self.cwnd.min(self.initial_window.bytes(self.smss));
    }

    fn half_of(&self, flight: u32) -> u32 {
        (flight / 2).max(self.smss.saturating_mul(2))
    }

    // REQ: RFC5681-5
    fn grow(&mut self, acked: u32) {
        if self.in_slow_start() {
            // REQ: RFC5681-6
            self.cwnd = self.cwnd.saturating_add(acked.min(self.smss));
            return;
        }
        // REQ: RFC5681-7
        self.acked_in_avoidance = self.acked_in_avoidance.saturating_add(acked);
        if self.acked_in_avoidance >= self.cwnd {
            self.acked_in_avoidance -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(self.smss);
        }
    }
}

#[cfg(test)]
mod tests;
