use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use proptest::prelude::*;
use rstest::rstest;

const RULES: fn() -> AccEcnConfig = AccEcnConfig::default;
/// All the room there can be.
const FREE: usize = 40;

fn codepoint(letter: char) -> Codepoint {
    match letter {
        '0' => Codepoint::Ect0,
        '1' => Codepoint::Ect1,
        'c' => Codepoint::Ce,
        _ => Codepoint::NotEct,
    }
}

/// `0`, `1`, `c` and `-` are the markings; an ACK leaves where one is due. Answers where that was.
fn acks(marks: &str, len: u32, waits: bool) -> String {
    let mut receiver = Receiver::new(false);
    let answer = |letter| {
        let now = receiver.on_packet(codepoint(letter), len, waits, &RULES());
        if now {
            receiver.on_sent(None, false);
        }
        if now { 'A' } else { '.' }
    };
    marks.chars().map(answer).collect()
}

/// RFC 9768 §3.2.2.5.1.
#[rstest]
#[case::none("0000", 100, true, "....")]
#[case::the_first_mark("00c0", 100, true, "..A.")]
#[case::marks_in_a_row("cccccc", 100, true, "A.A.A.")]
#[case::alternating("c0c0c0", 100, true, "A.A.A.")]
#[case::pure_acks_do_not_change("cccccc", 0, true, ".A.A.A")]
#[case::nothing_waits("ccccccc", 0, false, "..A..A.")]
#[case::nothing_waits_and_gaps("c-c-c-c", 0, false, "....A..")]
fn marks_trigger_acks(
    #[case] marks: &str,
    #[case] len: u32,
    #[case] waits: bool,
    #[case] expected: &str,
) {
    assert_eq!(acks(marks, len, waits), expected);
}

#[test]
fn the_triggers_are_settings() {
    let rules = AccEcnConfig {
        change_acks: false,
        marks_per_ack: 7,
        ..RULES()
    };
    let mut receiver = Receiver::new(false);
    let due: Vec<bool> = (0..8)
        .map(|_| receiver.on_packet(Codepoint::Ce, 100, true, &rules))
        .collect();
    assert_eq!(due, [false, false, false, false, false, false, true, true]);
}

#[test]
fn each_counter_counts_what_is_its_own() {
    let mut receiver = Receiver::new(false);
    for (letter, len) in [('0', 10), ('1', 200), ('c', 3_000), ('c', 0), ('-', 40_000)] {
        receiver.on_packet(codepoint(letter), len, true, &RULES());
    }
    let bytes = ByteCounters {
        e0b: 11,
        ceb: 3_000,
        e1b: 201,
    };
    assert_eq!((receiver.cep, receiver.bytes), (5 + 2, bytes));
}

fn show(option: Option<AccEcnOption>) -> String {
    let Some(option) = option else {
        return String::from("none");
    };
    let order = match option.order() {
        AccEcnOrder::Ect0First => 0,
        AccEcnOrder::Ect1First => 1,
    };
    format!("{order}/{}", option.fields())
}

/// After each packet of 100 bytes an ACK: the order and the number of counters it has.
fn options(marks: &str, rules: &AccEcnConfig, room: usize) -> Vec<String> {
    let mut receiver = Receiver::new(false);
    let answer = |letter| {
        receiver.on_packet(codepoint(letter), 100, true, rules);
        let option = receiver.option(room, false, rules);
        receiver.on_sent(option, false);
        show(option)
    };
    marks.chars().map(answer).collect()
}

/// The examples of RFC 9768 §3.2.3.3 first.
#[rstest]
#[case::only_ect0("000", &["0/1", "0/1", "0/1"])]
#[case::then_a_mark("00c0", &["0/1", "0/1", "0/2", "0/2"])]
#[case::a_mark_first_then_ect1("c11", &["0/2", "1/2", "1/2"])]
#[case::only_ect1("1c-1", &["1/1", "1/2", "none", "1/2"])]
#[case::all("01c", &["0/1", "0/3", "0/3"])]
#[case::nothing_moved("--", &["none", "none"])]
fn the_option_has_every_counter_that_ever_moved(#[case] marks: &str, #[case] expected: &[&str]) {
    assert_eq!(options(marks, &RULES(), FREE), expected);
}

/// With little room it has what moved since the last option, or there is none.
#[rstest]
#[case::five("0c0", 5, &["0/1", "none", "none"])]
#[case::eight_is_enough("0c0", 8, &["0/1", "0/2", "0/2"])]
#[case::what_moved_last("010", 8, &["0/1", "1/1", "0/1"])]
#[case::nothing_fits("0", 4, &["none"])]
fn a_short_option_leaves_out_what_did_not_move(
    #[case] marks: &str,
    #[case] room: usize,
    #[case] expected: &[&str],
) {
    assert_eq!(options(marks, &RULES(), room), expected);
}

#[rstest]
#[case::never(AccEcnOptionUse::Never, &["none"; 7])]
#[case::always(AccEcnOptionUse::Always, &["1/3"; 7])]
#[case::sparing(
    AccEcnOptionUse::Sparing { every: 3 },
    &["none", "0/1", "0/1", "none", "none", "0/1", "0/2"],
)]
fn how_often_is_a_setting(#[case] option: AccEcnOptionUse, #[case] expected: &[&str]) {
    let rules = AccEcnConfig { option, ..RULES() };
    assert_eq!(options("-00000c", &rules, FREE), expected);
}

#[rstest]
#[case(11, "1/3")]
#[case(10, "0/2")]
#[case(7, "1/1")]
fn always_means_all_that_fits_of_what_moved(#[case] room: usize, #[case] expected: &str) {
    let rules = AccEcnConfig {
        option: AccEcnOptionUse::Always,
        ..RULES()
    };
    let mut receiver = Receiver::new(false);
    receiver.on_packet(Codepoint::Ect0, 100, true, &rules);
    receiver.on_packet(Codepoint::Ce, 100, true, &rules);
    if room < 8 {
        receiver.on_sent(receiver.option(8, false, &rules), false);
        receiver.on_packet(Codepoint::Ect1, 100, true, &rules);
    }
    assert_eq!(show(receiver.option(room, false, &rules)), expected);
}

/// RFC 9768 §3.2.3: two bytes are an option too, and show that the path lets it through.
#[rstest]
#[case(10, "0/0")]
#[case(2, "0/0")]
#[case(1, "none")]
fn where_nothing_moved_the_option_is_empty(#[case] room: usize, #[case] expected: &str) {
    let rules = AccEcnConfig {
        option: AccEcnOptionUse::Always,
        ..RULES()
    };
    let receiver = Receiver::new(false);
    assert_eq!(show(receiver.option(room, false, &rules)), expected);
}

#[test]
fn a_sparing_receiver_does_not_wait_for_a_counter_to_go_round() {
    let rules = AccEcnConfig {
        option: AccEcnOptionUse::Sparing { every: u32::MAX },
        ..RULES()
    };
    let mut receiver = Receiver::new(false);
    let mut shown = Vec::new();
    for _ in 0..4 {
        receiver.on_packet(Codepoint::Ect0, 1 << 21, true, &rules);
        let option = receiver.option(FREE, false, &rules);
        receiver.on_sent(option, false);
        shown.push(show(option));
    }
    assert_eq!(shown, ["0/1", "0/1", "none", "0/1"]);
}

#[test]
fn packets_without_text_move_no_byte_counter() {
    let rules = AccEcnConfig {
        option: AccEcnOptionUse::Sparing { every: u32::MAX },
        ..RULES()
    };
    let mut receiver = Receiver::new(false);
    for expected in ["0/1", "0/1", "none"] {
        receiver.on_packet(Codepoint::Ect0, 100, true, &rules);
        // A change of marking that no counter shows is no change.
        receiver.on_packet(Codepoint::Ect1, 0, true, &rules);
        let option = receiver.option(FREE, false, &rules);
        receiver.on_sent(option, false);
        assert_eq!(show(option), expected);
    }
}

#[rstest]
#[case(40, "1/3")]
#[case(11, "1/3")]
#[case(10, "1/2")]
#[case(5, "1/1")]
#[case(4, "1/0")]
#[case(1, "none")]
fn the_handshake_has_as_much_as_fits(#[case] room: usize, #[case] expected: &str) {
    let receiver = Receiver::new(false);
    assert_eq!(show(receiver.handshake_option(room, &RULES())), expected);
}

#[test]
fn the_first_data_of_a_client_has_the_option_and_a_blocked_one_is_gone() {
    let mut receiver = Receiver::new(true);
    assert_eq!(show(receiver.option(FREE, false, &RULES())), "none");
    let first = receiver.option(FREE, true, &RULES());
    assert_eq!(show(first), "1/3");
    receiver.on_sent(first, true);
    assert_eq!(show(receiver.option(FREE, true, &RULES())), "none");
    receiver.on_packet(Codepoint::Ect0, 1, true, &RULES());
    receiver.blocked = true;
    assert_eq!(show(receiver.option(FREE, true, &RULES())), "none");
    let stubborn = AccEcnConfig {
        option_fallback: false,
        ..RULES()
    };
    assert_eq!(show(receiver.option(FREE, true, &stubborn)), "0/1");
}

proptest! {
    /// However packets come, no more than seven marks are ever left untold, and an option is never
    /// missing a counter that moved since the last one.
    #[test]
    fn no_mark_gets_lost_in_the_wrap(
        packets in prop::collection::vec((0u8..4, 0u32..3000, any::<bool>(), 0usize..12), 0..200),
    ) {
        let rules = RULES();
        let mut receiver = Receiver::new(false);
        for (bits, len, waits, room) in packets {
            let now = receiver.on_packet(Codepoint::of(bits), len, waits, &rules);
            let untold = receiver.untold();
            prop_assert!(untold < 3 || now);
            let moved = receiver.moved_since(&receiver.bytes_told);
            if let Some(option) = receiver.option(room, false, &rules) {
                prop_assert!(option.len() <= room);
                prop_assert!(!moved.e0b || option.e0b().is_some());
                prop_assert!(!moved.ceb || option.ceb().is_some());
                prop_assert!(!moved.e1b || option.e1b().is_some());
                receiver.on_sent(Some(option), false);
            } else if now {
                receiver.on_sent(None, false);
            }
        }
    }
}
