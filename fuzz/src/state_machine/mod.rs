//! A list of events against one host: segments made from what the host last said, then bent;
//! user calls; bounded time. Judged after every event.

mod driver;
mod event;
mod judge;
mod text;

use arbitrary::{Arbitrary, Unstructured};
use driver::Driver;
use event::Input;

/// More events than this add time, not insight.
const MAX_EVENTS: usize = 200;

/// Runs the events that `data` encodes.
///
/// # Panics
/// When the host panics, breaks an invariant, sends a malformed or unprovoked packet, delivers or
/// sends a wrong byte, or does not come to rest.
pub fn state_machine(data: &[u8]) {
    let Ok(Input { setup, events }) = Input::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let mut driver = Driver::new(&setup);
    for event in events.into_iter().take(MAX_EVENTS) {
        driver.perform(event);
    }
    driver.wait_until_quiet();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use std::collections::BTreeSet;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0x57a7e);
        for _ in 0..400 {
            let len = 32 + rng.below(1_500) as usize;
            state_machine(&seeds::noise(&mut rng, len));
        }
    }

    /// The events must get somewhere: noise alone reaches every state.
    #[test]
    fn noise_reaches_every_state() {
        let mut rng = Rng::new(0x57a7f);
        let mut reached = BTreeSet::new();
        for _ in 0..1_500 {
            let len = 32 + rng.below(1_500) as usize;
            let noise = seeds::noise(&mut rng, len);
            let input = Input::arbitrary_take_rest(Unstructured::new(&noise)).unwrap();
            let mut driver = Driver::new(&input.setup);
            for event in input.events.into_iter().take(MAX_EVENTS) {
                driver.perform(event);
            }
            reached.extend(driver.states_seen());
        }
        let missing: Vec<_> = tcpdrill_stack::StateName::ALL
            .into_iter()
            // A listener has no connection whose state could change to LISTEN.
            .filter(|state| *state != tcpdrill_stack::StateName::Listen)
            .filter(|state| !reached.contains(state))
            .collect();
        assert!(missing.is_empty(), "never reached: {missing:?}");
    }
}
