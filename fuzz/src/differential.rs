//! The same events to the reference and to smoltcp, held against each other.

use std::cell::RefCell;

use tcpdrill::fuzz::arena::{Against, AgainstPlayer, Contest, Player};
use tcpdrill::fuzz::feedback::{COUNTERS, Feedback};
use tcpdrill::fuzz::input::Input;
use tcpdrill::fuzz::known::Known;
use tcpdrill::target::reference::{ReferenceSubject, ReferenceTarget};
use tcpdrill::target::smoltcp::{SmoltcpSubject, SmoltcpTarget};

/// Both stacks, used again for every input.
struct Pair {
    player: AgainstPlayer<ReferenceSubject, SmoltcpSubject>,
    known: Known,
    feedback: Feedback,
}

thread_local! {
    static PAIR: RefCell<Pair> = RefCell::new(Pair::new());
}

impl Pair {
    fn new() -> Pair {
        let contest = Against {
            one: &ReferenceTarget::default(),
            other: &SmoltcpTarget,
        };
        let (Ok(player), Ok(known)) = (contest.player(), contest.known()) else {
            panic!("both stacks are built in, and the list is tested");
        };
        Pair {
            player,
            known,
            feedback: Feedback::default(),
        }
    }
}

/// Plays the input that these bytes are on both, and tells which transitions the reference has crossed.
///
/// # Panics
/// Where the two part, unless that is listed; `tcpdrill replay --target smoltcp --differential` shows what leads there.
pub fn differential(data: &[u8], crossed: impl FnOnce(&[u8; COUNTERS])) {
    PAIR.with_borrow_mut(|pair| {
        let Pair {
            player,
            known,
            feedback,
        } = pair;
        feedback.clear();
        let input = Input::decode(data);
        let result = player.play(&input, feedback);
        crossed(feedback.counters());
        if let Err(found) = result
            && known.explains(&found.violation, &input.setup).is_none()
        {
            panic!("event {}: {}", found.event, found.violation);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn noise_shows_nothing_that_is_not_listed() {
        let mut rng = Rng::new(0xd1ff);
        let mut crossed = 0;
        for _ in 0..300 {
            let len = 16 + rng.below(1_500) as usize;
            differential(&seeds::noise(&mut rng, len), |counters| {
                crossed += counters.iter().filter(|counter| **counter > 0).count();
            });
        }
        assert!(crossed > 300, "{crossed} transitions in all");
    }
}
