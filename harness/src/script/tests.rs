//! What a line means, in tables.

mod call_values;
mod ip;

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::call::{Address, Call, Errno, Fd, PollEntry};
use crate::diagnostic::render::{Color, render_all};
use crate::program::{
    Action, BodyPattern, CallStep, Capability, EcnPattern, IcmpPattern, IcmpQuote, IpPattern,
    Match, OutputExpectation, PacketPattern, PayloadMode, TcpPattern, TimeSpec,
};
use crate::time::Time;

mod tcp;

fn program_on(text: &str, ip_version: Option<IpVersion>) -> Program {
    let context = LoadContext {
        ip_version,
        ..LoadContext::default()
    };
    load(&Source::new("x", text), &context)
        .unwrap_or_else(|diagnostics| panic!("{}", render_all(&diagnostics, Color::Never)))
}

fn program(text: &str) -> Program {
    program_on(text, None)
}

/// Codes of all that is wrong.
fn codes(text: &str) -> Vec<&'static str> {
    check_only(&Source::new("x", text), &LoadContext::default())
        .iter()
        .map(|one| one.code)
        .collect()
}

fn needs(text: &str) -> Vec<String> {
    program(text)
        .needs
        .into_keys()
        .map(|Capability(name)| name)
        .collect()
}

fn packet(line: &str) -> PacketPattern {
    match program(&format!("0 {line}\n")).steps.remove(0).action {
        Action::Inject(pattern) | Action::Expect(pattern) => pattern,
        other => panic!("{other:?}"),
    }
}

fn tcp(line: &str) -> TcpPattern {
    match packet(line).body {
        BodyPattern::Tcp(tcp) => tcp,
        other => panic!("{other:?}"),
    }
}

fn call(line: &str) -> CallStep {
    match program(&format!("0 {line}\n")).steps.remove(0).action {
        Action::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

const fn absolute(micros: i64) -> TimeSpec {
    TimeSpec::Absolute(Time::from_micros(micros))
}

const fn relative(micros: u64) -> TimeSpec {
    TimeSpec::Relative(Duration::from_micros(micros))
}

#[rstest]
#[case("0.25", absolute(250_000))]
#[case("3", absolute(3_000_000))]
#[case(".000001", absolute(1))]
#[case("0.0000015", absolute(2))]
#[case("+0", relative(0))]
#[case("+.05", relative(50_000))]
#[case("+ 3", relative(3_000_000))]
#[case("*", TimeSpec::Any)]
#[case(
    "0.2~0.4",
    TimeSpec::AbsoluteRange(Time::from_micros(200_000), Time::from_micros(400_000))
)]
#[case(
    "+.2~+.4",
    TimeSpec::RelativeRange(Duration::from_millis(200), Duration::from_millis(400))
)]
fn times(#[case] text: &str, #[case] want: TimeSpec) {
    let program = program(&format!("0 > . 1:1(0)\n{text} > . 1:1(0)\n"));
    assert_eq!(program.steps[1].at.node, want);
}

#[rstest]
#[case("0.1...0.3", Some(absolute(300_000)))]
#[case("+.1...0.3", Some(relative(200_000)))]
#[case("+0...0", Some(relative(0)))]
#[case("+0", None)]
fn ends_of_blocking_calls_count_from_their_start(
    #[case] time: &str,
    #[case] want: Option<TimeSpec>,
) {
    let program = program(&format!("0 close(9) = 0\n{time} accept(3, ..., ...) = 4\n"));
    let Action::Call(call) = &program.steps[1].action else {
        panic!()
    };
    assert_eq!(call.end, want);
}

#[rstest]
#[case("0.5 close(3) = 0\n0.4 close(3) = 0", "C011")]
#[case("0 close(3) = 0\n0.5~0.6 > . 1:1(0)\n0.4 close(3) = 0", "C011")]
#[case(
    "0 close(3) = 0\n0.5 close(3) = 0\n+1 close(3) = 0\n0.4 close(3) = 0",
    "C011"
)]
fn absolute_times_must_not_go_backwards(#[case] text: &str, #[case] code: &str) {
    assert!(codes(text).contains(&code), "{:?}", codes(text));
}

#[rstest]
#[case("0 close(3) = 0\n0 close(3) = 0")]
#[case("+0 close(3) = 0\n0.5~0.9 > . 1:1(0)\n0.6 close(3) = 0")]
#[case("* > . 1:1(0)\n")]
fn times_that_are_in_order_pass(#[case] text: &str) {
    assert_eq!(codes(text), Vec::<&str>::new());
}

#[rstest]
#[case("", IpPattern::default())]
#[case("[noecn]", IpPattern { ecn: Some(EcnPattern::Bits(0)), ..IpPattern::default() })]
#[case("(ect0)", IpPattern { ecn: Some(EcnPattern::Bits(2)), ..IpPattern::default() })]
#[case("[ect1]", IpPattern { ecn: Some(EcnPattern::Bits(1)), ..IpPattern::default() })]
#[case("[ce]", IpPattern { ecn: Some(EcnPattern::Bits(3)), ..IpPattern::default() })]
#[case("[ect01]", IpPattern { ecn: Some(EcnPattern::EctAny), ..IpPattern::default() })]
#[case("[tos 0x1c]", IpPattern { tos: Some(0x1c), ..IpPattern::default() })]
#[case("[ttl 64]", IpPattern { ttl: Some(Match::Is(64)), ..IpPattern::default() })]
#[case("[ttl 60..64]", IpPattern { ttl: Some(Match::Within(60, 64)), ..IpPattern::default() })]
#[case("[ttl 60 .. 64]", IpPattern { ttl: Some(Match::Within(60, 64)), ..IpPattern::default() })]
#[case("[ttl *]", IpPattern { ttl: Some(Match::Any), ..IpPattern::default() })]
#[case("[hlim 1]", IpPattern { ttl: Some(Match::Is(1)), ..IpPattern::default() })]
#[case("[class 0x1c]", IpPattern { tos: Some(0x1c), ..IpPattern::default() })]
#[case("[ecn ect01]", IpPattern { ecn: Some(EcnPattern::EctAny), ..IpPattern::default() })]
#[case("[dscp 0x2e]", IpPattern { dscp: Some(46), ..IpPattern::default() })]
#[case("[dscp ef, ecn ce]", IpPattern { dscp: Some(46), ecn: Some(EcnPattern::Bits(3)), ..IpPattern::default() })]
#[case("[dscp voice-admit]", IpPattern { dscp: Some(44), ..IpPattern::default() })]
#[case("[ttl 9, ect0, dscp af11]", IpPattern { ttl: Some(Match::Is(9)), ecn: Some(EcnPattern::Bits(2)), dscp: Some(10), ..IpPattern::default() })]
#[case("[id 7, df]", IpPattern { id: Some(Match::Is(7)), dont_fragment: Some(true), ..IpPattern::default() })]
#[case("[id 16..32, nodf]", IpPattern { id: Some(Match::Within(16, 32)), dont_fragment: Some(false), ..IpPattern::default() })]
#[case("[ect0, flowlabel 0x3]", IpPattern { ecn: Some(EcnPattern::Bits(2)), flow_label: Some(3), ..IpPattern::default() })]
fn annotations(#[case] text: &str, #[case] want: IpPattern) {
    assert_eq!(packet(&format!("> {text} . 1:1(0)")).ip, want);
}

#[rstest]
#[case("unreachable protocol_unreachable", (Some(3), Some(1)), (Some(2), None))]
#[case("unreachable port_unreachable", (Some(3), Some(1)), (Some(3), Some(4)))]
#[case("unreachable not_neighbour", (Some(3), Some(1)), (None, Some(2)))]
#[case("unreachable", (Some(3), Some(1)), (Some(0), Some(0)))]
#[case("packet_too_big mtu 1280", (None, Some(2)), (Some(0), Some(0)))]
#[case("time_exceeded exceeded_frag_time", (Some(11), Some(3)), (None, Some(1)))]
#[case("parameter_problem unknown_option", (Some(12), Some(4)), (None, Some(2)))]
#[case("time_exceeded ttl_exceeded_in_transit", (Some(11), Some(3)), (Some(0), None))]
#[case("time_exceeded frag_reass_exceeded", (Some(11), Some(3)), (Some(1), None))]
#[case("router_advertisement mtu 1492", (None, Some(134)), (Some(0), Some(0)))]
#[case("type_3 code_4 mtu 1400", (Some(3), Some(3)), (Some(4), Some(4)))]
#[case("source_quench", (Some(4), None), (Some(0), Some(0)))]
#[case("echo_request id 7", (Some(8), Some(128)), (Some(0), Some(0)))]
#[case("type_200 code_9", (Some(200), Some(200)), (Some(9), Some(9)))]
fn icmp_words(
    #[case] text: &str,
    #[case] kind: (Option<u8>, Option<u8>),
    #[case] code: (Option<u8>, Option<u8>),
) {
    let BodyPattern::Icmp(icmp) = packet(&format!("< icmp {text}")).body else {
        panic!()
    };
    assert_eq!((icmp.kind, icmp.code), (kind, code));
}

#[rstest]
#[case("", None)]
#[case("[1:1001(1000)]", Some(IcmpQuote::Tcp { seq: 1, len: 1000, udp: None }))]
#[case("[1:1(0)/udp(9811 > 1)]", Some(IcmpQuote::Tcp { seq: 1, len: 0, udp: Some((9811, 1)) }))]
#[case("[udp (20)]", Some(IcmpQuote::Udp(20)))]
#[case("[raw (64)]", Some(IcmpQuote::Raw(64)))]
#[case("\"a\\x00\"", Some(IcmpQuote::Contents(vec![b'a', 0])))]
fn icmp_quotes(#[case] text: &str, #[case] quote: Option<IcmpQuote>) {
    let line = format!("< icmp unreachable frag_needed mtu 1400 {text}");
    let BodyPattern::Icmp(icmp) = packet(&line).body else {
        panic!()
    };
    let want = IcmpPattern {
        kind: (Some(3), Some(1)),
        code: (Some(4), None),
        mtu: Some(1400),
        quote,
        ..IcmpPattern::default()
    };
    assert_eq!(icmp, want);
}

#[test]
fn words_of_one_family_keep_a_script_off_the_other() {
    let script = "0 < icmp unreachable host_unreachable [0:0(0)]\n";
    let has = |version, name: &str| {
        program_on(script, Some(version))
            .needs
            .contains_key(&Capability(name.to_owned()))
    };
    assert!(has(IpVersion::Ipv6, "ip_version:ipv4"));
    assert!(!has(IpVersion::Ipv4, "ip_version:ipv4"));
    assert!(!has(IpVersion::Ipv4MappedIpv6, "ip_version:ipv4"));
    assert!(needs("0 > [flowlabel 0x3] . 1:1(0)\n").contains(&"ip_version:ipv6".to_owned()));
}

#[rstest]
#[case("ipv4", IpVersion::Ipv4, 2)]
#[case("ipv6", IpVersion::Ipv6, 10)]
#[case("ipv4-mapped-ipv6", IpVersion::Ipv4MappedIpv6, 10)]
#[case("\"ipv4-mapped-ipv6\"", IpVersion::Ipv4MappedIpv6, 10)]
#[case("ipv4_mapped_ipv6", IpVersion::Ipv4MappedIpv6, 10)]
fn the_family_comes_from_the_script_unless_it_is_given(
    #[case] text: &str,
    #[case] version: IpVersion,
    #[case] domain: i32,
) {
    let script = format!("--ip_version={text}\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n");
    let domain_of = |program: &Program| match &program.steps[0].action {
        Action::Call(CallStep {
            call: Call::Socket { domain, .. },
            ..
        }) => *domain,
        other => panic!("{other:?}"),
    };
    let own = program(&script);
    assert_eq!(
        (own.options.ip_version, domain_of(&own)),
        (Some(version), domain)
    );
    assert_eq!(domain_of(&program_on(&script, Some(IpVersion::Ipv4))), 2);
}

#[test]
fn option_lines_are_typed() {
    let options = program(
        "--local_ip=192.168.0.1\n--remote_ip=\"192.0.2.1/24\"\n--bind_port=80\n--mtu=1520\n\
         --tolerance_usecs=20000\n--tolerance_percent=12.5\n--tcp_ts_tick_usecs=1000\n--strict_segments\n\
         --tcp_ts_ecr_scaled\n--non_fatal=packet,syscall\n--send_omit_free\n0 close(3) = 0\n",
    )
    .options;
    assert_eq!(options.local_ip, Some([192, 168, 0, 1].into()));
    assert_eq!(options.remote_ip, Some(([192, 0, 2, 1].into(), Some(24))));
    assert_eq!((options.bind_port, options.mtu), (Some(80), Some(1520)));
    assert_eq!(options.tolerance, Some(Duration::from_millis(20)));
    assert_eq!(options.tolerance_percent, Some(12.5));
    assert_eq!(options.tcp_ts_tick_usecs, Some(1000));
    assert!(options.strict_segments && options.tcp_ts_ecr_scaled && options.non_fatal_packet);
    assert_eq!(options.others, [("send_omit_free".to_owned(), None)]);
}

#[rstest]
#[case("bind(3, ..., ...) = 0", Call::Bind { fd: Fd(3), address: Address::Default })]
#[case("connect(3, AF_UNSPEC, ...) = 0", Call::Connect { fd: Fd(3), address: Address::Unspecified })]
#[case(
    "connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"192.0.2.9\")}, ...) = 0",
    Call::Connect { fd: Fd(3), address: Address::Is(([192, 0, 2, 9], 80).into()) }
)]
#[case("accept4(3, ..., ..., SOCK_NONBLOCK) = 4", Call::Accept { fd: Fd(3), flags: Some(0x800) })]
#[case("read(4, NULL, 7) = 7", Call::WithNull { call: Box::new(Call::Read { fd: Fd(4), len: 7 }), at: vec![0] })]
#[case("write(4, ..., 3) = 3", Call::Write { fd: Fd(4), data: vec![0; 3] })]
#[case("writev(4, [{..., 1}, {..., 2}], 2) = 3", Call::Writev { fd: Fd(4), data: vec![vec![0; 1], vec![0; 2]] })]
#[case("send(4, ..., 1, MSG_OOB|MSG_DONTWAIT) = 1", Call::Send { fd: Fd(4), data: vec![0], flags: 0x41 })]
#[case("recvfrom(4, ..., 9, 0, ..., ...) = 9", Call::RecvFrom { fd: Fd(4), len: 9, flags: 0 })]
#[case(
    "sendto(4, ..., 1, 0, ..., ...) = 1",
    Call::SendTo { fd: Fd(4), data: vec![0], flags: 0, address: Address::Default }
)]
#[case("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)", Call::Fcntl { fd: Fd(3), command: 3, argument: None })]
#[case("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0", Call::Fcntl { fd: Fd(3), command: 4, argument: Some(0x802) })]
#[case("shutdown(3, SHUT_WR) = 0", Call::Shutdown { fd: Fd(3), how: 1 })]
#[case(
    "setsockopt(3, SOL_TCP, TCP_CONGESTION, \"re\" \"no\", 4) = 0",
    Call::SetSockOpt { fd: Fd(3), level: 6, name: 13, value: b"reno".to_vec() }
)]
#[case(
    "setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=2}, 8) = 0",
    Call::SetSockOpt { fd: Fd(3), level: 1, name: 13, value: vec![1, 0, 0, 0, 2, 0, 0, 0] }
)]
#[case(
    "setsockopt(3, SOL_IP, IP_TOS, [4], 1) = 0",
    Call::SetSockOpt { fd: Fd(3), level: 0, name: 1, value: vec![4] }
)]
#[case(
    "setsockopt(3, SOL_TCP, TCP_NOTSENT_LOWAT, [0xffffffff], 4) = 0",
    Call::SetSockOpt { fd: Fd(3), level: 6, name: 25, value: vec![255; 4] }
)]
#[case(
    "epoll_ctl(7, EPOLL_CTL_ADD, 3, {events=EPOLLIN|EPOLLET, fd=3}) = 0",
    Call::EpollCtl { epoll: Fd(7), operation: 1, fd: Fd(3), events: 0x8000_0001, data: 3 }
)]
#[case(
    "splice(6, NULL, 5, NULL, 64, SPLICE_F_MOVE) = 64",
    Call::Splice { input: Fd(6), output: Fd(5), len: 64, flags: 1 }
)]
#[case("open(\"/dev/null\", O_WRONLY) = 5", Call::Open { path: "/dev/null".to_owned(), flags: 1 })]
#[case("sendfile(4, 5, [7], 64) = 64", Call::SendFile { output: Fd(4), input: Fd(5), offset: 7, len: 64 })]
#[case(
    "cap_set(CAP_EFFECTIVE, CAP_SYS_TIME, CAP_CLEAR) = 0",
    Call::CapSet { set: 0, capability: 25, action: 0 }
)]
fn calls(#[case] text: &str, #[case] want: Call) {
    assert_eq!(call(text).call, want);
}

#[rstest]
#[case("getsockopt(3, SOL_SOCKET, SO_ERROR, [ENOPROTOOPT], [4]) = 0", OutputExpectation::Bytes(vec![92, 0, 0, 0]))]
#[case("getsockopt(3, SOL_TCP, TCP_CONGESTION, \"re\\x6eo\", [4]) = 0", OutputExpectation::Bytes(b"reno".to_vec()))]
#[case(
    "getsockopt(3, SOL_TCP, TCP_INFO, ..., [4]) = 0",
    OutputExpectation::Any
)]
#[case(
    "getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = -1 EBADF (Bad file descriptor)",
    OutputExpectation::Any
)]
#[case("ioctl(4, SIOCINQ, [200]) = 0", OutputExpectation::Int(200))]
#[case("ioctl(4, FIONBIO, [1]) = 0", OutputExpectation::Any)]
#[case("poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT, revents=POLLOUT}], 2, 0) = 1", OutputExpectation::Poll(vec![0, 4]))]
#[case(
    "epoll_wait(7, {events=EPOLLIN, ptr=0x1122334455667788}, 1, 0) = 1",
    OutputExpectation::Epoll(1, 0x1122_3344_5566_7788)
)]
#[case(
    "epoll_wait(7, {events=0, ptr=0}, 1, 0) = 0",
    OutputExpectation::Epoll(0, 0)
)]
#[case("pipe([6, 7]) = 0", OutputExpectation::Pipe(6, 7))]
fn outputs(#[case] text: &str, #[case] want: OutputExpectation) {
    assert_eq!(call(text).expect.output, want);
}

#[rstest]
#[case("close(3) = 0", Some(0), None)]
#[case("close(3) = ...", None, None)]
#[case("fcntl(3, F_GETFL) = 0x802", Some(0x802), None)]
#[case("close(3) = -1 EBADF (Bad file descriptor) (a second note)", Some(-1), Some(9))]
#[case("close(3) = -1 EWOULDBLOCK", Some(-1), Some(11))]
fn results(#[case] text: &str, #[case] result: Option<i64>, #[case] errno: Option<i32>) {
    let expect = call(text).expect;
    assert_eq!((expect.result, expect.errno), (result, errno.map(Errno)));
}

#[test]
fn poll_entries_keep_their_masks() {
    let want = Call::Poll {
        entries: vec![PollEntry {
            fd: Fd(3),
            events: 5,
        }],
        timeout_ms: -1,
    };
    assert_eq!(
        call("poll([{fd=3, events=POLLIN|POLLOUT}], 1, -1) = 0").call,
        want
    );
}

#[rstest]
#[case("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n", &[])]
#[case("0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n", &["udp"])]
#[case("0 socket(..., SOCK_DGRAM, IPPROTO_ICMP) = 3\n", &["icmp"])]
#[case("0 socket(..., SOCK_RAW, IPPROTO_RAW) = 3\n", &["raw"])]
#[case("0 socket(..., SOCK_STREAM, IPPROTO_MPTCP) = 3\n", &["mptcp"])]
#[case("0 > udp (10)\n", &["udp"])]
#[case("0 < icmp source_quench\n", &["icmp"])]
#[case("0 > ipv4 10.0.0.1 > 10.0.0.2: gre: . 1:1(0)\n", &["encapsulation"])]
#[case("0 > . 1:1(0)/udp(9811 > 1)\n", &["udp_encapsulation"])]
#[case("0 < . 1:1(0) win 9/udp(9811 > 1)\n", &[])]
#[case("--udp_encapsulation=tcp\n0 close(3) = 0\n", &["udp_encapsulation"])]
#[case("--udp_encapsulation=sctp\n0 close(3) = 0\n", &["sctp"])]
#[case("0 > [df] . 1:1(0)\n", &[])]
#[case("0 > encap psp spi 0x11 . 1:1(0)\n", &["psp"])]
#[case("0 psp_rx_assoc(3, [17]) = 0\n", &["psp"])]
#[case("0 pipe([5, 6]) = 0\n", &["call:pipe"])]
#[case("0 accept4(3, ..., ..., 0) = 4\n", &["call:accept4"])]
#[case("0 setsockopt(3, IPPROTO_TCP, TCP_INQ, [1], 4) = 0\n", &["sockopt:SOL_TCP/TCP_INQ"])]
#[case("0 ioctl(3, FIONREAD, [1]) = 0\n", &["ioctl:SIOCINQ"])]
#[case("0 ioctl(3, 0x1234, [1]) = 0\n", &["ioctl:0x1234"])]
#[case("0 `true`\n", &[])]
#[case("0 `./x.sh`\n", &[])]
#[case("0 `ls -l`\n", &["shell"])]
#[case("`sysctl -q -w net.b=1 net.c=\"2 3\"`\n0 close(3) = 0\n", &["sysctl:net.b", "sysctl:net.c"])]
#[case("0 `echo 1 > /sys/module/a/parameters/b`\n", &["command:global-state"])]
#[case("0 %{ x = tcpi_rtt; assert x == TCP_CA_Open }%\n", &["tcp_info:tcpi_rtt"])]
#[case("0 %{ import os }%\n", &["python"])]
#[case("--wire_client\n0 close(3) = 0\n", &["wire"])]
#[case("--mss=1000\n0 close(3) = 0\n", &["option:mss"])]
#[case("--mss=0\n--non_fatal=syscall\n0 close(3) = 0\n", &[])]
#[case("--non_fatal=packet\n0 close(3) = 0\n", &[])]
#[case("--is_anyip\n--speed=1000\n0 close(3) = 0\n", &["option:is_anyip", "option:speed"])]
#[case("--init_scripts=true\n0 close(3) = 0\n", &[])]
#[case("--init_scripts=\"true,a | b\"\n0 close(3) = 0\n", &["shell"])]
fn needs_are_named(#[case] text: &str, #[case] want: &[&str]) {
    assert_eq!(needs(text), want);
}

#[test]
fn names_of_code_blocks_live_on_in_later_ones() {
    assert_eq!(
        codes("0 %{ cwnd = 10 }%\n+0 %{ cwnd += 1; assert tcpi_snd_cwnd == cwnd }%\n"),
        Vec::<&str>::new()
    );
    assert_eq!(
        codes("0 %{ assert cwnd == 1 }%\n+0 %{ cwnd = 10 }%\n"),
        ["C029"]
    );
    assert_eq!(
        codes("0 %{ import os }%\n+0 %{ assert cwnd == 1 }%\n"),
        Vec::<&str>::new()
    );
}

#[test]
fn init_cleanup_and_timed_commands_are_told_apart() {
    let program = program("`true`\n0 `sysctl -w a=1`\n+0 close(3) = 0\n`sysctl -w a=0`");
    assert_eq!(program.init.unwrap().node, "true");
    assert_eq!(program.cleanup.unwrap().node, "sysctl -w a=0");
    assert!(
        matches!(&program.steps[0].action, Action::Command(command) if command == "sysctl -w a=1")
    );
}

#[test]
fn one_file_states_both_behaviours() {
    let text = "0 close(3) = 0\n#ifdef linux\n+60 close(4) = 0\n#else\n+240 close(4) = 0\n#endif\n";
    let wait = |name: &str| {
        let context = LoadContext {
            predefined: vec![name.to_owned()],
            ..LoadContext::default()
        };
        load(&Source::new("x", text), &context).unwrap().steps[1]
            .at
            .node
    };
    assert_eq!(wait("linux"), relative(60_000_000));
    assert_eq!(wait("reference"), relative(240_000_000));
}

#[test]
fn steps_know_their_lines_behind_ifdef_and_defines() {
    let source = Source::new(
        "x",
        "--define=N=5\n#ifdef a\n#endif\n0 listen(3, N) = 0 // backlog\n+0\n  close(3) = 0\n",
    );
    let program = load(&source, &LoadContext::default()).unwrap();
    let lines: Vec<usize> = program
        .steps
        .iter()
        .map(|step| source.line_of(step.span.start))
        .collect();
    assert_eq!(lines, [4, 5]);
    assert_eq!(source.slice(program.steps[0].span), "0 listen(3, N) = 0");
    assert!(matches!(
        &program.steps[0].action,
        Action::Call(CallStep {
            call: Call::Listen { backlog: 5, .. },
            ..
        })
    ));
}

#[test]
fn warnings_do_not_stop_a_load() {
    let source = Source::new("x", "0 listen(3, 1) = -1\n");
    assert!(load(&source, &LoadContext::default()).is_ok());
    assert_eq!(check_only(&source, &LoadContext::default()).len(), 1);
}

#[test]
fn the_header_is_part_of_the_program() {
    let source = Source::new("x", "// title: T\n// covers: A-1\n0 close(3) = 0\n");
    assert_eq!(header(&source), program(source.text()).header);
    assert_eq!(header(&source).payload, PayloadMode::Offset);
}

#[rstest]
#[case("0 > . 1:1(0)\n0x1 close(3) = 0\n", &["S005"])]
#[case("0 close(3) = 0 (note\n+0 close(3) = 0\n", &["S005"])]
#[case("0 close(3) = -EBADF\n", &["S005"])]
#[case("0 close(3) = 0\n* `true`\n", &["C017"])]
#[case("0...0.1 `true`\n", &["S005"])]
#[case("0 recvmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 9}]}, 0) = 9\n", &["C024"])]
#[case("0 epoll_wait(7, {events=EPOLLIN}, 1, 0) = 1\n", &["C005"])]
#[case("0 connect(3, {sa_family=AF_INET6, sin_port=htons(80), sin_addr=inet_addr(\"192.0.2.9\")}, ...) = 0\n", &["C005"])]
#[case("0 < icmp unreachable frag_needed mtu 70000 [0:0(0)]\n", &["C015"])]
#[case("--define=1A=5\n0 close(3) = 0\n", &["C002"])]
fn other_errors(#[case] text: &str, #[case] want: &[&str]) {
    assert_eq!(codes(text), want);
}

/// packetdrill compares an absolute time with one right before it; ours also what cannot be anyway.
#[rstest]
#[case("0.5 close(3) = 0\n0.4 close(4) = 0\n", true, true)]
#[case("0.5 close(3) = 0\n+0 close(5) = 0\n0.4 close(4) = 0\n", true, false)]
#[case(
    "0.5 close(3) = 0\n+0 close(5) = 0\n0.4 > . 1:1(0) ack 1\n",
    false,
    false
)]
#[case("0.5 close(3) = 0\n0.4 > . 1:1(0) ack 1\n", true, true)]
#[case("0.5~0.9 > . 1:1(0) ack 1\n0.6 close(4) = 0\n", false, false)]
fn time_cannot_go_backwards(#[case] rest: &str, #[case] ours: bool, #[case] drop_in: bool) {
    let source = Source::new("x", format!("0 close(9) = 0\n{rest}"));
    for (drop_in, expected) in [(false, ours), (true, drop_in)] {
        let context = LoadContext {
            drop_in,
            ..LoadContext::default()
        };
        let said = super::check_only(&source, &context);
        let found = said.iter().any(|one| one.code == "C011");
        assert_eq!(found, expected, "{rest}");
    }
}

#[test]
fn header_lines_are_comments_to_packetdrill() {
    let source = Source::new("x", "// payload: ones\n// covers: A-1\n0 close(3) = 0\n");
    let context = LoadContext {
        drop_in: true,
        ..LoadContext::default()
    };
    let program = super::load(&source, &context).unwrap();
    assert_eq!(program.header.payload, PayloadMode::Zero);
    assert!(super::load(&source, &LoadContext::default()).is_err());
}
