//! Sequence numbers: positions on a circle of 2^32 (RFC 9293 §3.4).
//!
//! They have no `Ord`: of two points on a circle neither is first until one knows that they lie
//! within half a turn of each other. The comparisons here say "before" and "after" for exactly
//! that case, and both say no for points exactly half a turn apart.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A sequence number; arithmetic wraps at 2^32.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SeqNum(u32);

const HALF_TURN: u32 = 1 << 31;

impl SeqNum {
    /// The number with this value on the wire.
    pub const fn new(raw: u32) -> SeqNum {
        SeqNum(raw)
    }

    /// The value on the wire.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// True when `other` lies 1 to 2^31 - 1 ahead of `self`.
    // REQ: RFC9293-SM-05
    pub const fn before(self, other: SeqNum) -> bool {
        let ahead = other.0.wrapping_sub(self.0);
        ahead != 0 && ahead < HALF_TURN
    }

    /// True when `self` lies 1 to 2^31 - 1 ahead of `other`.
    pub const fn after(self, other: SeqNum) -> bool {
        other.before(self)
    }

    /// [`before`](Self::before) or equal.
    pub const fn at_or_before(self, other: SeqNum) -> bool {
        self.0 == other.0 || self.before(other)
    }

    /// [`after`](Self::after) or equal.
    pub const fn at_or_after(self, other: SeqNum) -> bool {
        self.0 == other.0 || self.after(other)
    }

    /// Numbers from `self` up to but not including `later`, walking forward round the circle.
    pub const fn span_to(self, later: SeqNum) -> u32 {
        later.0.wrapping_sub(self.0)
    }

    /// The shorter way to `other`: positive forward, negative back, `i32::MIN` for half a turn.
    pub const fn signed_distance_to(self, other: SeqNum) -> i32 {
        other.0.wrapping_sub(self.0) as i32
    }

    /// The later of two numbers within half a turn; `self` when neither is.
    pub const fn max(self, other: SeqNum) -> SeqNum {
        if self.before(other) { other } else { self }
    }

    /// The earlier of two numbers within half a turn; `self` when neither is.
    pub const fn min(self, other: SeqNum) -> SeqNum {
        if other.before(self) { other } else { self }
    }
}

impl Add<u32> for SeqNum {
    type Output = SeqNum;

    fn add(self, forward: u32) -> SeqNum {
        SeqNum(self.0.wrapping_add(forward))
    }
}

impl AddAssign<u32> for SeqNum {
    fn add_assign(&mut self, forward: u32) {
        *self = *self + forward;
    }
}

impl Sub<u32> for SeqNum {
    type Output = SeqNum;

    fn sub(self, back: u32) -> SeqNum {
        SeqNum(self.0.wrapping_sub(back))
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeqNum({})", self.0)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The numbers from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// The first number in the range.
    pub start: SeqNum,
    /// The first number behind the range; equal to `start` in an empty range.
    pub end: SeqNum,
}

impl SeqRange {
    /// The range `start..end`, walking forward from `start`.
    pub const fn new(start: SeqNum, end: SeqNum) -> SeqRange {
        SeqRange { start, end }
    }

    /// The `len` numbers from `start` on.
    pub const fn with_len(start: SeqNum, len: u32) -> SeqRange {
        SeqRange {
            start,
            end: SeqNum(start.0.wrapping_add(len)),
        }
    }

    /// How many numbers it holds.
    pub const fn len(self) -> u32 {
        self.start.span_to(self.end)
    }

    /// True when it holds none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// True when `seq` is one of its numbers.
    pub const fn contains(self, seq: SeqNum) -> bool {
        self.start.span_to(seq) < self.len()
    }

    /// True when every number of `other` is in `self`; an empty range is in every range.
    pub const fn contains_range(self, other: SeqRange) -> bool {
        other.is_empty()
            || (self.contains(other.start)
                && other.len() <= self.len() - self.start.span_to(other.start))
    }

    /// The numbers in both, or `None` when there are none. Both ranges must be shorter than half
    /// a turn, as every window is (RFC 7323 §2.3); longer ones may meet twice and only the first
    /// meeting is found.
    pub fn intersect(self, other: SeqRange) -> Option<SeqRange> {
        if self.is_empty() || other.is_empty() {
            return None;
        }
        let start = if self.contains(other.start) {
            other.start
        } else if other.contains(self.start) {
            self.start
        } else {
            return None;
        };
        let len = start.span_to(self.end).min(start.span_to(other.end));
        Some(SeqRange::with_len(start, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn seq(raw: u32) -> SeqNum {
        SeqNum::new(raw)
    }

    #[rstest]
    #[case::next(0, 1, true)]
    #[case::same(7, 7, false)]
    #[case::across_the_wrap(u32::MAX, 0, true)]
    #[case::far_across_the_wrap(0xffff_ff00, 0x100, true)]
    #[case::furthest(5, 5 + (HALF_TURN - 1), true)]
    #[case::half_a_turn(5, 5 + HALF_TURN, false)]
    #[case::half_a_turn_back(5 + HALF_TURN, 5, false)]
    #[case::behind(10, 9, false)]
    fn before_is_modular(#[case] a: u32, #[case] b: u32, #[case] expected: bool) {
        assert_eq!(seq(a).before(seq(b)), expected);
        assert_eq!(seq(b).after(seq(a)), expected);
        assert_eq!(seq(a).at_or_before(seq(b)), expected || a == b);
        assert_eq!(seq(b).at_or_after(seq(a)), expected || a == b);
    }

    #[rstest]
    #[case::apart(0, 10, 20, 10, None)]
    #[case::touching(0, 10, 10, 10, None)]
    #[case::overlapping(0, 10, 5, 10, Some((5, 5)))]
    #[case::inside(0, 100, 5, 10, Some((5, 10)))]
    #[case::across_the_wrap(0xffff_fff0, 32, 0, 8, Some((0, 8)))]
    #[case::empty(0, 10, 5, 0, None)]
    fn intersection(
        #[case] a: u32,
        #[case] a_len: u32,
        #[case] b: u32,
        #[case] b_len: u32,
        #[case] expected: Option<(u32, u32)>,
    ) {
        let (a, b) = (
            SeqRange::with_len(seq(a), a_len),
            SeqRange::with_len(seq(b), b_len),
        );
        let expected = expected.map(|(start, len)| SeqRange::with_len(seq(start), len));
        assert_eq!(a.intersect(b), expected);
        assert_eq!(b.intersect(a), expected);
    }

    #[test]
    fn a_range_contains_its_parts_only() {
        let range = SeqRange::with_len(seq(u32::MAX - 1), 10);
        assert!(range.contains_range(SeqRange::with_len(seq(0), 8)));
        assert!(!range.contains_range(SeqRange::with_len(seq(0), 9)));
        assert!(!range.contains_range(SeqRange::with_len(seq(u32::MAX - 2), 2)));
        assert!(range.contains_range(SeqRange::with_len(seq(500), 0)));
    }

    proptest! {
        #[test]
        fn never_both_before_and_after(a: u32, b: u32) {
            let (a, b) = (seq(a), seq(b));
            let relations = [a.before(b), a.after(b), a == b];
            let half_a_turn = a.span_to(b) == HALF_TURN;
            prop_assert_eq!(relations.iter().filter(|r| **r).count(), usize::from(!half_a_turn));
        }

        #[test]
        fn order_survives_a_shift(a: u32, b: u32, shift: u32) {
            prop_assert_eq!(seq(a).before(seq(b)), (seq(a) + shift).before(seq(b) + shift));
        }

        #[test]
        fn adding_and_subtracting_are_inverse(a: u32, step: u32) {
            prop_assert_eq!(seq(a) + step - step, seq(a));
            prop_assert_eq!(seq(a).span_to(seq(a) + step), step);
        }

        #[test]
        fn the_signed_distance_leads_there(a: u32, b: u32) {
            let distance = seq(a).signed_distance_to(seq(b));
            prop_assert_eq!(a.wrapping_add_signed(distance), b);
            prop_assert_eq!(distance > 0, seq(a).before(seq(b)));
        }

        #[test]
        fn max_and_min_are_the_pair(a: u32, step in 0..HALF_TURN) {
            let later = seq(a) + step;
            prop_assert_eq!(seq(a).max(later), later);
            prop_assert_eq!(later.max(seq(a)), later);
            prop_assert_eq!(seq(a).min(later), seq(a));
            prop_assert_eq!(later.min(seq(a)), seq(a));
        }

        #[test]
        fn an_intersection_is_what_both_contain(
            start: u32, len in 0u32..100, offset in 0u32..200, other_len in 0u32..100,
        ) {
            let a = SeqRange::with_len(seq(start) + 50, len);
            let b = SeqRange::with_len(seq(start) + offset, other_len);
            for step in 0..400 {
                let point = seq(start) + step;
                let in_both = a.intersect(b).is_some_and(|both| both.contains(point));
                prop_assert_eq!(in_both, a.contains(point) && b.contains(point));
            }
        }
    }
}
