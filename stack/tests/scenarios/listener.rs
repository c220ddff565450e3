//! Listeners: queues, backlog, cookies, ports.

use std::net::SocketAddr;

use rstest::rstest;
use tcpdrill_stack::config::SynCookies;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{CallError, Config, Host, SocketId, SocketOptions, StateName};

fn syn_from(bench: &mut Bench, port: u16) -> Vec<Segment> {
    bench.peer.set_port(port);
    bench.inject(&bench.peer_syn(true))
}

fn ack(bench: &mut Bench, port: u16, iss: SeqNum) -> Vec<Segment> {
    bench.peer.set_port(port);
    bench.inject(&bench.peer_segment(".", 1, iss + 1))
}

fn overflows(bench: &Bench) -> usize {
    bench
        .events()
        .filter(|event| matches!(event, Event::ListenOverflow { .. }))
        .count()
}

fn cookies(setting: SynCookies, syn_queue: usize) -> Config {
    Config {
        syn_cookies: setting,
        syn_queue,
        ..Bench::plain_config()
    }
}

#[test]
fn connections_are_accepted_in_order() {
    let mut bench = Bench::new(Bench::plain_config());
    let listener = bench.listen();
    let first = syn_from(&mut bench, 1)[0].seq;
    let second = syn_from(&mut bench, 2)[0].seq;
    ack(&mut bench, 2, second);
    ack(&mut bench, 1, first);
    assert!(bench.host.readiness(listener).accept_ready);
    let mut accept = || {
        let id = bench.host.accept(bench.now, listener)?;
        Ok(bench.host.status(id)?.remote.map(|remote| remote.port()))
    };
    assert_eq!(accept(), Ok(Some(2)));
    assert_eq!(accept(), Ok(Some(1)));
    assert_eq!(accept(), Err(CallError::WouldBlock));
}

#[test]
fn a_full_accept_queue_takes_neither_syn_nor_ack() {
    let mut bench = Bench::new(Bench::plain_config());
    let listener = bench.listen_with(1, SocketOptions::default());
    let first = syn_from(&mut bench, 1)[0].seq;
    let second = syn_from(&mut bench, 2)[0].seq;
    ack(&mut bench, 1, first);
    assert!(ack(&mut bench, 2, second).is_empty());
    assert!(syn_from(&mut bench, 3).is_empty());
    assert_eq!(overflows(&bench), 1);
    let status = bench.host.status(listener).expect("listening");
    assert_eq!((status.accept_queued, status.syn_queued), (1, 1));
    // Room again: the peer's next segment completes the second.
    bench.host.accept(bench.now, listener).expect("first");
    ack(&mut bench, 2, second);
    assert!(bench.host.accept(bench.now, listener).is_ok());
}

#[test]
fn without_cookies_a_full_syn_queue_drops() {
    let mut bench = Bench::new(cookies(SynCookies::Never, 2));
    bench.listen();
    assert_eq!(syn_from(&mut bench, 1).len(), 1);
    assert_eq!(syn_from(&mut bench, 2).len(), 1);
    assert!(syn_from(&mut bench, 3).is_empty());
    assert_eq!(overflows(&bench), 1);
}

#[rstest]
#[case::on_overflow(SynCookies::OnOverflow, 2)]
#[case::always(SynCookies::Always, 0)]
fn a_flood_allocates_nothing_and_a_client_gets_through(
    #[case] setting: SynCookies,
    #[case] half_open: usize,
) {
    let mut bench = Bench::new(cookies(setting, 2));
    let listener = bench.listen();
    for port in 1..2000 {
        assert_eq!(syn_from(&mut bench, port).len(), 1);
    }
    assert_eq!(
        bench.host.status(listener).expect("listening").syn_queued,
        half_open
    );
    let cookie = syn_from(&mut bench, 40_000)[0].clone();
    // A cookie remembers nothing but the MSS.
    let options = cookie.options;
    assert!(options.mss.is_some() && options.window_scale.is_none() && !options.sack_permitted);
    // The ACK completes the handshake, and what rides on it counts.
    let mut third = bench.peer_segment("P.", 1, cookie.seq + 1);
    third.payload = b"hello".to_vec();
    bench.inject(&third);
    let id = bench.host.accept(bench.now, listener).expect("established");
    let mut buf = [0; 10];
    assert_eq!(bench.host.recv(bench.now, id, &mut buf), Ok(5));
    assert_eq!(bench.host.status(id).expect("alive").snd_mss, 1460);
    assert_eq!(bench.host.status(id).expect("alive").iss, cookie.seq);
}

#[test]
fn a_wrong_cookie_is_reset() {
    let mut bench = Bench::new(cookies(SynCookies::Always, 2));
    bench.listen();
    let iss = syn_from(&mut bench, 1)[0].seq;
    let answer = ack(&mut bench, 1, iss + 1);
    assert!(
        answer[0].flags.rst && answer[0].seq == iss + 2,
        "{answer:?}"
    );
    assert_eq!(
        bench
            .events()
            .filter(|e| matches!(e, Event::SynCookieRejected { .. }))
            .count(),
        1
    );
    // It is bound to the address.
    assert!(ack(&mut bench, 2, iss)[0].flags.rst);
    assert!(ack(&mut bench, 1, iss).is_empty());
}

#[test]
fn a_cookie_expires() {
    let mut bench = Bench::new(cookies(SynCookies::Always, 2));
    bench.listen();
    let iss = syn_from(&mut bench, 1)[0].seq;
    bench.wait(std::time::Duration::from_secs(128));
    syn_from(&mut bench, 2);
    assert!(ack(&mut bench, 1, iss)[0].flags.rst);
}

#[test]
fn a_reset_does_not_complete_a_cookie() {
    let mut bench = Bench::new(cookies(SynCookies::Always, 2));
    let listener = bench.listen();
    let iss = syn_from(&mut bench, 1)[0].seq;
    assert!(
        bench
            .inject(&bench.peer_segment("R.", 1, iss + 1))
            .is_empty()
    );
    assert_eq!(
        bench.host.accept(bench.now, listener),
        Err(CallError::WouldBlock)
    );
}

#[test]
fn a_connection_inherits_its_listeners_options() {
    let mut bench = Bench::new(Bench::plain_config());
    let options = SocketOptions {
        nodelay: true,
        ttl: Some(9),
        traffic_class: 0xb8 | 3,
        mss: Some(700),
        ..SocketOptions::default()
    };
    let listener = bench.listen_with(1, options.clone());
    let syn_ack = syn_from(&mut bench, 1)[0].clone();
    assert_eq!((syn_ack.ttl, syn_ack.traffic_class), (9, 0xb8));
    assert_eq!(syn_ack.options.mss.map(|mss| mss.raw()), Some(700));
    ack(&mut bench, 1, syn_ack.seq);
    let id = bench.host.accept(bench.now, listener).expect("established");
    assert_eq!(bench.host.options(id), Ok(options));
}

#[test]
fn a_listener_that_closes_resets_what_nobody_accepted() {
    let mut bench = Bench::new(Bench::plain_config());
    let listener = bench.listen();
    let first = syn_from(&mut bench, 1)[0].seq;
    syn_from(&mut bench, 2);
    ack(&mut bench, 1, first);
    bench.host.close(bench.now, listener).expect("open");
    let sent = bench.drain();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].flags.rst && sent[0].dst.port() == 1);
    assert!(ack(&mut bench, 2, first)[0].flags.rst);
    assert_eq!(bench.host.status(listener), Err(CallError::NoSuchSocket));
}

#[test]
fn a_half_open_connection_is_not_the_users() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.half_open();
    assert_eq!(
        bench.host.close(bench.now, conn.id),
        Err(CallError::NoSuchSocket)
    );
    assert_eq!(bench.state(conn.id), StateName::SynReceived);
}

#[test]
fn the_listener_on_the_exact_address_wins() {
    let mut bench = Bench::new(Bench::plain_config());
    let exact = bench
        .host
        .open_passive(
            bench.now,
            (Some(bench.local.ip()), 8080),
            4,
            SocketOptions::default(),
        )
        .expect("free");
    let taken = bench
        .host
        .open_passive(bench.now, (None, 8080), 4, SocketOptions::default());
    assert_eq!(taken, Err(CallError::AddressInUse));
    bench.drain();
    let iss = syn_from(&mut bench, 1)[0].seq;
    ack(&mut bench, 1, iss);
    assert!(bench.host.accept(bench.now, exact).is_ok());
}

#[rstest]
#[case::port_zero((None, 0), Err(CallError::InvalidArgument))]
#[case::foreign_address((Some("192.0.2.77"), 80), Err(CallError::AddressNotAvailable))]
#[case::any_address((Some("0.0.0.0"), 80), Ok(()))]
fn listening(#[case] local: (Option<&str>, u16), #[case] expected: Result<(), CallError>) {
    let mut bench = Bench::new(Bench::plain_config());
    let address = local.0.map(|address| address.parse().expect("address"));
    let result =
        bench
            .host
            .open_passive(bench.now, (address, local.1), 1, SocketOptions::default());
    assert_eq!(result.map(|_| ()), expected);
}

#[rstest]
#[case::broadcast("255.255.255.255:80", CallError::InvalidRemote)]
#[case::multicast("224.0.0.1:80", CallError::InvalidRemote)]
#[case::unspecified("0.0.0.0:80", CallError::InvalidRemote)]
#[case::port_zero("203.0.113.1:0", CallError::InvalidRemote)]
#[case::other_family("[2001:db8::1]:80", CallError::AddressNotAvailable)]
fn connecting_to_nowhere(#[case] remote: SocketAddr, #[case] expected: CallError) {
    let mut bench = Bench::new(Bench::plain_config());
    let result = bench
        .host
        .open_active(bench.now, (None, None), remote, SocketOptions::default());
    assert_eq!(result, Err(expected));
}

fn connect(
    host: &mut Host,
    bench_now: tcpdrill_stack::Instant,
    remote: SocketAddr,
) -> Result<SocketId, CallError> {
    host.open_active(bench_now, (None, None), remote, SocketOptions::default())
}

#[test]
fn ephemeral_ports_run_out_one_peer_at_a_time() {
    let config = Config {
        ephemeral_ports: 50_000..=50_003,
        ..Bench::plain_config()
    };
    let mut bench = Bench::new(config);
    let (now, peer) = (bench.now, bench.peer);
    let other: SocketAddr = "203.0.113.5:80".parse().expect("address");
    for _ in 0..4 {
        connect(&mut bench.host, now, peer).expect("free");
    }
    assert_eq!(
        connect(&mut bench.host, now, peer),
        Err(CallError::InsufficientResources)
    );
    assert!(connect(&mut bench.host, now, other).is_ok());
}

#[test]
fn the_same_four_tuple_opens_once() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.connecting(SocketOptions::default());
    let again = bench.host.open_active(
        bench.now,
        (None, Some(8080)),
        bench.peer,
        SocketOptions::default(),
    );
    assert_eq!(again, Err(CallError::AlreadyConnected));
    assert_eq!(bench.state(conn.id), StateName::SynSent);
    // A connection that is still opening does not keep a listener from its port.
    assert!(
        bench
            .host
            .open_passive(bench.now, (None, 8080), 1, SocketOptions::default())
            .is_ok()
    );
}

#[test]
fn a_bound_port_is_chosen_free() {
    let config = Config {
        ephemeral_ports: 50_000..=50_001,
        ..Bench::plain_config()
    };
    let mut bench = Bench::new(config);
    let first = bench.host.choose_port(None).expect("free");
    bench
        .host
        .open_passive(bench.now, (None, first), 1, SocketOptions::default())
        .expect("free");
    let second = bench.host.choose_port(None).expect("free");
    assert_ne!(first, second);
    bench
        .host
        .open_passive(bench.now, (None, second), 1, SocketOptions::default())
        .expect("free");
    assert_eq!(
        bench.host.choose_port(None),
        Err(CallError::InsufficientResources)
    );
}
