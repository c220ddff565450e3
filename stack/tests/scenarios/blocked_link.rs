//! A link below that takes nothing for a while: what is sent meanwhile is known to be gone.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{Config, SocketOptions, StateName};

use crate::support::Talk;

fn config() -> Config {
    Config {
        min_rto: Duration::from_millis(200),
        link_retry: Duration::from_millis(500),
        ..Bench::plain_config()
    }
}

/// A connection whose round trip took 100 ms: its timeout is 300 ms.
fn measured(options: SocketOptions) -> Talk {
    let mut talk = Talk::with_options(config(), options);
    talk.send(10);
    talk.wait_ms(100);
    talk.peer(".", 1, 11, 0);
    talk
}

fn status(talk: &Talk) -> tcpdrill_stack::Status {
    talk.bench.host.status(talk.conn.id).expect("alive")
}

#[test]
fn what_could_not_leave_is_tried_again_and_counts_as_not_sent() {
    let mut talk = measured(SocketOptions::default());
    talk.bench.host.set_link_blocked(true);
    assert_eq!(talk.send(20), [] as [&str; 0]);
    assert_eq!(
        (status(&talk).in_flight, status(&talk).send_unsent),
        (0, 20)
    );
    let rto = status(&talk).rto.as_millis() as u64;
    assert_eq!(talk.wait_ms(rto + 600), []);
    assert_eq!((status(&talk).probes, status(&talk).backoff), (2, 0));
    talk.bench.host.set_link_blocked(false);
    let sent = talk.wait_ms(1000);
    // The attempts were due after the timeout, 500 ms later and 500 ms after that.
    let at = 100 + rto + 1000;
    assert_eq!(sent[0], (at, "P. 11:31(20) ack 1".to_owned()));
    assert_eq!((status(&talk).in_flight, status(&talk).probes), (1, 0));
}

#[test]
fn what_is_written_when_the_link_is_free_again_leaves_at_once() {
    let mut talk = measured(SocketOptions::default());
    talk.bench.host.set_link_blocked(true);
    talk.send(20);
    talk.bench.host.set_link_blocked(false);
    assert_eq!(talk.send(5), ["P. 11:36(25) ack 1"]);
    assert_eq!(status(&talk).probes, 0);
}

/// Patience begins with the first attempt after the one that failed.
#[rstest]
#[case(2, StateName::Established, 6)]
#[case(4, StateName::Closed, 6)]
fn the_user_waits_no_longer_than_agreed(
    #[case] before_the_end: i64,
    #[case] state: StateName,
    #[case] probes: u32,
) {
    let mut talk = measured(SocketOptions {
        user_timeout: Some(Duration::from_secs(3)),
        ..SocketOptions::default()
    });
    talk.bench.host.set_link_blocked(true);
    talk.send(20);
    let rto = status(&talk).rto.as_millis() as i64;
    assert_eq!(talk.wait_ms((rto + 3000 - 3 + before_the_end) as u64), []);
    assert_eq!((talk.state(), status(&talk).probes), (state, probes));
}

#[test]
fn a_repetition_that_could_not_leave_is_tried_again_without_back_off() {
    let mut talk = measured(SocketOptions::default());
    talk.send(20);
    let rto = status(&talk).rto;
    talk.bench.host.set_link_blocked(true);
    let first = rto.as_millis() as u64;
    assert_eq!(talk.wait_ms(first + 900), []);
    assert_eq!(status(&talk).rto, rto);
    talk.bench.host.set_link_blocked(false);
    let again = (100 + first + 1000, "P. 11:31(20) ack 1".to_owned());
    assert_eq!(talk.wait_ms(200), [again]);
}

/// Three duplicates mean a loss, whether it can be repaired now or not; the window knows of it.
#[test]
fn a_loss_that_cannot_be_repaired_now_is_repaired_later() {
    let mut talk = measured(SocketOptions::default());
    talk.send(4 * 1460);
    talk.bench.host.set_link_blocked(true);
    for _ in 0..3 {
        assert_eq!(talk.peer(".", 1, 11, 0), [] as [&str; 0]);
    }
    let status = status(&talk);
    assert_eq!((status.in_recovery, status.retransmitted), (true, 0));
    talk.bench.host.set_link_blocked(false);
    let again = talk.wait_ms(1000);
    assert_eq!(again[0].1, ". 11:1471(1460) ack 1");
}

#[test]
fn acknowledgments_are_lost() {
    let mut talk = measured(SocketOptions::default());
    talk.bench.host.set_link_blocked(true);
    assert_eq!(talk.peer("P.", 1, 11, 100), [] as [&str; 0]);
    assert_eq!(talk.peer("P.", 101, 11, 100), [] as [&str; 0]);
    assert_eq!(talk.wait_s(2), []);
    talk.bench.host.set_link_blocked(false);
    // The peer sends again what nobody acknowledged.
    assert_eq!(talk.peer("P.", 1, 11, 100), [". 11:11(0) ack 201"]);
}
