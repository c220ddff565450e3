//! Segments, calls and time against one host, judged by all oracles of `tcpdrill fuzz`.

use std::cell::RefCell;

use fastrand::Rng;
use tcpdrill::fuzz::engine::play;
use tcpdrill::fuzz::feedback::{COUNTERS, Feedback};
use tcpdrill::fuzz::input::{Input, MOST_EVENTS};
use tcpdrill::fuzz::mutate;
use tcpdrill::fuzz::oracle::Choices;
use tcpdrill::target::reference::{ReferenceSubject, ReferenceTarget};

/// One host, used again for every input.
struct Player {
    subject: ReferenceSubject,
    choices: Choices,
    feedback: Feedback,
}

thread_local! {
    static PLAYER: RefCell<Player> = RefCell::new(Player::new());
}

impl Player {
    fn new() -> Player {
        let target = ReferenceTarget::default();
        Player {
            subject: target.subject(),
            choices: target.choices(),
            feedback: Feedback::default(),
        }
    }
}

/// Plays the input that these bytes are, and tells which transitions it has crossed.
///
/// # Panics
/// When an oracle finds something; `tcpdrill replay` shows what leads there.
pub fn state_machine(data: &[u8], crossed: impl FnOnce(&[u8; COUNTERS])) {
    PLAYER.with_borrow_mut(|player| {
        let Player {
            subject,
            choices,
            feedback,
        } = player;
        feedback.clear();
        let result = play(subject, &Input::decode(data), feedback, *choices);
        crossed(feedback.counters());
        if let Err(found) = result {
            panic!("event {}: {}", found.event, found.violation);
        }
    });
}

/// Changes some of the events in the first `size` bytes, whole events only; how many bytes there are then,
/// `most` at most.
pub fn mutate_events(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut input = Input::decode(&data[..size]);
    // The setup takes as much as an event.
    let room = (most.min(data.len()) / tcpdrill::fuzz::input::WIDTH).saturating_sub(1);
    if room == 0 {
        return size;
    }
    let mut rng = Rng::with_seed(seed.into());
    mutate::mutate(&mut input, &mut rng, room.min(MOST_EVENTS));
    let bytes = input.encode();
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use tcpdrill_stack::rng::Rng as Seeded;

    #[test]
    fn noise_passes_and_crosses_something() {
        let mut rng = Seeded::new(0x57a7e);
        for _ in 0..300 {
            let len = 16 + rng.below(1_500) as usize;
            let mut count = 0;
            state_machine(&seeds::noise(&mut rng, len), |counters| {
                count = counters.iter().filter(|counter| **counter > 0).count();
            });
            assert!(count > 0, "{len} bytes");
        }
    }

    #[test]
    fn what_is_changed_stays_within_its_room() {
        let mut rng = Seeded::new(7);
        for seed in 0..2_000 {
            let size = rng.below(100) as usize;
            let most = size + rng.below(40) as usize;
            let mut data = vec![0; most];
            data[..size].copy_from_slice(&seeds::noise(&mut rng, size));
            let new = mutate_events(&mut data, size, most, seed);
            assert!(new <= most, "{new} of {most} bytes");
            state_machine(&data[..new], |_| {});
        }
    }
}
