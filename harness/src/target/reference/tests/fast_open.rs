//! Fast Open through the calls: options, a send that opens, a connect whose SYN waits, early accepts.

use std::time::Duration;

use rstest::rstest;

use super::bench::*;
use crate::call::{Address, Call, Errno, Fd, Output};
use crate::target::{CallReport, Session};
use crate::wire::{TcpFlags, TcpOption, TcpSegment};

const FASTOPEN: i32 = 0x2000_0000;
const DONTWAIT: i32 = 0x40;
const TCP: i32 = 6;
const QUEUE: i32 = 23;
const CONNECT: i32 = 30;
const KEY: i32 = 33;
const NO_COOKIE: i32 = 34;
const EOPNOTSUPP: i32 = 95;
const OPT_SYN_DATA: i64 = 32;
const COOKIE: &[u8] = b"abcdef";

fn run(bench: &mut Bench, line: &str) {
    let report = bench.session.command(line).unwrap();
    assert_eq!(report.status, Some(0), "{line}: {}", report.output);
}

fn send_to(bench: &Bench, fd: Fd, len: usize, flags: i32) -> Call {
    Call::SendTo {
        fd,
        data: bytes(len),
        flags,
        address: bench.remote(),
    }
}

fn cookie_of(segment: &TcpSegment) -> Option<Vec<u8>> {
    segment.options.iter().find_map(|option| match option {
        TcpOption::FastOpen(cookie) => Some(cookie.clone()),
        _ => None,
    })
}

/// The SYN-ACK acknowledges so much; the stack's answer is left to the test.
fn answer(bench: &mut Bench, ack: u32, cookie: Option<&[u8]>) {
    let mut options = vec![TcpOption::MaximumSegmentSize(1460)];
    options.extend(cookie.map(|cookie| TcpOption::FastOpen(cookie.to_vec())));
    bench.send_with(SYN_ACK, 0, ack, &[], options, 0);
}

/// A bench whose stack has the peer's cookie.
fn warm() -> Bench {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    let call = send_to(&bench, fd, 10, FASTOPEN);
    bench.fails(call, EINPROGRESS);
    let syn = bench.expect_syn(SYN);
    assert_eq!((cookie_of(&syn), syn.payload.len()), (Some(Vec::new()), 0));
    answer(&mut bench, 1, Some(COOKIE));
    bench.expect(ACK, 1, 1, 0);
    bench.send(RST, 1, 0, &[]);
    bench.ok(Call::Close { fd });
    bench
}

fn syn_data_taken(bench: &mut Bench, fd: Fd) -> bool {
    bench.session.socket_info(fd).unwrap()["tcpi_options"] & OPT_SYN_DATA != 0
}

#[test]
fn a_send_that_opens_takes_what_goes_along_with_the_syn() {
    let mut bench = warm();
    let fd = bench.nonblocking_socket();
    let call = send_to(&bench, fd, 2000, FASTOPEN);
    assert_eq!(bench.ok(call), 1420);
    let syn = bench.expect_syn(SYN);
    assert_eq!(cookie_of(&syn).as_deref(), Some(COOKIE));
    assert_eq!(syn.payload, bytes(1420));
    // Until the answer comes another open is under way, and there is no room.
    let again = send_to(&bench, fd, 10, FASTOPEN);
    bench.fails(again, EALREADY);
    let data = bytes(10);
    bench.fails(Call::Write { fd, data }, EAGAIN);
    assert!(!syn_data_taken(&mut bench, fd));
    answer(&mut bench, 1421, None);
    bench.expect(ACK, 1421, 1, 0);
    assert!(syn_data_taken(&mut bench, fd));
    // Now it is a send like any other; once more it is too late for an open.
    let call = send_to(&bench, fd, 10, FASTOPEN);
    assert_eq!(bench.ok(call.clone()), 10);
    bench.expect(PSH_ACK, 1421, 1, 10);
    bench.fails(call, EISCONN);
}

#[test]
fn a_blocking_one_returns_when_all_is_sent() {
    let mut bench = warm();
    let fd = bench.socket();
    let call = send_to(&bench, fd, 2000, FASTOPEN);
    bench.session.start_call(&call).unwrap();
    assert_eq!(bench.expect_syn(SYN).payload.len(), 1420);
    bench.sleep(Duration::from_millis(50));
    answer(&mut bench, 1421, None);
    // The acknowledgment goes along with the rest.
    let rest = bench.expect(PSH_ACK, 1421, 1, 580);
    assert_eq!(rest.payload, bytes(2000)[1420..]);
    let (_, outcome) = bench.finish(Duration::ZERO);
    assert_eq!(outcome.result, 2000);
}

#[rstest]
#[case::nonblocking(DONTWAIT)]
#[case::blocking(0)]
fn a_refusal_is_told(#[case] flags: i32) {
    let mut bench = warm();
    let fd = bench.socket();
    let call = send_to(&bench, fd, 100, FASTOPEN | flags);
    bench.session.start_call(&call).unwrap();
    bench.expect_syn(SYN);
    bench.send(RST_ACK, 0, 1, &[]);
    let (_, outcome) = bench.finish(Duration::ZERO);
    if flags == DONTWAIT {
        assert_eq!(outcome.result, 100);
        let data = bytes(1);
        bench.fails(Call::Write { fd, data }, ECONNREFUSED);
    } else {
        assert_eq!(outcome.errno, Some(Errno(ECONNREFUSED)));
    }
}

#[test]
fn it_is_not_offered_where_it_is_off_or_to_no_address() {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    let data = bytes(10);
    let (flags, address) = (FASTOPEN, Address::Unspecified);
    let unspecified = Call::SendTo {
        fd,
        data,
        flags,
        address,
    };
    bench.fails(unspecified, EOPNOTSUPP);
    run(&mut bench, "sysctl -q net.ipv4.tcp_fastopen=0");
    let call = send_to(&bench, fd, 10, FASTOPEN);
    bench.fails(call, EOPNOTSUPP);
    let value = 1i32.to_ne_bytes().to_vec();
    let (level, name) = (TCP, CONNECT);
    let call = Call::SetSockOpt {
        fd,
        level,
        name,
        value,
    };
    bench.fails(call, EOPNOTSUPP);
}

#[test]
fn a_connect_can_leave_the_syn_to_the_first_write() {
    let mut bench = warm();
    let fd = bench.nonblocking_socket();
    bench.set_int(fd, TCP, CONNECT, 1);
    let address = bench.remote();
    bench.ok(Call::Connect { fd, address });
    bench.silence(Duration::from_secs(5));
    bench.fails(Call::Connect { fd, address }, EISCONN);
    bench.fails(Call::Read { fd, len: 10 }, EAGAIN);
    assert_eq!(bench.write(fd, 2000), 1420);
    assert_eq!(bench.expect_syn(SYN).payload.len(), 1420);
    bench.fails(Call::Connect { fd, address }, EALREADY);
    answer(&mut bench, 1421, None);
    bench.expect(ACK, 1421, 1, 0);
    assert_eq!(bench.write(fd, 580), 580);
    bench.expect(PSH_ACK, 1421, 1, 580);
}

#[test]
fn an_empty_first_write_opens_all_the_same() {
    let mut bench = warm();
    let fd = bench.nonblocking_socket();
    bench.set_int(fd, TCP, CONNECT, 1);
    let address = bench.remote();
    bench.ok(Call::Connect { fd, address });
    let call = send_to(&bench, fd, 0, 0);
    bench.fails(call, EINPROGRESS);
    let syn = bench.expect_syn(SYN);
    assert_eq!(
        (cookie_of(&syn).as_deref(), syn.payload.len()),
        (Some(COOKIE), 0)
    );
}

#[test]
fn without_a_cookie_the_connect_is_an_ordinary_one() {
    let mut bench = warm();
    run(&mut bench, "ip tcp_metrics flush all");
    let fd = bench.nonblocking_socket();
    bench.set_int(fd, TCP, CONNECT, 1);
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    assert_eq!(cookie_of(&bench.expect_syn(SYN)), Some(Vec::new()));
}

#[test]
fn settings_and_options_do_without_cookies() {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    bench.set_int(fd, TCP, NO_COOKIE, 1);
    let call = send_to(&bench, fd, 10, FASTOPEN);
    assert_eq!(bench.ok(call), 10);
    let syn = bench.expect_syn(SYN);
    assert_eq!((cookie_of(&syn), syn.payload.len()), (None, 10));
    run(&mut bench, "sysctl -q net.ipv4.tcp_fastopen=5");
    let fd = bench.nonblocking_socket();
    let call = send_to(&bench, fd, 10, FASTOPEN);
    assert_eq!(bench.ok(call), 10);
    assert_eq!(cookie_of(&bench.expect_syn(SYN)), None);
}

/// A connection accepted before its handshake has ended, after a SYN with ten bytes.
fn early(bench: &mut Bench) -> Fd {
    let listener = bench.listener();
    bench.set_int(listener, TCP, QUEUE, 1);
    bench.set_int(listener, TCP, NO_COOKIE, 1);
    bench.send_with(SYN, 0, 0, &bytes(10), Vec::new(), 0);
    let syn_ack = bench.expect_syn(SYN_ACK);
    assert_eq!(syn_ack.acknowledgment, PEER_ISN.wrapping_add(11));
    let flags = None;
    let fd = bench.ok(Call::Accept {
        fd: listener,
        flags,
    });
    Fd(i32::try_from(fd).unwrap())
}

#[test]
fn accept_hands_out_before_the_handshake_ends() {
    let mut bench = Bench::new();
    let fd = early(&mut bench);
    assert!(syn_data_taken(&mut bench, fd));
    assert_eq!(bench.read(fd, 100), bytes(10));
    assert_eq!(bench.write(fd, 100), 100);
    bench.expect(PSH_ACK, 1, 11, 100);
    bench.send(ACK, 11, 101, &[]);
    assert_eq!(bench.session.socket_info(fd).unwrap()["tcpi_state"], 1);
}

#[test]
fn what_came_before_a_reset_can_be_read() {
    let mut bench = Bench::new();
    let fd = early(&mut bench);
    bench.send(RST, 11, 0, &[]);
    assert_eq!(bench.read(fd, 100), bytes(10));
    bench.fails(Call::Read { fd, len: 100 }, ECONNRESET);
    assert_eq!(bench.read(fd, 100), b"");
}

#[rstest]
#[case::not_asked("sysctl -q net.ipv4.tcp_fastopen=3", 1)]
#[case::asked_for_all("sysctl -q net.ipv4.tcp_fastopen=0x602", 11)]
fn a_setting_makes_every_listener_take_part(#[case] setting: &str, #[case] ack: u32) {
    let mut bench = Bench::new();
    run(&mut bench, setting);
    bench.listener();
    bench.send_with(SYN, 0, 0, &bytes(10), Vec::new(), 0);
    let syn_ack = bench.expect_syn(SYN_ACK);
    assert_eq!(syn_ack.acknowledgment, PEER_ISN.wrapping_add(ack));
}

#[rstest]
#[case::setting(true)]
#[case::option(false)]
fn cookies_are_made_with_the_key_that_is_set(#[case] setting: bool) {
    let mut bench = Bench::new();
    if setting {
        run(
            &mut bench,
            "sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
        );
    }
    let listener = bench.listener();
    bench.set_int(listener, TCP, QUEUE, 1);
    let key: Vec<u8> = [0xa1, 0xb2, 0xc3, 0xd4]
        .iter()
        .flat_map(|byte| [*byte; 4])
        .collect();
    if !setting {
        bench.ok(Call::SetSockOpt {
            fd: listener,
            level: TCP,
            name: KEY,
            value: key.clone(),
        });
    }
    let shown = bench.call(Call::GetSockOpt {
        fd: listener,
        level: TCP,
        name: KEY,
        len: 16,
    });
    assert!(matches!(shown.output, Output::Bytes(bytes) if bytes == key));
    let request = vec![
        TcpOption::FastOpen(Vec::new()),
        TcpOption::NoOperation,
        TcpOption::NoOperation,
    ];
    bench.send_with(SYN, 0, 0, &[], request, 0);
    let given = cookie_of(&bench.expect_syn(SYN_ACK));
    // As Linux makes it for these addresses.
    assert_eq!(
        given,
        Some(0x3021_b9d8_8901_7eeb_u64.to_be_bytes().to_vec())
    );
}

#[rstest]
#[case::queue_below_zero(QUEUE, &(-1i32).to_ne_bytes())]
#[case::no_flag(CONNECT, &2i32.to_ne_bytes())]
#[case::no_flag_either(NO_COOKIE, &(-1i32).to_ne_bytes())]
#[case::short_key(KEY, &[0; 3])]
#[case::empty_key(KEY, &[])]
fn values_that_make_no_sense_are_refused(#[case] name: i32, #[case] value: &[u8]) {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let (level, value) = (TCP, value.to_vec());
    let call = Call::SetSockOpt {
        fd,
        level,
        name,
        value,
    };
    bench.fails(call, EINVAL);
}

#[rstest]
#[case(QUEUE)]
#[case(CONNECT)]
#[case(NO_COOKIE)]
fn a_connection_is_past_such_options(#[case] name: i32) {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    let (level, value) = (TCP, 1i32.to_ne_bytes().to_vec());
    let call = Call::SetSockOpt {
        fd,
        level,
        name,
        value,
    };
    bench.fails(call, EINVAL);
}

#[test]
fn options_read_back() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    for (name, value) in [(QUEUE, 7), (CONNECT, 1), (NO_COOKIE, 1)] {
        assert_eq!(bench.get_int(fd, TCP, name), 0);
        bench.set_int(fd, TCP, name, value);
        assert_eq!(bench.get_int(fd, TCP, name), value);
    }
}

/// TCP_SYNCNT: as many SYNs more, and the time of one more.
#[test]
fn the_number_of_syns_can_be_set_and_changed_on_the_way() {
    let mut bench = warm();
    let fd = bench.socket();
    let call = send_to(&bench, fd, 100, FASTOPEN);
    bench.session.start_call(&call).unwrap();
    assert_eq!(bench.expect_syn(SYN).payload.len(), 100);
    assert_eq!(bench.get_int(fd, TCP, 7), 6);
    bench.set_int(fd, TCP, 7, 1);
    assert_eq!(bench.get_int(fd, TCP, 7), 1);
    let begun = bench.now();
    let flags: TcpFlags = SYN;
    let (at, syn) = bench.next(Duration::from_secs(2)).unwrap();
    assert_eq!(
        (at - begun, syn.flags, syn.payload.len()),
        (1_000_000, flags, 0)
    );
    assert_eq!(cookie_of(&syn), None);
    let deadline = bench.session.now() + Duration::from_secs(5);
    match bench.session.finish_call(deadline).unwrap() {
        CallReport::Returned { moment, outcome } => {
            assert_eq!(moment.end.as_micros() - begun, 3_000_000);
            assert_eq!(outcome.errno, Some(Errno(110)));
        }
        CallReport::Blocked => panic!("still blocked"),
    }
}
