//! What an interface's hardware would do, or has done, undone: the packets as the wire carries them.
//!
//! A kernel leaves checksums and the cutting of long segments to the hardware; where two interfaces
//! are joined by memory (veth, virtio) nobody does either. Going the other way, a kernel joins
//! segments that came in a row. In each case the `virtio_net_hdr` in front of the frame says so.

use std::net::IpAddr;

use super::frames::ETHERNET;
use crate::target::linux::link::OFFLOAD;
use crate::wire::{IpFields, TcpFlags, checksum};

const NEEDS_CHECKSUM: u8 = 1;
/// Beside the kind of segmentation: congestion was experienced (CWR on the first segment only).
const ECN: u8 = 0x80;
const TCPV4: u8 = 1;
const TCPV6: u8 = 4;
const TCP: u8 = 6;

/// What `virtio_net_hdr` says, in the machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offload {
    flags: u8,
    kind: u8,
    /// Payload bytes of each segment.
    size: u16,
    /// Where the sum begins, from the start of the frame.
    start: u16,
    /// Where it stands, from there.
    offset: u16,
}

impl Offload {
    fn read(bytes: &[u8]) -> Option<Offload> {
        let word = |at: usize| Some(u16::from_ne_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        Some(Offload {
            flags: *bytes.first()?,
            kind: *bytes.get(1)? & !ECN,
            size: word(4)?,
            start: word(6)?,
            offset: word(8)?,
        })
    }
}

/// The frames that a wire would have carried for one that came with its `virtio_net_hdr`.
pub(super) fn frames(with_header: &[u8]) -> Vec<Vec<u8>> {
    let Some((header, frame)) = with_header.split_at_checked(OFFLOAD) else {
        return Vec::new();
    };
    let Some(offload) = Offload::read(header) else {
        return Vec::new();
    };
    let mut frame = frame.to_vec();
    if matches!(offload.kind, TCPV4 | TCPV6) && offload.size > 0 {
        return segments(&frame, usize::from(offload.size)).unwrap_or_else(|| vec![frame]);
    }
    if offload.flags & NEEDS_CHECKSUM != 0 {
        complete(&mut frame, offload);
    }
    vec![frame]
}

/// Adds up what the hardware was to add up. The pseudo-header's sum stands in the field already.
fn complete(frame: &mut [u8], offload: Offload) {
    let start = usize::from(offload.start);
    let at = start + usize::from(offload.offset);
    let Some(covered) = frame.get(start..) else {
        return;
    };
    let mut sum: u32 = covered
        .chunks(2)
        .map(|pair| {
            u32::from(u16::from_be_bytes([
                pair[0],
                pair.get(1).copied().unwrap_or(0),
            ]))
        })
        .fold(0, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = match !(sum as u16) {
        // Zero means "no checksum" in UDP; in TCP both are the same.
        0 => 0xffff,
        sum => sum,
    };
    if let Some(field) = frame.get_mut(at..at + 2) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// Cuts a long segment as hardware does: everything is repeated but what counts or closes.
fn segments(frame: &[u8], size: usize) -> Option<Vec<Vec<u8>>> {
    let version = *frame.get(ETHERNET)? >> 4;
    let ip_len = match version {
        4 => usize::from(frame[ETHERNET] & 15) * 4,
        6 => 40,
        _ => return None,
    };
    let tcp = ETHERNET + ip_len;
    let payload = tcp + usize::from(*frame.get(tcp + 12)? >> 4) * 4;
    if ip_len < 20 || payload < tcp + 20 {
        return None;
    }
    let (headers, data) = frame.split_at_checked(payload)?;
    let fields = addresses(headers)?;
    let sequence = u32::from_be_bytes(headers.get(tcp + 4..tcp + 8)?.try_into().ok()?);
    let id = u16::from_be_bytes([headers[ETHERNET + 4], headers[ETHERNET + 5]]);
    let pieces: Vec<&[u8]> = data.chunks(size).collect();
    let last = pieces.len().checked_sub(1)?;
    let cut = pieces.iter().enumerate().map(|(index, piece)| {
        let mut bytes = [headers, piece].concat();
        let ip_total = bytes.len() - ETHERNET;
        if version == 4 {
            set(&mut bytes, ETHERNET + 2, ip_total as u16);
            set(&mut bytes, ETHERNET + 4, id.wrapping_add(index as u16));
            set(&mut bytes, ETHERNET + 10, 0);
            let sum = pnet_packet::util::checksum(&bytes[ETHERNET..tcp], 5);
            set(&mut bytes, ETHERNET + 10, sum);
        } else {
            set(&mut bytes, ETHERNET + 4, (ip_total - 40) as u16);
        }
        let number = sequence.wrapping_add((index * size) as u32);
        bytes[tcp + 4..tcp + 8].copy_from_slice(&number.to_be_bytes());
        let mut kept = u8::MAX;
        if index != last {
            kept &= !(TcpFlags::FIN.with(TcpFlags::PSH).0 as u8);
        }
        if index != 0 {
            kept &= !(TcpFlags::CWR.0 as u8);
        }
        bytes[tcp + 13] &= kept;
        let sum = checksum(&bytes[tcp..], 8, &fields, TCP);
        set(&mut bytes, tcp + 16, sum);
        bytes
    });
    Some(cut.collect())
}

fn set(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}

fn addresses(headers: &[u8]) -> Option<IpFields> {
    let four = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 4] = headers.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    let six = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = headers.get(at..at + 16)?.try_into().ok()?;
        Some(octets.into())
    };
    let (source, destination) = if headers[ETHERNET] >> 4 == 4 {
        (four(ETHERNET + 12)?, four(ETHERNET + 16)?)
    } else {
        (six(ETHERNET + 8)?, six(ETHERNET + 24)?)
    };
    Some(IpFields {
        source,
        destination,
        ttl: 0,
        traffic_class: 0,
        flow_label: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Packet, TcpSegment, Transport, parse};
    use proptest::prelude::*;
    use rstest::rstest;

    fn packet(six: bool, len: usize) -> Packet {
        let ip = |last: u8| -> IpAddr {
            if six {
                IpAddr::from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
            } else {
                IpAddr::from([192, 0, 2, last])
            }
        };
        Packet {
            ip: IpFields {
                source: ip(1),
                destination: ip(2),
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(TcpSegment {
                source_port: 1,
                destination_port: 2,
                sequence: u32::MAX - 500,
                acknowledgment: 7,
                flags: TcpFlags(0x99),
                reserved: 0,
                window: 9,
                urgent: 0,
                options: Vec::new(),
                payload: (0..len).map(|byte| byte as u8).collect(),
            }),
        }
    }

    fn header(flags: u8, kind: u8, size: u16, start: u16) -> Vec<u8> {
        let mut bytes = vec![flags, kind, 0, 0];
        for word in [size, start, 16] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    fn framed(packet: &Packet) -> Vec<u8> {
        [vec![0; ETHERNET], packet.build().unwrap()].concat()
    }

    #[rstest]
    #[case(false, TCPV4)]
    #[case(true, TCPV6)]
    fn a_long_segment_is_cut_as_hardware_cuts_it(#[case] six: bool, #[case] kind: u8) {
        let whole = packet(six, 2500);
        let frame = framed(&whole);
        let cut = frames(&[header(NEEDS_CHECKSUM, kind, 1000, 0), frame].concat());
        let mut got = Vec::new();
        for frame in &cut {
            let parsed = parse(&frame[ETHERNET..]).unwrap();
            assert_eq!(parsed.faults, []);
            let Transport::Tcp(segment) = parsed.packet.transport else {
                panic!("a TCP segment stays one");
            };
            got.push((segment.sequence, segment.flags.0, segment.payload.len()));
        }
        let first = u32::MAX - 500;
        assert_eq!(
            got,
            [
                (first, 0x90, 1000),
                (first.wrapping_add(1000), 0x10, 1000),
                (first.wrapping_add(2000), 0x19, 500)
            ]
        );
    }

    #[rstest]
    #[case(false, 34)]
    #[case(true, 54)]
    fn a_checksum_left_to_the_hardware_is_completed(#[case] six: bool, #[case] start: u16) {
        let whole = packet(six, 101);
        let right = framed(&whole);
        let mut left = right.clone();
        let tcp = usize::from(start);
        // The sum of the pseudo-header alone, as the kernel leaves it.
        left[tcp + 16..tcp + 18].fill(0);
        let nothing = !checksum(&[], 99, &whole.ip, TCP);
        let len = (left.len() - tcp) as u16;
        let pseudo = u32::from(nothing) + u32::from(len);
        set(
            &mut left,
            tcp + 16,
            ((pseudo & 0xffff) + (pseudo >> 16)) as u16,
        );
        let got = frames(&[header(NEEDS_CHECKSUM, 0, 0, start), left.clone()].concat());
        assert_eq!(got, [right]);
        // Without the word of the kernel a wrong sum stays wrong.
        let got = frames(&[header(0, 0, 0, 0), left.clone()].concat());
        assert_eq!(got, [left]);
    }

    proptest! {
        #[test]
        fn no_frame_is_a_panic(
            header in prop::collection::vec(any::<u8>(), 0..12),
            kind in prop::sample::select(vec![0, TCPV4, TCPV6]),
            version in prop::sample::select(vec![0x45_u8, 0x4f, 0x60, 0]),
            mut body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Some(byte) = body.get_mut(OFFLOAD + ETHERNET - header.len().min(10)) {
                *byte = version;
            }
            let mut all = [header, body].concat();
            if let Some(byte) = all.get_mut(1) {
                *byte = kind;
            }
            let _ = frames(&all);
        }
    }
}
