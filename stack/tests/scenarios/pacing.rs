//! Pacing (RFC 9002 §7.7).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{PacingRules, PauseCredit};
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::time::Instant;
use tcpdrill_stack::window::Mss;
use tcpdrill_stack::{Config, SendFlags, SocketOptions, StateName};

use crate::support::Talk;

const MSS: i64 = 1460;

fn config(pacing: PacingRules) -> Config {
    Config {
        pacing,
        ..Bench::plain_config()
    }
}

fn paced(burst: u32) -> PacingRules {
    PacingRules {
        always: true,
        burst,
        ..PacingRules::default()
    }
}

/// An established connection whose round trip was measured: 100 ms, by one small segment.
fn measured(config: Config) -> Talk {
    let mut bench = Bench::new(config);
    let conn = bench.connecting(SocketOptions::default());
    bench.now += Duration::from_millis(100);
    let mut syn_ack = bench.peer_segment("S.", 0, conn.iss + 1);
    syn_ack.options.mss = Some(Mss::new(MSS as u16));
    bench.inject(&syn_ack);
    Talk::on(bench, conn)
}

/// The SYN-ACK left twice, so that its answer measures nothing: without a round trip there is no rate, and the
/// initial window leaves at once.
#[test]
fn nothing_is_held_back_before_the_first_measurement() {
    let mut bench = Bench::new(config(paced(1)));
    let listener = bench.listen();
    let iss = bench.inject(&bench.peer_syn(false))[0].seq;
    assert_eq!(bench.wait(Duration::from_millis(1500)).len(), 1);
    bench.inject(&bench.peer_segment(".", 1, iss + 1));
    let id = bench.host.accept(bench.now, listener).expect("established");
    assert_eq!(bench.host.status(id).expect("alive").srtt, None);
    let data = [0; 2 * MSS as usize];
    let flags = SendFlags::default();
    assert_eq!(bench.host.send(bench.now, id, &data, flags), Ok(data.len()));
    // After a lost SYN the window is one segment (RFC 5681 §3.1).
    assert_eq!(bench.drain().len(), 1);
}

/// When the segments with text left, in µs after the first.
fn departures(talk: &mut Talk, count: usize) -> Vec<u64> {
    let start = talk.bench.now;
    let data = vec![0; count * MSS as usize];
    let sent = talk
        .bench
        .host
        .send(start, talk.conn.id, &data, Default::default());
    assert_eq!(sent, Ok(data.len()));
    let at_once: Vec<Instant> = talk.bench.drain().iter().map(|_| start).collect();
    let later = talk.bench.wait(Duration::from_millis(400));
    let later = later.into_iter().map(|(at, _)| at);
    at_once
        .into_iter()
        .chain(later)
        .map(|at| at.as_micros() - start.as_micros())
        .collect()
}

/// Ten segments in 100 ms are 146,000 bytes a second; twice that in slow start: one each 5 ms.
#[rstest]
#[case::one_each(1, [0, 5_000, 10_000, 15_000, 20_000, 25_000])]
#[case::four_at_once(4, [0, 0, 0, 0, 5_000, 10_000])]
#[case::an_initial_window(10, [0; 6])]
fn segments_leave_as_computed(#[case] burst: u32, #[case] expected: [u64; 6]) {
    let mut talk = measured(config(paced(burst)));
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.pacing_rate, Some(292_000));
    assert_eq!(departures(&mut talk, 6), expected);
}

/// Linux: only the connection's first segments leave together, and a pause earns half an interval.
#[test]
fn a_pause_earns_half_an_interval_where_so_ruled() {
    let rules = PacingRules {
        pause: PauseCredit::HalfInterval,
        ..paced(4)
    };
    let mut talk = measured(config(rules));
    let first = departures(&mut talk, 6);
    assert_eq!(first, [0, 0, 0, 0, 5_000, 10_000]);
    talk.peer(".", 1, 1 + 6 * MSS, 0);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    let step = 1460 * 1_000_000 / status.pacing_rate.expect("paced");
    let second = departures(&mut talk, 3);
    assert_eq!(second[0], 0);
    assert_eq!(second[1], step.div_ceil(2));
    assert!(second[2].abs_diff(second[1] + step) <= 1, "{second:?}");
}

#[test]
fn nothing_is_paced_unless_asked_for() {
    let mut talk = measured(config(PacingRules::default()));
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.pacing_rate, None);
    assert_eq!(departures(&mut talk, 6), [0; 6]);
}

/// 14,600 bytes a second are one full segment each 100 ms, whatever the window would allow.
#[test]
fn the_user_sets_a_bound() {
    let rules = PacingRules {
        burst: 1,
        ..PacingRules::default()
    };
    let mut talk = measured(config(rules));
    let slow = SocketOptions {
        max_pacing_rate: Some(14_600),
        ..SocketOptions::default()
    };
    assert_eq!(talk.bench.host.set_options(talk.conn.id, slow), Ok(()));
    assert_eq!(departures(&mut talk, 4), [0, 100_000, 200_000, 300_000]);
    // And lets go of it.
    talk.peer(".", 1, 1 + 4 * MSS, 0);
    let fast = SocketOptions::default();
    assert_eq!(talk.bench.host.set_options(talk.conn.id, fast), Ok(()));
    assert_eq!(departures(&mut talk, 4), [0; 4]);
}

#[test]
fn an_acknowledgment_changes_the_rate_of_what_follows() {
    let mut talk = measured(config(paced(1)));
    let data = vec![0; 6 * MSS as usize];
    let id = talk.conn.id;
    let now = talk.bench.now;
    assert_eq!(
        talk.bench.host.send(now, id, &data, Default::default()),
        Ok(data.len())
    );
    talk.drain();
    assert_eq!(talk.wait_ms(6).len(), 1);
    // Slow start adds a segment: 11 * 1460 * 2 in a round trip that became (7 * 100 + 6) / 8 ms.
    talk.peer(".", 1, 1 + MSS, 0);
    let status = talk.bench.host.status(id).expect("alive");
    let srtt = status.srtt.expect("measured");
    assert_eq!(srtt, Duration::from_micros(88_250));
    let rate = 2 * 11 * 1460 * 1_000_000 / 88_250;
    assert_eq!(status.pacing_rate, Some(rate));
    let left: Vec<u64> = talk
        .bench
        .wait(Duration::from_millis(40))
        .iter()
        .map(|(at, _)| at.as_micros() - now.as_micros())
        .collect();
    // The next one keeps the time it was given; those behind it come at the new rate.
    let step = 1460 * 1_000_000_000 / rate;
    let at = |n: u64| (10_000_000 + n * step).div_ceil(1000);
    assert_eq!(left, [at(0), at(1), at(2), at(3)]);
}

#[test]
fn acknowledgments_do_not_wait() {
    let mut talk = measured(config(paced(1)));
    let data = vec![0; 3 * MSS as usize];
    let now = talk.bench.now;
    let taken = talk
        .bench
        .host
        .send(now, talk.conn.id, &data, Default::default());
    assert_eq!(taken, Ok(data.len()));
    assert_eq!(talk.drain().len(), 1);
    assert_eq!(
        talk.peer("P.", 1, 1, 3000),
        [format!(". {}:{}(0) ack 3001", 1 + MSS, 1 + MSS)]
    );
    assert_eq!(talk.state(), StateName::Established);
}

#[test]
fn a_closed_window_leaves_no_timer_behind() {
    let mut talk = measured(config(paced(1)));
    let data = vec![0; 3 * MSS as usize];
    let now = talk.bench.now;
    let taken = talk
        .bench
        .host
        .send(now, talk.conn.id, &data, Default::default());
    assert_eq!(taken, Ok(data.len()));
    talk.drain();
    talk.peer_window(".", 1, 1 + MSS, 0);
    // Nothing leaves until the persist timer asks.
    assert_eq!(talk.wait_ms(100), []);
    assert_eq!(talk.peer_window(".", 1, 1 + MSS, 60_000).len(), 1);
}
