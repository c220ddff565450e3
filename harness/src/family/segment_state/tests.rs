//! The table, held against what the RFC says in words, and the scripts made of it.

use std::collections::BTreeSet;

use rstest::rstest;

use super::combination::all;
use super::standing::{STACKS, WINDOW, judged, standing};
use super::{cases, script};
use crate::catalogue::Catalogue;
use crate::script::{Facts as Known, LoadContext, load};
use crate::source::Source;
use crate::specification::{Facts, Flags, Is, Reply, Segment, Stamp, State, TABLE};

fn flags(letters: &str) -> Flags {
    Flags {
        syn: letters.contains('S'),
        ack: letters.contains('.'),
        rst: letters.contains('R'),
        fin: letters.contains('F'),
    }
}

/// Sentences of RFC 9293 §3.4, §3.5, §3.10.7 and RFC 5961, each with a segment it is about. Numbers are
/// those that `opening` leaves: RCV.NXT is 1, or 2 behind the peer's FIN; SND.UNA 151, SND.NXT 201,
/// one more with our FIN.
#[rstest]
#[case::a_reset_is_never_answered(State::Closed, "R.", 5, 9, 0, Reply::Nothing, State::Closed)]
#[case::nobody_answers_with_seg_ack(State::Closed, ".", 5, 9, 0, Reply::Reset, State::Closed)]
#[case::nobody_answers_with_zero(State::Closed, "S", 5, 0, 10, Reply::ResetAck, State::Closed)]
#[case::no_ack_can_be_right(State::Listen, "S.", 5, 9, 0, Reply::Reset, State::Listen)]
#[case::a_syn_opens(State::Listen, "S", 5, 0, 0, Reply::SynAck, State::SynReceived)]
#[case::a_fin_is_not_processed(State::Listen, "F", 5, 0, 0, Reply::Nothing, State::Listen)]
#[case::ack_of_iss(State::SynSent, "S.", 5, 0, 0, Reply::Reset, State::SynSent)]
#[case::refused(State::SynSent, "R.", 5, 1, 0, Reply::Nothing, State::Closed)]
#[case::blind_reset(State::SynSent, "R", 5, 0, 0, Reply::Nothing, State::SynSent)]
#[case::syns_cross(State::SynSent, "S", 5, 0, 0, Reply::SynAck, State::SynReceivedActive)]
#[case::opened(State::SynSent, "S.", 5, 1, 0, Reply::Ack, State::Established)]
#[case::opened_and_closed(State::SynSent, "FS.", 5, 1, 0, Reply::Ack, State::CloseWait)]
#[case::reset_to_listen(State::SynReceived, "R", 1, 0, 0, Reply::Nothing, State::Listen)]
#[case::reset_for_good(State::SynReceivedActive, "R", 1, 0, 0, Reply::Nothing, State::Closed)]
#[case::figure_7(
    State::SynReceivedActive,
    "S.",
    0,
    1,
    0,
    Reply::Ack,
    State::Established
)]
#[case::wrong_third_ack(State::SynReceived, ".", 1, 2, 0, Reply::Reset, State::SynReceived)]
#[case::third_ack_and_fin(State::SynReceived, "F.", 1, 1, 0, Reply::AckSoon, State::CloseWait)]
#[case::exact_reset(State::Established, "R", 1, 0, 0, Reply::Nothing, State::Closed)]
#[case::reset_in_window(State::Established, "R", WINDOW, 0, 0, Reply::Ack, State::Established)]
#[case::reset_outside(State::Established, "R", WINDOW + 1, 0, 0, Reply::Nothing, State::Established)]
#[case::any_syn(State::Established, "S", 1, 0, 0, Reply::Ack, State::Established)]
#[case::last_empty(
    State::Established,
    ".",
    WINDOW,
    201,
    0,
    Reply::Nothing,
    State::Established
)]
#[case::first_beyond(State::Established, ".", WINDOW + 1, 201, 0, Reply::Ack, State::Established)]
#[case::no_ack_bit(State::Established, "F", 1, 0, 0, Reply::Nothing, State::Established)]
#[case::too_old(State::Established, ".", 1, 50, 0, Reply::Ack, State::Established)]
#[case::old_enough(State::Established, ".", 1, 51, 0, Reply::Nothing, State::Established)]
#[case::never_sent(State::Established, ".", 1, 202, 0, Reply::Ack, State::Established)]
#[case::hole(State::Established, ".", 2, 201, 1, Reply::Ack, State::Established)]
#[case::fin_behind_a_hole(State::Established, "F.", 2, 201, 0, Reply::Ack, State::Established)]
#[case::fin(State::Established, "F.", 1, 51, 0, Reply::AckSoon, State::CloseWait)]
#[case::our_fin_acknowledged(State::FinWait1, ".", 1, 202, 0, Reply::Nothing, State::FinWait2)]
#[case::our_data_acknowledged(State::FinWait1, ".", 1, 201, 0, Reply::Nothing, State::FinWait1)]
#[case::fins_cross(State::FinWait1, "F.", 1, 201, 0, Reply::AckSoon, State::Closing)]
#[case::fin_with_the_ack(State::FinWait1, "F.", 1, 202, 0, Reply::AckSoon, State::TimeWait)]
#[case::fin_at_last(State::FinWait2, "F.", 1, 202, 0, Reply::AckSoon, State::TimeWait)]
#[case::closing_ends(State::Closing, ".", 2, 202, 0, Reply::Nothing, State::TimeWait)]
#[case::last_ack_ends(State::LastAck, ".", 2, 202, 0, Reply::Nothing, State::Closed)]
#[case::fin_again(State::TimeWait, "F.", 1, 202, 0, Reply::Ack, State::TimeWait)]
#[case::assassinated(State::TimeWait, "R", 2, 0, 0, Reply::Nothing, State::Closed)]
#[case::new_incarnation(State::TimeWait, "S", 2, 0, 0, Reply::SynAck, State::SynReceived)]
#[case::old_syn(State::TimeWait, "S", 1, 0, 0, Reply::Ack, State::TimeWait)]
fn the_table_says_what_the_rfc_says(
    #[case] state: State,
    #[case] letters: &str,
    #[case] seq: u32,
    #[case] ack: u32,
    #[case] text: u32,
    #[case] reply: Reply,
    #[case] then: State,
) {
    let segment = Segment {
        flags: flags(letters),
        push: false,
        urgent: false,
        seq,
        ack,
        text,
        stamp: Stamp::Usual,
    };
    let outcome = judged(state, &segment, Facts::RFC);
    assert_eq!((outcome.reply, outcome.state), (reply, then));
}

/// SEG.SEQ, FIN, text, and what RCV.NXT becomes in ESTABLISHED.
#[rstest]
#[case::in_order(1, false, 10, 11)]
#[case::with_fin(1, true, 10, 12)]
#[case::old_front_is_cut(0, false, 10, 10)]
#[case::only_the_fin_is_new(0, true, 1, 2)]
#[case::all_old(0, false, 1, 1)]
#[case::behind_a_hole(2, true, 10, 1)]
fn what_is_new_and_in_order_is_taken(
    #[case] seq: u32,
    #[case] fin: bool,
    #[case] text: u32,
    #[case] rcv_nxt: u32,
) {
    let segment = Segment {
        flags: Flags { fin, ..flags(".") },
        push: true,
        urgent: false,
        seq,
        ack: 201,
        text,
        stamp: Stamp::Usual,
    };
    let outcome = judged(State::Established, &segment, Facts::RFC);
    assert_eq!(outcome.place.rcv_nxt, rcv_nxt);
}

/// What does not fit in the window of a segment that lies across its right edge.
#[test]
fn what_lies_beyond_the_window_is_cut() {
    let place = standing(State::Established, Facts::RFC);
    let segment = Segment {
        flags: flags("F."),
        push: false,
        urgent: false,
        seq: WINDOW,
        ack: 201,
        text: 10,
        stamp: Stamp::Usual,
    };
    let trimmed = place.trim(&segment);
    assert_eq!((trimmed.text, trimmed.fin), (1, false));
}

#[test]
fn every_row_has_a_case_and_every_rule_is_in_the_catalogue() {
    let catalogue = Catalogue::bundled().unwrap();
    let mut used = BTreeSet::new();
    for combination in all() {
        for (_, facts) in STACKS {
            let segment = combination.segment(&standing(combination.state, facts));
            let rows = judged(combination.state, &segment, facts).rows;
            used.extend(rows.iter().map(|row| std::ptr::from_ref(*row)));
        }
    }
    // Where more than one segment decides, or what stacks do against a rule: `specification/tests.rs` has those, and the
    // fuzzer.
    const ELSEWHERE: [Is; 9] = [
        Is::StampMissing,
        Is::StampOld,
        Is::ProbesWindow,
        Is::NobodyReads,
        Is::SynAckRepeated,
        Is::AnotherSynResets,
        Is::AnotherSynRepeats,
        Is::RstIgnored,
        Is::EchoWild,
    ];
    for row in TABLE {
        let shown = format!("{} {:?} {:?}", row.place, row.states, row.when);
        let is_elsewhere = row.when.iter().any(|is| ELSEWHERE.contains(is));
        let is_used = used.contains(&std::ptr::from_ref(row));
        assert_ne!(is_used, is_elsewhere, "{shown}");
        for rule in row.rules {
            assert!(catalogue.get(rule).is_some(), "{rule} of {shown}");
        }
    }
}

#[test]
fn names_differ_and_each_case_covers_a_rule() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
    assert!((1_500..4_000).contains(&cases.len()), "{}", cases.len());
    for case in &cases {
        let header = crate::script::header(&Source::new(case.name.as_str(), case.text.as_str()));
        assert!(!header.covers.is_empty(), "{}", case.name);
    }
}

#[test]
fn every_script_is_right_for_every_stack() {
    let stacks = [
        ("linux", "linux"),
        ("reference", "linux"),
        ("reference", "freebsd"),
        ("reference", "rfc9293"),
    ];
    // A script is the same for all stacks but where it branches.
    for (index, case) in cases().iter().enumerate() {
        let source = Source::new(case.name.as_str(), case.text.as_str());
        let branches = case.text.contains("#if");
        let (first, last) = match branches {
            true => (0, stacks.len()),
            false => (index % stacks.len(), index % stacks.len() + 1),
        };
        for (target, profile) in &stacks[first..last] {
            let context = LoadContext {
                facts: Known {
                    target: target.to_string(),
                    profile: profile.to_string(),
                    ..Known::default()
                },
                ..LoadContext::default()
            };
            let loaded = load(&source, &context);
            assert!(loaded.is_ok(), "{}: {:?}", case.name, loaded.err());
        }
    }
}

#[test]
fn a_case_can_be_read() {
    let shown = |name: &str| {
        let combination = all().into_iter().find(|one| one.name() == name).unwrap();
        script::case(&combination).text
    };
    insta::assert_snapshot!(shown("fin-wait-1/fin-ack/rcv-nxt-ack-nxt-len-10"));
    insta::assert_snapshot!(shown("close-wait/rst/last-inside"));
}
