//! Every byte is a function of its place, so that one in the wrong place shows.

use tcpdrill_stack::seq::SeqNum;

/// The byte that the peer has at `seq`.
pub(super) fn peer_byte(seq: SeqNum) -> u8 {
    (seq.raw().wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// The `len` bytes that the peer has from `seq` on.
pub(super) fn peer_text(seq: SeqNum, len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| peer_byte(seq + n)).collect()
}

/// The byte that the host's user writes at `position` of a connection's stream.
pub(super) fn user_byte(position: u32) -> u8 {
    (position.wrapping_mul(0x85eb_ca6b) >> 24) as u8
}
