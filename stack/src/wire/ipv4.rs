//! The IPv4 header (RFC 791 §3.1).

use super::DropReason;
use super::checksum::{Checksum, checksum};
use super::ip::{IpHeader, IpPacket};
use super::read::{array_at, u16_at};
use super::write::put_words;
use core::net::Ipv4Addr;

const FIXED_LEN: usize = 20;
const DONT_FRAGMENT: u16 = 0x4000;
pub(super) const MORE_FRAGMENTS: u16 = 0x2000;
pub(super) const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Takes an IPv4 datagram apart; options are skipped, bytes behind the total length ignored.
// REQ: RFC9293-MUST-50
///
/// # Errors
/// The reason when the header is malformed or the datagram is a fragment.
#[inline]
pub fn parse(datagram: &[u8]) -> Result<IpPacket<'_>, DropReason> {
    let (packet, total_len) = parse_header(datagram)?;
    let header_len = datagram.len() - packet.payload.len();
    // Without options the length is known beforehand, and the sum takes fewer steps.
    let sum = match datagram.first_chunk::<FIXED_LEN>() {
        Some(fixed) if header_len == FIXED_LEN => checksum(fixed),
        Some(_) | None => checksum(&datagram[..header_len]),
    };
    if sum != 0 {
        return Err(DropReason::Ipv4BadChecksum);
    }
    if total_len < header_len || total_len > datagram.len() {
        return Err(DropReason::Ipv4BadTotalLength);
    }
    if u16_at(datagram, 6).unwrap_or(0) & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 {
        return Err(DropReason::Fragment);
    }
    Ok(IpPacket {
        payload: &datagram[header_len..total_len],
        ..packet
    })
}

/// Takes the start of a datagram that an ICMP error quotes apart: the quote may be shorter than
/// the total length, and routers on the way may have left the checksum wrong.
///
/// # Errors
/// The reason when the header itself is malformed or the quote is of a later fragment.
pub fn parse_quoted(quote: &[u8]) -> Result<IpPacket<'_>, DropReason> {
    let (packet, _) = parse_header(quote)?;
    if u16_at(quote, 6).unwrap_or(0) & FRAGMENT_OFFSET != 0 {
        return Err(DropReason::Fragment);
    }
    Ok(packet)
}

/// The header's fields, everything behind the header, and the total length it claims.
#[inline]
fn parse_header(bytes: &[u8]) -> Result<(IpPacket<'_>, usize), DropReason> {
    let Some(fixed) = bytes.first_chunk::<FIXED_LEN>() else {
        return Err(DropReason::IpHeaderTruncated);
    };
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    if header_len < FIXED_LEN || header_len > bytes.len() {
        return Err(DropReason::Ipv4BadHeaderLength);
    }
    let address = |at| Ipv4Addr::from(array_at::<4>(fixed, at).unwrap_or_default());
    let header = IpHeader {
        src: address(12).into(),
        dst: address(16).into(),
        ttl: fixed[8],
        traffic_class: fixed[1],
        flow_label: 0,
    };
    let packet = IpPacket {
        header,
        protocol: fixed[9],
        payload: &bytes[header_len..],
    };
    Ok((packet, usize::from(u16_at(fixed, 2).unwrap_or(0))))
}

/// The header of a datagram with `payload_len` bytes; see [`super::ip::emit`].
#[inline]
pub(super) fn header(
    header: &IpHeader,
    src: Ipv4Addr,
    dst: Ipv4Addr,
    protocol: u8,
    payload_len: usize,
) -> [u8; FIXED_LEN] {
    let total_len = u16::try_from(FIXED_LEN + payload_len)
        .unwrap_or_else(|_| panic!("{payload_len} bytes do not fit an IPv4 datagram"));
    let mut words = [
        0x4500_0000 | u32::from(header.traffic_class) << 16 | u32::from(total_len),
        u32::from(DONT_FRAGMENT),
        u32::from(header.ttl) << 24 | u32::from(protocol) << 16,
        src.to_bits(),
        dst.to_bits(),
    ];
    let mut sum = Checksum::new();
    for word in words {
        sum.add_word(word);
    }
    words[2] |= u32::from(sum.finish());
    let mut out = [0; FIXED_LEN];
    put_words(&mut out, &words);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    const HEADER: IpHeader = IpHeader {
        src: core::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        dst: core::net::IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
        ttl: 63,
        traffic_class: 0x2a,
        flow_label: 0,
    };

    fn datagram() -> Vec<u8> {
        super::super::ip::emit(&HEADER, 6, &[1, 2, 3, 4])
    }

    /// Applies `edit` and makes the header checksum right again.
    fn edited(edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = datagram();
        edit(&mut bytes);
        bytes[10..12].fill(0);
        let header_len = (usize::from(bytes[0] & 0x0f) * 4).min(bytes.len());
        let sum = checksum(&bytes[..header_len]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[test]
    fn what_is_sent_is_read_back() {
        let bytes = datagram();
        let packet = parse(&bytes).unwrap();
        assert_eq!(packet.header, HEADER);
        assert_eq!((packet.protocol, packet.payload), (6, &[1, 2, 3, 4][..]));
    }

    #[test]
    fn the_header_has_the_right_bytes() {
        let expected = [
            0x45, 0x2a, 0, 24, 0, 0, 0x40, 0, 63, 6, 0x4f, 0x7a, 192, 0, 2, 1, 198, 51, 100, 7,
        ];
        assert_eq!(datagram()[..20], expected);
    }

    #[rstest]
    #[case::cut(datagram()[..19].to_vec(), DropReason::IpHeaderTruncated)]
    #[case::ihl_small(edited(|b| b[0] = 0x44), DropReason::Ipv4BadHeaderLength)]
    #[case::ihl_large(edited(|b| b[0] = 0x4f), DropReason::Ipv4BadHeaderLength)]
    #[case::total_below_header(edited(|b| b[3] = 19), DropReason::Ipv4BadTotalLength)]
    #[case::total_beyond_end(edited(|b| b[3] = 25), DropReason::Ipv4BadTotalLength)]
    #[case::first_fragment(edited(|b| b[6] = 0x20), DropReason::Fragment)]
    #[case::later_fragment(edited(|b| b[7] = 1), DropReason::Fragment)]
    #[case::checksum({ let mut b = datagram(); b[8] ^= 1; b }, DropReason::Ipv4BadChecksum)]
    fn malformed_headers_are_dropped(#[case] bytes: Vec<u8>, #[case] reason: DropReason) {
        assert_eq!(parse(&bytes), Err(reason));
    }

    #[test]
    fn options_are_skipped_and_padding_is_cut_off() {
        let mut bytes = datagram();
        bytes.splice(20..20, [1, 1, 1, 0]);
        bytes.extend([0xee; 6]);
        bytes[0] = 0x46;
        bytes[3] = 28;
        bytes[10..12].fill(0);
        let sum = checksum(&bytes[..24]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(parse(&bytes).unwrap().payload, [1, 2, 3, 4]);
    }

    #[test]
    fn a_quote_may_be_short_and_have_a_stale_checksum() {
        let mut bytes = super::super::ip::emit(&HEADER, 6, &vec![9; 400]);
        bytes[8] = 1;
        assert_eq!(parse_quoted(&bytes[..28]).unwrap().payload, [9; 8]);
        assert_eq!(
            parse_quoted(&bytes[..12]),
            Err(DropReason::IpHeaderTruncated)
        );
    }

    proptest! {
        #[test]
        fn parsing_is_total(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse_quoted(&bytes);
        }
    }
}
