//! Path MTU discovery by probes, and black holes (RFC 4821, RFC 8899).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{BurstRules, LossDetection, PathMtuConfig, Probing, Segmentation};
use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::seq::SeqRange;
use tcpdrill_stack::testing::bench::{Bench, Conn};
use tcpdrill_stack::wire::options::SackBlocks;
use tcpdrill_stack::{Config, StateName};

use crate::path_mtu::too_big;
use crate::support::Talk;

fn config(probing: Probing) -> Config {
    Config {
        path_mtu: PathMtuConfig {
            probing,
            max_probes: 1,
            ..PathMtuConfig::default()
        },
        nagle: false,
        ..Bench::plain_config()
    }
}

const ROUND_TRIP: Duration = Duration::from_millis(20);

/// A connection that has opened its window far enough for a probe, with everything acknowledged.
fn ready(config: Config, edit: impl FnOnce(&mut Segment)) -> Talk {
    let mut bench = Bench::new(config);
    let listener = bench.listen();
    let mut syn = bench.peer_syn(false);
    edit(&mut syn);
    let iss = bench.inject(&syn)[0].seq;
    bench.wait(ROUND_TRIP);
    bench.inject(&bench.peer_segment(".", 1, iss + 1));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let conn = Conn {
        id,
        iss,
        listener: Some(listener),
    };
    let mut talk = Talk::on(bench, conn);
    // 10 segments of 1024 bytes are its initial window.
    talk.send(1024);
    talk.bench.wait(ROUND_TRIP);
    talk.peer(".", 1, 1025, 0);
    talk
}

fn sizes(lines: &[String]) -> Vec<usize> {
    let len = |line: &String| {
        let (_, rest) = line.split_once('(').expect("a length");
        rest.split_once(')').expect("its end").0.parse().unwrap()
    };
    lines.iter().map(len).collect()
}

fn probes(talk: &Talk) -> Vec<u16> {
    let events = talk.bench.events();
    events
        .filter_map(|event| match event {
            Event::PathMtuProbeSent { mtu, .. } => Some(*mtu),
            _ => None,
        })
        .collect()
}

#[test]
fn sizes_rise_from_the_base_by_halves() {
    let mut talk = ready(config(Probing::Always), |_| {});
    // Between 1064 and 1500: 1282, less the headers.
    assert_eq!(sizes(&talk.send(5000)), [1242, 1024, 1024, 1024, 686]);
    talk.peer(".", 1, 6025, 0);
    assert_eq!(sizes(&talk.send(6000)), [1351, 1242, 1242, 1242, 923]);
    talk.peer(".", 1, 12_025, 0);
    assert_eq!(probes(&talk), [1282, 1391]);
    // Too little follows to notice a loss: no probe.
    assert_eq!(sizes(&talk.send(4000)), [1351, 1351, 1298]);
}

#[test]
fn nobody_probes_who_was_not_asked_to() {
    for probing in [Probing::Off, Probing::AfterBlackHole] {
        let mut talk = Talk::reach(config(probing), StateName::Established);
        assert_eq!(sizes(&talk.send(6000)), [1460, 1460, 1460, 1460, 160]);
        assert!(probes(&talk).is_empty());
    }
}

fn with_sack(method: LossDetection) -> Config {
    Config {
        sack: true,
        loss_detection: method,
        ..config(Probing::Always)
    }
}

fn plain_acks() -> Config {
    config(Probing::Always)
}

/// The peer got everything but the probe; answers what came of each segment behind it.
fn lose_the_probe(talk: &mut Talk, sack: bool) -> Vec<String> {
    let mut sent = Vec::new();
    for last in [3291, 4315, 5339] {
        let mut ack = talk.segment(".", 1, 1025, 0);
        if sack {
            let block = SeqRange::new(talk.conn.iss + 2267, talk.conn.iss + last);
            ack.options.sack = SackBlocks::from_iter([block]);
        }
        sent.extend(talk.inject(&ack));
    }
    sent
}

/// A probe was just lost, and all up to `sent` arrives: the search goes on below, but not before a round
/// trip for each packet of the congestion window is over (RFC 4821 §7.6.2).
fn goes_on_after_headway(talk: &mut Talk, sent: i64, mtu: u16) {
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    let packets = status.cwnd / u32::from(status.snd_mss);
    let headway = status.srtt.expect("measured") * packets;
    assert!(headway > 8 * ROUND_TRIP, "{headway:?}");
    talk.peer(".", 1, sent, 0);
    talk.bench.wait(headway - Duration::from_millis(1));
    assert!(sizes(&talk.send(5000)).iter().all(|size| *size <= 1024));
    talk.peer(".", 1, sent + 5000, 0);
    talk.bench.wait(Duration::from_millis(1));
    talk.send(5000);
    assert_eq!(probes(talk), [1282, mtu]);
}

#[rstest]
#[case::duplicates(plain_acks(), false)]
#[case::sack(with_sack(LossDetection::SelectiveAcks), true)]
#[case::rack(with_sack(LossDetection::RackTlp), true)]
fn a_lost_probe_is_repeated_in_pieces_and_costs_nothing(
    #[case] config: Config,
    #[case] sack: bool,
) {
    let mut talk = ready(config, |syn| syn.options.sack_permitted = sack);
    assert_eq!(sizes(&talk.send(4314)), [1242, 1024, 1024, 1024]);
    let before = talk.bench.host.status(talk.conn.id).expect("alive");
    talk.bench.wait(ROUND_TRIP);
    let sent = lose_the_probe(&mut talk, sack);
    assert_eq!(
        sent,
        [". 1025:2049(1024) ack 1", ". 2049:2267(218) ack 1"],
        "the probe in two pieces"
    );
    let after = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!((after.cwnd, after.ssthresh), (before.cwnd, before.ssthresh));
    assert!(!after.in_recovery);
    goes_on_after_headway(&mut talk, 5339, 1172);
}

#[test]
fn one_loss_more_is_congestion() {
    let mut talk = ready(with_sack(LossDetection::SelectiveAcks), |syn| {
        syn.options.sack_permitted = true;
    });
    talk.send(6362);
    let before = talk.cwnd();
    // The probe and the segment behind it are missing.
    for last in [4315, 5339, 6363] {
        let mut ack = talk.segment(".", 1, 1025, 0);
        let block = SeqRange::new(talk.conn.iss + 3291, talk.conn.iss + last);
        ack.options.sack = SackBlocks::from_iter([block]);
        talk.inject(&ack);
    }
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert!(status.in_recovery && status.cwnd < before, "{status:?}");
}

#[test]
fn what_was_sent_again_proves_no_size() {
    let mut talk = ready(with_sack(LossDetection::SelectiveAcks), |syn| {
        syn.options.sack_permitted = true;
    });
    talk.send(1024);
    assert_eq!(sizes(&talk.send(4314)), [1242, 1024, 1024, 1024]);
    // The segment before the probe is missing, and the probe.
    for last in [4315, 5339, 6363] {
        let mut ack = talk.segment(".", 1, 1025, 0);
        let block = SeqRange::new(talk.conn.iss + 3291, talk.conn.iss + last);
        ack.options.sack = SackBlocks::from_iter([block]);
        talk.inject(&ack);
    }
    talk.peer(".", 1, 2049, 0);
    talk.peer(".", 1, 6363, 0);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!((status.snd_mss, status.send_queued), (1024, 0));
}

#[test]
fn a_router_that_refuses_a_probe_bounds_the_search() {
    let mut talk = ready(config(Probing::Always), |_| {});
    talk.send(4314);
    let probe = talk.bench.sent().rev().nth(3).expect("probe").clone();
    assert_eq!(probe.payload.len(), 1242);
    let cwnd = talk.cwnd();
    let datagram = too_big(&probe, 1200);
    talk.bench.host.receive(talk.bench.now, &datagram);
    assert_eq!(
        talk.drain(),
        [". 1025:2049(1024) ack 1", ". 2049:2267(218) ack 1"]
    );
    assert_eq!(talk.cwnd(), cwnd);
    goes_on_after_headway(&mut talk, 5339, 1132);
}

#[test]
fn a_probe_that_timed_out_proves_nothing() {
    let mut talk = ready(config(Probing::Always), |_| {});
    talk.send(4314);
    talk.wait_s(1);
    talk.peer(".", 1, 5339, 0);
    talk.send(1024);
    talk.peer(".", 1, 6363, 0);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.snd_mss, 1024);
}

/// Nothing arrives; what is sent again, and how large it is.
fn silence(talk: &mut Talk) -> Vec<usize> {
    let sent = talk.wait_s(200);
    let lines: Vec<String> = sent.into_iter().map(|(_, line)| line).collect();
    sizes(&lines)
}

#[test]
fn a_black_hole_is_left_by_smaller_and_smaller_segments() {
    let mut talk = Talk::reach(config(Probing::AfterBlackHole), StateName::Established);
    talk.send(1460);
    // After the third timeout, as R1 has it: the base, then halves, down to the least MSS.
    let expected = [1460, 1460, 1024, 512, 256, 128, 64, 64];
    assert_eq!(silence(&mut talk)[..8], expected);
}

#[test]
fn without_probing_segments_stay_as_they_are() {
    let mut talk = Talk::reach(config(Probing::Off), StateName::Established);
    talk.send(1460);
    assert!(silence(&mut talk).iter().all(|len| *len == 1460));
}

#[test]
fn ipv6_leaves_a_black_hole_with_packets_of_1280_bytes() {
    let mut bench = Bench::new_v6(config(Probing::AfterBlackHole));
    let conn = bench.accepted();
    let mut talk = Talk::on(bench, conn);
    talk.send(1440);
    let expected = [1440, 1440, 1220, 1220, 1220];
    assert_eq!(silence(&mut talk)[..5], expected);
}

#[test]
fn out_of_a_black_hole_sizes_rise_again() {
    let mut talk = Talk::reach(config(Probing::AfterBlackHole), StateName::Established);
    talk.send(1460);
    let sent = talk.wait_s(8);
    assert_eq!(sent.last().expect("repeat").1, ". 1:1025(1024) ack 1");
    talk.peer(".", 1, 1025, 0);
    talk.peer(".", 1, 1461, 0);
    // Slow start until there is room for a probe and three behind it.
    let mut acked = 1461;
    for _ in 0..4 {
        talk.send(4096);
        acked += 4096;
        for step in [3072, 2048, 1024, 0] {
            talk.peer(".", 1, acked - step, 0);
        }
    }
    talk.send(6000);
    assert_eq!(probes(&talk)[0], 1282);
}

fn segmented(segmentation: Segmentation) -> Config {
    Config {
        segmentation,
        ..config(Probing::Always)
    }
}

/// Where text leaves in bursts a probe still leaves by itself.
#[test]
fn a_probe_is_no_part_of_a_burst() {
    let bursts = Segmentation::Bursts(BurstRules::default());
    let mut talk = ready(segmented(bursts), |_| {});
    assert_eq!(sizes(&talk.send(5000)), [1242, 1024, 1024, 1024, 686]);
    assert_eq!(probes(&talk), [1282]);
}

/// RFC 4821 §7.4: new text is held back until the congestion window has room for the probe.
#[rstest]
#[case::single(Segmentation::Single)]
#[case::bursts(Segmentation::Bursts(BurstRules::default()))]
fn a_probe_waits_for_room_in_the_congestion_window(#[case] segmentation: Segmentation) {
    let mut talk = ready(segmented(segmentation), |_| {});
    for _ in 0..10 {
        assert_eq!(sizes(&talk.send(1024)), [1024]);
    }
    // 11 segments of 1024 bytes are the window.
    assert_eq!(talk.send(6000), [""; 0]);
    let lines = talk.peer(".", 1, 1025 + 1024, 0);
    assert_eq!(sizes(&lines)[0], 1242);
    assert_eq!(probes(&talk), [1282]);
}
