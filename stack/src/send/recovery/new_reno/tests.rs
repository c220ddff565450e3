use super::*;
use crate::congestion::{InitialWindow, Rules};
use crate::time::Instant;
use proptest::prelude::*;
use rstest::rstest;

const SMSS: u32 = 1000;
const ISS: SeqNum = SeqNum::new(u32::MAX - 2_000);

/// Both halves of what RFC 5681 describes as one.
struct Sender {
    recovery: NewReno,
    congestion: Congestion,
}

fn sender(segments: u32) -> Sender {
    Sender {
        recovery: NewReno::new(ISS),
        congestion: Congestion::new(
            SMSS,
            Rules {
                initial_window: InitialWindow::Segments(segments),
                ..Rules::default()
            },
        ),
    }
}

impl Sender {
    fn on_new_ack(&mut self, una: SeqNum, acked: u32, flight: u32) -> OnNewAck {
        let acked = Acked {
            bytes: acked,
            segments: 1,
            window_used: true,
            marked: false,
            una,
            nxt: una,
            rtt: None,
            srtt: None,
            now: Instant::ZERO,
        };
        self.recovery
            .on_new_ack(&mut self.congestion, acked, flight)
    }

    fn on_duplicate_ack(&mut self, una: SeqNum, nxt: SeqNum) -> OnDuplicateAck {
        self.recovery
            .on_duplicate_ack(&mut self.congestion, una, nxt)
    }

    fn on_timeout(&mut self, flight: u32, nxt: SeqNum) {
        self.congestion.on_timeout(flight, true);
        self.recovery.on_timeout(nxt);
    }

    fn cwnd(&self) -> u32 {
        self.congestion.cwnd()
    }

    fn ssthresh(&self) -> u32 {
        self.congestion.ssthresh()
    }

    fn allowance(&self) -> u32 {
        self.cwnd() + self.recovery.extra_allowance(self.congestion.smss())
    }
}

/// The sequence number of the `n`th byte of data.
fn byte(n: u32) -> SeqNum {
    ISS + 1 + n
}

/// A connection that has just entered recovery with ten segments out.
fn in_recovery() -> Sender {
    let mut reno = sender(10);
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

#[test]
fn the_first_two_duplicates_allow_a_new_segment_each() {
    let mut reno = sender(10);
    assert_eq!(reno.allowance(), 10_000);
    reno.on_duplicate_ack(byte(0), byte(10_000));
    assert_eq!(reno.allowance(), 11_000);
    reno.on_duplicate_ack(byte(0), byte(11_000));
    assert_eq!((reno.allowance(), reno.cwnd()), (12_000, 10_000));
    reno.on_new_ack(byte(1_000), 1_000, 9_000);
    assert_eq!(reno.allowance(), 11_000);
}

#[test]
fn the_third_duplicate_halves_the_flight_without_limited_transmit() {
    let mut reno = in_recovery();
    assert_eq!((reno.ssthresh(), reno.cwnd()), (5_000, 8_000));
    assert_eq!(reno.allowance(), 8_000);
    let more = reno.on_duplicate_ack(byte(0), byte(12_000));
    assert_eq!(
        (more, reno.cwnd(), reno.ssthresh()),
        (OnDuplicateAck::Inflated, 9_000, 5_000)
    );
}

#[test]
fn the_threshold_is_at_least_two_segments() {
    let mut reno = sender(1);
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
    assert!(reno.recovery.in_recovery());
}

#[rstest]
#[case::much_out(6_000, 5_000)]
#[case::little_out(1_500, 2_500)]
#[case::nothing_out(0, 2_000)]
fn a_full_ack_ends_recovery_without_a_burst(#[case] flight: u32, #[case] cwnd: u32) {
    let mut reno = in_recovery();
    let full = reno.on_new_ack(byte(12_000), 12_000, flight);
    assert_eq!((full, reno.cwnd()), (OnNewAck::Recovered, cwnd));
    assert!(!reno.recovery.in_recovery());
}

#[test]
fn duplicates_of_the_old_flight_start_no_second_recovery() {
    let mut reno = sender(10);
    reno.on_timeout(10_000, byte(10_000));
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
    let mut reno = sender(10);
    for n in 1..=5u32 {
        reno.on_new_ack(byte(n.wrapping_mul(0x3000_0000)), 0x3000_0000, 0);
    }
    let una = byte(5u32.wrapping_mul(0x3000_0000));
    let actions: [OnDuplicateAck; 3] =
        core::array::from_fn(|_| reno.on_duplicate_ack(una, una + 5_000));
    assert_eq!(actions[2], OnDuplicateAck::FastRetransmit);
}

proptest! {
    #[test]
    fn the_window_never_closes_and_nothing_overflows(
        smss: u32,
        steps in prop::collection::vec((0u8..3, any::<u32>(), any::<u32>()), 0..60),
    ) {
        let mut sender = sender(10);
        sender.congestion.set_smss(smss);
        let mut una = byte(0);
        for (kind, a, b) in steps {
            match kind {
                0 => { una += a; sender.on_new_ack(una, a, b); }
                1 => { sender.on_duplicate_ack(una, una + a); }
                _ => sender.on_timeout(a, una + b),
            }
            prop_assert!(sender.cwnd() >= 1);
        }
    }
}
