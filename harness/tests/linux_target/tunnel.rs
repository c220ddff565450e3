//! Whole scripts against the running kernel: through tunnels, in pieces, UDP and ICMP.
//!
//! Each makes its tunnel by a command of its own. Where the kernel has none of the kind, the
//! reason is printed and nothing is shown.

use std::time::Duration;

use tcpdrill::program::{IpVersion, ScriptOptions};
use tcpdrill::report;
use tcpdrill::runner::{RunSettings, run};
use tcpdrill::script::{self, LoadContext};
use tcpdrill::source::Source;
use tcpdrill::target::linux::LinuxTarget;
use tcpdrill::verdict::Verdict;

use crate::cases::Case;

pub(crate) const ALL: &[Case] = &[
    ("a_connection_in_ipv6_in_ipv6", six_in_six),
    ("a_connection_in_ipv4_in_ipv6", four_in_six),
    ("a_connection_in_ipip", ipip),
    ("a_connection_in_sit", sit),
    ("a_connection_in_gre_with_a_key", gre),
    ("a_layer_that_is_not_there_is_missed", missed),
    ("udp_and_icmp_with_contents", || datagrams(IpVersion::Ipv4)),
    ("udp_and_icmp_with_contents_over_ipv6", || {
        datagrams(IpVersion::Ipv6)
    }),
    ("datagrams_in_pieces", || pieces(IpVersion::Ipv4)),
    ("datagrams_in_pieces_over_ipv6", || pieces(IpVersion::Ipv6)),
    ("ip_fields_of_a_connection", fields),
];

/// What became of a script, and in which fields it differs.
fn verdict(text: &str, ip_version: IpVersion) -> (String, String) {
    let source = Source::new("case.pkt", text);
    let context = LoadContext {
        ip_version: Some(ip_version),
        ..LoadContext::default()
    };
    let program = script::load(&source, &context).unwrap_or_else(|found| panic!("{found:#?}"));
    // What is shown here is no matter of time, and the machine may be busy.
    let overrides = ScriptOptions {
        tolerance: Some(Duration::from_secs(1)),
        ..ScriptOptions::default()
    };
    let settings = RunSettings {
        ip_version,
        overrides,
        ..RunSettings::default()
    };
    let verdict = run(&program, &LinuxTarget::default(), &settings).verdict;
    let told = match &verdict {
        Verdict::Fail(failure) => {
            let fields: Vec<_> = failure.differences.iter().map(|one| one.field).collect();
            format!("fail {}", fields.join(" "))
        }
        other => other.name().to_string(),
    };
    (told, report::message(&verdict, &source))
}

/// The script must pass, but for a tunnel that the kernel does not have.
fn passes(text: &str, ip_version: IpVersion) {
    let (told, message) = verdict(text, ip_version);
    if told == "skip" && message.contains("tunnel:") {
        println!("skipped: {message}");
        return;
    }
    assert_eq!(told, "pass", "{message}");
}

/// A passive open and data both ways; `IN` and `OUT` stand for the layers.
const CONNECTION: &str = "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < IN S 0:0(0) win 20000 <mss 1000>
+0 > OUT S. 0:0(0) ack 1 <...>
+.1 < IN . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
+0 < IN P. 1:101(100) ack 1 win 20000
+0 > OUT . 1:1(0) ack 101
+0 read(4, ..., 1000) = 100
+0 write(4, ..., 200) = 200
+0 > OUT P. 1:201(200) ack 101
";

fn through(set_up: &str, inbound: &str, outbound: &str) -> String {
    let events = CONNECTION.replace("IN", inbound).replace("OUT", outbound);
    format!("`{set_up}`\n{events}")
}

/// Segment routing with one segment and no routing header is plain IPv6 in IPv6 (RFC 8986 §5.2).
const SIX: &str =
    "ip -6 route add 2001:db8::1/128 encap seg6 mode encap.red segs fd00:9::2 dev tun0
ip -6 route add fd00:9::/64 dev tun0
ip -6 route add fd00:9::1/128 encap seg6local action End.DT6 table local dev tun0";

fn six_in_six() {
    let inbound = "ipv6 [hlim 9] fd00:9::2 > fd00:9::1:";
    let outbound = "ipv6 [ttl 60..64, noecn] fd00:9::1 > fd00:9::2:";
    passes(&through(SIX, inbound, outbound), IpVersion::Ipv6);
}

fn four_in_six() {
    let set_up = "sysctl -q -w net.ipv6.conf.tun0.disable_ipv6=0
ip -6 addr add fd00:9::1/64 dev tun0 nodad
ip route add 192.0.2.1/32 encap seg6 mode encap.red segs fd00:9::2 dev tun0
ip -6 route add fd00:9::3/128 encap seg6local action End.DX4 nh4 192.168.0.2 dev tun0";
    let inbound = "ipv6 fd00:9::2 > fd00:9::3:";
    let outbound = "ipv6 fd00:9::1 > fd00:9::2: [df]";
    passes(&through(set_up, inbound, outbound), IpVersion::Ipv4);
}

/// The other end of a tunnel device is the gateway.
fn device(kind: &str) -> String {
    format!(
        "ip link add tnl1 type {kind} local 192.168.0.2 remote 192.168.0.1
ip link set tnl1 up
ip route add 192.0.2.1/32 dev tnl1 src 192.168.0.2"
    )
}

fn ipip() {
    let inbound = "ipv4 192.168.0.1 > 192.168.0.2:";
    let outbound = "ipv4 192.168.0.2 > 192.168.0.1:";
    passes(
        &through(&device("ipip"), inbound, outbound),
        IpVersion::Ipv4,
    );
}

fn sit() {
    let set_up = "ip addr add 192.168.0.2/16 dev tun0
ip link add tnl1 type sit local 192.168.0.2 remote 192.168.0.1
ip link set tnl1 up
ip -6 route add 2001:db8::1/128 dev tnl1";
    let inbound = "ipv4 192.168.0.1 > 192.168.0.2:";
    let outbound = "ipv4 192.168.0.2 > 192.168.0.1:";
    passes(&through(set_up, inbound, outbound), IpVersion::Ipv6);
}

fn gre() {
    let layer = "gre flags [key present], sum 0, off 0, key=42, seq 0:";
    let inbound = format!("ipv4 192.168.0.1 > 192.168.0.2: {layer}");
    let outbound = format!("ipv4 192.168.0.2 > 192.168.0.1: {layer}");
    passes(
        &through(&device("gre key 42"), &inbound, &outbound),
        IpVersion::Ipv4,
    );
}

/// The same connection as in `six_in_six`, its answers written without their layer.
fn missed() {
    let inbound = "ipv6 fd00:9::2 > fd00:9::1:";
    let (told, message) = verdict(&through(SIX, inbound, ""), IpVersion::Ipv6);
    if told == "skip" {
        println!("skipped: {message}");
        return;
    }
    assert_eq!(told, "fail layers", "{message}");
    assert!(message.contains("expected none, got ipv6 "), "{message}");
}

fn datagrams(ip_version: IpVersion) {
    let text = r#"
 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 bind(3, ..., ...) = 0
+0 sendto(3, ..., 120, 0, ..., ...) = 120
+0 > [ttl 60..64, noecn] udp (120)
+.1 < [ce, ttl 9] udp (5) "hello"
+0 recvfrom(3, ..., 100, 0, ..., ...) = 5
+0 < udp (5) badsum
+0 recvfrom(3, ..., 100, MSG_DONTWAIT, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)
+0 < udp 4000 > 9999 (5)
+0 > icmp unreachable port_unreachable [udp (5)]
+0 < icmp echo_request id 7 seq 1 "ping"
+0 > icmp echo_reply id 7 seq 1 "ping"
+0 < icmp echo_request id 7 seq 2 "ping" badsum
"#;
    passes(text, ip_version);
    let wrong = "
 0 < icmp echo_request id 7 seq 1 \"ping\"
+0 > [ttl 65..70] icmp echo_reply id 8 seq 2 \"pong\"
";
    let (told, message) = verdict(wrong, ip_version);
    assert_eq!(told, "fail ttl icmp_id icmp_seq payload", "{message}");
}

/// The MTU cuts 3008 bytes of UDP into three: 1480 bytes behind an IPv4 header; over IPv6, with
/// an MTU of 1520, 1472 behind IP and fragment header.
fn pieces(ip_version: IpVersion) {
    let step = if ip_version == IpVersion::Ipv6 {
        1472
    } else {
        1480
    };
    let (second, third) = (step, 2 * step);
    let text = format!(
        r#"
 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 bind(3, ..., ...) = 0
+0 sendto(3, ..., 3000, 0, ..., ...) = 3000
+0 > [frag 0:{second}] udp (3000)
+0 > [frag {second}:{third}] udp (3000)
+0 > [frag {third}:3008] udp (3000)
+.1 < [id 7, frag 0:24] udp (40)
+0 < [id 7, frag 24:48] udp (40)
+0 recvfrom(3, ..., 100, 0, ..., ...) = 40
+0 < [id 8, frag 24:30] udp (22) "abcdefghijklmnopqrstuv"
+0 recvfrom(3, ..., 100, MSG_DONTWAIT, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)
+0 < [id 8, frag 0:24] udp (22) "abcdefghijklmnopqrstuv"
+0 recvfrom(3, ..., 100, 0, ..., ...) = 22
"#
    );
    passes(&text, ip_version);
    let wrong = text.replace(":3008]", ":3008+]");
    let (told, message) = verdict(&wrong, ip_version);
    assert_eq!(told, "fail frag", "{message}");
}

fn fields() {
    let events = CONNECTION
        .replace("IN", "[dscp af11, ttl 7]")
        .replace("OUT", "[dscp cs0, df, ttl 64, id *]");
    passes(&events, IpVersion::Ipv4);
    let wrong = CONNECTION
        .replace("IN", "")
        .replace("OUT", "[nodf, dscp ef]");
    let (told, message) = verdict(&wrong, IpVersion::Ipv4);
    assert_eq!(told, "fail dscp df", "{message}");
    // Damaged headers are not answered, and neither is a segment of which one piece is missing.
    let dropped = "
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < [badsum] S 0:0(0) win 20000 <mss 1000>
+0 < [len 30] S 0:0(0) win 20000 <mss 1000>
+0 < [id 9, frag 0:16] S 0:0(0) win 20000 <mss 1000>
+.1 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
";
    passes(dropped, IpVersion::Ipv4);
}
