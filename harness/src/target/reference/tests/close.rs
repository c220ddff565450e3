//! Closing, half closing, resets, lingering.

use std::time::Duration;

use super::bench::*;
use crate::call::{Call, Fd};
use crate::target::Session;

fn close(fd: Fd) -> Call {
    Call::Close { fd }
}

#[test]
fn close_sends_a_fin_and_frees_the_number() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.ok(close(fd));
    bench.expect(FIN_ACK, 1, 1, 0);
    bench.fails(close(fd), 9);
    assert_eq!(bench.socket(), fd);
}

#[test]
fn a_half_closed_connection_still_reads() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.ok(Call::Shutdown { fd, how: 1 });
    bench.expect(FIN_ACK, 1, 1, 0);
    bench.send(ACK, 1, 2, &[]);
    let data = bytes(1);
    bench.fails(Call::Write { fd, data }, EPIPE);
    bench.send(PSH_ACK, 1, 2, b"late");
    assert_eq!(bench.read(fd, 10), b"late");
    bench.send(FIN_ACK, 5, 2, &[]);
    assert_eq!(bench.read(fd, 10), b"");
}

#[test]
fn a_reset_is_told_once_then_reads_end_and_writes_break() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(RST_ACK, 1, 1, &[]);
    bench.fails(Call::Read { fd, len: 10 }, ECONNRESET);
    assert_eq!(bench.read(fd, 10), b"");
    let data = bytes(1);
    bench.fails(Call::Write { fd, data }, EPIPE);
    assert_eq!(bench.so_error(fd), 0);
    bench.ok(close(fd));
    bench.silence(Duration::from_secs(1));
}

#[test]
fn a_reset_is_told_to_a_writer_first_too() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(RST_ACK, 1, 1, &[]);
    let write = || Call::Write { fd, data: bytes(1) };
    bench.fails(write(), ECONNRESET);
    bench.fails(write(), EPIPE);
}

#[test]
fn zero_linger_turns_close_into_a_reset() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let value = [1i32.to_ne_bytes(), 0i32.to_ne_bytes()].concat();
    bench.ok(Call::SetSockOpt {
        fd,
        level: 1,
        name: 13,
        value,
    });
    bench.ok(close(fd));
    let (_, segment) = bench.next(Duration::ZERO).expect("no RST");
    assert!(segment.flags.contains(RST), "{segment:?}");
}

#[test]
fn linger_holds_close_until_the_fin_is_acknowledged() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let value = [1i32.to_ne_bytes(), 5i32.to_ne_bytes()].concat();
    bench.ok(Call::SetSockOpt {
        fd,
        level: 1,
        name: 13,
        value,
    });
    bench.session.start_call(&close(fd)).unwrap();
    bench.expect(FIN_ACK, 1, 1, 0);
    bench.sleep(Duration::from_millis(40));
    bench.send(ACK, 1, 2, &[]);
    let (at, outcome) = bench.finish(Duration::ZERO);
    assert_eq!((at, outcome.result), (40_000, 0));
}

#[test]
fn linger_runs_out_without_an_error() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let value = [1i32.to_ne_bytes(), 2i32.to_ne_bytes()].concat();
    bench.ok(Call::SetSockOpt {
        fd,
        level: 1,
        name: 13,
        value,
    });
    bench.session.start_call(&close(fd)).unwrap();
    let (at, outcome) = bench.finish(Duration::from_secs(10));
    assert_eq!((at, outcome.result), (2_000_000, 0));
}

#[test]
fn a_port_in_time_wait_is_taken_without_reuseaddr() {
    let mut bench = Bench::new();
    let (listener, fd) = bench.accepted();
    bench.ok(close(listener));
    bench.ok(close(fd));
    bench.expect(FIN_ACK, 1, 1, 0);
    bench.send(FIN_ACK, 1, 2, &[]);
    bench.expect(ACK, 2, 2, 0);
    let address = bench.local();
    let again = bench.socket();
    bench.fails(Call::Bind { fd: again, address }, EADDRINUSE);
    let reusing = bench.socket();
    bench.set_int(reusing, 1, 2, 1);
    bench.ok(Call::Bind {
        fd: reusing,
        address,
    });
    bench.ok(Call::Listen {
        fd: reusing,
        backlog: 1,
    });
    // 2MSL later nothing holds the port any more.
    bench.ok(close(reusing));
    bench.sleep(Duration::from_secs(240));
    bench.ok(Call::Bind { fd: again, address });
}

#[test]
fn shutdown_needs_a_connection_and_a_known_direction() {
    let mut bench = Bench::new();
    let fresh = bench.socket();
    bench.fails(Call::Shutdown { fd: fresh, how: 1 }, ENOTCONN);
    let (_, fd) = bench.accepted();
    bench.fails(Call::Shutdown { fd, how: 3 }, EINVAL);
}

#[test]
fn shut_rd_ends_reading_on_our_side_only() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.ok(Call::Shutdown { fd, how: 0 });
    bench.silence(Duration::from_secs(1));
    assert_eq!(bench.read(fd, 10), b"");
    bench.write(fd, 5);
    bench.expect(PSH_ACK, 1, 1, 5);
}

#[test]
fn a_listener_shut_for_reading_is_a_fresh_socket() {
    let mut bench = Bench::new();
    let fd = bench.listener();
    bench.ok(Call::Shutdown { fd, how: 0 });
    bench.fails(Call::Accept { fd, flags: None }, EINVAL);
    bench.send_syn(1000);
    let (_, segment) = bench.next(Duration::ZERO).expect("no RST");
    assert!(segment.flags.contains(RST));
}

#[test]
fn shutdown_is_possible_until_the_connection_is_over() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(FIN_ACK, 1, 1, &[]);
    let shutdown = |how| Call::Shutdown { fd, how };
    bench.ok(shutdown(1));
    // LAST-ACK: still a connection.
    bench.ok(shutdown(2));
    bench.send(ACK, 2, 2, &[]);
    bench.fails(shutdown(2), ENOTCONN);
}
