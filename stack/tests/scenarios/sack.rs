//! Selective acknowledgments from both ends (RFC 2018, RFC 2883, RFC 6675, RFC 8985).

use rstest::rstest;
use tcpdrill_stack::Config;
use tcpdrill_stack::config::LossDetection;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::seq::SeqRange;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::wire::options::Timestamps;

use crate::support::Talk;

fn talk(loss_detection: LossDetection) -> Talk {
    let config = Config {
        sack: true,
        loss_detection,
        ..Bench::plain_config()
    };
    Talk::accepted_by(config, |syn| syn.options.sack_permitted = true)
}

/// The peer acknowledges everything before `ack` and has these bytes besides.
fn select(talk: &mut Talk, ack: i64, blocks: &[(u32, u32)]) -> Vec<String> {
    let mut segment: Segment = talk.segment(".", 1, ack, 0);
    for (start, end) in blocks {
        let iss = talk.conn.iss;
        let block = SeqRange::new(iss + *start, iss + *end);
        assert!(segment.options.sack.push(block));
    }
    talk.inject(&segment)
}

/// The options of what the host sent last.
fn last_options(talk: &Talk, segments: &[Segment]) -> String {
    let line = talk.full(segments.last().expect("something was sent"));
    line[line.find('<').unwrap_or(line.len())..].to_string()
}

#[test]
fn holes_are_filled_in_order_while_the_pipe_has_room() {
    let mut talk = talk(LossDetection::SelectiveAcks);
    assert_eq!(talk.send(1460 * 10).len(), 10);
    // The first and the third are missing; five and a half of ten may be out.
    assert_eq!(select(&mut talk, 1, &[(1461, 2921)]), [""; 0]);
    let lines = select(&mut talk, 1, &[(4381, 8761), (1461, 2921)]);
    assert_eq!(lines, [". 1:1461(1460) ack 1"]);
    let lines = select(&mut talk, 1, &[(4381, 13_141), (1461, 2921)]);
    // With nothing else to send the last segment goes out once more, in case it is lost.
    assert_eq!(
        lines,
        [". 2921:4381(1460) ack 1", "P. 13141:14601(1460) ack 1"]
    );
    assert_eq!(select(&mut talk, 14_601, &[]), [""; 0]);
    assert_eq!(talk.wait_s(10), []);
}

#[test]
fn after_a_timeout_what_the_peer_said_is_forgotten() {
    let mut talk = talk(LossDetection::SelectiveAcks);
    talk.send(1460 * 3);
    select(&mut talk, 1, &[(1461, 4381)]);
    assert_eq!(talk.wait_ms(1000)[0].1, ". 1:1461(1460) ack 1");
    let lines = talk.peer(".", 1, 1461, 0);
    assert_eq!(lines[0], ". 1461:2921(1460) ack 1");
}

/// RFC 2018 §8: a receiver may throw away what it has reported. If it does not even acknowledge the first
/// segment that it reported, it has.
#[test]
fn a_peer_that_takes_back_what_it_had_gets_it_again() {
    let mut talk = talk(LossDetection::RackTlp);
    talk.send(1460 * 3);
    select(&mut talk, 1, &[(1, 2921)]);
    let timed_out = talk.wait_s(2);
    assert!(
        timed_out
            .iter()
            .any(|(_, line)| line == ". 1:1461(1460) ack 1"),
        "{timed_out:?}"
    );
    let lines = talk.peer(".", 1, 1461, 0);
    assert_eq!(lines[0], ". 1461:2921(1460) ack 1");
}

/// RFC 6675 §5: three segments beyond tell of a loss, on whatever acknowledgment they are reported; what
/// was in flight then is what half remains of.
#[test]
fn an_advancing_acknowledgment_may_tell_of_a_loss() {
    let mut talk = talk(LossDetection::SelectiveAcks);
    talk.send(1460 * 9);
    let lines = select(&mut talk, 1461, &[(4381, 8761)]);
    assert_eq!(lines, [". 1461:2921(1460) ack 1"]);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.ssthresh, 1460 * 8 / 2);
}

/// RFC 6675 §5: what was sent during one recovery and lost begins another as soon as that one has ended,
/// though nothing new is reported; half of all that is out counts.
#[test]
fn a_loss_during_recovery_begins_another_one() {
    let mut talk = talk(LossDetection::SelectiveAcks);
    assert_eq!(talk.send(1460 * 30).len(), 10);
    select(&mut talk, 1, &[(1461, 8761)]);
    assert_eq!(select(&mut talk, 1, &[(1461, 14_601)]).len(), 4);
    select(&mut talk, 1, &[(16_061, 20_441), (1461, 14_601)]);
    let lines = select(&mut talk, 14_601, &[(16_061, 20_441)]);
    assert!(
        lines.iter().all(|line| !line.contains(" 14601:")),
        "{lines:?}"
    );
    let lines = select(&mut talk, 14_601, &[(16_061, 20_441)]);
    assert_eq!(lines[0], ". 14601:16061(1460) ack 1");
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    let out = (talk.conn.iss + 14_601).span_to(status.snd_nxt);
    assert_eq!(status.ssthresh, out / 2);
}

#[test]
fn blocks_of_what_was_never_sent_say_nothing() {
    let mut talk = talk(LossDetection::SelectiveAcks);
    talk.send(1460 * 2);
    for _ in 0..5 {
        let blocks = [(2921, 9000), (20_000, 30_000), (1500, 1400)];
        assert_eq!(select(&mut talk, 1, &blocks), [""; 0]);
    }
}

#[test]
fn a_single_hole_is_filled_after_the_reordering_window() {
    let mut talk = talk(LossDetection::RackTlp);
    talk.send(10);
    talk.wait_ms(100);
    talk.peer(".", 1, 11, 0);
    talk.send(1460 * 4);
    talk.wait_ms(100);
    assert_eq!(select(&mut talk, 11, &[(1471, 2931)]), [""; 0]);
    // A quarter of the round trip, but at most SRTT: an eighth, as the handshake took no time.
    assert_eq!(
        talk.wait_ms(100)[0],
        (212, ". 11:1471(1460) ack 1".to_string())
    );
}

#[test]
fn the_end_of_a_flight_is_probed_before_the_timeout() {
    let mut talk = talk(LossDetection::RackTlp);
    talk.send(10);
    talk.wait_ms(100);
    talk.peer(".", 1, 11, 0);
    talk.send(1460 * 2);
    // Two round trips; the handshake took none, and the first sample counts for an eighth.
    let (at, line) = talk.wait_ms(900).remove(0);
    assert!((110..310).contains(&at), "{at}");
    assert_eq!(line, "P. 1471:2931(1460) ack 1");
    assert_eq!(
        talk.count(|event| matches!(event, Event::LossProbeSent { .. })),
        1
    );
}

#[test]
fn text_that_arrives_twice_is_reported_once() {
    let mut talk = talk(LossDetection::SelectiveAcks);
    talk.peer("P.", 1, 1, 100);
    talk.peer("P.", 201, 1, 100);
    let again = talk.segment("P.", 1, 1, 100);
    let sent = talk.bench.inject(&again);
    assert_eq!(last_options(&talk, &sent), "<sack 1:101,sack 201:301>");
    let inside = talk.segment("P.", 211, 1, 20);
    let sent = talk.bench.inject(&inside);
    assert_eq!(last_options(&talk, &sent), "<sack 211:231,sack 201:301>");
    let third = talk.segment("P.", 301, 1, 10);
    let sent = talk.bench.inject(&third);
    assert_eq!(last_options(&talk, &sent), "<sack 201:311>");
}

#[test]
fn a_reduction_for_nothing_is_taken_back() {
    let config = Config {
        sack: true,
        undo: true,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| syn.options.sack_permitted = true);
    let cwnd = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    let before = cwnd(&talk);
    talk.send(1460 * 5);
    select(&mut talk, 1, &[(1461, 5841)]);
    assert!(cwnd(&talk) < before);
    // The first one was only late: the peer has it twice.
    select(&mut talk, 7301, &[(1, 1461)]);
    assert!(cwnd(&talk) >= before);
}

#[test]
fn a_timeout_that_was_too_early_is_taken_back() {
    let config = Config {
        sack: true,
        timestamps: true,
        undo: true,
        frto: true,
        loss_detection: LossDetection::RackTlp,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.sack_permitted = true;
        syn.options.timestamps = Some(Timestamps { value: 1, echo: 0 });
    });
    let cwnd = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    let before = cwnd(&talk);
    talk.send(1448 * 3);
    let first = talk
        .bench
        .sent()
        .next_back()
        .and_then(|sent| sent.options.timestamps);
    let echo = first.expect("timestamps are in use").value;
    talk.wait_ms(2500);
    assert!(cwnd(&talk) < before);
    // The second one was never sent again, and here it is; the echo is of the first copies.
    let mut ack = talk.segment(".", 1, 2897, 0);
    ack.options.timestamps = Some(Timestamps { value: 2, echo });
    assert_eq!(talk.inject(&ack), [""; 0]);
    assert!(cwnd(&talk) >= before);
}

/// RFC 5681 §4.3: the loss of a retransmission is a second sign of congestion. Half of what was left
/// after the first may be out then, not half of what is unacknowledged still.
#[rstest]
#[case::no_sack(None)]
#[case::sack(Some(LossDetection::SelectiveAcks))]
#[case::rack(Some(LossDetection::RackTlp))]
fn a_lost_retransmission_lowers_the_threshold_again(#[case] method: Option<LossDetection>) {
    let mut talk = method.map_or_else(Talk::plain, talk);
    assert_eq!(talk.send(1460 * 10).len(), 10);
    for end in 2..=4 {
        match method {
            Some(_) => select(&mut talk, 1, &[(1461, 1 + 1460 * end)]),
            None => talk.peer(".", 1, 1, 0),
        };
    }
    let ssthresh = |talk: &Talk| {
        talk.bench
            .host
            .status(talk.conn.id)
            .map(|status| status.ssthresh)
    };
    assert_eq!(ssthresh(&talk), Ok(1460 * 5));
    talk.wait_ms(1500);
    assert_eq!(ssthresh(&talk), Ok(1460 * 5 / 2));
}
