//! Text: every byte is a function of its place, so that one in a wrong place shows.

/// The byte of the peer's stream with this sequence number.
pub(super) fn peer_byte(seq: u32) -> u8 {
    (seq.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// The byte of the user's stream behind so many others.
pub(super) fn user_byte(position: u32) -> u8 {
    (position.wrapping_mul(0x85eb_ca6b) >> 24) as u8
}

/// The first byte that is not as it should be: its index.
pub(super) fn first_wrong(bytes: &[u8], from: u32, byte: fn(u32) -> u8) -> Option<usize> {
    let is_wrong = |(index, found): (u32, &u8)| *found != byte(from.wrapping_add(index));
    (0..).zip(bytes).position(is_wrong)
}
