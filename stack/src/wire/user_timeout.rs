//! The user timeout option (RFC 5482 §3.3): a granularity bit and 15 bits of seconds or minutes.

use core::num::NonZeroU16;
use core::time::Duration;

/// Kind of the option.
pub(super) const USER_TIMEOUT: u8 = 28;

const MINUTES: u16 = 0x8000;
const VALUE: u16 = 0x7fff;

/// A user timeout as it stands in the option, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserTimeout(NonZeroU16);

impl UserTimeout {
    /// The field with this value; `None` for zero, which means nothing (RFC 5482 §3.4).
    // REQ: RFC5482-6
    pub const fn new(raw: u16) -> Option<UserTimeout> {
        match NonZeroU16::new(raw) {
            Some(some) if raw & VALUE != 0 => Some(UserTimeout(some)),
            Some(_) | None => None,
        }
    }

    /// The option for `length`: in seconds as far as they reach (9 hours), then in minutes, at most 22
    /// days; rounded up, so that what is announced is kept.
    // REQ: RFC5482-2
    // REQ: RFC5482-6
    pub fn of(length: Duration) -> UserTimeout {
        let seconds = length.as_millis().div_ceil(1000);
        let raw = match u16::try_from(seconds) {
            Ok(seconds) if seconds <= VALUE => seconds,
            Ok(_) | Err(_) => {
                let minutes = seconds.div_ceil(60).min(u128::from(VALUE));
                MINUTES | minutes as u16
            }
        };
        UserTimeout(NonZeroU16::new(raw).unwrap_or(NonZeroU16::MIN))
    }

    /// The field on the wire.
    pub const fn raw(self) -> u16 {
        self.0.get()
    }

    /// The time it stands for.
    pub const fn length(self) -> Duration {
        let value = (self.raw() & VALUE) as u64;
        if self.raw() & MINUTES == 0 {
            Duration::from_secs(value)
        } else {
            Duration::from_secs(value * 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(Duration::ZERO, 1)]
    #[case(Duration::from_millis(1001), 2)]
    #[case(Duration::from_secs(300), 300)]
    #[case(Duration::from_secs(32_767), 0x7fff)]
    #[case(Duration::from_secs(32_768), 0x8000 | 547)]
    #[case(Duration::from_secs(32_767 * 60), 0xffff)]
    #[case(Duration::from_secs(u64::MAX), 0xffff)]
    fn seconds_as_far_as_they_reach_then_minutes(#[case] length: Duration, #[case] raw: u16) {
        assert_eq!(UserTimeout::of(length).raw(), raw);
    }

    #[rstest]
    #[case(0, None)]
    #[case(0x8000, None)]
    #[case(1, Some(1))]
    #[case(0x8001, Some(60))]
    fn zero_means_nothing(#[case] raw: u16, #[case] seconds: Option<u64>) {
        let length = UserTimeout::new(raw).map(UserTimeout::length);
        assert_eq!(length, seconds.map(Duration::from_secs));
    }

    proptest! {
        #[test]
        fn what_is_announced_is_kept(seconds in 0u64..1_966_020) {
            let length = Duration::from_secs(seconds);
            let announced = UserTimeout::of(length).length();
            prop_assert!(announced >= length);
            prop_assert!(announced < length + Duration::from_secs(60));
        }
    }
}
