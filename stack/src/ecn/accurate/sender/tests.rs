use super::*;
use crate::ecn::Codepoint;
use crate::ecn::accurate::receiver::Receiver;
use crate::wire::accecn::AccEcnOrder;
use alloc::vec::Vec;
use proptest::prelude::*;
use rstest::rstest;

const MSS: u32 = 1460;

fn rules() -> AccEcnConfig {
    AccEcnConfig::default()
}

/// An ACK of `packets` segments that says this.
fn report(ace: u8, option: Option<AccEcnOption>, packets: u32) -> Report {
    Report {
        ace,
        option,
        packets,
        mss: MSS,
        una: SeqNum::new(0),
        nxt: SeqNum::new(0),
    }
}

fn option(e0b: u32, ceb: u32, e1b: u32) -> Option<AccEcnOption> {
    let counters = ByteCounters { e0b, ceb, e1b };
    Some(AccEcnOption::new(AccEcnOrder::Ect0First, 3, counters))
}

#[rstest]
#[case::nothing(5, 1, 0)]
#[case::one(6, 1, 1)]
#[case::three_over_the_wrap(0b000, 3, 3)]
#[case::ten_segments_at_once(7, 10, 10)]
#[case::nine_segments_at_once(7, 9, 2)]
#[case::a_mark_on_what_is_no_segment(6, 0, 1)]
fn the_field_moves_the_counter(#[case] ace: u8, #[case] packets: u32, #[case] marked: u32) {
    let mut sender = Sender::new();
    sender.take(report(5, None, 1), &rules());
    let taken = sender.take(report(ace, None, packets), &rules());
    assert_eq!((taken.marked, sender.cep), (marked, 5 + marked));
    assert!(!taken.mangled && sender.responds);
}

/// RFC 9768 appendix A.1: a counter of 33,554,433 and a field of 1461.
#[test]
fn the_worked_example_of_a_byte_counter() {
    let mut sender = Sender::new();
    sender.expect_options(option(1, 0, 1), &rules());
    sender.bytes.ceb = 33_554_433;
    sender.take(report(6, option(1, 1461, 1), 1), &rules());
    assert_eq!(sender.bytes.ceb, 33_555_893);
}

#[test]
fn bytes_tell_that_the_field_did_not_go_round() {
    let mut sender = Sender::new();
    sender.expect_options(option(1, 0, 1), &rules());
    let taken = sender.take(report(5, option(14_601, 0, 1), 10), &rules());
    assert_eq!(taken, Taken::default());
    assert_eq!(sender.bytes.e0b, 14_601);
    // Without them ten segments without a mark would count as eight marks.
    let mut sender = Sender::new();
    assert_eq!(sender.take(report(5, None, 10), &rules()).marked, 8);
}

#[test]
fn acks_of_many_segments_stop_counting_as_lost_acks_once_they_are_the_rule() {
    let mut sender = Sender::new();
    let marked: Vec<u32> = (0..8)
        .map(|_| {
            sender
                .take(report(field_of(&sender), None, 12), &rules())
                .marked
        })
        .collect();
    assert_eq!(marked, [8, 8, 8, 8, 0, 0, 0, 0]);
}

fn field_of(sender: &Sender) -> u8 {
    ace::field(sender.cep)
}

/// RFC 9768 §3.2.2.4: a first counter of zero was cleared; a later one is just a number.
#[rstest]
#[case::first(&[0b000], true, false)]
#[case::later(&[5, 0b000], true, true)]
#[case::unchecked(&[0b000], false, true)]
fn a_counter_that_begins_with_zero_is_not_believed(
    #[case] aces: &[u8],
    #[case] check_zeroed: bool,
    #[case] responds: bool,
) {
    let rules = AccEcnConfig {
        check_zeroed,
        ..rules()
    };
    let mut sender = Sender::new();
    let mut taken = Taken::default();
    for ace in aces {
        taken = sender.take(report(*ace, None, 1), &rules);
    }
    assert_eq!((sender.responds, taken.mangled), (responds, !responds));
}

/// RFC 9768 §3.2.3.2.3 and §3.2.3.2.4.
#[rstest]
#[case::good(option(1, 0, 1), Trust::Trusted, Trust::Trusted)]
#[case::moved_on(option(500, 0, 1), Trust::Trusted, Trust::Trusted)]
#[case::missing(None, Trust::Absent, Trust::Trusted)]
#[case::cleared(option(0, 0, 0), Trust::Ignored, Trust::Ignored)]
#[case::half_cleared(option(1, 0, 0), Trust::Ignored, Trust::Ignored)]
fn the_first_option_decides(
    #[case] first: Option<AccEcnOption>,
    #[case] at_once: Trust,
    #[case] after_another: Trust,
) {
    let mut sender = Sender::new();
    sender.expect_options(first, &rules());
    assert_eq!(sender.trust, at_once);
    sender.take(report(5, option(600, 0, 1), 1), &rules());
    assert_eq!(sender.trust, after_another);
}

/// RFC 9768 §3.2.3.2.5: bytes arrived marked, but no packet did.
#[rstest]
#[case::few(1, true)]
#[case::enough_to_go_round(8, false)]
fn bytes_without_a_packet_are_a_fault_of_the_path(#[case] packets: u32, #[case] mangled: bool) {
    let mut sender = Sender::new();
    sender.expect_options(option(1, 0, 1), &rules());
    let taken = sender.take(report(5, option(1, 1460, 1), packets), &rules());
    assert_eq!(taken.mangled, mangled);
    assert_eq!(taken.marked, if packets == 8 { 8 } else { 0 });
}

/// Ten segments a round trip; answers in which round marks stopped being believed.
fn rounds_until_distrust(unmarked: Option<u32>, rules: &AccEcnConfig) -> Option<u32> {
    let mut sender = Sender::new();
    for round in 0..20 {
        for n in 0..10 {
            let number = round * 10 + n;
            let marked = u32::from(unmarked != Some(number));
            let report = Report {
                una: SeqNum::new(number + 1),
                nxt: SeqNum::new(number + 11),
                ..report(ace::field(sender.cep + marked), None, 1)
            };
            sender.take(report, rules);
            if !sender.responds {
                return Some(round);
            }
        }
    }
    None
}

#[test]
fn marks_on_everything_are_a_fault_of_the_path() {
    assert_eq!(rounds_until_distrust(None, &rules()), Some(4));
    assert_eq!(rounds_until_distrust(Some(39), &rules()), None);
    let never = AccEcnConfig {
        continuous_rounds: 0,
        ..rules()
    };
    assert_eq!(rounds_until_distrust(None, &never), None);
}

#[test]
fn an_older_timestamp_was_overtaken() {
    let mut sender = Sender::new();
    let newer = |sender: &mut Sender, value| sender.is_newer(Some(value));
    assert!(!newer(&mut sender, u32::MAX));
    assert!(newer(&mut sender, 3));
    assert!(!newer(&mut sender, 3));
    assert!(!newer(&mut sender, 2));
    assert!(!sender.is_newer(None));
    assert!(newer(&mut sender, 4));
}

proptest! {
    /// A sender that hears of every ACK knows exactly what arrived, whatever was marked.
    #[test]
    fn the_sender_knows_what_the_receiver_counted(
        packets in prop::collection::vec((0u8..4, 1u32..=MSS), 0..300),
        every in 1u32..=7,
        with_option: bool,
    ) {
        let rules = AccEcnConfig { check_zeroed: false, ..rules() };
        let mut receiver = Receiver::new(false);
        let mut sender = Sender::new();
        sender.expect_options(with_option.then(|| option(1, 0, 1)).flatten(), &rules);
        let mut since = 0;
        for (bits, len) in packets {
            receiver.on_packet(Codepoint::of(bits), len, true, &rules);
            since += 1;
            if since == every {
                let sent = receiver.option(40, false, &rules).filter(|_| with_option);
                receiver.on_sent(sent, false);
                sender.take(report(ace::field(receiver.cep), sent, since), &rules);
                since = 0;
                prop_assert_eq!(sender.cep, receiver.cep);
                if with_option {
                    prop_assert_eq!(sender.bytes, receiver.bytes);
                }
            }
        }
    }
}
