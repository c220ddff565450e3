//! A one-way link that loses, repeats, reorders, damages and delays datagrams, by a seed.

use crate::rng::Rng;
use crate::time::Instant;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

/// What a link does to datagrams. Rates are in 1 of 10,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairments {
    /// How many are lost.
    pub loss: u16,
    /// How many arrive twice.
    pub duplication: u16,
    /// How many are held back by up to [`reordering_delay`](Self::reordering_delay), so that
    /// later ones overtake them.
    pub reordering: u16,
    /// How many arrive with a bit flipped.
    pub corruption: u16,
    /// The time every datagram takes.
    pub delay: Duration,
    /// The longest time a reordered datagram takes on top.
    pub reordering_delay: Duration,
}

/// What happened on a link so far, in datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Put in.
    pub sent: u64,
    /// Lost.
    pub lost: u64,
    /// Put in once more.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
    /// Damaged.
    pub corrupted: u64,
    /// Taken out.
    pub delivered: u64,
}

/// One direction of a path.
#[derive(Clone, Debug)]
pub struct Link {
    impairments: Impairments,
    rng: Rng,
    /// By arrival time, then in the order in which they were put in.
    in_flight: BTreeMap<(Instant, u64), Vec<u8>>,
    next_number: u64,
    counters: LinkCounters,
}

impl Link {
    /// An empty link whose misfortunes are determined by `rng`.
    pub const fn new(impairments: Impairments, rng: Rng) -> Link {
        Link {
            impairments,
            rng,
            in_flight: BTreeMap::new(),
            next_number: 0,
            counters: LinkCounters {
                sent: 0,
                lost: 0,
                duplicated: 0,
                reordered: 0,
                corrupted: 0,
                delivered: 0,
            },
        }
    }

    /// Changes what happens to datagrams put in from now on.
    pub const fn set_impairments(&mut self, impairments: Impairments) {
        self.impairments = impairments;
    }

    /// What happened so far.
    pub const fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// Puts `datagram` in at `now`.
    pub fn send(&mut self, now: Instant, datagram: &[u8]) {
        self.counters.sent += 1;
        // Every roll is made for every datagram: switching one impairment off leaves the others'
        // fate as it was, which makes a failing run easy to reduce.
        let lost = self.roll(self.impairments.loss);
        let copies = 1 + u64::from(self.roll(self.impairments.duplication));
        self.counters.duplicated += copies - 1;
        if lost {
            self.counters.lost += 1;
        }
        for copy in 0..copies {
            let held_back = self.roll(self.impairments.reordering);
            let extra_us = self.impairments.reordering_delay.as_micros() as u64;
            let extra_us = self.rng.below(extra_us.saturating_add(1));
            let corrupted = self.roll(self.impairments.corruption);
            let bit = self.rng.next_u64();
            if lost && copy == 0 {
                continue;
            }
            let mut datagram = datagram.to_vec();
            if corrupted {
                self.counters.corrupted += 1;
                flip_protected_bit(&mut datagram, bit);
            }
            let mut arrival = now + self.impairments.delay;
            if held_back {
                self.counters.reordered += 1;
                arrival += Duration::from_micros(extra_us);
            }
            self.in_flight.insert((arrival, self.next_number), datagram);
            self.next_number += 1;
        }
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.in_flight
            .first_key_value()
            .map(|((arrival, _), _)| *arrival)
    }

    /// Takes out the first datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let first = self.in_flight.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        self.counters.delivered += 1;
        Some(first.remove())
    }

    fn roll(&mut self, rate: u16) -> bool {
        self.rng.chance(rate.into(), 10_000)
    }
}

/// Flips one bit that a checksum protects. In IPv6 the first 8 bytes are spared: nobody could
/// notice a changed hop limit, and a changed length is noticed only nearly always.
fn flip_protected_bit(datagram: &mut [u8], random: u64) {
    let spared = match datagram.first() {
        Some(byte) if byte >> 4 == 6 => 8,
        _ => 0,
    };
    let bits = (datagram.len().saturating_sub(spared) * 8) as u64;
    if bits == 0 {
        return;
    }
    let bit = (random % bits) as usize;
    datagram[spared + bit / 8] ^= 1 << (bit % 8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use rstest::rstest;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Sends 10,000 numbered datagrams, one each millisecond, and returns the arrivals in order.
    fn arrivals(impairments: Impairments, seed: u64) -> (Vec<(Instant, Vec<u8>)>, LinkCounters) {
        let mut link = Link::new(impairments, Rng::new(seed));
        for n in 0..10_000u32 {
            link.send(Instant::from_millis(n.into()), &n.to_be_bytes());
        }
        let mut arrived = Vec::new();
        while let Some(at) = link.next_arrival() {
            assert_eq!(link.receive(Instant::from_micros(at.as_micros() - 1)), None);
            arrived.push((at, link.receive(at).unwrap()));
        }
        (arrived, link.counters())
    }

    #[test]
    fn a_clean_link_only_delays() {
        let clean = Impairments {
            delay: ms(7),
            ..Impairments::default()
        };
        let (arrived, counters) = arrivals(clean, 1);
        let expected: Vec<(Instant, Vec<u8>)> = (0..10_000u32)
            .map(|n| {
                (
                    Instant::from_millis(u64::from(n) + 7),
                    n.to_be_bytes().to_vec(),
                )
            })
            .collect();
        assert_eq!(arrived, expected);
        assert_eq!((counters.sent, counters.delivered), (10_000, 10_000));
    }

    #[rstest]
    #[case::loss(Impairments { loss: 1_000, ..Impairments::default() })]
    #[case::duplication(Impairments { duplication: 1_000, ..Impairments::default() })]
    #[case::reordering(Impairments { reordering: 1_000, reordering_delay: ms(20), ..Impairments::default() })]
    #[case::corruption(Impairments { corruption: 1_000, ..Impairments::default() })]
    fn each_impairment_does_its_own_harm_at_its_rate(#[case] impairments: Impairments) {
        let delay = ms(1);
        let (arrived, counters) = arrivals(
            Impairments {
                delay,
                ..impairments
            },
            5,
        );
        let rates = [
            (impairments.loss, counters.lost),
            (impairments.duplication, counters.duplicated),
            (impairments.reordering, counters.reordered),
            (impairments.corruption, counters.corrupted),
        ];
        for (rate, count) in rates {
            let expected = u64::from(rate);
            assert!(count.abs_diff(expected) <= expected / 10, "{counters:?}");
        }
        let expected = counters.sent - counters.lost + counters.duplicated;
        assert_eq!(
            (counters.delivered, arrived.len() as u64),
            (expected, expected)
        );
        let overtaken = arrived.windows(2).any(|pair| pair[0].1 > pair[1].1);
        assert_eq!(overtaken, counters.reordered + counters.corrupted > 0);
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let all = Impairments {
            loss: 500,
            duplication: 500,
            reordering: 500,
            corruption: 500,
            delay: ms(5),
            reordering_delay: ms(50),
        };
        assert_eq!(arrivals(all, 9), arrivals(all, 9));
        assert_ne!(arrivals(all, 9), arrivals(all, 10));
    }

    #[rstest]
    #[case::v4(0x45, 0)]
    #[case::v6(0x60, 8)]
    fn one_protected_bit_is_flipped(#[case] first: u8, #[case] spared: usize) {
        for random in 0..500 {
            let mut datagram = vec![first; 60];
            flip_protected_bit(&mut datagram, random);
            let changed: u32 = datagram
                .iter()
                .map(|byte| (byte ^ first).count_ones())
                .sum();
            assert_eq!(changed, 1);
            assert!(datagram[..spared].iter().all(|byte| *byte == first));
        }
        flip_protected_bit(&mut [], 3);
        flip_protected_bit(&mut [0x60; 8], 3);
    }
}
