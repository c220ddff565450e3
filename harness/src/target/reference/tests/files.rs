//! Pipes and files, and what moves between them and a socket.

use super::bench::*;
use crate::call::{Call, Fd, Output};
use crate::target::{CallReport, CommandContext, Session};
use crate::wire::TcpFlags;

const ENOENT: i32 = 2;
const EBADF: i32 = 9;
const EEXIST: i32 = 17;
const ESPIPE: i32 = 29;
const CREATE: i32 = 0o100;
const NONBLOCK: u32 = 2;

fn pipe(bench: &mut Bench) -> (Fd, Fd) {
    match bench.call(Call::Pipe).output {
        Output::Pipe(input, output) => (input, output),
        other => panic!("{other:?}"),
    }
}

fn open(bench: &mut Bench, path: &str, flags: i32) -> Fd {
    let path = path.to_owned();
    Fd(i32::try_from(bench.ok(Call::Open { path, flags })).unwrap())
}

fn splice(input: Fd, output: Fd, len: usize, flags: u32) -> Call {
    Call::Splice {
        input,
        output,
        len,
        flags,
    }
}

fn write(fd: Fd, data: &[u8]) -> Call {
    Call::Write {
        fd,
        data: data.to_vec(),
    }
}

#[test]
fn a_file_is_written_and_read_from_where_each_descriptor_stands() {
    let mut bench = Bench::new();
    let file = open(&mut bench, "/tmp/a", CREATE | 1);
    bench.ok(write(file, b"hello"));
    bench.ok(write(file, b" world"));
    bench.fails(Call::Read { fd: file, len: 1 }, EBADF);
    let reader = open(&mut bench, "/tmp/a", 0);
    assert_eq!(bench.read(reader, 5), b"hello");
    assert_eq!(bench.read(reader, 50), b" world");
    assert_eq!(bench.read(reader, 50), b"");
    bench.fails(write(reader, b"x"), EBADF);
    let appender = open(&mut bench, "/tmp/a", 0o2001);
    bench.ok(write(appender, b"!"));
    assert_eq!(bench.read(reader, 50), b"!");
}

#[test]
fn a_path_that_is_not_there_or_must_not_be() {
    let mut bench = Bench::new();
    let call = |flags: i32| Call::Open {
        path: "/tmp/none".to_owned(),
        flags,
    };
    bench.fails(call(0), ENOENT);
    bench.ok(call(CREATE | 0o200));
    bench.fails(call(CREATE | 0o200), EEXIST);
    let elsewhere = Call::Open {
        path: "/etc/passwd".to_owned(),
        flags: 0,
    };
    assert!(
        bench
            .session
            .call(&elsewhere, std::time::Duration::ZERO)
            .is_err()
    );
}

#[test]
fn a_pipe_ends_when_nobody_can_write_and_breaks_when_nobody_reads() {
    let mut bench = Bench::new();
    let (input, output) = pipe(&mut bench);
    bench.ok(write(output, b"abc"));
    assert_eq!(bench.read(input, 2), b"ab");
    bench.ok(Call::Close { fd: output });
    assert_eq!(bench.read(input, 9), b"c");
    assert_eq!(bench.read(input, 9), b"");
    let (input, output) = pipe(&mut bench);
    bench.ok(Call::Close { fd: input });
    bench.fails(write(output, b"x"), EPIPE);
    bench.fails(Call::Read { fd: output, len: 1 }, EBADF);
}

#[test]
fn a_full_pipe_stops_a_writer_until_somebody_reads() {
    let mut bench = Bench::new();
    let (input, output) = pipe(&mut bench);
    bench
        .session
        .start_call(&write(output, &bytes(65_536 + 10)))
        .unwrap();
    let now = bench.session.now();
    assert_eq!(bench.session.finish_call(now).unwrap(), CallReport::Blocked);
    assert_eq!(bench.read(input, 20), bytes(20));
    let (_, outcome) = bench.finish(std::time::Duration::ZERO);
    assert_eq!(outcome.result, 65_546);
}

#[test]
fn bytes_go_from_a_socket_through_a_pipe_to_another_place() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let (input, output) = pipe(&mut bench);
    bench.set_nonblocking(fd);
    bench.fails(splice(fd, output, 10, 0), EAGAIN);
    bench.send(PSH_ACK, 1, 1, b"abcdef");
    bench.expect(ACK, 1, 7, 0);
    assert_eq!(bench.ok(splice(fd, output, 4, 0)), 4);
    assert_eq!(bench.ok(splice(fd, output, 9, 0)), 2);
    assert_eq!(bench.ok(splice(input, fd, 5, 0)), 5);
    assert_eq!(bench.expect(PSH_ACK, 1, 7, 5).payload, b"abcde");
    assert_eq!(bench.ok(splice(input, fd, 5, NONBLOCK)), 1);
    bench.fails(splice(input, fd, 5, NONBLOCK), EAGAIN);
    bench.ok(Call::Close { fd: output });
    assert_eq!(bench.ok(splice(input, fd, 5, 0)), 0);
}

#[test]
fn splice_stops_at_the_urgent_mark() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let (_, output) = pipe(&mut bench);
    bench.send_with(PSH_ACK.with(TcpFlags::URG), 1, 1, b"abcd", Vec::new(), 3);
    assert_eq!(bench.ok(splice(fd, output, 2, 0)), 2);
    assert_eq!(bench.ok(splice(fd, output, 1, 0)), 0);
}

#[test]
fn splice_wants_a_pipe_that_goes_the_right_way() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let (input, output) = pipe(&mut bench);
    bench.fails(splice(fd, fd, 1, 0), EINVAL);
    bench.fails(splice(output, fd, 1, 0), EBADF);
    bench.fails(splice(fd, input, 1, 0), EBADF);
    bench.fails(splice(input, output, 1, 0), EINVAL);
    bench.fails(splice(fd, output, 1, 0x10), EINVAL);
    bench.fails(splice(fd, Fd(99), 1, 0), EBADF);
    assert_eq!(bench.ok(splice(fd, output, 0, 0)), 0);
}

#[test]
fn sendfile_sends_from_its_own_offset() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let file = open(&mut bench, "/tmp/a", CREATE | 2);
    bench.ok(write(file, b"0123456789"));
    let send = |input: Fd, offset: i64, len: usize| Call::SendFile {
        output: fd,
        input,
        offset,
        len,
    };
    assert_eq!(bench.ok(send(file, 3, 4)), 4);
    assert_eq!(bench.expect(PSH_ACK, 1, 1, 4).payload, b"3456");
    bench.send(ACK, 1, 5, &[]);
    assert_eq!(bench.ok(send(file, 8, 100)), 2);
    assert_eq!(bench.ok(send(file, 50, 100)), 0);
    bench.fails(send(file, -1, 1), EINVAL);
    let (input, _) = pipe(&mut bench);
    bench.fails(send(input, 0, 1), ESPIPE);
}

#[test]
fn programs_make_and_remove_files_and_count() {
    let mut bench = Bench::new();
    bench
        .session
        .prepare_commands(&CommandContext::default())
        .unwrap();
    let mut run = |line: &str| bench.session.command(line).unwrap();
    let made = run("/bin/rm -f /tmp/x\n/bin/dd bs=2 count=3 if=/dev/zero of=/tmp/x status=none");
    assert_eq!(made.status, Some(0));
    assert_eq!(run("nstat | grep TcpOutRsts").status, Some(1));
    bench.send(ACK, 1, 1, &[]);
    let found = bench.session.command("nstat | grep TcpOutRsts").unwrap();
    assert_eq!(found.status, Some(0));
    let file = open(&mut bench, "/tmp/x", 0);
    assert_eq!(bench.read(file, 10), [0; 6]);
    assert_eq!(bench.session.command("rm /tmp/x").unwrap().status, Some(0));
    assert_eq!(bench.session.command("rm /tmp/x").unwrap().status, Some(1));
    let list = "grep \" 0A \" /proc/net/tcp /proc/net/tcp6 | grep \":1F90\"";
    assert_eq!(bench.session.command(list).unwrap().status, Some(1));
    bench.listener();
    assert_eq!(bench.session.command(list).unwrap().status, Some(0));
}
