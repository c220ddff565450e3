//! Any bytes are a datagram or not, and a datagram that is one survives being written again.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tcpdrill_stack::segment::{self, Incoming, Segment};
use tcpdrill_stack::wire::checksum::{Checksum, checksum};
use tcpdrill_stack::wire::ip::{self, IpHeader, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use tcpdrill_stack::wire::options::TcpOptions;

/// Reads `data` as a datagram, and as TCP and ICMP inside a sound datagram of each IP version;
/// each of them also with its checksums made right, as few inputs would get past them otherwise.
///
/// # Panics
/// When reading panics, or a segment changes on its way through `emit` and `parse`.
pub fn header_parse(data: &[u8]) {
    check(data);
    check(&with_right_checksums(data.to_vec()));
    if data.len() > 65_000 {
        return;
    }
    for (hosts, icmp) in [(V4_HOSTS, PROTOCOL_ICMP), (V6_HOSTS, PROTOCOL_ICMPV6)] {
        let [src, dst] = hosts;
        let header = IpHeader {
            src,
            dst,
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
        };
        for protocol in [PROTOCOL_TCP, icmp] {
            check(&with_right_checksums(ip::emit(&header, protocol, data)));
        }
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

fn check(datagram: &[u8]) {
    let Ok(Incoming::Segment(segment)) = segment::parse(datagram) else {
        return;
    };
    assert!(
        segment.payload.len() + 40 <= datagram.len(),
        "{} bytes of text in a datagram of {}",
        segment.payload.len(),
        datagram.len()
    );
    // Padding may lengthen the options: the largest datagrams could outgrow IP.
    if segment.payload.len() > 65_000 {
        return;
    }
    let emitted = segment.emit();
    let expected = sendable(segment);
    let read = match segment::parse(&emitted) {
        Ok(Incoming::Segment(read)) => Ok(Incoming::Segment(digest_alone(read))),
        other => other,
    };
    assert_eq!(
        read,
        Ok(Incoming::Segment(expected)),
        "a segment changed on its way through emit and parse"
    );
}

/// A signature without what is told of the header that it came with.
fn digest_alone(mut segment: Segment) -> Segment {
    if let Some(signature) = &mut segment.options.signature {
        (signature.control, signature.ack) = (0, 0);
    }
    segment
}

/// What is left of a received segment when it is sent: no note on its options, and no more of them
/// than fit when properly padded.
fn sendable(segment: Segment) -> Segment {
    let segment = digest_alone(segment);
    let options = segment.options;
    let fitting = options.sack_capacity().min(options.sack.len());
    Segment {
        options: TcpOptions {
            note: None,
            sack: options.sack.as_slice()[..fitting].iter().copied().collect(),
            fast_open: options.fitting_fast_open(),
            user_timeout: options.fitting_user_timeout(),
            ..options
        },
        ..segment
    }
}

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
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0xf022);
        for _ in 0..5_000 {
            header_parse(&seeds::damaged_datagram(&mut rng));
        }
    }

    #[test]
    fn most_seeds_get_past_the_checksums() {
        let mut rng = Rng::new(0xf023);
        let parsed = (0..1_000)
            .filter(|_| {
                let datagram = with_right_checksums(seeds::damaged_datagram(&mut rng));
                segment::parse(&datagram).is_ok()
            })
            .count();
        assert!(parsed > 500, "{parsed} of 1000");
    }
}
