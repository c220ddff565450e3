//! Payload bytes as a function of the stream offset.
//!
//! A byte's value says where in which stream it belongs, so that loss,
//! duplication, disorder and mixed-up directions all show as a wrong byte.

use std::sync::OnceLock;

/// Which way a stream flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the harness to the stack under test.
    ToStack,
    /// From the stack under test to the harness.
    FromStack,
}

/// The byte at `offset` (0 is the first byte of data) of a stream.
///
/// A multiplicative hash: neighbours differ, no short period, and never zero, so
/// that a stack which sends cleared memory is found out.
pub fn byte_at(direction: Direction, offset: u64) -> u8 {
    let salt: u64 = match direction {
        Direction::ToStack => 0x51,
        Direction::FromStack => 0xa7,
    };
    let mixed = (offset + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt << 32);
    let folded = mixed ^ (mixed >> 29);
    ((folded >> 33) % 255) as u8 + 1
}

/// `len` bytes from `offset` on.
pub fn bytes_at(direction: Direction, offset: u64, len: usize) -> Vec<u8> {
    match at_hand(direction, offset, len) {
        Some(bytes) => bytes.to_vec(),
        None => worked_out(direction, offset, len),
    }
}

fn at_hand(direction: Direction, offset: u64, len: usize) -> Option<&'static [u8]> {
    let start = usize::try_from(offset).ok()?;
    beginning(direction).get(start..start.checked_add(len)?)
}

fn worked_out(direction: Direction, offset: u64, len: usize) -> Vec<u8> {
    (0..len as u64)
        .map(|index| byte_at(direction, offset.wrapping_add(index)))
        .collect()
}

/// The bytes that most streams have only, worked out once.
fn beginning(direction: Direction) -> &'static [u8] {
    const LEN: usize = 1 << 18;
    static TO_STACK: OnceLock<Vec<u8>> = OnceLock::new();
    static FROM_STACK: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = match direction {
        Direction::ToStack => &TO_STACK,
        Direction::FromStack => &FROM_STACK,
    };
    bytes.get_or_init(|| worked_out(direction, 0, LEN))
}

/// Works out what no case should be late for: a large write would wait for its bytes, half a
/// millisecond and more where the harness is built without optimisation.
pub fn prepare() {
    beginning(Direction::ToStack);
    beginning(Direction::FromStack);
}

/// The same for a segment, whose place in the stream is a 32-bit sequence number: a segment that
/// begins before the stream wraps into it.
pub fn segment_at(direction: Direction, offset: u64, len: usize) -> Vec<u8> {
    if let Some(bytes) = at_hand(direction, offset, len) {
        return bytes.to_vec();
    }
    (0..len as u64)
        .map(|index| byte_at(direction, offset.wrapping_add(index) & u64::from(u32::MAX)))
        .collect()
}

/// Where `seen` first departs from the stream at `offset`: the index in `seen`,
/// the byte that belongs there, the byte that was seen.
pub fn first_difference(direction: Direction, offset: u64, seen: &[u8]) -> Option<(usize, u8, u8)> {
    if at_hand(direction, offset, seen.len()) == Some(seen) {
        return None;
    }
    seen.iter().enumerate().find_map(|(index, &byte)| {
        let belongs = byte_at(direction, offset.wrapping_add(index as u64));
        (byte != belongs).then_some((index, belongs, byte))
    })
}

/// The stream offset, near `offset`, from which `seen` would be right: tells a
/// duplicate or a gap from garbage.
pub fn shifted_from(direction: Direction, offset: u64, seen: &[u8]) -> Option<i64> {
    const REACH: i64 = 4096;
    let sample = &seen[..seen.len().min(16)];
    if sample.len() < 4 {
        return None;
    }
    (-REACH..=REACH).filter(|shift| *shift != 0).find(|shift| {
        offset
            .checked_add_signed(*shift)
            .is_some_and(|from| first_difference(direction, from, sample).is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sixteen_bytes_repeat_near_by_or_in_the_other_direction() {
        let stream = bytes_at(Direction::ToStack, 0, 70_000);
        let other = bytes_at(Direction::FromStack, 0, 70_000);
        let mut seen = std::collections::BTreeSet::new();
        for window in stream.windows(16).chain(other.windows(16)) {
            assert!(seen.insert(window.to_vec()), "repeats: {window:?}");
        }
    }

    #[test]
    fn a_segment_from_before_the_stream_goes_on_with_its_first_bytes() {
        let before = u64::from(u32::MAX) - 1;
        let segment = segment_at(Direction::ToStack, before, 5);
        assert_eq!(segment[..2], bytes_at(Direction::ToStack, before, 2));
        assert_eq!(segment[2..], bytes_at(Direction::ToStack, 0, 3));
    }

    #[test]
    fn what_is_at_hand_is_what_would_be_worked_out() {
        for direction in [Direction::ToStack, Direction::FromStack] {
            for (offset, len) in [(0, 10), (70_000, 3000), ((1 << 18) - 5, 10), (1 << 40, 7)] {
                let bytes = bytes_at(direction, offset, len);
                assert_eq!(bytes, worked_out(direction, offset, len));
                assert_eq!(first_difference(direction, offset, &bytes), None);
                let mut wrong = bytes.clone();
                wrong[3] ^= 1;
                let found = Some((3, bytes[3], wrong[3]));
                assert_eq!(first_difference(direction, offset, &wrong), found);
            }
        }
    }

    #[test]
    fn no_byte_is_zero() {
        assert!(!bytes_at(Direction::FromStack, 0, 10_000).contains(&0));
    }

    #[test]
    fn a_gap_and_a_duplicate_are_told_apart_from_garbage() {
        let seen = bytes_at(Direction::ToStack, 107, 50);
        assert_eq!(shifted_from(Direction::ToStack, 100, &seen), Some(7));
        assert_eq!(shifted_from(Direction::ToStack, 110, &seen), Some(-3));
        assert_eq!(shifted_from(Direction::ToStack, 100, &[0; 50]), None);
        assert_eq!(first_difference(Direction::ToStack, 107, &seen), None);
    }
}
