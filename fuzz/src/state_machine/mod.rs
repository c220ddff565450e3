//! A list of events against one host: segments made from what the host last said, then bent;
//! user calls; bounded time. Judged after every event.

mod driver;
mod event;
mod judge;
mod text;

use arbitrary::{Arbitrary, Unstructured};
use driver::Driver;
use event::{Event, Setup};

/// More events than this add time, not insight.
const MAX_EVENTS: usize = 200;

/// Runs the events that `data` encodes.
///
/// # Panics
/// When the host panics, breaks an invariant, sends a malformed or unprovoked packet, delivers or
/// sends a wrong byte, or does not come to rest.
pub fn state_machine(data: &[u8]) {
    if let Some(mut driver) = run(data) {
        driver.fill_and_read();
        driver.wait_until_quiet();
    }
}

/// Everything up to the end of the events; `None` when the bytes make no setup.
fn run(data: &[u8]) -> Option<Driver> {
    let mut bytes = Unstructured::new(data);
    let mut driver = Driver::new(&Setup::arbitrary(&mut bytes).ok()?);
    // As many events as the bytes make: a derived `Vec` would end at the first odd bit.
    for _ in 0..MAX_EVENTS {
        if bytes.is_empty() {
            break;
        }
        driver.perform(Event::arbitrary(&mut bytes).ok()?);
    }
    Some(driver)
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
            let driver = run(&noise);
            reached.extend(driver.iter().flat_map(Driver::states_seen));
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
