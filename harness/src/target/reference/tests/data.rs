//! Reading and writing.

use std::time::Duration;

use super::bench::*;
use crate::call::{Call, ControlMessage, Fd, Output};
use crate::target::{CallReport, Session};
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

#[test]
fn urgent_data_is_lifted_out_of_the_stream() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.set_nonblocking(fd);
    bench.fails(recv(fd, 1, MSG_OOB), EINVAL);
    let flags = PSH_ACK.with(TcpFlags::URG);
    // RFC 9293 (MUST-62): the pointer is that of the last urgent byte's successor less one; old stacks differ by one.
    bench.send_with(flags, 1, 1, b"abcd", Vec::new(), 3);
    let urgent = received(&mut bench, recv(fd, 1, MSG_OOB));
    bench.fails(recv(fd, 1, MSG_OOB), EINVAL);
    let mut stream = bench.read(fd, 10);
    stream.extend(bench.read(fd, 10));
    assert_eq!(urgent.len() + stream.len(), 4);
    let at = b"abcd".iter().position(|byte| *byte == urgent[0]).unwrap();
    let mut whole = b"abcd".to_vec();
    whole.remove(at);
    assert_eq!(stream, whole);
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
