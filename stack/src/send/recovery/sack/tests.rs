use super::*;
use crate::congestion::{Acked, InitialWindow, Rules};
use crate::send::flight::Delivered;
use crate::time::Instant;
use alloc::vec::Vec;
use rstest::rstest;

const SMSS: u32 = 1000;
const ISS: SeqNum = SeqNum::new(u32::MAX - 5_000);

/// A sender with `segments` of 1000 bytes in flight and as many in its window.
struct Sender {
    recovery: SackRecovery,
    flight: Flight,
    congestion: Congestion,
    una: SeqNum,
    nxt: SeqNum,
}

/// An acknowledgment of `bytes` up to `una`.
fn acked(una: SeqNum, nxt: SeqNum, bytes: u32) -> Acked {
    Acked {
        bytes,
        segments: 1,
        window_used: true,
        marked: false,
        una,
        nxt,
        rtt: None,
        srtt: None,
        now: Instant::ZERO,
    }
}

fn byte(n: u32) -> SeqNum {
    ISS + 1 + n
}

fn sender(segments: u32) -> Sender {
    let mut sender = Sender {
        recovery: SackRecovery::new(ISS),
        flight: Flight::new(),
        congestion: Congestion::new(
            SMSS,
            Rules {
                initial_window: InitialWindow::Segments(segments),
                ..Rules::default()
            },
        ),
        una: byte(0),
        nxt: byte(0),
    };
    for _ in 0..segments {
        sender.send();
    }
    sender
}

impl Sender {
    fn send(&mut self) {
        let range = SeqRange::with_len(self.nxt, SMSS);
        self.flight.sent(range, Instant::from_millis(0));
        self.nxt = range.end;
    }

    /// An acknowledgment of everything before byte `ack` and of these bytes behind it.
    fn ack(&mut self, ack: u32, blocks: &[(u32, u32)]) -> OnAck {
        let mut delivered = Delivered::default();
        let advanced = byte(ack)
            .after(self.una)
            .then(|| acked(byte(ack), self.nxt, self.una.span_to(byte(ack))));
        self.una = self.una.max(byte(ack));
        self.flight.acknowledge(self.una, &mut delivered);
        for (start, end) in blocks {
            let block = SeqRange::new(byte(*start), byte(*end));
            self.flight.select(block, &mut delivered);
        }
        let progress = Progress {
            una: self.una,
            nxt: self.nxt,
            advanced,
            sacked: delivered.sacked,
        };
        self.recovery
            .on_ack(&mut self.flight, &mut self.congestion, progress)
    }

    fn send_again(&mut self, start: u32, end: u32) {
        let range = SeqRange::new(byte(start), byte(end));
        self.flight.sent_again(range, Instant::from_millis(1));
        self.recovery.on_sent_again(range, false);
    }

    /// Where the segments begin that count as lost.
    fn lost(&self) -> Vec<u32> {
        let lost = self.flight.iter().filter(|sent| sent.mark == Mark::Lost);
        lost.map(|sent| byte(0).span_to(sent.range.start)).collect()
    }
}

#[test]
fn the_third_selective_acknowledgment_finds_the_loss() {
    let mut sender = sender(10);
    assert_eq!(sender.ack(0, &[(1000, 1100)]), OnAck::GoOn);
    assert_eq!(sender.ack(0, &[(1000, 1200)]), OnAck::GoOn);
    // The same block again brings nothing new.
    assert_eq!(sender.ack(0, &[(1000, 1200)]), OnAck::GoOn);
    assert_eq!(sender.ack(0, &[(1000, 1300)]), OnAck::Entered);
    assert_eq!(sender.lost(), [0]);
    let congestion = &sender.congestion;
    assert_eq!((congestion.ssthresh(), congestion.cwnd()), (5_000, 5_000));
}

#[test]
fn one_acknowledgment_of_enough_finds_it_as_well() {
    let mut sender = sender(10);
    assert_eq!(sender.ack(0, &[(1000, 3000)]), OnAck::GoOn);
    assert_eq!(sender.ack(0, &[(1000, 3001)]), OnAck::Entered);
    assert_eq!(sender.lost(), [0]);
}

#[test]
fn what_limited_transmit_sent_is_no_flight() {
    let mut sender = sender(10);
    sender.ack(0, &[(1000, 2000)]);
    sender.send();
    sender.ack(0, &[(1000, 3000)]);
    sender.send();
    sender.ack(0, &[(1000, 4000)]);
    assert_eq!(sender.congestion.ssthresh(), 5_000);
}

#[test]
fn more_holes_are_lost_as_more_arrives_and_none_twice() {
    let mut sender = sender(12);
    sender.ack(0, &[(1000, 2000), (3000, 5000)]);
    assert_eq!(sender.lost(), [0]);
    sender.send_again(0, 1000);
    assert_eq!(sender.ack(0, &[(1000, 2000), (3000, 6000)]), OnAck::GoOn);
    assert_eq!(sender.lost(), [2000]);
    sender.send_again(2000, 3000);
    assert_eq!(sender.ack(0, &[(3000, 12_000)]), OnAck::GoOn);
    assert_eq!(sender.lost(), [] as [u32; 0]);
    assert_eq!(sender.ack(2000, &[(3000, 12_000)]), OnAck::GoOn);
    assert!(sender.recovery.in_recovery());
    assert_eq!(sender.ack(12_000, &[]), OnAck::Recovered);
    assert_eq!(sender.congestion.cwnd(), 6_000);
}

#[test]
fn the_next_guess_is_below_what_arrived_and_the_last_rescues_once() {
    let mut sender = sender(10);
    sender.ack(0, &[(1000, 4000), (5000, 6000)]);
    sender.send_again(0, 1000);
    let guess = |sender: &Sender| {
        let guess = sender.recovery.speculative(&sender.flight, SMSS)?;
        Some((byte(0).span_to(guess.range.start), guess.rescue))
    };
    assert_eq!(guess(&sender), Some((4000, false)));
    sender.send_again(4000, 5000);
    assert_eq!(guess(&sender), Some((9000, true)));
    let range = SeqRange::new(byte(9000), byte(10_000));
    sender.recovery.on_sent_again(range, true);
    assert_eq!(guess(&sender), None);
}

#[rstest]
#[case::before_the_point(9_000, OnAck::GoOn)]
#[case::at_the_point(10_000, OnAck::Entered)]
fn after_a_timeout_recovery_waits_for_its_point(#[case] ack: u32, #[case] found: OnAck) {
    let mut sender = sender(10);
    sender.congestion.on_timeout(10_000, true);
    sender.recovery.on_timeout(sender.nxt);
    sender.flight.mark_all_lost();
    for _ in 0..10 {
        sender.send();
    }
    assert_eq!(sender.ack(ack, &[]), OnAck::GoOn);
    assert_eq!(sender.ack(ack, &[(12_000, 18_000)]), found);
}

#[test]
fn nothing_in_flight_cannot_be_lost() {
    let mut sender = sender(4);
    assert_eq!(sender.ack(4000, &[]), OnAck::GoOn);
    assert_eq!(sender.ack(4000, &[(5000, 9000)]), OnAck::GoOn);
    assert_eq!(sender.recovery.speculative(&sender.flight, SMSS), None);
}
