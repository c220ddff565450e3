use super::*;
use crate::seq::SeqRange;
use alloc::vec::Vec;
use rstest::rstest;

const SMSS: u32 = 1000;
const ISS: SeqNum = SeqNum::new(u32::MAX - 3_000);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn byte(n: u32) -> SeqNum {
    ISS + 1 + n
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A sender that sends a segment of 1000 bytes each millisecond from 0 on.
struct Sender {
    rack: Rack,
    flight: Flight,
    una: SeqNum,
    nxt: SeqNum,
    recovering: bool,
}

fn sender(segments: u32) -> Sender {
    let mut flight = Flight::new();
    for n in 0..segments {
        let range = SeqRange::with_len(byte(n * SMSS), SMSS);
        flight.sent(range, at(u64::from(n)));
    }
    Sender {
        rack: Rack::new(ISS),
        flight,
        una: byte(0),
        nxt: byte(segments * SMSS),
        recovering: false,
    }
}

impl Sender {
    fn surroundings(&self, now: u64, duplicate_reported: bool) -> Surroundings {
        Surroundings {
            now: at(now),
            una: self.una,
            nxt: self.nxt,
            duplicate_reported,
            srtt: Some(millis(100)),
            recovering: self.recovering,
            round_trip: RackRoundTrip::OfNewest,
        }
    }

    /// At `now` the peer says that it has everything before `ack`, and `block`.
    fn ack(&mut self, now: u64, ack: u32, block: Option<(u32, u32)>) -> Option<Duration> {
        let mut delivered = Delivered::trusting(self.rack.trusted_until(at(now)));
        self.una = byte(ack);
        self.flight.acknowledge(self.una, &mut delivered);
        if let Some((start, end)) = block {
            let block = SeqRange::new(byte(start), byte(end));
            self.flight.select(block, &mut delivered);
        }
        let surroundings = self.surroundings(now, false);
        self.rack
            .on_delivered(&delivered, &self.flight, surroundings);
        self.rack.detect_loss(&mut self.flight, surroundings)
    }

    fn lost(&self) -> Vec<u32> {
        let lost = self
            .flight
            .iter()
            .filter(|sent| sent.mark == crate::send::flight::Mark::Lost);
        lost.map(|sent| byte(0).span_to(sent.range.start)).collect()
    }
}

#[test]
fn what_was_sent_before_a_delivery_is_lost_after_a_quarter_round_trip() {
    let mut sender = sender(4);
    // Sent at 2 ms, delivered at 102: a round trip of 100 ms; 0 ms + 100 + 25 is 125.
    assert_eq!(sender.ack(102, 0, Some((2000, 3000))), Some(millis(24)));
    assert_eq!(sender.lost(), [] as [u32; 0]);
    let surroundings = sender.surroundings(125, false);
    let wait = sender.rack.detect_loss(&mut sender.flight, surroundings);
    assert_eq!((wait, sender.lost()), (Some(millis(1)), [0].to_vec()));
}

#[test]
fn three_segments_selected_need_no_waiting() {
    let mut sender = sender(5);
    assert!(sender.ack(102, 0, Some((1000, 3000))).is_some());
    assert_eq!(sender.lost(), [] as [u32; 0]);
    assert_eq!(sender.ack(103, 0, Some((1000, 4000))), None);
    assert_eq!(sender.lost(), [0]);
}

/// RFC 8985 §6.2 step 4 counts segments, however short they are.
#[test]
fn three_short_segments_are_three() {
    let mut sender = sender(0);
    for n in 0..5 {
        let range = SeqRange::with_len(byte(n * 400), 400);
        sender.flight.sent(range, at(u64::from(n)));
    }
    assert!(sender.ack(102, 0, Some((400, 1200))).is_some());
    assert_eq!(sender.lost(), [] as [u32; 0]);
    assert_eq!(sender.ack(103, 0, Some((400, 1600))), None);
    assert_eq!(sender.lost(), [0]);
}

#[test]
fn once_reordering_was_seen_even_three_wait() {
    let mut sender = sender(6);
    sender.ack(101, 0, Some((1000, 2000)));
    assert!(!sender.rack.reordering_seen);
    // The first one was only late.
    sender.ack(102, 2000, None);
    assert!(sender.rack.reordering_seen);
    assert!(sender.ack(105, 2000, Some((3000, 6000))).is_some());
    assert_eq!(sender.lost(), [] as [u32; 0]);
}

#[test]
fn a_repeat_that_is_lost_again_is_found() {
    let mut sender = sender(5);
    sender.ack(103, 0, Some((1000, 4000)));
    sender.recovering = true;
    let first = SeqRange::new(byte(0), byte(1000));
    sender.flight.sent_again(first, at(103));
    // Something sent after the repeat arrives, a round trip later.
    sender
        .flight
        .sent(SeqRange::with_len(sender.nxt, SMSS), at(104));
    sender.nxt += SMSS;
    sender.ack(204, 0, Some((5000, 6000)));
    assert_eq!(sender.lost(), [0, 4000]);
}

#[rstest]
#[case::too_soon(130, false)]
#[case::plausible(240, true)]
fn an_answer_faster_than_any_before_is_for_the_first_copy(#[case] now: u64, #[case] taken: bool) {
    let mut sender = sender(3);
    sender.ack(100, 1000, None);
    let second = SeqRange::new(byte(1000), byte(2000));
    sender.flight.sent_again(second, at(120));
    sender.ack(now, 2000, None);
    let newest = sender.rack.newest.map(|(sent_at, _)| sent_at);
    assert_eq!(newest == Some(at(120)), taken);
}

#[test]
fn a_round_with_a_duplicate_report_widens_the_window_for_sixteen_recoveries() {
    let mut sender = sender(3);
    sender.ack(100, 0, Some((0, 500)));
    let window = |sender: &Sender| {
        let surroundings = sender.surroundings(100, false);
        sender.rack.reordering_window(&sender.flight, surroundings)
    };
    assert_eq!(window(&sender), millis(25));
    for _ in 0..2 {
        // Twice in one round counts once.
        sender
            .rack
            .note_duplicate_report(sender.surroundings(100, true));
    }
    assert_eq!(window(&sender), millis(50));
    sender.una = sender.nxt;
    for _ in 0..9 {
        let surroundings = sender.surroundings(100, true);
        sender.rack.note_duplicate_report(surroundings);
    }
    // SRTT bounds it.
    assert_eq!(window(&sender), millis(100));
    for _ in 0..WIDER_WINDOW_LASTS {
        sender.rack.on_recovered();
    }
    assert_eq!(window(&sender), millis(25));
}

#[test]
fn a_timeout_loses_the_first_segment_and_what_is_overdue() {
    let mut sender = sender(3);
    sender.ack(102, 0, Some((2000, 3000)));
    sender.recovering = true;
    let surroundings = sender.surroundings(100, false);
    sender
        .rack
        .detect_loss_on_timeout(&mut sender.flight, surroundings);
    assert_eq!(sender.lost(), [0]);
    let surroundings = sender.surroundings(101, false);
    sender
        .rack
        .detect_loss_on_timeout(&mut sender.flight, surroundings);
    assert_eq!(sender.lost(), [0, 1000]);
}

/// RFC 8985 §6.2 step 4: RACK.reo_wnd = min(RACK.reo_wnd_mult * RACK.min_RTT / 4, SRTT), and none at
/// all while nothing was ever reordered and a recovery is on or DupThresh segments are selected.
/// Each line: min_RTT, multiple, SRTT, whether reordering was seen, whether recovering, segments
/// selected, and the window, all times in ms.
#[rstest]
#[case::a_quarter(100, 1, 120, false, false, 0, 25)]
#[case::two_quarters(100, 2, 120, false, false, 0, 50)]
#[case::bounded_by_srtt(100, 5, 120, false, false, 0, 120)]
#[case::two_selected(100, 1, 120, false, false, 2, 25)]
#[case::three_selected(100, 1, 120, false, false, 3, 0)]
#[case::recovering(100, 1, 120, false, true, 0, 0)]
#[case::three_selected_after_reordering(100, 1, 120, true, false, 3, 25)]
#[case::recovering_after_reordering(100, 3, 120, true, true, 0, 75)]
#[case::a_short_path(4, 1, 5, false, false, 0, 1)]
fn the_reordering_window(
    #[case] min_rtt: u64,
    #[case] multiple: u32,
    #[case] srtt: u64,
    #[case] reordering_seen: bool,
    #[case] recovering: bool,
    #[case] selected: u32,
    #[case] window: u64,
) {
    let mut sender = sender(5);
    if selected > 0 {
        let block = SeqRange::new(byte(1000), byte(1000 + selected * SMSS));
        sender.flight.select(block, &mut Delivered::default());
    }
    sender.rack.min_rtt = Some((millis(min_rtt), at(0)));
    sender.rack.window_multiple = multiple;
    sender.rack.reordering_seen = reordering_seen;
    let surroundings = Surroundings {
        srtt: Some(millis(srtt)),
        recovering,
        ..sender.surroundings(10, false)
    };
    let found = sender.rack.reordering_window(&sender.flight, surroundings);
    assert_eq!(found, millis(window));
}
