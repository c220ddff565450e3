//! Bytes that anybody can make again: no two places of a stream look alike.

use std::io::{self, Write};

/// The eight bytes at `place * 8`: the finaliser of SplitMix64.
fn word(place: u64) -> [u8; 8] {
    let mut z = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

/// The bytes of the stream from `offset` on.
pub(crate) fn fill(offset: u64, buffer: &mut [u8]) {
    let skip = (offset % 8) as usize;
    let mut place = offset / 8;
    let head = buffer.len().min(8 - skip);
    let (first, rest) = buffer.split_at_mut(head);
    first.copy_from_slice(&word(place)[skip..skip + head]);
    for chunk in rest.chunks_mut(8) {
        place += 1;
        chunk.copy_from_slice(&word(place)[..chunk.len()]);
    }
}

/// The first `bytes` of the stream.
pub(crate) fn write(bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 1 << 16];
    let mut at = 0;
    while at < bytes {
        let len = (bytes - at).min(buffer.len() as u64) as usize;
        fill(at, &mut buffer[..len]);
        out.write_all(&buffer[..len])?;
        at += len as u64;
    }
    out.flush()
}
