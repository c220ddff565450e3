//! A path that stops carrying anything: nobody waits for ever.

use rstest::rstest;
use std::net::SocketAddr;
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::testing::pair::{Happening, Pair, Setup, Side, Step};
use tcpdrill_stack::wire::ip::IpVersion;
use tcpdrill_stack::{
    Config, ConnectionError, Event, Instant, SendFlags, SocketId, SocketOptions, StateName,
};

const DEAD: Impairments = Impairments {
    loss: 10_000,
    duplication: 0,
    reordering: 0,
    corruption: 0,
    delay: std::time::Duration::ZERO,
    reordering_delay: std::time::Duration::ZERO,
    jitter: std::time::Duration::ZERO,
    burst: None,
    bottleneck: None,
};

fn run_until_idle(pair: &mut Pair) {
    while pair.step(None).unwrap() != Step::Idle {}
}

fn aborts(pair: &Pair, side: Side) -> Vec<ConnectionError> {
    let entries = pair.trace().iter().filter(|entry| entry.side == side);
    entries
        .filter_map(|entry| match &entry.what {
            Happening::Event(Event::ConnectionAborted { error, .. }) => Some(*error),
            _ => None,
        })
        .collect()
}

/// A and B, connected, nothing under way.
fn connected() -> (Pair, SocketId, SocketId) {
    let mut pair = Pair::new(Setup {
        configs: [Config::default(), Config::default()],
        impairments: [Impairments::default(); 2],
        version: IpVersion::V4,
        start: Instant::ZERO,
        seed: 11,
    });
    let remote = SocketAddr::new(Side::B.address(IpVersion::V4), 80);
    let options = SocketOptions::default;
    let listen = pair.act(Side::B, |host, now| {
        host.open_passive(now, (None, 80), 1, options())
    });
    let listener = listen.unwrap().unwrap();
    let open = pair.act(Side::A, |host, now| {
        host.open_active(now, (None, None), remote, options())
    });
    let a = open.unwrap().unwrap();
    run_until_idle(&mut pair);
    let accept = pair.act(Side::B, |host, now| host.accept(now, listener));
    (pair, a, accept.unwrap().unwrap())
}

/// Data or a FIN that nobody acknowledges is given up after R2, and never before 100 s.
#[rstest]
#[case::data(b"some data", false)]
#[case::close(b"", true)]
#[case::data_and_close(b"some data", true)]
fn unacknowledged_data_is_given_up(#[case] data: &[u8], #[case] close: bool) {
    let (mut pair, a, b) = connected();
    for side in Side::BOTH {
        pair.set_impairments(side, DEAD);
    }
    for (side, id) in [(Side::A, a), (Side::B, b)] {
        if !data.is_empty() {
            let sent = pair.act(side, |host, now| {
                host.send(now, id, data, SendFlags::default())
            });
            assert_eq!(sent, Ok(Ok(data.len())));
        }
        if close {
            let shut = pair.act(side, |host, now| host.shutdown_write(now, id));
            assert_eq!(shut, Ok(Ok(())));
        }
    }
    run_until_idle(&mut pair);
    for side in Side::BOTH {
        assert_eq!(aborts(&pair, side), [ConnectionError::TimedOut], "{side:?}");
        assert!(pair.host(side).poll_deadline().is_none());
    }
    let seconds = pair.now().as_millis() / 1_000;
    assert!((100..=400).contains(&seconds), "given up after {seconds} s");
}

/// With nothing to say a connection outlives any blackout (RFC 9293 §3.8.4).
#[test]
fn an_idle_connection_needs_no_path() {
    let (mut pair, a, _) = connected();
    for side in Side::BOTH {
        pair.set_impairments(side, DEAD);
    }
    run_until_idle(&mut pair);
    let status = pair.host(Side::A).status(a).map(|status| status.state);
    assert_eq!(status, Ok(StateName::Established));
    assert_eq!(aborts(&pair, Side::A), []);
}

/// A half-open entry goes 63 s after the SYN: the fifth repeat comes at 31 s, the end 32 s later.
#[test]
fn a_half_open_entry_is_given_up() {
    let mut pair = Pair::new(Setup {
        configs: [Config::default(), Config::default()],
        impairments: [Impairments::default(), DEAD],
        version: IpVersion::V6,
        start: Instant::ZERO,
        seed: 12,
    });
    let remote = SocketAddr::new(Side::B.address(IpVersion::V6), 80);
    let options = SocketOptions::default;
    let listen = pair.act(Side::B, |host, now| {
        host.open_passive(now, (None, 80), 1, options())
    });
    let open = pair.act(Side::A, |host, now| {
        host.open_active(now, (None, None), remote, options())
    });
    assert!(listen.unwrap().is_ok() && open.unwrap().is_ok());
    // The only SYN that gets there.
    assert_eq!(pair.step(None), Ok(Step::Done));
    pair.set_impairments(Side::A, DEAD);
    run_until_idle(&mut pair);
    let at = |wanted: fn(&Event) -> bool| {
        let entries = pair.trace().iter().filter(|entry| entry.side == Side::B);
        let mut times = entries.filter_map(|entry| match &entry.what {
            Happening::Event(event) if wanted(event) => Some(entry.at.as_millis()),
            _ => None,
        });
        times.next_back()
    };
    assert_eq!(
        at(|e| matches!(e, Event::Retransmitted { .. })),
        Some(31_000)
    );
    assert_eq!(
        at(|e| matches!(e, Event::HandshakeAbandoned { .. })),
        Some(63_000)
    );
    assert_eq!(aborts(&pair, Side::A), [ConnectionError::TimedOut]);
    assert!(pair.now() >= Instant::from_secs(180));
}
