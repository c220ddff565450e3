//! `poll` and epoll.

use std::time::Duration;

use super::bench::*;
use crate::call::{Call, Fd, Output, PollEntry};
use crate::target::Session;
use crate::wire::TcpFlags;

const POLLIN: i16 = 1;
const POLLPRI: i16 = 2;
const POLLOUT: i16 = 4;
const POLLERR: i16 = 8;
const POLLHUP: i16 = 0x10;
const POLLNVAL: i16 = 0x20;
const POLLRDHUP: i16 = 0x2000;
const ALL: i16 = POLLIN | POLLPRI | POLLOUT | POLLRDHUP;

fn poll(fd: Fd, events: i16, timeout_ms: i32) -> Call {
    Call::Poll {
        entries: vec![PollEntry { fd, events }],
        timeout_ms,
    }
}

fn revents(bench: &mut Bench, fd: Fd) -> i16 {
    let outcome = bench.call(poll(fd, ALL, 0));
    let Output::Poll(revents) = outcome.output else {
        panic!("{outcome:?}")
    };
    assert_eq!(outcome.result, i64::from(revents[0] != 0));
    revents[0]
}

#[test]
fn a_connection_shows_linuxs_bits_through_its_life() {
    let mut bench = Bench::new();
    let fresh = bench.socket();
    assert_eq!(revents(&mut bench, fresh), POLLOUT | POLLHUP);
    bench.ok(Call::Close { fd: fresh });
    let listener = bench.listener();
    assert_eq!(revents(&mut bench, listener), 0);
    bench.peer_opens();
    assert_eq!(revents(&mut bench, listener), POLLIN);
    let fd = bench.ok(Call::Accept {
        fd: listener,
        flags: None,
    });
    let fd = Fd(i32::try_from(fd).unwrap());
    assert_eq!(revents(&mut bench, listener), 0);
    assert_eq!(revents(&mut bench, fd), POLLOUT);
    bench.send(PSH_ACK, 1, 1, b"x");
    assert_eq!(revents(&mut bench, fd), POLLIN | POLLOUT);
    bench.read(fd, 1);
    bench.send(FIN_ACK, 2, 1, &[]);
    assert_eq!(revents(&mut bench, fd), POLLIN | POLLRDHUP | POLLOUT);
    bench.ok(Call::Shutdown { fd, how: 1 });
    assert_eq!(
        revents(&mut bench, fd),
        POLLIN | POLLRDHUP | POLLOUT | POLLHUP
    );
    assert_eq!(revents(&mut bench, Fd(77)), POLLNVAL);
    assert_eq!(revents(&mut bench, Fd(-1)), 0);
}

#[test]
fn a_reset_connection_is_everything_but_quiet() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(RST_ACK, 1, 1, &[]);
    let all = POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP;
    assert_eq!(revents(&mut bench, fd), all);
    assert_eq!(bench.so_error(fd), ECONNRESET);
    assert_eq!(revents(&mut bench, fd), all & !POLLERR);
}

#[test]
fn a_connecting_socket_becomes_writable() {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    assert_eq!(revents(&mut bench, fd), 0);
    bench.expect_syn(SYN);
    bench.send(SYN_ACK, 0, 1, &[]);
    assert_eq!(revents(&mut bench, fd), POLLOUT);
}

#[test]
fn poll_wakes_for_a_packet_or_at_its_timeout() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let before = bench.now();
    assert_eq!(bench.call(poll(fd, POLLIN, 120)).result, 0);
    assert_eq!(bench.now() - before, 120_000);
    bench.session.start_call(&poll(fd, POLLIN, -1)).unwrap();
    bench.sleep(Duration::from_millis(30));
    bench.send(PSH_ACK, 1, 1, b"x");
    let (at, outcome) = bench.finish(Duration::ZERO);
    assert_eq!((at, outcome.result), (150_000, 1));
}

fn watch(bench: &mut Bench, fd: Fd, events: u32) -> Fd {
    let epoll = bench.ok(Call::EpollCreate { size: 1 });
    let epoll = Fd(i32::try_from(epoll).unwrap());
    bench.ok(Call::EpollCtl {
        epoll,
        operation: 1,
        fd,
        events,
        data: 42,
    });
    epoll
}

fn wait(bench: &mut Bench, epoll: Fd) -> Vec<(u32, u64)> {
    let outcome = bench.call(Call::EpollWait {
        epoll,
        max_events: 8,
        timeout_ms: 0,
    });
    match outcome.output {
        Output::Epoll(events) => events,
        other => panic!("{other:?}"),
    }
}

#[test]
fn level_triggered_epoll_reports_as_long_as_it_is_so() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let epoll = watch(&mut bench, fd, 1);
    assert_eq!(wait(&mut bench, epoll), []);
    bench.send(PSH_ACK, 1, 1, b"x");
    assert_eq!(wait(&mut bench, epoll), [(1, 42)]);
    assert_eq!(wait(&mut bench, epoll), [(1, 42)]);
    bench.read(fd, 1);
    assert_eq!(wait(&mut bench, epoll), []);
}

#[test]
fn edge_triggered_epoll_reports_each_arrival_once() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let epoll = watch(&mut bench, fd, 1 | 1 << 31);
    bench.send(PSH_ACK, 1, 1, b"x");
    assert_eq!(wait(&mut bench, epoll), [(1, 42)]);
    assert_eq!(wait(&mut bench, epoll), []);
    bench.send(PSH_ACK, 2, 1, b"y");
    assert_eq!(wait(&mut bench, epoll), [(1, 42)]);
    assert_eq!(wait(&mut bench, epoll), []);
}

#[test]
fn one_shot_epoll_rests_until_it_is_set_again() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let events = 1 | 1 << 30;
    let epoll = watch(&mut bench, fd, events);
    bench.send(PSH_ACK, 1, 1, b"x");
    assert_eq!(wait(&mut bench, epoll), [(1, 42)]);
    assert_eq!(wait(&mut bench, epoll), []);
    bench.ok(Call::EpollCtl {
        epoll,
        operation: 3,
        fd,
        events,
        data: 43,
    });
    assert_eq!(wait(&mut bench, epoll), [(1, 43)]);
}

#[test]
fn ready_descriptors_are_reported_in_the_order_in_which_they_became_so() {
    let mut bench = Bench::new();
    let (listener, fd) = bench.accepted();
    let epoll = watch(&mut bench, listener, 1);
    bench.ok(Call::EpollCtl {
        epoll,
        operation: 1,
        fd,
        events: 1,
        data: 7,
    });
    bench.send(PSH_ACK, 1, 1, b"x");
    bench.remote_port += 1;
    bench.peer_opens_again();
    assert_eq!(wait(&mut bench, epoll), [(1, 7), (1, 42)]);
}

#[rstest::rstest]
#[case(0)]
#[case(1)]
fn urgent_data_is_pollpri_until_it_is_read(#[case] inline: i32) {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, 1, 10, inline);
    let flags = PSH_ACK.with(TcpFlags::URG);
    bench.send_with(flags, 1, 1, b"abcd", Vec::new(), 4);
    assert_eq!(revents(&mut bench, fd), POLLIN | POLLPRI | POLLOUT);
    while revents(&mut bench, fd) & POLLIN != 0 {
        bench.read(fd, 10);
    }
    if inline == 0 {
        bench.call(Call::Recv {
            fd,
            len: 1,
            flags: 1,
        });
    }
    assert_eq!(revents(&mut bench, fd) & POLLPRI, 0);
}

#[test]
fn a_send_buffer_that_was_full_is_an_edge_when_it_has_room() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_nonblocking(fd);
    bench.set_int(fd, 1, 7, 4000);
    let epoll = watch(&mut bench, fd, 4 | 1 << 31);
    assert_eq!(wait(&mut bench, epoll), [(4, 42)]);
    assert_eq!(bench.write(fd, 6000), 4000);
    assert_eq!(wait(&mut bench, epoll), []);
    bench.send(ACK, 1, 1001, &[]);
    assert_eq!(wait(&mut bench, epoll), [(4, 42)]);
    // Filled and emptied between two calls: still an edge.
    assert_eq!(bench.write(fd, 6000), 1000);
    bench.send(ACK, 1, 2001, &[]);
    assert_eq!(wait(&mut bench, epoll), [(4, 42)]);
    assert_eq!(wait(&mut bench, epoll), []);
}

#[test]
fn sockets_that_time_out_become_ready_in_that_order() {
    let mut bench = Bench::new();
    let (slow, quick) = (bench.nonblocking_socket(), bench.nonblocking_socket());
    bench.set_int(slow, 6, 18, 5000);
    bench.set_int(quick, 6, 18, 2000);
    let epoll = watch(&mut bench, slow, 1);
    bench.ok(Call::EpollCtl {
        epoll,
        operation: 1,
        fd: quick,
        events: 1,
        data: 7,
    });
    for fd in [slow, quick] {
        let address = bench.remote();
        bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    }
    // The fresh sockets were ready (POLLHUP); connecting ones are not.
    assert_eq!(wait(&mut bench, epoll), []);
    bench.sleep(Duration::from_secs(10));
    let order: Vec<u64> = wait(&mut bench, epoll)
        .into_iter()
        .map(|(_, data)| data)
        .collect();
    assert_eq!(order, [7, 42]);
}

#[test]
fn an_exclusive_watch_is_settled_when_it_is_added() {
    const EINVAL: i32 = 22;
    const EXCLUSIVE: u32 = 1 << 28;
    const ONESHOT: u32 = 1 << 30;
    let mut bench = Bench::new();
    let fd = bench.listener();
    let epoll = Fd(i32::try_from(bench.ok(Call::EpollCreate { size: 1 })).unwrap());
    let ctl = |operation: i32, events: u32| Call::EpollCtl {
        epoll,
        operation,
        fd,
        events,
        data: 1,
    };
    let (add, del, change) = (1, 2, 3);
    bench.fails(ctl(add, 1 | EXCLUSIVE | ONESHOT), EINVAL);
    bench.ok(ctl(add, 1 | EXCLUSIVE));
    bench.fails(ctl(change, 1), EINVAL);
    bench.ok(ctl(del, 0));
    bench.ok(ctl(add, 1));
    bench.fails(ctl(change, 1 | EXCLUSIVE), EINVAL);
    bench.ok(ctl(change, 4));
}

#[test]
fn a_plain_file_cannot_be_watched() {
    const EPERM: i32 = 1;
    let mut bench = Bench::new();
    let open = Call::Open {
        path: "/tmp/a".to_owned(),
        flags: 0o102,
    };
    let fd = Fd(i32::try_from(bench.ok(open)).unwrap());
    let epoll = Fd(i32::try_from(bench.ok(Call::EpollCreate { size: 1 })).unwrap());
    let add = Call::EpollCtl {
        epoll,
        operation: 1,
        fd,
        events: 1,
        data: 1,
    };
    bench.fails(add, EPERM);
}
