//! UDP, ICMP, pieces of datagrams and layers, against a wire that answers with given bytes.

use std::sync::{Arc, Mutex};

use rstest::rstest;

use super::*;
use crate::wire::encapsulation::{Gre, Layer, MplsEntry, gre, wrap};
use crate::wire::{IcmpMessage, Reshape, UdpDatagram, WireFault, parse, put_in_udp, tcp_in_udp};

/// What the wire answers to the first packet that is put on it.
type Answer = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

#[derive(Clone)]
struct Wire {
    answer: Answer,
    injected: Arc<Mutex<Vec<Vec<u8>>>>,
}

struct WireSession {
    wire: Wire,
    now: Time,
    outbox: VecDeque<Observed>,
}

impl Target for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }
    fn defines(&self) -> Vec<String> {
        Vec::new()
    }
    fn lacks(&self, _capability: &Capability) -> Option<String> {
        None
    }
    fn is_virtual(&self) -> bool {
        true
    }
    fn open(&self, _settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(WireSession {
            wire: self.clone(),
            now: Time::ZERO,
            outbox: VecDeque::new(),
        }))
    }
}

impl Session for WireSession {
    fn start(&mut self) {}
    fn now(&mut self) -> Time {
        self.now
    }
    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.now = self.now.max(time);
        Ok(())
    }
    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let mut injected = self.wire.injected.lock().unwrap();
        if injected.is_empty() {
            let at = self.now;
            let answers = (self.wire.answer)(datagram);
            let answers = answers.into_iter().map(|bytes| Observed { at, bytes });
            self.outbox.extend(answers);
        }
        injected.push(datagram.to_vec());
        Ok(Moment::at(self.now))
    }
    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        let next = self.outbox.pop_front();
        if next.is_none() {
            self.now = self.now.max(deadline);
        }
        Ok(next)
    }
    fn call(&mut self, _call: &Call, _limit: Duration) -> Result<CallReport, TargetError> {
        Err(TargetError::Machine("no calls".to_string()))
    }
    fn start_call(&mut self, _call: &Call) -> Result<Moment, TargetError> {
        Err(TargetError::Machine("no calls".to_string()))
    }
    fn finish_call(&mut self, _deadline: Time) -> Result<CallReport, TargetError> {
        Err(TargetError::Machine("no calls".to_string()))
    }
    fn command(&mut self, _command: &str) -> Result<CommandReport, TargetError> {
        Err(TargetError::Machine("no commands".to_string()))
    }
    fn socket_info(&mut self, _fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        Err(TargetError::Machine("no sockets".to_string()))
    }
}

/// The verdict with the differing fields, its words, and what was put on the wire.
fn run_on_wire(
    text: &str,
    v6: bool,
    drop_in: bool,
    answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> (String, String, Vec<Vec<u8>>) {
    let ip_version = if v6 { IpVersion::Ipv6 } else { IpVersion::Ipv4 };
    let source = Source::new("case.pkt", text);
    let context = LoadContext {
        ip_version: Some(ip_version),
        ..LoadContext::default()
    };
    let program = script::load(&source, &context).unwrap_or_else(|found| panic!("{found:#?}"));
    let wire = Wire {
        answer: Arc::new(answer),
        injected: Arc::default(),
    };
    let settings = RunSettings {
        ip_version,
        drop_in,
        ..RunSettings::default()
    };
    let outcome = run(&program, &wire, &settings);
    let message = crate::report::message(&outcome.verdict, &source);
    let told = match &outcome.verdict {
        Verdict::Fail(failure) => {
            let fields: Vec<_> = failure.differences.iter().map(|one| one.field).collect();
            format!("fail {}", fields.join(" "))
        }
        other => other.name().to_string(),
    };
    let injected = wire.injected.lock().unwrap().clone();
    (told, message, injected)
}

/// The addresses and ports of an answer to `datagram`.
fn back(datagram: &[u8]) -> (IpFields, u16, u16) {
    let packet = parse(datagram).unwrap().packet;
    let ip = IpFields {
        source: packet.ip.destination,
        destination: packet.ip.source,
        ttl: 64,
        traffic_class: 0,
        flow_label: 0,
    };
    let (from, to) = match &packet.transport {
        Transport::Udp(udp) => (udp.destination_port, udp.source_port),
        Transport::Tcp(tcp) => (tcp.destination_port, tcp.source_port),
        _ => (0, 0),
    };
    (ip, from, to)
}

fn udp_back(datagram: &[u8], payload: &[u8]) -> Vec<u8> {
    let (ip, source_port, destination_port) = back(datagram);
    let transport = Transport::Udp(UdpDatagram {
        source_port,
        destination_port,
        payload: payload.to_vec(),
    });
    Packet { ip, transport }.build().unwrap()
}

#[rstest]
#[case::as_written(r#"udp (5) "HELLO""#, "pass")]
#[case::another_byte(r#"udp (5) "HELLX""#, "fail payload")]
#[case::another_length("udp (4)", "fail length payload")]
#[case::not_zeros("udp (5)", "fail payload")]
#[case::another_protocol(". 1:1(0)", "fail protocol")]
#[case::all_at_once(
    "[ttl 65..70, ect1, df, id 9] udp (4)",
    "fail ecn ttl id df length payload"
)]
#[case::open_fields(r#"[ttl 60..64, nodf, id *, noecn, dscp cs0] udp (5) "HELLO""#, "pass")]
#[case::dscp(r#"[dscp ef] udp (5) "HELLO""#, "fail dscp")]
fn a_udp_answer_is_judged_in_all_its_parts(
    #[case] line: &str,
    #[case] want: &str,
    #[values("zero", "offset")] payload: &str,
) {
    let text = format!("// payload: {payload}\n0 < udp (5) \"hello\"\n+0 > {line}\n");
    let (verdict, message, injected) =
        run_on_wire(&text, false, false, |bytes| vec![udp_back(bytes, b"HELLO")]);
    assert_eq!(verdict, want, "{message}");
    assert_eq!(&injected[0][28..], b"hello");
}

#[test]
fn a_wrong_udp_answer_is_shown_beside_its_line() {
    let text = "0 < udp (5)\n+0 > [ttl 65..70, df] udp (4) \"help\"\n";
    let (_, message, _) = run_on_wire(text, false, false, |bytes| vec![udp_back(bytes, b"HELLO")]);
    insta::assert_snapshot!(message);
}

#[rstest]
fn damage_on_purpose_is_on_the_wire(#[values(false, true)] v6: bool) {
    let text = "0 < udp (5) badsum\n+0 < icmp echo_request badsum\n+0 < [len 60] udp (5)\n+0 < [proto 200] udp (5)\n";
    let (verdict, message, injected) = run_on_wire(text, v6, false, |_| vec![]);
    assert_eq!(verdict, "pass", "{message}");
    for (bytes, layer) in injected.iter().zip(["UDP", "ICMP"]) {
        let faults = parse(bytes).unwrap().faults;
        let told =
            matches!(&faults[..], [WireFault::Checksum { layer: found, .. }] if *found == layer);
        assert!(told, "{faults:?}");
    }
    let (length, protocol) = if v6 { (4, 6) } else { (2, 9) };
    assert_eq!(injected[2][length..length + 2], [0, 60]);
    assert_eq!(injected[3][protocol], 200);
}

#[test]
fn a_bad_ip_checksum_is_on_the_wire() {
    let (_, _, injected) = run_on_wire("0 < [badsum] udp (5)\n", false, false, |_| vec![]);
    let faults = parse(&injected[0]).unwrap().faults;
    assert!(
        matches!(
            faults[..],
            [WireFault::Checksum {
                layer: "IPv4 header",
                ..
            }]
        ),
        "{faults:?}"
    );
}

#[rstest]
fn an_inbound_train_of_pieces_is_one_datagram(#[values(false, true)] v6: bool) {
    let text = "0 < [id 7, frag 0:16] udp (20) \"abcdefghijklmnopqrst\"\n\
                +0 < [id 7, frag 16:28] udp (20) \"abcdefghijklmnopqrst\"\n\
                +0 < udp (20) \"abcdefghijklmnopqrst\"\n";
    let (verdict, message, injected) = run_on_wire(text, v6, false, |_| vec![]);
    assert_eq!(verdict, "pass", "{message}");
    let mut reassembly = crate::wire::Reassembly::default();
    let mut whole = None;
    for bytes in &injected[..2] {
        assert_eq!(whole, None);
        let parsed = parse(bytes).unwrap();
        let Transport::Other { protocol, payload } = parsed.packet.transport else {
            panic!()
        };
        let piece = parsed.header.piece.unwrap();
        whole = reassembly.add(parsed.header.id.unwrap(), protocol, piece, &payload);
    }
    let header = if v6 { 40 } else { 20 };
    assert_eq!(whole.unwrap(), injected[2][header..]);
}

/// The answer in two pieces, cut at `at`; `spoil` changes the byte at that place of the datagram.
fn in_pieces(bytes: &[u8], at: u16, spoil: Option<usize>) -> Vec<Vec<u8>> {
    let mut whole = udp_back(bytes, &[0; 100]);
    if let Some(place) = spoil {
        whole[place] ^= 1;
    }
    [(0, at), (at, 108)]
        .map(|(first, end)| {
            let reshape = Reshape {
                id: Some(77),
                piece: Some((first, end, false)),
                ..Reshape::default()
            };
            reshape.apply(whole.clone()).unwrap()
        })
        .to_vec()
}

#[rstest]
#[case::as_written(64, None, "[frag 0:64] udp (100)", "[frag 64:108] udp (100)", "pass")]
#[case::same_id(
    64,
    None,
    "[id 77, frag 0:64] udp (100)",
    "[id 77, frag 64:108] udp (100)",
    "pass"
)]
#[case::another_cut(
    72,
    None,
    "[frag 0:64] udp (100)",
    "[frag 64:108] udp (100)",
    "fail frag"
)]
#[case::more_than_told(
    64,
    None,
    "[frag 0:64] udp (100)",
    "[frag 64:108+] udp (100)",
    "fail frag"
)]
#[case::another_length(
    64,
    None,
    "[frag 0:64] udp (101)",
    "[frag 64:109] udp (101)",
    "fail payload"
)]
#[case::payload(
    64,
    Some(60),
    "[frag 0:64] udp (100)",
    "[frag 64:108] udp (100)",
    "fail payload"
)]
#[case::checksum(
    64,
    Some(26),
    "[frag 0:64] udp (100)",
    "[frag 64:108] udp (100)",
    "fail checksum"
)]
#[case::port(
    64,
    Some(23),
    "[frag 0:64] udp (100)",
    "[frag 64:108] udp (100)",
    "fail payload"
)]
#[case::whole_line(64, None, "udp (100)", "udp (100)", "fail frag")]
#[case::icmp_line(
    64,
    None,
    "[frag 0:64] icmp echo_reply [raw (108)]",
    "udp (1)",
    "fail protocol payload"
)]
fn outbound_pieces_are_compared(
    #[case] at: u16,
    #[case] spoil: Option<usize>,
    #[case] first: &str,
    #[case] second: &str,
    #[case] want: &str,
) {
    let text = format!("0 < udp (5)\n+0 > {first}\n+0 > {second}\n");
    let (verdict, message, _) = run_on_wire(&text, false, false, move |bytes| {
        in_pieces(bytes, at, spoil)
    });
    assert_eq!(verdict, want, "{message}");
}

#[test]
fn a_whole_datagram_is_no_piece() {
    let text = "0 < udp (5)\n+0 > [frag 0:8] udp (0)\n";
    let (verdict, message, _) = run_on_wire(text, false, false, |bytes| vec![udp_back(bytes, &[])]);
    assert_eq!(verdict, "fail frag", "{message}");
}

fn v4_layer(ttl: u8) -> Layer {
    Layer::Ip(IpFields {
        source: "10.0.0.1".parse().unwrap(),
        destination: "10.0.0.2".parse().unwrap(),
        ttl,
        traffic_class: 8,
        flow_label: 0,
    })
}

fn keyed(key: u32) -> Layer {
    Layer::Gre(Gre {
        flags: gre::KEY,
        key,
        ..Gre::default()
    })
}

fn label(label: u32) -> Layer {
    let entry = |label, bottom| MplsEntry {
        label,
        class: 0,
        bottom,
        ttl: 60,
    };
    Layer::Mpls(vec![entry(label, false), entry(17, true)])
}

const STACK: &str = "mpls (label 16, tc 0, ttl 60) (label 17, tc 0, [S], ttl 60)";

#[rstest]
#[case::ipip(vec![v4_layer(64)], "ipv4 9.9.9.9 > 8.8.8.8:", "pass")]
#[case::outer_fields(vec![v4_layer(64)], "ipv4 [tos 0x08] 9.9.9.9 > 8.8.8.8:", "pass")]
#[case::outer_ttl(vec![v4_layer(64)], "ipv4 [ttl 63, ce] 9.9.9.9 > 8.8.8.8:", "fail outer ecn outer ttl")]
#[case::family(vec![v4_layer(64)], "ipv6 ::1 > ::2:", "fail layers")]
#[case::missing(vec![], "ipv4 9.9.9.9 > 8.8.8.8:", "fail layers")]
#[case::surplus(vec![v4_layer(64)], "", "fail layers")]
#[case::gre(vec![v4_layer(64), keyed(42)], "ipv4 9.9.9.9 > 8.8.8.8: gre flags [key present], sum 0, off 0, key=42, seq 0:", "pass")]
#[case::gre_key(vec![v4_layer(64), keyed(43)], "ipv4 9.9.9.9 > 8.8.8.8: gre flags [key present], sum 0, off 0, key=42, seq 0:", "fail gre")]
#[case::gre_flags(vec![v4_layer(64), keyed(43)], "ipv4 9.9.9.9 > 8.8.8.8: gre:", "fail gre")]
#[case::mpls(vec![v4_layer(64), keyed(42), label(16)], &format!("ipv4 9.9.9.9 > 8.8.8.8: gre flags 0x2000, key=42: {STACK}:"), "pass")]
#[case::mpls_label(vec![v4_layer(64), label(15)], &format!("ipv4 9.9.9.9 > 8.8.8.8: {STACK}:"), "fail mpls")]
fn layers_of_an_answer_are_compared(
    #[case] layers: Vec<Layer>,
    #[case] line: &str,
    #[case] want: &str,
) {
    let text = format!("0 < udp (5)\n+0 > {line} udp (3)\n");
    let (verdict, message, _) = run_on_wire(&text, false, false, move |bytes| {
        vec![wrap(&layers, udp_back(bytes, &[0; 3])).unwrap()]
    });
    assert_eq!(verdict, want, "{message}");
}

#[test]
fn layers_of_an_inbound_line_are_on_the_wire() {
    let text = format!(
        "0 < ipv4 [ttl 9, ce] 10.0.0.1 > 10.0.0.2: gre flags [key present], key=42: {STACK}: udp (3)\n"
    );
    let (verdict, message, injected) = run_on_wire(&text, false, false, |_| vec![]);
    assert_eq!(verdict, "pass", "{message}");
    let parsed = parse(&injected[0]).unwrap();
    let [Layer::Ip(outer), header, stack] = &parsed.layers[..] else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        (
            outer.source.to_string().as_str(),
            outer.ttl,
            outer.traffic_class
        ),
        ("10.0.0.1", 9, 3)
    );
    assert_eq!((header, stack), (&keyed(42), &label(16)));
    assert!(matches!(parsed.packet.transport, Transport::Udp(_)));
}

#[test]
fn layers_without_a_number_are_the_scripts_fault() {
    let text =
        "0 < ipv4 10.0.0.1 > 10.0.0.2: udp (65000)\n+0 < ipv4 10.0.0.1 > 10.0.0.2: udp (65490)\n";
    let (verdict, message, _) = run_on_wire(text, false, false, |_| vec![]);
    assert_eq!(verdict, "error", "{message}");
    assert!(
        message.contains("R008") && message.contains("65,535"),
        "{message}"
    );
}

/// An ICMP message back to the harness; `quote` bytes of the datagram it answers, or `payload`.
fn icmp_back(datagram: &[u8], kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let (ip, ..) = back(datagram);
    let transport = Transport::Icmp(IcmpMessage {
        kind,
        code,
        rest_of_header: rest,
        payload: payload.to_vec(),
    });
    Packet { ip, transport }.build().unwrap()
}

#[rstest]
#[case::bare("icmp echo_reply", "pass")]
#[case::whole(r#"icmp echo_reply id 7 seq 1 "ping""#, "pass")]
#[case::number(r#"icmp echo_reply id 8 seq 2 "ping""#, "fail icmp_id icmp_seq")]
#[case::contents(r#"icmp echo_reply "pong""#, "fail payload")]
#[case::shorter(r#"icmp echo_reply "pin""#, "fail length")]
#[case::raw("icmp echo_reply [raw (12)]", "pass")]
#[case::kind("icmp echo_request code_1", "fail icmp_type icmp_code")]
#[case::no_error("icmp echo_reply [udp (5)]", "fail icmp_quote")]
fn an_echo_is_judged_by_what_is_written(
    #[case] line: &str,
    #[case] want: &str,
    #[values(false, true)] v6: bool,
) {
    let text = format!("0 < icmp echo_request id 7 seq 1 \"ping\"\n+0 > {line}\n");
    let reply = if v6 { 129 } else { 0 };
    let (verdict, message, injected) = run_on_wire(&text, v6, false, move |bytes| {
        vec![icmp_back(bytes, reply, 0, [0, 7, 0, 1], b"ping")]
    });
    assert_eq!(verdict, want, "{message}");
    let header = if v6 { 40 } else { 20 };
    assert_eq!(&injected[0][header + 4..], b"\0\x07\0\x01ping");
}

#[rstest]
#[case::bare("icmp unreachable port_unreachable", false, "pass")]
#[case::udp("icmp unreachable port_unreachable [udp (5)]", false, "pass")]
#[case::another_length(
    "icmp unreachable port_unreachable [udp (6)]",
    false,
    "fail icmp_quote"
)]
#[case::tcp("icmp unreachable port_unreachable [1:1(0)]", false, "fail icmp_quote")]
// Without an ICMP socket packetdrill looks at no ICMP message.
#[case::drop_in("icmp unreachable port_unreachable [raw (41)]", true, "fail missing")]
fn a_quote_is_judged_where_packetdrill_is_not_imitated(
    #[case] line: &str,
    #[case] drop_in: bool,
    #[case] want: &str,
) {
    let text = format!("0 < udp (5)\n+0 > {line}\n");
    let (verdict, message, _) = run_on_wire(&text, false, drop_in, |bytes| {
        vec![icmp_back(bytes, 3, 3, [0; 4], bytes)]
    });
    assert_eq!(verdict, want, "{message}");
}

#[test]
fn a_router_advertisement_carries_its_mtu_as_an_option() {
    let text = "0 < icmp router_advertisement mtu 1492\n";
    let (verdict, message, injected) = run_on_wire(text, true, false, |_| vec![]);
    assert_eq!(verdict, "pass", "{message}");
    let body = &injected[0][40..];
    assert_eq!((body[0], body.len()), (134, 24));
    assert_eq!(body[16..], [5, 1, 0, 0, 0, 0, 0x05, 0xd4]);
}

// packetdrill compares the length of the message, and not what it quotes.
#[rstest]
#[case::quote("icmp unreachable port_unreachable [udp (6)]", "fail length")]
#[case::length("icmp unreachable port_unreachable [raw (41)]", "pass")]
#[case::code("icmp unreachable net_unreachable [raw (41)]", "fail icmp_code")]
fn with_an_icmp_socket_a_drop_in_compares_type_code_and_length(
    #[case] line: &str,
    #[case] want: &str,
) {
    let socket = "+0 socket(..., SOCK_DGRAM, IPPROTO_ICMP) = 3\n";
    let text = format!("0 < udp (5)\n+0 > {line}\n{socket}");
    let (verdict, message, _) = run_on_wire(&text, false, true, |bytes| {
        vec![icmp_back(bytes, 3, 3, [0; 4], bytes)]
    });
    // The wire makes no calls: a script that gets that far has passed.
    let passed = verdict == "error" && message.contains("no calls");
    assert_eq!(if passed { "pass" } else { &verdict }, want, "{message}");
}

#[rstest]
#[case::tcp("icmp packet_too_big mtu 1280 [101:111(10)]", "pass")]
#[case::mtu("icmp packet_too_big mtu 1281 [101:111(10)]", "fail icmp_mtu")]
#[case::number("icmp packet_too_big [1:11(10)]", "fail icmp_quote")]
fn a_quoted_segment_has_the_scripts_numbers(#[case] line: &str, #[case] want: &str) {
    let text = format!("0 < P. 101:111(10) ack 1 win 100\n+0 > {line}\n");
    let (verdict, message, _) = run_on_wire(&text, true, false, |bytes| {
        vec![icmp_back(bytes, 2, 0, [0, 0, 5, 0], bytes)]
    });
    assert_eq!(verdict, want, "{message}");
}

#[rstest]
fn a_quote_of_another_address_is_none_of_ours(#[values(15, 19)] place: usize) {
    let text = "0 < udp (5)\n+0 > icmp unreachable port_unreachable [udp (5)]\n";
    let (verdict, message, _) = run_on_wire(text, false, false, move |bytes| {
        let mut quoted = bytes.to_vec();
        quoted[place] ^= 1;
        vec![icmp_back(bytes, 3, 3, [0; 4], &quoted)]
    });
    assert_eq!(verdict, "fail icmp_quote", "{message}");
}

const IN_UDP: &str = "--udp_encapsulation=tcp\n0 < S 0:0(0) win 100 <mss 1000>/udp(9811 > 1)\n";

/// A SYN-ACK inside UDP with these ports; `checksum` takes the TCP checksum for what it is.
fn syn_ack_in_udp(datagram: &[u8], ports: (u16, u16), zero: bool) -> Vec<Vec<u8>> {
    let (_, inner) = tcp_in_udp(&parse(datagram).unwrap()).unwrap().unwrap();
    let (ip, ..) = back(datagram);
    let Transport::Tcp(syn) = inner.packet.transport else {
        panic!()
    };
    let transport = Transport::Tcp(TcpSegment {
        source_port: syn.destination_port,
        destination_port: syn.source_port,
        ..segment(SYN_ACK, ISN, 1, &[])
    });
    let mut bytes = Packet { ip, transport }.build().unwrap();
    if zero {
        bytes[36..38].fill(0);
    }
    vec![put_in_udp(&bytes, ports).unwrap()]
}

#[rstest]
#[case::as_written("S. 0:0(0) ack 1/udp(1 > 9811)", (1, 9811), false, "pass")]
#[case::without_tcp_checksum("S. 0:0(0) ack 1/udp(1 > 9811)", (1, 9811), true, "pass")]
#[case::ports("S. 0:0(0) ack 1/udp(1 > 9811)", (2, 9811), false, "fail udp_encapsulation")]
#[case::not_written("S. 0:0(0) ack 1", (1, 9811), false, "fail udp_encapsulation")]
#[case::segment("S. 0:0(0) ack 2/udp(1 > 9811)", (1, 9811), false, "fail ack")]
fn tcp_inside_udp_is_built_and_compared(
    #[case] line: &str,
    #[case] ports: (u16, u16),
    #[case] zero: bool,
    #[case] want: &str,
    #[values(false, true)] v6: bool,
) {
    if v6 && zero {
        return;
    }
    let text = format!("{IN_UDP}+0 > {line}\n");
    let (verdict, message, injected) = run_on_wire(&text, v6, false, move |bytes| {
        syn_ack_in_udp(bytes, ports, zero)
    });
    assert_eq!(verdict, want, "{message}");
    let parsed = parse(&injected[0]).unwrap();
    assert_eq!(parsed.faults, []);
    let (ports, inner) = tcp_in_udp(&parsed).unwrap().unwrap();
    assert_eq!((ports, inner.faults), ((9811, 1), vec![]));
}

#[test]
fn an_icmp_error_can_quote_tcp_inside_udp() {
    let text = format!("{IN_UDP}+0 < icmp unreachable [0:0(0)/udp(1 > 9811)]\n");
    let (verdict, message, injected) = run_on_wire(&text, false, false, |_| vec![]);
    assert_eq!(verdict, "pass", "{message}");
    let quoted = &injected[1][28..];
    assert_eq!((quoted.len(), quoted[9]), (20 + 8 + 8, 17));
    assert_eq!(quoted[20..24], [0, 1, 0x26, 0x53]);
    assert_eq!(quoted[28..30], 8080_u16.to_be_bytes());
}
