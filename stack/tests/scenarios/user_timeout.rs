//! The user timeout and its option (RFC 5482).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{KeepAliveConfig, UserTimeoutConfig};
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::wire::user_timeout::UserTimeout;
use tcpdrill_stack::{Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn enabled() -> SocketOptions {
    SocketOptions {
        user_timeout_option: true,
        nodelay: true,
        ..SocketOptions::default()
    }
}

/// R2 is 150 s, the limits are 100 and 1000 s.
fn config() -> Config {
    Config {
        r2: seconds(150),
        user_timeout_option: UserTimeoutConfig {
            lower: seconds(100),
            upper: seconds(1000),
        },
        ..Bench::plain_config()
    }
}

fn announced(segment: &Segment) -> Option<Duration> {
    segment.options.user_timeout.map(UserTimeout::length)
}

impl Talk {
    /// The peer announces its user timeout on an acknowledgment.
    fn announce(&mut self, ack: i64, length: u64) {
        let mut segment = self.segment(".", 1, ack, 0);
        segment.options.user_timeout = Some(UserTimeout::of(seconds(length)));
        self.inject(&segment);
    }

    fn user_timeout(&self) -> Duration {
        self.bench
            .host
            .status(self.conn.id)
            .expect("alive")
            .user_timeout
    }
}

#[test]
fn nothing_is_announced_or_adopted_unless_asked_for() {
    let mut talk = Talk::reach(config(), StateName::Established);
    talk.send(10);
    talk.announce(11, 500);
    assert_eq!(talk.user_timeout(), seconds(150));
    assert!(
        talk.bench
            .sent()
            .all(|segment| announced(segment).is_none())
    );
}

#[test]
fn the_syns_and_the_first_segment_behind_them_announce() {
    let mut talk = Talk::with_options(config(), enabled());
    talk.send(10);
    talk.send(10);
    let sent: Vec<Option<Duration>> = talk.bench.sent().map(announced).collect();
    assert_eq!(sent, [Some(seconds(150)), Some(seconds(150)), None]);
    let mut bench = Bench::new(config());
    bench.connecting(enabled());
    assert_eq!(
        announced(bench.sent().next().expect("SYN")),
        Some(seconds(150))
    );
}

/// USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)) (RFC 5482 §3.1).
#[rstest]
#[case::theirs(500, None, 500)]
#[case::ours(120, None, 150)]
#[case::ours_as_announced(120, Some(700), 700)]
#[case::lower_limit(20, Some(30), 100)]
#[case::upper_limit(5000, None, 1000)]
fn what_is_adopted(#[case] theirs: u64, #[case] advertised: Option<u64>, #[case] adopted: u64) {
    let options = SocketOptions {
        advertised_user_timeout: advertised.map(seconds),
        ..enabled()
    };
    let mut talk = Talk::with_options(config(), options);
    talk.announce(1, theirs);
    assert_eq!(talk.user_timeout(), seconds(adopted));
    talk.send(10);
    talk.wait_ms(adopted * 1000 - 1);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

/// RFC 5482 §3.1: the lower limit is larger than the retransmission timeout, so that it is not the end
/// of the connection.
#[test]
fn what_is_adopted_is_longer_than_the_retransmission_timeout() {
    let config = Config {
        min_rto: seconds(300),
        max_rto: seconds(600),
        ..config()
    };
    let mut talk = Talk::with_options(config, enabled());
    talk.send(10);
    talk.announce(11, 1);
    let rto = talk.bench.host.status(talk.conn.id).expect("alive").rto;
    assert_eq!(rto, seconds(300));
    assert!(talk.user_timeout() > rto);
}

#[test]
fn a_syn_announces_as_well() {
    let mut bench = Bench::new(config());
    let mut syn = bench.peer_syn(false);
    syn.options.user_timeout = Some(UserTimeout::of(seconds(400)));
    let conn = bench.accepted_by(&syn, enabled());
    let status = bench.host.status(conn.id).expect("alive");
    assert_eq!(status.user_timeout, seconds(400));
}

#[test]
fn an_own_choice_stands_whatever_the_peer_announces() {
    let options = SocketOptions {
        user_timeout: Some(seconds(30)),
        ..enabled()
    };
    let mut talk = Talk::with_options(config(), options);
    talk.announce(1, 500);
    assert_eq!(talk.user_timeout(), seconds(30));
    talk.send(10);
    assert_eq!(announced(&talk.last_sent()), Some(seconds(30)));
}

#[test]
fn zero_and_other_lengths_say_nothing() {
    for option in [[28, 4, 0, 0], [28, 4, 0x80, 0], [28, 3, 9, 0]] {
        let mut talk = Talk::with_options(config(), enabled());
        let mut segment = talk.segment(".", 1, 1, 0);
        segment.options.user_timeout = Some(UserTimeout::of(seconds(7)));
        let mut wire = segment.emit();
        let place = wire
            .windows(2)
            .rposition(|pair| pair == [28, 4])
            .expect("option");
        // The checksum of what is there now.
        let before = u16::from_be_bytes([wire[place + 2], wire[place + 3]]);
        assert_eq!(before, 7);
        wire[place..place + 4].copy_from_slice(&option);
        mend(&mut wire);
        talk.bench.host.receive(talk.bench.now, &wire);
        talk.drain();
        assert_eq!(talk.user_timeout(), seconds(150));
    }
}

/// Makes the TCP checksum of an IPv4 datagram right again.
fn mend(wire: &mut [u8]) {
    use tcpdrill_stack::wire::checksum::Checksum;
    wire[36..38].fill(0);
    let address =
        |at: usize| std::net::IpAddr::from(<[u8; 4]>::try_from(&wire[at..at + 4]).unwrap());
    let (src, dst) = (address(12), address(16));
    let mut sum = Checksum::new();
    sum.add_pseudo_header(src, dst, 6, wire.len() as u32 - 20);
    sum.add(&wire[20..]);
    let field = sum.finish().to_be_bytes();
    wire[36..38].copy_from_slice(&field);
}

#[test]
fn a_wait_that_has_begun_follows() {
    let mut talk = Talk::with_options(config(), enabled());
    talk.send(10);
    talk.wait_s(60);
    talk.announce(1, 500);
    talk.wait_ms(440_000 - 1);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn a_change_is_announced_with_the_next_segment() {
    let mut talk = Talk::with_options(config(), enabled());
    talk.send(10);
    let change = SocketOptions {
        user_timeout: Some(seconds(40_000)),
        ..enabled()
    };
    let set = talk.bench.host.set_options(talk.conn.id, change);
    assert_eq!(set, Ok(()));
    assert_eq!(talk.drain(), [""; 0], "it waits for one");
    talk.send(10);
    // In minutes now, rounded up.
    assert_eq!(announced(&talk.last_sent()), Some(seconds(667 * 60)));
    talk.send(10);
    assert_eq!(announced(&talk.last_sent()), None);
}

#[test]
fn an_unanswered_segment_gets_its_users_new_limit() {
    let mut talk = Talk::reach(config(), StateName::Established);
    talk.send(10);
    talk.wait_s(5);
    let options = SocketOptions {
        user_timeout: Some(seconds(8)),
        ..SocketOptions::default()
    };
    assert_eq!(talk.bench.host.set_options(talk.conn.id, options), Ok(()));
    talk.drain();
    talk.wait_ms(2999);
    assert_eq!(talk.state(), StateName::Established);
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn keep_alive_waits_longer_than_what_was_adopted() {
    let config = Config {
        keepalive: KeepAliveConfig {
            always: false,
            idle: seconds(10),
            interval: seconds(10),
            probes: 3,
        },
        ..config()
    };
    let options = SocketOptions {
        keepalive: true,
        ..enabled()
    };
    let mut talk = Talk::with_options(config, options);
    talk.announce(1, 500);
    let sent = talk.wait_s(600);
    // The announcement was heard at the beginning.
    assert_eq!(sent.first().map(|(at, _)| *at), Some(501_000));
}
