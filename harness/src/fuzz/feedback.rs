//! Which transitions were seen: what steers the fuzzer, and what it reports as covered.
//!
//! Counters are indexed by the state before, the class of the event, the state after and the class of what
//! was sent; and by pairs of such steps. libFuzzer sees the same counters (`__libfuzzer_extra_counters`).

use super::input::{Call, Event, Wait};
use super::packet::{ACK, FIN, RST, SYN};
use super::play::Witness;
use super::subject::State;

/// How many counters there are.
pub const COUNTERS: usize = 4096;
const _: () = assert!(COUNTERS.is_multiple_of(16));

/// The first half: single steps. The second: pairs of them.
const STEPS: usize = COUNTERS / 2;

/// How many classes of events there are.
const CLASSES: usize = 48;
/// How many transitions there are: state, class, state.
const TRANSITIONS: usize = State::ALL.len() * CLASSES * State::ALL.len();

/// Transitions, a bit each.
type Transitions = [u64; TRANSITIONS.div_ceil(64)];

/// What was seen in one run.
#[derive(Clone, Debug)]
pub struct Feedback {
    counters: Box<[u8; COUNTERS]>,
    transitions: Box<Transitions>,
    last: usize,
}

impl Default for Feedback {
    fn default() -> Feedback {
        Feedback {
            counters: Box::new([0; COUNTERS]),
            transitions: Box::new([0; TRANSITIONS.div_ceil(64)]),
            last: 0,
        }
    }
}

/// What kind of event it is, as far as that matters for the next state.
fn class(event: &Event) -> usize {
    match event {
        Event::Segment(fields) | Event::Stranger(fields) => {
            let flags = fields.flags & (SYN | FIN | RST);
            let flags = flags | (fields.flags & ACK) >> 1;
            let text = usize::from(fields.text != super::input::Length::None);
            usize::from(flags) * 2 + text
        }
        Event::Repeat(_) => 32,
        Event::Icmp(icmp) => match icmp.kind % 16 {
            0..6 => 33,
            _ => 46,
        },
        Event::Call(call) => match call {
            Call::Listen => 34,
            Call::Connect => 35,
            Call::Accept => 36,
            Call::Send(_) => 37,
            Call::Recv(_) => 38,
            Call::Shutdown => 39,
            Call::Close => 40,
            Call::Abort => 41,
            Call::NoDelay(_) | Call::KeepAlive(_) => 42,
        },
        Event::Wait(Wait::Millis(_)) => 43,
        Event::Wait(Wait::Timer) => 44,
        Event::Wait(Wait::Seconds(_)) => 45,
    }
}

/// Spreads a number over the counters.
fn spread(number: usize) -> usize {
    // A multiplicative hash; the upper bits are the good ones.
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 40
}

/// The transitions of one run.
#[derive(Clone, Debug)]
pub struct Crossed(Box<Transitions>);

/// What a run has added to what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Something.
    pub anything: bool,
    /// A transition.
    pub transition: bool,
}

impl Feedback {
    /// The transitions of the run.
    pub fn crossed(&self) -> Crossed {
        Crossed(self.transitions.clone())
    }

    /// Forgets the run.
    pub fn clear(&mut self) {
        self.counters.fill(0);
        self.transitions.fill(0);
        self.last = 0;
    }

    /// The counters, each a bucket: one, a few, many.
    pub fn counters(&self) -> &[u8; COUNTERS] {
        &self.counters
    }

    fn count(&mut self, index: usize) {
        let counter = &mut self.counters[index % COUNTERS];
        *counter = counter.saturating_add(1);
    }
}

impl Witness for Feedback {
    fn step(&mut self, before: State, event: &Event, after: State, packets: usize) {
        let transition = before as usize * CLASSES + class(event);
        let transition = transition * State::ALL.len() + after as usize;
        self.transitions[transition / 64] |= 1 << (transition % 64);
        let step = transition * 3 + packets.min(2);
        let single = spread(step) % STEPS;
        self.count(single);
        let pair = spread(self.last * 8_192 + step);
        self.count(STEPS + pair % (COUNTERS - STEPS));
        self.last = step;
    }
}

/// What was seen in all runs so far.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Of every counter the buckets seen, a bit each.
    seen: Box<[u8; COUNTERS]>,
    transitions: Box<Transitions>,
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage {
            seen: Box::new([0; COUNTERS]),
            transitions: Box::new([0; TRANSITIONS.div_ceil(64)]),
        }
    }
}

impl Coverage {
    /// Takes in a run; what it has shown that is new.
    pub fn take(&mut self, feedback: &Feedback) -> News {
        let mut is_new = false;
        let (all, _) = feedback.counters().as_chunks::<16>();
        for (place, counts) in all.iter().enumerate() {
            // Most were not counted at all.
            if u128::from_ne_bytes(*counts) == 0 {
                continue;
            }
            let seen = &mut self.seen[16 * place..16 * place + 16];
            for (seen, count) in seen.iter_mut().zip(counts) {
                // As libFuzzer has it: 1, 2, 3, 4 to 7, 8 to 15 and so on.
                let bucket = match count {
                    0 => continue,
                    count => 1 << (7 - count.leading_zeros()),
                };
                is_new |= *seen & bucket == 0;
                *seen |= bucket;
            }
        }
        News {
            anything: is_new,
            transition: self.cross(&feedback.transitions),
        }
    }

    /// Takes in the transitions of a run; whether one of them is new.
    pub fn takes(&mut self, crossed: &Crossed) -> bool {
        self.cross(&crossed.0)
    }

    fn cross(&mut self, crossed: &Transitions) -> bool {
        let mut is_new = false;
        for (seen, new) in self.transitions.iter_mut().zip(crossed) {
            is_new |= new & !*seen != 0;
            *seen |= new;
        }
        is_new
    }

    /// How many counters were ever counted.
    pub fn counters(&self) -> usize {
        self.seen.iter().filter(|seen| **seen != 0).count()
    }

    /// How many transitions were seen: what state, what kind of event, what state afterwards.
    pub fn transitions(&self) -> usize {
        let seen = self
            .transitions
            .iter()
            .map(|bits| bits.count_ones() as usize);
        seen.sum()
    }
}
