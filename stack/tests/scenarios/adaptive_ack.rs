//! Acknowledgments that follow the peer's rhythm, as Linux has them.

use tcpdrill_stack::config::Acknowledging;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{Config, StateName};

use crate::support::Talk;
use std::time::Duration;

fn talk() -> Talk {
    let config = Config {
        acknowledging: Acknowledging::Adaptive,
        delayed_ack: Duration::from_millis(40),
        min_rto: Duration::from_millis(200),
        ..Bench::plain_config()
    };
    Talk::reach(config, StateName::Established)
}

fn lines(lines: &[(u64, String)]) -> Vec<(u64, &str)> {
    lines
        .iter()
        .map(|(at, line)| (*at, line.as_str()))
        .collect()
}

/// Sixteen quick ones, for the window has room for more than 32 segments of the 536 bytes that every
/// peer may send; then 40 ms.
#[test]
fn the_first_sixteen_are_quick() {
    let mut talk = talk();
    for n in 0..16 {
        let seq = 1 + 100 * n;
        let expected = format!(". 1:1(0) ack {}", seq + 100);
        assert_eq!(talk.peer(".", seq, 1, 100), [expected]);
    }
    assert_eq!(talk.peer(".", 1601, 1, 100), [""; 0]);
    let sent = talk.wait_ms(40);
    assert_eq!(lines(&sent), [(40, ". 1:1(0) ack 1701")]);
}

#[test]
fn more_than_a_full_segment_does_not_wait() {
    let mut talk = talk();
    for n in 0..16 {
        talk.peer(".", 1 + 1460 * n, 1, 1460);
    }
    assert_eq!(talk.peer(".", 23_361, 1, 1460), [""; 0]);
    assert_eq!(talk.peer(".", 24_821, 1, 1), [". 1:1(0) ack 24822"]);
}

/// Reading everything sends what waited for the user, if the peer pushed and the user does not answer.
#[test]
fn reading_what_was_pushed_acknowledges_it() {
    let mut talk = talk();
    for n in 0..16 {
        talk.peer(".", 1 + 100 * n, 1, 100);
    }
    assert_eq!(talk.peer("P.", 1601, 1, 100), [""; 0]);
    assert_eq!(talk.recv(1, 1600), Ok(1600));
    assert_eq!(talk.drain(), [""; 0]);
    assert_eq!(talk.recv(1601, 100), Ok(100));
    assert_eq!(talk.drain(), [". 1:1(0) ack 1701"]);
}

/// A user who answers within the delay is expected to do so again: nothing is quick then.
#[test]
fn a_dialogue_is_not_quick() {
    let mut talk = talk();
    talk.peer("P.", 1, 1, 100);
    assert_eq!(talk.send(10), ["P. 1:11(10) ack 101"]);
    assert_eq!(talk.peer("P.", 101, 11, 100), [""; 0]);
    let sent = talk.wait_ms(40);
    assert_eq!(lines(&sent), [(40, ". 11:11(0) ack 201")]);
    // The answer failed to come: quick again.
    assert_eq!(talk.peer("P.", 201, 11, 100), [". 11:11(0) ack 301"]);
}

/// A FIN may be answered with more to send, and then a FIN: it waits like text. Without text before
/// it there is nothing to guess a delay from.
#[test]
fn the_acknowledgment_of_a_fin_waits() {
    let mut talk = talk();
    talk.peer(".", 1, 1, 100);
    assert_eq!(talk.peer("F.", 101, 1, 0), [""; 0]);
    let sent = talk.wait_ms(40);
    assert_eq!(lines(&sent), [(40, ". 1:1(0) ack 102")]);

    let mut talk = self::talk();
    assert_eq!(talk.peer("F.", 1, 1, 0), [". 1:1(0) ack 2"]);
}

#[test]
fn the_fin_of_a_user_who_has_closed_is_acknowledged_at_once() {
    let mut talk = talk();
    talk.peer(".", 1, 1, 100);
    talk.shutdown();
    assert_eq!(talk.peer("F.", 101, 2, 0), [". 2:2(0) ack 102"]);
}
