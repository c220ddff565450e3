//! What a host remembers of the paths to its destinations (RFC 1191 §3 and §6, RFC 8201 §5.2).

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

use super::PathMtuConfig;
use crate::time::Instant;

#[derive(Debug, Clone, Copy)]
struct Entry {
    mtu: u16,
    told_at: Instant,
}

/// The destinations to which a router said that less fits than our link carries.
///
/// Nothing runs to let a word age: who sends looks whether it still counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct PathCache {
    entries: BTreeMap<IpAddr, Entry>,
    generation: u32,
}

impl PathCache {
    /// A number that changes with every word of a router, so that connections need look closer only
    /// then.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Bytes of memory that its entries take.
    pub(crate) fn held(&self) -> usize {
        self.entries.len() * size_of::<(IpAddr, Entry)>()
    }

    /// The largest packet to `destination` by the last word of a router, and until when that counts
    /// (`None`: for ever).
    // REQ: RFC1191-5
    // REQ: RFC8201-4
    pub(crate) fn get(
        &self,
        destination: IpAddr,
        lifetime: Option<Duration>,
        now: Instant,
    ) -> Option<(u16, Option<Instant>)> {
        let entry = self.entries.get(&destination)?;
        let end = lifetime.map(|lifetime| entry.told_at + lifetime);
        end.is_none_or(|end| now < end).then_some((entry.mtu, end))
    }

    /// A router said that packets of at most `mtu` bytes fit.
    // REQ: RFC1191-7
    // REQ: RFC8201-5
    pub(crate) fn learn(
        &mut self,
        destination: IpAddr,
        mtu: u16,
        config: &PathMtuConfig,
        now: Instant,
    ) {
        if !self.entries.contains_key(&destination)
            && self.entries.len() >= config.remembered.max(1)
        {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.told_at);
            if let Some(oldest) = oldest.map(|(destination, _)| *destination) {
                self.entries.remove(&oldest);
            }
        }
        let told_at = now;
        self.entries.insert(destination, Entry { mtu, told_at });
        self.generation = self.generation.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Option<Duration> = Some(Duration::from_secs(600));

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    fn to(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    #[test]
    fn a_word_counts_for_its_time_and_for_its_destination() {
        let mut cache = PathCache::default();
        let before = cache.generation();
        cache.learn(to(1), 1000, &PathMtuConfig::default(), at(5));
        assert_ne!(cache.generation(), before);
        assert_eq!(
            cache.get(to(1), LIFETIME, at(604)),
            Some((1000, Some(at(605))))
        );
        assert_eq!(cache.get(to(1), LIFETIME, at(605)), None);
        assert_eq!(cache.get(to(1), None, at(9_999_999)), Some((1000, None)));
        assert_eq!(cache.get(to(2), LIFETIME, at(5)), None);
    }

    #[test]
    fn the_oldest_word_makes_room() {
        let config = PathMtuConfig {
            remembered: 2,
            ..PathMtuConfig::default()
        };
        let mut cache = PathCache::default();
        for (destination, second) in [(1, 1), (2, 2), (1, 3), (3, 4)] {
            cache.learn(to(destination), 1000, &config, at(second));
        }
        let known = |destination| cache.get(to(destination), LIFETIME, at(4)).is_some();
        assert_eq!([known(1), known(2), known(3)], [true, false, true]);
    }
}
