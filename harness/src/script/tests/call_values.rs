//! Calls with what they write, and the calls packetdrill does not have.

use super::*;
use crate::call::{ControlMessage, Disposition};
use crate::program::{AddressExpectation, ControlData, ControlExpectation};

fn received(data: &[u8]) -> OutputExpectation {
    OutputExpectation::Received {
        data: Some(data.to_vec()),
        address: AddressExpectation::default(),
    }
}

fn control(level: i32, kind: i32, data: ControlData) -> Option<Vec<ControlExpectation>> {
    Some(vec![ControlExpectation { level, kind, data }])
}

fn message_control(data: &str) -> Option<Vec<ControlExpectation>> {
    let text = format!(
        "recvmsg(4, {{msg_name(...)=..., msg_iov(1)=[{{..., 9}}], msg_flags=0,\n \
         msg_control=[{{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={data}}}]}}, 0) = 9"
    );
    match call(&text).expect.output {
        OutputExpectation::Message { control, .. } => control,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("200", ControlData::Bytes(vec![200, 0, 0, 0]))]
#[case("\"ab\"", ControlData::Bytes(b"ab".to_vec()))]
#[case("...", ControlData::Any)]
#[case(
    "{scm_sec=1,scm_nsec=20000000}",
    ControlData::Stamp(Time::from_micros(1_020_000))
)]
#[case(
    "{ee_errno=ENOMSG, ee_origin=SO_EE_ORIGIN_TIMESTAMPING, ee_type=0, ee_code=..., ee_info=SCM_TSTAMP_ACK, ee_data=1999}",
    ControlData::Error([Some(42), Some(4), Some(0), None, Some(2), Some(1999)])
)]
#[case(
    "[TCP_NLA_BUSY=20000, TCP_NLA_PACING_RATE=...]",
    ControlData::Statistics(vec![(1, Some(20_000)), (6, None)])
)]
#[case("{TCP_NLA_SRTT=1}", ControlData::Statistics(vec![(22, Some(1))]))]
fn control_messages_to_receive(#[case] data: &str, #[case] want: ControlData) {
    assert_eq!(message_control(data), control(1, 37, want));
}

#[rstest]
#[case("0", 24)]
#[case("{scm_sec=0,scm_nsec=1}", 64)]
#[case("[TCP_NLA_BUSY=0, TCP_NLA_CA_STATE=0, TCP_NLA_SRTT=0]", 48)]
#[case(
    "{ee_errno=0, ee_origin=5, ee_type=0, ee_code=1, ee_info=0, ee_data=0}",
    64
)]
#[case("...", 4096)]
fn there_is_just_room_for_what_is_expected(#[case] data: &str, #[case] room: usize) {
    let text = format!(
        "recvmsg(4, {{msg_name(...)=..., msg_iov(1)=[{{..., 9}}], msg_flags=0,\n \
         msg_control=[{{cmsg_level=SOL_IPV6, cmsg_type=1, cmsg_data={data}}}]}}, 0) = 9"
    );
    assert!(matches!(
        call(&text).call,
        Call::RecvMsg { control_len, .. } if control_len == room
    ));
}

#[test]
fn control_messages_to_send_and_bytes_written_out() {
    let step = call(
        "sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{\"hi\", 4}, {..., 1}], msg_flags=0,\n \
         msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SO_MARK, cmsg_data=7}]}, MSG_MORE) = 5",
    );
    assert_eq!(
        step.call,
        Call::SendMsg {
            fd: Fd(4),
            data: vec![b"hi\0\0".to_vec(), vec![0]],
            flags: 0x8000,
            address: Some(Address::Default),
            control: vec![ControlMessage {
                level: 1,
                kind: 36,
                data: vec![7, 0, 0, 0]
            }],
        }
    );
    assert_eq!(step.written, [true, false]);
}

#[rstest]
#[case("read(4, \"hello\", 10) = 5", Call::Read { fd: Fd(4), len: 10 }, received(b"hello"))]
#[case("recv(4, \"a\" \"\\x00\", 2, MSG_PEEK) = 2", Call::Recv { fd: Fd(4), len: 2, flags: 2 }, received(b"a\0"))]
#[case("readv(4, [{\"ab\", 2}, {\"c\", 5}], 2) = 3", Call::Readv { fd: Fd(4), lens: vec![2, 5] }, received(b"abc"))]
#[case("readv(4, [{\"ab\", 2}, {..., 5}], 2) = 3", Call::Readv { fd: Fd(4), lens: vec![2, 5] }, OutputExpectation::Any)]
#[case("write(4, \"hello\", 5) = 5", Call::Write { fd: Fd(4), data: b"hello".to_vec() }, OutputExpectation::Any)]
#[case("write(4, \"hello\", 7) = 7", Call::Write { fd: Fd(4), data: b"hello\0\0".to_vec() }, OutputExpectation::Any)]
fn buffers_may_be_written_out(
    #[case] text: &str,
    #[case] wanted: Call,
    #[case] output: OutputExpectation,
) {
    let step = call(text);
    assert_eq!((step.call, step.expect.output), (wanted, output));
}

#[rstest]
#[case("write(4, ..., 5) = 5", &[false])]
#[case("send(4, \"hi\", 2, 0) = 2", &[true])]
#[case("sendto(4, \"hi\", 2, 0, ..., ...) = 2", &[true])]
#[case("writev(4, [{..., 1}, {\"b\", 1}], 2) = 2", &[false, true])]
#[case("read(4, \"hi\", 2) = 2", &[])]
#[case("close(4) = 0", &[])]
fn what_is_written_out_is_known(#[case] text: &str, #[case] written: &[bool]) {
    assert_eq!(call(text).written, written);
}

#[rstest]
#[case("read(4, NULL, 10) = -1 EFAULT", "read", &[0])]
#[case("sendto(4, NULL, 10, 0, ..., ...) = -1 EFAULT", "sendto", &[0])]
#[case("writev(4, [{..., 1}, {NULL, 2}], 2) = -1 EFAULT", "writev", &[1])]
#[case("setsockopt(4, SOL_TCP, TCP_NODELAY, NULL, 4) = -1 EFAULT", "setsockopt", &[0])]
#[case("getsockopt(4, SOL_TCP, TCP_NODELAY, NULL, [4]) = -1 EFAULT", "getsockopt", &[0])]
#[case("epoll_ctl(5, EPOLL_CTL_ADD, 4, NULL) = -1 EFAULT", "epoll_ctl", &[0])]
fn null_is_passed_on(#[case] text: &str, #[case] name: &str, #[case] wanted: &[usize]) {
    match call(text).call {
        Call::WithNull { call, at } => assert_eq!((call.name(), at.as_slice()), (name, wanted)),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("getsockname(3, ..., ...) = 0", AddressExpectation::default())]
#[case("getsockname(3, NULL, NULL) = 0", AddressExpectation::default())]
#[case(
    "getpeername(3, {sa_family=AF_INET, sin_port=..., sin_addr=inet_addr(\"192.0.2.1\")}, [16]) = 0",
    AddressExpectation { family: Some(2), port: None, ip: Some("192.0.2.1".parse().unwrap()), len: Some(16) }
)]
#[case(
    "getsockname(3, {sa_family=AF_INET6, sin_port=htons(80), sin_addr=...}, ...) = 0",
    AddressExpectation { family: Some(10), port: Some(80), ip: None, len: None }
)]
fn addresses_of_both_sides(#[case] text: &str, #[case] want: AddressExpectation) {
    assert_eq!(call(text).expect.output, OutputExpectation::Address(want));
}

#[rstest]
#[case("dup(4) = 5", Call::Dup { fd: Fd(4), to: None, flags: None })]
#[case("dup2(4, 9) = 9", Call::Dup { fd: Fd(4), to: Some(Fd(9)), flags: None })]
#[case("dup3(4, 9, O_CLOEXEC) = 9", Call::Dup { fd: Fd(4), to: Some(Fd(9)), flags: Some(0x80000) })]
#[case("ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=1, tv_nsec=5}, NULL) = 0",
    Call::Ppoll { entries: vec![PollEntry { fd: Fd(3), events: 1 }], timeout: Some(Duration::new(1, 5)) })]
#[case("ppoll([], 0, NULL, NULL) = 0", Call::Ppoll { entries: vec![], timeout: None })]
#[case("select(..., {fds=[3, 4], ready=[4]}, NULL, {fds=[3]}, {tv_sec=1, tv_usec=5}) = 1",
    Call::Select { sets: [vec![Fd(3), Fd(4)], vec![], vec![Fd(3)]], timeout: Some(Duration::from_micros(1_000_005)), precise: false })]
#[case("pselect(..., NULL, {fds=[3]}, NULL, {tv_sec=0, tv_nsec=7}, NULL) = 0",
    Call::Select { sets: [vec![], vec![Fd(3)], vec![]], timeout: Some(Duration::from_nanos(7)), precise: true })]
#[case("epoll_create1(EPOLL_CLOEXEC) = 5", Call::EpollCreate1 { flags: 0x80000 })]
#[case("epoll_pwait(5, ..., 1, -1, NULL) = 1", Call::EpollPwait { epoll: Fd(5), max_events: 1, timeout_ms: -1 })]
#[case("eventfd(3, EFD_NONBLOCK) = 5", Call::EventFd { initial: 3, flags: 0x800 })]
#[case("getsockopt(4, SOL_TCP, TCP_INFO, {tcpi_state=TCP_ESTABLISHED}, ...) = 0", Call::TcpInfo { fd: Fd(4) })]
#[case("sigaction(SIGUSR1, {sa_handler=...}, NULL) = 0",
    Call::SigAction { signal: 10, disposition: Disposition::Handler { restart: false } })]
#[case("sigaction(SIGUSR1, {sa_handler=..., sa_flags=SA_RESTART|SA_NODEFER}, NULL) = 0",
    Call::SigAction { signal: 10, disposition: Disposition::Handler { restart: true } })]
#[case("sigaction(SIGPIPE, {sa_handler=SIG_IGN, sa_flags=0}, NULL) = 0",
    Call::SigAction { signal: 13, disposition: Disposition::Ignore })]
#[case("accept4(3, ..., ..., SOCK_CLOEXEC) = 4", Call::Accept { fd: Fd(3), flags: Some(0x80000) })]
fn calls_of_our_own(#[case] text: &str, #[case] want: Call) {
    let step = call(text);
    assert_eq!(step.call, want);
    let context = LoadContext {
        drop_in: true,
        ..LoadContext::default()
    };
    let source = Source::new("x", format!("0 {text}\n"));
    let refused = check_only(&source, &context);
    assert!(refused.iter().any(|one| one.code == "S024"), "{refused:?}");
}

#[rstest]
#[case("FIOASYNC", Some(1), OutputExpectation::Any)]
#[case("SIOCATMARK", Some(0), OutputExpectation::Int(1))]
fn some_requests_read_their_number(
    #[case] request: &str,
    #[case] given: Option<i32>,
    #[case] output: OutputExpectation,
) {
    let step = call(&format!("ioctl(4, {request}, [1]) = 0"));
    assert!(matches!(step.call, Call::Ioctl { argument, .. } if argument == given));
    assert_eq!(step.expect.output, output);
}

#[test]
fn select_says_which_descriptors_are_ready() {
    let text = "select(..., {fds=[3, 4], ready=[4]}, NULL, {fds=[3]}, NULL) = 1";
    let want = [vec![(3, false), (4, true)], vec![], vec![(3, false)]];
    assert_eq!(call(text).expect.output, OutputExpectation::Select(want));
    assert_eq!(
        codes("0 select(..., {fds=[3], ready=[4]}, NULL, NULL, NULL) = 1\n"),
        ["C005"]
    );
}

#[test]
fn a_signal_is_sent_to_a_handler_that_was_set() {
    let text =
        "0 sigaction(SIGUSR1, {sa_handler=...}, NULL) = 0\n+0 tgkill(..., ..., SIGUSR1) = 0\n";
    let Action::Call(step) = &program(text).steps[1].action else {
        panic!("no call");
    };
    assert_eq!(step.call, Call::TgKill { signal: 10 });
    assert_eq!(codes("0 tgkill(..., ..., 0) = -1 ESRCH\n"), [""; 0]);
    assert_eq!(codes("0 tgkill(..., ..., SIGUSR2) = 0\n"), ["C053"]);
}

#[rstest]
#[case("{flags [checksum present, key present], sum 0, off 0, key=0x2a, seq 0}",
    &[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x2a, 0, 0, 0, 0])]
#[case("{flags 0x1000 sum 0x102 off 3 key 4 seq 5}",
    &[0x10, 0, 0, 0, 1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5])]
#[case("{flags [none], sum 0, off 0, key 0, seq 0}", &[0; 16])]
#[case("{(label 16, tc 5, ttl 64) (label 1048575, tc 0, [S], ttl 255)}",
    &[0, 1, 0x0a, 64, 0xff, 0xff, 0xf1, 0xff])]
fn heads_of_tunnels_are_options(#[case] value: &str, #[case] bytes: &[u8]) {
    let text = format!("setsockopt(3, SOL_IP, 99, {value}, {}) = 0", bytes.len());
    match call(&text).call {
        Call::SetSockOpt { value, .. } => assert_eq!(value, bytes),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("inet6_addr(\"::1\")", 16)]
#[case("inet_addr(\"192.0.2.1\")", 4)]
#[case("{tv_sec=1, tv_usec=5}", 16)]
#[case("{onoff=1, linger=5}", 8)]
#[case("\"0000000a-0000000b-0000000c-0000000d\"", 35)]
fn other_values_of_options(#[case] value: &str, #[case] len: usize) {
    let text = format!("getsockopt(3, SOL_TCP, 99, {value}, [{len}]) = 0");
    match call(&text).expect.output {
        OutputExpectation::Bytes(bytes) => assert_eq!(bytes.len(), len),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case(
    "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=MSG_TRUNC}, 0) = 9",
    Some(0x20)
)]
#[case("recvmsg(4, {msg_iov(1)=[{..., 9}]}, 0) = 9", None)]
fn flags_of_a_message(#[case] text: &str, #[case] flags: Option<i32>) {
    assert_eq!(
        call(text).expect.output,
        OutputExpectation::Message {
            flags,
            control: None,
            data: None,
            address: AddressExpectation::default(),
        }
    );
}

#[rstest]
#[case(
    "0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=MSG_MORE}, 0) = 9\n",
    "C050"
)]
#[case("0 write(4, \"hello\", 4) = 4\n", "C051")]
#[case("0 dup2(4, 9) = 8\n", "C052")]
#[case("0 epoll_wait(7, {events=EPOLLIN, fd=3}, 1, 0) = 0\n", "C054")]
#[case("0 getsockopt(4, SOL_TCP, TCP_INFO, {tcpi_stat=1}, ...) = 0\n", "C005")]
#[case("0 ppoll([], 0, {tv_sec=1, tv_nsec=5}, 1) = 0\n", "C005")]
#[case(
    "0 sigaction(SIGUSR1, {sa_handler=..., sa_flags=SA_RESETHAND}, NULL) = 0\n",
    "C005"
)]
#[case(
    "0 getpeername(3, {sa_family=AF_INET, sin_port=..., sin_addr=inet6_addr(\"::1\")}, ...) = 0\n",
    "C005"
)]
fn mistakes_have_codes(#[case] text: &str, #[case] code: &str) {
    assert_eq!(codes(text), [code]);
}
