//! Forged and confused segments: what an outsider, or a peer gone wrong, may not do.

use rstest::rstest;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{CallError, Config, ConnectionError, StateName};

use crate::support::Talk;

#[rstest]
#[case::in_window("R", 2, 0, &[". 1:1(0) ack 1"], true)]
#[case::in_window_with_text("R.", 4038, 500, &[". 1:1(0) ack 1"], true)]
#[case::behind_the_window("R", 70_000, 0, &[], true)]
#[case::before_the_window("R", 0, 0, &[], true)]
#[case::exact("R", 1, 0, &[], false)]
#[case::exact_with_text("R.", 1, 20, &[], false)]
fn resets(
    #[case] flags: &str,
    #[case] seq: i64,
    #[case] len: usize,
    #[case] answers: &[&str],
    #[case] survives: bool,
) {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer(flags, seq, 1, len), answers);
    assert_eq!(talk.state() == StateName::Established, survives);
    assert_eq!(
        talk.take_error(),
        (!survives).then_some(ConnectionError::Reset)
    );
}

#[rstest]
#[case::established(StateName::Established, 1)]
#[case::fin_wait_1(StateName::FinWait1, 2)]
#[case::fin_wait_2(StateName::FinWait2, 2)]
#[case::close_wait(StateName::CloseWait, 1)]
#[case::closing(StateName::Closing, 2)]
#[case::last_ack(StateName::LastAck, 2)]
fn any_syn_draws_one_challenge(#[case] state: StateName, #[case] nxt: i64) {
    for (flags, seq, len) in [
        ("S", 0, 0),
        ("S", 50, 0),
        ("S", 90_000, 0),
        ("S.", 0, 0),
        ("S.", 100, 100),
    ] {
        let mut talk = Talk::reach(Bench::plain_config(), state);
        let answers = talk.peer(flags, seq, nxt, len);
        assert_eq!(answers.len(), 1, "{flags} {seq}");
        assert!(
            answers[0].starts_with(&format!(". {nxt}:{nxt}(0) ack")),
            "{answers:?}"
        );
        assert_eq!(talk.state(), state);
    }
}

#[test]
fn the_reset_that_answers_a_challenge_ends_a_stale_connection() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer("S", -5000, 0, 0), [". 1:1(0) ack 1"]);
    // The peer, which knows nothing of the old connection, resets at the number we acknowledged.
    assert_eq!(talk.peer("R", 1, 0, 0), [""; 0]);
    assert_eq!(talk.take_error(), Some(ConnectionError::Reset));
}

#[test]
fn challenges_are_limited_for_each_connection() {
    let mut talk = Talk::plain();
    let answered: usize = (0..30).map(|_| talk.peer("R", 2, 0, 0).len()).sum();
    assert_eq!(answered, 10);
    assert_eq!(
        talk.count(|event| matches!(event, Event::ChallengeAckSuppressed { .. })),
        20
    );
    // Text that came again is owed its acknowledgment all the same.
    talk.peer("P.", 1, 1, 10);
    for _ in 0..3 {
        assert_eq!(talk.peer("P.", 1, 1, 10), [". 1:1(0) ack 11"]);
    }
    talk.wait_s(1);
    assert_eq!(talk.peer("R", 12, 0, 0).len(), 1);
}

#[test]
fn a_second_connection_has_a_budget_of_its_own() {
    let mut talk = Talk::plain();
    for _ in 0..30 {
        talk.peer("R", 2, 0, 0);
    }
    talk.bench.peer.set_port(40_001);
    let syn = talk.segment("S", 0, 0, 0);
    let iss = talk.bench.inject(&syn)[0].seq;
    talk.conn.iss = iss;
    talk.peer(".", 1, 1, 0);
    assert_eq!(talk.peer("R", 2, 0, 0).len(), 1);
}

#[rstest]
#[case::checked(true, Err(CallError::WouldBlock))]
#[case::unchecked(false, Ok(10))]
fn text_with_a_far_too_old_ack(#[case] setting: bool, #[case] expected: Result<usize, CallError>) {
    let config = Config {
        old_ack_check: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.peer("P.", 1, -1_000_000, 10);
    assert_eq!(talk.recv(1, 10), expected);
}

#[test]
fn an_ack_from_before_our_first_byte_is_not_believed() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer("P.", 1, -999, 10), [". 1:1(0) ack 1"]);
    assert_eq!(talk.recv(1, 10), Err(CallError::WouldBlock));
    // One that is merely old is.
    talk.send(100);
    talk.peer(".", 1, 101, 0);
    talk.peer("P.", 1, 51, 10);
    assert_eq!(talk.recv(1, 10), Ok(10));
}

#[rstest]
#[case::established(StateName::Established)]
#[case::fin_wait_1(StateName::FinWait1)]
#[case::closing(StateName::Closing)]
fn an_ack_of_what_was_never_sent_changes_nothing(#[case] state: StateName) {
    let mut talk = Talk::reach(Bench::plain_config(), state);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    let ack = i64::from(talk.conn.iss.span_to(status.snd_nxt)) + 1;
    let seq = i64::from(status.irs.span_to(status.rcv_nxt));
    assert_eq!(talk.peer(".", seq, ack, 0).len(), 1);
    assert_eq!(talk.peer("P.", seq, ack, 10).len(), 1);
    assert_eq!(talk.state(), state);
}

#[test]
fn two_confused_peers_do_not_answer_acks_for_ever() {
    let mut talk = Talk::plain();
    let mut answers = 0;
    for _ in 0..1000 {
        // The peer believes it is five bytes on, and answers each of our ACKs with one of its own.
        answers += talk.peer(".", -4, 1, 0).len();
    }
    assert!(answers <= 10, "{answers} answers within one instant");
}

#[test]
fn an_older_segment_does_not_open_the_window() {
    let mut talk = Talk::plain();
    talk.peer("P.", 1, 1, 10);
    talk.peer_window(".", 11, 1, 0);
    // Reordered: sent before the window closed.
    let mut old = talk.segment(".", 1, 1, 11);
    old.wnd = tcpdrill_stack::window::UnscaledWindow::new(5000);
    talk.inject(&old);
    assert_eq!(
        talk.bench.host.status(talk.conn.id).expect("alive").snd_wnd,
        0
    );
}

#[test]
fn a_syn_from_ourselves_is_dropped() {
    let mut bench = Bench::new(Bench::plain_config());
    bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.src = syn.dst;
    assert!(bench.inject(&syn).is_empty());
    assert_eq!(
        bench
            .events()
            .filter(|e| matches!(e, Event::DatagramDropped { .. }))
            .count(),
        1
    );
}

#[test]
fn a_segment_for_another_host_is_not_ours() {
    let mut bench = Bench::new(Bench::plain_config());
    let mut syn = bench.peer_syn(false);
    syn.dst.set_ip("192.0.2.99".parse().expect("address"));
    assert!(bench.inject(&syn).is_empty());
    assert_eq!(
        bench
            .events()
            .filter(|e| matches!(e, Event::NotForThisHost { .. }))
            .count(),
        1
    );
}

#[test]
fn a_damaged_segment_changes_nothing() {
    let mut talk = Talk::plain();
    let mut datagram = talk.segment("R", 1, 1, 10).emit();
    *datagram.last_mut().expect("bytes") ^= 1;
    talk.bench.host.receive(talk.bench.now, &datagram);
    assert_eq!(talk.drain(), [""; 0]);
    assert_eq!(talk.state(), StateName::Established);
}

#[test]
fn tiny_segments_of_a_hostile_mss_stay_above_the_floor() {
    let mut talk = Talk::accepted_by(Bench::plain_config(), |syn| {
        syn.options.mss = Some(tcpdrill_stack::window::Mss::new(1));
    });
    talk.bench
        .host
        .send(talk.bench.now, talk.conn.id, &[0; 640], Default::default())
        .expect("room");
    assert_eq!(talk.bench.drain().len(), 10);
}
