//! Sending in bursts, as Linux does: what leaves together, what has PSH, what waits.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{BurstRules, PacingRules, Segmentation};
use tcpdrill_stack::congestion::{Algorithm, Rules, SlowStartAfterIdle};
use tcpdrill_stack::event::Event;
use tcpdrill_stack::seq::SeqRange;
use tcpdrill_stack::testing::bench::{Bench, Conn};
use tcpdrill_stack::window::Mss;
use tcpdrill_stack::wire::options::SackBlocks;
use tcpdrill_stack::{Config, Profile, SendFlags, SocketOptions};

use crate::support::Talk;

/// Linux without scaling and timestamps, so that a segment has 1000 bytes.
fn config() -> Config {
    let linux = Profile::Linux.config();
    Config {
        window_scale: None,
        timestamps: false,
        congestion: Rules {
            algorithm: Algorithm::Reno,
            ..linux.congestion
        },
        ..linux
    }
}

/// A connection with a peer that has SACK.
fn talk() -> Talk {
    talk_with(config())
}

fn talk_with(config: Config) -> Talk {
    Talk::accepted_by(config, |syn| {
        syn.options.mss = Some(Mss::new(1000));
        syn.options.sack_permitted = true;
    })
}

/// A connection whose handshake took so many milliseconds with a peer that offers this window.
fn after_handshake(config: Config, millis: u64, window: u16) -> Talk {
    let mut bench = Bench::new(config);
    bench.peer_window = window;
    let listener = bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.options.mss = Some(Mss::new(1000));
    syn.options.sack_permitted = true;
    let iss = bench.inject(&syn)[0].seq;
    bench.wait(Duration::from_millis(millis));
    let third = bench.peer_segment(".", 1, iss + 1);
    bench.inject(&third);
    let accepted = bench.host.accept(bench.now, listener);
    let Ok(id) = accepted else {
        panic!("{accepted:?}")
    };
    let conn = Conn {
        id,
        iss,
        listener: Some(listener),
    };
    Talk::on(bench, conn)
}

fn with_least(least_segments: u32) -> Config {
    Config {
        segmentation: Segmentation::Bursts(BurstRules {
            least_segments,
            ..BurstRules::default()
        }),
        ..config()
    }
}

/// Where the segments with PSH end.
fn pushed(lines: &[String]) -> Vec<u32> {
    let pushed = lines.iter().filter(|line| line.contains('P'));
    pushed.map(|line| end(line)).collect()
}

fn end(line: &str) -> u32 {
    let end = line.split([':', '(']).nth(1).unwrap_or_default();
    end.parse().unwrap_or_default()
}

/// The peer's ACK with one block.
fn sacked(talk: &mut Talk, ack: i64, start: u32, end: u32) -> Vec<String> {
    let mut segment = talk.segment(".", 1, ack, 0);
    let iss = talk.conn.iss;
    segment.options.sack = SackBlocks::from_iter([SeqRange::new(iss + start, iss + end)]);
    talk.inject(&segment)
}

/// The window is 10 segments, so two bursts of five; then 20 and two of ten.
#[test]
fn half_a_window_leaves_together() {
    let mut talk = talk();
    let sent = talk.send(30_000);
    assert_eq!(sent.len(), 10);
    assert_eq!(pushed(&sent), [5001, 10_001]);
    let sent = talk.peer(".", 1, 10_001, 0);
    assert_eq!(sent.len(), 20);
    assert_eq!(pushed(&sent), [20_001, 30_001]);
}

/// 10 segments in a round trip of 100 ms, doubled, are 200 bytes a millisecond: less than a segment.
/// So many as the setting says may leave together all the same.
#[rstest]
#[case(1, &[4001])]
#[case(2, &[2001, 4001])]
#[case(3, &[3001, 4001])]
fn a_slow_path_gets_small_bursts(#[case] least: u32, #[case] ends: &[u32]) {
    let mut talk = after_handshake(with_least(least), 100, 65_535);
    assert_eq!(pushed(&talk.send(4000)), ends);
}

/// The least round trip halves the largest burst for every 512 µs: 65,216 bytes, after 4 ms (7 of
/// them) 509, which the rate of 10 segments doubled in 4 ms (4,882 bytes a millisecond) exceeds.
#[test]
fn a_short_path_gets_large_bursts() {
    let mut talk = after_handshake(config(), 4, 65_535);
    let sent = talk.send(10_000);
    assert_eq!(pushed(&sent), [5001, 10_001]);
    let mut talk = after_handshake(config(), 8, 65_535);
    // 2,441 + 0 bytes: two segments.
    assert_eq!(pushed(&talk.send(4000)), [2001, 4001]);
}

/// Minshall's amendment: only a short segment that is out holds a short one back.
#[test]
fn a_full_segment_does_not_hold_back_a_short_one() {
    let mut talk = talk();
    talk.send(1000);
    assert_eq!(talk.send(100), ["P. 1001:1101(100) ack 1"]);
    assert_eq!(talk.send(100), [""; 0]);
    assert_eq!(talk.peer(".", 1, 1001, 0), [""; 0]);
    assert_eq!(talk.peer(".", 1, 1101, 0), ["P. 1101:1201(100) ack 1"]);
}

/// What more should follow waits for 200 ms, the timeout on a path without delay, and then has PSH.
#[test]
fn what_is_corked_leaves_after_a_timeout() {
    let mut talk = talk();
    let more = SendFlags {
        more: true,
        ..SendFlags::default()
    };
    assert_eq!(talk.send_with(100, more), [""; 0]);
    let expected = [(200, String::from("P. 1:101(100) ack 1"))];
    assert_eq!(talk.wait_ms(200), expected);
    // A partial segment goes with the next acknowledgment, without PSH, for nobody pushed it.
    talk.peer(".", 1, 101, 0);
    assert_eq!(talk.send_with(1100, more), [". 101:1101(1000) ack 1"]);
    assert_eq!(talk.peer(".", 1, 1101, 0), [". 1101:1201(100) ack 1"]);
}

#[test]
fn turning_nagle_off_pulls_the_cork_once() {
    let mut talk = talk();
    let corked = SocketOptions {
        cork: true,
        ..SocketOptions::default()
    };
    let set = |talk: &mut Talk, options: &SocketOptions| {
        let result = talk.bench.host.set_options(talk.conn.id, options.clone());
        assert_eq!(result, Ok(()));
        talk.drain()
    };
    set(&mut talk, &corked);
    assert_eq!(talk.send(80), [""; 0]);
    let both = SocketOptions {
        nodelay: true,
        ..corked
    };
    assert_eq!(set(&mut talk, &both), ["P. 1:81(80) ack 1"]);
    assert_eq!(talk.send(80), [""; 0]);
}

/// Each of the two records has a segment of its own, nor are they joined when they go again.
#[test]
fn records_are_not_joined() {
    let mut talk = talk();
    let options = SocketOptions {
        nodelay: true,
        ..SocketOptions::default()
    };
    let set = talk.bench.host.set_options(talk.conn.id, options);
    assert_eq!(set, Ok(()));
    let ends = SendFlags {
        end_of_record: true,
        ..SendFlags::default()
    };
    talk.send(9900);
    assert_eq!(talk.send_with(400, ends), [""; 0]);
    assert_eq!(talk.send_with(400, ends), [""; 0]);
    assert_eq!(
        talk.peer(".", 1, 9901, 0),
        ["P. 9901:10301(400) ack 1", "P. 10301:10701(400) ack 1"]
    );
    // The probe of the end, and the timeout of the rest.
    let again: Vec<String> = talk
        .wait_ms(210)
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    assert_eq!(
        again,
        ["P. 10301:10701(400) ack 1", "P. 9901:10301(400) ack 1"]
    );
}

/// The probe has the number before SND.UNA and no text, and its times double: 200, 400, 800 ms.
#[test]
fn a_closed_window_is_probed_by_an_old_number() {
    let mut talk = talk();
    talk.send(1000);
    talk.peer_window(".", 1, 1001, 0);
    talk.send(100);
    let probe = String::from(". 1000:1000(0) ack 1");
    let expected = [200, 600, 1400].map(|at| (at, probe.clone()));
    assert_eq!(talk.wait_ms(1400), expected);
    assert_eq!(
        talk.peer_window(".", 1, 1001, 20_000),
        ["P. 1001:1101(100) ack 1"]
    );
}

/// Six segments of ten: the window may become twelve, not more.
#[test]
fn a_window_that_is_not_used_grows_to_twice_what_was_out() {
    let mut talk = talk();
    let cwnd = |talk: &Talk| {
        let status = talk.bench.host.status(talk.conn.id);
        status.map(|status| status.cwnd / 1000)
    };
    talk.send(6000);
    let grown = [2001, 4001, 6001].map(|ack| {
        talk.peer(".", 1, ack, 0);
        cwnd(&talk)
    });
    assert_eq!(grown, [Ok(12), Ok(12), Ok(12)]);
}

/// A pause longer than the timeout is no time in which CUBIC's window grows: eight segments stay
/// eight while a window of them is acknowledged.
#[test]
fn a_long_pause_does_not_make_the_window_grow() {
    let mut config = config();
    config.congestion.algorithm = Algorithm::Cubic;
    config.congestion.slow_start_after_idle = SlowStartAfterIdle::Never;
    let mut talk = talk_with(config);
    let cwnd = |talk: &Talk| {
        let status = talk.bench.host.status(talk.conn.id);
        status.map(|status| status.cwnd / 1000)
    };
    talk.send(10_000);
    sacked(&mut talk, 1, 1001, 10_001);
    talk.peer(".", 1, 10_001, 0);
    talk.send(7000);
    for ack in 11..=17 {
        talk.peer(".", 1, ack * 1000 + 1, 0);
    }
    let before = cwnd(&talk);
    talk.wait_ms(5000);
    talk.send(20_000);
    for ack in 18..=23 {
        talk.peer(".", 1, ack * 1000 + 1, 0);
    }
    assert_eq!(cwnd(&talk), before);
}

/// A block that covers no whole segment says nothing: the probe of the end comes as if it had not
/// been, 2 ms after two round trips of no time.
#[test]
fn a_part_of_a_segment_counts_for_nothing() {
    let mut talk = talk();
    talk.send(4000);
    assert_eq!(sacked(&mut talk, 1, 3000, 4000), [""; 0]);
    assert_eq!(
        talk.wait_ms(2),
        [(2, String::from("P. 3001:4001(1000) ack 1"))]
    );
}

/// Segments that left together go again together. CUBIC leaves 7 of 10 segments; 3 arrived, 2 are
/// lost, 5 are out, so that PRR lets both of the lost ones go.
#[test]
fn what_left_together_is_repeated_together() {
    let linux = config();
    let mut talk = talk_with(Config {
        congestion: Rules {
            algorithm: Algorithm::Cubic,
            ..linux.congestion
        },
        ..linux
    });
    talk.send(10_000);
    talk.wait_ms(1);
    assert_eq!(
        sacked(&mut talk, 1, 2001, 5001),
        [". 1:1001(1000) ack 1", "P. 1001:2001(1000) ack 1"]
    );
}

/// A peer that takes 500 bytes at a time gets no more, and all of what it takes.
#[test]
fn segments_are_no_larger_than_what_the_peer_takes() {
    let mut talk = after_handshake(config(), 10, 500);
    assert_eq!(talk.send(1200), ["P. 1:501(500) ack 1"]);
    assert_eq!(talk.peer(".", 1, 501, 0), [". 501:1001(500) ack 1"]);
    assert_eq!(talk.peer(".", 1, 1001, 0), ["P. 1001:1201(200) ack 1"]);
}

/// Two seconds of silence are ten timeouts of 200 ms: twenty segments are halved once, down to the
/// ten of the start.
#[test]
fn a_pause_takes_the_window_back_to_its_start() {
    let mut talk = talk();
    talk.send(10_000);
    talk.peer(".", 1, 10_001, 0);
    talk.bench.wait(Duration::from_secs(2));
    assert_eq!(talk.send(20_000).len(), 10);
}

/// `net.ipv4.tcp_tso_win_divisor`: four segments of a window of 22 are less than a third; where no part is
/// asked for, more than three segments are enough.
#[rstest]
#[case::a_third(3, 0)]
#[case::any_part(0, 4)]
fn a_burst_waits_for_its_part_of_the_window(#[case] window_divisor: u32, #[case] leave: usize) {
    let rules = BurstRules {
        window_divisor,
        ..BurstRules::default()
    };
    let mut talk = talk_with(Config {
        segmentation: Segmentation::Bursts(rules),
        send_buffer: 1 << 20,
        ..config()
    });
    talk.send(60_000);
    assert_eq!(talk.peer(".", 1, 10_001, 0).len(), 20);
    assert_eq!(talk.peer(".", 1, 12_001, 0).len(), leave);
}

/// RFC 9293 §3.8.6 (RFC9293-SHLD-16): what a shrunken window covers is sent again, in whole segments where
/// one fits; what it excludes waits until it opens.
#[test]
fn a_shrunken_window_bounds_what_is_sent_again() {
    let mut talk = talk();
    assert_eq!(talk.send(10_000).len(), 10);
    assert_eq!(talk.peer_window(".", 1, 1, 2500), [""; 0]);
    assert_eq!(
        sacked(&mut talk, 1, 7001, 10_001),
        [
            ". 1:1001(1000) ack 1",
            "P. 1001:2001(1000) ack 1",
            ". 2001:2501(500) ack 1"
        ]
    );
    assert_eq!(talk.wait_ms(100), []);
    talk.bench.peer_window = 10_000;
    let lines = sacked(&mut talk, 2001, 7001, 10_001);
    assert_eq!(
        lines,
        [". 2001:3001(1000) ack 1", "P. 3001:4001(1000) ack 1"]
    );
}

/// The text fills the peer's window to its end. The FIN takes a number as well, so it waits.
#[test]
fn a_fin_by_itself_waits_for_the_peers_window() {
    let mut talk = after_handshake(config(), 1, 2000);
    assert_eq!(end(&talk.send(2000)[1]), 2001);
    assert_eq!(talk.shutdown(), [""; 0]);
    let sent = talk.peer_window(".", 1, 2001, 1);
    assert_eq!(sent, ["F. 2001:2001(0) ack 1"]);
}

/// Three segments are missing. The first leaves at once, the others as the rate lets them: five segments in
/// 100 ms, and 120 % of that.
#[test]
fn what_is_sent_again_in_bursts_is_paced() {
    let linux = config();
    let config = Config {
        pacing: PacingRules {
            always: true,
            ..linux.pacing
        },
        ..linux
    };
    let mut talk = after_handshake(config, 100, 65_535);
    assert_eq!(talk.send(10_000).len(), 10);
    talk.wait_ms(100);
    let mut segment = talk.segment(".", 1, 1, 0);
    let arrived = [(1001, 2001), (3001, 4001), (5001, 10_001)];
    let iss = talk.conn.iss;
    segment.options.sack =
        SackBlocks::from_iter(arrived.map(|(start, end)| SeqRange::new(iss + start, iss + end)));
    assert_eq!(talk.inject(&segment), [". 1:1001(1000) ack 1"]);
    let start = talk.bench.now;
    let sent = talk.bench.wait(Duration::from_millis(50));
    let sent: Vec<(u64, String)> = sent
        .iter()
        .map(|(at, segment)| (at.as_micros() - start.as_micros(), talk.line(segment)))
        .collect();
    let lines: Vec<&str> = sent.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        lines,
        [". 2001:3001(1000) ack 1", ". 4001:5001(1000) ack 1"]
    );
    assert!(
        sent[0].0 > 5_000 && sent[1].0 > sent[0].0 + 5_000,
        "{sent:?}"
    );
}

/// The link takes nothing while the user writes, once and then enough for the second burst: nothing is lost,
/// for nothing counts as sent.
#[test]
fn what_is_written_to_a_blocked_link_in_bursts_waits() {
    let mut talk = talk();
    talk.bench.host.set_link_blocked(true);
    let data = vec![7; 200_000];
    let flags = SendFlags::default();
    let taken = talk
        .bench
        .host
        .send(talk.bench.now, talk.conn.id, &data, flags);
    let taken = taken.expect("established");
    assert!(taken > 5000, "more than a burst: {taken}");
    assert_eq!(talk.drain(), [""; 0]);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!((status.in_flight, status.send_unsent), (0, taken));
    talk.bench.host.set_link_blocked(false);
    let sent = talk.wait_s(2);
    assert_eq!(sent[0].1, ". 1:1001(1000) ack 1");
    assert_eq!(pushed(&lines(&sent))[0], 5001);
}

/// The probe of the flight's end is due while the link takes nothing: it is none that was sent. The timeout
/// repeats what is missing as soon as the link is free.
#[test]
fn a_loss_probe_that_could_not_leave_was_not_sent() {
    let mut talk = after_handshake(config(), 100, 65_535);
    assert_eq!(talk.send(2000).len(), 2);
    talk.bench.host.set_link_blocked(true);
    assert_eq!(talk.wait_ms(1000), []);
    let probes = talk.count(|event| matches!(event, Event::LossProbeSent { .. }));
    assert_eq!(probes, 0);
    talk.bench.host.set_link_blocked(false);
    let sent = talk.wait_ms(1000);
    assert_eq!(sent[0].1, ". 1:1001(1000) ack 1");
}

/// Selective acknowledgments show a loss while the link takes nothing; what is lost leaves when the link is
/// free.
#[test]
fn a_loss_found_on_a_blocked_link_is_repaired_later() {
    let mut talk = talk();
    assert_eq!(talk.send(10_000).len(), 10);
    talk.bench.host.set_link_blocked(true);
    assert_eq!(sacked(&mut talk, 1, 1001, 5001), [""; 0]);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert!(status.in_recovery && status.lost == 1 && status.retransmitted == 0);
    talk.bench.host.set_link_blocked(false);
    assert_eq!(sacked(&mut talk, 1, 1001, 6001)[0], ". 1:1001(1000) ack 1");
}

fn lines(sent: &[(u64, String)]) -> Vec<String> {
    sent.iter().map(|(_, line)| line.clone()).collect()
}

/// The text before it went again in a burst that had no room for it.
#[test]
fn a_lost_fin_is_repeated_by_itself() {
    let mut talk = talk();
    talk.send(3000);
    assert_eq!(talk.shutdown(), ["F. 3001:3001(0) ack 1"]);
    let probe_and_timeout = talk.wait_ms(250);
    assert_eq!(
        probe_and_timeout,
        [
            (2, "F. 3001:3001(0) ack 1".into()),
            (202, ". 1:1001(1000) ack 1".into())
        ]
    );
    assert_eq!(
        talk.peer(".", 1, 1001, 0),
        [". 1001:2001(1000) ack 1", "P. 2001:3001(1000) ack 1"]
    );
    assert_eq!(talk.peer(".", 1, 3001, 0), ["F. 3001:3001(0) ack 1"]);
}
