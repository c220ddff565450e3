//! What a cookie cannot hold of a SYN, kept in the timestamp that goes with it (RFC 4987 §3.6, RFC 7323
//! §7): the peer sends it back as TSecr.
//!
//! The low 6 bits of TSval, before the connection's offset is added, are the peer's window scale (4
//! bits, 15 for none), SACK and ECN. The value is the latest one with these bits that is not ahead of
//! the clock, so that later timestamps never run backwards.

use core::time::Duration;

use super::CookieGenerator;
use crate::window::WindowScale;

const BITS: u32 = 6;
const MASK: u32 = (1 << BITS) - 1;
const SCALE: u32 = 0b00_1111;
const NO_SCALE: u32 = 15;
const SACK: u32 = 0b01_0000;
const ECN: u32 = 0b10_0000;

/// The options of a SYN besides its segment size and timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieOptions {
    /// The peer's shift.
    pub(crate) window_scale: Option<WindowScale>,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
}

impl CookieOptions {
    /// The timestamp that says so, for a clock in milliseconds without offset.
    pub(crate) fn stamp(self, clock: u32) -> u32 {
        let scale = self
            .window_scale
            .map_or(NO_SCALE, |scale| u32::from(scale.shift()));
        let sack = if self.sack { SACK } else { 0 };
        let ecn = if self.ecn { ECN } else { 0 };
        let bits = scale | sack | ecn;
        let value = clock & !MASK | bits;
        if bits > clock & MASK {
            value.wrapping_sub(1 << BITS)
        } else {
            value
        }
    }

    /// What an echoed timestamp says; `None` if it is older than any cookie may be or was never sent.
    pub(crate) fn read(value: u32, clock: u32) -> Option<CookieOptions> {
        let age = Duration::from_millis(clock.wrapping_sub(value).into());
        let oldest = CookieGenerator::PERIOD * CookieGenerator::PERIODS_VALID
            + Duration::from_millis(1 << BITS);
        if age > oldest {
            return None;
        }
        let scale = value & SCALE;
        Some(CookieOptions {
            window_scale: (scale != NO_SCALE).then(|| WindowScale::new(scale as u8)),
            sack: value & SACK != 0,
            ecn: value & ECN != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn options(shift: Option<u8>, sack: bool, ecn: bool) -> CookieOptions {
        CookieOptions {
            window_scale: shift.map(WindowScale::new),
            sack,
            ecn,
        }
    }

    #[rstest]
    #[case::nothing(options(None, false, false), 1000, 975)]
    #[case::all(options(Some(7), true, true), 1023, 1015)]
    #[case::not_ahead(options(Some(7), true, true), 1010, 951)]
    #[case::exactly(options(Some(0), false, false), 960, 960)]
    #[case::wrap(options(None, true, true), 3, 0xffff_ffff)]
    fn the_low_bits_of_an_earlier_time(
        #[case] options: CookieOptions,
        #[case] clock: u32,
        #[case] value: u32,
    ) {
        assert_eq!(options.stamp(clock), value);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_as_long_as_a_cookie_lives(
            shift in prop::option::of(0u8..=14),
            sack: bool,
            ecn: bool,
            clock: u32,
            later in 0u32..=128_000,
        ) {
            let options = options(shift, sack, ecn);
            let value = options.stamp(clock);
            prop_assert!(clock.wrapping_sub(value) < 64, "not older than a tick of 64 ms");
            prop_assert_eq!(CookieOptions::read(value, clock.wrapping_add(later)), Some(options));
        }

        #[test]
        fn what_was_not_sent_lately_says_nothing(value: u32, clock: u32) {
            let age = clock.wrapping_sub(value);
            let read = CookieOptions::read(value, clock);
            prop_assert_eq!(read.is_some(), age <= 128_064);
        }
    }
}
