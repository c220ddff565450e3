//! The figures of `docs/fuzzing.md`: how many events a second, all oracles on, beside smoltcp in the same run.
//!
//! `cargo bench -p tcpdrill --bench fuzz`. One thread; speeds are only compared within a run, in turns and by medians.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "the clock is shared with other benchmarks"
)]

#[path = "../../stack/benches/compare/timing.rs"]
mod timing;

use tcpdrill::fuzz::arena::{Alone, Arena, Contest};
use tcpdrill::fuzz::engine::{Engine, Settings};
use tcpdrill::target::reference::ReferenceTarget;
use tcpdrill::target::smoltcp::SmoltcpTarget;

use timing::Race;

/// Inputs in one round.
const INPUTS: usize = 256;
const ROUNDS: usize = 41;

const SETTINGS: Settings = Settings {
    seed: 1,
    most_events: 48,
    feedback: true,
};

fn main() {
    let reference = ReferenceTarget::default();
    let smoltcp = SmoltcpTarget;
    let mut of_reference = Engine::new(SETTINGS, Arena::choices(&reference));
    let mut of_smoltcp = Engine::knowing(SETTINGS, smoltcp.known().expect("the list can be read"));
    let mut ours = Alone(&reference).player().expect("it needs nothing");
    let mut theirs = Alone(&smoltcp).player().expect("it needs nothing");
    let race = Race::run(
        ROUNDS,
        &mut [
            &mut || {
                let before = of_reference.totals.events;
                for _ in 0..INPUTS {
                    let found = of_reference.step_of(&mut ours);
                    assert!(found.is_none(), "{found:?}");
                }
                of_reference.totals.events - before
            },
            &mut || {
                let before = of_smoltcp.totals.events;
                for _ in 0..INPUTS {
                    // What is found is another matter here.
                    drop(of_smoltcp.step_of(&mut theirs));
                }
                of_smoltcp.totals.events - before
            },
        ],
    );
    println!("events with all oracles, one core");
    show(&race, 0, "the reference");
    show(&race, 1, "smoltcp");
}

fn show(race: &Race, contender: usize, name: &str) {
    let of = |nanos: f64| 1e3 / nanos;
    println!(
        "  {name:32} {:6.2} million events/s (best {:.2})",
        of(race.median(contender)),
        of(race.least(contender))
    );
}
