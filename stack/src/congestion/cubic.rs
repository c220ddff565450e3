//! CUBIC (RFC 9438): after a loss the window grows as a cubic function of time, fast while it is far
//! from where the loss was, slowly near it, and never slower than Reno would.
//!
//! Windows are bytes, times microseconds; the RFC's formulas count segments and seconds. Integers
//! all through: the same steps give the same window on every machine.

use core::time::Duration;

use crate::time::Instant;

/// β, what a loss leaves of the window, in tenths (§4.6).
const BETA_TENTHS: u64 = 7;

/// 1 / C = 5 / 2, C being 0.4 segments per cubic second (§5).
const C: (u128, u128) = (2, 5);

/// α before the window reaches its size at the last loss: 3 (1 - β) / (1 + β) = 9 / 17 (§4.3).
const ALPHA: (u64, u64) = (9, 17);

/// Microseconds in a second, cubed.
const CUBIC_SECOND: u128 = 1_000_000_000_000_000_000;

/// The state of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cubic {
    /// W_max: the window at the last loss, or less by fast convergence.
    w_max: u32,
    /// cwnd_prior: the window at the last loss.
    prior: u32,
    /// What began with congestion avoidance after it.
    epoch: Option<Epoch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Epoch {
    start: Instant,
    /// K in microseconds: when the cubic is back at W_max.
    k: u64,
    /// W_est: the window Reno would have, in bytes.
    w_est: u32,
    /// Fractions of a byte that W_est and the window still have to come, in 1/cwnd.
    est_fraction: u64,
    fraction: u64,
}

impl Cubic {
    /// The threshold after a loss with `flight` bytes out and a window of `cwnd`.
    // REQ: RFC9438-2
    // REQ: RFC9438-6
    // REQ: RFC9438-10
    pub fn on_loss(&mut self, flight: u32, cwnd: u32, smss: u32) -> u32 {
        // A flow that gives way before it reached its old window leaves room to others.
        self.w_max = if cwnd < self.w_max {
            scaled(cwnd, (10 + BETA_TENTHS, 20))
        } else {
            cwnd
        };
        self.prior = cwnd;
        self.epoch = None;
        remains(flight).max(smss.saturating_mul(2))
    }

    /// The sender had nothing to send for a while: the time does not count.
    // REQ: RFC9438-8
    pub fn on_idle(&mut self) {
        self.epoch = None;
    }

    /// What congestion avoidance adds for `acked` bytes at `now`.
    // REQ: RFC9438-3
    // REQ: RFC9438-4
    // REQ: RFC9438-5
    pub fn avoidance(
        &mut self,
        acked: u32,
        cwnd: u32,
        smss: u32,
        now: Instant,
        srtt: Duration,
    ) -> u32 {
        let mut epoch = self.epoch.unwrap_or_else(|| self.begin(cwnd, smss, now));
        let elapsed = now.saturating_duration_since(epoch.start).as_micros() as u64;
        let reno = epoch.reno(acked, cwnd, smss, self.prior);
        let cubic = self.window_at(elapsed, epoch.k, smss);
        let added = if cubic < u64::from(reno) {
            reno.saturating_sub(cwnd)
        } else {
            let ahead = elapsed.saturating_add(srtt.as_micros() as u64);
            let most = u64::from(cwnd) + u64::from(cwnd) / 2;
            let target = self.window_at(ahead, epoch.k, smss).min(most);
            let missing = target.saturating_sub(u64::from(cwnd));
            let due = missing.saturating_mul(u64::from(acked)) + epoch.fraction;
            let cwnd = u64::from(cwnd.max(1));
            epoch.fraction = due % cwnd;
            u32::try_from(due / cwnd).unwrap_or(u32::MAX)
        };
        self.epoch = Some(epoch);
        added
    }

    fn begin(&mut self, cwnd: u32, smss: u32, now: Instant) -> Epoch {
        // Slow start may have come beyond the window of the last loss: there is nothing to return to.
        self.w_max = self.w_max.max(cwnd);
        Epoch {
            start: now,
            k: time_to_return(self.w_max - cwnd, smss),
            w_est: cwnd,
            est_fraction: 0,
            fraction: 0,
        }
    }

    /// W_cubic(t) = C (t - K)^3 + W_max, in bytes.
    fn window_at(&self, elapsed: u64, k: u64, smss: u32) -> u64 {
        // Half an hour away the window has long been all there is.
        let distance = u128::from(elapsed.abs_diff(k)).min(1 << 31);
        let cube = distance * distance * distance;
        let part = (cube * u128::from(smss) * C.0 / (C.1 * CUBIC_SECOND)) as u64;
        let w_max = u64::from(self.w_max);
        if elapsed < k {
            w_max.saturating_sub(part)
        } else {
            w_max.saturating_add(part)
        }
    }
}

impl Epoch {
    /// W_est after `acked` bytes more: what Reno, made as aggressive as CUBIC's β asks, would have.
    // REQ: RFC9438-3
    fn reno(&mut self, acked: u32, cwnd: u32, smss: u32, prior: u32) -> u32 {
        let (over, under) = if self.w_est < prior { ALPHA } else { (1, 1) };
        let unit = u128::from(cwnd.max(1)) * u128::from(under);
        let acked = u128::from(acked) * u128::from(smss);
        let due = acked * u128::from(over) + u128::from(self.est_fraction);
        let added = u32::try_from(due / unit).unwrap_or(u32::MAX);
        self.w_est = self.w_est.saturating_add(added);
        self.est_fraction = (due % unit) as u64;
        self.w_est
    }
}

/// K: the cube root of (W_max - cwnd) / C, in microseconds.
fn time_to_return(missing: u32, smss: u32) -> u64 {
    let cube = u128::from(missing) * C.1 * CUBIC_SECOND / (u128::from(smss.max(1)) * C.0);
    cube_root(cube)
}

fn cube_root(cube: u128) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 42);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let root = u128::from(middle);
        if root * root * root <= cube {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// What congestion leaves of `flight` bytes (§4.6).
// REQ: RFC9438-2
pub fn remains(flight: u32) -> u32 {
    scaled(flight, (BETA_TENTHS, 10))
}

fn scaled(value: u32, (over, under): (u64, u64)) -> u32 {
    (u64::from(value) * over / under) as u32
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const SMSS: u32 = 1000;

    fn after_loss_at(segments: u32) -> (Cubic, u32) {
        let mut cubic = Cubic::default();
        let cwnd = segments * SMSS;
        let ssthresh = cubic.on_loss(cwnd, cwnd, SMSS);
        (cubic, ssthresh)
    }

    /// K = cbrt(W_max (1 - β) / C), by RFC 9438's figure 2 in seconds.
    #[rstest]
    #[case(100, 4_217_163)]
    #[case(1000, 9_085_602)]
    #[case(13, 2_136_329)]
    fn the_time_to_return(#[case] segments: u32, #[case] micros: u64) {
        let k = time_to_return(segments * SMSS * 3 / 10, SMSS);
        assert_eq!(k, micros);
    }

    #[rstest]
    #[case(0, 0)]
    #[case(7, 1)]
    #[case(8, 2)]
    #[case(999_999, 99)]
    #[case(1_000_000, 100)]
    fn cube_roots(#[case] cube: u128, #[case] root: u64) {
        assert_eq!(cube_root(cube), root);
    }

    #[test]
    fn a_loss_leaves_seven_tenths() {
        let (_, ssthresh) = after_loss_at(100);
        assert_eq!(ssthresh, 70_000);
        assert_eq!(Cubic::default().on_loss(1_000, 1_000, SMSS), 2_000);
    }

    #[test]
    fn a_second_loss_below_the_first_gives_way() {
        let (mut cubic, _) = after_loss_at(100);
        cubic.on_loss(80_000, 80_000, SMSS);
        assert_eq!(cubic.w_max, 68_000);
        assert_eq!(cubic.prior, 80_000);
        cubic.on_loss(90_000, 90_000, SMSS);
        assert_eq!(cubic.w_max, 90_000);
    }

    /// The cubic itself, at fractions of K: W_max - 0.3 W_max at 0, W_max at K, symmetric around it.
    #[rstest]
    #[case(0, 70_000)]
    #[case(2_108_581, 96_250)]
    #[case(4_217_163, 100_000)]
    #[case(6_325_744, 103_749)]
    #[case(8_434_326, 130_000)]
    fn the_cubic(#[case] elapsed: u64, #[case] window: u64) {
        let (mut cubic, cwnd) = after_loss_at(100);
        let epoch = cubic.begin(cwnd, SMSS, Instant::ZERO);
        let found = cubic.window_at(elapsed, epoch.k, SMSS);
        assert!(found.abs_diff(window) <= 1, "{found}");
    }

    /// One round trip of 100 ms after another, the whole window acknowledged each time.
    #[test]
    fn the_window_follows_the_cubic_within_a_round_trip() {
        let (mut cubic, mut cwnd) = after_loss_at(1000);
        let srtt = Duration::from_millis(100);
        let mut now = Instant::ZERO;
        for _ in 0..90 {
            for _ in 0..cwnd / SMSS {
                cwnd += cubic.avoidance(SMSS, cwnd, SMSS, now, srtt);
            }
            now += srtt;
        }
        // At 9.0 s the cubic is 0.25 segments below W_max.
        assert!(cwnd.abs_diff(1_000_000) < 3_000, "{cwnd}");
    }

    #[test]
    fn where_reno_is_faster_it_is_followed() {
        // 10 segments and 10 ms: K is 1.96 s, but Reno is back after 0.11 s or so.
        let (mut cubic, mut cwnd) = after_loss_at(10);
        let srtt = Duration::from_millis(10);
        let mut now = Instant::ZERO;
        for _ in 0..12 {
            for _ in 0..cwnd / SMSS {
                cwnd += cubic.avoidance(SMSS, cwnd, SMSS, now, srtt);
            }
            now += srtt;
        }
        assert!(cwnd > 9_900, "{cwnd}");
    }

    #[test]
    fn the_window_never_grows_by_more_than_half_in_a_round_trip() {
        let (mut cubic, cwnd) = after_loss_at(10);
        let srtt = Duration::from_millis(10);
        cubic.avoidance(SMSS, cwnd, SMSS, Instant::ZERO, srtt);
        let late = Instant::from_secs(3600);
        assert!(cubic.avoidance(cwnd, cwnd, SMSS, late, srtt) <= cwnd / 2);
    }

    /// RFC 9438 figures 1 and 2 in segments, seconds and floating point.
    fn by_the_formula(w_max: f64, cwnd: f64, t: f64) -> (f64, f64) {
        let k = ((w_max - cwnd) / 0.4).cbrt();
        (k, 0.4 * (t - k).powi(3) + w_max)
    }

    /// Each line: the window at the loss in segments, the time in ms, and W_cubic in segments, worked
    /// out by hand.
    #[rstest]
    #[case(10, 0, 7.0)]
    #[case(10, 1_000, 9.649)]
    #[case(10, 1_957, 10.0)]
    #[case(10, 4_000, 13.408)]
    #[case(100, 0, 70.0)]
    #[case(100, 1_000, 86.68)]
    #[case(100, 2_000, 95.64)]
    #[case(100, 4_217, 100.0)]
    #[case(100, 10_000, 177.36)]
    #[case(2_000, 0, 1_400.0)]
    #[case(2_000, 5_000, 1_892.81)]
    #[case(2_000, 11_447, 2_000.0)]
    #[case(2_000, 30_000, 4_554.4)]
    fn the_window_is_that_of_the_formula(
        #[case] segments: u32,
        #[case] millis: u64,
        #[case] by_hand: f64,
    ) {
        let (mut cubic, cwnd) = after_loss_at(segments);
        let epoch = cubic.begin(cwnd, SMSS, Instant::ZERO);
        let found = cubic.window_at(millis * 1_000, epoch.k, SMSS) as f64 / f64::from(SMSS);
        let (k, formula) = by_the_formula(
            f64::from(segments),
            0.7 * f64::from(segments),
            millis as f64 / 1e3,
        );
        assert!((epoch.k as f64 / 1e6 - k).abs() < 1e-5, "{} {k}", epoch.k);
        assert!((found - formula).abs() < 0.01, "{found} {formula}");
        assert!(
            (found - by_hand).abs() < 0.01 * by_hand,
            "{found} {by_hand}"
        );
    }

    /// Figure 4: a window's worth of acknowledgments adds α = 3 (1 - β) / (1 + β) = 0.5294 segments
    /// to W_est, and a whole one once it is back at the window before the loss.
    #[rstest]
    #[case::below(10_000, 20_000, 529)]
    #[case::back(20_000, 20_000, 1_000)]
    fn w_est_grows_as_reno_would(#[case] w_est: u32, #[case] prior: u32, #[case] grown: u32) {
        let mut epoch = Epoch {
            start: Instant::ZERO,
            k: 0,
            w_est,
            est_fraction: 0,
            fraction: 0,
        };
        let mut last = w_est;
        for _ in 0..10 {
            last = epoch.reno(SMSS, 10_000, SMSS, prior);
        }
        assert_eq!(last - w_est, grown);
    }

    proptest! {
        #[test]
        fn no_number_makes_it_overflow(
            steps in prop::collection::vec((any::<bool>(), any::<u32>(), any::<u32>(), any::<u64>()), 0..40),
            smss in 1u32..65_536,
        ) {
            let mut cubic = Cubic::default();
            for (loss, a, b, micros) in steps {
                if loss {
                    prop_assert!(cubic.on_loss(a, b, smss) >= 2 * smss);
                } else {
                    let now = Instant::from_micros(micros);
                    cubic.avoidance(a, b, smss, now, Duration::from_micros(micros / 2));
                }
            }
        }
    }
}
