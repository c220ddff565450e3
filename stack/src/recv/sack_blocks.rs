//! Which blocks a selective acknowledgment reports, and in which order (RFC 2018 §4).

use super::assembler::Island;
use crate::seq::{SeqNum, SeqRange};
use crate::wire::options::SackBlocks;
use alloc::vec::Vec;

/// The blocks for an ACK of `rcv_nxt`: the island that changed last first, so that the first
/// block holds the segment that triggered the ACK, then the others by how recently they were
/// reported first. At most `capacity` of them.
pub fn sack_blocks(rcv_nxt: SeqNum, islands: &[Island], capacity: usize) -> SackBlocks {
    // REQ: RFC2018-4
    // REQ: RFC2018-6
    let mut by_recency: Vec<&Island> = islands.iter().collect();
    by_recency.sort_unstable_by_key(|island| core::cmp::Reverse(island.stamp));
    // REQ: RFC2018-5
    by_recency
        .into_iter()
        .take(capacity)
        .map(|island| SeqRange::new(rcv_nxt + island.start, rcv_nxt + island.end))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recv::buffer::RecvBuffer;

    /// Blocks after segments of 10 bytes arrived at `offsets` behind RCV.NXT = 2^32 - 15.
    fn blocks_after(offsets: &[u32], capacity: usize) -> Vec<(u32, u32)> {
        let mut buffer = RecvBuffer::new(1000);
        for offset in offsets {
            buffer.insert(*offset, &[0; 10]);
        }
        sack_blocks(SeqNum::new(u32::MAX - 14), buffer.islands(), capacity)
            .as_slice()
            .iter()
            .map(|block| (block.start.raw(), block.end.raw()))
            .collect()
    }

    #[test]
    fn edges_wrap() {
        assert_eq!(blocks_after(&[10], 4), [(u32::MAX - 4, 5)]);
    }

    #[test]
    fn the_latest_arrival_comes_first() {
        assert_eq!(
            blocks_after(&[20, 60, 40, 80], 3),
            [(65, 75), (25, 35), (45, 55)]
        );
        assert_eq!(
            blocks_after(&[20, 60, 40, 70], 4),
            [(45, 65), (25, 35), (5, 15)]
        );
    }

    #[test]
    fn a_duplicate_of_an_old_island_brings_it_to_the_front() {
        assert_eq!(blocks_after(&[20, 60, 20], 4), [(5, 15), (45, 55)]);
    }

    #[test]
    fn nothing_delivered_is_reported() {
        assert_eq!(blocks_after(&[10, 0], 4), []);
        assert_eq!(blocks_after(&[], 4), []);
    }
}
