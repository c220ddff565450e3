//! What a TCP line means, in tables; and that what is shown reads back as the same.

use proptest::prelude::*;

use super::*;
use crate::expect::show;
use crate::program::{Match, OptionPattern, OptionsPattern};
use crate::wire::{TcpDamage, TcpFlags, TcpOption};

/// Codes of all that is wrong where only packetdrill's own language is taken.
fn drop_in_codes(text: &str) -> Vec<&'static str> {
    let context = LoadContext {
        drop_in: true,
        ..LoadContext::default()
    };
    check_only(&Source::new("x", text), &context)
        .iter()
        .map(|one| one.code)
        .collect()
}

#[rstest]
#[case("S", TcpFlags::SYN)]
#[case("S.", TcpFlags::SYN.with(TcpFlags::ACK))]
#[case(".", TcpFlags::ACK)]
#[case("-", TcpFlags(0))]
#[case("FP.", TcpFlags::FIN.with(TcpFlags::PSH).with(TcpFlags::ACK))]
#[case("RU", TcpFlags::RST.with(TcpFlags::URG))]
#[case("SEWA", TcpFlags::SYN.with(TcpFlags::ECE).with(TcpFlags::CWR).with(TcpFlags::AE))]
#[case(".5", TcpFlags::ACK.with(TcpFlags::AE).with(TcpFlags::ECE))]
#[case("P.3", TcpFlags::PSH.with(TcpFlags::ACK).with(TcpFlags::CWR).with(TcpFlags::ECE))]
#[case("S4", TcpFlags::SYN.with(TcpFlags::AE))]
#[case("P.0", TcpFlags::PSH.with(TcpFlags::ACK))]
#[case("S.EW", TcpFlags::SYN.with(TcpFlags::ACK).with(TcpFlags::ECE).with(TcpFlags::CWR))]
#[case(".E", TcpFlags::ACK.with(TcpFlags::ECE))]
#[case("P.E", TcpFlags::PSH.with(TcpFlags::ACK).with(TcpFlags::ECE))]
#[case("S5.", TcpFlags::SYN.with(TcpFlags::ACK).with(TcpFlags::AE).with(TcpFlags::ECE))]
#[case("S5P", TcpFlags::SYN.with(TcpFlags::PSH).with(TcpFlags::AE).with(TcpFlags::ECE))]
#[case("5S.", TcpFlags::SYN.with(TcpFlags::ACK).with(TcpFlags::AE).with(TcpFlags::ECE))]
fn flags(#[case] text: &str, #[case] want: TcpFlags) {
    let line = format!("0 > {text} 1:1(0)\n");
    assert_eq!(drop_in_codes(&line), Vec::<&str>::new());
    assert_eq!(tcp(&line[2..]).flags, Some(want));
}

#[rstest]
#[case("P.8", "S014")]
#[case("S55", "S014")]
#[case("S5.3", "S014")]
#[case("S.Q", "S014")]
#[case("5.", "S014")]
#[case("SE5", "C028")]
#[case("S5.E", "C028")]
fn bad_flags(#[case] text: &str, #[case] code: &str) {
    assert_eq!(codes(&format!("0 > {text} 1:1(0)\n")), [code]);
}

#[rstest]
#[case("0:0(0)", Ok((Match::Is(0), Match::Is(0), false)))]
#[case("1:1001(1000)", Ok((Match::Is(1), Match::Is(1000), false)))]
#[case("4294967285:4294967295(10)", Ok((Match::Is(4_294_967_285), Match::Is(10), false)))]
#[case("77:77(0)!", Ok((Match::Is(77), Match::Is(0), true)))]
#[case("...(100)", Ok((Match::Any, Match::Is(100), false)))]
#[case("0:65535(65535)", Err("C027"))]
#[case("0:70000(70000)", Err("C015"))]
#[case("1:2(2)", Err("C008"))]
#[case("5:1(0)", Err("C008"))]
#[case("4294967290:4294967296(6)", Err("C015"))]
fn ranges(#[case] text: &str, #[case] want: Result<(Match<u32>, Match<u16>, bool), &str>) {
    let line = format!("0 > . {text}\n");
    match want {
        Ok(want) => {
            assert_eq!(drop_in_codes(&line), Vec::<&str>::new());
            let tcp = tcp(&line[2..]);
            assert_eq!((tcp.seq, tcp.len, tcp.absolute), want);
        }
        Err(code) => assert_eq!(codes(&line), [code]),
    }
}

#[rstest]
#[case("*:*(1000)", Match::Any, Match::Is(1000))]
#[case("1..100:*(10)", Match::Within(1, 100), Match::Is(10))]
#[case("1:*(*)", Match::Is(1), Match::Any)]
#[case("1:*(1..1460)", Match::Is(1), Match::Within(1, 1460))]
#[case("1:*(10)", Match::Is(1), Match::Is(10))]
fn open_ranges_are_ours(#[case] text: &str, #[case] seq: Match<u32>, #[case] len: Match<u16>) {
    let line = format!("0 > . {text}\n");
    assert!(drop_in_codes(&line).contains(&"S024"));
    let tcp = tcp(&line[2..]);
    assert_eq!((tcp.seq, tcp.len), (seq, len));
}

#[test]
fn a_range_that_wraps_is_ours() {
    let line = "0 < . 4294967290:4(10) win 5\n";
    assert_eq!(drop_in_codes(line), ["C009"]);
    let tcp = tcp(&line[2..]);
    assert_eq!(
        (tcp.seq, tcp.len),
        (Match::Is(4_294_967_290), Match::Is(10))
    );
}

#[rstest]
#[case("> . *:5(10)", "S025")]
#[case("> . 1:5(*)", "S025")]
#[case("> . 1:2..3(1)", "S025")]
#[case("> . ...:5(10)", "S005")]
#[case("> . 1:1(0) ack 5..4", "C032")]
#[case("> . 1:1(0) win 1..65536", "C015")]
#[case("< . ...(100) win 5", "C031")]
#[case("< . 1:*(0) win 5", "C031")]
#[case("< . 1:1(0) ack * win 5", "C031")]
#[case("< . 1:1(0) win *", "C031")]
#[case("< . 1:1(0) win 1..2", "C031")]
#[case("< . 1:1(0) win 1 urg *", "C031")]
#[case("< * 1:1(0) win 1", "C031")]
#[case("< . 1:1(0) win 1 <mss *>", "C031")]
#[case("< . 1:1(0) win 1 <nop,nop,TS val ... ecr 0>", "C031")]
#[case("< . 1:1(0) win 1 <gen-30 *>", "C031")]
#[case("< . 1:1(0) win 1 <sack *>", "C031")]
#[case("< . 1:1(0) win 1 <mss 1, ...>", "C031")]
#[case("< . 1:6(5) win 1 \"four\"", "C033")]
#[case("> . 1:*(*) \"four\"", "C033")]
#[case("< . 1:6(5) win 1 data 0x123", "S019")]
#[case("< . 1:6(5) win 1 data hello", "S005")]
#[case("> . 1:9(8) ack 1 [code 3, pen 0]", "C035")]
#[case("> R. 1:1(0) ack 1 [code 3, pen 0]", "C033")]
#[case("> R. 1:9(8) ack 1 [code 65536, pen 0]", "C015")]
#[case("> R. 1:9(8) ack 1 [code 3]", "S005")]
#[case("> . 1:1(0) badsum", "C034")]
#[case("> . 1:1(0) doff 4", "C034")]
#[case("< . 1:1(0) win 1 doff 16", "C015")]
#[case("< . 1:1(0) win 1 reserved 8", "C015")]
#[case("< . 1:1(0) win 1 badsum badsum", "S021")]
fn bad_lines(#[case] line: &str, #[case] code: &str) {
    assert_eq!(codes(&format!("0 {line}\n")), [code]);
}

#[test]
fn absent_fields_stay_absent() {
    let tcp = tcp("> . 1:1(0)");
    assert_eq!(
        (tcp.ack, tcp.window, tcp.urgent),
        (None, Match::Any, Match::Is(0))
    );
    assert_eq!((tcp.ports, tcp.payload), (None, None));
    assert_eq!(tcp.options, OptionsPattern::exactly([]));
    assert!(tcp.damage.is_none());
}

#[test]
fn written_fields_are_taken() {
    let tcp = tcp("< 4444 > 8080 PU. 1:11(10) ack 7 win 100 urg 10");
    assert_eq!(
        (tcp.ack, tcp.window, tcp.urgent),
        (Some(Match::Is(7)), Match::Is(100), Match::Is(10))
    );
    assert_eq!(tcp.ports, Some((4444, 8080)));
}

#[rstest]
#[case("> . 1:1(0) ack *", Some(Match::Any), Match::Any, Match::Is(0))]
#[case(
    "> . 1:1(0) ack 1..100 win 1000..2000 urg *",
    Some(Match::Within(1, 100)),
    Match::Within(1000, 2000),
    Match::Any
)]
#[case("> . 1:1(0) win *\n* > . 1:1(0)", None, Match::Any, Match::Is(0))]
fn fields_that_are_open(
    #[case] line: &str,
    #[case] ack: Option<Match<u32>>,
    #[case] window: Match<u16>,
    #[case] urgent: Match<u16>,
) {
    assert!(drop_in_codes(&format!("0 {line}\n")).contains(&"S024"));
    let tcp = tcp(line);
    assert_eq!((tcp.ack, tcp.window, tcp.urgent), (ack, window, urgent));
}

#[rstest]
#[case("<mss 1460>", vec![TcpOption::MaximumSegmentSize(1460)])]
#[case("<nop,wscale 255>", vec![TcpOption::NoOperation, TcpOption::WindowScale(255)])]
#[case("<sackOK,eol,eol>", vec![TcpOption::SackPermitted, TcpOption::EndOfList, TcpOption::EndOfList])]
#[case("<nop,nop,TS val 1 ecr 4294967295>", vec![
    TcpOption::NoOperation, TcpOption::NoOperation,
    TcpOption::Timestamps { value: 1, echo_reply: u32::MAX },
])]
#[case("<nop,nop,sack 1:2 3:4>", vec![
    TcpOption::NoOperation, TcpOption::NoOperation, TcpOption::Sack(vec![(1, 2), (3, 4)]),
])]
#[case("<FO,nop,nop>", vec![
    TcpOption::FastOpen(vec![]), TcpOption::NoOperation, TcpOption::NoOperation,
])]
#[case("<FO 0102>", vec![TcpOption::FastOpen(vec![1, 2])])]
#[case("<FOEXP>", vec![TcpOption::FastOpenExperimental(vec![])])]
#[case("<exp-FO>", vec![TcpOption::FastOpenExperimental(vec![])])]
#[case("<EXP-FO 01020304>", vec![TcpOption::FastOpenExperimental(vec![1, 2, 3, 4])])]
#[case("<exp-f989 01020304>", vec![TcpOption::FastOpenExperimental(vec![1, 2, 3, 4])])]
#[case("<exp-1234>", vec![TcpOption::Other { kind: 254, data: vec![0x12, 0x34] }])]
#[case("<exp-a 01020304>", vec![TcpOption::Other { kind: 254, data: vec![0, 10, 1, 2, 3, 4] }])]
#[case("<md5 ABcd>", vec![TcpOption::Md5(vec![0xab, 0xcd])])]
#[case("<ECN e1b 1 ceb 2 e0b 16777215,nop>", vec![
    TcpOption::AccEcn { order: 1, counters: vec![1, 2, 0xff_ffff] }, TcpOption::NoOperation,
])]
#[case("<AccECN0 ee0b 1 eceb 0 ee1b 1,nop>", vec![
    TcpOption::AccEcn { order: 0, counters: vec![1, 0, 1] }, TcpOption::NoOperation,
])]
#[case("<AccECN1 ee1b 7 eceb 8>", vec![TcpOption::AccEcn { order: 1, counters: vec![7, 8] }])]
#[case("<nop,nop,AccECN0>", vec![
    TcpOption::NoOperation, TcpOption::NoOperation, TcpOption::AccEcn { order: 0, counters: vec![] },
])]
#[case("<exp-AccECN1 ee1b 258,nop>", vec![
    TcpOption::Other { kind: 254, data: vec![0xac, 0xc1, 0, 1, 2] }, TcpOption::NoOperation,
])]
#[case("<exp-AccECN0>", vec![TcpOption::Other { kind: 254, data: vec![0xac, 0xc0] }])]
#[case("<exp-tarr>", vec![TcpOption::Other { kind: 254, data: vec![0, 0xac] }])]
#[case("<exp-tarr 9,eol,eol,eol>", vec![
    TcpOption::Other { kind: 254, data: vec![0, 0xac, 18] },
    TcpOption::EndOfList, TcpOption::EndOfList, TcpOption::EndOfList,
])]
#[case("<gen-200 0102>", vec![TcpOption::Other { kind: 200, data: vec![1, 2] }])]
#[case("<gen-2 05,nop>", vec![TcpOption::Other { kind: 2, data: vec![5] }, TcpOption::NoOperation])]
#[case("<nop,nop,gen-30>", vec![
    TcpOption::NoOperation, TcpOption::NoOperation, TcpOption::Other { kind: 30, data: vec![] },
])]
#[case("<0204ffff>", vec![TcpOption::Raw(vec![2, 4, 255, 255])])]
#[case("<08000000>", vec![TcpOption::Raw(vec![8, 0, 0, 0])])]
#[case("<fe04abcd>", vec![TcpOption::Raw(vec![254, 4, 0xab, 0xcd])])]
fn option_lists(#[case] text: &str, #[case] want: Vec<TcpOption>) {
    let want = OptionsPattern::exactly(want);
    for line in [
        format!("> . 1:1(0) {text}"),
        format!("< . 1:1(0) win 5 {text}"),
    ] {
        assert_eq!(drop_in_codes(&format!("0 {line}\n")), Vec::<&str>::new());
        assert_eq!(tcp(&line).options, want);
    }
}

#[rstest]
#[case("<nop,nop,md5 valid>", OptionPattern::Md5Valid)]
#[case("<nop,nop,TS val ... ecr 0>", OptionPattern::Timestamps {
    value: Match::Any, echo_reply: Match::Is(0), absolute_echo: false,
})]
#[case("<nop,nop,TS val 5 ecr 99!>", OptionPattern::Timestamps {
    value: Match::Is(5), echo_reply: Match::Is(99), absolute_echo: true,
})]
fn forms_of_packetdrill_that_leave_something_open(#[case] text: &str, #[case] last: OptionPattern) {
    let line = format!("> . 1:1(0) {text}");
    assert_eq!(drop_in_codes(&format!("0 {line}\n")), Vec::<&str>::new());
    let OptionsPattern::List(list) = tcp(&line).options else {
        panic!();
    };
    assert_eq!(list.last(), Some(&last));
}

#[rstest]
#[case(
    "<mss 536..1460>",
    OptionPattern::MaximumSegmentSize(Match::Within(536, 1460))
)]
#[case("<nop,wscale *>", OptionPattern::WindowScale(Match::Any))]
#[case("<nop,nop,TS val * ecr 1..5>", OptionPattern::Timestamps {
    value: Match::Any, echo_reply: Match::Within(1, 5), absolute_echo: false,
})]
#[case("<nop,nop,sack 1:* *:9>", OptionPattern::Sack(vec![
    (Match::Is(1), Match::Any), (Match::Any, Match::Is(9)),
]))]
#[case("<nop,nop,sack *>", OptionPattern::Data { kind: 5, start: vec![] })]
#[case("<md5 *>", OptionPattern::Data { kind: 19, start: vec![] })]
#[case("<FO *>", OptionPattern::Data { kind: 34, start: vec![] })]
#[case("<FOEXP *>", OptionPattern::Data { kind: 254, start: vec![0xf9, 0x89] })]
#[case("<exp-12 *>", OptionPattern::Data { kind: 254, start: vec![0, 0x12] })]
#[case("<gen-30 *>", OptionPattern::Data { kind: 30, start: vec![] })]
#[case(
    "<nop,nop,nop,ECN e0b * ceb 1..2 e1b 3,nop,nop>",
    OptionPattern::Is(TcpOption::NoOperation)
)]
#[case("<mss 1460, ...>", OptionPattern::Others)]
#[case(
    "<..., mss 1460>",
    OptionPattern::Is(TcpOption::MaximumSegmentSize(1460))
)]
fn options_that_are_open_are_ours(#[case] text: &str, #[case] last: OptionPattern) {
    let line = format!("> . 1:1(0) {text}");
    assert!(drop_in_codes(&format!("0 {line}\n")).contains(&"S024"));
    let OptionsPattern::List(list) = tcp(&line).options else {
        panic!();
    };
    assert_eq!(list.last(), Some(&last));
}

#[rstest]
#[case("<nop>", "C013")]
#[case("<mss 1460,nop,nop>", "C013")]
#[case("<0204ff>", "C013")]
#[case("<020>", "S019")]
#[case("<mss 65536>", "C015")]
#[case("<wscale 256,nop>", "C015")]
#[case("<gen-256 01>", "C015")]
#[case("<exp-10000>", "C015")]
#[case("<exp-tarr 128,nop,nop,nop>", "C015")]
#[case("<ECN e0b 16777216,nop,nop,nop>", "C015")]
#[case("<exp-AccECN0 ee0b 16777216,nop>", "C015")]
#[case("<md5 00112233445566778899aabbccddeeff00>", "C023")]
#[case("<sack 1:2 3:4 5:6 7:8 9:10,nop,nop>", "C023")]
#[case("<nop,nop,sack 1:2 3:4 5:6 7:8,mss 9,mss 9>", "C014")]
#[case("<sack 1-2>", "S005")]
#[case("<ECN ceb 1>", "S005")]
#[case("<AccECN0 eceb 1>", "S005")]
#[case("<exp-AccECN0 ee0b *>", "S005")]
#[case("<mss 1 nop>", "S005")]
#[case("<TS val 1>", "S005")]
#[case("<exp-xyz>", "S017")]
#[case("<gen-fe 01>", "S017")]
#[case("<gen-30 012>", "S019")]
fn bad_option_lists(#[case] text: &str, #[case] code: &str) {
    assert_eq!(codes(&format!("0 > . 1:1(0) {text}\n")), [code]);
}

#[rstest]
#[case("<nop,nop,FO C>", "3021b9d889017eeb", 8)]
#[case("<nop,nop,FO C>", "01020304", 4)]
#[case("<nop,nop,FO C>", "0102030405060708", 8)]
#[case("<nop,nop,md5 C>", "12345678", 4)]
#[case("<gen-200 C>", "0011", 2)]
#[case("<exp-1 C>", "00112233", 4)]
fn bytes_may_be_defined(#[case] text: &str, #[case] value: &str, #[case] len: usize) {
    let context = LoadContext {
        defines: vec![("C".to_owned(), value.to_owned())],
        ..LoadContext::default()
    };
    let line = format!("0 > . 1:1(0) {text}\n");
    let program = load(&Source::new("x", line), &context);
    let text = format!("{:?}", program.unwrap().steps[0].action);
    let hex: Vec<String> = (0..len)
        .map(|at| {
            u8::from_str_radix(&value[2 * at..2 * at + 2], 16)
                .unwrap()
                .to_string()
        })
        .collect();
    assert!(text.contains(&hex.join(", ")), "{text}");
}

#[test]
fn a_whole_area_may_be_defined() {
    let text = "--define=AREA=0204ffff\n0 > . 1:1(0) <AREA>\n";
    let program = program(text);
    let Action::Expect(PacketPattern {
        body: BodyPattern::Tcp(tcp),
        ..
    }) = &program.steps[0].action
    else {
        panic!();
    };
    assert_eq!(
        tcp.options,
        OptionsPattern::exactly([TcpOption::Raw(vec![2, 4, 255, 255])])
    );
}

#[rstest]
#[case("\"hello\"", b"hello")]
#[case("\"h\\x65llo\"", b"hello")]
#[case("data 0x68656c6C6f", b"hello")]
fn payload_contents(#[case] text: &str, #[case] want: &[u8]) {
    for line in [
        format!("> P. 1:6(5) ack 1 {text}"),
        format!("< P. 1:6(5) ack 1 win 9 {text}"),
    ] {
        assert_eq!(drop_in_codes(&format!("0 {line}\n")), ["S024"]);
        assert_eq!(tcp(&line).payload.as_deref(), Some(want));
    }
}

#[test]
fn headers_that_are_wrong_on_purpose() {
    let line = "< . 1:1(0) win 5 <mss 1> doff 4 reserved 5 cut 12 badsum";
    assert!(drop_in_codes(&format!("0 {line}\n")).contains(&"S024"));
    let want = TcpDamage {
        bad_checksum: true,
        data_offset: Some(4),
        reserved: 5,
        cut: Some(12),
    };
    assert_eq!(tcp(line).damage, want);
}

#[test]
fn the_reason_of_a_reset_is_its_payload() {
    for line in [
        "> R. 1:9(8) ack 1 [code 3, pen 258]",
        "< R. 1:9(8) ack 1 win 0 [code 3, pen 258]",
    ] {
        assert_eq!(drop_in_codes(&format!("0 {line}\n")), Vec::<&str>::new());
        let want = [0x33, 0xaa, 0, 3, 0, 0, 1, 2];
        assert_eq!(tcp(line).payload.as_deref(), Some(&want[..]));
    }
    assert_eq!(tcp("> R. 1:1(0) ack 1 [code 0, pen 0]").payload, None);
}

fn number() -> impl Strategy<Value = Match<u32>> {
    prop_oneof![
        Just(Match::Any),
        any::<u32>().prop_map(Match::Is),
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| Match::Within(a.min(b), a.max(b))),
    ]
}

fn small() -> impl Strategy<Value = Match<u16>> {
    prop_oneof![
        Just(Match::Any),
        any::<u16>().prop_map(Match::Is),
        (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Match::Within(a.min(b), a.max(b))),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..8)
}

/// Options of every form that has one spelling only.
fn option() -> impl Strategy<Value = OptionPattern> {
    let is = OptionPattern::Is;
    prop_oneof![
        Just(is(TcpOption::EndOfList)),
        Just(is(TcpOption::SackPermitted)),
        Just(OptionPattern::Others),
        Just(OptionPattern::Md5Valid),
        small().prop_map(move |size| match size {
            Match::Is(size) => is(TcpOption::MaximumSegmentSize(size)),
            open => OptionPattern::MaximumSegmentSize(open),
        }),
        any::<u8>().prop_map(move |shift| is(TcpOption::WindowScale(shift))),
        (number(), number(), any::<bool>()).prop_map(move |(value, echo_reply, mark)| {
            let absolute_echo = mark && echo_reply.exact().is_some();
            match (value, echo_reply) {
                (Match::Is(value), Match::Is(echo_reply)) if !absolute_echo => {
                    is(TcpOption::Timestamps { value, echo_reply })
                }
                _ => OptionPattern::Timestamps {
                    value,
                    echo_reply,
                    absolute_echo,
                },
            }
        }),
        (any::<u8>(), data()).prop_map(move |(kind, data)| match kind {
            // These have names of their own.
            5 | 19 | 34 | 254 => is(TcpOption::FastOpenExperimental(data)),
            kind => is(TcpOption::Other { kind, data }),
        }),
        (any::<u16>(), data()).prop_map(move |(id, data)| {
            let data = [&id.to_be_bytes()[..], &data].concat();
            is(TcpOption::of_kind(254, &data))
        }),
        (0..2_u8, proptest::collection::vec(0..1_u32 << 24, 0..=3))
            .prop_map(move |(order, counters)| is(TcpOption::AccEcn { order, counters })),
        Just(OptionPattern::Data {
            kind: 34,
            start: vec![]
        }),
        any::<u16>().prop_map(|id| OptionPattern::Data {
            kind: 254,
            start: id.to_be_bytes().to_vec(),
        }),
    ]
}

proptest! {
    /// A line shown in a report can be put back into a script.
    #[test]
    fn what_is_shown_reads_back(
        seq in number(),
        len in prop_oneof![Just(Match::Any), (0..1000_u16).prop_map(Match::Is)],
        absolute: bool,
        ack in proptest::option::of(number()),
        window in small(),
        urgent in small(),
        bits in proptest::option::of(0..512_u16),
        list in proptest::collection::vec(option(), 0..3).prop_filter("any options", |list| {
            *list != [OptionPattern::Others]
        }),
        content in proptest::collection::vec(any::<u8>(), 0..40),
        written: bool,
    ) {
        let (len, payload) = match written {
            true => (Match::Is(content.len() as u16), Some(content)),
            false => (len, None),
        };
        let pattern = TcpPattern {
            ports: None,
            flags: bits.map(TcpFlags),
            seq,
            absolute,
            len,
            ack,
            window,
            urgent,
            options: OptionsPattern::List(list),
            payload,
            damage: TcpDamage::default(),
        };
        let text = format!("0 > {}\n", show::tcp(&pattern));
        // Lists are made without an eye to their length, which is refused by its own codes.
        let refused = codes(&text);
        prop_assert!(refused.iter().all(|code| ["C013", "C014"].contains(code)), "{text}{refused:?}");
        if refused.is_empty() {
            prop_assert_eq!(tcp(&text[2..]), pattern, "{}", text);
        }
    }
}
