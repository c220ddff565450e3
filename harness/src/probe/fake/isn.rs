//! Generators of initial sequence numbers, good and bad.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

type Tuple = (SocketAddr, SocketAddr);

/// A generator.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Isn {
    rule: Rule,
    /// What the generator remembers.
    state: u64,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    /// SplitMix64, its upper half.
    Ideal,
    /// The 4 us clock of RFC 793 alone.
    Clock,
    /// 64,000 more for every connection.
    SteadySteps,
    /// The C library's `rand` of old.
    Lcg,
    Xorshift,
    /// 16 random bits above zeros.
    UpperHalfOnly,
    /// Random steps below 2^16.
    SmallSteps,
    Constant,
    /// A clock with a tick of so many nanoseconds and a keyed hash of the tuple (RFC 6528).
    Rfc6528(u64),
    /// The clock and a sum of addresses and ports.
    AddedTuple,
}

impl Isn {
    const fn of(rule: Rule, state: u64) -> Isn {
        Isn { rule, state }
    }

    pub(in crate::probe) const fn ideal(seed: u64) -> Isn {
        Isn::of(Rule::Ideal, seed)
    }

    pub(in crate::probe) const fn clock() -> Isn {
        Isn::of(Rule::Clock, 0)
    }

    pub(in crate::probe) const fn rule_of_64k() -> Isn {
        Isn::of(Rule::SteadySteps, 1)
    }

    pub(in crate::probe) const fn lcg() -> Isn {
        Isn::of(Rule::Lcg, 12_345)
    }

    pub(in crate::probe) const fn xorshift() -> Isn {
        Isn::of(Rule::Xorshift, 2_463_534_242)
    }

    pub(in crate::probe) const fn upper_half_only() -> Isn {
        Isn::of(Rule::UpperHalfOnly, 5)
    }

    pub(in crate::probe) const fn small_steps() -> Isn {
        Isn::of(Rule::SmallSteps, 5)
    }

    pub(in crate::probe) const fn constant() -> Isn {
        Isn::of(Rule::Constant, 77)
    }

    pub(in crate::probe) const fn rfc6528(tick_ns: u64) -> Isn {
        Isn::of(Rule::Rfc6528(tick_ns), 0x0123_4567_89ab_cdef)
    }

    pub(in crate::probe) const fn added_tuple() -> Isn {
        Isn::of(Rule::AddedTuple, 0)
    }

    /// A SYN cookie.
    pub(in crate::probe) fn cookie(tuple: Tuple) -> u32 {
        keyed(77, tuple)
    }

    /// The next number at a time in microseconds, for a tuple that does not matter.
    pub(in crate::probe) fn next(&mut self, micros: u64) -> u32 {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        self.next_for((any, any), micros)
    }

    /// The next number for a tuple.
    pub(in crate::probe) fn next_for(&mut self, tuple: Tuple, micros: u64) -> u32 {
        match self.rule {
            Rule::Ideal => (self.split_mix() >> 32) as u32,
            Rule::Clock => (micros / 4) as u32,
            Rule::SteadySteps => {
                self.state += 64_000;
                self.state as u32
            }
            Rule::Lcg => {
                let state = self.state as u32;
                let state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                self.state = u64::from(state);
                state
            }
            Rule::Xorshift => {
                let mut state = self.state as u32;
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                self.state = u64::from(state);
                state
            }
            Rule::UpperHalfOnly => (self.split_mix() >> 48 << 16) as u32,
            Rule::SmallSteps => {
                // The generator's own state stays below, the sum of the steps above.
                let mut steps = Isn::ideal(self.state & 0xffff_ffff);
                let step = steps.next(0) & 0xffff;
                let sum = ((self.state >> 32) as u32).wrapping_add(step);
                self.state = u64::from(sum) << 32 | (self.state + 1) & 0xffff_ffff;
                sum
            }
            Rule::Constant => self.state as u32,
            Rule::Rfc6528(tick_ns) => {
                let ticks = u128::from(micros) * 1000 / u128::from(tick_ns);
                keyed(self.state, tuple).wrapping_add(ticks as u32)
            }
            Rule::AddedTuple => {
                let ports = u32::from(tuple.0.port()) * 7919 + u32::from(tuple.1.port()) * 104_729;
                let host = match tuple.1.ip() {
                    std::net::IpAddr::V4(ip) => u32::from(ip),
                    std::net::IpAddr::V6(ip) => u128::from(ip) as u32,
                };
                let clock = (micros / 4) as u32;
                clock.wrapping_add(ports).wrapping_add(host << 8)
            }
        }
    }

    fn split_mix(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

fn keyed(key: u64, tuple: Tuple) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    tuple.hash(&mut hasher);
    hasher.finish() as u32
}
