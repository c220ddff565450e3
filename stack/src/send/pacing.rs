//! Pacing: segments leave one after the other at a rate instead of in bursts (RFC 9002 §7.7; TCP has
//! no rule of its own). Off unless a setting or the user asks for it.
//!
//! The host has no clock: a segment that is held back has its time in the timer table, and comes with
//! the deadline that [`Host::poll`](crate::Host::poll) hands out.

use alloc::boxed::Box;
use core::time::Duration;

use crate::ecn::hold;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

const NANOS_PER_MICRO: u64 = 1_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// How fast segments leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacingRules {
    /// Every connection is paced, not only those whose user has set a rate.
    pub always: bool,
    /// The rate in slow start, in percent of a congestion window each round trip; above 100, for the
    /// window grows while it is used.
    pub slow_start: u32,
    /// The same in congestion avoidance. RFC 9002 §7.7 speaks of 125, so that a round trip that
    /// varies does not leave the window unused.
    pub avoidance: u32,
    /// Segments that may leave together, at least 1; RFC 9002 §7.7 wants no more than an initial
    /// window. When, [`pause`](PacingRules::pause) says.
    pub burst: u32,
    /// What a pause earns.
    pub pause: PauseCredit,
}

/// What a sender that paused may make up for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PauseCredit {
    /// A burst leaves at once after any pause that is long enough (RFC 9002 §7.7).
    #[default]
    Burst,
    /// The first burst of a connection leaves at once; later what follows a pause comes up to half an
    /// interval early (Linux).
    HalfInterval,
}

impl Default for PacingRules {
    /// RFC 9002, for whoever asks.
    fn default() -> PacingRules {
        PacingRules {
            always: false,
            slow_start: 200,
            avoidance: 125,
            burst: 10,
            pause: PauseCredit::Burst,
        }
    }
}

/// When the next segment may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pacer {
    /// In nanoseconds from the origin of time: at high rates segments are less than 1 µs apart.
    due: u64,
}

impl Pacer {
    /// The first moment at which a segment may leave: at the next whole microsecond.
    pub const fn due(&self) -> Instant {
        Instant::from_micros(self.due.div_ceil(NANOS_PER_MICRO))
    }

    /// A segment with `len` bytes of text leaves at `now`, at `rate` bytes a second; `burst` bytes may
    /// follow a pause at once. What the next one waits for is a whole number of nanoseconds, rounded
    /// down; that a timer is less than 1 µs late does not add up.
    pub fn on_sent(&mut self, len: u32, rate: u64, burst: u32, now: Instant) {
        let now = now.as_micros() * NANOS_PER_MICRO;
        if self.due + NANOS_PER_MICRO <= now {
            // The segment at hand is the first of the burst.
            let rest = burst.saturating_sub(len);
            self.due = self.due.max(now.saturating_sub(interval(rest, rate)));
        }
        self.due = self.due.saturating_add(interval(len, rate));
    }

    /// The same where a pause earns half an interval: `len` bytes leave together, the next ones up to
    /// that much early, as far as these are late.
    pub fn on_sent_after_pause(&mut self, len: u32, rate: u64, now: Instant) {
        let now = now.as_micros() * NANOS_PER_MICRO;
        let late = now.saturating_sub(self.due);
        let interval = interval(len, rate);
        let wait = interval - late.min(interval / 2);
        self.due = self.due.max(now).saturating_add(wait);
    }

    /// Something left that is not paced.
    pub fn skip(&mut self, now: Instant) {
        self.due = self.due.max(now.as_micros() * NANOS_PER_MICRO);
    }
}

/// The time that `len` bytes take at `rate` bytes a second, in nanoseconds.
pub fn interval(len: u32, rate: u64) -> u64 {
    let nanos = u128::from(len) * NANOS_PER_SECOND / u128::from(rate.max(1));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// The rate of `percent` per cent of `cwnd` bytes each `srtt`, in bytes a second, at least 1.
pub fn rate_of(percent: u32, cwnd: u32, srtt: Duration) -> u64 {
    let micros = srtt.as_micros().max(1);
    let rate = u128::from(percent) * u128::from(cwnd) * 10_000 / micros;
    u64::try_from(rate).unwrap_or(u64::MAX).max(1)
}

/// The rate in bytes a second; `None` while nothing bounds it: before the first round trip was
/// measured, if the user has set none.
pub(crate) fn rate(tcb: &Tcb) -> Option<u64> {
    let rules = &tcb.config.pacing;
    let congestion = &tcb.snd.congestion;
    let percent = match congestion.in_slow_start() {
        true => rules.slow_start,
        false => rules.avoidance,
    };
    let computed = tcb
        .snd
        .rtt
        .srtt()
        .map(|srtt| rate_of(percent, congestion.cwnd(), srtt));
    match (computed, tcb.options.max_pacing_rate) {
        (Some(computed), Some(set)) => Some(computed.min(set.max(1))),
        (Some(rate), None) | (None, Some(rate)) => Some(rate.max(1)),
        (None, None) => None,
    }
}

/// What a connection with these settings starts with.
pub(crate) fn pacer(rules: &PacingRules, max_rate: Option<u64>) -> Option<Box<Pacer>> {
    (rules.always || max_rate.is_some()).then(Box::default)
}

/// What can leave is looked at anew: what no longer waits needs no timer.
pub(crate) fn begin(tcb: &mut Tcb) {
    if tcb.snd.pacer.is_some() || hold::until(tcb).is_some() {
        tcb.timers.disarm(Timer::Pacing);
    }
}

/// The user may have set a rate, or let go of it.
pub(crate) fn follow_options(tcb: &mut Tcb) {
    match pacer(&tcb.config.pacing, tcb.options.max_pacing_rate) {
        Some(fresh) => {
            tcb.snd.pacer.get_or_insert(fresh);
        }
        None => {
            tcb.snd.pacer = None;
            tcb.timers.disarm(Timer::Pacing);
        }
    }
}

/// Whether a segment that could leave has to wait, for its turn or because of marks; then a timer waits
/// with it.
pub(crate) fn holds_back(tcb: &mut Tcb, now: Instant) -> bool {
    let turn = tcb.snd.pacer.as_ref().map(|pacer| pacer.due());
    let Some(due) = turn.max(hold::until(tcb)) else {
        return false;
    };
    let early = now < due;
    if early {
        tcb.timers.arm(Timer::Pacing, due);
    }
    early
}

/// Segments with `len` bytes of text left together, the first of them with at most `full`.
pub(crate) fn on_sent(tcb: &mut Tcb, len: u32, full: u32, now: Instant) {
    if tcb.snd.pacer.is_none() {
        return;
    }
    let Some(rate) = rate(tcb) else {
        return;
    };
    let PacingRules { burst, pause, .. } = tcb.config.pacing;
    let bytes = tcb.snd.congestion.smss().saturating_mul(burst.max(1));
    let begins = tcb.counters.data_segments_out() < u64::from(burst);
    let Some(pacer) = &mut tcb.snd.pacer else {
        return;
    };
    match pause {
        PauseCredit::Burst => {
            let first = len.min(full);
            pacer.on_sent(first, rate, bytes, now);
            pacer.on_sent(len - first, rate, bytes, now);
        }
        PauseCredit::HalfInterval if begins => pacer.skip(now),
        PauseCredit::HalfInterval => pacer.on_sent_after_pause(len, rate, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    /// RFC 9002 §7.7: `rate = N * congestion_window / smoothed_rtt`.
    #[rstest]
    #[case(100, 14_600, 100, 146_000)]
    #[case(125, 14_600, 100, 182_500)]
    #[case(200, 14_600, 50, 584_000)]
    #[case(125, u32::MAX, 1, 5_368_709_118_750)]
    #[case(0, 14_600, 100, 1)]
    fn the_rate_is_the_window_in_each_round_trip(
        #[case] percent: u32,
        #[case] cwnd: u32,
        #[case] srtt_ms: u64,
        #[case] rate: u64,
    ) {
        assert_eq!(rate_of(percent, cwnd, Duration::from_millis(srtt_ms)), rate);
    }

    /// RFC 9002 §7.7: `interval = (smoothed_rtt * packet_size / congestion_window) / N`.
    #[rstest]
    #[case(1460, 146_000, 10_000_000)]
    #[case(1460, 182_500, 8_000_000)]
    #[case(1460, 125_000_000, 11_680)]
    #[case(0, 1, 0)]
    #[case(u32::MAX, 0, 4_294_967_295_000_000_000)]
    fn the_interval_is_the_text_by_the_rate(
        #[case] len: u32,
        #[case] rate: u64,
        #[case] nanos: u64,
    ) {
        assert_eq!(interval(len, rate), nanos);
    }

    /// When segments of 1000 bytes leave, in µs, if each leaves as soon as it may.
    fn departures(rate: u64, burst: u32, start: u64, count: usize) -> Vec<u64> {
        let mut pacer = Pacer::default();
        let mut now = Instant::from_micros(start);
        (0..count)
            .map(|_| {
                now = now.max(pacer.due());
                pacer.on_sent(1000, rate, burst * 1000, now);
                now.as_micros()
            })
            .collect()
    }

    #[rstest]
    #[case::one_each(1_000_000, 1, &[5_000, 6_000, 7_000, 8_000])]
    #[case::three_at_once(1_000_000, 3, &[5_000, 5_000, 5_000, 6_000, 7_000])]
    #[case::less_than_a_microsecond(3_000_000_000, 1, &[5_000, 5_001, 5_001, 5_001, 5_002])]
    #[case::no_drift(300_000_000, 1, &[5_000, 5_004, 5_007, 5_010, 5_014])]
    fn segments_leave_at_the_rate(#[case] rate: u64, #[case] burst: u32, #[case] expected: &[u64]) {
        assert_eq!(departures(rate, burst, 5_000, expected.len()), expected);
    }

    #[test]
    fn a_pause_earns_a_burst_and_no_more() {
        let mut pacer = Pacer::default();
        let mut now = Instant::from_micros(0);
        let mut left = Vec::new();
        for n in 0..6 {
            if n == 2 {
                now += Duration::from_secs(100);
            }
            now = now.max(pacer.due());
            pacer.on_sent(1000, 1_000_000, 2000, now);
            left.push(now.as_micros());
        }
        assert_eq!(
            left,
            [0, 1_000, 100_001_000, 100_001_000, 100_002_000, 100_003_000]
        );
    }

    /// Bursts of 2000 bytes at a byte each µs, each as soon as it may leave but the third, which is
    /// late by so much: what follows makes up for half of its interval at most.
    #[rstest]
    #[case::on_time(0, [0, 1_000, 3_000, 5_000, 7_000])]
    #[case::a_bit_late(300, [0, 1_000, 3_300, 5_000, 7_000])]
    #[case::very_late(100_000, [0, 1_000, 103_000, 104_000, 106_000])]
    fn half_an_interval_is_made_up_for(#[case] late: u64, #[case] expected: [u64; 5]) {
        let start = 1_000_000;
        let mut pacer = Pacer::default();
        let mut now = Instant::from_micros(start);
        let left = core::array::from_fn(|n| {
            now = now.max(pacer.due());
            if n == 2 {
                now += Duration::from_micros(late);
            }
            pacer.on_sent_after_pause(2000, 1_000_000, now);
            now.as_micros() - start
        });
        assert_eq!(left, expected);
    }

    proptest! {
        /// In no stretch of time more leaves than the rate and one burst allow.
        #[test]
        fn the_rate_is_kept(
            rate in 1_000u64..10_000_000_000,
            burst in 1u32..20,
            steps in prop::collection::vec((0u64..5_000, 1u32..1460), 1..100),
        ) {
            let mut pacer = Pacer::default();
            let mut now = Instant::from_micros(1_000_000);
            let mut sent: Vec<(u64, u64)> = Vec::new();
            for (pause, len) in steps {
                now = (now + Duration::from_micros(pause)).max(pacer.due());
                pacer.on_sent(len, rate, burst * 1460, now);
                sent.push((now.as_micros(), u64::from(len)));
            }
            for first in 0..sent.len() {
                let mut total = 0u128;
                for (at, len) in &sent[first..] {
                    total += u128::from(*len);
                    let micros = u128::from(at - sent[first].0 + 1);
                    let allowed = u128::from(rate) * micros / 1_000_000 + u128::from(burst) * 1460;
                    // Each interval is rounded down to a nanosecond.
                    let slack = sent.len() as u128 * (u128::from(rate) / 1_000_000_000 + 1);
                    prop_assert!(total <= allowed + slack + u128::from(*len), "{sent:?}");
                }
            }
        }
    }
}
