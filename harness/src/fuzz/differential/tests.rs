//! Who is the same does the same, and who is not is found.

use fastrand::Rng;

use crate::fuzz::arena::{Against, Alone, Contest, Player};
use crate::fuzz::engine::{Engine, Settings};
use crate::fuzz::generate;
use crate::fuzz::input::{Anchor, Event, Fields, Input, Number, Opening, Setup};
use crate::fuzz::oracle::Oracle;
use crate::fuzz::packet::{ACK, FIN};
use crate::fuzz::play::Played;
use crate::target::reference::ReferenceTarget;
use crate::target::smoltcp::SmoltcpTarget;

#[test]
fn the_reference_does_not_part_from_itself() {
    let target = ReferenceTarget::default();
    let contest = Against {
        one: &target,
        other: &target,
    };
    let mut player = contest.player().unwrap();
    let mut rng = Rng::with_seed(5);
    let mut all = Played::default();
    for _ in 0..1_500 {
        let input = generate::input(&mut rng, 48);
        let played = player.play(&input, &mut ());
        let played = played.unwrap_or_else(|found| panic!("{}", found.violation));
        all.judged += played.judged;
    }
    assert!(all.judged > 20_000, "{all:?}");
}

/// Runs so many inputs; whatever no list explains is a failure. How often each entry has explained something.
fn explained<C: Contest>(contest: &C, runs: usize) -> usize {
    let settings = Settings {
        seed: 9,
        most_events: 48,
        feedback: true,
    };
    let known = contest.known().unwrap();
    let mut engine = Engine::knowing(settings, known);
    let mut player = contest.player().unwrap();
    for _ in 0..runs {
        if let Some(finding) = engine.step_of(&mut player) {
            panic!("{}: {:?}", finding.found.violation, finding.input);
        }
    }
    engine.explained.iter().filter(|count| **count > 0).count()
}

#[test]
fn smoltcp_does_nothing_that_is_not_listed() {
    assert!(explained(&Alone(&SmoltcpTarget), 1_500) > 15);
    let contest = Against {
        one: &ReferenceTarget::default(),
        other: &SmoltcpTarget,
    };
    assert!(explained(&contest, 1_500) > 12);
}

/// What one finds is named by the list, and only that.
#[test]
fn a_listed_difference_is_found_by_its_id() {
    let contest = Against {
        one: &ReferenceTarget::default(),
        other: &SmoltcpTarget,
    };
    let behind_a_hole = Fields {
        seq: Number {
            anchor: Anchor::Next,
            offset: 100,
        },
        ..Fields::usual(ACK | FIN)
    };
    let input = Input {
        setup: Setup {
            opening: Opening::Accepted,
            ..Setup::default()
        },
        events: vec![Event::Segment(behind_a_hole).encode()],
    };
    let found = contest.player().unwrap().play(&input, &mut ());
    let found = found.expect_err("it parts").violation;
    assert_eq!(found.oracle, Oracle::Differential);
    let known = contest.known().unwrap();
    let place = known.explains(&found, &input.setup);
    let entry = place.map(|place| known.entries()[place].id.as_str());
    assert_eq!(entry, Some("fin-behind-a-hole"), "{found}");
}
