//! Defects of parsers: what they make of a datagram.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::segment::{self, DropReason, Incoming, SegmentRef};
use crate::wire::checksum::{Checksum, checksum};
use crate::wire::ip::PROTOCOL_TCP;
use crate::wire::options::TcpOptions;

type Read<'a> = Result<Incoming<&'a [u8]>, DropReason>;

/// Turns after which a loop that gets nowhere is taken for endless.
const ENDLESS: usize = 1_000;

/// What a stack with one of these defects reads where ours reads `read`.
pub(crate) fn read<'a>(config: &Config, datagram: &'a [u8], read: Read<'a>) -> Read<'a> {
    let read = mutant!(
        config,
        A01,
        read.clone(),
        with_options(&read, datagram, endless)
    );
    let read = mutant!(
        config,
        A02,
        read.clone(),
        with_options(&read, datagram, overrun)
    );
    let read = mutant!(
        config,
        A03,
        read.clone(),
        with_options(&read, datagram, misstep)
    );
    let read = mutant!(config, A05, read.clone(), trusting_offset(&read, datagram));
    let read = mutant!(config, A06, read.clone(), wrapping_length(&read, datagram));
    let read = mutant!(
        config,
        A15,
        read.clone(),
        match read {
            Err(DropReason::TcpBadChecksum) => reread(datagram, |_| {}),
            ref other => other.clone(),
        }
    );
    let read = mutant!(config, B01, read.clone(), to_itself(&read, datagram));
    mutant!(config, B02, read.clone(), from_nowhere(&read, datagram))
}

/// Bytes of the IP header.
fn ip_header_len(datagram: &[u8]) -> usize {
    match datagram[0] >> 4 {
        4 => usize::from(datagram[0] & 0x0f) * 4,
        _ => 40,
    }
}

/// Reads an edited copy whose checksums are put right; the text is that of the original.
fn reread(datagram: &[u8], edit: impl FnOnce(&mut Vec<u8>)) -> Read<'_> {
    let mut copy = datagram.to_vec();
    edit(&mut copy);
    let at = ip_header_len(&copy);
    if copy[0] >> 4 == 4 {
        copy[10..12].fill(0);
        let sum = checksum(&copy[..at]);
        copy[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let address = |place: core::ops::Range<usize>| {
        let bytes = &copy[place];
        <[u8; 4]>::try_from(bytes).map_or_else(
            |_| {
                IpAddr::V6(Ipv6Addr::from(
                    <[u8; 16]>::try_from(bytes).unwrap_or_default(),
                ))
            },
            |bytes| IpAddr::V4(Ipv4Addr::from(bytes)),
        )
    };
    let (src, dst) = match copy[0] >> 4 {
        4 => (address(12..16), address(16..20)),
        _ => (address(8..24), address(24..40)),
    };
    let mut sum = Checksum::new();
    copy[at + 16..at + 18].fill(0);
    sum.add_pseudo_header(src, dst, PROTOCOL_TCP, (copy.len() - at) as u32);
    sum.add(&copy[at..]);
    copy[at + 16..at + 18].copy_from_slice(&sum.finish().to_be_bytes());
    Ok(match segment::parse_ref(&copy)? {
        Incoming::Segment(segment) => {
            let text = &datagram[datagram.len() - segment.payload.len()..];
            Incoming::Segment(segment.with_text(text))
        }
        Incoming::Icmp(error) => Incoming::Icmp(error),
    })
}

/// The segment with the options that `make` makes of the place where they begin, of their length, and
/// of all there is behind them.
fn with_options<'a>(
    read: &Read<'a>,
    datagram: &[u8],
    make: fn(&[u8], usize) -> TcpOptions,
) -> Read<'a> {
    let Ok(Incoming::Segment(segment)) = read else {
        return read.clone();
    };
    let from = ip_header_len(datagram) + 20;
    let len = usize::from(datagram[from - 8] >> 4) * 4 - 20;
    let options = make(&datagram[from..], len);
    Ok(Incoming::Segment(SegmentRef {
        options,
        ..*segment
    }))
}

/// A length of 0 leaves the cursor where it is.
fn endless(bytes: &[u8], len: usize) -> TcpOptions {
    let (mut at, mut turns) = (0, 0);
    while at < len && bytes[at] != 0 {
        at += match bytes[at] {
            1 => 1,
            _ => bytes.get(at + 1).map_or(1, |len| usize::from(*len)),
        };
        turns += 1;
        assert!(turns < ENDLESS, "the loop over the options comes to no end");
    }
    TcpOptions::parse(&bytes[..len])
}

/// An option is read to its end, wherever the header ends.
fn overrun(bytes: &[u8], len: usize) -> TcpOptions {
    let mut at = 0;
    while at < len && bytes[at] != 0 {
        at += match bytes[at] {
            1 => 1,
            _ => usize::from(bytes[at + 1]).max(2),
        };
    }
    TcpOptions::parse(&bytes[..at.max(len)])
}

/// Behind an unknown option the cursor goes two bytes too far.
fn misstep(bytes: &[u8], len: usize) -> TcpOptions {
    let (mut at, mut seen) = (0, Vec::new());
    while at < len {
        let size = match bytes[at] {
            0 | 1 => 1,
            _ => bytes.get(at + 1).map_or(1, |len| usize::from(*len)).max(2),
        };
        let end = (at + size).min(len);
        if matches!(bytes[at], 0..=5 | 8 | 19 | 28 | 34 | 172 | 174) {
            seen.extend_from_slice(&bytes[at..end]);
            at = end;
        } else {
            at = end + 2;
        }
    }
    TcpOptions::parse(&seen)
}

/// The text begins where the offset says.
///
/// # Panics
/// If that is behind the end.
fn trusting_offset<'a>(read: &Read<'a>, datagram: &'a [u8]) -> Read<'a> {
    let (Err(DropReason::TcpDataOffsetTooSmall) | Err(DropReason::TcpDataOffsetTooLarge)) = read
    else {
        return read.clone();
    };
    let at = ip_header_len(datagram);
    let offset = usize::from(datagram[at + 12] >> 4) * 4;
    let text = &datagram[at + offset..];
    let read = reread(datagram, |copy| copy[at + 12] = 5 << 4)?;
    Ok(match read {
        Incoming::Segment(segment) => Incoming::Segment(segment.with_text(text)),
        other @ Incoming::Icmp(_) => other,
    })
}

/// The text is as long as the datagram less its headers, in 16 bits.
///
/// # Panics
/// If that is beyond the memory of the datagram.
fn wrapping_length<'a>(read: &Read<'a>, datagram: &'a [u8]) -> Read<'a> {
    let too_short = matches!(
        read,
        Err(DropReason::TcpHeaderTruncated | DropReason::Ipv4BadTotalLength)
    );
    if !too_short || datagram[0] >> 4 != 4 || datagram.len() < 40 {
        return read.clone();
    }
    let total = u16::from_be_bytes([datagram[2], datagram[3]]);
    let text = usize::from(total.wrapping_sub(40));
    let text = &datagram[40..40 + text];
    let read = reread(datagram, |copy| {
        let len = copy.len() as u16;
        copy[2..4].copy_from_slice(&len.to_be_bytes());
    })?;
    Ok(match read {
        Incoming::Segment(segment) => Incoming::Segment(segment.with_text(text)),
        other @ Incoming::Icmp(_) => other,
    })
}

/// Nobody asks whether source and destination are one.
fn to_itself<'a>(read: &Read<'a>, datagram: &'a [u8]) -> Read<'a> {
    let Err(DropReason::SourceIsDestination) = read else {
        return read.clone();
    };
    let port = ip_header_len(datagram) + 1;
    Ok(match reread(datagram, |copy| copy[port] ^= 1)? {
        Incoming::Segment(segment) => Incoming::Segment(SegmentRef {
            src: segment.dst,
            ..segment
        }),
        other @ Incoming::Icmp(_) => other,
    })
}

/// Nobody asks where a segment comes from.
fn from_nowhere<'a>(read: &Read<'a>, datagram: &'a [u8]) -> Read<'a> {
    let Err(DropReason::SourceUnspecified) = read else {
        return read.clone();
    };
    let last = if datagram[0] >> 4 == 4 { 15 } else { 23 };
    Ok(match reread(datagram, |copy| copy[last] = 9)? {
        Incoming::Segment(mut segment) => {
            segment.src.set_ip(match segment.src.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            });
            Incoming::Segment(segment)
        }
        other @ Incoming::Icmp(_) => other,
    })
}
