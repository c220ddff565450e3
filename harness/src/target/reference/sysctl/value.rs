//! Values as `sysctl` takes them.

use std::time::Duration;

use super::Refusal;

/// A number as the kernel reads it: decimal, `0x…`, or octal behind a zero.
pub(super) fn integer(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

pub(super) fn number(text: &str, low: u64, high: u64) -> Result<u64, Refusal> {
    integer(text)
        .filter(|value| (low..=high).contains(value))
        .ok_or(Refusal::Invalid)
}

pub(super) fn numbers<const N: usize>(text: &str) -> Result<[u64; N], Refusal> {
    let values: Result<Vec<u64>, Refusal> = text
        .split_whitespace()
        .map(|word| number(word, 0, i32::MAX as u64))
        .collect();
    values?.try_into().map_err(|_| Refusal::Invalid)
}

pub(super) fn flag(text: &str) -> Result<bool, Refusal> {
    Ok(number(text, 0, 1)? != 0)
}

pub(super) fn seconds(text: &str) -> Result<Duration, Refusal> {
    Ok(Duration::from_secs(number(
        text,
        0,
        i32::MAX as u64 / 1000,
    )?))
}

pub(super) fn millis(text: &str) -> Result<Duration, Refusal> {
    Ok(Duration::from_millis(number(text, 0, i32::MAX as u64)?))
}

pub(super) fn buffer(bytes: u64) -> Result<usize, Refusal> {
    usize::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes > 0)
        .ok_or(Refusal::Invalid)
}

/// The smallest shift with which a 16-bit window reaches `bytes`, at most 14 (RFC 7323 §2.3).
pub(super) fn shift_for(bytes: u64) -> u8 {
    (0..14)
        .find(|shift| 65_535u64 << shift >= bytes)
        .unwrap_or(14)
}

/// The time `retries` retransmissions take before the last wait is over, doubling from `first` up to
/// `longest`: how Linux turns a count into the times of RFC 9293 §3.8.3.
pub(in crate::target::reference) fn back_off(
    retries: u64,
    first: Duration,
    longest: Duration,
) -> Duration {
    let mut total = Duration::ZERO;
    let mut wait = first;
    for _ in 0..=retries {
        total += wait;
        wait = (wait * 2).min(longest);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0x70403", Some(0x70403))]
    #[case("017", Some(15))]
    #[case(" 0 ", Some(0))]
    #[case("4294967295", Some(4_294_967_295))]
    #[case("08", None)]
    #[case("-1", None)]
    #[case("", None)]
    fn numbers_are_read_as_by_the_kernel(#[case] text: &str, #[case] want: Option<u64>) {
        assert_eq!(integer(text), want);
    }

    #[rstest]
    #[case(65_535, 0)]
    #[case(65_536, 1)]
    #[case(6_291_456, 7)]
    #[case(15_728_640, 8)]
    #[case(u64::from(u32::MAX), 14)]
    fn the_shift_lets_the_largest_buffer_be_offered(#[case] bytes: u64, #[case] shift: u8) {
        assert_eq!(shift_for(bytes), shift);
    }

    #[test]
    fn six_syn_retries_take_127_seconds() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(120));
        assert_eq!(back_off(6, first, longest), Duration::from_secs(127));
    }

    #[test]
    fn fifteen_data_retries_take_924_and_a_half_seconds_with_linuxs_bounds() {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(120));
        assert_eq!(back_off(15, first, longest), Duration::from_millis(924_600));
    }
}
