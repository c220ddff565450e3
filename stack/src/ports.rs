//! Ephemeral ports (RFC 6056 §3.3.4, double-hash selection): towards one peer ports follow one
//! another, so that a port is long unused when it comes again, and nobody else can tell which.

use crate::keyed_hash::Secret;
use core::net::{IpAddr, SocketAddr};
use core::ops::RangeInclusive;

const PURPOSE_OFFSET: u8 = b'E';
const PURPOSE_TABLE: u8 = b'T';
const TABLE_LEN: usize = 64;

/// Chooses ports. Its Debug output shows nothing of the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EphemeralPorts {
    secret: Secret,
    counters: [u16; TABLE_LEN],
}

impl EphemeralPorts {
    /// The range of RFC 6335 §6; RFC 6056 §3.2 would have it wider.
    pub const DEFAULT_RANGE: RangeInclusive<u16> = 49_152..=65_535;

    /// Fresh counters and a hash keyed by `secret`.
    pub const fn new(secret: [u8; 16]) -> EphemeralPorts {
        EphemeralPorts {
            secret: Secret::new(secret),
            counters: [0; TABLE_LEN],
        }
    }

    /// The next port in `range` for a connection to `remote` for which `is_free` holds, or `None`
    /// when it holds for none. Port 0 is never chosen. Each port is asked for at most once.
    pub fn pick(
        &mut self,
        range: RangeInclusive<u16>,
        local: IpAddr,
        remote: SocketAddr,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let first = u32::from(*range.start()).max(1);
        let last = u32::from(*range.end());
        let count = (last + 1).checked_sub(first).filter(|count| *count > 0)?;
        let hash = |purpose| {
            let hash = self.secret.hash(purpose).address(local).socket(remote);
            hash.finish()
        };
        let offset = (hash(PURPOSE_OFFSET) % u64::from(count)) as u32;
        let index = (hash(PURPOSE_TABLE) % TABLE_LEN as u64) as usize;
        for _ in 0..count {
            let counter = u32::from(self.counters[index]);
            self.counters[index] = self.counters[index].wrapping_add(1);
            let port = (first + (offset + counter) % count) as u16;
            if is_free(port) {
                return Some(port);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    fn local() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    fn remote(port: u16) -> SocketAddr {
        SocketAddr::new("198.51.100.7".parse().unwrap(), port)
    }

    #[test]
    fn ports_to_one_peer_follow_one_another() {
        let mut ports = EphemeralPorts::new([3; 16]);
        let range = EphemeralPorts::DEFAULT_RANGE;
        let mut pick = || {
            ports
                .pick(range.clone(), local(), remote(80), |_| true)
                .unwrap()
        };
        let first = u32::from(pick());
        for step in 1..100 {
            let expected = 49_152 + (first - 49_152 + step) % 16_384;
            assert_eq!(u32::from(pick()), expected);
        }
    }

    #[test]
    fn first_ports_to_different_peers_are_spread() {
        let firsts: BTreeSet<u16> = (1..=200)
            .map(|port| {
                let mut ports = EphemeralPorts::new([3; 16]);
                let range = EphemeralPorts::DEFAULT_RANGE;
                ports.pick(range, local(), remote(port), |_| true).unwrap()
            })
            .collect();
        // 200 draws from 16,384: about one pair is expected to collide.
        assert!(firsts.len() >= 195, "{} distinct ports", firsts.len());
    }

    #[rstest]
    #[case::last_free(40_000..=40_009, 40_004)]
    #[case::top(65_535..=65_535, 65_535)]
    #[case::port_zero(0..=1, 1)]
    fn the_only_free_port_is_found(#[case] range: RangeInclusive<u16>, #[case] free: u16) {
        let mut ports = EphemeralPorts::new([3; 16]);
        let port = ports.pick(range, local(), remote(80), |port| port == free);
        assert_eq!(port, Some(free));
    }

    #[rstest]
    #[case::none_free(40_000..=40_009, 10)]
    #[expect(clippy::reversed_empty_ranges, reason = "an empty range is the case")]
    #[case::empty(9..=8, 0)]
    #[case::only_zero(0..=0, 0)]
    fn exhaustion_is_reported(#[case] range: RangeInclusive<u16>, #[case] asked: usize) {
        let mut ports = EphemeralPorts::new([3; 16]);
        let mut tried = Vec::new();
        let port = ports.pick(range, local(), remote(80), |port| {
            tried.push(port);
            false
        });
        assert_eq!((port, tried.len()), (None, asked));
        tried.sort_unstable();
        tried.dedup();
        assert_eq!(tried.len(), asked, "a port was tried twice");
    }

    proptest! {
        #[test]
        fn the_port_is_in_range(secret: [u8; 16], a: u16, b: u16, picks in 1usize..5) {
            let range = a.min(b)..=a.max(b).max(1);
            let mut ports = EphemeralPorts::new(secret);
            for _ in 0..picks {
                let port = ports.pick(range.clone(), local(), remote(80), |_| true).unwrap();
                prop_assert!(range.contains(&port) && port != 0);
            }
        }
    }
}
