//! The search for the largest packet of a path between a size that passes and one that may (RFC 4821
//! §7.3, RFC 8899 §5.3).

use super::PathMtuConfig;
use core::time::Duration;

use crate::seq::SeqRange;
use crate::time::Instant;

/// A probe under way: ordinary data in a segment larger than what is known to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Its numbers.
    pub(crate) range: SeqRange,
    /// Size of its packet.
    pub(crate) mtu: u16,
}

/// Where a search stands. Sizes are whole packets, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// The largest size that is known to pass.
    low: u16,
    /// The largest size that may pass.
    high: u16,
    probe: Option<Probe>,
    /// Lost probes of the present size.
    failures: u32,
    /// When `low` or `high` moved last.
    moved_at: Instant,
    /// When the next probe may leave, after one whose loss cost nothing.
    rests_until: Option<Instant>,
}

impl Search {
    pub(crate) fn new(low: u16, high: u16, now: Instant) -> Self {
        Self {
            low: low.min(high),
            high,
            probe: None,
            failures: 0,
            moved_at: now,
            rests_until: None,
        }
    }

    pub(crate) const fn low(&self) -> u16 {
        self.low
    }

    pub(crate) const fn probe(&self) -> Option<Probe> {
        self.probe
    }

    /// The size to try next, if there is one: half-way, until the two are close together. `ceiling` is
    /// the largest that there can be, from which a search that has rested long enough begins anew.
    // REQ: RFC8899-3
    pub(crate) fn candidate(
        &mut self,
        ceiling: u16,
        config: &PathMtuConfig,
        now: Instant,
    ) -> Option<u16> {
        let close = |low: u16, high: u16| high.saturating_sub(low) < config.probe_threshold.max(2);
        if self.probe.is_some() || self.rests_until.is_some_and(|end| now < end) {
            return None;
        }
        let rested = now.saturating_duration_since(self.moved_at) >= config.probe_interval;
        if rested && close(self.low, self.high) {
            self.restart(ceiling, now);
        }
        if close(self.low, self.high) {
            return None;
        }
        Some(self.low + (self.high - self.low) / 2)
    }

    fn restart(&mut self, ceiling: u16, now: Instant) {
        self.high = ceiling.max(self.low);
        self.failures = 0;
        self.moved_at = now;
    }

    pub(crate) fn sent(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// The probe arrived: that size passes.
    // REQ: RFC4821-1
    pub(crate) fn succeeded(&mut self, now: Instant) {
        if let Some(probe) = self.probe.take() {
            self.low = self.low.max(probe.mtu);
            self.high = self.high.max(self.low);
            self.failures = 0;
            self.moved_at = now;
        }
    }

    /// The probe was lost and nothing else. One may have been lost by chance. As that costs nothing, the
    /// next one keeps a distance of `headway`.
    // REQ: RFC4821-7
    // REQ: RFC8899-2
    pub(crate) fn failed(&mut self, config: &PathMtuConfig, headway: Duration, now: Instant) {
        if let Some(probe) = self.probe.take() {
            self.rests_until = Some(now + headway);
            self.failures += 1;
            if self.failures >= config.max_probes.max(1) {
                self.high = (probe.mtu - 1).max(self.low);
                self.failures = 0;
                self.moved_at = now;
            }
        }
    }

    /// Nobody will know what became of the probe.
    pub(crate) fn forget_probe(&mut self) {
        self.probe = None;
    }

    /// A router says what fits: nothing larger need be tried. If it is the probe that did not, its loss
    /// costs nothing either.
    // REQ: RFC4821-7
    pub(crate) fn bound(&mut self, mtu: u16, headway: Duration, now: Instant) {
        if self.probe.take().is_some_and(|probe| probe.mtu > mtu) {
            self.rests_until = Some(now + headway);
        }
        self.high = self.high.min(mtu);
        self.low = self.low.min(mtu);
        self.failures = 0;
        self.moved_at = now;
    }

    /// Not even `low` passes.
    pub(crate) fn fall_back(&mut self, low: u16, now: Instant) {
        self.low = low;
        self.high = self.high.max(low);
        self.probe = None;
        self.failures = 0;
        self.moved_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::SeqNum;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    fn once() -> PathMtuConfig {
        PathMtuConfig {
            max_probes: 1,
            ..PathMtuConfig::default()
        }
    }

    /// Searches a path that carries `path` bytes; answers the sizes tried.
    fn run(search: &mut Search, path: u16, config: &PathMtuConfig) -> Vec<u16> {
        let mut tried = Vec::new();
        while let Some(mtu) = search.candidate(1500, config, at(1)) {
            assert!(tried.len() < 100, "the search does not end: {tried:?}");
            tried.push(mtu);
            let range = SeqRange::with_len(SeqNum::new(1), u32::from(mtu));
            search.sent(Probe { range, mtu });
            assert_eq!(search.candidate(1500, config, at(1)), None, "one at a time");
            if mtu <= path {
                search.succeeded(at(1));
            } else {
                search.failed(config, Duration::ZERO, at(1));
            }
        }
        tried
    }

    #[test]
    fn halves_until_the_sizes_are_close() {
        let mut search = Search::new(1064, 1500, at(0));
        let tried = run(&mut search, 1400, &once());
        assert_eq!(tried, vec![1282, 1391, 1445, 1417, 1403, 1396]);
        assert_eq!(search.low(), 1396);
    }

    #[test]
    fn a_size_counts_as_too_large_after_the_third_loss() {
        let mut search = Search::new(1064, 1500, at(0));
        let tried = run(&mut search, 1281, &PathMtuConfig::default());
        assert_eq!(tried[..4], [1282, 1282, 1282, 1172]);
    }

    #[test]
    fn a_search_that_ended_rests_and_begins_anew_from_above() {
        let mut search = Search::new(1064, 1500, at(0));
        run(&mut search, 1064, &once());
        let rested = at(601);
        assert_eq!(search.candidate(1500, &once(), at(600)), None);
        assert_eq!(search.candidate(1500, &once(), rested), Some(1282));
    }

    #[test]
    fn a_loss_that_costs_nothing_keeps_a_distance() {
        let headway = Duration::from_secs(4);
        let probe = |mtu| Probe {
            range: SeqRange::with_len(SeqNum::new(1), 1),
            mtu,
        };
        let mut search = Search::new(1064, 1500, at(0));
        search.sent(probe(1282));
        search.failed(&once(), headway, at(1));
        assert_eq!(search.candidate(1500, &once(), at(4)), None);
        assert_eq!(search.candidate(1500, &once(), at(5)), Some(1172));
        search.sent(probe(1172));
        search.bound(1100, headway, at(5));
        assert_eq!(search.candidate(1500, &once(), at(8)), None);
        assert_eq!(search.candidate(1500, &once(), at(9)), Some(1082));
    }

    #[test]
    fn a_routers_word_bounds_the_search() {
        let mut search = Search::new(1064, 1500, at(0));
        search.bound(1200, Duration::ZERO, at(1));
        assert_eq!(run(&mut search, 1500, &once()).last(), Some(&1195));
        search.bound(700, Duration::ZERO, at(1));
        assert_eq!(
            (search.low(), search.candidate(1500, &once(), at(1))),
            (700, None)
        );
    }

    proptest! {
        /// Whatever the path carries, what is found passes and is within the threshold of it.
        #[test]
        fn what_is_found_is_right(low in 68u16..1500, path in 68u16..2000, high in 68u16..2000) {
            prop_assume!(low <= path && low <= high);
            let config = once();
            let mut search = Search::new(low, high, at(1));
            run(&mut search, path, &config);
            let best = path.min(high);
            prop_assert!(search.low() <= best);
            prop_assert!(best - search.low() < config.probe_threshold);
        }
    }
}
