//! Text: every byte is a function of its place, so that one in a wrong place shows.
//!
//! Places count modulo 2^16, which is more than any buffer here holds: text is copied and compared in stretches.

use std::sync::LazyLock;

/// How many places there are before they begin anew.
const PERIOD: usize = 1 << 16;
/// No stretch is longer.
const LONGEST: usize = PERIOD;

/// Both ends' text, twice, so that a stretch may begin anywhere.
static TEXTS: LazyLock<[Box<[u8]>; 2]> = LazyLock::new(|| {
    [0x9e37_79b1, 0x85eb_ca6b].map(|factor: u32| {
        let byte = |place: usize| ((place % PERIOD) as u32).wrapping_mul(factor) >> 24;
        (0..PERIOD + LONGEST)
            .map(|place| byte(place) as u8)
            .collect()
    })
});

/// Whose text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The peer's, by sequence number.
    Peer,
    /// The user's, by the number of bytes before.
    User,
}

impl Stream {
    /// So many bytes from a place on, 65,536 at most.
    pub(crate) fn text(self, from: u32, len: usize) -> &'static [u8] {
        let start = from as usize % PERIOD;
        let len = len.min(LONGEST);
        &TEXTS[self as usize][start..start + len]
    }

    /// The first byte that is not as it should be: its index.
    pub(super) fn first_wrong(self, bytes: &[u8], from: u32) -> Option<usize> {
        let right = self.text(from, bytes.len());
        match bytes == right {
            true => None,
            false => bytes
                .iter()
                .zip(right)
                .position(|(found, right)| found != right)
                .or(Some(right.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_in_a_wrong_place_shows() {
        for stream in [Stream::Peer, Stream::User] {
            let text = stream.text(u32::MAX - 10, 100);
            assert_eq!(stream.first_wrong(text, u32::MAX - 10), None);
            assert_eq!(&text[11..], stream.text(0, 89));
            for shift in 1..65_536 {
                let place = (u32::MAX - 10).wrapping_add(shift);
                assert!(stream.first_wrong(text, place).is_some(), "{shift}");
            }
            let mut wrong = text.to_vec();
            wrong[70] ^= 1;
            assert_eq!(stream.first_wrong(&wrong, u32::MAX - 10), Some(70));
        }
    }
}
