//! Windows: the peer's, and ours.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::{UnscaledWindow, WindowScale};
use tcpdrill_stack::{Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

#[test]
fn nothing_leaves_beyond_the_peers_window() {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 10);
    assert_eq!(talk.send(100), [""; 0]);
    // Ten of a hundred bytes is silly; the override sends them all the same.
    assert_eq!(talk.wait_ms(500), [(500, ". 1:11(10) ack 1".into())]);
    assert_eq!(talk.peer_window(".", 1, 11, 1000), ["P. 11:101(90) ack 1"]);
}

/// A segment that fills a gap is older than the one behind it, so its window is not taken (RFC 9293
/// §3.10.7.4, fifth check); but what it acknowledges must not carry the right edge along.
#[test]
fn an_acknowledgment_whose_window_is_not_taken_leaves_the_right_edge_where_it_was() {
    let mut talk = Talk::plain();
    let mut ahead = talk.segment("P.", 11, 1, 10);
    ahead.wnd = UnscaledWindow::new(2920);
    talk.inject(&ahead);
    assert_eq!(talk.send(2920).len(), 2);
    assert_eq!(talk.send(2920), [""; 0]);
    let mut gap = talk.segment("P.", 1, 2921, 10);
    gap.wnd = UnscaledWindow::new(1460);
    assert_eq!(talk.inject(&gap), [". 2921:2921(0) ack 21"]);
    // The next one tells how much is welcome.
    assert_eq!(
        talk.peer_window(".", 21, 2921, 1460),
        [". 2921:4381(1460) ack 21"]
    );
}

#[test]
fn a_window_that_was_never_larger_is_filled_at_once() {
    let mut bench = Bench::new(Bench::plain_config());
    bench.peer_window = 500;
    let conn = bench.accepted();
    let mut talk = Talk::on(bench, conn);
    assert_eq!(talk.send(1000), [". 1:501(500) ack 1"]);
}

#[test]
fn a_shrinking_window_stops_new_data_and_not_the_old() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1000).len(), 1);
    assert_eq!(talk.peer_window(".", 1, 1, 10), [""; 0]);
    assert_eq!(talk.wait_ms(1000), [(1000, ". 1:11(10) ack 1".into())]);
    assert_eq!(talk.peer_window(".", 1, 11, 10)[0], ". 11:21(10) ack 1");
}

#[test]
fn a_closed_window_is_probed_with_one_byte_and_back_off() {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    assert_eq!(talk.send(100), [""; 0]);
    let probes = talk.wait_s(16);
    let times: Vec<u64> = probes.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1000, 3000, 7000, 15_000]);
    assert!(
        probes.iter().all(|(_, line)| line == ". 1:2(1) ack 1"),
        "{probes:?}"
    );
    // A pure ACK does not claim to lie behind the byte that had no room.
    assert_eq!(talk.peer("P.", -9, 1, 10), [". 1:1(0) ack 1"]);
    assert_eq!(talk.peer_window(".", 1, 1, 1000), ["P. 1:101(100) ack 1"]);
}

#[test]
fn a_probe_byte_that_is_taken_counts() {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    talk.send(100);
    assert_eq!(talk.wait_ms(1000).len(), 1);
    assert_eq!(talk.peer_window(".", 1, 2, 0), [""; 0]);
    let probes = talk.wait_s(10);
    assert_eq!(probes[0].1, ". 2:3(1) ack 1");
    assert_eq!(talk.peer_window(".", 1, 3, 1000), ["P. 3:101(98) ack 1"]);
}

#[test]
fn a_probe_asks_for_the_oldest_byte_when_data_is_outstanding() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(100).len(), 1);
    talk.peer_window(".", 1, 51, 0);
    assert_eq!(talk.wait_ms(1000), [(1000, ". 51:52(1) ack 1".into())]);
    assert_eq!(talk.peer_window(".", 1, 51, 1000), ["P. 51:101(50) ack 1"]);
}

/// RFC 9293 §3.9.1.2: PSH is on the last byte of what the user pushed, and a probe may have that one.
#[rstest]
#[case::the_only_one(1, "P. 1:2(1) ack 1")]
#[case::the_first_of_two(2, ". 1:2(1) ack 1")]
fn a_probe_with_the_last_byte_pushes(#[case] waiting: usize, #[case] probe: &str) {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    talk.send(waiting);
    assert_eq!(talk.wait_ms(1000), [(1000, probe.into())]);
}

#[test]
fn a_fin_alone_probes_a_closed_window() {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    talk.close();
    assert_eq!(talk.wait_ms(1000), [(1000, "F. 1:1(0) ack 1".into())]);
    talk.peer(".", 1, 2, 0);
    assert_eq!(talk.state(), StateName::FinWait2);
}

/// RFC 6429 §3: the stack never ends a connection whose peer answers, but its user may.
#[test]
fn a_user_may_end_a_connection_that_is_stuck() {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    talk.send(100);
    for _ in 0..10 {
        talk.wait_s(60);
        talk.peer_window(".", 1, 1, 0);
    }
    assert_eq!(talk.state(), StateName::Established);
    let aborted = talk.bench.host.abort(talk.bench.now, talk.conn.id);
    assert_eq!(aborted, Ok(()));
    let sent = talk.drain();
    assert!(sent[0].starts_with("R. 1:1(0)"), "{sent:?}");
    assert_eq!(talk.wait_s(1000), []);
}

#[rstest]
#[case::answered(true, StateName::Established)]
#[case::silent(false, StateName::Closed)]
fn a_peer_that_answers_probes_is_kept_for_ever(#[case] answers: bool, #[case] state: StateName) {
    let mut talk = Talk::plain();
    talk.peer_window(".", 1, 1, 0);
    talk.send(100);
    for _ in 0..40 {
        talk.wait_s(60);
        if answers {
            talk.peer_window(".", 1, 1, 0);
        }
    }
    assert_eq!(talk.state(), state);
    let error = (!answers).then_some(ConnectionError::TimedOut);
    assert_eq!(talk.take_error(), error);
}

/// Patience is for what was asked and not answered: the wait before a probe may be longer than R2, before
/// the first one (`persist_min`) and between two.
#[rstest]
#[case::before_the_first(15, 60)]
#[case::between_two(0, 60)]
fn a_wait_between_probes_that_is_longer_than_r2_ends_nothing(
    #[case] persist_min: u64,
    #[case] persist_max: u64,
) {
    let mut talk = Talk::reach(
        Config {
            r2: Duration::from_secs(10),
            persist_min: Duration::from_secs(persist_min),
            persist_max: Duration::from_secs(persist_max),
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.peer_window(".", 1, 1, 0);
    talk.send(100);
    for _ in 0..300 {
        for (_, probe) in talk.wait_s(1) {
            assert_eq!(probe, ". 1:2(1) ack 1");
            talk.peer_window(".", 1, 1, 0);
        }
    }
    assert_eq!(talk.state(), StateName::Established);
    // Nobody answers any more: the next probe comes within a minute, and R2 later all is over.
    let probes = talk.wait_s(60);
    assert!(!probes.is_empty());
    talk.wait_s(10);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

/// The window opens and what was waiting leaves: who says nothing of that is given up as ever.
#[test]
fn patience_begins_again_when_the_window_opens() {
    let mut talk = Talk::reach(
        Config {
            r2: Duration::from_secs(10),
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    assert_eq!(talk.send(100).len(), 1);
    talk.peer_window(".", 1, 51, 0);
    assert_eq!(talk.peer_window(".", 1, 51, 1000), [""; 0]);
    assert_eq!(
        talk.wait_s(9).last().expect("sent again").1,
        "P. 51:101(50) ack 1"
    );
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_s(2);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

#[test]
fn a_full_buffer_closes_our_window_and_probes_are_answered() {
    let mut talk = Talk::reach(
        Config {
            recv_buffer: 3000,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.peer(".", 1, 1, 1500);
    talk.peer(".", 1501, 1, 1500);
    let segment = talk.segment("P.", 3001, 1, 1);
    let answer = talk.bench.inject(&segment);
    assert_eq!(talk.full(&answer[0]), ". 1:1(0) ack 3001 win 0");
    // ACKs still count, and so do resets.
    assert_eq!(talk.send(5), ["P. 1:6(5) ack 3001"]);
    talk.peer("P.", 3001, 6, 1);
    assert_eq!(talk.wait_s(5), []);
    talk.peer("R", 3001, 0, 0);
    assert_eq!(talk.take_error(), Some(ConnectionError::Reset));
}

/// RFC 9293 §3.10.7.4, first check: while RCV.WND is zero no text is acceptable, and of what lies at RCV.NXT
/// the ACK is taken all the same (MUST-66). What lies elsewhere tells nothing.
#[rstest]
#[case::before_it(1000, 1)]
#[case::in_its_place(1001, 6)]
#[case::behind_it(1002, 1)]
fn a_closed_window_lets_in_the_ack_of_a_segment_in_its_place(#[case] seq: i64, #[case] una: u32) {
    let mut talk = Talk::reach(
        Config {
            recv_buffer: 1000,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.peer(".", 1, 1, 1000);
    talk.send(5);
    assert_eq!(talk.peer("P.", seq, 6, 1), [". 6:6(0) ack 1001"]);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.snd_una, talk.conn.iss + una);
}

#[test]
fn a_fin_at_a_closed_window_is_answered_and_not_taken() {
    let mut talk = Talk::reach(
        Config {
            recv_buffer: 1000,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.peer(".", 1, 1, 1000);
    assert_eq!(talk.peer("F.", 1001, 1, 0), [". 1:1(0) ack 1001"]);
    assert_eq!(talk.recv(1, 1000), Ok(1000));
    assert_eq!(talk.drain(), [". 1:1(0) ack 1001"]);
    assert_eq!(talk.peer("F.", 1001, 1, 0), [". 1:1(0) ack 1002"]);
}

#[test]
fn our_window_stays_closed_until_it_is_worth_a_segment() {
    let mut talk = Talk::reach(
        Config {
            recv_buffer: 4000,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.peer(".", 1, 1, 2000);
    talk.peer(".", 2001, 1, 2000);
    let mut position = 1;
    let mut updates = Vec::new();
    for _ in 0..40 {
        position += talk.recv(position, 100).expect("there") as u32;
        let sent = talk.bench.drain();
        updates.extend(sent.iter().map(|segment| (position, talk.full(segment))));
    }
    // One segment's worth reopens the window, twice as much is worth the next news.
    assert_eq!(
        updates,
        [
            (1501, ". 1:1(0) ack 4001 win 1500".into()),
            (3001, ". 1:1(0) ack 4001 win 3000".into()),
        ]
    );
}

#[test]
fn reading_after_the_fin_sends_nothing() {
    let mut talk = Talk::reach(
        Config {
            recv_buffer: 1001,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.peer("F.", 1, 1, 1000);
    assert_eq!(talk.recv(1, 2000), Ok(1000));
    assert_eq!(talk.drain(), [""; 0]);
}

/// With scaling, bytes come in any size while the user reads now and then: the right edge never
/// moves left, and what was announced is always taken.
#[rstest]
#[case::unscaled(None, 5000)]
#[case::scaled(Some(7), 5000)]
#[case::coarse(Some(10), 70_000)]
fn the_right_edge_does_not_move_left(#[case] scale: Option<u8>, #[case] buffer: usize) {
    let config = Config {
        window_scale: scale,
        recv_buffer: buffer,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.window_scale = scale.map(WindowScale::new);
    });
    let id = talk.conn.id;
    let (mut next, mut read, mut edge) = (1i64, 1u32, 0i64);
    for step in 0..3000 {
        let len = 1 + (step * 37) % 300;
        let segment = talk.segment("P.", next, 1, len as usize);
        let mut sent = talk.bench.inject(&segment);
        let room = edge - next;
        if step % 3 == 0 && talk.bench.host.readiness(id).readable {
            read += talk.recv(read, 250).expect("there") as u32;
            sent.extend(talk.bench.drain());
        }
        sent.extend(
            talk.bench
                .wait(Duration::from_millis(200))
                .into_iter()
                .map(|(_, s)| s),
        );
        for answer in &sent {
            let ack = i64::from(talk.bench.irs.signed_distance_to(answer.ack.expect("ACK")));
            let new_edge = ack + (i64::from(answer.wnd.raw()) << scale.unwrap_or(0));
            let unit = (1i64 << scale.unwrap_or(0)) - 1;
            // Only what was announced beyond the buffer may be taken back.
            let overdrawn = edge > i64::from(read) + buffer as i64;
            assert!(
                new_edge >= edge || overdrawn,
                "step {step}: {edge} back to {new_edge}"
            );
            assert!(
                new_edge <= i64::from(read) + buffer as i64 + unit + 1,
                "step {step}: too much"
            );
            assert!(
                step == 0 || ack - next >= len.min(room),
                "step {step}: announced and refused"
            );
            edge = edge.max(new_edge);
            next = ack;
        }
    }
    assert!(next > 100_000, "only {next} bytes");
}

#[test]
fn the_window_clamp_limits_what_we_announce() {
    let options = SocketOptions {
        window_clamp: Some(2000),
        ..SocketOptions::default()
    };
    let mut bench = Bench::new(Bench::plain_config());
    bench.listen_with(1, options);
    assert_eq!(bench.inject(&bench.peer_syn(false))[0].wnd.raw(), 2000);
}
