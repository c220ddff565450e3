//! Option values as bytes.

use std::time::Duration;

use crate::call::Errno;
use crate::target::errno::{EDOM, EINVAL};

/// An `int`.
pub(in crate::target) fn int(value: i32) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// The `int` at this place; EINVAL if the value ends before.
pub(in crate::target) fn read_int(value: &[u8], at: usize) -> Result<i32, Errno> {
    let bytes: Option<[u8; 4]> = value.get(at..at + 4).and_then(|four| four.try_into().ok());
    bytes.map(i32::from_ne_bytes).ok_or(EINVAL)
}

/// The `long` at this place.
fn read_long(value: &[u8], at: usize) -> Result<i64, Errno> {
    let bytes: Option<[u8; 8]> = value
        .get(at..at + 8)
        .and_then(|eight| eight.try_into().ok());
    bytes.map(i64::from_ne_bytes).ok_or(EINVAL)
}

/// `struct timeval`; zero means for ever.
pub(in crate::target) fn read_timeval(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let (seconds, micros) = (read_long(value, 0)?, read_long(value, 8)?);
    if !(0..1_000_000).contains(&micros) {
        return Err(EDOM);
    }
    // A negative time is "do not wait".
    let length = Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
        + Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    Ok(Some(length).filter(|length| seconds < 0 || !length.is_zero()))
}

/// `struct timeval`.
pub(in crate::target) fn timeval(length: Option<Duration>) -> Vec<u8> {
    let length = length.unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    [
        seconds.to_ne_bytes(),
        i64::from(length.subsec_micros()).to_ne_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeval_of_zero_waits_for_ever_and_bad_microseconds_are_out_of_domain() {
        assert_eq!(read_timeval(&timeval(None)).unwrap(), None);
        let length = Some(Duration::from_micros(2_000_003));
        assert_eq!(read_timeval(&timeval(length)).unwrap(), length);
        let bad = [0i64.to_ne_bytes(), 1_000_000i64.to_ne_bytes()].concat();
        assert_eq!(read_timeval(&bad), Err(EDOM));
    }
}
