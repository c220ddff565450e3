//! Which blocks a selective acknowledgment reports, and in which order (RFC 2018 §4).

use super::assembler::Island;
use crate::seq::{SeqNum, SeqRange};
use crate::wire::options::SackBlocks;
use alloc::vec::Vec;

/// The blocks for an ACK of `rcv_nxt`: a duplicate if there is one to report, and behind it the
/// island it lies in; the island that changed last, so that the first block holds the segment that
/// triggered the ACK; then the others by how recently they were reported first. At most `capacity`
/// of them.
pub fn sack_blocks(
    rcv_nxt: SeqNum,
    duplicate: Option<SeqRange>,
    islands: &[Island],
    capacity: usize,
) -> SackBlocks {
    let range = |island: &Island| SeqRange::new(rcv_nxt + island.start, rcv_nxt + island.end);
    let holds = |island: &Island| duplicate.is_some_and(|part| range(island).contains_range(part));
    // REQ: RFC2018-4
    // REQ: RFC2018-6
    let mut by_recency: Vec<&Island> = islands.iter().collect();
    // REQ: RFC2883-4
    by_recency.sort_unstable_by_key(|island| core::cmp::Reverse((holds(island), island.stamp)));
    // REQ: RFC2018-5
    let islands = by_recency.into_iter().map(range);
    duplicate
        .into_iter()
        .chain(islands)
        .take(capacity)
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
        sack_blocks(SeqNum::new(u32::MAX - 14), None, buffer.islands(), capacity)
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
    fn a_duplicate_comes_first_and_its_island_second() {
        let mut buffer = RecvBuffer::new(1000);
        for offset in [20, 60] {
            buffer.insert(offset, &[0; 10]);
        }
        let nxt = SeqNum::new(100);
        let blocks = |duplicate: (u32, u32)| -> Vec<(u32, u32)> {
            let duplicate = SeqRange::new(SeqNum::new(duplicate.0), SeqNum::new(duplicate.1));
            sack_blocks(nxt, Some(duplicate), buffer.islands(), 3)
                .as_slice()
                .iter()
                .map(|block| (block.start.raw(), block.end.raw()))
                .collect()
        };
        assert_eq!(blocks((90, 95)), [(90, 95), (160, 170), (120, 130)]);
        assert_eq!(blocks((122, 124)), [(122, 124), (120, 130), (160, 170)]);
    }

    #[test]
    fn nothing_delivered_is_reported() {
        assert_eq!(blocks_after(&[10, 0], 4), []);
        assert_eq!(blocks_after(&[], 4), []);
    }
}
