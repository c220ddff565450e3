//! Two defects and a few cases: what is killed, what is not, and that the number of threads is no matter.
//!
//! Needs the feature `mutants`; `.ci/run zoo` has it, and runs all defects against all cases.

use tcpdrill::fuzz::arena::{Against, Contest};
use tcpdrill::fuzz::engine::{Engine, Settings};
use tcpdrill::suite::Suite;
use tcpdrill::target::reference::{Defect, Infected, ReferenceTarget, defects};
use tcpdrill::zoo::{Explanations, Fate, Row, Zoo};

/// The cases below a folder.
fn part(folder: &str) -> Suite {
    let mut suite = Suite::bundled();
    suite.cases.retain(|case| case.name.starts_with(folder));
    suite
}

fn named(ids: [&str; 2]) -> Vec<Defect> {
    let all = defects().expect("they are built in");
    let named = all.into_iter().filter(|defect| ids.contains(&defect.id));
    named.collect()
}

fn rows(suite: &Suite, ids: [&str; 2], jobs: usize) -> Vec<Row> {
    let explanations = Explanations::default();
    let zoo = Zoo::new(suite, Some("rfc9293"), &explanations).expect("a profile");
    assert_eq!(zoo.failing_anyway(), 0);
    zoo.rows(&named(ids), jobs, &|_| {})
}

#[test]
fn a_defect_is_killed_by_the_case_that_covers_it_and_survives_without() {
    let resets = part("reset/");
    let rows = |jobs| rows(&resets, ["B21", "E06"], jobs);
    let seen = rows(2);
    let [killed, survivor] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(killed.fate(), Fate::Killed);
    let killers: Vec<&str> = killed.killers().map(|one| one.case.as_str()).collect();
    assert_eq!(killers, ["reset/closed-port-rst"]);
    assert!(killed.reached >= killed.triggered && killed.triggered > 0);
    // Nothing there has a FIN ahead of a gap.
    assert!(survivor.fate() > Fate::Accident && survivor.complaint().is_some());
    let told = |rows: &[Row]| {
        let told = |row: &Row| (row.reached, row.triggered, row.failing.clone());
        rows.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(told(&rows(1)), told(&seen));
}

/// A loop without end and a read beyond the datagram cost their cases, and nothing else.
#[test]
fn a_stack_that_breaks_down_fails_its_case() {
    let headers = part("header/option-length");
    let seen = rows(&headers, ["A01", "A02"], 1);
    for (row, want) in seen.iter().zip(["comes to no end", "out of range"]) {
        assert_eq!(row.fate(), Fate::Killed, "{row:?}");
        assert!(row.failing[0].message.contains(want), "{row:?}");
    }
}

/// A reference with a defect parts from one without.
#[test]
fn a_defect_parts_from_what_is_right() {
    for id in ["B21", "E06"] {
        let infected = Infected::with(ReferenceTarget::default(), id).expect("it is built in");
        let contest = Against {
            one: &ReferenceTarget::default(),
            other: &infected.target,
        };
        let settings = Settings {
            seed: 1,
            most_events: 48,
            feedback: true,
        };
        let mut engine = Engine::knowing(settings, contest.known().expect("no list"));
        let mut player = contest.player().expect("nothing is lacking");
        let found = (0..5_000).find_map(|_| engine.step_of(&mut player));
        assert!(found.is_some() && infected.triggered() > 0, "{id}");
    }
}
