//! Script time: microseconds since a case's clock was started.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on a case's own clock, in microseconds since the clock was started.
///
/// Signed, because a comparison may reach before the start (a tolerance around zero).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(i64);

impl Time {
    /// The moment the clock was started.
    pub const ZERO: Time = Time(0);
    /// Later than anything a script can name.
    pub const MAX: Time = Time(i64::MAX / 4);

    /// A point `micros` microseconds after the start.
    pub const fn from_micros(micros: i64) -> Time {
        Time(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Microseconds from `earlier` to `self`; negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Time) -> i64 {
        self.0 - earlier.0
    }

    /// The length of time from `earlier` to `self`; zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Time) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

/// A length of time in microseconds; beyond what scripts can name it is all the same.
fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).map_or(Time::MAX.0, |micros| micros.min(Time::MAX.0))
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, length: Duration) -> Time {
        Time(self.0.saturating_add(micros(length)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, length: Duration) -> Time {
        Time(self.0.saturating_sub(micros(length)))
    }
}

impl fmt::Display for Time {
    /// Seconds with six decimals, as scripts write times: `1.050000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// When something really happened: between `start` and `end`, both measured.
///
/// An instant on a virtual clock; on a live machine the two ends differ by what
/// the machine took, and a judgement must hold for every point in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Not earlier than this.
    pub start: Time,
    /// Not later than this.
    pub end: Time,
}

impl Moment {
    /// A moment known exactly.
    pub const fn at(time: Time) -> Moment {
        Moment {
            start: time,
            end: time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_shown_in_seconds_with_six_decimals() {
        assert_eq!(Time::from_micros(1_050_000).to_string(), "1.050000");
        assert_eq!(Time::from_micros(-4_000).to_string(), "-0.004000");
    }

    #[test]
    fn time_arithmetic_saturates_instead_of_overflowing() {
        assert!(Time::MAX + Duration::MAX > Time::MAX);
        assert_eq!(
            Time::ZERO.saturating_since(Time::from_micros(5)),
            Duration::ZERO
        );
    }
}
