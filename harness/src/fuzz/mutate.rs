//! Changes to an input, each local to some of its events.

use fastrand::Rng;

use super::generate;
use super::input::{Input, MOST_EVENTS};

/// Changes an input a little.
pub fn mutate(input: &mut Input, rng: &mut Rng, most: usize) {
    let most = most.clamp(1, MOST_EVENTS);
    for _ in 0..1 << rng.u8(0..3) {
        once(input, rng, most);
    }
    input.events.truncate(most);
}

fn once(input: &mut Input, rng: &mut Rng, most: usize) {
    let len = input.events.len();
    if len == 0 {
        input.events.push(generate::record(rng));
        return;
    }
    let at = rng.usize(0..len);
    match rng.u8(0..16) {
        0..4 if len < most => input
            .events
            .insert(rng.usize(0..=len), generate::record(rng)),
        4 | 5 if len > 1 => {
            input.events.remove(at);
        }
        6 if len > 2 => {
            let end = (at + rng.usize(1..=4)).min(len);
            input.events.drain(at..end);
        }
        7 if len < most => {
            let event = input.events[at];
            input.events.insert(rng.usize(0..=len), event);
        }
        8 => input.events.swap(at, rng.usize(0..len)),
        9 => {
            let bit = rng.usize(0..64);
            input.events[at][bit / 8] ^= 1 << (bit % 8);
        }
        10 => input.events[at][rng.usize(0..8)] = rng.u8(..),
        11 => input.setup = generate::setup(rng),
        12 if len < most => {
            let phrase = generate::phrase(rng);
            input.events.splice(at..at, phrase);
        }
        _ => input.events[at] = generate::record(rng),
    }
}

/// The beginning of one input and the end of another, cut between events.
pub fn cross(one: &Input, other: &Input, rng: &mut Rng, most: usize) -> Input {
    let from = rng.usize(0..=one.events.len());
    let to = rng.usize(0..=other.events.len());
    let mut events = one.events[..from].to_vec();
    events.extend_from_slice(&other.events[to..]);
    events.truncate(most.clamp(1, MOST_EVENTS));
    Input {
        setup: one.setup,
        events,
    }
}
