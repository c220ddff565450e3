use super::*;
use crate::congestion::{Acked, InitialWindow, Rules};

const SMSS: u32 = 1000;
const ISS: SeqNum = SeqNum::new(u32::MAX - 3_000);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
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

/// Ten segments of 1000 bytes sent at 0, and a window for as many.
struct Sender {
    recovery: RackTlp,
    flight: Flight,
    congestion: Congestion,
    una: SeqNum,
    nxt: SeqNum,
}

fn sender() -> Sender {
    let mut flight = Flight::new();
    for n in 0..10 {
        flight.sent(SeqRange::with_len(byte(n * SMSS), SMSS), at(0));
    }
    Sender {
        recovery: RackTlp::new(ISS),
        flight,
        congestion: Congestion::new(
            SMSS,
            Rules {
                initial_window: InitialWindow::Segments(10),
                ..Rules::default()
            },
        ),
        una: byte(0),
        nxt: byte(10_000),
    }
}

impl Sender {
    fn surroundings(&self, now: u64) -> Surroundings {
        Surroundings {
            now: at(now),
            una: self.una,
            nxt: self.nxt,
            duplicate_reported: false,
            srtt: Some(Duration::from_millis(100)),
            recovering: false,
            round_trip: crate::config::RackRoundTrip::OfNewest,
        }
    }

    fn ack(&mut self, now: u64, ack: u32, block: Option<(u32, u32)>) -> (OnAck, Option<Duration>) {
        let mut delivered = Delivered::trusting(self.recovery.trusted_until(at(now)));
        let advanced = byte(ack)
            .after(self.una)
            .then(|| acked(byte(ack), self.nxt, self.una.span_to(byte(ack))));
        self.una = byte(ack);
        self.flight.acknowledge(self.una, &mut delivered);
        if let Some((start, end)) = block {
            let block = SeqRange::new(byte(start), byte(end));
            self.flight.select(block, &mut delivered);
        }
        let event = Event {
            at: self.surroundings(now),
            advanced,
            out_of_order: (advanced.is_none() && delivered.sacked > 0)
                .then(|| acked(self.una, self.nxt, delivered.sacked)),
            delivered,
            answer: Answer {
                ack: self.una,
                duplicate: None,
                empty: advanced.is_none() && block.is_none(),
            },
        };
        self.recovery
            .on_ack(&mut self.flight, &mut self.congestion, event)
    }

    /// The segment of this number leaves for the first time.
    fn send(&mut self, number: u32, now: u64) {
        let range = SeqRange::with_len(byte(number * SMSS), SMSS);
        self.flight.sent(range, at(now));
        self.recovery.on_sent(range);
        self.nxt = range.end;
    }

    fn send_again(&mut self, start: u32, end: u32, now: u64) {
        let range = SeqRange::new(byte(start), byte(end));
        self.flight.sent_again(range, at(now));
        self.recovery.on_sent(range);
    }
}

#[test]
fn a_loss_brings_the_window_down_to_the_threshold_by_and_by() {
    let mut sender = sender();
    assert_eq!(sender.ack(100, 0, Some((1000, 4000))).0, OnAck::Entered);
    assert_eq!(sender.congestion.ssthresh(), 5_000);
    // Six out, one lost: the first repeat may leave at once.
    assert_eq!(sender.flight.pipe(), 6_000);
    assert!(sender.congestion.cwnd() >= 7_000);
    sender.send_again(0, 1000, 100);
    assert_eq!(sender.ack(101, 0, Some((1000, 5000))).0, OnAck::GoOn);
    assert!(sender.congestion.cwnd() <= 7_000);
    assert_eq!(sender.ack(200, 10_000, None).0, OnAck::Recovered);
    assert_eq!(sender.congestion.cwnd(), 5_000);
}

/// Two segments leave for the first two that arrived out of order, before the third shows the loss (RFC 5681
/// §3.2, step 1). What is out once the hole is filled counts from then on.
#[test]
fn what_limited_transmit_sent_is_no_flight() {
    let mut sender = sender();
    sender.ack(100, 0, Some((1000, 2000)));
    sender.send(10, 100);
    sender.ack(100, 0, Some((1000, 3000)));
    sender.send(11, 100);
    assert_eq!(sender.ack(100, 0, Some((1000, 4000))).0, OnAck::Entered);
    assert_eq!(sender.congestion.ssthresh(), 5_000);

    let mut sender = self::sender();
    sender.ack(100, 0, Some((1000, 2000)));
    sender.send(10, 100);
    sender.send(11, 100);
    // What was missing came late, so that time has to tell of the next loss.
    assert_eq!(sender.ack(101, 2000, Some((3000, 6000))).0, OnAck::GoOn);
    let at = sender.surroundings(500);
    let (found, _) =
        (sender.recovery).on_reordering_timeout(&mut sender.flight, &mut sender.congestion, at);
    assert_eq!(found, OnAck::Entered);
    assert_eq!(sender.congestion.ssthresh(), 5_000);
}

/// Linux: the window grows by what arrives out of order as soon as that is known to happen.
#[test]
fn reordering_lets_the_window_grow_where_the_rules_say_so() {
    for (grow_out_of_order, cwnd) in [(false, [10_000, 10_000]), (true, [10_000, 11_000])] {
        let mut sender = sender();
        let rules = Rules {
            initial_window: InitialWindow::Segments(10),
            grow_out_of_order,
            ..Rules::default()
        };
        sender.congestion = Congestion::new(SMSS, rules);
        let grown = [(9_000, 10_000), (3_000, 4_000)].map(|block| {
            sender.ack(100, 0, Some(block));
            sender.congestion.cwnd()
        });
        assert_eq!(grown, cwnd);
    }
}

/// Two segments late are less than what means a loss.
#[test]
fn a_little_reordering_does_not() {
    let mut sender = sender();
    let rules = Rules {
        initial_window: InitialWindow::Segments(10),
        grow_out_of_order: true,
        ..Rules::default()
    };
    sender.congestion = Congestion::new(SMSS, rules);
    sender.ack(100, 0, Some((4_000, 5_000)));
    sender.ack(100, 0, Some((2_000, 3_000)));
    assert_eq!(sender.congestion.cwnd(), 10_000);
}

#[test]
fn a_single_selection_waits_for_the_reordering_timer() {
    let mut sender = sender();
    let (found, wait) = sender.ack(100, 0, Some((1000, 2000)));
    assert_eq!(
        (found, wait),
        (OnAck::GoOn, Some(Duration::from_millis(25)))
    );
    let surroundings = sender.surroundings(125);
    let found = sender.recovery.on_reordering_timeout(
        &mut sender.flight,
        &mut sender.congestion,
        surroundings,
    );
    assert_eq!(found, (OnAck::Entered, None));
    assert_eq!(sender.flight.lost(), 1000);
}

#[test]
fn a_probe_is_wanted_only_while_all_is_well() {
    let mut sender = sender();
    assert!(sender.recovery.wants_probe(&sender.flight));
    sender.recovery.on_probe_sent(byte(10_000), true);
    assert!(!sender.recovery.wants_probe(&sender.flight));
    sender.recovery.on_measured();
    assert!(!sender.recovery.wants_probe(&sender.flight));
    // The answer goes beyond the probe: it repaired a loss.
    sender
        .flight
        .sent(SeqRange::with_len(sender.nxt, SMSS), at(300));
    sender.nxt += SMSS;
    sender.ack(400, 11_000, None);
    assert_eq!(sender.congestion.cwnd(), 2_000);
}

#[test]
fn after_a_timeout_only_the_first_segment_is_lost_until_time_tells() {
    let mut sender = sender();
    sender.ack(100, 1000, None);
    let surroundings = sender.surroundings(90);
    sender.congestion.on_timeout(9_000, true);
    sender.recovery.on_timeout(&mut sender.flight, surroundings);
    assert_eq!(sender.flight.lost(), 1000);
    assert!(sender.recovery.is_recovering());
    assert_eq!(sender.ack(300, 9_000, None).0, OnAck::GoOn);
    assert_eq!(sender.ack(300, 10_000, None).0, OnAck::Recovered);
}
