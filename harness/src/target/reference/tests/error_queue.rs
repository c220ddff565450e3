//! Notices of sends: `MSG_ERRQUEUE`.

use std::time::Duration;

use super::bench::*;
use crate::call::{Address, Call, ControlMessage, Fd, Output};
use crate::program::IpVersion;
use crate::target::{Session, TargetError};

const SOL_SOCKET: i32 = 1;
const SO_TIMESTAMPING: i32 = 37;
const SOL_TCP: i32 = 6;
const TCP_NODELAY: i32 = 1;
const SO_ZEROCOPY: i32 = 60;
const MSG_TRUNC: i32 = 0x20;
const MSG_CTRUNC: i32 = 0x8;
const MSG_ERRQUEUE: i32 = 0x2000;
const MSG_ZEROCOPY: i32 = 0x400_0000;
/// Software stamps, when queued, sent and acknowledged, with the number of the byte.
const ALL_STAMPS: i32 = 0x2 | 0x10 | 0x80 | 0x100 | 0x200;
const TSONLY: i32 = 0x800;

fn notice(fd: Fd, len: usize, control_len: usize) -> Call {
    Call::RecvMsg {
        fd,
        lens: vec![len],
        flags: MSG_ERRQUEUE,
        control_len,
    }
}

fn zero_copy(bench: &mut Bench, fd: Fd, len: usize) -> i64 {
    bench.ok(Call::Send {
        fd,
        data: bytes(len),
        flags: MSG_ZEROCOPY,
    })
}

/// Flags and control messages of the next notice.
fn next(bench: &mut Bench, fd: Fd) -> (i32, Vec<ControlMessage>) {
    let outcome = bench.call(notice(fd, 0, 1000));
    let Output::Message { flags, control, .. } = outcome.output else {
        panic!("{outcome:?}");
    };
    assert_eq!(outcome.result, 0);
    (flags, control)
}

/// Errno, origin, code, info and data of an extended error.
fn error_of(message: &ControlMessage) -> (u32, u8, u8, u32, u32) {
    let word = |at: usize| u32::from_ne_bytes(message.data[at..at + 4].try_into().unwrap());
    (word(0), message.data[4], message.data[6], word(8), word(12))
}

fn micros_of(message: &ControlMessage) -> i64 {
    let word = |at: usize| i64::from_ne_bytes(message.data[at..at + 8].try_into().unwrap());
    word(0) * 1_000_000 + word(8) / 1000
}

#[test]
fn buffers_are_done_with_when_all_is_acknowledged() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    assert_eq!(zero_copy(&mut bench, fd, 300), 300);
    bench.fails(notice(fd, 0, 100), EAGAIN);
    bench.send(ACK, 1, 300, &[]);
    bench.fails(notice(fd, 0, 100), EAGAIN);
    bench.send(ACK, 1, 301, &[]);
    let (flags, control) = next(&mut bench, fd);
    assert_eq!(flags, MSG_ERRQUEUE);
    assert_eq!((control[0].level, control[0].kind), (0, 11));
    assert_eq!(control[0].data.len(), 32);
    assert_eq!(error_of(&control[0]), (0, 5, 1, 0, 0));
    bench.fails(notice(fd, 0, 100), EAGAIN);
}

#[test]
fn an_ipv6_socket_has_the_message_of_its_family() {
    let mut bench = Bench::with(IpVersion::Ipv4MappedIpv6, 1);
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    zero_copy(&mut bench, fd, 10);
    bench.send(ACK, 1, 11, &[]);
    let (_, control) = next(&mut bench, fd);
    let message = &control[0];
    assert_eq!(
        (message.level, message.kind, message.data.len()),
        (41, 25, 44)
    );
}

#[test]
fn notices_of_sends_in_a_row_are_one_and_only_sends_with_bytes_count() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    bench.set_int(fd, SOL_TCP, TCP_NODELAY, 1);
    zero_copy(&mut bench, fd, 10);
    zero_copy(&mut bench, fd, 0);
    bench.write(fd, 10);
    zero_copy(&mut bench, fd, 10);
    bench.send(ACK, 1, 31, &[]);
    let (_, control) = next(&mut bench, fd);
    assert_eq!(error_of(&control[0]), (0, 5, 1, 0, 1));
    bench.fails(notice(fd, 0, 100), EAGAIN);
}

#[test]
fn without_the_option_the_flag_means_nothing() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    zero_copy(&mut bench, fd, 10);
    bench.send(ACK, 1, 11, &[]);
    bench.fails(notice(fd, 0, 100), EAGAIN);
}

#[test]
fn a_reset_gives_the_buffers_back() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    zero_copy(&mut bench, fd, 10);
    bench.send(RST, 1, 0, &[]);
    assert_eq!(error_of(&next(&mut bench, fd).1[0]), (0, 5, 1, 0, 0));
}

#[test]
fn a_notice_that_does_not_fit_is_cut_and_says_so() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    zero_copy(&mut bench, fd, 10);
    bench.send(ACK, 1, 11, &[]);
    let outcome = bench.call(notice(fd, 0, 20));
    let Output::Message { flags, control, .. } = outcome.output else {
        panic!("{outcome:?}");
    };
    assert_eq!(flags, MSG_ERRQUEUE | MSG_CTRUNC);
    assert_eq!(control[0].data.len(), 4);
}

#[test]
fn poll_shows_an_error_as_long_as_a_notice_waits() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    zero_copy(&mut bench, fd, 10);
    let look = |bench: &mut Bench| {
        let entries = vec![crate::call::PollEntry { fd, events: 0 }];
        bench
            .call(Call::Poll {
                entries,
                timeout_ms: 0,
            })
            .output
    };
    assert_eq!(look(&mut bench), Output::Poll(vec![0]));
    bench.send(ACK, 1, 11, &[]);
    assert_eq!(look(&mut bench), Output::Poll(vec![8]));
    next(&mut bench, fd);
    assert_eq!(look(&mut bench), Output::Poll(vec![0]));
}

#[test]
fn the_last_byte_of_a_send_is_stamped_when_sent_and_when_acknowledged() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.write(fd, 50);
    bench.send(ACK, 1, 51, &[]);
    bench.set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, ALL_STAMPS);
    bench.sleep(Duration::from_millis(10));
    bench.write(fd, 100);
    bench.sleep(Duration::from_millis(5));
    bench.send(ACK, 1, 151, &[]);
    for (kind, at) in [(1, 10_000), (0, 10_000), (2, 15_000)] {
        let (flags, control) = next(&mut bench, fd);
        assert_eq!(flags, MSG_ERRQUEUE | MSG_TRUNC);
        assert_eq!((control[0].level, control[0].kind), (SOL_SOCKET, 37));
        assert_eq!(control[0].data.len(), 48);
        assert_eq!(micros_of(&control[0]), at);
        // ENOMSG; the byte counts from the last one acknowledged when stamping began.
        assert_eq!(error_of(&control[1]), (42, 4, 0, kind, 99));
    }
    bench.fails(notice(fd, 0, 100), EAGAIN);
}

#[test]
fn each_time_a_byte_is_sent_is_told() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, ALL_STAMPS | TSONLY);
    bench.write(fd, 100);
    next(&mut bench, fd);
    assert_eq!(micros_of(&next(&mut bench, fd).1[0]), 0);
    bench.sleep(Duration::from_millis(1500));
    let (_, control) = next(&mut bench, fd);
    assert_eq!(error_of(&control[1]), (42, 4, 0, 1, 99));
    let (_, control) = next(&mut bench, fd);
    assert_eq!(error_of(&control[1]), (42, 4, 0, 0, 99));
    assert!(micros_of(&control[0]) >= 200_000);
    bench.fails(notice(fd, 0, 100), EAGAIN);
}

#[test]
fn a_stamp_alone_has_no_packet_with_it() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, 0x2 | TSONLY);
    bench.write(fd, 100);
    let (flags, control) = next(&mut bench, fd);
    assert_eq!(flags, MSG_ERRQUEUE);
    // Nobody asked for the time itself, nor for the number of the byte.
    assert_eq!(control.len(), 1);
    assert_eq!(error_of(&control[0]), (42, 4, 0, 0, 0));
}

#[test]
fn a_packet_that_was_not_kept_is_a_missing_capability() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, 0x2 | 0x10);
    bench.write(fd, 100);
    let result = bench
        .session
        .call(&notice(fd, 10, 100), Duration::ZERO)
        .unwrap_err();
    assert!(matches!(result, TargetError::Unsupported { .. }));
}

#[test]
fn bytes_can_be_counted_from_a_connection_only() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let value = |flags: i32| Call::SetSockOpt {
        fd,
        level: SOL_SOCKET,
        name: SO_TIMESTAMPING,
        value: flags.to_ne_bytes().to_vec(),
    };
    bench.fails(value(0x80), EINVAL);
    bench.fails(value(1 << 25), EINVAL);
    bench.ok(value(0x2));
    assert_eq!(bench.get_int(fd, SOL_SOCKET, SO_TIMESTAMPING), 2);
}

#[test]
fn a_socket_that_never_connected_has_no_notices() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    bench.fails(notice(fd, 0, 100), EAGAIN);
    let to_nobody = Call::SendTo {
        fd,
        data: bytes(3),
        flags: MSG_ZEROCOPY,
        address: Address::Is("192.0.2.1:7".parse().unwrap()),
    };
    bench.fails(to_nobody, EPIPE);
    bench.fails(notice(fd, 0, 100), EAGAIN);
}

#[test]
fn what_was_read_has_the_stamp_of_its_arrival() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(PSH_ACK, 1, 1, b"early");
    bench.set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, 0x8 | 0x10);
    bench.sleep(Duration::from_millis(20));
    bench.send(PSH_ACK, 6, 1, b"late");
    bench.sleep(Duration::from_millis(5));
    let mut read = |len: usize| {
        let outcome = bench.call(Call::RecvMsg {
            fd,
            lens: vec![len],
            flags: 0,
            control_len: 100,
        });
        match outcome.output {
            Output::Message { control, .. } => control.first().map(micros_of),
            other => panic!("{other:?}"),
        }
    };
    // Nobody looked at the clock when the first bytes came.
    assert_eq!(read(6), Some(20_000));
    assert_eq!(read(3), Some(20_000));
}

#[test]
fn edge_triggered_epoll_tells_of_every_report() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
    let epoll = Fd(i32::try_from(bench.ok(Call::EpollCreate { size: 1 })).unwrap());
    bench.ok(Call::EpollCtl {
        epoll,
        operation: 1,
        fd,
        events: 1 << 31 | 4,
        data: 9,
    });
    let wait = |bench: &mut Bench| {
        let call = Call::EpollWait {
            epoll,
            max_events: 1,
            timeout_ms: 0,
        };
        bench.call(call).output
    };
    assert_eq!(wait(&mut bench), Output::Epoll(vec![(4, 9)]));
    for ack in [11, 21] {
        zero_copy(&mut bench, fd, 10);
        bench.send(ACK, 1, ack, &[]);
        assert_eq!(wait(&mut bench), Output::Epoll(vec![(0xc, 9)]));
        assert_eq!(wait(&mut bench), Output::Epoll(vec![]));
    }
}
