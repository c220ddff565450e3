//! User calls that no other file tells of: what they refuse, and changes while a connection is under way
//! (RFC 9293 §3.9.1).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::SynCookies;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{
    CallError, Config, ConnectionError, Output, Readiness, SendFlags, SocketId, SocketOptions,
    StateName,
};

use crate::support::Talk;

/// The id of a socket that was closed.
fn dead(bench: &mut Bench) -> SocketId {
    let id = bench.listen();
    assert_eq!(bench.host.close(bench.now, id), Ok(()));
    bench.drain();
    id
}

#[test]
fn an_empty_send_sends_nothing() {
    let mut talk = Talk::plain();
    let (now, id) = (talk.bench.now, talk.conn.id);
    let flags = SendFlags {
        urgent: true,
        ..SendFlags::default()
    };
    assert_eq!(talk.bench.host.send(now, id, &[], flags), Ok(0));
    assert_eq!(talk.drain(), [""; 0]);
    // Nothing urgent was noted either.
    assert_eq!(talk.send(5), ["P. 1:6(5) ack 1"]);
    assert!(!talk.last_sent().flags.urg);
}

#[test]
fn a_look_ahead_takes_neither_text_nor_an_error() {
    let mut talk = Talk::plain();
    let mut buf = [0; 10];
    let id = talk.conn.id;
    let host = |talk: &Talk, buf: &mut [u8]| talk.bench.host.peek(id, buf);
    assert_eq!(host(&talk, &mut buf), Err(CallError::WouldBlock));
    assert_eq!(host(&talk, &mut []), Ok(0));
    talk.peer("P.", 1, 1, 4);
    for _ in 0..2 {
        assert_eq!(host(&talk, &mut buf[..3]), Ok(3));
    }
    // A read of nothing takes nothing, and not the end of the stream for an answer.
    assert_eq!(talk.recv(1, 0), Ok(0));
    assert_eq!(talk.recv(1, 10), Ok(4));
    talk.peer("R.", 5, 1, 0);
    let reset = Err(CallError::Connection(ConnectionError::Reset));
    for _ in 0..2 {
        assert_eq!(host(&talk, &mut buf), reset);
    }
    assert_eq!(talk.recv(5, 10), reset);
    // It was told once: from then on the stream is over.
    assert_eq!(host(&talk, &mut buf), Ok(0));
}

#[test]
fn a_socket_that_is_not_the_users_is_ready_for_nothing() {
    let nothing = Readiness {
        closed: true,
        ..Readiness::default()
    };
    let mut bench = Bench::new(Bench::plain_config());
    let gone = dead(&mut bench);
    assert_eq!(bench.host.readiness(gone), nothing);
    assert_eq!(bench.host.options(gone), Err(CallError::NoSuchSocket));
    // Half open: it exists, but nobody has accepted it.
    let conn = bench.half_open();
    assert_eq!(bench.host.readiness(conn.id), nothing);
    assert_eq!(bench.host.options(conn.id), Err(CallError::NoSuchSocket));
}

#[test]
fn the_options_of_a_listener_are_those_it_was_given() {
    let mut bench = Bench::new(Bench::plain_config());
    let options = SocketOptions {
        ttl: Some(9),
        ..SocketOptions::default()
    };
    let listener = bench.listen_with(8, options.clone());
    assert_eq!(bench.host.options(listener), Ok(options));
}

/// A second `listen`: the queue for those who wait for `accept` becomes longer.
#[rstest]
#[case::same(1, 1)]
#[case::longer(2, 2)]
#[case::none_is_one(0, 1)]
fn a_backlog_may_be_changed(#[case] backlog: usize, #[case] accepted: usize) {
    let mut bench = Bench::new(Bench::plain_config());
    let listener = bench.listen_with(1, SocketOptions::default());
    assert_eq!(bench.host.set_backlog(listener, backlog), Ok(()));
    let isns: Vec<SeqNum> = (1..=3).map(|port| syn_from(&mut bench, port)).collect();
    for (port, iss) in (1..=3).zip(&isns) {
        third_from(&mut bench, port, *iss);
    }
    let (now, host) = (bench.now, &mut bench.host);
    let count = core::iter::from_fn(|| host.accept(now, listener).ok()).count();
    assert_eq!(count, accepted);
}

#[test]
fn only_a_listener_has_a_backlog() {
    let mut bench = Bench::new(Bench::plain_config());
    let gone = dead(&mut bench);
    let conn = bench.accepted();
    let host = &mut bench.host;
    assert_eq!(host.set_backlog(conn.id, 3), Err(CallError::InvalidState));
    assert_eq!(host.set_backlog(gone, 3), Err(CallError::NoSuchSocket));
}

fn syn_from(bench: &mut Bench, port: u16) -> SeqNum {
    bench.peer.set_port(port);
    let sent = bench.inject(&bench.peer_syn(false));
    sent.first().map_or(SeqNum::new(0), |syn_ack| syn_ack.seq)
}

fn third_from(bench: &mut Bench, port: u16, iss: SeqNum) -> usize {
    bench.peer.set_port(port);
    bench.inject(&bench.peer_segment(".", 1, iss + 1)).len()
}

/// DOC-SYNFLOOD-09: there is nowhere to put the connection; the peer, whose data is not acknowledged,
/// will send its ACK again.
#[test]
fn a_cookie_that_comes_back_waits_for_room_in_the_accept_queue() {
    let config = Config {
        syn_cookies: SynCookies::Always,
        ..Bench::plain_config()
    };
    let mut bench = Bench::new(config);
    let listener = bench.listen_with(1, SocketOptions::default());
    let (first, second) = (syn_from(&mut bench, 1), syn_from(&mut bench, 2));
    assert_eq!(third_from(&mut bench, 1, first), 0);
    // Not even a reset: the cookie was right.
    assert_eq!(third_from(&mut bench, 2, second), 0);
    let overflow = |event: &&Event| matches!(event, Event::ListenOverflow { .. });
    assert_eq!(bench.events().filter(overflow).count(), 1);
    let accept = |bench: &mut Bench| bench.host.accept(bench.now, listener);
    assert!(accept(&mut bench).is_ok());
    assert_eq!(accept(&mut bench), Err(CallError::WouldBlock));
    assert_eq!(third_from(&mut bench, 2, second), 0);
    assert!(accept(&mut bench).is_ok());
}

#[rstest]
#[case::port_zero((None, Some(0)), "198.51.100.7:80", CallError::InvalidArgument)]
#[case::itself((None, Some(80)), "192.0.2.1:80", CallError::InvalidRemote)]
#[case::foreign((Some("192.0.2.77"), None), "198.51.100.7:80", CallError::AddressNotAvailable)]
#[case::other_family((Some("192.0.2.1"), None), "[2001:db8::7]:80", CallError::InvalidRemote)]
fn an_open_from_nowhere(
    #[case] local: (Option<&str>, Option<u16>),
    #[case] remote: &str,
    #[case] expected: CallError,
) {
    let mut bench = Bench::new(Bench::plain_config());
    let address = local.0.map(|text| text.parse().expect("an address"));
    let remote = remote.parse().expect("an address and port");
    let options = SocketOptions::default();
    assert_eq!(bench.host.addresses(), [bench.local.ip()]);
    let opened = bench
        .host
        .open_active(bench.now, (address, local.1), remote, options);
    assert_eq!(opened, Err(expected));
    assert!(bench.drain().is_empty());
}

/// `TCP_SYNCNT` after the SYN has left (RFC9293-MUST-23): the new end counts from the open, and one that has
/// passed ends the open now.
#[rstest]
#[case::later(400, 400)]
#[case::sooner(30, 30)]
#[case::already_over(5, 10)]
fn how_long_an_open_lasts_may_be_changed_on_the_way(#[case] seconds: u64, #[case] end: u64) {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::SynSent);
    talk.wait_s(10);
    let options = SocketOptions {
        syn_give_up: Some(Duration::from_secs(seconds)),
        ..SocketOptions::default()
    };
    let changed = talk.bench.host.set_options(talk.conn.id, options);
    assert_eq!(changed, Ok(()));
    talk.bench.drain();
    if end > 10 {
        talk.wait_ms((end - 10) * 1000 - 1);
        assert_eq!(talk.state(), StateName::SynSent);
    }
    talk.wait_ms(1);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

/// CLOSE with `SO_LINGER` of 0 is ABORT (RFC 9293 §3.10.5): from SYN-RECEIVED too the peer is told.
#[test]
fn a_crossed_open_is_aborted_where_nobody_lingers() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.connecting(SocketOptions {
        linger: Some(Duration::ZERO),
        ..SocketOptions::default()
    });
    let mut talk = Talk::on(bench, conn);
    talk.peer("S", 0, 0, 0);
    assert_eq!(talk.state(), StateName::SynReceived);
    assert_eq!(talk.close(), ["R. 1:1(0) ack 1"]);
    assert_eq!(talk.state(), StateName::Closed);
}

/// Settings that connections share in memory: those opened before keep theirs, those opened later get the
/// new ones.
#[test]
fn changed_timeouts_and_windows_are_those_of_later_connections() {
    let mut bench = Bench::new(Bench::plain_config());
    let before = bench.connecting(SocketOptions::default()).id;
    let config = bench.host.config_mut();
    config.initial_rto = Duration::from_secs(3);
    config.congestion.slow_start_limit = 2;
    bench.local.set_port(9000);
    let after = bench.connecting(SocketOptions::default()).id;
    let rto = |bench: &Bench, id| bench.host.status(id).expect("opening").rto;
    assert_eq!(rto(&bench, before), Duration::from_secs(1));
    assert_eq!(rto(&bench, after), Duration::from_secs(3));
    // The SYNs leave again after one second and after three.
    let repeats: Vec<(u64, u16)> = (bench.wait(Duration::from_millis(3500)).iter())
        .map(|(at, syn)| (at.as_millis() - 1000, syn.src.port()))
        .collect();
    assert_eq!(repeats, [(1000, 8080), (3000, 8080), (3000, 9000)]);
}

/// Memory that was given back is written anew, whatever was in it.
#[test]
fn a_host_that_gets_its_datagrams_back_says_the_same() {
    let said = |give_back: bool| {
        let mut bench = Bench::new(Bench::plain_config());
        let conn = bench.accepted();
        let mut said = Vec::new();
        for len in [3000, 10, 1460] {
            let data = vec![len as u8; len];
            let flags = SendFlags::default();
            let taken = bench.host.send(bench.now, conn.id, &data, flags);
            assert_eq!(taken, Ok(len));
            loop {
                match bench.host.poll() {
                    Output::Deadline(_) => break,
                    Output::Event(_) => {}
                    Output::Transmit(datagram) => {
                        said.push(datagram.clone());
                        if give_back {
                            bench.host.recycle(datagram);
                        }
                    }
                }
            }
            let ack = bench.host.status(conn.id).expect("alive").snd_nxt;
            bench
                .host
                .receive(bench.now, &bench.peer_segment(".", 1, ack).emit());
        }
        assert!(said.len() >= 4);
        said
    };
    assert_eq!(said(true), said(false));
}

#[test]
fn what_a_host_shows_of_itself_is_not_its_secret() {
    let mut bench = Bench::new(Config::default());
    bench.accepted();
    let shown = format!("{:?}", bench.host);
    assert!(shown.contains("Secret(..)"), "{shown}");
    // The secret is sixteen times 7.
    assert!(!shown.contains("7, 7, 7, 7, 7, 7, 7, 7"), "{shown}");
}
