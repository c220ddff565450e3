//! The IPv6 header and the extension headers that may stand before TCP (RFC 8200 §3, §4).

use super::DropReason;
use super::ip::{IpHeader, IpPacket};
use super::read::{array_at, u8_at, u16_at, u32_at};
use core::net::Ipv6Addr;

const FIXED_LEN: usize = 40;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
/// RFC 8200 §4.1 knows no use for more before TCP.
const MAX_EXTENSIONS: usize = 8;

/// Takes an IPv6 datagram apart; hop-by-hop, destination-options and spent routing headers are
/// skipped, bytes behind the payload length ignored.
///
/// # Errors
/// The reason when a header is malformed or the datagram is a fragment.
pub fn parse(datagram: &[u8]) -> Result<IpPacket<'_>, DropReason> {
    let (packet, payload_len) = parse_header(datagram)?;
    let payload = packet
        .payload
        .get(..payload_len)
        .ok_or(DropReason::Ipv6BadPayloadLength)?;
    skip_extensions(IpPacket { payload, ..packet })
}

/// Takes the start of a datagram that an ICMP error quotes apart; the quote may be shorter than
/// the payload length.
///
/// # Errors
/// The reason when a header itself is malformed or the quote is of a fragment.
pub fn parse_quoted(quote: &[u8]) -> Result<IpPacket<'_>, DropReason> {
    skip_extensions(parse_header(quote)?.0)
}

/// The fixed header's fields, everything behind it, and the payload length it claims.
fn parse_header(bytes: &[u8]) -> Result<(IpPacket<'_>, usize), DropReason> {
    let fixed: [u8; FIXED_LEN] = array_at(bytes, 0).ok_or(DropReason::IpHeaderTruncated)?;
    let first_word = u32_at(&fixed, 0).unwrap_or(0);
    let address = |at| Ipv6Addr::from(array_at::<16>(&fixed, at).unwrap_or_default());
    let header = IpHeader {
        src: address(8).into(),
        dst: address(24).into(),
        ttl: fixed[7],
        traffic_class: (first_word >> 20) as u8,
        flow_label: first_word & 0x000f_ffff,
    };
    let packet = IpPacket {
        header,
        protocol: fixed[6],
        payload: &bytes[FIXED_LEN..],
    };
    Ok((packet, usize::from(u16_at(&fixed, 4).unwrap_or(0))))
}

/// Walks over the extension headers to the one that names the upper layer.
fn skip_extensions(mut packet: IpPacket<'_>) -> Result<IpPacket<'_>, DropReason> {
    for _ in 0..=MAX_EXTENSIONS {
        match packet.protocol {
            HOP_BY_HOP | DESTINATION_OPTIONS => {}
            ROUTING => {
                let segments_left =
                    u8_at(packet.payload, 3).ok_or(DropReason::Ipv6ExtensionTruncated)?;
                if segments_left != 0 {
                    return Err(DropReason::Ipv6RoutingHeader);
                }
            }
            FRAGMENT => return Err(DropReason::Fragment),
            _ => return Ok(packet),
        }
        let truncated = DropReason::Ipv6ExtensionTruncated;
        let units = u8_at(packet.payload, 1).ok_or(truncated)?;
        packet.protocol = packet.payload[0];
        packet.payload = packet
            .payload
            .get((usize::from(units) + 1) * 8..)
            .ok_or(truncated)?;
    }
    Err(DropReason::Ipv6TooManyExtensions)
}

/// The header of a datagram with `payload_len` bytes; see [`super::ip::emit`].
pub(super) fn header(
    header: &IpHeader,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    protocol: u8,
    payload_len: usize,
) -> [u8; FIXED_LEN] {
    let len = u16::try_from(payload_len)
        .unwrap_or_else(|_| panic!("{payload_len} bytes do not fit an IPv6 datagram"));
    let first_word =
        (6 << 28) | (u32::from(header.traffic_class) << 20) | (header.flow_label & 0x000f_ffff);
    let mut out = [0; FIXED_LEN];
    out[..4].copy_from_slice(&first_word.to_be_bytes());
    out[4..6].copy_from_slice(&len.to_be_bytes());
    out[6..8].copy_from_slice(&[protocol, header.ttl]);
    out[8..24].copy_from_slice(&src.octets());
    out[24..40].copy_from_slice(&dst.octets());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    const HEADER: IpHeader = IpHeader {
        src: core::net::IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        dst: core::net::IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
        ttl: 63,
        traffic_class: 0xb9,
        flow_label: 0xabcde,
    };

    fn datagram(protocol: u8, payload: &[u8]) -> Vec<u8> {
        super::super::ip::emit(&HEADER, protocol, payload)
    }

    #[test]
    fn what_is_sent_is_read_back() {
        let bytes = datagram(6, &[1, 2, 3]);
        assert_eq!(bytes[..8], [0x6b, 0x9a, 0xbc, 0xde, 0, 3, 6, 63]);
        let packet = parse(&bytes).unwrap();
        assert_eq!(packet.header, HEADER);
        assert_eq!((packet.protocol, packet.payload), (6, &[1, 2, 3][..]));
    }

    #[test]
    fn extension_headers_are_skipped() {
        let mut payload = Vec::new();
        payload.extend([DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0]);
        payload.extend([ROUTING, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend([6, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend([0xaa, 0xbb]);
        let bytes = datagram(HOP_BY_HOP, &payload);
        let packet = parse(&bytes).unwrap();
        assert_eq!((packet.protocol, packet.payload), (6, &[0xaa, 0xbb][..]));
    }

    #[rstest]
    #[case::cut(datagram(6, &[])[..39].to_vec(), DropReason::IpHeaderTruncated)]
    #[case::too_long({ let mut b = datagram(6, &[1]); b[5] = 2; b }, DropReason::Ipv6BadPayloadLength)]
    #[case::fragment(datagram(FRAGMENT, &[6, 0, 0, 0, 0, 0, 0, 0]), DropReason::Fragment)]
    #[case::routed(datagram(ROUTING, &[6, 0, 0, 1, 0, 0, 0, 0]), DropReason::Ipv6RoutingHeader)]
    #[case::extension_cut(datagram(HOP_BY_HOP, &[6, 1, 0, 0, 0, 0, 0, 0]), DropReason::Ipv6ExtensionTruncated)]
    #[case::extension_absent(datagram(HOP_BY_HOP, &[]), DropReason::Ipv6ExtensionTruncated)]
    #[case::endless(datagram(HOP_BY_HOP, &[0; 96]), DropReason::Ipv6TooManyExtensions)]
    fn malformed_headers_are_dropped(#[case] bytes: Vec<u8>, #[case] reason: DropReason) {
        assert_eq!(parse(&bytes), Err(reason));
    }

    #[test]
    fn padding_is_cut_off_and_a_quote_may_be_short() {
        let mut bytes = datagram(6, &[7; 100]);
        assert_eq!(parse_quoted(&bytes[..48]).unwrap().payload, [7; 8]);
        bytes.extend([0xee; 5]);
        assert_eq!(parse(&bytes).unwrap().payload, [7; 100]);
    }

    proptest! {
        #[test]
        fn parsing_is_total(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse_quoted(&bytes);
        }
    }
}
