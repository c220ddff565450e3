//! Reading and writing.

use std::time::Duration;

use super::bench::*;
use crate::call::{Call, ControlMessage, Fd, Output};
use crate::target::{CallReport, Session, TargetError};
use crate::wire::TcpFlags;

const MSG_OOB: i32 = 1;
const MSG_PEEK: i32 = 2;
const MSG_TRUNC: i32 = 0x20;
const MSG_DONTWAIT: i32 = 0x40;
const MSG_WAITALL: i32 = 0x100;

fn recv(fd: Fd, len: usize, flags: i32) -> Call {
    Call::Recv { fd, len, flags }
}

fn received(bench: &mut Bench, call: Call) -> Vec<u8> {
    match bench.call(call).output {
        Output::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_flows_both_ways() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    assert_eq!(bench.write(fd, 300), 300);
    let segment = bench.expect(PSH_ACK, 1, 1, 300);
    assert_eq!(segment.payload, bytes(300));
    bench.send(PSH_ACK, 1, 301, &bytes(200));
    assert_eq!(bench.read(fd, 150), bytes(200)[..150]);
    assert_eq!(bench.read(fd, 150), bytes(200)[150..]);
}

#[test]
fn a_lost_segment_goes_out_again_after_the_rto_in_virtual_time() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.sleep(Duration::from_millis(250));
    bench.write(fd, 100);
    bench.expect(PSH_ACK, 1, 1, 100);
    let (first, _) = bench.expect_within(Duration::from_secs(10), PSH_ACK, 1, 1, 100);
    let (second, _) = bench.expect_within(Duration::from_secs(10), PSH_ACK, 1, 1, 100);
    assert_eq!((first - 250_000, second - first), (1_000_000, 2_000_000));
    bench.send(ACK, 1, 101, &[]);
    bench.silence(Duration::from_secs(100));
}

#[test]
fn a_blocking_read_sleeps_until_data_arrives() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench
        .session
        .start_call(&Call::Read { fd, len: 10 })
        .unwrap();
    bench.sleep(Duration::from_millis(70));
    bench.send(PSH_ACK, 1, 1, b"abc");
    let (at, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(
        (at, outcome.output),
        (70_000, Output::Bytes(b"abc".to_vec()))
    );
}

#[test]
fn dontwait_and_receive_timeout_end_in_eagain() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.fails(recv(fd, 1, MSG_DONTWAIT), EAGAIN);
    let value = [0i64.to_ne_bytes(), 250_000i64.to_ne_bytes()].concat();
    bench.ok(Call::SetSockOpt {
        fd,
        level: 1,
        name: 20,
        value,
    });
    let before = bench.now();
    bench.fails(recv(fd, 1, 0), EAGAIN);
    assert_eq!(bench.now() - before, 250_000);
}

#[test]
fn peek_leaves_and_trunc_throws_away() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(PSH_ACK, 1, 1, b"abcdef");
    assert_eq!(received(&mut bench, recv(fd, 4, MSG_PEEK)), b"abcd");
    let outcome = bench.call(recv(fd, 2, MSG_TRUNC));
    assert_eq!((outcome.result, outcome.output), (2, Output::None));
    assert_eq!(bench.read(fd, 10), b"cdef");
}

#[test]
fn waitall_collects_until_the_buffer_is_full_or_the_stream_ends() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.session.start_call(&recv(fd, 6, MSG_WAITALL)).unwrap();
    bench.send(PSH_ACK, 1, 1, b"abc");
    let report = bench
        .session
        .finish_call(crate::time::Time::from_micros(50_000));
    assert_eq!(report.unwrap(), CallReport::Blocked);
    bench.send(PSH_ACK, 4, 1, b"defgh");
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.output, Output::Bytes(b"abcdef".to_vec()));
    bench.session.start_call(&recv(fd, 6, MSG_WAITALL)).unwrap();
    bench.send(FIN_ACK, 9, 1, &[]);
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.output, Output::Bytes(b"gh".to_vec()));
    assert_eq!(bench.read(fd, 10), b"");
}

#[test]
fn a_full_send_buffer_stops_a_writer_until_the_peer_acknowledges() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, 1, 7, 4000);
    let data = bytes(6000);
    bench.session.start_call(&Call::Write { fd, data }).unwrap();
    let mut acknowledged = 1;
    while let Some((_, segment)) = bench.next(Duration::from_millis(600)) {
        let end = segment.sequence.wrapping_sub(bench.isn) + segment.payload.len() as u32;
        acknowledged = acknowledged.max(end);
        bench.send(ACK, 1, acknowledged, &[]);
    }
    assert_eq!(acknowledged, 6001);
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.result, 6000);
}

#[test]
fn a_nonblocking_writer_gets_what_there_is_room_for() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_nonblocking(fd);
    bench.set_int(fd, 1, 7, 4000);
    assert_eq!(bench.write(fd, 6000), 4000);
    let data = bytes(1);
    bench.fails(Call::Write { fd, data }, EAGAIN);
}

#[test]
fn vectors_are_one_stream_and_recvmsg_tells_what_is_left() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, 6, 36, 1);
    let data = vec![bytes(30), bytes(70)];
    assert_eq!(bench.ok(Call::Writev { fd, data }), 100);
    bench.expect(PSH_ACK, 1, 1, 100);
    bench.send(PSH_ACK, 1, 101, &bytes(250));
    let outcome = bench.call(Call::RecvMsg {
        fd,
        lens: vec![40, 10],
        flags: 0,
        control_len: 100,
    });
    let inq = ControlMessage {
        level: 6,
        kind: 36,
        data: 200i32.to_ne_bytes().to_vec(),
    };
    assert_eq!(
        outcome.output,
        Output::Message {
            data: bytes(50),
            flags: 0,
            control: vec![inq],
            address: None,
        }
    );
    let queued = Call::Ioctl {
        fd,
        request: 0x541b,
        argument: None,
    };
    assert_eq!(bench.call(queued).output, Output::Int(200));
}

#[test]
fn siocoutq_counts_what_the_peer_has_not_acknowledged() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let queued = || Call::Ioctl {
        fd,
        request: 0x5411,
        argument: None,
    };
    bench.write(fd, 300);
    assert_eq!(bench.call(queued()).output, Output::Int(300));
    bench.send(ACK, 1, 101, &[]);
    assert_eq!(bench.call(queued()).output, Output::Int(200));
}

fn at_mark(bench: &mut Bench, fd: Fd) -> Output {
    let call = Call::Ioctl {
        fd,
        request: 0x8905,
        argument: None,
    };
    bench.call(call).output
}

#[test]
fn urgent_data_is_lifted_out_of_the_stream() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_nonblocking(fd);
    bench.fails(recv(fd, 1, MSG_OOB), EINVAL);
    let flags = PSH_ACK.with(TcpFlags::URG);
    // The pointer is the offset of the octet after the urgent data (RFC 9293 §3.8.5, RFC 6093 §4): "c" is urgent.
    bench.send_with(flags, 1, 1, b"abcd", Vec::new(), 3);
    assert_eq!(received(&mut bench, recv(fd, 1, MSG_OOB)), b"c");
    bench.fails(recv(fd, 1, MSG_OOB), EINVAL);
    // One call does not read across the mark, not even with MSG_WAITALL.
    assert_eq!(received(&mut bench, recv(fd, 4, MSG_WAITALL)), b"ab");
    assert_eq!(at_mark(&mut bench, fd), Output::Int(1));
    assert_eq!(bench.read(fd, 10), b"d");
    assert_eq!(at_mark(&mut bench, fd), Output::Int(0));
}

#[test]
fn inline_urgent_data_stays_in_the_stream() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, 1, 10, 1);
    let flags = PSH_ACK.with(TcpFlags::URG);
    bench.send_with(flags, 1, 1, b"abcd", Vec::new(), 3);
    bench.fails(recv(fd, 1, MSG_OOB), EINVAL);
    assert_eq!(bench.read(fd, 2), b"ab");
    assert_eq!(at_mark(&mut bench, fd), Output::Int(1));
    assert_eq!(bench.read(fd, 10), b"cd");
}

#[test]
fn urgent_data_goes_out_with_the_pointer_at_its_end() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.ok(Call::Send {
        fd,
        data: bytes(10),
        flags: MSG_OOB,
    });
    let segment = bench.expect(PSH_ACK.with(TcpFlags::URG), 1, 1, 10);
    assert_eq!(segment.urgent, 10);
}

#[test]
fn a_fresh_socket_reads_enotconn_and_writes_epipe() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    bench.fails(Call::Read { fd, len: 1 }, ENOTCONN);
    let data = bytes(1);
    bench.fails(Call::Write { fd, data }, EPIPE);
}

#[test]
fn receive_low_water_holds_a_reader_back() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_int(fd, 1, 18, 5);
    bench
        .session
        .start_call(&Call::Read { fd, len: 100 })
        .unwrap();
    bench.send(PSH_ACK, 1, 1, b"abc");
    bench.sleep(Duration::from_millis(10));
    bench.send(PSH_ACK, 4, 1, b"de");
    let (at, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(
        (at, outcome.output),
        (10_000, Output::Bytes(b"abcde".to_vec()))
    );
}

#[test]
fn peek_with_waitall_sees_all_of_it_and_takes_nothing() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let call = recv(fd, 4, MSG_PEEK | MSG_WAITALL);
    bench.session.start_call(&call).unwrap();
    bench.send(PSH_ACK, 1, 1, b"ab");
    bench.send(PSH_ACK, 3, 1, b"cd");
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.output, Output::Bytes(b"abcd".to_vec()));
    assert_eq!(bench.read(fd, 9), b"abcd");
}

#[test]
fn a_reader_with_bytes_leaves_the_reset_to_the_next_call() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let call = recv(fd, 100, MSG_WAITALL);
    bench.session.start_call(&call).unwrap();
    bench.send(PSH_ACK, 1, 1, b"abc");
    bench.send(RST_ACK, 4, 1, &[]);
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.output, Output::Bytes(b"abc".to_vec()));
    bench.fails(Call::Read { fd, len: 1 }, ECONNRESET);
}

#[test]
fn a_nonblocking_writer_waits_for_the_handshake() {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    bench.expect_syn(SYN);
    let data = bytes(10);
    bench.fails(Call::Write { fd, data }, EAGAIN);
    bench.fails(Call::Read { fd, len: 1 }, EAGAIN);
    bench.send(SYN_ACK, 0, 1, &[]);
    bench.expect(ACK, 1, 1, 0);
    assert_eq!(bench.write(fd, 10), 10);
}

#[test]
fn the_urgent_byte_can_be_looked_at_before_it_is_taken() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send_with(PSH_ACK.with(TcpFlags::URG), 1, 1, b"abc", Vec::new(), 3);
    assert_eq!(received(&mut bench, recv(fd, 1, MSG_OOB | MSG_PEEK)), b"c");
    assert_eq!(received(&mut bench, recv(fd, 1, MSG_OOB)), b"c");
    bench.fails(recv(fd, 1, MSG_OOB | MSG_PEEK), EINVAL);
}

#[test]
fn flags_the_target_does_not_know_are_missing_capabilities() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let probe = Call::Send {
        fd,
        data: bytes(1),
        flags: 0x10,
    };
    for (call, name) in [(probe, "msg:0x10"), (recv(fd, 1, 0x200), "msg:0x200")] {
        match bench.session.call(&call, Duration::ZERO) {
            Err(TargetError::Unsupported { capability, .. }) => assert_eq!(capability, name),
            other => panic!("{other:?}"),
        }
    }
}
