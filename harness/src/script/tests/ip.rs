//! Annotations, layers, UDP and ICMP: what is written, shown and read again is the same; what
//! packetdrill does not have is refused where only its language is taken.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::expect::show;
use crate::program::{FragmentPattern, IpDamage, LayerPattern, UdpPattern};
use crate::source::Span;

/// Without the place, which differs.
fn placeless(pattern: PacketPattern) -> PacketPattern {
    PacketPattern {
        span: Span::default(),
        ..pattern
    }
}

fn shown_again(line: &str) -> String {
    let pattern = placeless(packet(line));
    let text = show::packet(&pattern, line.starts_with('<'));
    assert_eq!(
        placeless(packet(&text)),
        pattern,
        "{line} is shown as {text}"
    );
    text
}

#[rstest]
#[case("> [ttl 60..64, noecn] . 1:1(0)", "> [noecn, ttl 60..64] . 1:1(0)")]
#[case("> (hlim *) udp (9)", "> [ttl *] udp (9)")]
#[case("> [dscp ef, ecn ect01] . 1:1(0)", "> [ect01, dscp 0x2e] . 1:1(0)")]
#[case("> [id 5..9, df] . 1:1(0)", "> [id 5..9, df] . 1:1(0)")]
#[case("> [frag 0:16] udp (9)", "> [frag 0:16] udp (9)")]
#[case(
    "< [id 16, frag 8:17+] udp 4 > 0 (9)",
    "< [id 16, frag 8:17+] udp 4 > 0 (9)"
)]
#[case(
    "< [badsum, len 9, proto 200] udp (0) badsum",
    "< [badsum, len 9, proto 200] udp (0) badsum"
)]
#[case(r#"< udp (5) "a\"\\\x00\n""#, "< udp (5) data 0x61225c000a")]
#[case("> udp (3) \"a b\"", "> udp (3) \"a b\"")]
#[case(
    r#"> icmp echo_reply id 7 seq 1 "hi""#,
    r#"> icmp echo_reply id 7 seq 1 "hi""#
)]
#[case(
    "< icmp unreachable frag_needed mtu 1400 [5:15(10)]",
    "< icmp unreachable frag_needed mtu 1400 [5:15(10)]"
)]
#[case(
    "< icmp unreachable net_unreachable badsum",
    "< icmp unreachable net_unreachable badsum"
)]
#[case(
    "< icmp packet_too_big mtu 70000 [udp (3)]",
    "< icmp packet_too_big mtu 70000 [udp (3)]"
)]
#[case(
    "< icmp type_200 code_9 [raw (64)]",
    "< icmp type_200 code_9 [raw (64)]"
)]
#[case(
    "< icmp unreachable [1:1(0)/udp(9811 > 1)]",
    "< icmp unreachable net_unreachable [1:1(0)/udp(9811 > 1)]"
)]
#[case(
    "> P. 1:11(10) ack 1 <nop,nop,nop,nop>/udp(9811 > 1)",
    "> P. 1:11(10) ack 1 <nop,nop,nop,nop>/udp(9811 > 1)"
)]
#[case(
    "> ipv4 [tos 0x08] 10.0.0.1 > 10.0.0.2: . 1:1(0)",
    "> ipv4 [tos 0x08] 10.0.0.1 > 10.0.0.2: . 1:1(0)"
)]
#[case(
    "> ipv6 [flowlabel 0x3] fd00::1 > fd00::2: gre: udp (1)",
    "> ipv6 [flowlabel 0x3] fd00::1 > fd00::2: gre: udp (1)"
)]
#[case(
    "< ipv4 1.1.1.1 > 2.2.2.2: gre flags [key present, sequence# present] sum 0 off 0 key=0x2a seq 3: . 1:1(0) win 9",
    "< ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x3000, sum 0x0000, off 0, key=0x2a, seq 3: . 1:1(0) win 9"
)]
#[case(
    "< ipv4 1.1.1.1 > 2.2.2.2: gre flags [checksum present]: . 1:1(0) win 9",
    "< ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x8000, off 0, key=0x0, seq 0: . 1:1(0) win 9"
)]
#[case(
    "> ipv4 1.1.1.1 > 2.2.2.2: mpls (label 16, tc 0, ttl 60) (label 17, tc 7, [S], ttl 1): . 1:1(0)",
    "> ipv4 1.1.1.1 > 2.2.2.2: mpls (label 16, tc 0, ttl 60) (label 17, tc 7, [S], ttl 1): . 1:1(0)"
)]
fn a_line_is_shown_in_its_own_notation(#[case] line: &str, #[case] want: &str) {
    // Without options the separator is a blank more.
    let text = shown_again(line);
    assert!(
        text == want || text == want.replace("<nop,nop,nop,nop>", " <nop,nop,nop,nop>"),
        "{text}"
    );
}

#[rstest]
// What packetdrill or its BSD sibling has.
#[case("> [ttl 64, ect0] . 1:1(0)", true)]
#[case("> [hlim 64] . 1:1(0)", true)]
#[case("> [dscp cs7, ecn ce] . 1:1(0)", true)]
#[case("> [ect0] udp (9)", true)]
#[case("< icmp unreachable [1:1(0)/udp(9811 > 1)]", true)]
#[case("> . 1:1(0)/udp(9811 > 1)", true)]
#[case("< icmp echo_request id 7 [raw (64)]", true)]
#[case("> ipv6 fd00::1 > fd00::2: . 1:1(0)", true)]
#[case(
    "> ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x2000 sum 0 off 0 key 1 seq 0: . 1:1(0)",
    true
)]
// What is ours.
#[case("> [ttl *] . 1:1(0)", false)]
#[case("> [ttl 60..64] . 1:1(0)", false)]
#[case("> [id 7] . 1:1(0)", false)]
#[case("> [df] . 1:1(0)", false)]
#[case("< [badsum] . 1:1(0) win 9", false)]
#[case("< [len 7] . 1:1(0) win 9", false)]
#[case("< [proto 7] . 1:1(0) win 9", false)]
#[case("< [frag 0:8] udp (9)", false)]
#[case("< udp (1) \"a\"", false)]
#[case("< udp (1) badsum", false)]
#[case("< icmp echo_request seq 7", false)]
#[case("< icmp echo_request \"a\"", false)]
#[case("< icmp echo_request badsum", false)]
#[case("> ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x2000, key=1: . 1:1(0)", false)]
fn forms_of_our_own_are_refused_as_a_drop_in(#[case] line: &str, #[case] packetdrills: bool) {
    let text = format!("0 {line}\n");
    let context = LoadContext {
        drop_in: true,
        ..LoadContext::default()
    };
    let said: Vec<_> = check_only(&Source::new("x", &text), &context)
        .iter()
        .map(|one| one.code)
        .collect();
    assert_eq!(codes(&text), Vec::<&str>::new());
    assert_eq!(said, if packetdrills { vec![] } else { vec!["S024"] });
}

#[rstest]
#[case("> [ttl 64, hlim 64] . 1:1(0)", "C020")]
#[case("> [dscp ef, tos 0x00] . 1:1(0)", "C020")]
#[case("> [dscp 0x40] . 1:1(0)", "C015")]
#[case("> [dscp af99] . 1:1(0)", "S022")]
#[case("> [ecn df] . 1:1(0)", "S022")]
#[case("> [ttl 60..256] . 1:1(0)", "C015")]
#[case("> [ttl 64..60] . 1:1(0)", "C032")]
#[case("> [ttl 60.5] . 1:1(0)", "S005")]
#[case("> [ttl 60.. ] . 1:1(0)", "S005")]
#[case("> [ttl 0x40] . 1:1(0)", "S009")]
#[case("> [id 4294967296] . 1:1(0)", "C015")]
#[case("< [ttl 1..2] . 1:1(0) win 9", "C031")]
#[case("< [id *] . 1:1(0) win 9", "C031")]
#[case("> [badsum] . 1:1(0)", "C034")]
#[case("> udp (9) badsum", "C034")]
#[case("> icmp echo_reply badsum", "C034")]
#[case("< [frag 0] udp (9)", "S030")]
#[case("< [frag 4:8] udp (9)", "C037")]
#[case("< [frag 8:0] udp (9)", "C037")]
#[case("< [frag 0:18] udp (9)", "C037")]
#[case("< [frag 0:18] icmp echo_request \"abc\"", "C037")]
#[case("> [frag 0:8] . 1:1(0)", "C038")]
#[case("> [frag 0:8] icmp unreachable", "C038")]
#[case("> ipv4 1.1.1.1 > 2.2.2.2: [frag 0:8] udp (9)", "C038")]
#[case("< udp (3) \"ab\"", "C033")]
#[case("< udp (3) \"a\\q\"", "S015")]
#[case("< icmp unreachable seq 7", "C019")]
#[case("< icmp echo_request [raw (7)]", "C015")]
#[case("> . 1:1(0)/tcp(1 > 2)", "S031")]
#[case("> . 1:1(0)/udp(1)", "S031")]
#[case("> udp (3)/udp(1 > 2)", "S005")]
#[case("> . 1:1(0)/udp(1 > 65536)", "C015")]
#[case("> gre: . 1:1(0)", "C039")]
#[case("> ipv4 [df] 1.1.1.1 > 2.2.2.2: . 1:1(0)", "C020")]
#[case("> ipv4 [flowlabel 0x3] 1.1.1.1 > 2.2.2.2: . 1:1(0)", "C020")]
#[case("> ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x4000: . 1:1(0)", "C030")]
#[case("> ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x12000: . 1:1(0)", "C030")]
#[case(
    "> ipv4 1.1.1.1 > 2.2.2.2: gre flags 0, seq 1, key 2: . 1:1(0)",
    "S005"
)]
#[case("--udp_encapsulation=dccp\n0 > . 1:1(0)", "C002")]
fn what_cannot_stand_is_named(#[case] line: &str, #[case] code: &str) {
    let text = match line.starts_with("--") {
        true => format!("{line}\n"),
        false => format!("0 {line}\n"),
    };
    assert_eq!(codes(&text), [code], "{line}");
}

#[rstest]
#[case("> [id 7] . 1:1(0)", IpVersion::Ipv6, "ip_version:ipv4")]
#[case("> [df] . 1:1(0)", IpVersion::Ipv6, "ip_version:ipv4")]
#[case("< [badsum] . 1:1(0) win 9", IpVersion::Ipv6, "ip_version:ipv4")]
#[case("< [id 70000, frag 0:8] udp (9)", IpVersion::Ipv4, "ip_version:ipv6")]
fn a_field_of_one_family_keeps_a_script_off_the_other(
    #[case] line: &str,
    #[case] version: IpVersion,
    #[case] need: &str,
) {
    let needs = program_on(&format!("0 {line}\n"), Some(version)).needs;
    assert!(
        needs.contains_key(&Capability(need.to_owned())),
        "{needs:?}"
    );
}

#[rstest]
#[case("> [ttl 255] . 1:1(0)", Match::Is(255), Match::Any)]
#[case("> [ttl 0] . 1:1(0)", Match::Is(0), Match::Any)]
#[case("> [ttl 64] . 1:1(0)", Match::Is(64), Match::Is(64))]
#[case("< [ttl 0] . 1:1(0) win 9", Match::Is(0), Match::Is(255))]
#[case("< [ttl 255] . 1:1(0) win 9", Match::Is(255), Match::Is(255))]
fn the_ends_of_the_ttl_mean_to_a_drop_in_what_they_mean_to_packetdrill(
    #[case] line: &str,
    #[case] ours: Match<u8>,
    #[case] theirs: Match<u8>,
) {
    let ttl = |drop_in| {
        let context = LoadContext {
            drop_in,
            ..LoadContext::default()
        };
        let program = load(&Source::new("x", format!("0 {line}\n")), &context).unwrap();
        match &program.steps[0].action {
            Action::Expect(pattern) | Action::Inject(pattern) => pattern.ip.ttl,
            _ => None,
        }
    };
    assert_eq!((ttl(false), ttl(true)), (Some(ours), Some(theirs)));
}

#[test]
fn a_drop_in_takes_an_identifier_on_any_message() {
    let text = "0 < icmp unreachable port_unreachable id 7\n";
    assert_eq!(codes(text), ["C019"]);
    let context = LoadContext {
        drop_in: true,
        ..LoadContext::default()
    };
    assert!(load(&Source::new("x", text), &context).is_ok());
}

#[test]
fn a_drop_in_fills_gre_fields_as_packetdrill_does() {
    let text = "0 > ipv4 1.1.1.1 > 2.2.2.2: gre flags 0x2000 sum 1 off 2 key 3 seq 4: . 1:1(0)\n";
    let key = |drop_in| {
        let context = LoadContext {
            drop_in,
            ..LoadContext::default()
        };
        let program = load(&Source::new("x", text), &context).unwrap();
        let Action::Expect(pattern) = &program.steps[0].action else {
            panic!()
        };
        match pattern.layers[1] {
            LayerPattern::Gre(header) => header.key,
            _ => panic!(),
        }
    };
    assert_eq!((key(false), key(true)), (3, 0x0001_0002));
}

fn any_match<T: Arbitrary + Copy + PartialOrd + 'static>() -> impl Strategy<Value = Match<T>>
where
    T::Strategy: 'static,
{
    prop_oneof![
        Just(Match::Any),
        any::<T>().prop_map(Match::Is),
        (any::<T>(), any::<T>()).prop_map(|(a, b)| match a <= b {
            true => Match::Within(a, b),
            false => Match::Within(b, a),
        }),
    ]
}

prop_compose! {
    fn outbound_annotation()(
        ecn in proptest::option::of(prop_oneof![(0_u8..4).prop_map(EcnPattern::Bits), Just(EcnPattern::EctAny)]),
        dscp in proptest::option::of(0_u8..64),
        tos in proptest::option::of(any::<u8>()),
        ttl in proptest::option::of(any_match::<u8>()),
        id in proptest::option::of(any_match::<u16>()),
        dont_fragment in any::<Option<bool>>(),
        flow_label in proptest::option::of(0_u32..1 << 20),
    ) -> IpPattern {
        let id = id.map(|id| match id {
            Match::Any => Match::Any,
            Match::Is(id) => Match::Is(u32::from(id)),
            Match::Within(low, high) => Match::Within(u32::from(low), u32::from(high)),
        });
        let (ecn, dscp) = if tos.is_some() { (None, None) } else { (ecn, dscp) };
        IpPattern { ecn, dscp, tos, ttl, flow_label, id, dont_fragment, ..IpPattern::default() }
    }
}

proptest! {
    #[test]
    fn any_outbound_annotation_is_read_as_it_is_shown(ip in outbound_annotation(), contents in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20))) {
        let len = contents.as_ref().map_or(7, Vec::len) as u16;
        let pattern = PacketPattern {
            layers: vec![LayerPattern::Ip {
                ip: IpPattern { tos: ip.tos, ttl: ip.ttl, ..IpPattern::default() },
                source: "10.0.0.1".parse().unwrap(),
                destination: "10.0.0.2".parse().unwrap(),
            }],
            ip,
            udp_encapsulation: None,
            body: BodyPattern::Udp(UdpPattern { len, contents, ..UdpPattern::default() }),
            span: Span::default(),
        };
        let text = show::packet(&pattern, false);
        prop_assert_eq!(placeless(packet(&text)), pattern, "{}", text);
    }

    #[test]
    fn any_damage_is_read_as_it_is_shown(
        checksum: bool,
        length: Option<u16>,
        protocol: Option<u8>,
        units in 0_u16..4,
        len in 0_u16..50,
        more: bool,
    ) {
        let first = units * 8;
        let pattern = PacketPattern {
            layers: Vec::new(),
            ip: IpPattern {
                fragment: Some(FragmentPattern { first, end: first + len, more }),
                damage: IpDamage { checksum, length, protocol },
                ..IpPattern::default()
            },
            udp_encapsulation: None,
            body: BodyPattern::Udp(UdpPattern { len: 100, bad_checksum: more, ..UdpPattern::default() }),
            span: Span::default(),
        };
        let text = show::packet(&pattern, true);
        prop_assert_eq!(placeless(packet(&text)), pattern, "{}", text);
    }
}
