//! Which bytes behind RCV.NXT have arrived (RFC 9293 §3.10.7.4, seventh check; SHLD-31).
//!
//! Bytes are named by their offset from RCV.NXT. What has arrived out of order forms islands:
//! sorted, disjoint, with at least one missing byte before each. Their number is bounded, and
//! with it the work for a segment; in-order bytes need no island and are therefore never refused.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// A run of bytes that arrived out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Island {
    /// Offset of the first byte from RCV.NXT, at least 1.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
    /// Grows with each arrival: of two islands the one with the larger stamp changed last.
    pub stamp: u64,
}

/// The bookkeeping of at most `MAX_ISLANDS` islands, of none at first. It holds no bytes; see
/// [`super::buffer::RecvBuffer`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembler<const MAX_ISLANDS: usize> {
    /// None before something arrives out of order.
    sea: Option<Box<Sea>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sea {
    islands: Vec<Island>,
    clock: u64,
}

/// A new island would have exceeded the bound; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyIslands;

impl<const MAX_ISLANDS: usize> Assembler<MAX_ISLANDS> {
    /// The islands by rising offset.
    pub fn islands(&self) -> &[Island] {
        self.sea.as_ref().map_or(&[], |sea| &sea.islands)
    }

    /// The first part of `range` that has not arrived before.
    pub fn missing(&self, range: Range<u32>) -> Option<Range<u32>> {
        let mut from = range.start;
        for island in self.islands() {
            if from < island.start {
                break;
            }
            from = from.max(island.end);
        }
        let next = self.islands().iter().find(|island| island.start > from);
        let end = next.map_or(range.end, |island| island.start.min(range.end));
        (from < end).then_some(from..end)
    }

    /// Whether [`insert`](Self::insert) would take the bytes in `range`.
    pub fn has_room_for(&self, range: &Range<u32>) -> bool {
        range.is_empty()
            || range.start == 0
            || self.islands().len() < MAX_ISLANDS
            || self.islands().iter().any(|island| touches(island, range))
    }

    /// Notes that the bytes in `range` have arrived and says by how many bytes RCV.NXT advances:
    /// 0 when the range leaves a gap before it. Offsets count from the new RCV.NXT afterwards.
    ///
    /// # Errors
    /// When the range would be an island too many.
    pub fn insert(&mut self, range: Range<u32>) -> Result<u32, TooManyIslands> {
        if range.is_empty() {
            return Ok(0);
        }
        if !self.has_room_for(&range) {
            return Err(TooManyIslands);
        }
        if range.start == 0 && self.islands().is_empty() {
            return Ok(range.end);
        }
        let sea = self.sea.get_or_insert_default();
        let first = sea.islands.partition_point(|i| i.end < range.start);
        let count = sea.islands[first..]
            .iter()
            .take_while(|i| touches(i, &range))
            .count();
        let touched = first..first + count;
        let joined = sea.islands[touched.clone()]
            .iter()
            .fold(range, |all, i| all.start.min(i.start)..all.end.max(i.end));
        if joined.start == 0 {
            sea.islands.drain(touched);
            sea.shift(joined.end);
            return Ok(joined.end);
        }
        sea.clock += 1;
        let island = Island {
            start: joined.start,
            end: joined.end,
            stamp: sea.clock,
        };
        sea.islands.splice(touched, [island]);
        Ok(0)
    }

    /// Forgets everything from offset `end` on.
    pub fn truncate(&mut self, end: u32) {
        let Some(sea) = &mut self.sea else {
            return;
        };
        sea.islands.retain(|island| island.start < end);
        if let Some(last) = sea.islands.last_mut() {
            last.end = last.end.min(end);
        }
    }
}

impl Sea {
    /// RCV.NXT has advanced by `step`; every island lies behind that.
    fn shift(&mut self, step: u32) {
        for island in &mut self.islands {
            island.start -= step;
            island.end -= step;
        }
    }
}

/// An island that touches the range becomes part of it.
const fn touches(island: &Island, range: &Range<u32>) -> bool {
    island.start <= range.end && range.start <= island.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges<const MAX: usize>(assembler: &Assembler<MAX>) -> Vec<(u32, u32)> {
        assembler
            .islands()
            .iter()
            .map(|i| (i.start, i.end))
            .collect()
    }

    fn missing<const MAX: usize>(assembler: &Assembler<MAX>, range: Range<u32>) -> Vec<(u32, u32)> {
        let mut from = range.start;
        core::iter::from_fn(|| {
            let piece = assembler.missing(from..range.end)?;
            from = piece.end;
            Some((piece.start, piece.end))
        })
        .collect()
    }

    #[test]
    fn in_order_bytes_need_no_island() {
        let mut assembler = Assembler::<0>::default();
        assert_eq!(assembler.insert(0..100), Ok(100));
        assert_eq!(assembler.insert(1..2), Err(TooManyIslands));
        assert_eq!(assembler.insert(0..1), Ok(1));
        assert_eq!(ranges(&assembler), []);
    }

    #[test]
    fn a_filled_gap_hands_over_what_lay_behind_it() {
        let mut assembler = Assembler::<4>::default();
        assert_eq!(assembler.insert(10..20), Ok(0));
        assert_eq!(assembler.insert(30..40), Ok(0));
        assert_eq!(assembler.insert(0..10), Ok(20));
        assert_eq!(ranges(&assembler), [(10, 20)]);
        assert_eq!(assembler.insert(0..15), Ok(20));
        assert_eq!(ranges(&assembler), []);
    }

    #[test]
    fn islands_join_when_they_touch() {
        let mut assembler = Assembler::<8>::default();
        for range in [10..20, 30..40, 50..60, 70..80] {
            assert_eq!(assembler.insert(range), Ok(0));
        }
        assert_eq!(assembler.insert(20..30), Ok(0));
        assert_eq!(ranges(&assembler), [(10, 40), (50, 60), (70, 80)]);
        assert_eq!(assembler.insert(35..75), Ok(0));
        assert_eq!(ranges(&assembler), [(10, 80)]);
        assert_eq!(assembler.insert(15..16), Ok(0));
        assert_eq!(ranges(&assembler), [(10, 80)]);
    }

    #[test]
    fn a_full_table_refuses_new_islands_only() {
        let mut assembler = Assembler::<2>::default();
        assert_eq!(assembler.insert(10..11), Ok(0));
        assert_eq!(assembler.insert(20..21), Ok(0));
        assert_eq!(assembler.insert(30..31), Err(TooManyIslands));
        assert_eq!(assembler.insert(21..25), Ok(0));
        assert_eq!(assembler.insert(0..5), Ok(5));
        assert_eq!(ranges(&assembler), [(5, 6), (15, 20)]);
    }

    #[test]
    fn the_latest_arrival_has_the_largest_stamp() {
        let mut assembler = Assembler::<4>::default();
        for range in [30..40, 10..20, 40..45] {
            assembler.insert(range).unwrap();
        }
        let latest = assembler.islands().iter().max_by_key(|i| i.stamp).unwrap();
        assert_eq!((latest.start, latest.end), (30, 45));
    }

    #[test]
    fn truncation_cuts_islands() {
        let mut assembler = Assembler::<4>::default();
        for range in [10..20, 30..40, 50..60] {
            assembler.insert(range).unwrap();
        }
        assembler.truncate(35);
        assert_eq!(ranges(&assembler), [(10, 20), (30, 35)]);
        assembler.truncate(30);
        assert_eq!(ranges(&assembler), [(10, 20)]);
    }

    #[test]
    fn missing_parts_are_listed() {
        let mut assembler = Assembler::<4>::default();
        assembler.insert(10..20).unwrap();
        assembler.insert(30..40).unwrap();
        assert_eq!(missing(&assembler, 5..45), [(5, 10), (20, 30), (40, 45)]);
        assert_eq!(missing(&assembler, 12..18), []);
        assert_eq!(missing(&assembler, 12..25), [(20, 25)]);
        assert_eq!(missing(&assembler, 0..5), [(0, 5)]);
    }

    proptest! {
        /// The model is a set of single bytes.
        #[test]
        fn it_agrees_with_a_set_of_bytes(
            arrivals in prop::collection::vec((0u32..60, 1u32..12), 1..40),
        ) {
            let mut assembler = Assembler::<64>::default();
            let mut arrived = [false; 2048];
            let mut next = 0usize;
            for (start, len) in arrivals {
                let range = start..start + len;
                for (from, to) in missing(&assembler, range.clone()) {
                    prop_assert!((from..to).all(|i| !arrived[next + i as usize]));
                }
                arrived[next + start as usize..next + (start + len) as usize].fill(true);
                let advanced = assembler.insert(range).unwrap();
                let end = (next..).find(|i| !arrived[*i]).unwrap();
                prop_assert_eq!(advanced as usize, end - next);
                next = end;
                for offset in 0..100u32 {
                    let inside = assembler.islands().iter().any(|i| (i.start..i.end).contains(&offset));
                    prop_assert_eq!(inside, arrived[next + offset as usize]);
                }
                for pair in assembler.islands().windows(2) {
                    prop_assert!(pair[0].end < pair[1].start, "islands touch: {:?}", pair);
                }
            }
        }
    }
}
