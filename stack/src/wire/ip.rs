//! One header for both IP versions, and the checks of RFC 1122 that need no connection.

use super::DropReason;
use super::{ipv4, ipv6};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// The protocol number of ICMP for IPv4.
pub const PROTOCOL_ICMP: u8 = 1;
/// The protocol number of TCP.
pub const PROTOCOL_TCP: u8 = 6;
/// The next-header value of ICMP for IPv6.
pub const PROTOCOL_ICMPV6: u8 = 58;

/// Which of the two Internet protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4, RFC 791.
    V4,
    /// IPv6, RFC 8200.
    V6,
}

impl IpVersion {
    /// The version that `address` belongs to; an IPv4-mapped IPv6 address is IPv6.
    pub const fn of(address: IpAddr) -> IpVersion {
        match address {
            IpAddr::V4(_) => IpVersion::V4,
            IpAddr::V6(_) => IpVersion::V6,
        }
    }

    /// Bytes of the fixed header.
    pub const fn header_len(self) -> u16 {
        match self {
            IpVersion::V4 => 20,
            IpVersion::V6 => 40,
        }
    }
}

/// The fields of an IP header that TCP cares about. IPv4 options and IPv6 extension headers are
/// skipped on receipt and never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// The sender.
    pub src: IpAddr,
    /// The addressee, of the same version as `src`.
    pub dst: IpAddr,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    /// IPv6 flow label, 20 bits; 0 in IPv4.
    pub flow_label: u32,
}

/// A datagram taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPacket<'a> {
    /// Addresses and the like.
    pub header: IpHeader,
    /// What `payload` is, as a protocol number.
    pub protocol: u8,
    /// What the datagram carries; link-layer padding is cut off.
    pub payload: &'a [u8],
}

/// Takes `datagram` apart.
///
/// # Errors
/// The reason when it is malformed, a fragment, or between addresses that no TCP may serve.
#[inline(always)]
pub fn parse(datagram: &[u8]) -> Result<IpPacket<'_>, DropReason> {
    let packet = match datagram.first().map(|byte| byte >> 4) {
        Some(4) => ipv4::parse(datagram)?,
        Some(6) => ipv6::parse(datagram)?,
        _ => return Err(DropReason::UnknownIpVersion),
    };
    check_addresses(packet.header.src, packet.header.dst)?;
    Ok(packet)
}

/// The datagram of `header` around `payload`. An IPv4 datagram is sent with Don't Fragment set
/// and identification 0, as RFC 6864 §4 allows for it.
///
/// # Panics
/// When the addresses are of different versions or the payload exceeds 65,515 bytes.
pub fn emit(header: &IpHeader, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_header(header, protocol, payload.len(), &mut out);
    out.extend_from_slice(payload);
    out
}

/// Appends the header of [`emit`] for `payload_len` bytes to follow, with room for them.
///
/// # Panics
/// As [`emit`].
#[inline(always)]
pub(crate) fn write_header(header: &IpHeader, protocol: u8, payload_len: usize, out: &mut Vec<u8>) {
    out.reserve(usize::from(IpVersion::of(header.src).header_len()) + payload_len);
    match (header.src, header.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            out.extend_from_slice(&ipv4::header(header, src, dst, protocol, payload_len));
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            out.extend_from_slice(&ipv6::header(header, src, dst, protocol, payload_len));
        }
        (src, dst) => panic!("{src} and {dst} are of different IP versions"),
    }
}

/// Rejects what must not reach a connection: RFC 9293 §3.9.2.3 and RFC 1122 §3.2.1.3.
#[inline]
fn check_addresses(src: IpAddr, dst: IpAddr) -> Result<(), DropReason> {
    // REQ: RFC9293-MUST-63
    if src.is_unspecified() {
        return Err(DropReason::SourceUnspecified);
    }
    if is_broadcast(src) {
        return Err(DropReason::SourceBroadcast);
    }
    if src.is_multicast() {
        return Err(DropReason::SourceMulticast);
    }
    if src.is_loopback() && !dst.is_loopback() {
        return Err(DropReason::SourceLoopback);
    }
    if matches!(src, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        return Err(DropReason::SourceIpv4Mapped);
    }
    // REQ: RFC9293-MUST-57
    if is_broadcast(dst) || dst.is_multicast() || dst.is_unspecified() {
        return Err(DropReason::DestinationNotUnicast);
    }
    Ok(())
}

fn is_broadcast(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn datagram(src: &str, dst: &str) -> Vec<u8> {
        let header = IpHeader {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
        };
        emit(&header, PROTOCOL_TCP, b"payload")
    }

    #[rstest]
    #[case("0.0.0.0", "192.0.2.1", DropReason::SourceUnspecified)]
    #[case("::", "2001:db8::1", DropReason::SourceUnspecified)]
    #[case("255.255.255.255", "192.0.2.1", DropReason::SourceBroadcast)]
    #[case("224.0.0.1", "192.0.2.1", DropReason::SourceMulticast)]
    #[case("ff02::1", "2001:db8::1", DropReason::SourceMulticast)]
    #[case("127.0.0.1", "192.0.2.1", DropReason::SourceLoopback)]
    #[case("::1", "2001:db8::1", DropReason::SourceLoopback)]
    #[case("::ffff:192.0.2.9", "2001:db8::1", DropReason::SourceIpv4Mapped)]
    #[case("192.0.2.1", "255.255.255.255", DropReason::DestinationNotUnicast)]
    #[case("192.0.2.1", "239.1.2.3", DropReason::DestinationNotUnicast)]
    #[case("192.0.2.1", "0.0.0.0", DropReason::DestinationNotUnicast)]
    #[case("2001:db8::1", "ff05::2", DropReason::DestinationNotUnicast)]
    #[case("2001:db8::1", "::", DropReason::DestinationNotUnicast)]
    fn bad_addresses_are_dropped(#[case] src: &str, #[case] dst: &str, #[case] reason: DropReason) {
        assert_eq!(parse(&datagram(src, dst)), Err(reason));
    }

    #[rstest]
    #[case("192.0.2.1", "192.0.2.2")]
    #[case("127.0.0.1", "127.0.0.2")]
    #[case("2001:db8::1", "2001:db8::2")]
    #[case("::1", "::1")]
    fn good_addresses_pass(#[case] src: &str, #[case] dst: &str) {
        let datagram = datagram(src, dst);
        let packet = parse(&datagram).unwrap();
        assert_eq!(packet.payload, b"payload");
        assert_eq!(packet.protocol, PROTOCOL_TCP);
    }

    #[rstest]
    #[case(&[])]
    #[case(&[0x35; 40])]
    #[case(&[0x00; 40])]
    fn other_versions_are_dropped(#[case] datagram: &[u8]) {
        assert_eq!(parse(datagram), Err(DropReason::UnknownIpVersion));
    }
}
