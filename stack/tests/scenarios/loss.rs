//! Loss: the retransmission timer, fast retransmit, giving up.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::InitialWindow;
use tcpdrill_stack::congestion::Rules;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{CallError, Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

#[test]
fn the_timer_doubles_and_gives_up_at_r2() {
    let mut talk = Talk::plain();
    talk.send(10);
    let times: Vec<u64> = talk
        .wait_ms(299_999)
        .iter()
        .map(|(at, _)| at / 1000)
        .collect();
    assert_eq!(times, [1, 3, 7, 15, 31, 63, 123, 183, 243]);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
    assert_eq!(
        talk.count(|event| matches!(event, Event::RetransmissionTrouble { count: 3, .. })),
        1
    );
}

/// RFC 9293 §3.8.3: the user learns of trouble once, when R1 is reached, unless he does not want to (MUST-20(d)).
#[rstest]
#[case::wanted(true, 1)]
#[case::not_wanted(false, 0)]
fn trouble_is_reported_once_at_r1(#[case] report: bool, #[case] times: usize) {
    let options = SocketOptions {
        report_soft_errors: report,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    talk.send(10);
    talk.wait_s(200);
    let trouble = talk.count(|event| matches!(event, Event::RetransmissionTrouble { .. }));
    assert_eq!(trouble, times);
}

/// RFC 9293 §3.8.3: patience is for what is not acknowledged, and begins anew when SND.UNA moves.
#[test]
fn progress_gives_new_patience() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(2920).len(), 2);
    talk.wait_ms(500);
    talk.peer(".", 1, 1461, 0);
    talk.wait_ms(299_999);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn the_user_timeout_is_r2() {
    let options = SocketOptions {
        user_timeout: Some(Duration::from_secs(10)),
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    talk.send(10);
    talk.wait_ms(9_999);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(
        talk.recv(1, 1),
        Err(CallError::Connection(ConnectionError::TimedOut))
    );
}

#[test]
fn new_acknowledgments_restart_the_timer() {
    let mut talk = Talk::plain();
    talk.send(1460 * 3);
    for i in 1..=2 {
        assert_eq!(talk.wait_ms(900), []);
        assert_eq!(talk.peer(".", 1, 1 + 1460 * i, 0), [""; 0]);
    }
    // The last ACK restarted it; its sample of 900 ms made the timeout longer.
    assert_eq!(talk.wait_ms(1000), []);
    assert_eq!(talk.wait_ms(100).len(), 1);
}

#[test]
fn a_partial_acknowledgment_leaves_the_timer_running() {
    let mut talk = Talk::plain();
    talk.send(1460 * 3);
    talk.peer(".", 1, 1461, 0);
    assert_eq!(talk.wait_s(3)[0].1, ". 1461:2921(1460) ack 1");
}

#[test]
fn all_acknowledged_stops_the_timer() {
    let mut talk = Talk::plain();
    talk.send(100);
    talk.peer(".", 1, 101, 0);
    assert_eq!(talk.wait_s(1000), []);
    assert_eq!(talk.bench.host.poll_deadline(), None);
}

#[test]
fn an_ack_after_a_repeat_is_not_measured() {
    let mut talk = Talk::plain();
    let before = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").srtt;
    let srtt = before(&talk);
    talk.send(10);
    talk.wait_ms(1500);
    talk.peer(".", 1, 11, 0);
    assert_eq!(before(&talk), srtt);
}

#[test]
fn the_third_duplicate_brings_the_missing_segment_once() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1460 * 5).len(), 5);
    assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    assert_eq!(talk.peer(".", 1, 1, 0), [". 1:1461(1460) ack 1"]);
    assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    assert_eq!(talk.peer(".", 1, 7301, 0), [""; 0]);
    assert_eq!(talk.wait_s(10), []);
}

#[test]
fn a_partial_acknowledgment_in_recovery_brings_the_next() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1460 * 6).len(), 6);
    for _ in 0..3 {
        talk.peer(".", 1, 1, 0);
    }
    assert_eq!(talk.peer(".", 1, 2921, 0), [". 2921:4381(1460) ack 1"]);
    assert_eq!(talk.peer(".", 1, 8761, 0), [""; 0]);
}

#[test]
fn limited_transmit_sends_new_data_on_the_first_duplicates() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1460 * 13).len(), 10);
    assert_eq!(talk.peer(".", 1, 1, 0), [". 14601:16061(1460) ack 1"]);
    assert_eq!(talk.peer(".", 1, 1, 0), [". 16061:17521(1460) ack 1"]);
    assert_eq!(talk.peer(".", 1, 1, 0), [". 1:1461(1460) ack 1"]);
}

#[rstest]
#[case::window_update(&[(0, 65_000), (0, 64_000), (0, 63_000)])]
#[case::data(&[(10, 65_535), (10, 65_535), (10, 65_535)])]
fn segments_that_say_something_else_are_no_duplicates(#[case] acks: &[(usize, u16)]) {
    let mut talk = Talk::plain();
    talk.send(1460 * 5);
    let mut seq = 1;
    for (len, window) in acks {
        talk.bench.peer_window = *window;
        let sent = talk.peer(".", seq, 1, *len);
        assert!(!sent.iter().any(|line| line.contains("(1460)")), "{sent:?}");
        seq += *len as i64;
    }
}

#[test]
fn duplicates_with_nothing_outstanding_do_nothing() {
    let mut talk = Talk::plain();
    for _ in 0..10 {
        assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    }
}

#[test]
fn after_a_timeout_the_flight_comes_again_in_slow_start() {
    let mut talk = Talk::plain();
    talk.send(1460 * 6);
    assert_eq!(talk.wait_ms(1000), [(1000, ". 1:1461(1460) ack 1".into())]);
    assert_eq!(
        talk.peer(".", 1, 1461, 0),
        [". 1461:2921(1460) ack 1", ". 2921:4381(1460) ack 1"]
    );
    let cwnd = talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    assert_eq!(cwnd, 2920);
    // Everything had arrived after all.
    assert_eq!(talk.peer(".", 1, 8761, 0), [""; 0]);
    assert_eq!(talk.wait_s(100), []);
}

#[test]
fn a_repeat_waits_for_room_for_a_whole_segment() {
    let mut talk = Talk::plain();
    talk.send(1460 * 6);
    talk.wait_ms(1000);
    assert_eq!(talk.peer(".", 1, 701, 0), [""; 0]);
    assert_eq!(
        talk.peer(".", 1, 1461, 0),
        [". 1461:2921(1460) ack 1", ". 2921:4381(1460) ack 1"]
    );
}

#[rstest]
#[case::rfc_5681(InitialWindow::Rfc5681, 3)]
#[case::rfc_6928(InitialWindow::Rfc6928, 10)]
fn the_first_flight(#[case] setting: InitialWindow, #[case] segments: usize) {
    let config = Config {
        congestion: Rules {
            initial_window: setting,
            ..Rules::default()
        },
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    assert_eq!(talk.send(1460 * 20).len(), segments);
}

#[test]
fn a_lost_syn_ack_costs_the_first_flight_and_makes_the_timer_wait_3_s() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.half_open();
    let mut talk = Talk::on(bench, conn);
    talk.wait_ms(1500);
    talk.peer(".", 1, 1, 0);
    let listener = talk.conn.listener.expect("passive");
    talk.conn.id = talk
        .bench
        .host
        .accept(talk.bench.now, listener)
        .expect("established");
    assert_eq!(talk.send(1460 * 5).len(), 1);
    assert_eq!(talk.wait_ms(2999), []);
    assert_eq!(talk.wait_ms(1).len(), 1);
}

#[test]
fn a_long_silence_shrinks_the_window_back() {
    let mut talk = Talk::plain();
    let mut acked = 1;
    for _ in 0..4 {
        talk.send(14_600);
        acked += 14_600;
        talk.peer(".", 1, acked, 0);
    }
    talk.wait_s(100);
    assert_eq!(talk.send(1460 * 20).len(), 10);
}
