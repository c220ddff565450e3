use super::*;
use proptest::prelude::*;
use rstest::rstest;

const SMSS: u32 = 1000;
const ISS: SeqNum = SeqNum::new(u32::MAX - 2_000);

fn reno(segments: u32) -> NewReno {
    NewReno::new(ISS, SMSS, InitialWindow::Segments(segments))
}

/// The sequence number of the `n`th byte of data.
fn byte(n: u32) -> SeqNum {
    ISS + 1 + n
}

/// A connection that has just entered recovery with ten segments out.
fn in_recovery() -> NewReno {
    let mut reno = reno(10);
    let mut actions = [OnDuplicateAck::Wait; 3];
    for (count, action) in (0u32..).zip(&mut actions) {
        // Limited transmit sends a segment for each of the first two.
        *action = reno.on_duplicate_ack(byte(0), byte((10 + count) * SMSS));
    }
    let expected = [
        OnDuplicateAck::Wait,
        OnDuplicateAck::Wait,
        OnDuplicateAck::FastRetransmit,
    ];
    assert_eq!(actions, expected);
    reno
}

#[rstest]
#[case::full_segment(1000, 11_000)]
#[case::stretch(2500, 11_000)]
#[case::part(300, 10_300)]
fn slow_start_adds_what_was_acked_up_to_a_segment(#[case] acked: u32, #[case] cwnd: u32) {
    let mut reno = reno(10);
    assert!(reno.in_slow_start());
    assert_eq!(reno.on_new_ack(byte(acked), acked, 5_000), OnNewAck::Grown);
    assert_eq!(reno.cwnd(), cwnd);
}

#[test]
fn avoidance_adds_a_segment_for_each_window() {
    let mut reno = reno(10);
    reno.on_timeout(8_000, byte(8_000), true);
    assert_eq!((reno.cwnd(), reno.ssthresh()), (1_000, 4_000));
    for n in 1..=3 {
        reno.on_new_ack(byte(n * 1_000), 1_000, 0);
    }
    assert_eq!((reno.cwnd(), reno.in_slow_start()), (4_000, false));
    let grown: [u32; 9] = core::array::from_fn(|n| {
        reno.on_new_ack(byte((4 + n as u32) * 1_000), 1_000, 0);
        reno.cwnd()
    });
    assert_eq!(
        grown,
        [
            4_000, 4_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000, 6_000
        ]
    );
}

#[test]
fn the_first_two_duplicates_allow_a_new_segment_each() {
    let mut reno = reno(10);
    assert_eq!(reno.send_allowance(), 10_000);
    reno.on_duplicate_ack(byte(0), byte(10_000));
    assert_eq!(reno.send_allowance(), 11_000);
    reno.on_duplicate_ack(byte(0), byte(11_000));
    assert_eq!((reno.send_allowance(), reno.cwnd()), (12_000, 10_000));
    reno.on_new_ack(byte(1_000), 1_000, 9_000);
    assert_eq!(reno.send_allowance(), 11_000);
}

#[test]
fn the_third_duplicate_halves_the_flight_without_limited_transmit() {
    let mut reno = in_recovery();
    assert_eq!((reno.ssthresh(), reno.cwnd()), (5_000, 8_000));
    assert_eq!(reno.send_allowance(), 8_000);
    let more = reno.on_duplicate_ack(byte(0), byte(12_000));
    assert_eq!(
        (more, reno.cwnd(), reno.ssthresh()),
        (OnDuplicateAck::Inflated, 9_000, 5_000)
    );
}

#[test]
fn the_threshold_is_at_least_two_segments() {
    let mut reno = reno(1);
    for _ in 0..3 {
        reno.on_duplicate_ack(byte(0), byte(1_000));
    }
    assert_eq!(reno.ssthresh(), 2_000);
}

#[test]
fn partial_acks_deflate_and_ask_for_the_next_hole() {
    let mut reno = in_recovery();
    let first = reno.on_new_ack(byte(3_000), 3_000, 9_000);
    assert_eq!(first, OnNewAck::PartialAck { first: true });
    assert_eq!(reno.cwnd(), 6_000);
    let second = reno.on_new_ack(byte(3_400), 400, 8_600);
    assert_eq!(second, OnNewAck::PartialAck { first: false });
    assert_eq!(reno.cwnd(), 5_600);
    // However much is acknowledged, a segment may be out.
    reno.on_new_ack(byte(11_000), 7_600, 1_000);
    assert_eq!(reno.cwnd(), 1_000);
    assert!(reno.in_recovery());
}

#[rstest]
#[case::much_out(6_000, 5_000)]
#[case::little_out(1_500, 2_500)]
#[case::nothing_out(0, 2_000)]
fn a_full_ack_ends_recovery_without_a_burst(#[case] flight: u32, #[case] cwnd: u32) {
    let mut reno = in_recovery();
    let full = reno.on_new_ack(byte(12_000), 12_000, flight);
    assert_eq!((full, reno.cwnd()), (OnNewAck::Recovered, cwnd));
    assert!(!reno.in_recovery());
}

#[test]
fn duplicates_of_the_old_flight_start_no_second_recovery() {
    let mut reno = reno(10);
    reno.on_timeout(10_000, byte(10_000), true);
    reno.on_new_ack(byte(2_000), 2_000, 8_000);
    for _ in 0..5 {
        assert_eq!(
            reno.on_duplicate_ack(byte(2_000), byte(10_000)),
            OnDuplicateAck::Wait
        );
    }
    assert_eq!(reno.ssthresh(), 5_000);
    reno.on_new_ack(byte(11_000), 9_000, 3_000);
    let actions: [OnDuplicateAck; 3] =
        core::array::from_fn(|_| reno.on_duplicate_ack(byte(11_000), byte(14_000)));
    assert_eq!(actions[2], OnDuplicateAck::FastRetransmit);
}

#[test]
fn a_loss_after_more_than_half_the_sequence_space_is_still_seen() {
    let mut reno = reno(10);
    for n in 1..=5u32 {
        reno.on_new_ack(byte(n.wrapping_mul(0x3000_0000)), 0x3000_0000, 0);
    }
    let una = byte(5u32.wrapping_mul(0x3000_0000));
    let actions: [OnDuplicateAck; 3] =
        core::array::from_fn(|_| reno.on_duplicate_ack(una, una + 5_000));
    assert_eq!(actions[2], OnDuplicateAck::FastRetransmit);
}

#[test]
fn a_repeated_timeout_leaves_the_threshold() {
    let mut reno = reno(10);
    reno.on_timeout(10_000, byte(10_000), true);
    reno.on_timeout(1_000, byte(10_000), false);
    assert_eq!((reno.cwnd(), reno.ssthresh()), (1_000, 5_000));
}

#[rstest]
#[case::kept(false, 10_000 / 2)]
#[case::lost(true, 500)]
fn a_lost_syn_costs_the_initial_window(#[case] lost: bool, #[case] cwnd: u32) {
    let mut reno = reno(10);
    reno.on_established(500, lost);
    assert_eq!(reno.cwnd(), cwnd);
}

#[test]
fn idleness_takes_the_window_back_to_its_start_and_no_further() {
    let mut reno = reno(10);
    reno.on_new_ack(byte(1_000), 1_000, 0);
    reno.on_idle();
    assert_eq!(reno.cwnd(), 10_000);
    reno.on_timeout(4_000, byte(5_000), true);
    reno.on_idle();
    assert_eq!(reno.cwnd(), 1_000);
}

proptest! {
    #[test]
    fn the_window_never_closes_and_nothing_overflows(
        smss: u32,
        steps in prop::collection::vec((0u8..5, any::<u32>(), any::<u32>()), 0..60),
    ) {
        let mut reno = NewReno::new(ISS, smss, InitialWindow::Rfc6928);
        let mut una = byte(0);
        for (kind, a, b) in steps {
            match kind {
                0 => { una += a; reno.on_new_ack(una, a, b); }
                1 => { reno.on_duplicate_ack(una, una + a); }
                2 => reno.on_timeout(a, una + b, b % 2 == 0),
                3 => reno.on_idle(),
                _ => reno.set_smss(a),
            }
            prop_assert!(reno.cwnd() >= 1 && reno.send_allowance() >= reno.cwnd());
        }
    }
}
