//! `--exact`: what the stack sends is held to the microsecond against the script.
//!
//! The harness adds nothing of its own: a packet comes when the script says, or within the range that it gives,
//! or it is wrong. What remains is the stack's: a kernel keeps TCP's timers in a wheel that is the coarser the
//! further ahead they lie, so that a timer fires late, by up to an eighth of its time, and never early.

use std::time::Duration;

use super::Run;
use super::schedule::{Due, Tolerance};
use crate::time::Time;

/// A timer that is so many ticks ahead, or fewer, fires with the tick behind its own.
const FINE: u128 = 63;
/// Each level of the wheel begins so many times further ahead than the one before, and moves as much slower.
const COARSER: u128 = 8;

/// How late a timer may be that was set `ahead` of its time on a clock with such ticks: what is left of the tick
/// in which it was set, and a move of its level of the wheel.
fn late_by_the_wheel(ahead: Duration, tick: Duration) -> Duration {
    let ticks = ahead.as_nanos().div_ceil(tick.as_nanos().max(1));
    let mut moves = 1;
    while ticks >= FINE.saturating_mul(moves) {
        moves *= COARSER;
    }
    let moves = u32::try_from(moves).unwrap_or(u32::MAX - 1);
    tick.saturating_mul(moves + 1)
}

impl Run<'_> {
    /// How far a packet of the stack that was sent at `at` lies outside of its time, in microseconds.
    pub(super) fn off(&self, due: Due, at: Time) -> i64 {
        if !self.exact {
            return due.error(at, self.tolerance);
        }
        let own = Tolerance {
            fixed: self.options.tolerance.unwrap_or_default(),
            percent: self.options.tolerance_percent.unwrap_or_default(),
        };
        let tick = self.session.tick(at).map(|tick| tick.length);
        let late = match tick {
            // What comes at once no timer has sent.
            Some(tick) if !due.gap.is_zero() => late_by_the_wheel(due.gap, tick),
            Some(_) | None => Duration::ZERO,
        };
        let due = Due {
            latest: due.latest.map(|latest| latest + late),
            ..due
        };
        due.error(at, own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::the_next_tick(1, 2)]
    #[case::the_first_level(62, 2)]
    #[case::the_second(63, 9)]
    #[case::delayed_acks(200, 9)]
    #[case::still_the_second(503, 9)]
    #[case::the_third(1_000, 65)]
    #[case::the_fourth(4_032, 513)]
    #[case::time_wait(60_000, 4_097)]
    fn the_further_ahead_the_coarser(#[case] ticks: u64, #[case] late: u64) {
        let tick = Duration::from_millis(1);
        let ahead = Duration::from_millis(ticks);
        assert_eq!(late_by_the_wheel(ahead, tick), Duration::from_millis(late));
        let tick = Duration::from_millis(4);
        assert_eq!(
            late_by_the_wheel(ahead * 4, tick),
            Duration::from_millis(late * 4)
        );
    }
}
