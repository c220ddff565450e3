//! Closing: FINs, half closes, resets, and what is left unread.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{DataAfterClose, UnreadOnClose};
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{CallError, Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

#[test]
fn four_segments_close_a_connection() {
    let mut talk = Talk::plain();
    assert_eq!(talk.close(), ["F. 1:1(0) ack 1"]);
    assert_eq!(talk.state(), StateName::FinWait1);
    assert_eq!(talk.peer(".", 1, 2, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::FinWait2);
    assert_eq!(talk.peer("F.", 1, 2, 0), [". 2:2(0) ack 2"]);
    assert_eq!(talk.state(), StateName::TimeWait);
}

#[test]
fn the_passive_side_closes_when_its_user_does() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer("F.", 1, 1, 0), [". 1:1(0) ack 2"]);
    assert_eq!(talk.state(), StateName::CloseWait);
    assert_eq!(talk.recv(1, 10), Ok(0));
    // CLOSE-WAIT lasts as long as the user likes, and sending goes on.
    assert_eq!(talk.wait_s(100_000), []);
    assert_eq!(talk.send(5), ["P. 1:6(5) ack 2"]);
    talk.peer(".", 2, 6, 0);
    assert_eq!(talk.close(), ["F. 6:6(0) ack 2"]);
    assert_eq!(talk.state(), StateName::LastAck);
    assert_eq!(talk.peer(".", 2, 6, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::LastAck);
    assert_eq!(talk.peer(".", 2, 7, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.peer(".", 2, 7, 0), ["R 7:7(0)"]);
}

#[test]
fn a_half_closed_connection_goes_on_receiving_for_ever() {
    let mut talk = Talk::plain();
    assert_eq!(talk.shutdown(), ["F. 1:1(0) ack 1"]);
    talk.peer(".", 1, 2, 0);
    assert_eq!(talk.wait_s(10_000), []);
    assert_eq!(talk.peer("P.", 1, 2, 10), [""; 0]);
    assert_eq!(talk.wait_ms(200), [(10_000_200, ". 2:2(0) ack 11".into())]);
    assert_eq!(talk.recv(1, 100), Ok(10));
    let again = talk
        .bench
        .host
        .send(talk.bench.now, talk.conn.id, b"x", Default::default());
    assert_eq!(again, Err(CallError::Closing));
    assert_eq!(talk.peer("F.", 11, 2, 0), [". 2:2(0) ack 12"]);
    assert_eq!(talk.recv(11, 100), Ok(0));
}

#[test]
fn crossing_fins_pass_closing_and_ours_is_repeated() {
    let mut talk = Talk::plain();
    talk.shutdown();
    assert_eq!(talk.peer("F.", 1, 1, 0), [". 2:2(0) ack 2"]);
    assert_eq!(talk.state(), StateName::Closing);
    assert_eq!(
        talk.wait_s(3).last(),
        Some(&(3000, "F. 1:1(0) ack 2".into()))
    );
    assert_eq!(talk.peer(".", 2, 2, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::TimeWait);
}

#[test]
fn a_fin_that_acknowledges_ours_goes_to_time_wait_at_once() {
    let mut talk = Talk::plain();
    talk.shutdown();
    assert_eq!(talk.peer("F.", 1, 2, 0), [". 2:2(0) ack 2"]);
    assert_eq!(talk.state(), StateName::TimeWait);
}

#[rstest]
#[case::fin_wait_1(StateName::FinWait1)]
#[case::closing(StateName::Closing)]
#[case::last_ack(StateName::LastAck)]
fn only_the_ack_of_the_fin_moves_on(#[case] state: StateName) {
    let mut talk = Talk::reach(Bench::plain_config(), state);
    let r = if state == StateName::FinWait1 { 1 } else { 2 };
    assert_eq!(talk.peer(".", r, 1, 0), [""; 0]);
    assert_eq!(talk.state(), state);
    talk.peer(".", r, 2, 0);
    assert_ne!(talk.state(), state);
}

#[rstest]
#[case::reset(UnreadOnClose::Reset, "R. 1:1(0) ack 11", StateName::Closed)]
#[case::fin(UnreadOnClose::Fin, "F. 1:1(0) ack 11", StateName::FinWait1)]
fn closing_with_unread_data(
    #[case] setting: UnreadOnClose,
    #[case] answer: &str,
    #[case] state: StateName,
) {
    let config = Config {
        close_with_unread_data: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.peer("P.", 1, 1, 10);
    assert_eq!(talk.close(), [answer]);
    assert_eq!(talk.state(), state);
}

#[test]
fn closing_with_everything_read_sends_a_fin() {
    let mut talk = Talk::plain();
    talk.peer("P.", 1, 1, 10);
    talk.recv(1, 10).expect("there");
    assert_eq!(talk.close(), ["F. 1:1(0) ack 11"]);
}

#[rstest]
#[case::reset(DataAfterClose::Reset, "R. 2:2(0) ack 1", StateName::Closed)]
#[case::reset_as_unknown(DataAfterClose::ResetAsUnknown, "R 2:2(0)", StateName::Closed)]
#[case::discard(DataAfterClose::Discard, "", StateName::FinWait2)]
fn data_after_close(
    #[case] setting: DataAfterClose,
    #[case] answer: &str,
    #[case] state: StateName,
) {
    let config = Config {
        data_after_close: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.close();
    talk.peer(".", 1, 2, 0);
    let answers: Vec<String> = talk.peer("P.", 1, 2, 10);
    assert_eq!(answers.concat(), answer);
    assert_eq!(talk.state(), state);
    if state == StateName::FinWait2 {
        assert_eq!(talk.peer("F.", 11, 2, 0), [". 2:2(0) ack 12"]);
    }
}

#[test]
fn old_data_after_close_is_only_acknowledged() {
    let mut talk = Talk::plain();
    talk.peer("P.", 1, 1, 10);
    talk.recv(1, 10).expect("there");
    talk.close();
    assert_eq!(talk.peer("P.", 1, 2, 10), [". 2:2(0) ack 11"]);
    assert_eq!(talk.state(), StateName::FinWait1);
}

#[rstest]
#[case::orphan(true, StateName::Closed)]
#[case::held(false, StateName::FinWait2)]
fn fin_wait_2_ends_only_when_nobody_holds_the_socket(
    #[case] orphan: bool,
    #[case] state: StateName,
) {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::FinWait2);
    if orphan {
        talk.close();
    }
    talk.wait_ms(59_999);
    assert_eq!(talk.state(), StateName::FinWait2);
    talk.wait_ms(1);
    assert_eq!(talk.state(), state);
}

#[test]
fn fin_wait_2_without_a_limit_waits_for_ever() {
    let config = Config {
        fin_wait_2_timeout: None,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::FinWait2);
    talk.close();
    talk.wait_s(1_000_000);
    assert_eq!(talk.state(), StateName::FinWait2);
}

#[rstest]
#[case::syn_sent(StateName::SynSent, None)]
#[case::established(StateName::Established, Some("R. 1:1(0) ack 1"))]
#[case::fin_wait_1(StateName::FinWait1, Some("R. 2:2(0) ack 1"))]
#[case::fin_wait_2(StateName::FinWait2, Some("R. 2:2(0) ack 1"))]
#[case::close_wait(StateName::CloseWait, Some("R. 1:1(0) ack 2"))]
#[case::closing(StateName::Closing, None)]
#[case::last_ack(StateName::LastAck, None)]
#[case::time_wait(StateName::TimeWait, None)]
fn abort_in_each_state(#[case] state: StateName, #[case] answer: Option<&str>) {
    let mut talk = Talk::reach(Bench::plain_config(), state);
    assert_eq!(talk.bench.host.abort(talk.bench.now, talk.conn.id), Ok(()));
    assert_eq!(talk.drain(), answer.into_iter().collect::<Vec<_>>());
    assert_eq!(talk.state(), StateName::Closed);
    let again = talk.bench.host.abort(talk.bench.now, talk.conn.id);
    assert_eq!(again, Err(CallError::NoSuchSocket));
}

#[rstest]
#[case::with_ack(true, "R. 1:1(0) ack 1")]
#[case::bare(false, "R 1:1(0)")]
fn the_reset_of_an_abort(#[case] setting: bool, #[case] answer: &str) {
    let config = Config {
        reset_carries_ack: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    assert_eq!(talk.bench.host.abort(talk.bench.now, talk.conn.id), Ok(()));
    assert_eq!(talk.drain(), [answer]);
}

#[test]
fn linger_zero_turns_close_into_abort() {
    let options = SocketOptions {
        linger: Some(Duration::ZERO),
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    assert_eq!(talk.close(), ["R. 1:1(0) ack 1"]);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn a_reset_reaches_the_user_once() {
    let mut talk = Talk::plain();
    talk.peer("P.", 1, 1, 10);
    assert_eq!(talk.peer("R", 11, 0, 0), [""; 0]);
    assert_eq!(
        talk.recv(1, 10),
        Err(CallError::Connection(ConnectionError::Reset))
    );
    assert_eq!(talk.recv(1, 10), Ok(0));
    let again = talk
        .bench
        .host
        .send(talk.bench.now, talk.conn.id, b"x", Default::default());
    assert_eq!(again, Err(CallError::Closing));
}

#[test]
fn the_state_follows_close_though_the_fin_waits_behind_a_closed_window() {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    assert_eq!(talk.send(10), [""; 0]);
    assert_eq!(talk.close(), [""; 0]);
    assert_eq!(talk.state(), StateName::FinWait1);
    assert_eq!(talk.peer_window(".", 1, 1, 100), ["FP. 1:11(10) ack 1"]);
}

#[test]
fn the_last_piece_and_the_fin_do_not_wait_for_nagle() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1), ["P. 1:2(1) ack 1"]);
    assert_eq!(talk.send(1), [""; 0]);
    assert_eq!(talk.close(), ["FP. 2:3(1) ack 1"]);
}

#[test]
fn everything_sent_before_close_arrives() {
    let mut talk = Talk::plain();
    talk.send(3000);
    talk.close();
    // All of it is lost; the repeats bring it all, FIN included.
    let mut acked = 1;
    for _ in 0..20 {
        for (_, line) in talk.wait_s(61) {
            let end: i64 = line
                .split([':', '('])
                .nth(1)
                .and_then(|n| n.parse().ok())
                .expect("numbers");
            let fin = i64::from(line.contains('F'));
            acked = acked.max(end + fin);
        }
        talk.peer(".", 1, acked, 0);
    }
    assert_eq!(acked, 3002);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn last_ack_with_a_dead_peer_ends() {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::LastAck);
    talk.peer_window(".", 2, 1, 0);
    talk.wait_s(301);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn text_behind_the_fin_is_not_delivered() {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::CloseWait);
    assert_eq!(talk.peer("P.", 2, 1, 10), [". 1:1(0) ack 2"]);
    assert_eq!(talk.recv(1, 10), Ok(0));
}

#[test]
fn closing_an_id_twice_is_an_error() {
    let mut talk = Talk::plain();
    talk.close();
    let again = talk.bench.host.close(talk.bench.now, talk.conn.id);
    assert_eq!(again, Err(CallError::NoSuchSocket));
}
