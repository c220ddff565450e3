//! Settings that no other file tells both ways.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{Config, ConnectionError, Profile, SocketOptions, StateName};

use crate::support::Talk;

#[rstest]
#[case::ethernet(1500, 1460)]
#[case::jumbo(9000, 8960)]
#[case::narrow(576, 536)]
fn the_mtu_rules_what_we_announce(#[case] mtu: u16, #[case] mss: u16) {
    let mut bench = Bench::new(Config {
        mtu,
        ..Bench::plain_config()
    });
    bench.listen();
    let options = bench.inject(&bench.peer_syn(false))[0].options;
    assert_eq!(options.mss.map(|mss| mss.raw()), Some(mss));
}

#[rstest]
#[case::high(64)]
#[case::low(5)]
fn the_ttl_is_on_every_packet(#[case] ttl: u8) {
    let mut bench = Bench::new(Config {
        ttl,
        ..Bench::plain_config()
    });
    assert_eq!(bench.inject(&bench.peer_syn(false))[0].ttl, ttl);
    bench.listen();
    assert_eq!(bench.inject(&bench.peer_syn(false))[0].ttl, ttl);
}

#[rstest]
#[case::three_minutes(180)]
#[case::longer(400)]
fn an_open_gives_up(#[case] seconds: u64) {
    let config = Config {
        syn_give_up: Duration::from_secs(seconds),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::SynSent);
    talk.wait_ms(seconds * 1000 - 1);
    assert_eq!(talk.state(), StateName::SynSent);
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
}

#[rstest]
#[case::one_second(1000, &[1000, 3000, 7000, 15_000, 31_000])]
#[case::faster(500, &[500, 1500, 3500, 7500, 15_500])]
fn the_first_repeat_of_a_syn_ack(#[case] millis: u64, #[case] times: &[u64]) {
    let config = Config {
        syn_ack_timeout: Duration::from_millis(millis),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::SynReceived);
    let repeats = talk.wait_s(100);
    assert_eq!(repeats.iter().map(|(at, _)| *at).collect::<Vec<_>>(), times);
}

#[rstest]
#[case::rfc(Config::default(), &[1000, 3000, 7000])]
#[case::linux(Profile::Linux.config(), &[200, 600, 1400, 3000, 6200])]
fn the_least_timeout(#[case] base: Config, #[case] times: &[u64]) {
    let config = Config {
        min_rto: base.min_rto,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(10);
    let repeats = talk.wait_s(10);
    assert_eq!(repeats.iter().map(|(at, _)| *at).collect::<Vec<_>>(), times);
}

#[rstest]
#[case::one_second(1, &[1, 3, 7])]
#[case::three_seconds(3, &[3, 9])]
fn the_timeout_before_any_measurement(#[case] seconds: u64, #[case] times: &[u64]) {
    let config = Config {
        initial_rto: Duration::from_secs(seconds),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::SynSent);
    let repeats = talk.wait_s(10);
    assert_eq!(
        repeats.iter().map(|(at, _)| at / 1000).collect::<Vec<_>>(),
        times
    );
}

#[rstest]
#[case::a_minute(60, &[1, 3, 7, 15, 31, 63, 123])]
#[case::two_minutes(120, &[1, 3, 7, 15, 31, 63, 127])]
fn the_greatest_timeout(#[case] seconds: u64, #[case] times: &[u64]) {
    let config = Config {
        max_rto: Duration::from_secs(seconds),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(10);
    let repeats = talk.wait_s(180);
    assert_eq!(
        repeats.iter().map(|(at, _)| at / 1000).collect::<Vec<_>>(),
        times
    );
}

#[rstest]
#[case::five_minutes(300)]
#[case::ten_minutes(600)]
fn r2_ends_a_connection_without_progress(#[case] seconds: u64) {
    let config = Config {
        r2: Duration::from_secs(seconds),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(10);
    talk.wait_ms(seconds * 1000 - 1);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

#[rstest]
#[case::ten(10)]
#[case::none(0)]
fn the_challenge_budget(#[case] limit: u32) {
    let config = Config {
        challenge_ack_limit: limit,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    let answers: usize = (0..20).map(|_| talk.peer("R", 2, 0, 0).len()).sum();
    assert_eq!(answers, limit as usize);
}

#[rstest]
#[case::half_a_second(500)]
#[case::a_tenth(100)]
fn the_override_of_silly_windows(#[case] millis: u64) {
    let config = Config {
        sws_override: Duration::from_millis(millis),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.peer_window(".", 1, 1, 10);
    talk.send(100);
    assert_eq!(talk.wait_ms(millis), [(millis, ". 1:11(10) ack 1".into())]);
}

#[rstest]
#[case::off(false)]
#[case::on(true)]
fn sack_is_offered_and_used_only_if_wanted(#[case] sack: bool) {
    let config = Config {
        sack,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| syn.options.sack_permitted = true);
    let segment = talk.segment(".", 101, 1, 10);
    let answer = &talk.bench.inject(&segment)[0];
    assert_eq!(!answer.options.sack.is_empty(), sack);
}

#[test]
fn a_change_reaches_only_sockets_opened_later() {
    let mut bench = Bench::new(Bench::plain_config());
    let before = bench.accepted();
    bench.host.config_mut().send_buffer = 10;
    let local = (None, Some(9000));
    let after = bench
        .host
        .open_active(bench.now, local, bench.peer, SocketOptions::default())
        .expect("free");
    bench.drain();
    let mut take = |id| {
        bench
            .host
            .send(bench.now, id, &[0; 100], Default::default())
    };
    assert_eq!(take(before.id), Ok(100));
    assert_eq!(take(after), Ok(10));
}

#[rstest]
#[case::zero_ttl(SocketOptions { ttl: Some(0), ..SocketOptions::default() })]
#[case::zero_mss(SocketOptions { mss: Some(0), ..SocketOptions::default() })]
#[case::no_probes(SocketOptions { keepalive_probes: Some(0), ..SocketOptions::default() })]
#[case::no_buffer(SocketOptions { recv_buffer: Some(0), ..SocketOptions::default() })]
fn options_out_of_range_are_refused(#[case] options: SocketOptions) {
    let mut talk = Talk::plain();
    let expected = Err(tcpdrill_stack::CallError::InvalidArgument);
    assert_eq!(talk.bench.host.set_options(talk.conn.id, options), expected);
}
