//! Scripts against smoltcp: what the calls above it do, and that nothing in it is left to chance.

use rstest::rstest;

use super::SmoltcpTarget;
use crate::program::IpVersion;
use crate::runner::{RunOutcome, RunSettings, load_context, run};
use crate::script::{self, LoadContext};
use crate::source::Source;
use crate::verdict::Verdict;

/// A server that has accepted a connection, non-blocking sockets throughout.
const ACCEPTED: &str = "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.01 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
";

/// A client whose SYN is out.
const CONNECTING: &str = "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <...>
";

fn outcome(text: &str, version: IpVersion, seed: u64) -> RunOutcome {
    let source = Source::new("test.pkt", text);
    let context = LoadContext {
        ip_version: Some(version),
        ..load_context(&SmoltcpTarget, &source)
    };
    let program = script::load(&source, &context).unwrap_or_else(|found| panic!("{found:?}"));
    let settings = RunSettings {
        ip_version: version,
        seed,
        ..RunSettings::default()
    };
    run(&program, &SmoltcpTarget, &settings)
}

fn passes(start: &str, rest: &str) {
    let verdict = outcome(&format!("{start}{rest}"), IpVersion::Ipv4, 0).verdict;
    assert!(matches!(verdict, Verdict::Pass), "{rest}: {verdict:#?}");
}

#[rstest]
#[case(IpVersion::Ipv4)]
#[case(IpVersion::Ipv6)]
#[case(IpVersion::Ipv4MappedIpv6)]
fn text_goes_both_ways(#[case] version: IpVersion) {
    let text = format!(
        "{ACCEPTED}
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 write(4, ..., 100) = 100
+0 > P. 1:101(100) ack 1
+.01 < P. 1:51(50) ack 101 win 20000
+0~+.02 > . 101:101(0) ack 51
+0 read(4, ..., 1000) = 50
+0 read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable)
+0 close(4) = 0
+0 > F. 101:101(0) ack 51
"
    );
    let verdict = outcome(&text, version, 0).verdict;
    assert!(matches!(verdict, Verdict::Pass), "{verdict:#?}");
    // And the runner looks: another number is a failure.
    let wrong = text.replace("ack 51\n+0 read", "ack 52\n+0 read");
    let verdict = outcome(&wrong, version, 0).verdict;
    assert!(matches!(verdict, Verdict::Fail(_)), "{verdict:?}");
}

#[test]
fn an_accept_puts_a_new_listening_socket_in_place() {
    passes(
        ACCEPTED,
        "
+0 @b < S 0:0(0) win 20000 <mss 1000>
+0 @b > S. 0:0(0) ack 1 <...>
+.01 @b < . 1:1(0) ack 1 win 20000
// One may wait, and no more.
+0 @c < S 0:0(0) win 20000 <mss 1000>
+0 @c > R. 0:0(0) ack 1
+0 @b accept(3, ..., ...) = 5
+0 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)
+0 @d < S 0:0(0) win 20000 <mss 1000>
+0 @d > S. 0:0(0) ack 1 <...>
",
    );
}

#[test]
fn a_closed_listener_resets_what_was_not_accepted() {
    passes(
        "",
        "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 2) = 0
+0 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.01 < . 1:1(0) ack 1 win 20000
+0 close(3) = 0
+0 > R. 1:1(0) ack 1
+.01 < . 1:1(0) ack 1 win 20000
+0 > R 1:1(0)
",
    );
}

#[test]
fn what_ended_a_connection_is_told_once() {
    passes(
        CONNECTING,
        "
+.01 < R. 0:0(0) ack 1 win 0
+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0
+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
",
    );
    passes(
        ACCEPTED,
        "
+.01 < R. 1:1(0) ack 1 win 0
+0 read(4, ..., 10) = -1 ECONNRESET (Connection reset by peer)
+0 read(4, ..., 10) = 0
+0 write(4, ..., 10) = -1 EPIPE (Broken pipe)
",
    );
    passes(
        ACCEPTED,
        "
+0 setsockopt(4, SOL_TCP, TCP_USER_TIMEOUT, [1500], 4) = 0
+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1
+1 > P. 1:11(10) ack 1
+.5 > R. 11:11(0) ack 1
+0 read(4, ..., 10) = -1 ETIMEDOUT (Connection timed out)
",
    );
}

#[test]
fn blocking_calls_sleep_until_there_is_something() {
    passes(
        "",
        "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0...0.02 accept(3, ..., ...) = 4
+.01 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.01 < . 1:1(0) ack 1 win 20000
+0...0.025 recv(4, ..., 30, MSG_WAITALL) = 30
+.02 < P. 1:11(10) ack 1 win 20000
+.005 < P. 11:31(20) ack 1 win 20000
+.005 > . 1:1(0) ack 31
+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1
",
    );
    passes(
        "",
        "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.01 connect(3, ..., ...) = -1 ECONNREFUSED (Connection refused)
+0 > S 0:0(0) <...>
+.01 < R. 0:0(0) ack 1 win 0
",
    );
}

#[test]
fn a_read_waits_no_longer_than_its_timeout() {
    passes(
        ACCEPTED,
        "
+0 setsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=0, tv_usec=50000}, 16) = 0
+0...0.05 read(4, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)
",
    );
}

#[test]
fn the_clock_of_timestamps_is_the_cases() {
    passes(
        "--tcp_ts_tick_usecs=1000\n",
        "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 20000 <mss 1000,sackOK,TS val 100 ecr 0>
+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 4000 ecr 100>
+.25 < . 1:1(0) ack 1 win 20000 <nop,nop,TS val 350 ecr 4000>
+0 accept(3, ..., ...) = 4
+.5 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 1 <nop,nop,TS val 4750 ecr 350>
",
    );
}

#[test]
fn a_close_is_a_fin_and_with_no_time_to_linger_a_reset() {
    passes(
        ACCEPTED,
        "
+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0
+0 close(4) = 0
+0 > R. 1:1(0) ack 1
",
    );
    passes(
        ACCEPTED,
        "
+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, 8) = 0
+0...0.1 close(4) = 0
+0 > F. 1:1(0) ack 1
+.1 < . 1:1(0) ack 2 win 20000
",
    );
}

#[rstest]
// The window of a connection is what its listener had as a buffer.
#[case(
    "+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [3000], 4) = 0",
    "win 3000 <mss 1460>"
)]
#[case(
    "+0 setsockopt(3, SOL_TCP, TCP_WINDOW_CLAMP, [2000], 4) = 0",
    "win 2000 <mss 1460>"
)]
#[case("", "win 65535 <mss 1460>")]
fn options_of_a_listener_are_its_connections(#[case] option: &str, #[case] answer: &str) {
    let text = |answer: &str| {
        format!(
            " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
{option}
+0 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 {answer}
"
        )
    };
    passes("", &text(answer));
    let verdict = outcome(&text("win 1000 <mss 1460>"), IpVersion::Ipv4, 0).verdict;
    assert!(matches!(verdict, Verdict::Fail(_)), "{verdict:?}");
}

#[test]
fn timestamps_are_offered_unless_a_setting_says_no() {
    const OPENING: &str = " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
";
    let with = "+0 > S 0:0(0) win 65535 <mss 1460,sackOK,TS val * ecr 0,nop,wscale 2>\n";
    passes(OPENING, with);
    passes(
        "`sysctl -q net.ipv4.tcp_timestamps=0`\n",
        &format!("{OPENING}+0 > S 0:0(0) win 65535 <mss 1460,sackOK,nop,nop,nop,wscale 2>\n"),
    );
}

#[rstest]
#[case(
    "+0 setsockopt(4, SOL_SOCKET, SO_RCVBUF, [3000], 4) = 0",
    "sockopt:on-a-connection"
)]
#[case("+0 send(4, ..., 10, MSG_OOB) = 10", "msg:0x1")]
#[case("+0 fcntl(4, F_DUPFD, 9) = 9", "fcntl:0")]
#[case("+0 epoll_create(1) = 5", "call:epoll_create")]
#[case(
    "+0 setsockopt(4, SOL_TCP, TCP_MAXSEG, [500], 4) = 0",
    "sockopt:SOL_TCP/TCP_MAXSEG"
)]
#[case(
    "+0 setsockopt(3, SOL_TCP, TCP_CONGESTION, \"bbr\", 3) = 0",
    "congestion:bbr"
)]
#[case("+0 %{ assert tcpi_rto == 0 }%", "tcp_info:tcpi_rto")]
#[case("+0 `ls`", "shell")]
fn what_smoltcp_lacks_is_a_skip(#[case] line: &str, #[case] lacking: &str) {
    let verdict = outcome(&format!("{ACCEPTED}{line}\n"), IpVersion::Ipv4, 0).verdict;
    let Verdict::Skip { capability, .. } = &verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(capability, lacking);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_other_numbers() {
    let script = format!("{CONNECTING}+1 > S 0:0(0) <...>\n");
    let packets = |seed| {
        let run = outcome(&script, IpVersion::Ipv4, seed);
        assert!(matches!(run.verdict, Verdict::Pass), "{:?}", run.verdict);
        format!("{:?}", run.trace)
    };
    assert_eq!(packets(7), packets(7));
    assert_ne!(packets(7), packets(8));
}

#[rstest]
#[case("--mtu=575\n", Some("mtu"))]
#[case("--mtu=576\n", None)]
fn an_mtu_below_what_smoltcp_takes_is_a_skip(#[case] option: &str, #[case] lacking: Option<&str>) {
    let verdict = outcome(&format!("{option}{ACCEPTED}"), IpVersion::Ipv4, 0).verdict;
    let skipped = match &verdict {
        Verdict::Skip { capability, .. } => Some(capability.as_str()),
        Verdict::Pass => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(skipped, lacking);
}
