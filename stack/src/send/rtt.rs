//! Round-trip time and retransmission timeout (RFC 6298).

use crate::config::Config;
use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
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
    /// The same for all connections of a host.
    bounds: Arc<RtoBounds>,
    smoothed: Option<Smoothed>,
    /// There is none where it does not count, nor before the second measurement: the first one leaves
    /// it in `smoothed`.
    deviation: Option<Box<Deviation>>,
    /// The round trip of `deviation` is over when this is acknowledged.
    round_trip_end: SeqNum,
    /// The timeout without back-off, in µs.
    base: u64,
    backoff: u32,
    measurement: Option<Measurement>,
}

impl RttEstimator {
    /// Before the first measurement.
    pub fn new(bounds: impl Into<Arc<RtoBounds>>) -> RttEstimator {
        let bounds = bounds.into();
        RttEstimator {
            smoothed: None,
            deviation: None,
            round_trip_end: SeqNum::new(0),
            base: micros(bounds.initial.min(bounds.max)),
            bounds,
            backoff: 0,
            measurement: None,
        }
    }

    /// The timeout to arm now, back-off included.
    pub fn rto(&self) -> Duration {
        let factor = 1u32.checked_shl(self.backoff).unwrap_or(u32::MAX);
        self.base().saturating_mul(factor).min(self.bounds.max)
    }

    fn base(&self) -> Duration {
        Duration::from_micros(self.base)
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
        let rto = rto + self.bounds.slack;
        self.base = micros(rto.max(self.bounds.min).min(self.bounds.max));
        self.backoff = 0;
    }

    /// A sample under [`RttVariance::LargestOfRoundTrip`].
    fn sample_largest(&mut self, rtt: Duration, una: SeqNum, nxt: SeqNum) {
        let r = (rtt.as_micros() as u64).min(86_400_000_000);
        let least = self.bounds.min.as_micros() as u64;
        let (srtt, rttvar) = match self.smoothed {
            Some(old) => {
                let known = self.deviation.as_deref().copied();
                let mut deviation = known.unwrap_or(Deviation::of_first(old));
                let rttvar = deviation.on_sample(old, r);
                let rttvar = if una.after(self.round_trip_end) {
                    self.round_trip_end = nxt;
                    deviation.on_round_trip(rttvar, least)
                } else {
                    rttvar
                };
                match &mut self.deviation {
                    Some(known) => **known = deviation,
                    None => self.deviation = Some(Box::new(deviation)),
                }
                (old.srtt_eighths - old.srtt_eighths / 8 + r, rttvar)
            }
            None => {
                self.deviation = None;
                self.round_trip_end = nxt;
                (8 * r, (2 * r).max(least))
            }
        };
        self.smoothed = Some(Smoothed {
            srtt_eighths: srtt.max(1),
            rttvar_quarters: rttvar,
        });
        self.base = (srtt / 8 + rttvar).min(micros(self.bounds.max));
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
        self.base = micros(self.base().max(AFTER_SYN_TIMEOUT).min(self.bounds.max));
    }

    /// Forgets the path, as RFC 6298 §5 permits after several back-offs. The timeout stays until
    /// the next measurement, which then counts as the first.
    pub const fn forget_path(&mut self) {
        // REQ: RFC6298-14
        self.smoothed = None;
    }
}

/// No timer is set for so long that they do not fit.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl From<&Config> for RtoBounds {
    fn from(config: &Config) -> RtoBounds {
        RtoBounds {
            initial: mutant!(config, H19, config.initial_rto, Duration::from_millis(200)),
            min: config.min_rto,
            max: config.max_rto,
            slack: config.rto_slack,
            variance: config.rtt_variance,
            ..RtoBounds::default()
        }
    }
}

impl Deviation {
    /// What the first measurement left: half of it as the mean, and RTTVAR as the largest.
    const fn of_first(first: Smoothed) -> Deviation {
        Deviation {
            mean: first.srtt_eighths / 4,
            largest: first.rttvar_quarters,
        }
    }

    /// Takes a sample of `r` µs, and answers the variation after it.
    fn on_sample(&mut self, old: Smoothed, r: u64) -> u64 {
        let before = old.srtt_eighths / 8;
        let error = before.abs_diff(r);
        let share = self.mean / 4;
        self.mean = if error > share && r < before {
            self.mean + (error - share) / 8
        } else {
            self.mean - share + error
        };
        if self.mean <= self.largest {
            return old.rttvar_quarters;
        }
        self.largest = self.mean;
        old.rttvar_quarters.max(self.largest)
    }

    /// A round trip is over, with this variation: answers what it falls to. The next one begins.
    const fn on_round_trip(&mut self, rttvar: u64, least: u64) -> u64 {
        let fallen = rttvar.saturating_sub(self.largest) / 4;
        self.largest = least;
        rttvar - fallen
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

    /// By hand, in ms, with 4·mdev and 4·rttvar as Linux keeps them and a least timeout of 200:
    /// 100 → srtt 100, mdev 200, rttvar 200. 60 (40 shorter, less than mdev / 4 = 50) → mdev
    /// 200 - 50 + 40 = 190, srtt 95. 495 (400 longer) → mdev 190 - 47.5 + 400 = 542.5 = rttvar, srtt
    /// 145. 5 (140 shorter, mdev / 4 is 135.625) → an eighth of 4.375: mdev 543.046875.
    #[test]
    fn the_largest_deviation_of_a_round_trip_counts() {
        let mut rtt = RttEstimator::new(RtoBounds {
            min: MS(200),
            variance: RttVariance::LargestOfRoundTrip,
            ..RtoBounds::default()
        });
        let seq = SeqNum::new;
        let rto = [(100, 300_000), (60, 295_000), (495, 687_500), (5, 670_546)].map(|(ms, us)| {
            rtt.sample_within(MS(ms), seq(0), seq(10));
            (rtt.rto().as_micros(), us)
        });
        for (found, expected) in rto {
            assert_eq!(found, expected);
        }
    }

    /// Round trips of 300 ms, one a sample: the mean deviation falls by a quarter each time (600, 450,
    /// 337.5), and the variation follows the largest of each round trip by a quarter of the difference:
    /// 600 - (600 - 337.5) / 4.
    #[test]
    fn a_steady_path_brings_the_timeout_down_to_the_least_variation() {
        let mut rtt = RttEstimator::new(RtoBounds {
            min: MS(200),
            variance: RttVariance::LargestOfRoundTrip,
            ..RtoBounds::default()
        });
        let seq = SeqNum::new;
        rtt.sample_within(MS(300), seq(0), seq(10));
        assert_eq!(rtt.rto(), MS(900));
        // The largest deviation of the first round trip was 600.
        rtt.sample_within(MS(300), seq(11), seq(20));
        assert_eq!(rtt.rto(), MS(900));
        rtt.sample_within(MS(300), seq(21), seq(30));
        assert_eq!(rtt.rto(), Duration::from_micros(300_000 + 534_375));
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

    /// RFC 6298 §2.1, §2.4, §2.5 and what systems add: each bound is the setting of its name. A sample of 1 ms
    /// makes 3 ms, one of an hour too much.
    #[test]
    fn the_bounds_are_those_of_the_settings() {
        let config = Config {
            initial_rto: MS(1_500),
            min_rto: MS(300),
            max_rto: MS(90_000),
            rto_slack: MS(400),
            rtt_variance: RttVariance::Rfc6298,
            ..Config::default()
        };
        let mut rtt = RttEstimator::new(RtoBounds::from(&config));
        assert_eq!(rtt.rto(), MS(1_500));
        rtt.sample(MS(1));
        assert_eq!(rtt.rto(), MS(3 + 400));
        rtt.sample(MS(3_600_000));
        assert_eq!(rtt.rto(), MS(90_000));

        let config = Config {
            rto_slack: Duration::ZERO,
            ..config
        };
        let mut rtt = RttEstimator::new(RtoBounds::from(&config));
        rtt.sample(MS(1));
        assert_eq!(rtt.rto(), MS(300));

        // Half of the first round trip is RTTVAR, and the least timeout bounds that instead of the sum.
        let config = Config {
            rtt_variance: RttVariance::LargestOfRoundTrip,
            ..config
        };
        let mut rtt = RttEstimator::new(RtoBounds::from(&config));
        rtt.sample(MS(1));
        assert_eq!(rtt.rto(), MS(1 + 300));
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
        // At the bound nothing is doubled any more, and that is what the user is told.
        assert_eq!((rtt.rto(), rtt.backoff()), (MS(60_000), 6));
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
        assert!(!rtt.is_measuring());
        rtt.on_sent(seq(10), at(0));
        rtt.on_sent(seq(20), at(5));
        assert_eq!(rtt.on_acked(seq(9), at(6)), None);
        assert!(rtt.is_measuring());
        assert_eq!(rtt.on_acked(seq(20), at(7)), Some(MS(7)));
        assert!(!rtt.is_measuring());
        assert_eq!(rtt.on_acked(seq(30), at(8)), None);

        rtt.on_sent(seq(30), at(10));
        rtt.on_retransmitted();
        assert!(!rtt.is_measuring());
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

    /// RFC 6298 §2.2 and §2.3 in seconds and floating point, G = 1 ms.
    fn by_the_formula(samples_ms: &[f64]) -> [f64; 3] {
        let r = samples_ms[0] / 1e3;
        let (mut srtt, mut rttvar) = (r, r / 2.0);
        for ms in &samples_ms[1..] {
            let r = ms / 1e3;
            rttvar = 0.75 * rttvar + 0.25 * (srtt - r).abs();
            srtt = 0.875 * srtt + 0.125 * r;
        }
        [srtt, rttvar, srtt + f64::max(0.001, 4.0 * rttvar)]
    }

    /// Each line: round trips in ms, then SRTT, RTTVAR and RTO in µs, worked out by hand.
    #[rstest]
    #[case::one(&[100.0], [100_000, 50_000, 300_000])]
    #[case::the_same(&[100.0, 100.0], [100_000, 37_500, 250_000])]
    #[case::doubled(&[100.0, 200.0], [112_500, 62_500, 362_500])]
    #[case::halved(&[100.0, 50.0], [93_750, 50_000, 293_750])]
    #[case::up_and_down(&[100.0, 200.0, 100.0], [110_937, 50_000, 310_937])]
    #[case::a_spike(&[40.0, 40.0, 40.0, 1000.0], [160_000, 248_437, 1_153_750])]
    #[case::a_lan(&[0.2, 0.3, 0.25], [217, 84, 1_217])]
    #[case::a_satellite(&[600.0, 640.0, 590.0, 610.0], [603_984, 136_718, 1_150_859])]
    fn the_timeout_is_that_of_the_formula(#[case] samples_ms: &[f64], #[case] micros: [u64; 3]) {
        let mut rtt = estimator(0);
        for ms in samples_ms {
            rtt.sample(Duration::from_micros((ms * 1e3) as u64));
        }
        let found = [rtt.srtt().unwrap(), rtt.rttvar().unwrap(), rtt.rto()];
        let formula = by_the_formula(samples_ms);
        for ((found, formula), by_hand) in found.into_iter().zip(formula).zip(micros) {
            let found = found.as_micros() as u64;
            // Eighths and quarters of a µs are kept, four RTTVAR make at most 4 µs of that.
            assert!(
                (found as f64 - formula * 1e6).abs() < 5.0,
                "{found} {formula}"
            );
            assert!(found.abs_diff(by_hand) <= 4, "{found} {by_hand}");
        }
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
