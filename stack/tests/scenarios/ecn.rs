//! Explicit congestion notification (RFC 3168).

use rstest::rstest;
use tcpdrill_stack::Config;
use tcpdrill_stack::SocketOptions;
use tcpdrill_stack::config::EcnUse;
use tcpdrill_stack::congestion::{Algorithm, InitialWindow, LeastAfterMarks, Rules};
use tcpdrill_stack::ecn::Codepoint;
use tcpdrill_stack::segment::{Flags, Segment};
use tcpdrill_stack::testing::bench::Bench;

use crate::support::Talk;

fn config(ecn: EcnUse) -> Config {
    Config {
        ecn,
        ..Bench::plain_config()
    }
}

/// A connection whose SYN asked for ECN.
fn agreed() -> Talk {
    Talk::accepted_by(config(EcnUse::Accept), |syn| {
        syn.flags.ece = true;
        syn.flags.cwr = true;
    })
}

/// The peer's segment, marked by a router.
fn marked(talk: &Talk, seq: i64, len: usize) -> Segment {
    Segment {
        traffic_class: Codepoint::Ce.bits(),
        ..talk.segment("P.", seq, 1, len)
    }
}

/// The ECN bits of what left last.
fn codepoints(segments: &[Segment]) -> Vec<u8> {
    segments
        .iter()
        .map(|segment| segment.traffic_class & 3)
        .collect()
}

#[rstest]
#[case::accepted(EcnUse::Accept, true, true, true)]
#[case::off(EcnUse::Off, true, true, false)]
#[case::not_asked(EcnUse::Request, false, false, false)]
#[case::half_asked(EcnUse::Accept, true, false, false)]
fn a_syn_that_asks_is_answered(
    #[case] ecn: EcnUse,
    #[case] ece: bool,
    #[case] cwr: bool,
    #[case] agreed: bool,
) {
    let mut bench = Bench::new(config(ecn));
    bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.flags = Flags {
        ece,
        cwr,
        ..syn.flags
    };
    let sent = bench.inject(&syn);
    assert_eq!((sent[0].flags.ece, sent[0].flags.cwr), (agreed, false));
    assert_eq!(codepoints(&sent), [0]);
}

#[rstest]
#[case::agreed(true, false, 2)]
#[case::declined(false, false, 0)]
#[case::reflected(true, true, 0)]
fn an_open_asks_and_believes_only_a_proper_answer(
    #[case] ece: bool,
    #[case] cwr: bool,
    #[case] codepoint: u8,
) {
    let mut bench = Bench::new(config(EcnUse::Request));
    let conn = bench.connecting(SocketOptions::default());
    let mut syn_ack = bench.peer_segment("S.", 0, conn.iss + 1);
    syn_ack.flags = Flags {
        ece,
        cwr,
        ..syn_ack.flags
    };
    assert_eq!(codepoints(&bench.inject(&syn_ack)), [0]);
    let sent = bench
        .host
        .send(bench.now, conn.id, b"x", Default::default());
    assert_eq!(sent, Ok(1));
    assert_eq!(codepoints(&bench.drain()), [codepoint]);
}

#[test]
fn a_repeated_syn_asks_no_more() {
    let mut bench = Bench::new(config(EcnUse::Request));
    bench.connecting(SocketOptions::default());
    let sent = bench.wait(std::time::Duration::from_secs(1));
    assert!(!sent[0].1.flags.ece && !sent[0].1.flags.cwr, "{sent:?}");
}

#[test]
fn a_mark_is_echoed_until_the_sender_slows_down() {
    let mut talk = agreed();
    let first = marked(&talk, 1, 100);
    assert_eq!(talk.inject(&first), ["E. 1:1(0) ack 101"]);
    talk.peer("P.", 101, 1, 100);
    assert_eq!(talk.wait_ms(200)[0].1, "E. 1:1(0) ack 201");
    let mut answer = talk.segment("P.", 201, 1, 100);
    answer.flags.cwr = true;
    talk.inject(&answer);
    assert_eq!(talk.wait_ms(200)[0].1, ". 1:1(0) ack 301");
}

#[test]
fn an_echo_halves_the_window_once_a_round_trip_and_is_answered() {
    let mut talk = agreed();
    assert_eq!(talk.send(1460 * 10).len(), 10);
    let cwnd = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    let echo = |talk: &mut Talk, ack: i64| {
        let mut segment = talk.segment(".", 1, ack, 0);
        segment.flags.ece = true;
        talk.inject(&segment)
    };
    echo(&mut talk, 1461);
    assert_eq!(cwnd(&talk), 1460 * 10 / 2);
    echo(&mut talk, 2921);
    assert_eq!(cwnd(&talk), 1460 * 10 / 2);
    talk.peer(".", 1, 1460 * 10 + 1, 0);
    // The first new segment says so, and only that.
    let lines = talk.send(1460 * 2);
    assert_eq!(
        lines,
        ["W. 14601:16061(1460) ack 1", "P. 16061:17521(1460) ack 1"]
    );
}

/// Each acknowledgment tells of marks: how many segments follow it at once, down to one, and then none
/// before a retransmission timeout, two, four (RFC 3168 §6.1.2, RFC 9438 §4.6).
#[rstest]
#[case::reno(Algorithm::Reno, false, &[5, 2, 1])]
#[case::cubic(Algorithm::Cubic, false, &[7, 4, 2, 1, 1])]
#[case::cubic_in_segments(Algorithm::Cubic, true, &[7, 4, 2, 1])]
fn marks_take_the_window_down_to_one_segment_and_then_time(
    #[case] algorithm: Algorithm,
    #[case] count_segments: bool,
    #[case] follow: &[usize],
) {
    let rules = Rules {
        algorithm,
        count_segments,
        initial_window: InitialWindow::Segments(10),
        ..Rules::default()
    };
    let (mut talk, mut acked) = writer(rules);
    let counts: Vec<usize> = follow.iter().map(|_| echo(&mut talk, &mut acked)).collect();
    assert_eq!(counts, follow);
    for wait in [1000, 2000, 4000, 8000] {
        assert_eq!(echo(&mut talk, &mut acked), 0);
        assert_eq!(talk.wait_ms(wait - 1), []);
        assert_eq!(talk.wait_ms(1).len(), 1);
        acked += 1460;
    }
    // Without a mark the window opens, and the next wait is the first one again.
    assert_eq!(talk.peer(".", 1, acked, 0).len(), 2);
    acked += 1460 * 2;
    while echo(&mut talk, &mut acked) > 0 {}
    assert_eq!(talk.wait_ms(999), []);
    assert_eq!(talk.wait_ms(1).len(), 1);
}

/// RFC 9438 §4.6: the wait at a window of one segment ends with its timeout, or with an acknowledgment of new data
/// that tells of no mark. One that acknowledges nothing new ends nothing.
#[test]
fn an_acknowledgment_of_nothing_new_does_not_end_the_wait_after_a_mark() {
    let rules = Rules {
        initial_window: InitialWindow::Segments(10),
        ..Rules::default()
    };
    let (mut talk, mut acked) = writer(rules);
    while echo(&mut talk, &mut acked) > 0 {}
    assert_eq!(talk.peer(".", 1, acked, 0), [""; 0]);
    assert_eq!(talk.wait_ms(999), []);
    assert_eq!(talk.wait_ms(1).len(), 1);
}

#[test]
fn two_segments_may_be_the_least_that_marks_leave() {
    let rules = Rules {
        initial_window: InitialWindow::Segments(10),
        least_after_marks: LeastAfterMarks::TwoSegments,
        ..Rules::default()
    };
    let (mut talk, mut acked) = writer(rules);
    let counts: Vec<usize> = (0..5).map(|_| echo(&mut talk, &mut acked)).collect();
    assert_eq!(counts, [5, 2, 2, 2, 2]);
}

/// A connection with ten segments out and many waiting, and the number behind the ten.
fn writer(rules: Rules) -> (Talk, i64) {
    let config = Config {
        congestion: rules,
        send_buffer: 1460 * 100,
        ..config(EcnUse::Accept)
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.flags.ece = true;
        syn.flags.cwr = true;
    });
    assert_eq!(talk.send(1460 * 60).len(), 10);
    (talk, 1460 * 10 + 1)
}

/// All that is out is acknowledged with an echo; answers how many segments follow.
fn echo(talk: &mut Talk, acked: &mut i64) -> usize {
    let mut segment = talk.segment(".", 1, *acked, 0);
    segment.flags.ece = true;
    let follow = talk.inject(&segment).len();
    *acked += 1460 * follow as i64;
    follow
}

/// The ACK of the last segment before the one with CWR still has the old echo.
#[test]
fn an_echo_that_ends_with_the_reduction_is_about_the_same_marks() {
    let mut talk = agreed();
    talk.send(1460 * 10);
    let cwnd = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    let echo = |talk: &mut Talk, ack: i64| {
        let mut segment = talk.segment(".", 1, ack, 0);
        segment.flags.ece = true;
        talk.inject(&segment)
    };
    echo(&mut talk, 1461);
    let reduced = cwnd(&talk);
    echo(&mut talk, 1460 * 10 + 1);
    assert_eq!(cwnd(&talk), reduced);
    talk.send(1460 * 2);
    echo(&mut talk, 1460 * 11 + 1);
    assert!(cwnd(&talk) < reduced);
}

#[test]
fn only_new_data_may_be_marked() {
    let mut talk = agreed();
    talk.send(100);
    let again = talk.bench.wait(std::time::Duration::from_secs(2));
    let again: Vec<Segment> = again.into_iter().map(|(_, segment)| segment).collect();
    assert_eq!(codepoints(&again), [0]);
    let ack = talk.segment("P.", 1, 101, 1000);
    talk.bench.inject(&ack);
    let late = talk.bench.wait(std::time::Duration::from_secs(1));
    assert!(late.iter().all(|(_, segment)| segment.traffic_class == 0));
}
