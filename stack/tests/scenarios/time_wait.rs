//! TIME-WAIT: its length, its end, and its port.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{RstInTimeWait, TimeWaitSyn};
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{CallError, Config, Profile, SocketOptions, StateName};

use crate::support::Talk;

fn time_wait(config: Config) -> Talk {
    Talk::reach(config, StateName::TimeWait)
}

#[rstest]
#[case::rfc(Config::default().msl, 240)]
#[case::linux(Profile::Linux.config().msl, 60)]
fn two_msl(#[case] msl: Duration, #[case] seconds: u64) {
    let mut talk = time_wait(Config {
        msl,
        ..Bench::plain_config()
    });
    talk.wait_ms(seconds * 1000 - 1);
    assert_eq!(talk.state(), StateName::TimeWait);
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.peer(".", 2, 2, 0), ["R 2:2(0)"]);
}

#[test]
fn a_repeated_fin_is_acknowledged_and_starts_the_wait_anew() {
    let mut talk = time_wait(Bench::plain_config());
    talk.wait_s(239);
    assert_eq!(talk.peer("F.", 1, 2, 0), [". 2:2(0) ack 2"]);
    talk.wait_s(239);
    assert_eq!(talk.state(), StateName::TimeWait);
    talk.wait_s(1);
    assert_eq!(talk.state(), StateName::Closed);
}

/// RFC 9293 §3.10.7.4: the peer's FIN, repeated, starts the wait anew; nothing else does.
#[rstest]
#[case::old_text("P.", -10, 10, &[". 2:2(0) ack 2"])]
#[case::an_acknowledgment(".", 2, 0, &[])]
#[case::a_probe(".", 1, 0, &[". 2:2(0) ack 2"])]
#[case::a_fin_of_an_older_number("F.", -1, 0, &[". 2:2(0) ack 2"])]
#[case::a_fin_of_a_newer_number("F.", 2, 0, &[". 2:2(0) ack 2"])]
#[case::a_syn_that_ends_where_the_fin_did("SF.", 0, 0, &[". 2:2(0) ack 2"])]
#[case::a_reset_with_fin("RF.", 1, 0, &[])]
fn other_segments_do_not_prolong_the_wait(
    #[case] flags: &str,
    #[case] seq: i64,
    #[case] len: usize,
    #[case] answers: &[&str],
) {
    let mut talk = time_wait(Bench::plain_config());
    talk.wait_s(239);
    assert_eq!(talk.peer(flags, seq, 2, len), answers);
    assert_eq!(talk.state(), StateName::TimeWait);
    talk.wait_s(1);
    assert_eq!(talk.state(), StateName::Closed);
}

/// RFC 9293 §3.6.1: it is a new SYN that may open the connection again: one without ACK and RST, for which this number
/// would do.
#[rstest]
#[case::syn_ack("S.", &[". 2:2(0) ack 2"])]
#[case::syn_reset("SR", &[". 2:2(0) ack 2"])]
#[case::no_flag("", &[])]
#[case::fin("F", &[])]
fn only_a_syn_opens_it_again(#[case] flags: &str, #[case] answers: &[&str]) {
    let mut talk = time_wait(Bench::plain_config());
    assert_eq!(talk.peer(flags, 3, 2, 0), answers);
    assert_eq!(talk.state(), StateName::TimeWait);
}

#[rstest]
#[case::rfc_9293(RstInTimeWait::Close, StateName::Closed)]
#[case::rfc_1337(RstInTimeWait::Ignore, StateName::TimeWait)]
fn a_valid_reset(#[case] setting: RstInTimeWait, #[case] state: StateName) {
    let mut talk = time_wait(Config {
        rst_in_time_wait: setting,
        ..Bench::plain_config()
    });
    assert_eq!(talk.peer("R", 2, 0, 0), [""; 0]);
    assert_eq!(talk.state(), state);
}

/// RFC 1337 §4: resets, and nothing but them, are ignored, whatever they acknowledge. A SYN in the window is challenged as
/// ever (RFC 5961 §4.2), and so is an ACK of what was never sent (§5.2).
#[rstest]
#[case::reset("R", 2, 0, &[])]
#[case::reset_with_ack("R.", 2, 2, &[])]
#[case::reset_with_ack_of_nothing("R.", 2, 100, &[])]
#[case::reset_with_fin("RF.", 2, 100, &[])]
#[case::syn("S", 2, 0, &[". 2:2(0) ack 2"])]
#[case::ack_of_nothing(".", 2, 100, &[". 2:2(0) ack 2"])]
fn where_resets_are_ignored(
    #[case] flags: &str,
    #[case] seq: i64,
    #[case] ack: i64,
    #[case] answers: &[&str],
) {
    let mut talk = time_wait(Config {
        rst_in_time_wait: RstInTimeWait::Ignore,
        time_wait_syn: TimeWaitSyn::Refuse,
        ..Bench::plain_config()
    });
    assert_eq!(talk.peer(flags, seq, ack, 0), answers);
    assert_eq!(talk.state(), StateName::TimeWait);
}

#[rstest]
#[case::newer(TimeWaitSyn::Accept, 3, true)]
#[case::behind_the_fin(TimeWaitSyn::Accept, 2, true)]
#[case::of_the_fin(TimeWaitSyn::Accept, 1, false)]
#[case::beyond(TimeWaitSyn::AcceptBeyond, 3, true)]
#[case::behind_the_fin_is_not_beyond(TimeWaitSyn::AcceptBeyond, 2, false)]
#[case::older(TimeWaitSyn::Accept, -100, false)]
#[case::newer_refused(TimeWaitSyn::Refuse, 3, false)]
fn a_syn_without_timestamps(#[case] setting: TimeWaitSyn, #[case] seq: i64, #[case] opens: bool) {
    let mut talk = time_wait(Config {
        time_wait_syn: setting,
        ..Bench::plain_config()
    });
    let answers = talk.peer("S", seq, 0, 0);
    if opens {
        // A new incarnation, with an ISS behind all that the old one used.
        assert_eq!(answers, [format!("S. 65539:65539(0) ack {}", seq + 1)]);
        assert_eq!(talk.state(), StateName::Closed);
    } else {
        assert_eq!(answers, [". 2:2(0) ack 2"]);
        assert_eq!(talk.state(), StateName::TimeWait);
    }
}

/// Timestamps of the old incarnation and of the SYN decide before sequence numbers do (RFC 6191
/// §2).
#[rstest]
#[case::newer(Some(500), Some(501), -100, true)]
#[case::equal_and_newer_number(Some(500), Some(500), 50, true)]
#[case::equal_and_number_behind_the_fin(Some(500), Some(500), 2, true)]
#[case::equal_and_number_of_the_fin(Some(500), Some(500), 1, false)]
#[case::equal_and_older_number(Some(500), Some(500), -100, false)]
#[case::older(Some(500), Some(499), 50, false)]
#[case::gone(Some(500), None, 50, true)]
#[case::gone_and_number_behind_the_fin(Some(500), None, 2, true)]
#[case::gone_and_number_of_the_fin(Some(500), None, 1, false)]
#[case::gone_and_older_number(Some(500), None, -100, false)]
#[case::new(None, Some(1), -100, true)]
fn a_syn_with_timestamps(
    #[case] old: Option<u32>,
    #[case] new: Option<u32>,
    #[case] seq: i64,
    #[case] opens: bool,
) {
    let config = Config {
        timestamps: true,
        ..Bench::plain_config()
    };
    let stamp = |value: Option<u32>| value.map(|value| Timestamps { value, echo: 0 });
    let mut talk = Talk::accepted_by(config, |syn| syn.options.timestamps = stamp(old));
    talk.shutdown();
    let mut fin = talk.segment("F.", 1, 2, 0);
    fin.options.timestamps = stamp(old);
    talk.inject(&fin);
    assert_eq!(talk.state(), StateName::TimeWait);
    let mut again = talk.segment("S", seq, 0, 0);
    again.options.timestamps = stamp(new);
    talk.inject(&again);
    assert_eq!(talk.state() == StateName::Closed, opens);
}

#[rstest]
#[case::plain(false, Err(CallError::AddressInUse))]
#[case::reuse(true, Ok(()))]
fn its_port_is_bound_only_with_reuse_address(
    #[case] reuse_address: bool,
    #[case] expected: Result<(), CallError>,
) {
    let mut talk = time_wait(Bench::plain_config());
    let listener = talk.conn.listener.expect("passive");
    talk.bench
        .host
        .close(talk.bench.now, listener)
        .expect("open");
    talk.drain();
    let options = SocketOptions {
        reuse_address,
        ..SocketOptions::default()
    };
    assert_eq!(talk.bench.host.bind_check((None, 8080), &options), expected);
    let opened = talk
        .bench
        .host
        .open_passive(talk.bench.now, (None, 8080), 1, options.clone());
    assert_eq!(opened.map(|_| ()), expected);
    talk.drain();
    talk.wait_s(240);
    if expected.is_err() {
        assert_eq!(talk.bench.host.bind_check((None, 8080), &options), Ok(()));
    }
}

#[test]
fn an_active_open_from_its_port_needs_reuse_address_too() {
    let mut talk = time_wait(Bench::plain_config());
    let other = "203.0.113.5:80".parse().expect("address");
    let mut open = |reuse_address| {
        let options = SocketOptions {
            reuse_address,
            ..SocketOptions::default()
        };
        talk.bench
            .host
            .open_active(talk.bench.now, (None, Some(8080)), other, options)
            .map(|_| ())
    };
    assert_eq!(open(false), Err(CallError::AddressInUse));
    assert_eq!(open(true), Ok(()));
}
