//! CUBIC as Linux counts it: in whole segments and whole steps of the window, with the slow start of
//! HyStart (Ha and Rhee, 2011), which ends at the first sign rather than slowing down first.
//!
//! RFC 9438 is the same curve; it parts in that the window a Reno sender would have grows by a fixed
//! rate, that the window may grow by 5 % each round trip until the first loss is known, that a timeout
//! forgets everything, and in all rounding. Times are milliseconds, and 1/1024 s within the curve.

use core::time::Duration;

use crate::seq::SeqNum;
use crate::time::Instant;

/// β, what a loss leaves, in 1/1024.
const BETA: u64 = 717;
const BETA_UNIT: u64 = 1024;
/// 8 × (1 + β) / 3 (1 - β): eight times the segments that Reno needs for one more, by window.
const RENO_SCALE: u32 = 15;
/// C in 1/1024: 0.4 × 1024 is 410.
const C: u64 = 410;
/// Acknowledged segments for one more, until a loss told where the limit is.
const UNKNOWN_LIMIT: u32 = 20;

/// How slow start ends before a loss; the numbers are those of Linux's module `tcp_cubic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HyStartRules {
    /// It ends at all (`hystart`).
    pub on: bool,
    /// By a train of acknowledgments that lasts half a round trip (`hystart_detect` & 1).
    pub train: bool,
    /// By a round trip that grew by an eighth (`hystart_detect` & 2).
    pub delay: bool,
    /// From so many segments on (`hystart_low_window`).
    pub low_window: u32,
    /// Acknowledgments not further apart are a train (`hystart_ack_delta_us`).
    pub spacing: Duration,
}

impl Default for HyStartRules {
    fn default() -> HyStartRules {
        HyStartRules {
            on: true,
            train: true,
            delay: true,
            low_window: 16,
            spacing: Duration::from_millis(2),
        }
    }
}

/// Samples before a round's least round trip is believed.
const SAMPLES: u32 = 8;
/// The rise that counts: an eighth of the round trip within these limits.
const RISE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(16));

/// An acknowledgment of new data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// SND.UNA after it.
    pub una: SeqNum,
    /// SND.NXT.
    pub nxt: SeqNum,
    /// The round trip of the segment sent last of those it acknowledges.
    pub rtt: Option<Duration>,
    /// When it came.
    pub now: Instant,
    /// The window before it, in segments.
    pub window: u32,
    /// In slow start.
    pub slow_start: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Epoch {
    start: u64,
    /// K in 1/1024 s.
    k: u64,
    origin: u32,
}

/// A round of slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Round {
    start: Instant,
    last_ack: Instant,
    end: SeqNum,
    least: Option<Duration>,
    samples: u32,
}

/// The state of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedCubic {
    rules: HyStartRules,
    /// W_max, 0 before the first loss.
    w_max: u32,
    epoch: Option<Epoch>,
    /// The window and the millisecond of the latest calculation.
    last: (u32, u64),
    /// Segments to be acknowledged for one more.
    count: u32,
    /// Segments acknowledged in this epoch that Reno has not used yet.
    acked: u32,
    /// The window Reno would have.
    reno: u32,
    /// Segments acknowledged that have not made the window grow yet.
    credit: u32,
    least_delay: Option<Duration>,
    round: Option<Round>,
    found: bool,
}

impl CountedCubic {
    /// Nothing known yet.
    pub fn new(rules: HyStartRules) -> CountedCubic {
        CountedCubic {
            rules,
            ..CountedCubic::default()
        }
    }

    /// The threshold after a loss with a window of so many segments.
    pub fn on_loss(&mut self, window: u32) -> u32 {
        self.epoch = None;
        let scaled = |over: u64, under: u64| (u64::from(window) * over / under) as u32;
        self.w_max = if window < self.w_max {
            scaled(BETA_UNIT + BETA, 2 * BETA_UNIT)
        } else {
            window
        };
        remains(window).max(2)
    }

    /// The retransmission timer expired: nothing of this holds any more.
    pub fn on_timeout(&mut self) {
        *self = CountedCubic {
            credit: self.credit,
            ..CountedCubic::new(self.rules)
        };
    }

    /// The sender had nothing out for `pause`: that time does not count.
    pub fn on_pause(&mut self, pause: Duration, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            let shifted = epoch.start + pause.as_millis() as u64;
            epoch.start = shifted.min(now.as_millis());
        }
    }

    /// Looks at the round trip. Answers whether slow start is to end here.
    pub fn on_sample(&mut self, sample: Sample) -> bool {
        let Some(rtt) = sample.rtt else { return false };
        let now = sample.now.as_millis();
        if self.epoch.is_some_and(|epoch| now < epoch.start + 1000) {
            return false;
        }
        let rtt = rtt.max(Duration::from_micros(1));
        let least = self.least_delay.map_or(rtt, |least| least.min(rtt));
        self.least_delay = Some(least);
        if self.found || !sample.slow_start || !self.rules.on {
            return false;
        }
        self.found = self.slow_start_ends(sample, rtt, least);
        self.found
    }

    fn slow_start_ends(&mut self, sample: Sample, rtt: Duration, least: Duration) -> bool {
        let rules = self.rules;
        let Sample { una, nxt, now, .. } = sample;
        let fresh = Round {
            start: now,
            last_ack: now,
            end: nxt,
            least: None,
            samples: 0,
        };
        let round = self.round.get_or_insert(fresh);
        if una.after(round.end) {
            *round = fresh;
        }
        if sample.window < rules.low_window {
            return false;
        }
        let mut ends = false;
        if rules.train && now <= round.last_ack + rules.spacing {
            round.last_ack = now;
            ends = now > round.start + least / 2;
        }
        if rules.delay {
            let lowest = round.least.map_or(rtt, |lowest| lowest.min(rtt));
            round.least = Some(lowest);
            if round.samples < SAMPLES {
                round.samples += 1;
            } else {
                ends |= lowest > least + (least / 8).clamp(RISE.0, RISE.1);
            }
        }
        ends
    }

    /// How many segments congestion avoidance adds to `window` for `acked` of them.
    pub fn avoidance(&mut self, window: u32, acked: u32, now: Instant) -> u32 {
        self.update(window, acked, now.as_millis());
        let mut added = 0;
        // What was saved up while the window grew more slowly counts once.
        if self.credit >= self.count {
            self.credit = 0;
            added = 1;
        }
        self.credit += acked;
        let steps = self.credit / self.count;
        self.credit -= steps * self.count;
        added + steps
    }

    fn update(&mut self, window: u32, acked: u32, now: u64) {
        self.acked = self.acked.saturating_add(acked);
        let (last_window, last_time) = self.last;
        let started = self.epoch.is_some();
        if started && last_window == window && now <= last_time + 1000 / 32 {
            return;
        }
        if !(started && now == last_time) {
            self.last = (window, now);
            self.count = self.by_curve(window, acked, now);
        }
        let step = ((window * RENO_SCALE) >> 3).max(1);
        while self.acked > step {
            self.acked -= step;
            self.reno += 1;
        }
        if self.reno > window {
            self.count = self.count.min(window / (self.reno - window));
        }
        // Never more than half as much again in a round trip.
        self.count = self.count.max(2);
    }

    /// What the curve says: so many segments for one more.
    fn by_curve(&mut self, window: u32, acked: u32, now: u64) -> u32 {
        let epoch = match self.epoch {
            Some(epoch) => epoch,
            None => {
                self.acked = acked;
                self.reno = window;
                let missing = self.w_max.saturating_sub(window);
                Epoch {
                    start: now,
                    k: cube_root((1u64 << 40) / C * u64::from(missing)),
                    origin: self.w_max.max(window),
                }
            }
        };
        self.epoch = Some(epoch);
        let delay = self.least_delay.unwrap_or_default().as_millis() as u64;
        let t = (now.saturating_sub(epoch.start) + delay) * 1024 / 1000;
        let distance = t.abs_diff(epoch.k).min(1 << 17);
        let delta = (u128::from(C) * u128::from(distance).pow(3)) >> 40;
        let delta = u32::try_from(delta).unwrap_or(u32::MAX);
        let target = if t < epoch.k {
            epoch.origin.saturating_sub(delta)
        } else {
            epoch.origin.saturating_add(delta)
        };
        let count = if target > window {
            window / (target - window)
        } else {
            window.saturating_mul(100)
        };
        if self.w_max == 0 {
            count.min(UNKNOWN_LIMIT)
        } else {
            count
        }
    }
}

fn cube_root(cube: u64) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 21);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if u128::from(middle).pow(3) <= u128::from(cube) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// What congestion leaves of a window of so many segments.
pub fn remains(window: u32) -> u32 {
    (u64::from(window) * BETA / BETA_UNIT) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const UNA: SeqNum = SeqNum::new(u32::MAX - 5);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// 717/1024 of 10, 100 and 2 segments, rounded down, and never less than 2.
    #[rstest]
    #[case(10, 7)]
    #[case(100, 70)]
    #[case(2, 2)]
    fn a_loss_leaves_seven_tenths(#[case] window: u32, #[case] threshold: u32) {
        assert_eq!(CountedCubic::default().on_loss(window), threshold);
    }

    /// Below the window of the last loss the next goal is (1 + β) / 2 of it: 80 × 1741 / 2048.
    #[test]
    fn a_second_loss_below_the_first_gives_way() {
        let mut cubic = CountedCubic::default();
        cubic.on_loss(100);
        cubic.on_loss(80);
        assert_eq!(cubic.w_max, 68);
    }

    /// Without a loss 20 acknowledged segments are worth one more, whatever the window.
    #[test]
    fn without_a_known_limit_the_window_grows_by_a_twentieth() {
        let mut cubic = CountedCubic::default();
        let added: u32 = (0..60).map(|_| cubic.avoidance(100, 1, at(5))).sum();
        assert_eq!(added, 3);
    }

    /// From 70 on the way to 100: K is the cube root of 30 / 0.4 = 4.2172 s; in 1/1024 s the cube root
    /// of 2,681,735,677 (2^40 / 410) × 30, which is 4316. With no delay the target after 0 s is
    /// 100 - 410 × 4316³ / 2^40 = 100 - 29 = 71, so 70 segments for one more. After 2 s (t = 2048):
    /// 100 - 410 × 2268³ / 2^40 = 100 - 4 = 96, 70 / 26 = 2.
    #[test]
    fn the_window_follows_the_curve() {
        let mut cubic = CountedCubic::default();
        assert_eq!(cubic.on_loss(100), 70);
        cubic.avoidance(70, 1, at(10_000));
        assert_eq!(
            (cubic.epoch.map(|epoch| epoch.k), cubic.count),
            (Some(4316), 70)
        );
        cubic.avoidance(70, 1, at(12_000));
        assert_eq!(cubic.count, 2);
    }

    /// 10 segments × 15 / 8 = 18: more than that many acknowledged are one for Reno.
    #[test]
    fn reno_is_followed_where_it_is_faster() {
        let mut cubic = CountedCubic::default();
        cubic.on_loss(14);
        cubic.avoidance(10, 1, at(1000));
        cubic.avoidance(10, 19, at(1040));
        assert_eq!((cubic.reno, cubic.count), (11, 10));
    }

    #[test]
    fn a_pause_does_not_count() {
        let mut cubic = CountedCubic::default();
        cubic.avoidance(10, 1, at(1000));
        cubic.on_pause(MS(300), at(2000));
        assert_eq!(cubic.epoch.map(|epoch| epoch.start), Some(1300));
        cubic.on_pause(MS(5000), at(2000));
        assert_eq!(cubic.epoch.map(|epoch| epoch.start), Some(2000));
    }

    fn sample(millis: u64, rtt: u64) -> Sample {
        Sample {
            una: UNA,
            nxt: UNA + 100,
            rtt: Some(MS(rtt)),
            now: at(millis),
            window: 16,
            slow_start: true,
        }
    }

    /// The rise is more than an eighth of 80 ms, 4 ms or 16 ms; eight samples are believed.
    #[rstest]
    #[case(80, 91, true)]
    #[case(80, 90, false)]
    #[case(8, 13, true)]
    #[case(8, 12, false)]
    #[case(800, 817, true)]
    fn a_rise_ends_slow_start(#[case] before: u64, #[case] after: u64, #[case] ends: bool) {
        let mut cubic = CountedCubic::default();
        cubic.on_sample(Sample {
            window: 10,
            ..sample(0, before)
        });
        // Further apart than a train.
        let over: Vec<bool> = (0..9)
            .map(|n| {
                cubic.on_sample(Sample {
                    una: UNA + 101,
                    nxt: UNA + 200,
                    ..sample(1000 + 3 * n, after)
                })
            })
            .collect();
        assert_eq!(over[..8], [false; 8]);
        assert_eq!(over[8], ends);
    }

    /// Acknowledgments 2 ms apart for more than half of 20 ms.
    #[test]
    fn a_long_train_ends_slow_start() {
        let mut cubic = CountedCubic::default();
        let over: Vec<bool> = (0..7).map(|n| cubic.on_sample(sample(2 * n, 20))).collect();
        assert_eq!(over, [false, false, false, false, false, false, true]);
    }

    /// `hystart_detect`: either sign may be left out of account.
    #[rstest]
    #[case::both(true, true, [true, true])]
    #[case::no_train(false, true, [false, true])]
    #[case::no_delay(true, false, [true, false])]
    #[case::neither(false, false, [false, false])]
    fn what_is_not_looked_for_is_not_found(
        #[case] train: bool,
        #[case] delay: bool,
        #[case] found: [bool; 2],
    ) {
        let rules = HyStartRules {
            train,
            delay,
            ..HyStartRules::default()
        };
        let mut in_a_train = CountedCubic::new(rules);
        let mut slower = CountedCubic::new(rules);
        let mut seen = [false; 2];
        slower.on_sample(sample(0, 80));
        for n in 0..20 {
            seen[0] |= in_a_train.on_sample(sample(2 * n, 20));
            seen[1] |= slower.on_sample(Sample {
                una: UNA + 101,
                nxt: UNA + 200,
                ..sample(1000 + 3 * n, 200)
            });
        }
        assert_eq!(seen, found);
    }

    #[test]
    fn a_gap_ends_the_train() {
        let mut cubic = CountedCubic::default();
        for millis in [0, 2, 5, 7, 9, 11] {
            assert!(!cubic.on_sample(sample(millis, 20)));
        }
    }

    proptest! {
        #[test]
        fn no_number_makes_it_overflow(
            steps in prop::collection::vec((0u8..5, 1u32..1 << 24, 0u32..1 << 20, any::<u32>()), 0..60),
        ) {
            let mut cubic = CountedCubic::default();
            let mut now = 0;
            for (kind, window, acked, pause) in steps {
                now += u64::from(pause);
                match kind {
                    0 => prop_assert!(cubic.on_loss(window) >= 2),
                    1 => cubic.on_timeout(),
                    2 => cubic.on_pause(MS(pause.into()), at(now)),
                    3 => { cubic.on_sample(Sample { window, ..sample(now, u64::from(acked)) }); }
                    _ => prop_assert!(cubic.avoidance(window, acked, at(now)) <= acked / 2 + 2),
                }
            }
        }
    }
}
