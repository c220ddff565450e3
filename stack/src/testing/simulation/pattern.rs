//! The bytes that applications send: known at every place of every stream, so that each one that
//! arrives can be judged at once.

use crate::rng::Rng;
use alloc::vec::Vec;

/// A prime, so that no power of two moves a stream onto itself.
const PERIOD: usize = 16_381;

/// Where all streams take their bytes from.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Two periods, so that every slice of one lies in one piece.
    bytes: Vec<u8>,
}

impl Default for Pattern {
    fn default() -> Pattern {
        Pattern::new()
    }
}

impl Pattern {
    /// The longest slice that can be had.
    pub const MAX: usize = PERIOD;

    /// The pattern; there is only one.
    pub fn new() -> Pattern {
        let mut rng = Rng::new(0x7061_7474_6572_6e00);
        let mut bytes = Vec::with_capacity(2 * PERIOD + 8);
        while bytes.len() < PERIOD {
            bytes.extend_from_slice(&rng.next_u64().to_le_bytes());
        }
        bytes.truncate(PERIOD);
        bytes.extend_from_within(..);
        Pattern { bytes }
    }

    /// `len` bytes of `stream` from `position` on; at most [`MAX`](Self::MAX).
    pub fn slice(&self, stream: usize, position: u64, len: usize) -> &[u8] {
        let start = (stream as u64 * 7_919 + position) % PERIOD as u64;
        &self.bytes[start as usize..start as usize + len.min(PERIOD)]
    }

    /// Whether `found` is what stands at `position` of `stream`.
    pub fn matches(&self, stream: usize, mut position: u64, found: &[u8]) -> bool {
        found.chunks(PERIOD).all(|chunk| {
            let same = self.slice(stream, position, chunk.len()) == chunk;
            position += chunk.len() as u64;
            same
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_or_foreign_stream_does_not_match() {
        let pattern = Pattern::new();
        let mut found = Vec::new();
        for position in [0, 10_000, 16_000, 20_000] {
            found.extend_from_slice(pattern.slice(3, found.len() as u64, 5_000 + position / 10));
        }
        assert!(pattern.matches(3, 0, &found));
        assert!(pattern.matches(3, 17, &found[17..]));
        for shift in [1, 2, 255, 256, 65_535, 65_536] {
            assert!(!pattern.matches(3, shift, &found), "shift {shift}");
        }
        assert!(!pattern.matches(4, 0, &found));
        found[12_345] ^= 1;
        assert!(!pattern.matches(3, 0, &found));
    }
}
