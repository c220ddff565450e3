use super::*;
use rstest::rstest;

use Codepoint::{Ce, Ect0, Ect1, NotEct};
use Feedback::{Accurate as Acc, Classic as Cla};

/// RFC 9768 table 2 and §3.1.3, every combination on a SYN: to a host that offers accurate
/// feedback, that of RFC 3168, nothing.
#[rstest]
#[case(0b000, None, None)]
#[case(0b001, Some(Acc), None)]
#[case(0b010, Some(Acc), None)]
#[case(0b011, Some(Cla), Some(Cla))]
#[case(0b100, Some(Acc), None)]
#[case(0b101, Some(Acc), None)]
#[case(0b110, Some(Acc), None)]
#[case(0b111, Some(Acc), Some(Cla))]
fn a_syn_gets_the_best_of_both(
    #[case] syn: u8,
    #[case] from_accurate: Option<Feedback>,
    #[case] from_classic: Option<Feedback>,
) {
    assert_eq!(feedback_for(syn, Some(Acc)), from_accurate);
    assert_eq!(feedback_for(syn, Some(Cla)), from_classic);
    assert_eq!(feedback_for(syn, None), None);
}

const fn arrived(codepoint: Codepoint) -> Answer {
    Answer::Accurate {
        syn_arrived_as: Some(codepoint),
    }
}

/// RFC 9768 table 2, every combination on a SYN-ACK: to who asked for accurate feedback, and to who
/// asked for that of RFC 3168.
#[rstest]
#[case::no_ecn(0b000, Answer::Declined, Answer::Declined)]
#[case::classic(0b001, Answer::Classic, Answer::Classic)]
#[case(0b010, arrived(NotEct), Answer::Declined)]
#[case(0b011, arrived(Ect1), Answer::Declined)]
#[case(0b100, arrived(Ect0), Answer::Declined)]
#[case::reserved(0b101, Answer::Accurate { syn_arrived_as: None }, Answer::Classic)]
#[case(0b110, arrived(Ce), Answer::Declined)]
#[case::broken(0b111, Answer::Declined, Answer::Declined)]
fn a_syn_ack_answers_what_was_asked(
    #[case] syn_ack: u8,
    #[case] accurate: Answer,
    #[case] classic: Answer,
) {
    assert_eq!(answer_of(syn_ack, Some(Acc)), accurate);
    assert_eq!(answer_of(syn_ack, Some(Cla)), classic);
    assert_eq!(answer_of(syn_ack, None), Answer::Declined);
}

/// RFC 9768 table 3.
#[rstest]
#[case(NotEct, 0b010)]
#[case(Ect1, 0b011)]
#[case(Ect0, 0b100)]
#[case(Ce, 0b110)]
fn the_handshake_has_an_encoding_of_its_own(#[case] codepoint: Codepoint, #[case] ace: u8) {
    assert_eq!(encoded(codepoint), ace);
    assert_eq!(decoded(ace), Some(codepoint));
    assert_eq!(Codepoint::of(0xfc | codepoint.bits()), codepoint);
}

#[test]
fn four_numbers_stand_for_no_codepoint() {
    for ace in [0b000, 0b001, 0b101, 0b111] {
        assert_eq!(decoded(ace), None);
    }
}

/// RFC 9768 §3.2.2.3: Not-ECT changes, ECT becomes Not-ECT, CE changes.
#[rstest]
#[case(NotEct, [false, true, true, true])]
#[case(Ect1, [true, false, false, false])]
#[case(Ect0, [true, false, false, false])]
#[case(Ce, [true, true, true, false])]
fn what_a_router_must_not_do(#[case] sent: Codepoint, #[case] mangled: [bool; 4]) {
    let arrived = [NotEct, Ect1, Ect0, Ce];
    assert_eq!(arrived.map(|arrived| is_mangled(sent, arrived)), mangled);
}
