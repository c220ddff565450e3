//! Choices that Linux or FreeBSD makes its own way, each told both ways.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{KeepAliveConfig, ResetError, SynData, SynWithFin, TimeWaitIss};
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

#[rstest]
#[case::taken(SynData::Queue, 6, Some(5))]
#[case::left(SynData::Drop, 1, None)]
fn data_on_a_syn_ack(
    #[case] setting: SynData,
    #[case] acked: i64,
    #[case] readable: Option<usize>,
) {
    let config = Config {
        syn_ack_data: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::SynSent);
    assert_eq!(talk.peer("S.", 0, 1, 5), [format!(". 1:1(0) ack {acked}")]);
    assert_eq!(talk.state(), StateName::Established);
    assert_eq!(talk.recv(1, 100).ok(), readable);
    // What was left comes again and is taken then.
    talk.peer("P.", 1, 1, 5);
    talk.peer("P.", 6, 1, 5);
    let rest = 10 - readable.unwrap_or(0);
    let position = 1 + readable.unwrap_or(0) as u32;
    assert_eq!(talk.recv(position, 100), Ok(rest));
}

#[rstest]
#[case::answered(SynWithFin::TakeSyn, true)]
#[case::dropped(SynWithFin::Drop, false)]
fn a_syn_with_a_fin(#[case] setting: SynWithFin, #[case] answered: bool) {
    let mut bench = Bench::new(Config {
        syn_with_fin: setting,
        ..Bench::plain_config()
    });
    bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.flags.fin = true;
    assert_eq!(bench.inject(&syn).len(), usize::from(answered));
    // An honest one is welcome either way.
    syn.flags.fin = false;
    assert_eq!(bench.inject(&syn).len(), 1);
}

#[rstest]
#[case::wait(None, 1000)]
#[case::hasten(Some(2), 2)]
fn an_ack_that_is_not_for_our_syn(#[case] setting: Option<u64>, #[case] repeat: u64) {
    let config = Config {
        syn_repeat_after_bad_ack: setting.map(Duration::from_millis),
        ..Bench::plain_config()
    };
    for flags in [".", "R."] {
        let mut talk = Talk::reach(config.clone(), StateName::SynSent);
        let reset: &[&str] = if flags == "." { &["R 5:5(0)"] } else { &[] };
        assert_eq!(talk.peer(flags, 0, 5, 0), reset);
        let repeats = talk.wait_ms(repeat);
        assert_eq!(repeats, [(repeat, "S 0:0(0)".into())], "{flags}");
        // Only the first one brings the SYN forward.
        assert_eq!(talk.peer(flags, 0, 5, 0), reset);
        assert_eq!(talk.wait_ms(900), []);
        talk.peer("S.", 0, 1, 0);
        assert_eq!(talk.state(), StateName::Established);
    }
}

#[rstest]
#[case::generator(TimeWaitIss::Generated, 1_000_000)]
#[case::above_old(TimeWaitIss::AfterOld, 65_539)]
fn the_iss_after_time_wait(#[case] setting: TimeWaitIss, #[case] iss: i64) {
    let config = Config {
        time_wait_iss: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::TimeWait);
    // The generator counts 4 µs a step.
    talk.wait_s(4);
    let expected = format!("S. {iss}:{iss}(0) ack 101");
    assert_eq!(talk.peer("S", 100, 0, 0), [expected]);
}

#[rstest]
#[case::rfc(ResetError::ByOpen, ConnectionError::Refused, ConnectionError::Reset)]
#[case::linux(
    ResetError::ByState,
    ConnectionError::Reset,
    ConnectionError::ResetAfterClose
)]
fn what_a_reset_is_called(
    #[case] setting: ResetError,
    #[case] of_crossed_syns: ConnectionError,
    #[case] in_close_wait: ConnectionError,
) {
    let config = Config {
        reset_error: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config.clone(), StateName::SynSent);
    talk.peer("S", 0, 0, 0);
    assert_eq!(talk.state(), StateName::SynReceived);
    talk.peer("R.", 1, 1, 0);
    assert_eq!(talk.take_error(), Some(of_crossed_syns));
    let mut talk = Talk::reach(config.clone(), StateName::CloseWait);
    talk.peer("R", 2, 0, 0);
    assert_eq!(talk.take_error(), Some(in_close_wait));
    // Before the FIN it is what it always is.
    let mut talk = Talk::reach(config, StateName::Established);
    talk.peer("R", 1, 0, 0);
    assert_eq!(talk.take_error(), Some(ConnectionError::Reset));
}

#[rstest]
#[case::rfc(0, &[1000, 3000, 7000])]
#[case::more(500, &[1000, 3000, 7000])]
#[case::above_the_least(1300, &[1300, 3900, 9100])]
fn slack_lengthens_the_timeout(#[case] slack: u64, #[case] times: &[u64]) {
    let config = Config {
        rto_slack: Duration::from_millis(slack),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(10);
    let sent: Vec<u64> = talk.wait_s(10).iter().map(|(at, _)| *at).collect();
    // The round trip of the bench takes no time: what is left is the clock's granularity.
    let near = |(at, time): (&u64, &u64)| (*time..time + 10).contains(at);
    assert!(
        sent.len() == times.len() && sent.iter().zip(times).all(near),
        "{sent:?}"
    );
}

#[rstest]
#[case::rfc(0, 60, &[1, 3, 7, 15, 31, 63, 123])]
#[case::freebsd(5, 60, &[5, 10, 15, 23, 39, 71, 131])]
#[case::short(0, 4, &[1, 3, 7, 11, 15])]
fn the_wait_before_probes(#[case] least: u64, #[case] most: u64, #[case] times: &[u64]) {
    let config = Config {
        persist_min: Duration::from_secs(least),
        persist_max: Duration::from_secs(most),
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.peer_window(".", 1, 1, 0);
    talk.send(10);
    let probes = talk.wait_s(times[times.len() - 1]);
    let seconds: Vec<u64> = probes.iter().map(|(at, _)| at / 1000).collect();
    assert_eq!(seconds, times);
}

#[rstest]
#[case::asked_for(false, 0)]
#[case::always(true, 1)]
fn who_is_probed(#[case] always: bool, #[case] probes: usize) {
    let config = Config {
        keepalive: KeepAliveConfig {
            always,
            ..Config::default().keepalive
        },
        ..Bench::plain_config()
    };
    let mut talk = Talk::with_options(config, SocketOptions::default());
    assert_eq!(talk.wait_s(7201).len(), probes);
}
