//! The segment that nearly all are: an acknowledgment, perhaps with text and PSH, and timestamps for its
//! only option. Its header has one form (RFC 7323 appendix A), so it is read and written without looking at
//! what it might have been. Whatever else there is goes through [`super::tcp`], with the same result.

use super::checksum::Checksum;
use super::ip::{IpHeader, PROTOCOL_TCP};
use super::ipv4::{self, FRAGMENT_OFFSET, MORE_FRAGMENTS};
use super::ipv6;
use super::options::{ALIGNED_TIMESTAMPS, Timestamps};
use super::read::{u16_at, u32_at};
use super::tcp::{ACK_BIT, FIXED_LEN, PSH_BIT};
use super::write::put_words;
use crate::seq::SeqNum;
use crate::window::UnscaledWindow;
use alloc::vec::Vec;
use core::net::SocketAddr;

/// Bytes of the TCP header: fixed part and timestamps.
pub(crate) const HEADER_LEN: usize = FIXED_LEN + 12;

/// The byte that says so, reserved bits and AE zero.
const OFFSET: u8 = (HEADER_LEN / 4) as u8 * 16;

/// What differs from one such segment of a connection to the next, but for the text. Field names are those
/// of [`Segment`](crate::segment::Segment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usual {
    pub(crate) seq: SeqNum,
    pub(crate) ack: SeqNum,
    pub(crate) psh: bool,
    pub(crate) wnd: UnscaledWindow,
    pub(crate) timestamps: Timestamps,
}

/// What is the same in all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carrier<'a> {
    pub(crate) src: &'a SocketAddr,
    pub(crate) dst: &'a SocketAddr,
    pub(crate) ttl: u8,
    pub(crate) traffic_class: u8,
}

/// Such a segment as it arrived. Nothing of it can be relied on before its text is added to `sum`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) head: Usual,
    pub(crate) text: &'a [u8],
    /// Of everything but the text.
    pub(crate) sum: Checksum,
}

/// Reads a datagram if it is such a segment from `src` to `dst`, with text. What is damaged in another way
/// than its text is none. Whether there may be a connection between the two is not asked here.
#[inline]
pub(crate) fn read<'a>(
    datagram: &'a [u8],
    src: &SocketAddr,
    dst: &SocketAddr,
) -> Option<Arrived<'a>> {
    let segment = match (src, dst) {
        (SocketAddr::V4(src), SocketAddr::V4(dst)) => {
            let (ip, rest) = datagram.split_first_chunk::<20>()?;
            let len = usize::from(u16_at(ip, 2)?).checked_sub(ip.len())?;
            let whole = u16_at(ip, 6)? & (MORE_FRAGMENTS | FRAGMENT_OFFSET) == 0;
            let ends = ip[12..16] == src.ip().octets() && ip[16..] == dst.ip().octets();
            let fits = ip[0] == 0x45 && ip[9] == PROTOCOL_TCP && whole;
            let mut sum = Checksum::new();
            sum.add_words(ip.as_chunks().0);
            let sound = fits && ends && sum.is_valid();
            rest.get(..len).filter(|_| sound)?
        }
        (SocketAddr::V6(src), SocketAddr::V6(dst)) => {
            let (ip, rest) = datagram.split_first_chunk::<40>()?;
            let len = usize::from(u16_at(ip, 4)?);
            let ends = ip[8..24] == src.ip().octets() && ip[24..] == dst.ip().octets();
            let fits = ip[0] >> 4 == 6 && ip[6] == PROTOCOL_TCP;
            rest.get(..len).filter(|_| fits && ends)?
        }
        (_, _) => return None,
    };
    let (header, text) = segment.split_first_chunk::<HEADER_LEN>()?;
    let number = |at| u32_at(header, at).unwrap_or(0);
    let ports = u32::from(src.port()) << 16 | u32::from(dst.port());
    let is_usual = header[12] == OFFSET
        && header[13] & !PSH_BIT == ACK_BIT
        && number(FIXED_LEN) == ALIGNED_TIMESTAMPS;
    if !is_usual || number(0) != ports || text.is_empty() {
        return None;
    }
    // REQ: RFC9293-MUST-3
    let mut sum = pseudo_header(src, dst, segment.len());
    sum.add_words(header.as_chunks().0);
    let head = Usual {
        seq: SeqNum::new(number(4)),
        ack: SeqNum::new(number(8)),
        psh: header[13] & PSH_BIT != 0,
        wnd: UnscaledWindow::new(u16_at(header, 14)?),
        timestamps: Timestamps {
            value: number(FIXED_LEN + 4),
            echo: number(FIXED_LEN + 8),
        },
    };
    Some(Arrived { head, text, sum })
}

/// As [`Checksum::add_pseudo_header`], for addresses where they are.
#[inline(always)]
fn pseudo_header(src: &SocketAddr, dst: &SocketAddr, len: usize) -> Checksum {
    let mut sum = Checksum::new();
    for end in [src, dst] {
        match end {
            SocketAddr::V4(end) => sum.add_word(end.ip().to_bits()),
            SocketAddr::V6(end) => sum.add_words(end.ip().octets().as_chunks().0),
        }
    }
    sum.add_word(len as u32);
    sum.add_word(PROTOCOL_TCP.into());
    sum
}

impl Usual {
    /// Makes `out` the IP datagram that carries it with `text`, which may be in two pieces. What `out` was
    /// before does not matter; if it was as long, nothing is written twice.
    ///
    /// # Panics
    /// When the addresses are of different IP versions or the text exceeds what a datagram holds.
    #[inline]
    pub(crate) fn write(&self, carrier: Carrier<'_>, text: [&[u8]; 2], out: &mut Vec<u8>) {
        let Carrier { src, dst, .. } = carrier;
        let len = HEADER_LEN + text[0].len() + text[1].len();
        let segment = carrier.put_ip_header(len, out);
        let flags = if self.psh { ACK_BIT | PSH_BIT } else { ACK_BIT };
        let control = u32::from(u16::from_be_bytes([OFFSET, flags]));
        let mut words = [
            u32::from(src.port()) << 16 | u32::from(dst.port()),
            self.seq.raw(),
            self.ack.raw(),
            control << 16 | u32::from(self.wnd.raw()),
            0,
            ALIGNED_TIMESTAMPS,
            self.timestamps.value,
            self.timestamps.echo,
        ];
        // REQ: RFC9293-MUST-2
        let mut sum = pseudo_header(src, dst, len);
        for word in words {
            sum.add_word(word);
        }
        let (header, place) = segment.split_at_mut(HEADER_LEN);
        let (first, second) = place.split_at_mut(text[0].len());
        sum.add_copy(text[0], first);
        if !second.is_empty() {
            sum.add_copy(text[1], second);
        }
        words[4] = u32::from(sum.finish()) << 16;
        put_words(header, &words);
    }
}

impl Carrier<'_> {
    /// Makes `out` an IP header and `len` bytes for the segment, of which nothing is promised; these are
    /// the answer.
    #[inline]
    fn put_ip_header(self, len: usize, out: &mut Vec<u8>) -> &mut [u8] {
        let header = IpHeader {
            src: self.src.ip(),
            dst: self.dst.ip(),
            ttl: self.ttl,
            traffic_class: self.traffic_class,
            flow_label: 0,
        };
        match (self.src, self.dst) {
            (SocketAddr::V4(src), SocketAddr::V4(dst)) => {
                let ip = ipv4::header(&header, *src.ip(), *dst.ip(), PROTOCOL_TCP, len);
                out.resize(ip.len() + len, 0);
                out[..ip.len()].copy_from_slice(&ip);
                &mut out[ip.len()..]
            }
            (SocketAddr::V6(src), SocketAddr::V6(dst)) => {
                let ip = ipv6::header(&header, *src.ip(), *dst.ip(), PROTOCOL_TCP, len);
                out.resize(ip.len() + len, 0);
                out[..ip.len()].copy_from_slice(&ip);
                &mut out[ip.len()..]
            }
            (src, dst) => panic!("{src} and {dst} are of different IP versions"),
        }
    }
}

#[cfg(test)]
mod tests;
