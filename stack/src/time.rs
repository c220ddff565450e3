//! A point in time that somebody else measured.
//!
//! The stack never reads a clock: every entry point is told what time it is.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::{Add, AddAssign};
use core::time::Duration;

/// Microseconds since an origin chosen by the caller; lasts for 584,000 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// One more than the microseconds: a connection has many moments that may not have come yet, and
    /// `Option<Instant>` is no larger than this.
    NonZeroU64,
);

impl Instant {
    /// The origin of the time line.
    pub const ZERO: Instant = Instant::from_micros(0);

    /// The end of the time line.
    pub const END: Instant = Instant::from_micros(u64::MAX);

    /// The instant `micros` µs after the origin; saturates at the end of the time line.
    pub const fn from_micros(micros: u64) -> Instant {
        Instant(NonZeroU64::MIN.saturating_add(micros))
    }

    /// The instant `millis` ms after the origin; saturates at the end of the time line.
    pub const fn from_millis(millis: u64) -> Instant {
        Instant::from_micros(millis.saturating_mul(1_000))
    }

    /// The instant `secs` s after the origin; saturates at the end of the time line.
    pub const fn from_secs(secs: u64) -> Instant {
        Instant::from_micros(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0.get() - 1
    }

    /// Whole milliseconds since the origin, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.as_micros() / 1_000
    }

    /// Time from `earlier` to `self`, zero when `earlier` is the later one.
    pub const fn saturating_duration_since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Instant {
    /// The origin.
    fn default() -> Instant {
        Instant::ZERO
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.as_micros()).finish()
    }
}

/// Rounds `duration` up to whole µs, so that a deadline is never early, and saturates.
fn micros_rounded_up(duration: Duration) -> u64 {
    let micros = duration.as_nanos().div_ceil(1_000);
    u64::try_from(micros).unwrap_or(u64::MAX)
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the end of the time line: a deadline that far away never comes.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(micros_rounded_up(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_rounds_up_and_saturates() {
        let start = Instant::from_micros(10);
        assert_eq!(start + Duration::from_nanos(1), Instant::from_micros(11));
        assert_eq!(start + Duration::from_micros(5), Instant::from_micros(15));
        assert_eq!(start + Duration::MAX, Instant::END);
        assert_eq!(Instant::from_micros(u64::MAX), Instant::END);
        assert!(Instant::from_micros(u64::MAX - 2) < Instant::END);
    }

    #[test]
    fn a_moment_that_may_be_missing_takes_no_more_room() {
        assert_eq!(size_of::<Option<Instant>>(), size_of::<u64>());
        assert_eq!(
            alloc::format!("{:?}", Instant::from_micros(7)),
            "Instant(7)"
        );
    }

    #[test]
    fn a_span_is_never_negative() {
        let (early, late) = (Instant::from_millis(1), Instant::from_secs(1));
        assert_eq!(
            late.saturating_duration_since(early),
            Duration::from_millis(999)
        );
        assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
        assert_eq!(late.as_millis(), 1_000);
    }
}
