//! How a TCP line is judged, and what an inbound one puts on the wire.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::trace::TraceEvent;
use crate::wire;

const ASK: &str = "+.1 < . 1:1(0) ack 1 win 20000\n";

fn answer(options: &[TcpOption]) -> Vec<(u64, TcpSegment)> {
    vec![(
        0,
        TcpSegment {
            options: options.to_vec(),
            ..segment(ACK, ISN + 1, 1, &[])
        },
    )]
}

/// The fields that differ when the stack answers with these options.
fn differing(line: &str, options: &[TcpOption]) -> Vec<&'static str> {
    let (verdict, message) = after_handshake(&format!("{ASK}+0 {line}\n"), answer(options));
    match verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail(failure) => failure
            .differences
            .iter()
            .map(|found| found.field)
            .collect(),
        _ => panic!("{message}"),
    }
}

fn other(kind: u8, data: &[u8]) -> TcpOption {
    TcpOption::Other {
        kind,
        data: data.to_vec(),
    }
}

const NOP: TcpOption = TcpOption::NoOperation;
const MSS: TcpOption = TcpOption::MaximumSegmentSize(1460);
const SCALE: TcpOption = TcpOption::WindowScale(7);
const STAMP: TcpOption = TcpOption::Timestamps {
    value: 700,
    echo_reply: 9,
};

#[rstest]
#[case("<gen-30 0102>", &[other(30, &[1, 2])], true)]
#[case("<gen-30 0103>", &[other(30, &[1, 2])], false)]
#[case("<gen-30 *>", &[other(30, &[1, 2])], true)]
#[case("<gen-31 *>", &[other(30, &[1, 2])], false)]
#[case("<...>", &[other(30, &[1, 2])], true)]
#[case("", &[other(30, &[1, 2])], false)]
#[case("<exp-f989 01020304>", &[TcpOption::FastOpenExperimental(vec![1, 2, 3, 4])], true)]
#[case("<FOEXP *>", &[TcpOption::FastOpenExperimental(vec![1, 2, 3, 4])], true)]
#[case("<exp-1234 *>", &[TcpOption::FastOpenExperimental(vec![1, 2, 3, 4])], false)]
#[case("<gen-2 05b4>", &[MSS], true)]
#[case("<gen-2 05b5>", &[MSS], false)]
#[case("<020405b4>", &[MSS], true)]
#[case("<020405b5>", &[MSS], false)]
#[case("<020405b4>", &[MSS, NOP, NOP, NOP, NOP], false)]
#[case("<mss 1460>", &[MSS], true)]
#[case("<mss 1459..1461>", &[MSS], true)]
#[case("<mss 1461..1465>", &[MSS], false)]
#[case("<mss *>", &[TcpOption::SackPermitted, NOP, NOP], false)]
#[case("<nop,wscale *>", &[NOP, SCALE], true)]
#[case("<nop,wscale 8..14>", &[NOP, SCALE], false)]
#[case("<mss *,nop,wscale *>", &[NOP, SCALE, MSS], false)]
#[case("<nop,nop,TS val ... ecr 9>", &[NOP, NOP, STAMP], true)]
#[case("<nop,nop,TS val * ecr 10..11>", &[NOP, NOP, STAMP], false)]
#[case("<nop,nop,TS val 1..699 ecr *>", &[NOP, NOP, STAMP], false)]
#[case("<nop,nop,TS val 700 ecr *>", &[NOP, NOP, TcpOption::Sack(vec![(1, 2)])], false)]
#[case("<nop,nop,sack *>", &[NOP, NOP, TcpOption::Sack(vec![(1, 2)])], true)]
#[case("<nop,nop,sack 1:*>", &[NOP, NOP, TcpOption::Sack(vec![(1, 2)])], true)]
#[case("<nop,nop,sack 1:3..9>", &[NOP, NOP, TcpOption::Sack(vec![(1, 2)])], false)]
#[case("<nop,nop,sack 1:* *:*>", &[NOP, NOP, TcpOption::Sack(vec![(1, 2)])], false)]
#[case("<mss 1460,...>", &[MSS], true)]
#[case("<mss 1460,...>", &[MSS, NOP, SCALE], true)]
#[case("<mss 1460,...>", &[NOP, SCALE, MSS], false)]
#[case("<...,mss 1460>", &[NOP, SCALE, MSS], true)]
#[case("<...,wscale 7,...,mss *,...>", &[NOP, SCALE, NOP, NOP, NOP, NOP, MSS], true)]
#[case("<...,mss *,...,wscale 7>", &[NOP, SCALE, MSS], false)]
#[case("<ECN e0b 1..2 ceb *,nop,nop,nop,nop>", &[TcpOption::AccEcn { order: 0, counters: vec![2, 9] }, NOP, NOP, NOP, NOP], true)]
#[case("<ECN e0b 1..2 ceb *,nop,nop,nop,nop>", &[TcpOption::AccEcn { order: 0, counters: vec![3, 9] }, NOP, NOP, NOP, NOP], false)]
#[case("<nop,nop,AccECN1>", &[NOP, NOP, TcpOption::AccEcn { order: 1, counters: vec![] }], true)]
#[case("<nop,nop,AccECN1>", &[NOP, NOP, TcpOption::AccEcn { order: 0, counters: vec![] }], false)]
fn option_lists_are_held_against_what_was_sent(
    #[case] line: &str,
    #[case] options: &[TcpOption],
    #[case] same: bool,
) {
    let want: &[&str] = if same { &[] } else { &["options"] };
    assert_eq!(
        differing(&format!("> . 1:1(0) ack 1 {line}"), options),
        want
    );
}

#[rstest]
#[case("> . 1:1(0) ack 1", &[])]
#[case("> * *:*(*) ack * win * urg *", &[])]
#[case("> . ...(0) ack 1", &[])]
#[case("> . 0..1:*(0) ack 1..2 win 64000..65535 urg 0..1", &[])]
#[case("> . 5000001:5000001(0)! ack 1", &[])]
#[case("> . 5000002:5000002(0)! ack 1", &["seq"])]
#[case("> . 1:1(0)! ack 1", &["seq"])]
#[case("> . 2..9:*(1..2) ack 2..9 win 0..1 urg 1..2", &["seq", "length", "ack", "window", "urgent"])]
#[case("> .E 1:1(0) ack 1", &["flags"])]
#[case("> .0 1:1(0) ack 1", &[])]
#[case("> .1 1:1(0) ack 1", &["flags"])]
fn fields_are_held_against_what_was_sent(#[case] line: &str, #[case] fields: &[&str]) {
    assert_eq!(differing(line, &[]), fields);
}

#[test]
fn what_is_open_is_shown_beside_what_came() {
    let line = "+0 > P. 9..10:*(1..9) ack * win 1..2 <mss *,...,gen-30 *>\n";
    let (_, message) = after_handshake(
        &format!("{ASK}{line}"),
        answer(&[
            other(30, &[0xab]),
            NOP,
            other(254, &[0x12, 0x34, 5, 6, 7, 8]),
        ]),
    );
    insta::assert_snapshot!(message);
}

#[test]
fn contents_are_held_against_the_line_whatever_the_header_says() {
    for header in ["", "// payload: offset\n"] {
        for (contents, passes) in [("\"hello\"", true), ("\"help!\"", false)] {
            let line = format!("{ASK}+0 > P. 1:6(5) ack 1 {contents}\n");
            let replies = vec![(0, segment(PSH_ACK, ISN + 1, 1, b"hello"))];
            let canned = Canned {
                replies: vec![syn_ack(), replies],
                ..Canned::default()
            };
            let (verdict, message) = run_text(&format!("{header}{OPEN}{line}"), &canned);
            assert_eq!(verdict.name() == "pass", passes, "{message}");
            assert_eq!(message.contains("byte 3 is 0x6c"), !passes, "{message}");
        }
    }
}

#[test]
fn contents_may_come_in_pieces() {
    let replies = vec![
        (0, segment(ACK, ISN + 1, 1, b"hel")),
        (0, segment(PSH_ACK, ISN + 4, 1, b"lo")),
    ];
    let line = "+0 > P. 1:6(5) ack 1 \"hello\"\n";
    let (verdict, message) = after_handshake(&format!("{ASK}{line}"), replies);
    assert_eq!(verdict.name(), "pass", "{message}");
}

#[test]
fn a_line_of_any_length_takes_one_segment() {
    let replies = vec![
        (0, segment(ACK, ISN + 1, 1, &[0; 1000])),
        (0, segment(PSH_ACK, ISN + 1001, 1, &[0; 500])),
    ];
    let lines = "+0 > . 1:*(*) ack 1\n+0 > P. 1001:*(1..1460) ack 1\n";
    let (verdict, message) = after_handshake(&format!("{ASK}{lines}"), replies);
    assert_eq!(verdict.name(), "pass", "{message}");
}

#[test]
fn in_packetdrill_the_ports_of_an_outbound_line_mean_nothing() {
    let line = "+0 > 1 > 2 . 1:1(0) ack 1\n";
    let canned = Canned {
        replies: vec![syn_ack(), answer(&[])],
        ..Canned::default()
    };
    let source = Source::new("case.pkt", format!("{OPEN}{ASK}{line}"));
    let program = script::load(&source, &LoadContext::default()).unwrap();
    for (drop_in, verdict) in [(true, "pass"), (false, "fail")] {
        let settings = RunSettings {
            drop_in,
            ..RunSettings::default()
        };
        assert_eq!(run(&program, &canned, &settings).verdict.name(), verdict);
    }
}

/// Signs what the stack sends, where it has an MD5 option.
fn sign(bytes: &mut Vec<u8>) {
    let mut packet = wire::parse(bytes).unwrap().packet;
    let digest = packet.md5_digest(b"apple").unwrap();
    let Transport::Tcp(segment) = &mut packet.transport else {
        panic!();
    };
    for option in &mut segment.options {
        if matches!(option, TcpOption::Md5(_)) {
            *option = TcpOption::Md5(digest.to_vec());
        }
    }
    *bytes = packet.build().unwrap();
}

#[rstest]
#[case("apple", "md5 valid", true)]
#[case("pear", "md5 valid", false)]
#[case("apple", "md5 *", true)]
#[case("apple", "md5 00112233445566778899aabbccddeeff", false)]
fn a_signature_is_judged_by_the_key(
    #[case] secret: &str,
    #[case] option: &str,
    #[case] same: bool,
) {
    let unsigned = answer(&[NOP, NOP, TcpOption::Md5(vec![0; 16])]);
    let canned = Canned {
        replies: vec![syn_ack(), unsigned],
        ..Canned::default()
    };
    let text =
        format!("--tcp_md5_secret={secret}\n{OPEN}{ASK}+0 > . 1:1(0) ack 1 <nop,nop,{option}>\n");
    let source = Source::new("case.pkt", text);
    let program = script::load(&source, &LoadContext::default()).unwrap();
    let verdict = run(&program, &Damaging(canned, sign), &RunSettings::default()).verdict;
    assert_eq!(verdict.name() == "pass", same);
}

#[test]
fn every_piece_of_a_merged_packet_is_signed() {
    let piece = |sequence, flags, bytes: &[u8]| TcpSegment {
        options: vec![NOP, NOP, TcpOption::Md5(vec![0; 16])],
        ..segment(flags, sequence, 1, bytes)
    };
    let pieces = vec![
        (0, piece(ISN + 1, ACK, &[0; 100])),
        (0, piece(ISN + 101, ACK, &[0; 100])),
        (0, piece(ISN + 201, PSH_ACK, &[0; 50])),
    ];
    let canned = Canned {
        replies: vec![syn_ack(), pieces],
        ..Canned::default()
    };
    let line = "+0 > P. 1:251(250) ack 1 <nop,nop,md5 valid>\n";
    let text = format!("--tcp_md5_secret=apple\n{OPEN}{ASK}{line}");
    let program = script::load(&Source::new("case.pkt", text), &LoadContext::default()).unwrap();
    let signed = Damaging(canned.clone(), sign);
    let settings = RunSettings::default();
    assert_eq!(run(&program, &signed, &settings).verdict.name(), "pass");
    let Verdict::Fail(failure) = run(&program, &canned, &settings).verdict else {
        panic!("passed");
    };
    assert_eq!(failure.differences[0].field, "options");
}

/// The datagrams that the lines of a script put in front of the stack, the handshake left out.
fn injected(header: &str, lines: &str) -> Vec<Vec<u8>> {
    let canned = Canned {
        replies: vec![syn_ack()],
        ..Canned::default()
    };
    let text = format!("{header}{OPEN}{lines}");
    let program = script::load(&Source::new("case.pkt", text), &LoadContext::default())
        .unwrap_or_else(|found| panic!("{lines}: {:?}", found[0].message));
    let outcome = run(&program, &canned, &RunSettings::default());
    assert_eq!(outcome.verdict.name(), "pass");
    let bytes = outcome
        .trace
        .entries
        .into_iter()
        .filter_map(|entry| match entry.what {
            TraceEvent::Injected(bytes) => Some(bytes),
            _ => None,
        });
    bytes.skip(1).collect()
}

fn tcp_of(bytes: &[u8]) -> TcpSegment {
    match wire::parse(bytes).unwrap().packet.transport {
        Transport::Tcp(segment) => segment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_valid_signature_is_put_in_when_the_packet_is_whole() {
    let lines = "+0 < P. 1:4(3) ack 1 win 9 <nop,nop,md5 valid> \"abc\"\n";
    let sent = injected("--tcp_md5_secret=apple\n", lines);
    let packet = wire::parse(&sent[0]).unwrap().packet;
    let digest = packet.md5_digest(b"apple").unwrap().to_vec();
    assert_eq!(tcp_of(&sent[0]).options, [NOP, NOP, TcpOption::Md5(digest)]);
}

#[test]
fn absolute_numbers_and_echoes_are_sent_as_they_stand() {
    let lines = "+0 < . 77:77(0)! ack 1 win 9 <nop,nop,TS val 5 ecr 99!>\n";
    let sent = tcp_of(&injected("", lines)[0]);
    let stamp = TcpOption::Timestamps {
        value: 5,
        echo_reply: 99,
    };
    assert_eq!((sent.sequence, sent.acknowledgment), (77, ISN + 1));
    assert_eq!(sent.options, [NOP, NOP, stamp]);
}

#[test]
fn a_segment_from_before_the_stream_carries_the_stream_where_it_reaches_it() {
    let sent = tcp_of(
        &injected(
            "// payload: offset\n",
            "+0 < . 4294967295:6(7) ack 1 win 9\n",
        )[0],
    );
    assert_eq!(sent.sequence, u32::MAX);
    assert_eq!(sent.payload[2..], bytes_at(Direction::ToStack, 0, 5));
}

#[test]
fn broken_headers_reach_the_wire() {
    let lines = "+0 < . 1:1(0) ack 1 win 9 badsum\n\
        +0 < . 1:1(0) ack 1 win 9 reserved 5\n\
        +0 < . 1:1(0) ack 1 win 9 doff 9\n\
        +0 < . 1:1(0) ack 1 win 9 <mss 9> cut 13\n\
        +0 < . 1:1(0) ack 1 win 9 <08000000>\n";
    let sent = injected("", lines);
    let fault = wire::parse(&sent[0]).unwrap().faults;
    assert!(fault[0].to_string().contains("TCP checksum"), "{fault:?}");
    assert_eq!(tcp_of(&sent[1]).reserved, 5);
    assert!(
        wire::parse(&sent[2])
            .unwrap_err()
            .contains("data offset of 36")
    );
    assert_eq!(sent[3].len(), 20 + 13);
    assert_eq!(tcp_of(&sent[4]).options, [TcpOption::Raw(vec![8, 0, 0, 0])]);
}

proptest! {
    /// Whatever option area a script writes in hex is what stands in the header.
    #[test]
    fn a_raw_area_reaches_the_wire(words in proptest::collection::vec(any::<[u8; 4]>(), 1..10)) {
        let area = words.concat();
        let hex: String = area.iter().map(|byte| format!("{byte:02x}")).collect();
        let sent = injected("", &format!("+0 < . 1:1(0) ack 1 win 9 <{hex}>\n"));
        prop_assert_eq!(usize::from(sent[0][20 + 12] >> 4), 5 + words.len());
        prop_assert_eq!(&sent[0][40..], &area[..]);
    }
}
