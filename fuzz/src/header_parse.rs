//! Any bytes are a datagram or not.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tcpdrill_stack::segment::{self, Incoming};
use tcpdrill_stack::wire::checksum::{Checksum, checksum};
use tcpdrill_stack::wire::ip::{self, IpHeader, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use tcpdrill_stack::wire::options::MAX_OPTIONS_LEN;

/// Bytes of the shortest IP header and the shortest TCP header.
const SHORTEST: usize = 20 + 20;

/// Reads `data` as it is, and as `sound_datagram` makes of it.
///
/// # Panics
/// When reading panics, or finds more text or options than there can be.
pub fn header_parse(data: &[u8]) {
    check(data);
    check(&sound_datagram(data));
}

fn check(datagram: &[u8]) {
    let Ok(Incoming::Segment(segment)) = segment::parse_ref(datagram) else {
        return;
    };
    assert!(
        segment.payload.len() + SHORTEST <= datagram.len(),
        "{} bytes of text in a datagram of {}",
        segment.payload.len(),
        datagram.len()
    );
    let sack = 8 * segment.options.sack.len();
    assert!(
        sack < MAX_OPTIONS_LEN,
        "{sack} bytes of SACK blocks in a header"
    );
}

/// A datagram whose checksums are right, as few inputs would get past them otherwise: `data` itself if
/// its first byte says IPv4 or IPv6; else TCP or ICMP in a sound datagram of either, by the two lowest
/// bits of that byte, of what is behind it.
pub(crate) fn sound_datagram(data: &[u8]) -> Vec<u8> {
    match data {
        [first, body @ ..] if !matches!(first >> 4, 4 | 6) && body.len() <= 65_000 => {
            let (hosts, icmp) = match first & 1 {
                0 => (V4_HOSTS, PROTOCOL_ICMP),
                _ => (V6_HOSTS, PROTOCOL_ICMPV6),
            };
            let protocol = if first & 2 == 0 { PROTOCOL_TCP } else { icmp };
            let [src, dst] = hosts;
            let header = IpHeader {
                src,
                dst,
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            };
            with_right_checksums(ip::emit(&header, protocol, body))
        }
        _ => with_right_checksums(data.to_vec()),
    }
}

const V4_HOSTS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
];
const V6_HOSTS: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
];

/// Recomputes the IPv4 header checksum and that of TCP or ICMP, as far as the bytes have them.
pub(crate) fn with_right_checksums(mut datagram: Vec<u8>) -> Vec<u8> {
    if datagram.len() >= 20 && datagram[0] >> 4 == 4 {
        let header_len = (usize::from(datagram[0] & 0x0f) * 4).clamp(20, datagram.len());
        datagram[10..12].fill(0);
        let field = checksum(&datagram[..header_len]).to_be_bytes();
        datagram[10..12].copy_from_slice(&field);
    }
    let Ok(packet) = ip::parse(&datagram) else {
        return datagram;
    };
    let (at, pseudo_header) = match packet.protocol {
        PROTOCOL_TCP => (16, true),
        PROTOCOL_ICMP => (2, false),
        PROTOCOL_ICMPV6 => (2, true),
        _ => return datagram,
    };
    let len = packet.payload.len();
    if len < at + 2 {
        return datagram;
    }
    let mut sum = Checksum::new();
    if pseudo_header {
        let (src, dst) = (packet.header.src, packet.header.dst);
        sum.add_pseudo_header(src, dst, packet.protocol, len as u32);
    }
    let start = packet.payload.as_ptr() as usize - datagram.as_ptr() as usize;
    datagram[start + at..start + at + 2].fill(0);
    sum.add(&datagram[start..start + len]);
    let field = sum.finish().to_be_bytes();
    datagram[start + at..start + at + 2].copy_from_slice(&field);
    datagram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use rstest::rstest;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0xf022);
        for _ in 0..5_000 {
            header_parse(&seeds::datagram_input(&mut rng));
        }
    }

    /// Of datagrams and of what is put into one.
    #[rstest]
    #[case(0xf023, seeds::damaged_datagram)]
    #[case(0xf024, seeds::damaged_body)]
    fn most_seeds_get_past_the_checksums(
        #[case] seed: u64,
        #[case] input: fn(&mut Rng) -> Vec<u8>,
    ) {
        let mut rng = Rng::new(seed);
        let parsed = (0..1_000)
            .filter(|_| segment::parse_ref(&sound_datagram(&input(&mut rng))).is_ok())
            .count();
        assert!(parsed > 500, "{parsed} of 1000");
    }
}
