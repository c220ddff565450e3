//! Opening: passive and active, blocking and not, all three families.

use std::net::SocketAddr;
use std::time::Duration;

use rstest::rstest;

use super::bench::*;
use crate::call::{Address, Call, Fd};
use crate::program::IpVersion;
use crate::target::{CallReport, Session};

#[rstest]
#[case(IpVersion::Ipv4)]
#[case(IpVersion::Ipv6)]
#[case(IpVersion::Ipv4MappedIpv6)]
fn a_passive_open_ends_in_accept(#[case] ip_version: IpVersion) {
    let mut bench = Bench::with(ip_version, 1);
    let (listener, fd) = bench.accepted();
    assert_eq!((listener, fd), (Fd(3), Fd(4)));
    bench.send(PSH_ACK, 1, 1, b"hello");
    assert_eq!(bench.read(fd, 100), b"hello");
}

#[rstest]
#[case(IpVersion::Ipv4)]
#[case(IpVersion::Ipv6)]
#[case(IpVersion::Ipv4MappedIpv6)]
fn a_nonblocking_connect_is_in_progress_until_the_syn_ack(#[case] ip_version: IpVersion) {
    let mut bench = Bench::with(ip_version, 1);
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    bench.expect_syn(SYN);
    bench.fails(Call::Connect { fd, address }, EALREADY);
    bench.send_with(SYN_ACK, 0, 1, &[], Vec::new(), 0);
    bench.expect(ACK, 1, 1, 0);
    assert_eq!(bench.so_error(fd), 0);
    // The first connect that finds it done says so, the next that it was done before.
    bench.ok(Call::Connect { fd, address });
    bench.fails(Call::Connect { fd, address }, EISCONN);
}

#[test]
fn a_blocking_connect_returns_when_the_syn_ack_arrives() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let address = bench.remote();
    bench
        .session
        .start_call(&Call::Connect { fd, address })
        .unwrap();
    bench.expect_syn(SYN);
    bench.sleep(Duration::from_millis(300));
    bench.send(SYN_ACK, 0, 1, &[]);
    bench.expect(ACK, 1, 1, 0);
    let (at, outcome) = bench.finish(Duration::ZERO);
    assert_eq!((at, outcome.result), (300_000, 0));
}

#[test]
fn a_refused_connect_says_so_once() {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    bench.expect_syn(SYN);
    bench.send(RST_ACK, 0, 1, &[]);
    assert_eq!(bench.so_error(fd), ECONNREFUSED);
    assert_eq!(bench.so_error(fd), 0);
}

#[test]
fn a_refused_blocking_connect_fails_and_the_socket_can_try_again() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let address = bench.remote();
    let call = Call::Connect { fd, address };
    bench.session.start_call(&call).unwrap();
    bench.expect_syn(SYN);
    bench.send(RST_ACK, 0, 1, &[]);
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.errno.map(|errno| errno.0), Some(ECONNREFUSED));
    bench.session.start_call(&call).unwrap();
    bench.expect_syn(SYN);
}

#[test]
fn a_call_without_an_end_blocks_for_its_limit_while_timers_run() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let address = bench.remote();
    let call = Call::Connect { fd, address };
    let report = bench.session.call(&call, Duration::from_millis(1500));
    assert_eq!(report.unwrap(), CallReport::Blocked);
    assert_eq!(bench.now(), 1_500_000);
    let (first, _) = bench.next(Duration::ZERO).unwrap();
    let (second, _) = bench.next(Duration::ZERO).unwrap();
    assert_eq!((first, second), (0, 1_000_000));
}

#[test]
fn a_blocking_accept_is_released_by_the_third_segment() {
    let mut bench = Bench::new();
    let fd = bench.listener();
    bench
        .session
        .start_call(&Call::Accept { fd, flags: None })
        .unwrap();
    bench.sleep(Duration::from_millis(200));
    bench.send_syn(1000);
    bench.expect_syn(SYN_ACK);
    bench.sleep(Duration::from_millis(100));
    bench.send(ACK, 1, 1, &[]);
    let (at, outcome) = bench.finish(Duration::from_secs(1));
    assert_eq!((at, outcome.result), (300_000, 4));
    assert_eq!(bench.now(), 300_000);
}

#[test]
fn a_nonblocking_accept_finds_nothing_and_a_fresh_socket_cannot_accept() {
    let mut bench = Bench::new();
    let listener = bench.listener();
    bench.set_nonblocking(listener);
    let accept = |fd| Call::Accept { fd, flags: None };
    bench.fails(accept(listener), EAGAIN);
    let fresh = bench.socket();
    bench.fails(accept(fresh), EINVAL);
    bench.fails(accept(Fd(99)), 9);
}

#[test]
fn accept4_makes_the_new_socket_nonblocking() {
    let mut bench = Bench::new();
    let fd = bench.listener();
    bench.peer_opens();
    let fd = bench.ok(Call::Accept {
        fd,
        flags: Some(0o4000),
    });
    let fd = Fd(i32::try_from(fd).unwrap());
    bench.fails(Call::Read { fd, len: 1 }, EAGAIN);
}

#[test]
fn two_bound_sockets_need_reuseaddr_on_both() {
    let mut bench = Bench::new();
    let address = bench.local();
    let (one, two, three) = (bench.socket(), bench.socket(), bench.socket());
    bench.set_int(one, 1, 2, 1);
    bench.ok(Call::Bind { fd: one, address });
    bench.fails(Call::Bind { fd: two, address }, EADDRINUSE);
    bench.set_int(three, 1, 2, 1);
    bench.ok(Call::Bind { fd: three, address });
    bench.ok(Call::Listen {
        fd: one,
        backlog: 1,
    });
    bench.fails(
        Call::Listen {
            fd: three,
            backlog: 1,
        },
        EADDRINUSE,
    );
}

#[test]
fn bind_refuses_a_second_address_a_foreign_one_and_another_family() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let foreign = Address::Is("192.168.7.7:80".parse::<SocketAddr>().unwrap());
    bench.fails(
        Call::Bind {
            fd,
            address: foreign,
        },
        99,
    );
    let v6 = Address::Is("[::1]:80".parse::<SocketAddr>().unwrap());
    bench.fails(Call::Bind { fd, address: v6 }, 97);
    let address = bench.local();
    bench.ok(Call::Bind { fd, address });
    bench.fails(Call::Bind { fd, address }, EINVAL);
}

#[test]
fn port_zero_is_an_ephemeral_port() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let address = Address::Is("0.0.0.0:0".parse::<SocketAddr>().unwrap());
    bench.ok(Call::Bind { fd, address });
    let remote = bench.remote();
    bench.set_nonblocking(fd);
    bench.fails(
        Call::Connect {
            fd,
            address: remote,
        },
        EINPROGRESS,
    );
    let syn = bench.expect_syn(SYN);
    assert!(syn.source_port >= 49_152, "{}", syn.source_port);
}

#[test]
fn connect_to_af_unspec_makes_the_socket_new_again() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.ok(Call::Connect {
        fd,
        address: Address::Unspecified,
    });
    let (_, segment) = bench.next(Duration::ZERO).expect("no RST");
    assert!(segment.flags.contains(RST));
    bench.fails(Call::Read { fd, len: 1 }, ENOTCONN);
}

#[test]
fn socket_refuses_what_is_not_tcp() {
    let mut bench = Bench::new();
    let wrong = Call::Socket {
        domain: AF_INET,
        kind: 1,
        protocol: 17,
    };
    bench.fails(wrong, 93);
    let udp = Call::Socket {
        domain: AF_INET,
        kind: 2,
        protocol: 17,
    };
    let error = bench.session.call(&udp, Duration::ZERO).unwrap_err();
    insta::assert_snapshot!(error, @"udp is not available: the reference stack speaks TCP only");
}

#[test]
fn a_second_listen_changes_the_backlog() {
    let mut bench = Bench::new();
    let fd = bench.listener();
    bench.ok(Call::Listen { fd, backlog: 1 });
    bench.peer_opens();
    // The accept queue of one is full: the next SYN draws nothing.
    bench.remote_port += 1;
    bench.send_syn(1000);
    bench.silence(Duration::from_millis(500));
}

#[test]
fn a_connect_that_runs_out_of_its_send_timeout_is_in_progress() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let value = [0i64.to_ne_bytes(), 400_000i64.to_ne_bytes()].concat();
    bench.ok(Call::SetSockOpt {
        fd,
        level: 1,
        name: 21,
        value,
    });
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    assert_eq!(bench.now(), 400_000);
}

#[test]
fn an_unanswered_connect_times_out() {
    let mut bench = Bench::new();
    let line = "sysctl -q -w net.ipv4.tcp_syn_retries=2";
    bench.session.command(line).unwrap();
    let fd = bench.socket();
    let address = bench.remote();
    bench
        .session
        .start_call(&Call::Connect { fd, address })
        .unwrap();
    let (at, outcome) = bench.finish(Duration::from_secs(100));
    assert_eq!(
        (at, outcome.errno.map(|errno| errno.0)),
        (7_000_000, Some(110))
    );
    let times: Vec<i64> = std::iter::from_fn(|| bench.next(Duration::ZERO))
        .map(|packet| packet.0)
        .collect();
    assert_eq!(times, [0, 1_000_000, 3_000_000]);
}

#[test]
fn an_accepted_socket_has_the_listeners_options_but_not_its_nonblocking_flag() {
    let mut bench = Bench::new();
    let listener = bench.listener();
    bench.set_nonblocking(listener);
    bench.set_int(listener, 0, 2, 9);
    bench.set_int(listener, 1, 18, 3);
    bench.peer_opens();
    let fd = bench.ok(Call::Accept {
        fd: listener,
        flags: None,
    });
    let fd = Fd(i32::try_from(fd).unwrap());
    assert_eq!(bench.get_int(fd, 0, 2), 9);
    assert_eq!(bench.get_int(fd, 1, 18), 3);
    let flags = Call::Fcntl {
        fd,
        command: 3,
        argument: None,
    };
    assert_eq!(bench.ok(flags), 2);
}

#[test]
fn a_listener_cannot_connect_and_a_connection_cannot_listen() {
    let mut bench = Bench::new();
    let (listener, fd) = bench.accepted();
    let address = bench.remote();
    bench.fails(
        Call::Connect {
            fd: listener,
            address,
        },
        EISCONN,
    );
    bench.fails(Call::Listen { fd, backlog: 1 }, EINVAL);
}

#[test]
fn a_v6_only_socket_takes_no_mapped_address() {
    let mut bench = Bench::with(IpVersion::Ipv4MappedIpv6, 1);
    let fd = bench.socket();
    bench.set_int(fd, 41, 26, 1);
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, 101);
}

#[test]
fn an_any_listener_answers_on_every_address_of_its_family() {
    let mut bench = Bench::with(IpVersion::Ipv4MappedIpv6, 1);
    let fd = bench.socket();
    let address = Address::Is("[::]:8080".parse::<SocketAddr>().unwrap());
    bench.ok(Call::Bind { fd, address });
    bench.ok(Call::Listen { fd, backlog: 1 });
    bench.peer_opens();
    bench.ok(Call::Accept { fd, flags: None });
}
