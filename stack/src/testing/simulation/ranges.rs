//! Which parts of a stream have arrived somewhere.

use alloc::vec::Vec;

/// Disjoint ranges of a number line, in order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Adds `start..end`.
    pub(super) fn insert(&mut self, start: u32, end: u32) {
        if start >= end {
            return;
        }
        let first = self.0.partition_point(|range| range.1 < start);
        let after = self.0.partition_point(|range| range.0 <= end);
        let touched = &self.0[first..after];
        let joined = (
            touched.first().map_or(start, |range| range.0.min(start)),
            touched.last().map_or(end, |range| range.1.max(end)),
        );
        self.0.splice(first..after, [joined]);
    }

    /// Where the range that begins at 0 ends.
    pub(super) fn prefix(&self) -> u32 {
        match self.0.first() {
            Some((0, end)) => *end,
            Some(_) | None => 0,
        }
    }

    /// How much there is.
    pub(super) fn total(&self) -> u32 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// Whether all of `start..end` is there.
    pub(super) fn contains(&self, start: u32, end: u32) -> bool {
        let at = self.0.partition_point(|range| range.1 < end);
        self.0
            .get(at)
            .is_some_and(|range| range.0 <= start && end <= range.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_set(parts in prop::collection::vec((0u32..40, 0u32..10), 0..20), probe in (0u32..40, 1u32..10)) {
            let mut ranges = Ranges::default();
            let mut naive = [false; 64];
            for (start, len) in parts {
                ranges.insert(start, start + len);
                naive[start as usize..(start + len) as usize].fill(true);
            }
            let (start, end) = (probe.0, probe.0 + probe.1);
            let expected = naive[start as usize..end as usize].iter().all(|there| *there);
            prop_assert_eq!(ranges.contains(start, end), expected);
            let prefix = naive.iter().take_while(|there| **there).count();
            prop_assert_eq!(ranges.prefix() as usize, prefix);
            let total = naive.iter().filter(|there| **there).count();
            prop_assert_eq!(ranges.total() as usize, total);
        }
    }
}
