//! Keep-alive probes.

use std::time::Duration;

use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

fn alive() -> Talk {
    let options = SocketOptions {
        keepalive: true,
        keepalive_idle: Some(Duration::from_secs(100)),
        keepalive_interval: Some(Duration::from_secs(10)),
        keepalive_probes: Some(3),
        ..SocketOptions::default()
    };
    Talk::with_options(Bench::plain_config(), options)
}

#[test]
fn they_are_off_by_default() {
    let mut talk = Talk::plain();
    assert_eq!(talk.wait_s(1_000_000), []);
}

#[test]
fn the_default_is_two_hours() {
    let options = SocketOptions {
        keepalive: true,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    assert_eq!(talk.wait_s(7200), [(7_200_000, ". 0:0(0) ack 1".into())]);
}

#[test]
fn several_unanswered_probes_end_the_connection() {
    let mut talk = alive();
    let sent = talk.wait_s(1000);
    let times: Vec<u64> = sent.iter().map(|(at, _)| at / 1000).collect();
    assert_eq!(times, [100, 110, 120, 130]);
    assert_eq!(sent[2].1, ". 0:0(0) ack 1");
    assert_eq!(sent[3].1, "R. 1:1(0) ack 1");
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

#[test]
fn an_answer_starts_the_silence_anew() {
    let mut talk = alive();
    assert_eq!(talk.wait_s(115).len(), 2);
    talk.peer(".", 1, 1, 0);
    assert_eq!(talk.wait_s(99), []);
    assert_eq!(talk.wait_s(1).len(), 1);
    assert_eq!(talk.state(), StateName::Established);
}

#[test]
fn outstanding_data_needs_no_probe() {
    let mut talk = alive();
    talk.wait_s(50);
    talk.send(10);
    let sent = talk.wait_s(200);
    assert!(
        sent.iter().all(|(_, line)| line == "P. 1:11(10) ack 1"),
        "{sent:?}"
    );
}

#[test]
fn they_can_be_switched_during_the_connection() {
    let mut talk = alive();
    let id = talk.conn.id;
    let mut options = talk.bench.host.options(id).expect("alive");
    options.keepalive = false;
    assert_eq!(talk.bench.host.set_options(id, options.clone()), Ok(()));
    talk.drain();
    assert_eq!(talk.wait_s(1000), []);
    options.keepalive = true;
    talk.bench.host.timeout(talk.bench.now);
    assert_eq!(talk.bench.host.set_options(id, options), Ok(()));
    talk.drain();
    assert_eq!(talk.wait_s(100).len(), 1);
}

#[test]
fn the_peers_probe_is_answered() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer(".", 0, 1, 0), [". 1:1(0) ack 1"]);
}
