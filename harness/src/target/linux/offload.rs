//! The header that tells the kernel how an injected packet came to be: virtio's `virtio_net_hdr`.
//!
//! With a segment size in it a TCP packet looks to the stack as if its receive offload had joined
//! segments of that size.

/// Length of the header without the count of merged buffers.
pub(super) const LEN: usize = 10;

const TCP: u8 = 6;
const NEEDS_CHECKSUM: u8 = 1;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Where the checksum stands in a TCP header.
const CHECKSUM_OFFSET: u16 = 16;

/// The header of a packet that is one segment.
pub(super) const PLAIN: [u8; LEN] = [0; LEN];

/// The header of a TCP datagram of segments of `size` bytes; of one that is not TCP, a plain one.
///
/// A device that would otherwise cut it apart is told by `link_header`, the length of what comes
/// before the datagram, to leave the checksum to whoever gets it.
pub(super) fn segments(datagram: &[u8], size: u16, link_header: Option<u16>) -> [u8; LEN] {
    let (kind, ip_header) = match (datagram.first().map(|byte| byte >> 4), datagram.get(9)) {
        (Some(4), Some(&TCP)) => (GSO_TCPV4, u16::from(datagram[0] & 15) * 4),
        (Some(6), _) if datagram.get(6) == Some(&TCP) => (GSO_TCPV6, 40),
        _ => return PLAIN,
    };
    let mut header = PLAIN;
    header[1] = kind;
    header[4..6].copy_from_slice(&size.to_ne_bytes());
    if let Some(link_header) = link_header {
        header[0] = NEEDS_CHECKSUM;
        header[6..8].copy_from_slice(&(link_header + ip_header).to_ne_bytes());
        header[8..10].copy_from_slice(&CHECKSUM_OFFSET.to_ne_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn datagram(version: u8, protocol: u8) -> Vec<u8> {
        let mut bytes = vec![0; 60];
        bytes[0] = version << 4 | 5;
        bytes[if version == 4 { 9 } else { 6 }] = protocol;
        bytes
    }

    #[rstest]
    #[case::ipv4(4, 6, Some(1))]
    #[case::ipv6(6, 6, Some(4))]
    #[case::udp(4, 17, None)]
    #[case::other(5, 6, None)]
    fn only_tcp_is_made_of_segments(
        #[case] version: u8,
        #[case] protocol: u8,
        #[case] kind: Option<u8>,
    ) {
        let header = segments(&datagram(version, protocol), 1000, None);
        assert_eq!(header == PLAIN, kind.is_none());
        assert_eq!(header[1], kind.unwrap_or(0));
        let size = u16::from_ne_bytes([header[4], header[5]]);
        assert_eq!(size, kind.map_or(0, |_| 1000));
    }

    #[test]
    fn behind_a_link_header_the_checksum_is_where_it_stands() {
        let header = segments(&datagram(4, 6), 1000, Some(14));
        assert_eq!(header[0], 1);
        assert_eq!(u16::from_ne_bytes([header[6], header[7]]), 34);
        assert_eq!(u16::from_ne_bytes([header[8], header[9]]), 16);
        assert_eq!(segments(&[], 1, Some(14)), PLAIN);
    }
}
