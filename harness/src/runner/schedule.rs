//! When an event is due, and how far off it may be.
//!
//! Everything that happened is a [`Moment`], an interval known to hold the real
//! instant. A due time is therefore an interval too, and a packet is judged late or
//! early only if it is so for every point of it. On a virtual clock the intervals
//! are points; on a live machine they widen by exactly what the machine took.

use std::time::Duration;

use crate::program::TimeSpec;
use crate::time::{Moment, Time};

/// Tolerance of a script: the larger of a fixed one and a share of the gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    /// At least this.
    pub(super) fixed: Duration,
    /// Percent of the script-time gap to the previous event.
    pub(super) percent: f64,
}

impl Tolerance {
    /// What an event `gap` after its predecessor may be off.
    pub(super) fn for_gap(self, gap: Duration) -> Duration {
        let share = gap.as_micros() as f64 * self.percent / 100.0;
        self.fixed.max(Duration::from_micros(share as u64))
    }
}

/// When an event is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Not before.
    pub(super) earliest: Time,
    /// Not after; `None` for `*`.
    pub(super) latest: Option<Time>,
    /// Script time since the previous event, for the tolerance; of a range its start counts.
    pub(super) gap: Duration,
}

/// When `spec` is due, counted from `base`, the previous event.
pub(super) fn due(spec: TimeSpec, base: Moment) -> Due {
    let since_base = |time: Time| time.saturating_since(base.end);
    match spec {
        TimeSpec::Absolute(time) => Due {
            earliest: time,
            latest: Some(time),
            gap: since_base(time),
        },
        TimeSpec::Relative(wait) => Due {
            earliest: base.start + wait,
            latest: Some(base.end + wait),
            gap: wait,
        },
        TimeSpec::Any => Due {
            earliest: base.start,
            latest: None,
            gap: Duration::ZERO,
        },
        TimeSpec::AbsoluteRange(from, to) => Due {
            earliest: from,
            latest: Some(to),
            gap: since_base(from),
        },
        TimeSpec::RelativeRange(from, to) => Due {
            earliest: base.start + from,
            latest: Some(base.end + to),
            gap: from,
        },
    }
}

impl Due {
    /// When the harness itself acts: as late as the script allows the base to have been.
    pub(super) fn nominal(&self) -> Time {
        self.latest.unwrap_or(self.earliest)
    }

    /// As a script would write it on the case's clock: a time, a range, or `*`.
    pub(super) fn show(&self) -> String {
        match self.latest {
            None => "*".to_string(),
            // A live base is an interval too, of less than people care about.
            Some(latest) if latest.micros_since(self.earliest) < 1000 => latest.to_string(),
            Some(latest) => format!("{}~{latest}", self.earliest),
        }
    }

    /// How far `at` lies outside, in microseconds: negative if early, zero if inside.
    pub(super) fn error(&self, at: Time, tolerance: Tolerance) -> i64 {
        let Some(latest) = self.latest else { return 0 };
        let slack = tolerance.for_gap(self.gap);
        // Before the base is before the event that caused it, whatever the tolerance.
        if at < self.earliest - slack {
            return at.micros_since(self.earliest);
        }
        if at > latest + slack {
            at.micros_since(latest)
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TOLERANCE: Tolerance = Tolerance {
        fixed: Duration::from_micros(4000),
        percent: 12.5,
    };

    fn moment(start: i64, end: i64) -> Moment {
        Moment {
            start: Time::from_micros(start),
            end: Time::from_micros(end),
        }
    }

    #[rstest]
    #[case::exact(1_000_000, 0)]
    #[case::inside_the_share(1_125_000, 0)]
    #[case::late(1_125_001, 125_001)]
    #[case::early(874_999, -125_001)]
    fn a_gap_of_one_second_may_be_off_by_an_eighth(#[case] at: i64, #[case] want: i64) {
        let due = due(TimeSpec::Relative(Duration::from_secs(1)), moment(0, 0));
        assert_eq!(due.error(Time::from_micros(at), TOLERANCE), want);
    }

    #[rstest]
    #[case(6_000, 0)]
    #[case(5_999, -4_001)]
    #[case(54_000, 0)]
    #[case(54_001, 4_001)]
    fn what_the_machine_took_widens_the_window(#[case] at: i64, #[case] want: i64) {
        let due = due(TimeSpec::Relative(Duration::ZERO), moment(10_000, 50_000));
        assert_eq!(due.error(Time::from_micros(at), TOLERANCE), want);
    }

    #[rstest]
    #[case::early_inside(1_750_001, 0)]
    #[case::early(1_749_999, -250_001)]
    #[case::late_inside(3_250_000, 0)]
    #[case::late(3_250_001, 250_001)]
    fn the_start_of_a_range_gives_the_tolerance_at_both_ends(#[case] at: i64, #[case] want: i64) {
        let (from, to) = (Duration::from_secs(2), Duration::from_secs(3));
        let relative = due(TimeSpec::RelativeRange(from, to), moment(0, 0));
        let absolute = TimeSpec::AbsoluteRange(Time::ZERO + from, Time::ZERO + to);
        for due in [relative, due(absolute, moment(0, 0))] {
            assert_eq!(due.error(Time::from_micros(at), TOLERANCE), want);
        }
    }

    #[test]
    fn any_time_has_neither_beginning_nor_end() {
        let due = due(TimeSpec::Any, moment(50_000, 50_000));
        assert_eq!(due.error(Time::ZERO, TOLERANCE), 0);
        assert_eq!(due.error(Time::from_micros(1 << 40), TOLERANCE), 0);
    }
}
