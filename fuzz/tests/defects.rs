//! Each oracle of the fuzzer finds historic defects that only it sees.
//!
//! docs/fuzzing.md has the table of all of them; here stand a few for each rule, so that a rule that has gone blind is
//! noticed.

use rstest::rstest;
use tcpdrill::fuzz::engine::{Engine, Settings};
use tcpdrill::fuzz::oracle::Oracle;
use tcpdrill::target::reference::{Infected, ReferenceTarget};

/// Inputs until it has to be found: a small part of a second, optimised.
const INPUTS: usize = 1_000;

#[rstest]
#[case::syn_from_itself("B01", Oracle::Specification)]
#[case::early_syn("B17", Oracle::Timing)]
#[case::old_window("D10", Oracle::Sending)]
#[case::delivered_text_reported("E11", Oracle::Outgoing)]
#[case::shrunk_window("F01", Oracle::Sending)]
#[case::no_window("F02", Oracle::Sending)]
#[case::closed_window_stays("F11", Oracle::Receiving)]
#[case::silly_window("F12", Oracle::Receiving)]
#[case::edge_goes_back("F13", Oracle::Outgoing)]
#[case::close_with_text_unread("G01", Oracle::Specification)]
#[case::close_in_time_wait("G07", Oracle::Specification)]
#[case::half_closed_ends("G10", Oracle::Timing)]
#[case::no_doubling("H01", Oracle::Timing)]
#[case::round_trip_of_a_repeated_segment("H05", Oracle::Timing)]
#[case::answers_acknowledgments("H08", Oracle::Receiving)]
#[case::duplicates_with_text("H07", Oracle::Sending)]
#[case::timeout_without_effect("H09", Oracle::Sending)]
#[case::late_acknowledgment("H16", Oracle::Timing)]
#[case::early_timeout("H19", Oracle::Timing)]
#[case::wrong_timestamp_kept("I07", Oracle::Receiving)]
#[case::no_selective_acknowledgment("I13", Oracle::Receiving)]
#[case::isn_zero("J01", Oracle::Isn)]
#[case::isn_with_a_fixed_bit("J05", Oracle::Isn)]
#[case::isn_without_a_clock("J09", Oracle::Isn)]
fn is_found_by_its_oracle(#[case] id: &str, #[case] oracle: Oracle) {
    let infected =
        Infected::with(ReferenceTarget::default(), id).expect("a defect that is built in");
    // One seed may pass a defect by for long.
    let search = |seed| {
        let settings = Settings {
            seed,
            most_events: 48,
            feedback: true,
        };
        let mut engine = Engine::new(settings, infected.target.choices());
        let mut subject = infected.target.subject();
        (0..INPUTS).find_map(|_| engine.step(&mut subject))
    };
    let found = (1..=6).find_map(search).expect("it is found").found;
    assert_eq!(found.violation.oracle, oracle, "{}", found.violation);
    assert!(
        infected.triggered() > 0,
        "it made no difference: {}",
        found.violation
    );
}
