use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::wire::{
    IcmpMessage, IpFields, Packet, Reassembly, Transport, UdpDatagram, WireFault, parse,
};

fn ip(v6: bool) -> IpFields {
    let (source, destination) = if v6 {
        ("2001:db8::1", "fd3d::1")
    } else {
        ("192.0.2.1", "192.168.0.1")
    };
    IpFields {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        ttl: 64,
        traffic_class: 0,
        flow_label: 0,
    }
}

fn datagram(v6: bool, len: usize) -> Vec<u8> {
    let transport = Transport::Udp(UdpDatagram {
        source_port: 1,
        destination_port: 2,
        payload: (0..len).map(|at| at as u8).collect(),
    });
    Packet {
        ip: ip(v6),
        transport,
    }
    .build()
    .unwrap()
}

#[rstest]
fn changing_nothing_changes_nothing(#[values(false, true)] v6: bool) {
    let bytes = datagram(v6, 33);
    assert_eq!(Reshape::default().apply(bytes.clone()), Ok(bytes));
}

#[test]
fn the_ipv4_fields_stand_where_rfc_791_has_them() {
    let reshape = Reshape {
        id: Some(0x1234),
        dont_fragment: true,
        piece: Some((8, 24, false)),
        ..Reshape::default()
    };
    let bytes = reshape.apply(datagram(false, 40)).unwrap();
    assert_eq!(bytes[2..8], [0, 36, 0x12, 0x34, 0x60, 1]);
    let parsed = parse(&bytes).unwrap();
    assert_eq!(parsed.faults, []);
    assert_eq!(parsed.header.id, Some(0x1234));
    assert_eq!(parsed.header.dont_fragment, Some(true));
    let piece = parsed.header.piece.unwrap();
    assert_eq!((piece.offset, piece.end(), piece.more), (8, 24, true));
}

#[test]
fn an_ipv6_piece_has_the_header_of_rfc_8200() {
    let reshape = Reshape {
        id: Some(0x0102_0304),
        piece: Some((16, 48, true)),
        ..Reshape::default()
    };
    let bytes = reshape.apply(datagram(true, 40)).unwrap();
    assert_eq!(bytes[4..7], [0, 40, 44]);
    assert_eq!(bytes[40..48], [17, 0, 0, 17, 1, 2, 3, 4]);
    let parsed = parse(&bytes).unwrap();
    let piece = parsed.header.piece.unwrap();
    assert_eq!((piece.offset, piece.end(), piece.more), (16, 48, true));
    assert_eq!(
        (parsed.header.id, parsed.header.dont_fragment),
        (Some(0x0102_0304), None)
    );
}

#[rstest]
#[case::checksum(Reshape { bad_checksum: true, ..Reshape::default() }, "IPv4 header checksum")]
#[case::length(Reshape { length: Some(30), ..Reshape::default() }, "UDP length")]
#[case::protocol(Reshape { protocol: Some(6), ..Reshape::default() }, "TCP")]
fn what_is_wrong_on_purpose_shows(#[case] reshape: Reshape, #[case] want: &str) {
    let bytes = reshape.apply(datagram(false, 4)).unwrap();
    let said = match parse(&bytes) {
        Ok(parsed) => format!(
            "{:?}",
            parsed
                .faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        ),
        Err(problem) => problem,
    };
    assert!(said.contains(want), "{said}");
}

#[test]
fn a_piece_outside_the_datagram_is_refused() {
    let reshape = Reshape {
        piece: Some((0, 49, false)),
        ..Reshape::default()
    };
    let said = reshape.apply(datagram(false, 40)).unwrap_err();
    assert!(said.contains("0:49") && said.contains("48 bytes"), "{said}");
}

#[rstest]
fn a_spoilt_checksum_is_a_fault(
    #[values(false, true)] v6: bool,
    #[values(false, true)] icmp: bool,
) {
    let mut bytes = datagram(v6, 5);
    if icmp {
        let transport = Transport::Icmp(IcmpMessage {
            kind: 8,
            code: 0,
            rest_of_header: [0; 4],
            payload: vec![1, 2],
        });
        bytes = Packet {
            ip: ip(v6),
            transport,
        }
        .build()
        .unwrap();
    }
    spoil_checksum(&mut bytes);
    let faults = parse(&bytes).unwrap().faults;
    assert!(
        matches!(
            faults[..],
            [WireFault::Checksum {
                layer: "UDP" | "ICMP",
                ..
            }]
        ),
        "{faults:?}"
    );
}

proptest! {
    #[test]
    fn the_pieces_of_a_datagram_make_it_again(len in 0_usize..300, step in 1_u16..12, v6: bool, id: u16) {
        let whole = datagram(v6, len);
        let total = len + 8;
        let mut reassembly = Reassembly::default();
        let mut made = None;
        let mut first = 0;
        while usize::from(first) < total {
            prop_assert_eq!(&made, &None);
            let end = usize::from(first + step * 8).min(total) as u16;
            let reshape = Reshape {
                id: Some(u32::from(id)),
                piece: Some((first, end, false)),
                ..Reshape::default()
            };
            let parsed = parse(&reshape.apply(whole.clone()).unwrap()).unwrap();
            prop_assert_eq!(&parsed.faults, &[]);
            let Transport::Other { protocol, payload } = &parsed.packet.transport else {
                // One piece that is all of an IPv4 datagram is no piece.
                prop_assert!(first == 0 && usize::from(end) == total && !v6);
                return Ok(());
            };
            let piece = parsed.header.piece.unwrap();
            made = reassembly.add(parsed.header.id.unwrap(), *protocol, piece, payload);
            first = end;
        }
        let header = if v6 { 40 } else { 20 };
        prop_assert_eq!(made.as_deref(), Some(&whole[header..]));
    }
}
