use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::wire::{Packet, TcpFlags, TcpSegment, Transport, parse};

fn fields(source: &str, destination: &str, traffic_class: u8) -> IpFields {
    IpFields {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        ttl: 64,
        traffic_class,
        flow_label: 0,
    }
}

fn v4() -> Layer {
    Layer::Ip(fields("10.0.0.1", "10.0.0.2", 8))
}

fn v6() -> Layer {
    Layer::Ip(fields("fd00::1", "fd00::2", 0))
}

fn mpls(labels: &[u32]) -> Layer {
    let last = labels.len() - 1;
    let entry = |(at, &label)| MplsEntry {
        label,
        class: 5,
        bottom: at == last,
        ttl: 60,
    };
    Layer::Mpls(labels.iter().enumerate().map(entry).collect())
}

fn packet(source: &str, destination: &str) -> Packet {
    let segment = TcpSegment {
        source_port: 1,
        destination_port: 2,
        sequence: 3,
        acknowledgment: 4,
        flags: TcpFlags::ACK,
        reserved: 0,
        window: 5,
        urgent: 0,
        options: Vec::new(),
        payload: vec![1, 2, 3],
    };
    Packet {
        ip: fields(source, destination, 0),
        transport: Transport::Tcp(segment),
    }
}

fn gre_header(flags: u16) -> Gre {
    let if_present = |flag, value| if flags & flag != 0 { value } else { 0 };
    Gre {
        flags,
        checksum: None,
        offset: if_present(gre::CHECKSUM, 9) as u16,
        key: if_present(gre::KEY, 0x0102_0304),
        sequence: if_present(gre::SEQUENCE, 0x0506_0708),
    }
}

#[rstest]
#[case::ipip(vec![v4()])]
#[case::six_in_six(vec![v6()])]
#[case::gre(vec![v4(), Layer::Gre(gre_header(0))])]
#[case::key(vec![v4(), Layer::Gre(gre_header(gre::KEY))])]
#[case::sequence(vec![v6(), Layer::Gre(gre_header(gre::KEY | gre::SEQUENCE))])]
#[case::mpls(vec![v4(), mpls(&[16])])]
#[case::gre_mpls(vec![v4(), Layer::Gre(gre_header(0)), mpls(&[16, 0xf_ffff])])]
#[case::four(vec![v4(), v6(), v4(), Layer::Gre(gre_header(0))])]
fn layers_are_read_back_as_they_were_built(
    #[case] layers: Vec<Layer>,
    #[values(("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2"))] inner: (&str, &str),
) {
    let packet = packet(inner.0, inner.1);
    let bytes = wrap(&layers, packet.build().unwrap()).unwrap();
    let parsed = parse(&bytes).unwrap();
    assert_eq!((parsed.layers, parsed.packet), (layers, packet));
    assert_eq!(parsed.faults, []);
}

#[test]
fn the_bytes_are_those_of_the_documents() {
    let inner = packet("192.0.2.1", "192.0.2.2").build().unwrap();
    let flags = gre::CHECKSUM | gre::KEY | gre::SEQUENCE;
    let header = Gre {
        checksum: Some(0xabcd),
        ..gre_header(flags)
    };
    let bytes = wrap(&[v4(), Layer::Gre(header), mpls(&[0x12345])], inner.clone()).unwrap();
    assert_eq!(bytes[9], 47);
    let expected = [
        0xb0, 0x00, 0x88, 0x47, 0xab, 0xcd, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 0x34, 0x5b, 60,
    ];
    assert_eq!(bytes[20..40], expected);
    assert_eq!(bytes[40..], inner);
    assert_eq!(wrap(&[v4()], inner.clone()).unwrap()[9], 4);
    assert_eq!(wrap(&[v6()], inner).unwrap()[6], 4);
}

#[rstest]
#[case(None, true)]
#[case(Some(0x1234), false)]
fn a_gre_checksum_is_made_and_judged(#[case] checksum: Option<u16>, #[case] fits: bool) {
    let inner = packet("192.0.2.1", "192.0.2.2").build().unwrap();
    let written = Gre {
        checksum,
        ..gre_header(gre::CHECKSUM)
    };
    let bytes = wrap(&[v4(), Layer::Gre(written)], inner).unwrap();
    let parsed = parse(&bytes).unwrap();
    let [_, Layer::Gre(seen)] = parsed.layers[..] else {
        panic!("{parsed:?}")
    };
    assert_eq!(parsed.faults.is_empty(), fits, "{:?}", parsed.faults);
    assert!(written.takes(&seen));
    let other = Gre {
        checksum: seen.checksum.map(|sum| sum ^ 1),
        ..written
    };
    assert!(!other.takes(&seen));
}

#[test]
fn a_field_that_is_not_present_is_not_compared() {
    let seen = gre_header(gre::KEY);
    let written = Gre {
        sequence: 77,
        checksum: Some(1),
        ..seen
    };
    assert!(written.takes(&seen));
    assert!(!Gre { key: 1, ..seen }.takes(&seen));
    assert!(!Gre { flags: 0, ..seen }.takes(&seen));
}

#[rstest]
#[case(0, (None, 0, 0, 0))]
#[case(gre::KEY, (None, 0, 0x0001_0002, 0))]
#[case(gre::SEQUENCE, (None, 0, 0, 0x0001_0002))]
#[case(gre::KEY | gre::SEQUENCE, (None, 0, 0x0001_0002, 3))]
#[case(gre::CHECKSUM | gre::SEQUENCE, (Some(1), 2, 0, 3))]
#[case(gre::CHECKSUM | gre::KEY | gre::SEQUENCE, (Some(1), 2, 3, 4))]
fn packetdrill_fills_the_present_fields_in_order(
    #[case] flags: u16,
    #[case] want: (Option<u16>, u16, u32, u32),
) {
    let written = Gre {
        flags,
        checksum: Some(1),
        offset: 2,
        key: 3,
        sequence: 4,
    };
    let made = written.without_gaps();
    let fields = (made.checksum, made.offset, made.key, made.sequence);
    assert_eq!((made.flags, fields), (flags, want));
}

#[rstest]
#[case(vec![v4(), Layer::Gre(gre_header(0)), Layer::Gre(gre_header(0))])]
#[case(vec![v4(), mpls(&[1]), Layer::Gre(gre_header(0))])]
fn what_has_no_number_is_refused(#[case] layers: Vec<Layer>) {
    let inner = packet("192.0.2.1", "192.0.2.2").build().unwrap();
    assert!(wrap(&layers, inner).unwrap_err().contains("GRE"));
}

#[test]
fn a_datagram_that_only_starts_like_a_tunnel_is_payload() {
    let mut bytes = packet("192.0.2.1", "192.0.2.2").build().unwrap();
    bytes.truncate(30);
    let outer = wrap(&[v4()], bytes).unwrap();
    let parsed = parse(&outer).unwrap();
    assert_eq!(parsed.layers, []);
    assert!(matches!(
        parsed.packet.transport,
        Transport::Other { protocol: 4, .. }
    ));
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let ip = (any::<bool>(), any::<u8>()).prop_map(|(six, class)| match six {
        true => Layer::Ip(fields("fd00::1", "fd00::2", class)),
        false => Layer::Ip(fields("10.0.0.1", "10.0.0.2", class)),
    });
    let entry = (0_u32..1 << 20, 0_u8..8, any::<u8>());
    let stack = proptest::collection::vec(entry, 1..4).prop_map(|entries| {
        let last = entries.len() - 1;
        let entry = |(at, (label, class, ttl))| MplsEntry {
            label,
            class,
            bottom: at == last,
            ttl,
        };
        Layer::Mpls(entries.into_iter().enumerate().map(entry).collect())
    });
    let flags = (any::<bool>(), any::<bool>()).prop_map(|(key, sequence)| {
        let key = if key { gre::KEY } else { 0 };
        let sequence = if sequence { gre::SEQUENCE } else { 0 };
        Layer::Gre(gre_header(key | sequence))
    });
    prop_oneof![ip, stack, flags]
}

proptest! {
    #[test]
    fn whatever_can_be_built_is_read_back(
        first in any::<bool>(),
        rest in proptest::collection::vec(any_layer(), 0..4),
    ) {
        let mut layers = vec![if first { v6() } else { v4() }];
        layers.extend(rest);
        let packet = packet("192.0.2.1", "192.0.2.2");
        if let Ok(bytes) = wrap(&layers, packet.build().unwrap()) {
            let parsed = parse(&bytes).unwrap();
            // Two stacks in a row are one to the reader only if the first has no bottom.
            let in_a_row = layers.windows(2).any(|pair| matches!(pair, [Layer::Mpls(_), Layer::Mpls(_)]));
            if !in_a_row {
                // TTL 0 of the generator does not occur: all outer headers have 64.
                prop_assert_eq!((parsed.layers, parsed.packet), (layers, packet));
            }
        }
    }

    #[test]
    fn any_bytes_behind_a_tunnel_header_are_read_without_panic(
        protocol in prop_oneof![Just(4_u8), Just(41), Just(47), Just(137), Just(44)],
        body in proptest::collection::vec(any::<u8>(), 0..80),
        six: bool,
    ) {
        let outer = if six { fields("fd00::1", "fd00::2", 0) } else { fields("10.0.0.1", "10.0.0.2", 0) };
        let bytes = ip(&outer, IpNextHeaderProtocol(protocol), &body).unwrap();
        let _ = parse(&bytes);
    }
}
