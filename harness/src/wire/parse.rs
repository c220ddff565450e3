//! From bytes to the packet model, with `pnet_packet`; malformed parts are judged on raw bytes.

use std::fmt;
use std::net::IpAddr;

use pnet_packet::Packet as _;
use pnet_packet::ipv4::{self, Ipv4Packet};
use pnet_packet::ipv6::Ipv6Packet;
use pnet_packet::tcp::TcpPacket;
use pnet_packet::udp::UdpPacket;
use pnet_packet::util;

use super::build::checksum;
use super::encapsulation::{self, Layer};
use super::fragment::Piece;
use super::options::read_options;
use super::packet::{IcmpMessage, IpFields, Packet, TcpFlags, TcpSegment, Transport, UdpDatagram};

/// The number of the IPv6 fragment header (RFC 8200 §4.5).
const FRAGMENT_HEADER: u8 = 44;

/// A datagram that was read, with everything about it that no sender may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Headers around it, outermost first.
    pub layers: Vec<Layer>,
    /// The contents.
    pub packet: Packet,
    /// What the packet model leaves out of the innermost IP header.
    pub header: IpHeader,
    /// What is wrong with it on the wire.
    pub faults: Vec<WireFault>,
}

/// Something no conforming sender puts on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// A checksum that does not fit.
    Checksum {
        /// `IPv4 header`, `TCP`, `UDP` or `ICMP`.
        layer: &'static str,
        /// The field.
        found: u16,
        /// What it should be.
        computed: u16,
    },
    /// A TCP option area that cannot be read to its end.
    Options(String),
    /// Something in or around the IP header.
    Ip(String),
}

impl WireFault {
    /// The field it is reported under.
    pub fn field(&self) -> &'static str {
        match self {
            WireFault::Checksum { .. } => "checksum",
            WireFault::Options(_) => "options",
            WireFault::Ip(_) => "ip",
        }
    }
}

impl fmt::Display for WireFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireFault::Checksum {
                layer,
                found,
                computed,
            } => {
                write!(
                    f,
                    "{layer} checksum is {found:#06x}, should be {computed:#06x}"
                )
            }
            WireFault::Options(what) => write!(f, "malformed TCP options: {what}"),
            WireFault::Ip(what) => f.write_str(what),
        }
    }
}

/// Fields of an IP header beyond [`IpFields`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpHeader {
    /// IPv4 identification, or that of an IPv6 fragment header.
    pub id: Option<u32>,
    /// The IPv4 flag; `None` for IPv6.
    pub dont_fragment: Option<bool>,
    /// Which piece of a datagram it is; its bytes are [`Transport::Other`].
    pub piece: Option<Piece>,
}

/// A datagram down to what its IP header, extension headers included, carries.
pub(super) struct IpBody<'a> {
    pub(super) ip: IpFields,
    pub(super) header: IpHeader,
    pub(super) protocol: u8,
    pub(super) bytes: &'a [u8],
}

impl IpBody<'_> {
    pub(super) fn is_fragment(&self) -> bool {
        self.header.piece.is_some()
    }
}

/// Reads an IP datagram, down to the innermost one if there are several.
///
/// # Errors
/// If the headers cannot be read: too short, lengths that disagree, an unknown IP version,
/// a TCP data offset below 5 or beyond the segment.
pub fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    let mut faults = Vec::new();
    let (layers, body) = encapsulation::peel(bytes, &mut faults)?;
    let (ip, protocol) = (body.ip, body.protocol);
    let transport = match (protocol, ip.source.is_ipv4()) {
        _ if body.header.piece.is_some() => Transport::Other {
            protocol,
            payload: body.bytes.to_vec(),
        },
        (6, _) => Transport::Tcp(tcp(body.bytes, &ip, &mut faults)?),
        (17, _) => Transport::Udp(udp(body.bytes, &ip, &mut faults)?),
        (1, true) | (58, false) => Transport::Icmp(icmp(body.bytes, &ip, &mut faults)?),
        (protocol, _) => Transport::Other {
            protocol,
            payload: body.bytes.to_vec(),
        },
    };
    Ok(Parsed {
        layers,
        packet: Packet { ip, transport },
        header: body.header,
        faults,
    })
}

/// A packet taken out of UDP: the ports of UDP, and the packet without it.
pub type OutOfUdp = ((u16, u16), Parsed);

/// Takes the payload of a UDP datagram for a TCP segment; `None` if it is no UDP. A TCP checksum
/// of 0 is none: that of UDP covers the segment.
///
/// # Errors
/// If the TCP header cannot be read.
pub fn tcp_in_udp(parsed: &Parsed) -> Result<Option<OutOfUdp>, String> {
    let Transport::Udp(datagram) = &parsed.packet.transport else {
        return Ok(None);
    };
    let mut inner = parsed.clone();
    let mut faults = Vec::new();
    let segment = tcp(&datagram.payload, &parsed.packet.ip, &mut faults)?;
    faults.retain(|fault| !matches!(fault, WireFault::Checksum { found: 0, .. }));
    inner.faults.extend(faults);
    inner.packet.transport = Transport::Tcp(segment);
    let ports = (datagram.source_port, datagram.destination_port);
    Ok(Some((ports, inner)))
}

/// One IP header and what it carries.
pub(super) fn read_ip<'a>(
    bytes: &'a [u8],
    faults: &mut Vec<WireFault>,
) -> Result<IpBody<'a>, String> {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(bytes, faults),
        Some(6) => ipv6(bytes, faults),
        Some(version) => Err(format!("IP version {version}")),
        None => Err("empty datagram".to_string()),
    }
}

pub(super) fn check(faults: &mut Vec<WireFault>, layer: &'static str, found: u16, computed: u16) {
    // A one's complement sum has two zeros, and the receiver's sum comes out right with either
    // (RFC 1071 §2); Linux sends the one or the other over IPv6. Only for UDP is 0 a value of its own.
    let canonical = |sum: u16| {
        if sum == 0xffff && layer != "UDP" {
            0
        } else {
            sum
        }
    };
    if canonical(found) != canonical(computed) {
        faults.push(WireFault::Checksum {
            layer,
            found,
            computed,
        });
    }
}

fn ipv4<'a>(bytes: &'a [u8], faults: &mut Vec<WireFault>) -> Result<IpBody<'a>, String> {
    let header = Ipv4Packet::new(bytes).ok_or("shorter than an IPv4 header")?;
    let header_len = usize::from(header.get_header_length()) * 4;
    let total = usize::from(header.get_total_length());
    if header_len < 20 || total < header_len || total > bytes.len() {
        return Err(format!(
            "IPv4 header of {header_len} bytes, total length {total}, {} bytes captured",
            bytes.len()
        ));
    }
    if header.get_flags() & 4 != 0 {
        faults.push(WireFault::Ip("the reserved IPv4 flag is set".to_string()));
    }
    // Group membership reports carry the router alert option (RFC 3376 §4).
    if header_len > 20 && header.get_next_level_protocol().0 != 2 {
        faults.push(WireFault::Ip(format!(
            "{} bytes of IPv4 options",
            header_len - 20
        )));
    }
    surroundings(faults, header.get_ttl(), total, bytes.len());
    check(
        faults,
        "IPv4 header",
        header.get_checksum(),
        ipv4::checksum(&header),
    );
    let ip = IpFields {
        source: IpAddr::V4(header.get_source()),
        destination: IpAddr::V4(header.get_destination()),
        ttl: header.get_ttl(),
        traffic_class: (header.get_dscp() << 2) | header.get_ecn(),
        flow_label: 0,
    };
    let body = &bytes[header_len..total];
    let offset = header.get_fragment_offset() * 8;
    let more = header.get_flags() & 1 != 0;
    Ok(IpBody {
        ip,
        header: IpHeader {
            id: Some(u32::from(header.get_identification())),
            dont_fragment: Some(header.get_flags() & 2 != 0),
            piece: Piece::of(offset, body.len(), more),
        },
        protocol: header.get_next_level_protocol().0,
        bytes: body,
    })
}

/// What no IP header may say: nothing left to live, less than was captured.
fn surroundings(faults: &mut Vec<WireFault>, ttl: u8, length: usize, captured: usize) {
    if ttl == 0 {
        faults.push(WireFault::Ip("TTL or hop limit 0".to_string()));
    }
    if captured > length {
        let behind = captured - length;
        faults.push(WireFault::Ip(format!(
            "{behind} bytes behind the IP datagram"
        )));
    }
}

fn ipv6<'a>(bytes: &'a [u8], faults: &mut Vec<WireFault>) -> Result<IpBody<'a>, String> {
    let header = Ipv6Packet::new(bytes).ok_or("shorter than an IPv6 header")?;
    let end = 40 + usize::from(header.get_payload_length());
    if end > bytes.len() {
        return Err(format!(
            "IPv6 datagram of {end} bytes, {} captured",
            bytes.len()
        ));
    }
    surroundings(faults, header.get_hop_limit(), end, bytes.len());
    let ip = IpFields {
        source: IpAddr::V6(header.get_source()),
        destination: IpAddr::V6(header.get_destination()),
        ttl: header.get_hop_limit(),
        traffic_class: header.get_traffic_class(),
        flow_label: header.get_flow_label(),
    };
    let mut protocol = header.get_next_header().0;
    let mut body = &bytes[40..end];
    // Hop-by-hop options stand before MLD reports; but for a fragment header the others stay opaque.
    if protocol == 0 && body.len() >= 8 {
        let length = (usize::from(body[1]) + 1) * 8;
        if length <= body.len() {
            (protocol, body) = (body[0], &body[length..]);
        }
    }
    let mut facts = IpHeader::default();
    if let (FRAGMENT_HEADER, Some((head, rest))) = (protocol, body.split_first_chunk::<8>()) {
        let [next, _, high, low, id @ ..] = *head;
        let word = u16::from_be_bytes([high, low]);
        facts.id = Some(u32::from_be_bytes(id));
        facts.piece = Some(Piece {
            offset: word & !7,
            len: rest.len(),
            more: word & 1 != 0,
        });
        (protocol, body) = (next, rest);
    }
    Ok(IpBody {
        ip,
        header: facts,
        protocol,
        bytes: body,
    })
}

fn tcp(body: &[u8], ip: &IpFields, faults: &mut Vec<WireFault>) -> Result<TcpSegment, String> {
    let header = TcpPacket::new(body).ok_or("shorter than a TCP header")?;
    let offset = usize::from(header.get_data_offset()) * 4;
    if offset < 20 || offset > body.len() {
        return Err(format!(
            "TCP data offset of {offset} bytes in a segment of {}",
            body.len()
        ));
    }
    check(
        faults,
        "TCP",
        header.get_checksum(),
        checksum(body, 8, ip, 6),
    );
    let (options, fault) = read_options(&body[20..offset]);
    faults.extend(fault.map(WireFault::Options));
    let reserved = header.get_reserved();
    Ok(TcpSegment {
        source_port: header.get_source(),
        destination_port: header.get_destination(),
        sequence: header.get_sequence(),
        acknowledgment: header.get_acknowledgement(),
        flags: TcpFlags(u16::from(header.get_flags()) | (u16::from(reserved & 1) << 8)),
        reserved: reserved >> 1,
        window: header.get_window(),
        urgent: header.get_urgent_ptr(),
        options,
        payload: body[offset..].to_vec(),
    })
}

fn udp(body: &[u8], ip: &IpFields, faults: &mut Vec<WireFault>) -> Result<UdpDatagram, String> {
    let header = UdpPacket::new(body).ok_or("shorter than a UDP header")?;
    if usize::from(header.get_length()) != body.len() {
        return Err(format!(
            "UDP length {} in {} bytes",
            header.get_length(),
            body.len()
        ));
    }
    let computed = match checksum(body, 3, ip, 17) {
        0 => 0xffff,
        sum => sum,
    };
    if header.get_checksum() != 0 || ip.source.is_ipv6() {
        check(faults, "UDP", header.get_checksum(), computed);
    }
    Ok(UdpDatagram {
        source_port: header.get_source(),
        destination_port: header.get_destination(),
        payload: header.payload().to_vec(),
    })
}

fn icmp(body: &[u8], ip: &IpFields, faults: &mut Vec<WireFault>) -> Result<IcmpMessage, String> {
    let [kind, code, high, low, r0, r1, r2, r3, payload @ ..] = body else {
        return Err("shorter than an ICMP header".to_string());
    };
    let computed = match ip.source {
        IpAddr::V4(_) => util::checksum(body, 1),
        IpAddr::V6(_) => checksum(body, 1, ip, 58),
    };
    check(faults, "ICMP", u16::from_be_bytes([*high, *low]), computed);
    Ok(IcmpMessage {
        kind: *kind,
        code: *code,
        rest_of_header: [*r0, *r1, *r2, *r3],
        payload: payload.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::TcpOption;
    use proptest::prelude::*;
    use rstest::rstest;

    fn addresses(v6: bool) -> (IpAddr, IpAddr) {
        if v6 {
            ("2001:db8::1".parse().unwrap(), "fd3d::1".parse().unwrap())
        } else {
            ("192.0.2.1".parse().unwrap(), "192.168.0.1".parse().unwrap())
        }
    }

    fn packet(v6: bool, transport: Transport) -> Packet {
        let (source, destination) = addresses(v6);
        let flow_label = if v6 { 0x12345 } else { 0 };
        let ip = IpFields {
            source,
            destination,
            ttl: 64,
            traffic_class: 0x2e,
            flow_label,
        };
        Packet { ip, transport }
    }

    fn segment(payload: Vec<u8>) -> TcpSegment {
        TcpSegment {
            source_port: 8080,
            destination_port: 4444,
            sequence: 0xffff_fff0,
            acknowledgment: 7,
            flags: TcpFlags::ACK.with(TcpFlags::AE).with(TcpFlags::PSH),
            reserved: 0,
            window: 65535,
            urgent: 3,
            options: vec![
                TcpOption::MaximumSegmentSize(1460),
                TcpOption::NoOperation,
                TcpOption::NoOperation,
                TcpOption::SackPermitted,
            ],
            payload,
        }
    }

    #[rstest]
    fn what_is_built_is_read_back(
        #[values(false, true)] v6: bool,
        #[values(0, 1, 536)] len: usize,
    ) {
        let transports = [
            Transport::Tcp(segment(vec![0xa5; len])),
            Transport::Udp(UdpDatagram {
                source_port: 1,
                destination_port: 2,
                payload: vec![1; len],
            }),
            Transport::Icmp(IcmpMessage {
                kind: 3,
                code: 4,
                rest_of_header: [0, 0, 5, 220],
                payload: vec![9; len],
            }),
        ];
        for transport in transports {
            let packet = packet(v6, transport);
            let parsed = parse(&packet.build().unwrap()).unwrap();
            assert_eq!((parsed.packet, parsed.faults), (packet, vec![]));
            assert_eq!(parsed.layers, []);
        }
    }

    #[rstest]
    fn one_damaged_bit_is_a_checksum_fault(#[values(false, true)] v6: bool) {
        let mut bytes = packet(v6, Transport::Tcp(segment(vec![1, 2, 3])))
            .build()
            .unwrap();
        *bytes.last_mut().unwrap() ^= 0x10;
        let faults = parse(&bytes).unwrap().faults;
        assert!(
            matches!(faults[..], [WireFault::Checksum { layer: "TCP", .. }]),
            "{faults:?}"
        );
    }

    #[test]
    fn both_zeros_of_a_tcp_checksum_are_right() {
        let mut segment = segment(Vec::new());
        // The window that brings the sum to zero.
        let bytes = packet(false, Transport::Tcp(segment.clone())).build();
        let bytes = bytes.unwrap();
        let sum = u16::from_be_bytes([bytes[36], bytes[37]]);
        segment.window = segment.window.wrapping_add(sum);
        if segment.window < sum {
            segment.window += 1;
        }
        let mut bytes = packet(false, Transport::Tcp(segment)).build().unwrap();
        assert_eq!(&bytes[36..38], [0, 0]);
        assert_eq!(parse(&bytes).unwrap().faults, []);
        bytes[36..38].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(parse(&bytes).unwrap().faults, []);
        bytes[36..38].copy_from_slice(&[0xff, 0xfe]);
        assert_eq!(parse(&bytes).unwrap().faults.len(), 1);
    }

    #[rstest]
    #[case::ttl(|bytes: &mut Vec<u8>| bytes[8] = 0, "TTL or hop limit 0")]
    #[case::behind(|bytes: &mut Vec<u8>| bytes.extend([7; 100]), "100 bytes behind")]
    #[case::reserved_flag(|bytes: &mut Vec<u8>| bytes[6] |= 0x80, "reserved IPv4 flag")]
    #[case::options(add_ip_options, "4 bytes of IPv4 options")]
    fn what_no_ip_header_may_say_is_a_fault(#[case] damage: fn(&mut Vec<u8>), #[case] want: &str) {
        let mut bytes = packet(false, Transport::Tcp(segment(vec![])))
            .build()
            .unwrap();
        damage(&mut bytes);
        let faults = parse(&bytes).unwrap().faults;
        assert!(
            faults.iter().any(|fault| fault.to_string().contains(want)),
            "{faults:?}"
        );
    }

    fn add_ip_options(bytes: &mut Vec<u8>) {
        bytes.splice(20..20, [1, 1, 1, 0]);
        bytes[0] = 0x46;
        bytes[3] += 4;
    }

    #[rstest]
    #[case(4)]
    #[case(15)]
    fn a_data_offset_outside_the_segment_is_refused(#[case] words: u8) {
        let mut bytes = packet(false, Transport::Tcp(segment(vec![])))
            .build()
            .unwrap();
        bytes[20 + 12] = words << 4;
        assert!(parse(&bytes).unwrap_err().contains("data offset"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), v6: bool) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = if v6 { 0x60 } else { 0x45 };
            }
            let _ = parse(&bytes);
        }
    }
}
