//! How much a host may send, judged from outside and a little generously: what goes beyond is a
//! storm or a sender without congestion control.

use super::ranges::Ranges;
use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// How many acknowledgments may go out: one for each segment that asks for one, one for each RECEIVE
/// that may have opened the window, and what RFC 5961 §7 allows beside.
#[derive(Debug, Clone)]
pub(super) struct AckBudget {
    credit: u64,
    challenges: u64,
    limit: u64,
    interval: Duration,
    renewed_at: Option<Instant>,
}

impl AckBudget {
    /// What is granted before anything has arrived.
    const START: u64 = 20;
    /// Intervals of challenges that can be saved up.
    const SAVED: u64 = 3;

    pub(super) fn new(limit: u32, interval: Duration) -> AckBudget {
        AckBudget {
            credit: AckBudget::START,
            challenges: u64::from(limit),
            limit: u64::from(limit),
            interval: interval.max(Duration::from_millis(1)),
            renewed_at: None,
        }
    }

    /// For probes of one connection, which ask and answer nothing: no timer of ours is faster.
    pub(super) fn of_probes() -> AckBudget {
        AckBudget::new(10, Duration::from_secs(1))
    }

    /// Something arrived, or was read, that may be answered.
    pub(super) fn earn(&mut self, count: u64) {
        self.credit += count;
    }

    /// An empty segment goes out.
    pub(super) fn spend(&mut self, now: Instant) -> Result<(), String> {
        let since = *self.renewed_at.get_or_insert(now);
        let intervals =
            now.saturating_duration_since(since).as_micros() / self.interval.as_micros();
        if intervals > 0 {
            self.renewed_at = Some(now);
            let intervals = u64::try_from(intervals)
                .unwrap_or(u64::MAX)
                .min(AckBudget::SAVED);
            // Intervals of the host and ours do not begin together.
            let renewed = self.challenges + intervals * self.limit;
            self.challenges = renewed.min((AckBudget::SAVED + 1) * self.limit);
        }
        if self.credit > 0 {
            self.credit -= 1;
        } else if self.challenges > 0 {
            self.challenges -= 1;
        } else {
            return Err("more acknowledgments than anything asked for".into());
        }
        Ok(())
    }
}

/// How often the same segment may go out while nothing is heard: the time doubles (RFC 6298 §5.5).
#[derive(Debug, Clone)]
pub(super) struct BackOff {
    least: Duration,
    most: Duration,
    seq: SeqNum,
    first_at: Instant,
    repeats: u32,
    end: Option<SeqNum>,
}

impl BackOff {
    /// Repeats that no timer accounts for: a tail loss probe, and what RACK finds lost after it.
    const FREE: u32 = 3;

    pub(super) fn new(least: Duration, most: Duration) -> BackOff {
        BackOff {
            least,
            most,
            seq: SeqNum::default(),
            first_at: Instant::ZERO,
            repeats: 0,
            end: None,
        }
    }

    /// Something was heard.
    pub(super) fn heard(&mut self) {
        self.repeats = 0;
    }

    /// A segment with sequence numbers goes out.
    pub(super) fn on_sent(&mut self, seq: SeqNum, end: SeqNum, now: Instant) -> Result<(), String> {
        let again = self.end.is_some_and(|highest| seq.before(highest));
        self.end = Some(self.end.map_or(end, |highest| highest.max(end)));
        if !again {
            return Ok(());
        }
        if self.repeats == 0 || seq.before(self.seq) {
            self.seq = seq;
            self.first_at = now;
            self.repeats = 1;
            return Ok(());
        }
        if seq != self.seq {
            return Ok(());
        }
        self.repeats += 1;
        let doublings = self.repeats.saturating_sub(1 + BackOff::FREE);
        let mut wait = self.least;
        let mut due = Duration::ZERO;
        for _ in 0..doublings.min(64) {
            wait = (wait * 2).min(self.most);
            due += wait;
        }
        let elapsed = now.saturating_duration_since(self.first_at);
        if elapsed + Duration::from_millis(2) < due {
            return Err(format!(
                "{seq} goes out for the {}th time in {elapsed:?} without a word from the peer",
                self.repeats + 1
            ));
        }
        Ok(())
    }
}

/// How many bytes may go out from the start, or from a timeout, up to the next loss: the window it
/// begins with, and for each byte acknowledged that byte and at most one more (RFC 5681 §3.1). A sender
/// that counts segments (`count_segments`) may send a full one for a small one that is acknowledged.
#[derive(Debug, Clone)]
pub(super) struct SendBudget {
    smss: u64,
    allowed: u64,
    sent: u64,
    /// What went out since, counted from the ISN.
    parts: Ranges,
    active: bool,
    /// Where all segments ended when they went out first, counted from the ISN, if the sender counts
    /// segments.
    ends: Option<Vec<u32>>,
}

impl SendBudget {
    /// Nothing is limited before `begin`.
    pub(super) fn new(count_segments: bool) -> SendBudget {
        SendBudget {
            ends: count_segments.then(Vec::new),
            smss: 0,
            allowed: 0,
            sent: 0,
            parts: Ranges::default(),
            active: false,
        }
    }

    /// From now on, with a window of `cwnd`. Two segments more are granted: a probe, and what
    /// rounding to whole segments may add.
    pub(super) fn begin(&mut self, cwnd: u32, smss: u32) {
        self.smss = smss.into();
        self.allowed = u64::from(cwnd) + 2 * self.smss;
        self.sent = 0;
        self.parts = Ranges::default();
        self.active = true;
    }

    /// The path carries more: what counts in full-sized segments, the window after a timeout (RFC 5681
    /// §3.1) and what is granted beside it, counts in larger ones.
    pub(super) fn raise(&mut self, smss: u32) {
        let more = u64::from(smss).saturating_sub(self.smss);
        self.allowed += 3 * more;
        self.smss += more;
    }

    /// Something was sent.
    pub(super) fn has_begun(&self) -> bool {
        self.sent > 0
    }

    /// Somebody else decides for now: a recovery, an undone reduction.
    pub(super) fn end(&mut self) {
        self.active = false;
    }

    /// An acknowledgment up to `acked`, of `news` new bytes, arrived, and of `sacked` more selectively.
    /// One of none may tell that a segment has left the network.
    pub(super) fn on_ack(&mut self, acked: u32, news: u32, sacked: u32) {
        let none = news == 0;
        let before = acked.saturating_sub(news);
        let mut news = u64::from(news);
        if let Some(ends) = &self.ends {
            // One that was not accepted may have told of them before.
            let up_to = |place: u32| ends.partition_point(|end| *end <= place) as u64;
            news = news.max((up_to(acked) - up_to(before)) * self.smss);
        }
        let left = 2 * news + u64::from(sacked);
        self.allowed += left.max(self.smss * u64::from(none));
    }

    /// Bytes go out from `start` on. Those that went out since must have been found lost.
    pub(super) fn on_sent(&mut self, start: u32, bytes: usize) -> Result<(), String> {
        self.sent += bytes as u64;
        let end = start + bytes as u32;
        if let Some(ends) = &mut self.ends
            && ends.last().is_none_or(|last| *last < end)
        {
            ends.push(end);
        }
        if !self.active {
            return Ok(());
        }
        let before = self.parts.total();
        self.parts.insert(start, end);
        let new = u64::from(self.parts.total() - before);
        self.allowed += bytes as u64 - new;
        if self.sent > self.allowed {
            return Err(format!(
                "{} bytes went out where the congestion window allows {}",
                self.sent, self.allowed
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgment_needs_a_reason() {
        let mut budget = AckBudget::new(10, Duration::from_secs(1));
        let mut at = |seconds, count: usize| {
            let now = Instant::from_secs(seconds);
            (0..count).filter(|_| budget.spend(now).is_ok()).count()
        };
        assert_eq!(at(1, 100), 30);
        assert_eq!(at(2, 100), 10);
        assert_eq!(at(100, 100), 30);
        budget.earn(7);
        assert_eq!(
            (0..9)
                .filter(|_| budget.spend(Instant::from_secs(100)).is_ok())
                .count(),
            7
        );
    }

    #[test]
    fn repeats_in_silence_double_their_distance() {
        let second = Duration::from_secs(1);
        let ladder = |times: &[u64]| -> bool {
            let mut back_off = BackOff::new(second, 60 * second);
            let seq = SeqNum::new(5);
            times.iter().all(|at| {
                back_off
                    .on_sent(seq, seq + 10, Instant::from_secs(*at))
                    .is_ok()
            })
        };
        assert!(ladder(&[0, 1, 3, 7, 15, 31, 63, 123, 183]));
        assert!(!ladder(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    }

    #[test]
    fn what_goes_out_is_what_is_acknowledged_and_as_much_again() {
        let mut budget = SendBudget::new(false);
        budget.begin(1_000, 1_000);
        assert!(budget.on_sent(1, 3_000).is_ok());
        assert!(budget.on_sent(3_001, 1).is_err());
        budget.on_ack(3_001, 1_000, 0);
        assert!(budget.on_sent(3_002, 1_999).is_ok());
        assert!(budget.on_sent(1, 500).is_ok());
        assert!(budget.on_sent(9_000, 1).is_err());
        budget.end();
        assert!(budget.on_sent(10_000, 1 << 20).is_ok());
    }

    /// An acknowledgment that the sender did not take, and the same once more.
    #[test]
    fn segments_count_when_they_are_acknowledged_to_the_sender() {
        let mut budget = SendBudget::new(true);
        for start in [1, 11, 21] {
            assert!(budget.on_sent(start, 10).is_ok());
        }
        budget.on_ack(31, 30, 0);
        budget.begin(1_000, 1_000);
        assert!(budget.on_sent(1, 30).is_ok());
        budget.on_ack(31, 30, 0);
        assert!(budget.on_sent(31, 8_970).is_ok());
        assert!(budget.on_sent(9_001, 1).is_err());
    }

    #[test]
    fn a_window_of_one_segment_holds_a_larger_one_when_the_path_carries_more() {
        let mut budget = SendBudget::new(false);
        budget.begin(500, 500);
        assert!(budget.on_sent(1, 500).is_ok());
        budget.raise(1_400);
        budget.raise(500);
        assert!(budget.on_sent(501, 3_700).is_ok());
        assert!(budget.on_sent(4_201, 1).is_err());
    }

    #[test]
    fn a_small_segment_makes_room_for_a_full_one_where_segments_count() {
        let allowed = [false, true].map(|count_segments| {
            let mut budget = SendBudget::new(count_segments);
            budget.begin(1_000, 1_000);
            for start in [1, 11, 21] {
                assert!(budget.on_sent(start, 10).is_ok());
            }
            budget.on_ack(21, 20, 0);
            (
                budget.on_sent(31, 3_010).is_ok(),
                budget.on_sent(3_041, 3_960).is_ok(),
            )
        });
        assert_eq!(allowed, [(true, false), (true, true)]);
    }
}
