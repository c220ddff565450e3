//! A one-way link that loses, repeats, reorders, damages and delays datagrams, by a seed.

use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::checksum::checksum;
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
    /// The longest time any datagram may take on top, without being overtaken.
    pub jitter: Duration,
    /// Losses that come in bursts.
    pub burst: Option<Burst>,
    /// What limits the throughput.
    pub bottleneck: Option<Bottleneck>,
}

/// The Gilbert–Elliott model of losses that come together. Rates are in 1 of 10,000 datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// How often the good state ends.
    pub enter: u16,
    /// How often the bad state ends.
    pub leave: u16,
    /// How many are lost in the bad state.
    pub loss: u16,
}

/// A link of limited rate with a queue before it that drops what does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    /// Bytes per second, at least 1.
    pub rate: u64,
    /// Bytes that may wait. One datagram is always taken when none waits.
    pub queue: u64,
    /// Bytes that wait from which on ECN-capable datagrams are marked (RFC 3168 §5).
    pub mark: Option<u64>,
}

impl Bottleneck {
    /// How long `bytes` take.
    fn time(self, bytes: u64) -> Duration {
        Duration::from_micros((bytes * 1_000_000).div_ceil(self.rate.max(1)))
    }
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
    /// Lost because the queue was full.
    pub overflowed: u64,
    /// Marked as having met congestion.
    pub marked: u64,
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
    /// In the bad state of [`Burst`].
    in_burst: bool,
    /// When the bottleneck will have sent all that waits.
    busy_until: Instant,
    /// No datagram that is in order arrives before this.
    last_in_order: Instant,
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
                overflowed: 0,
                marked: 0,
                delivered: 0,
            },
            in_burst: false,
            busy_until: Instant::ZERO,
            last_in_order: Instant::ZERO,
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

    /// Puts `datagram` in at `now`. Answers how many undamaged copies are on their way.
    pub fn send(&mut self, now: Instant, datagram: &[u8]) -> usize {
        self.counters.sent += 1;
        // Every roll is made for every datagram: switching one impairment off leaves the others'
        // fate as it was, which makes a failing run easy to reduce.
        let lost = self.roll(self.impairments.loss) | self.roll_burst();
        let copies = 1 + u64::from(self.roll(self.impairments.duplication));
        self.counters.duplicated += copies - 1;
        if lost {
            self.counters.lost += 1;
        }
        let mut under_way = 0;
        for copy in 0..copies {
            let fate = self.roll_fate();
            if lost && copy == 0 {
                continue;
            }
            under_way += usize::from(self.carry(now, datagram, fate));
        }
        under_way
    }

    fn roll_fate(&mut self) -> Fate {
        let held_back = self.roll(self.impairments.reordering);
        let extra = self.below(self.impairments.reordering_delay);
        let jitter = self.below(self.impairments.jitter);
        let corrupted = self.roll(self.impairments.corruption);
        let bit = self.rng.next_u64();
        Fate {
            held_back: held_back.then_some(extra),
            jitter,
            flipped: corrupted.then_some(bit),
        }
    }

    /// Takes one copy to the other end; false if the queue is full or the copy damaged.
    fn carry(&mut self, now: Instant, datagram: &[u8], fate: Fate) -> bool {
        let mut datagram = datagram.to_vec();
        let Some(left) = self.pass_bottleneck(now, &mut datagram) else {
            self.counters.overflowed += 1;
            return false;
        };
        if let Some(bit) = fate.flipped {
            self.counters.corrupted += 1;
            flip_protected_bit(&mut datagram, bit);
        }
        let mut arrival = left + self.impairments.delay;
        if self.impairments.jitter > Duration::ZERO {
            arrival = (arrival + fate.jitter).max(self.last_in_order);
            self.last_in_order = arrival;
        }
        if let Some(extra) = fate.held_back {
            self.counters.reordered += 1;
            arrival += extra;
        }
        self.in_flight.insert((arrival, self.next_number), datagram);
        self.next_number += 1;
        fate.flipped.is_none()
    }

    /// When the datagram leaves the bottleneck, `None` if its queue is full.
    fn pass_bottleneck(&mut self, now: Instant, datagram: &mut [u8]) -> Option<Instant> {
        let Some(bottleneck) = self.impairments.bottleneck else {
            return Some(now);
        };
        let wait = self.busy_until.saturating_duration_since(now);
        let waiting = (wait.as_micros() as u64).saturating_mul(bottleneck.rate) / 1_000_000;
        let len = datagram.len() as u64;
        if waiting > 0 && waiting + len > bottleneck.queue {
            return None;
        }
        if bottleneck.mark.is_some_and(|mark| waiting >= mark) && mark_congestion(datagram) {
            self.counters.marked += 1;
        }
        self.busy_until = self.busy_until.max(now) + bottleneck.time(len);
        Some(self.busy_until)
    }

    fn roll_burst(&mut self) -> bool {
        let Some(burst) = self.impairments.burst else {
            return false;
        };
        let ends = self.roll(if self.in_burst {
            burst.leave
        } else {
            burst.enter
        });
        self.in_burst ^= ends;
        self.roll(burst.loss) && self.in_burst
    }

    fn below(&mut self, limit: Duration) -> Duration {
        let micros = limit.as_micros() as u64;
        Duration::from_micros(self.rng.below(micros.saturating_add(1)))
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

/// What becomes of one copy.
#[derive(Clone, Copy, Debug)]
struct Fate {
    held_back: Option<Duration>,
    jitter: Duration,
    flipped: Option<u64>,
}

/// Sets both ECN bits of an ECN-capable datagram (RFC 3168 §5); false if it is none.
fn mark_congestion(datagram: &mut [u8]) -> bool {
    let version = datagram.first().map_or(0, |byte| byte >> 4);
    let capable = match (version, datagram.get(1)) {
        (4, Some(byte)) => byte & 3 != 0,
        (6, Some(byte)) => byte & 0x30 != 0,
        _ => false,
    };
    if !capable {
        return false;
    }
    if version == 6 {
        datagram[1] |= 0x30;
        return true;
    }
    datagram[1] |= 3;
    if datagram.len() >= 20 {
        datagram[10..12].copy_from_slice(&[0, 0]);
        let header_len = usize::from(datagram[0] & 15) * 4;
        let sum = checksum(&datagram[..header_len.min(datagram.len())]);
        datagram[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    true
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
            jitter: ms(3),
            burst: Some(Burst {
                enter: 200,
                leave: 2_000,
                loss: 9_000,
            }),
            bottleneck: Some(Bottleneck {
                rate: 5_000,
                queue: 200,
                mark: None,
            }),
        };
        assert_eq!(arrivals(all, 9), arrivals(all, 9));
        assert_ne!(arrivals(all, 9), arrivals(all, 10));
    }

    /// A burst begins once in 100 datagrams and lasts 5: 1/21 of the time, and all are lost in it.
    #[test]
    fn bursts_come_and_go_at_their_rates() {
        let burst = Burst {
            enter: 100,
            leave: 2_000,
            loss: 10_000,
        };
        let impairments = Impairments {
            delay: ms(1),
            burst: Some(burst),
            ..Impairments::default()
        };
        let (arrived, counters) = arrivals(impairments, 3);
        assert!(counters.lost.abs_diff(476) < 80, "{counters:?}");
        let number = |bytes: &Vec<u8>| u32::from_be_bytes(bytes[..].try_into().unwrap());
        let gaps = arrived
            .windows(2)
            .filter(|pair| number(&pair[1].1) - number(&pair[0].1) > 1);
        // Independent losses of the same number would leave about 450 gaps.
        let gaps = gaps.count();
        assert!((60..140).contains(&gaps), "{gaps} gaps");
    }

    #[test]
    fn jitter_keeps_the_order() {
        let impairments = Impairments {
            delay: ms(1),
            jitter: ms(30),
            ..Impairments::default()
        };
        let (arrived, _) = arrivals(impairments, 3);
        assert!(arrived.windows(2).all(|pair| pair[0].1 < pair[1].1));
        let late = |&(at, ref bytes): &(Instant, Vec<u8>)| {
            let number = u32::from_be_bytes(bytes[..].try_into().unwrap());
            at > Instant::from_millis(1 + u64::from(number))
        };
        assert!(arrived.iter().filter(|one| late(one)).count() > 9_000);
    }

    #[test]
    fn a_bottleneck_paces_queues_and_drops() {
        let bottleneck = Bottleneck {
            rate: 100_000,
            queue: 5_000,
            mark: Some(2_000),
        };
        let impairments = Impairments {
            delay: ms(1),
            bottleneck: Some(bottleneck),
            ..Impairments::default()
        };
        let mut link = Link::new(impairments, Rng::new(1));
        let mut datagram = vec![0; 1_000];
        datagram[..2].copy_from_slice(&[0x45, 2]);
        for _ in 0..10 {
            link.send(Instant::ZERO, &datagram);
        }
        let mut marked = Vec::new();
        while let Some(at) = link.next_arrival() {
            let datagram = link.receive(at).unwrap();
            marked.push((at.as_millis(), datagram[1] == 3));
        }
        let expected = [(11, false), (21, false), (31, true), (41, true), (51, true)];
        assert_eq!(marked, expected);
        assert_eq!(link.counters().overflowed, 5);
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
