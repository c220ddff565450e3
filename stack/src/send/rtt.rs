//! Round-trip time and retransmission timeout (RFC 6298).

use crate::seq::SeqNum;
use crate::time::Instant;
use core::time::Duration;

/// How the variation of the round trip enters the timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RttVariance {
    /// RTTVAR by RFC 6298 §2.3; the least timeout bounds the sum.
    #[default]
    Rfc6298,
    /// Four times the mean deviation, the largest of each round trip, which falls by a quarter of the
    /// difference and never below the least timeout; round trips that become shorter count for an
    /// eighth, as Linux has it. The timeout is then longer than RFC 6298's whenever the path is steady.
    LargestOfRoundTrip,
}

/// The limits within which a retransmission timeout moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtoBounds {
    /// Before the first measurement; RFC 6298 §2.1 wants 1 s.
    pub initial: Duration,
    /// The least timeout; RFC 6298 §2.4 wants 1 s, Linux uses 200 ms.
    pub min: Duration,
    /// The greatest timeout, at least 60 s (RFC 6298 §2.5).
    pub max: Duration,
    /// Added to what §2.3 computes; zero by the RFC.
    pub slack: Duration,
    /// G, the granularity of the clock (RFC 6298 §2).
    pub granularity: Duration,
    /// How the variation enters.
    pub variance: RttVariance,
}

impl Default for RtoBounds {
    fn default() -> RtoBounds {
        RtoBounds {
            // REQ: RFC6298-1
            initial: Duration::from_secs(1),
            // REQ: RFC6298-4
            min: Duration::from_secs(1),
            // REQ: RFC6298-5
            max: Duration::from_secs(60),
            slack: Duration::ZERO,
            granularity: Duration::from_millis(1),
            variance: RttVariance::Rfc6298,
        }
    }
}

/// What to fall back to when the SYN timed out and data starts with less (RFC 6298 §5.7).
const AFTER_SYN_TIMEOUT: Duration = Duration::from_secs(3);

/// The smoothed values, in fractions of a µs so that rounding does not hold them back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Smoothed {
    /// SRTT in 1/8 µs.
    srtt_eighths: u64,
    /// RTTVAR in 1/4 µs.
    rttvar_quarters: u64,
}

/// What [`RttVariance::LargestOfRoundTrip`] has besides; all in 1/4 µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deviation {
    mean: u64,
    /// The largest of this round trip.
    largest: u64,
    /// The round trip is over when this is acknowledged.
    until: SeqNum,
}

/// One segment at a time is measured: what was sent when, and up to which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measurement {
    end: SeqNum,
    sent_at: Instant,
}

/// The estimator of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RttEstimator {
    bounds: RtoBounds,
    smoothed: Option<Smoothed>,
    deviation: Option<Deviation>,
    base: Duration,
    backoff: u32,
    measurement: Option<Measurement>,
}

impl RttEstimator {
    /// Before the first measurement.
    pub fn new(bounds: RtoBounds) -> RttEstimator {
        RttEstimator {
            bounds,
            smoothed: None,
            deviation: None,
            base: bounds.initial.min(bounds.max),
            backoff: 0,
            measurement: None,
        }
    }

    /// The timeout to arm now, back-off included.
    pub fn rto(&self) -> Duration {
        let factor = 1u32.checked_shl(self.backoff).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.bounds.max)
    }

    /// SRTT, after the first measurement; precise to 1 µs.
    pub fn srtt(&self) -> Option<Duration> {
        self.smoothed
            .map(|s| Duration::from_micros(s.srtt_eighths / 8))
    }

    /// RTTVAR, after the first measurement; precise to 1 µs.
    pub fn rttvar(&self) -> Option<Duration> {
        self.smoothed
            .map(|s| Duration::from_micros(s.rttvar_quarters / 4))
    }

    /// How many times the timeout was doubled since the last measurement.
    pub const fn backoff(&self) -> u32 {
        self.backoff
    }

    /// The timer expired: doubles the timeout (RFC 6298 §5.5).
    pub fn back_off(&mut self) {
        // REQ: RFC6298-11
        if self.rto() < self.bounds.max {
            self.backoff += 1;
        }
    }

    /// Ends the back-off without a measurement, as after an acknowledgment of new data whose
    /// round-trip time is ambiguous.
    pub const fn end_back_off(&mut self) {
        self.backoff = 0;
    }

    /// Takes a round-trip time into account and ends the back-off (RFC 6298 §2.2, §2.3).
    pub fn sample(&mut self, rtt: Duration) {
        self.sample_within(rtt, SeqNum::new(0), SeqNum::new(0));
    }

    /// The same for an acknowledgment up to `una` while everything before `nxt` is sent, which tells
    /// round trips apart where that matters.
    pub fn sample_within(&mut self, rtt: Duration, una: SeqNum, nxt: SeqNum) {
        if self.bounds.variance == RttVariance::LargestOfRoundTrip {
            self.sample_largest(rtt, una, nxt);
            return;
        }
        // Longer than a day says nothing about the path, and keeps the arithmetic small.
        let r = (rtt.as_micros() as u64).min(86_400_000_000);
        let smoothed = match self.smoothed {
            // REQ: RFC6298-2
            None => Smoothed {
                srtt_eighths: 8 * r,
                rttvar_quarters: 2 * r,
            },
            // REQ: RFC6298-3
            Some(old) => {
                let deviation = (old.srtt_eighths / 8).abs_diff(r);
                Smoothed {
                    rttvar_quarters: old.rttvar_quarters - old.rttvar_quarters / 4 + deviation,
                    srtt_eighths: old.srtt_eighths - old.srtt_eighths / 8 + r,
                }
            }
        };
        self.smoothed = Some(smoothed);
        let spread = Duration::from_micros(smoothed.rttvar_quarters);
        let rto =
            Duration::from_micros(smoothed.srtt_eighths / 8) + spread.max(self.bounds.granularity);
        self.base = (rto + self.bounds.slack)
            .max(self.bounds.min)
            .min(self.bounds.max);
        self.backoff = 0;
    }

    /// A sample under [`RttVariance::LargestOfRoundTrip`].
    fn sample_largest(&mut self, rtt: Duration, una: SeqNum, nxt: SeqNum) {
        let r = (rtt.as_micros() as u64).min(86_400_000_000);
        let least = self.bounds.min.as_micros() as u64;
        let (srtt, rttvar, deviation) = match (self.smoothed, self.deviation) {
            (Some(old), Some(deviation)) => {
                let (rttvar, deviation) = deviation.after(old, r, least, (una, nxt));
                let srtt = old.srtt_eighths - old.srtt_eighths / 8 + r;
                (srtt, rttvar, deviation)
            }
            (_, _) => {
                let largest = (2 * r).max(least);
                let deviation = Deviation {
                    mean: 2 * r,
                    largest,
                    until: nxt,
                };
                (8 * r, largest, deviation)
            }
        };
        self.smoothed = Some(Smoothed {
            srtt_eighths: srtt.max(1),
            rttvar_quarters: rttvar,
        });
        self.deviation = Some(deviation);
        self.base = Duration::from_micros(srtt / 8 + rttvar).min(self.bounds.max);
        self.backoff = 0;
    }

    /// A segment that ends before `end` was sent for the first time; measured unless another one
    /// is being measured, which gives one measurement for each round trip.
    pub fn on_sent(&mut self, end: SeqNum, now: Instant) {
        // REQ: RFC6298-7
        self.measurement
            .get_or_insert(Measurement { end, sent_at: now });
    }

    /// Something was sent again: no acknowledgment that is now under way can be measured, as
    /// nobody can tell which copy it is for (Karn's rule, RFC 6298 §3).
    pub const fn on_retransmitted(&mut self) {
        // REQ: RFC6298-6
        self.measurement = None;
    }

    /// True while a segment is being measured.
    pub const fn is_measuring(&self) -> bool {
        self.measurement.is_some()
    }

    /// SND.UNA moved to `una`: takes the measurement if its segment is covered, and says what
    /// was measured.
    pub fn on_acked(&mut self, una: SeqNum, now: Instant) -> Option<Duration> {
        let Measurement { end, sent_at } = self.measurement?;
        if end.after(una) {
            return None;
        }
        self.measurement = None;
        let rtt = now.saturating_duration_since(sent_at);
        self.sample(rtt);
        Some(rtt)
    }

    /// The handshake is over and a SYN or SYN-ACK had timed out: data starts with at least 3 s
    /// (RFC 6298 §5.7).
    pub fn on_established_after_syn_timeout(&mut self) {
        // REQ: RFC6298-12
        self.backoff = 0;
        self.base = self.base.max(AFTER_SYN_TIMEOUT).min(self.bounds.max);
    }

    /// Forgets the path, as RFC 6298 §5 permits after several back-offs. The timeout stays until
    /// the next measurement, which then counts as the first.
    pub const fn forget_path(&mut self) {
        // REQ: RFC6298-14
        self.smoothed = None;
    }
}

impl Deviation {
    /// The variation and what is to be remembered after a sample of `r` µs.
    fn after(
        mut self,
        old: Smoothed,
        r: u64,
        least: u64,
        (una, nxt): (SeqNum, SeqNum),
    ) -> (u64, Deviation) {
        let before = old.srtt_eighths / 8;
        let error = before.abs_diff(r);
        let share = self.mean / 4;
        self.mean = if error > share && r < before {
            self.mean + (error - share) / 8
        } else {
            self.mean - share + error
        };
        let mut rttvar = old.rttvar_quarters;
        if self.mean > self.largest {
            self.largest = self.mean;
            rttvar = rttvar.max(self.largest);
        }
        if una.after(self.until) {
            if self.largest < rttvar {
                rttvar -= (rttvar - self.largest) / 4;
            }
            self.until = nxt;
            self.largest = least;
        }
        (rttvar, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn estimator(min_ms: u64) -> RttEstimator {
        RttEstimator::new(RtoBounds {
            min: MS(min_ms),
            ..RtoBounds::default()
        })
    }

    #[test]
    fn the_first_measurement_sets_all() {
        let mut rtt = estimator(0);
        assert_eq!((rtt.rto(), rtt.srtt()), (MS(1000), None));
        rtt.sample(MS(100));
        assert_eq!(rtt.srtt(), Some(MS(100)));
        assert_eq!(rtt.rttvar(), Some(MS(50)));
        assert_eq!(rtt.rto(), MS(300));
    }

    #[test]
    fn later_measurements_are_smoothed() {
        let mut rtt = estimator(0);
        rtt.sample(MS(100));
        rtt.sample(MS(200));
        // RTTVAR = 3/4 * 50 + 1/4 * 100, then SRTT = 7/8 * 100 + 1/8 * 200.
        assert_eq!(rtt.rttvar(), Some(Duration::from_micros(62_500)));
        assert_eq!(rtt.srtt(), Some(Duration::from_micros(112_500)));
        assert_eq!(rtt.rto(), Duration::from_micros(362_500));
    }

    #[rstest]
    #[case::below_min(1, 1_000)]
    #[case::between(2_000, 6_000)]
    #[case::above_max(50_000, 60_000)]
    #[case::absurd(u64::MAX / 1_000_000, 60_000)]
    fn the_timeout_keeps_its_bounds(#[case] sample_ms: u64, #[case] rto_ms: u64) {
        let mut rtt = estimator(1_000);
        rtt.sample(MS(sample_ms));
        assert_eq!(rtt.rto(), MS(rto_ms));
    }

    #[test]
    fn the_clock_granularity_is_the_least_spread() {
        let mut rtt = estimator(0);
        for _ in 0..200 {
            rtt.sample(MS(10));
        }
        assert_eq!(rtt.rto(), MS(11));
    }

    #[test]
    fn backing_off_doubles_up_to_the_bound_until_a_measurement() {
        let mut rtt = estimator(1_000);
        let ladder: [u64; 8] = core::array::from_fn(|_| {
            let rto = rtt.rto().as_secs();
            rtt.back_off();
            rto
        });
        assert_eq!(ladder, [1, 2, 4, 8, 16, 32, 60, 60]);
        for _ in 0..1_000 {
            rtt.back_off();
        }
        assert_eq!(rtt.rto(), MS(60_000));
        rtt.sample(MS(10));
        assert_eq!((rtt.rto(), rtt.backoff()), (MS(1_000), 0));
        rtt.back_off();
        rtt.end_back_off();
        assert_eq!(rtt.rto(), MS(1_000));
    }

    #[test]
    fn one_segment_is_measured_and_never_after_a_retransmission() {
        let seq = SeqNum::new;
        let at = Instant::from_millis;
        let mut rtt = estimator(0);
        rtt.on_sent(seq(10), at(0));
        rtt.on_sent(seq(20), at(5));
        assert_eq!(rtt.on_acked(seq(9), at(6)), None);
        assert_eq!(rtt.on_acked(seq(20), at(7)), Some(MS(7)));
        assert_eq!(rtt.on_acked(seq(30), at(8)), None);

        rtt.on_sent(seq(30), at(10));
        rtt.on_retransmitted();
        assert_eq!(rtt.on_acked(seq(30), at(12)), None);
        assert_eq!(rtt.srtt(), Some(MS(7)));
    }

    #[test]
    fn the_measurement_follows_the_wrap() {
        let mut rtt = estimator(0);
        rtt.on_sent(SeqNum::new(5), Instant::ZERO);
        let later = Instant::from_millis(1);
        assert_eq!(rtt.on_acked(SeqNum::new(u32::MAX), later), None);
        assert_eq!(rtt.on_acked(SeqNum::new(5), later), Some(MS(1)));
    }

    #[rstest]
    #[case::unmeasured(None, 3_000)]
    #[case::measured_fast(Some(10), 3_000)]
    #[case::measured_slow(Some(2_000), 6_000)]
    fn a_lost_syn_makes_data_careful(#[case] sample_ms: Option<u64>, #[case] rto_ms: u64) {
        let mut rtt = estimator(1_000);
        rtt.back_off();
        if let Some(ms) = sample_ms {
            rtt.sample(MS(ms));
        }
        rtt.on_established_after_syn_timeout();
        assert_eq!(rtt.rto(), MS(rto_ms));
    }

    #[test]
    fn a_forgotten_path_keeps_its_timeout_until_the_next_measurement() {
        let mut rtt = estimator(0);
        rtt.sample(MS(1_000));
        rtt.forget_path();
        assert_eq!((rtt.srtt(), rtt.rto()), (None, MS(3_000)));
        rtt.sample(MS(10));
        assert_eq!(rtt.rto(), MS(30));
    }

    proptest! {
        #[test]
        fn a_steady_path_is_learnt(start_ms in 0u64..10_000, ms in 1u64..10_000) {
            let mut rtt = estimator(0);
            rtt.sample(MS(start_ms));
            for _ in 0..300 {
                rtt.sample(MS(ms));
            }
            let srtt = rtt.srtt().unwrap();
            prop_assert!(srtt.abs_diff(MS(ms)) < Duration::from_micros(10), "{:?}", srtt);
            prop_assert!(rtt.rto() >= srtt + MS(1));
        }
    }
}
