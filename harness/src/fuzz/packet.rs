//! A TCP/IP packet, read where it lies.
//!
//! Millions a second are looked at, so this reader gives the fixed fields and a few options and keeps
//! the rest as bytes. It is apart from the stack's parser and from the one that scripts are judged with
//! (`wire`), and says of everything that it cannot read why.

use std::net::IpAddr;

/// Bits of byte 13 of the TCP header.
pub const FIN: u8 = 0x01;
/// See [`FIN`].
pub const SYN: u8 = 0x02;
/// See [`FIN`].
pub const RST: u8 = 0x04;
/// See [`FIN`].
pub const PSH: u8 = 0x08;
/// See [`FIN`].
pub const ACK: u8 = 0x10;
/// See [`FIN`].
pub const URG: u8 = 0x20;
/// See [`FIN`].
pub const ECE: u8 = 0x40;
/// See [`FIN`].
pub const CWR: u8 = 0x80;

/// A packet that is a whole TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// From.
    pub source: (IpAddr, u16),
    /// To.
    pub destination: (IpAddr, u16),
    /// SEG.SEQ.
    pub seq: u32,
    /// SEG.ACK, whether the flag is set or not.
    pub ack: u32,
    /// Byte 13.
    pub flags: u8,
    /// SEG.WND, as it stands there.
    pub window: u16,
    /// SEG.UP, whether the flag is set or not.
    pub urgent: u16,
    /// What is understood of the options.
    pub options: Options,
    /// All of the options.
    pub option_bytes: &'a [u8],
    /// SEG.LEN bytes, without SYN and FIN.
    pub text: &'a [u8],
}

/// The options that oracles look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Kind 2, in bytes.
    pub mss: Option<u16>,
    /// Kind 3.
    pub scale: Option<u8>,
    /// Kind 4.
    pub sack_permitted: bool,
    /// Kind 8: TSval and TSecr.
    pub stamp: Option<(u32, u32)>,
    /// Kind 5: up to four blocks, and how many.
    pub sacks: [(u32, u32); 4],
    /// See `sacks`.
    pub sack_count: u8,
}

/// Why bytes are no TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Too short for what it says, or longer.
    #[error("its lengths do not fit each other")]
    Length,
    /// Neither IPv4 nor IPv6, or not TCP.
    #[error("it is no TCP over IPv4 or IPv6")]
    Protocol,
    /// A checksum is wrong.
    #[error("the checksum of its {0} header is wrong")]
    Checksum(&'static str),
    /// The options cannot be read to their end.
    #[error("its option of kind {0} has a wrong length")]
    Option(u8),
    /// Reserved bits are set.
    #[error("its reserved bits are set")]
    Reserved,
}

impl Packet<'_> {
    /// SEG.LEN: with SYN and FIN.
    pub fn len(&self) -> u32 {
        let controls = (self.flags & (SYN | FIN)).count_ones();
        // A datagram has at most 65,535 bytes.
        self.text.len() as u32 + controls
    }

    /// Whether it occupies no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number behind its last one.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len())
    }

    /// The number of its first byte of text.
    pub fn text_seq(&self) -> u32 {
        self.seq.wrapping_add(u32::from(self.flags & SYN != 0))
    }

    /// Whether any of these flags is set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }
}

/// Reads a datagram that the subject sent.
///
/// # Errors
/// Why it is no well-formed TCP segment.
#[inline]
pub fn read(datagram: &[u8]) -> Result<Packet<'_>, Unread> {
    let (source, destination, pseudo, segment) = match datagram.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(datagram)?,
        Some(6) => ipv6(datagram)?,
        _ => return Err(Unread::Protocol),
    };
    let (header, _) = segment.split_first_chunk::<20>().ok_or(Unread::Length)?;
    if checksum::fold(pseudo + checksum::sum(segment)) != 0 {
        return Err(Unread::Checksum("TCP"));
    }
    let offset = usize::from(header[12] >> 4) * 4;
    if header[12] & 0x0e != 0 {
        return Err(Unread::Reserved);
    }
    let options = segment.get(20..offset).ok_or(Unread::Length)?;
    let text = segment.get(offset..).ok_or(Unread::Length)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let double = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
    let mut packet = Packet {
        source: (source, word(0)),
        destination: (destination, word(2)),
        seq: double(4),
        ack: double(8),
        flags: header[13],
        window: word(14),
        urgent: word(18),
        options: Options::default(),
        option_bytes: options,
        text,
    };
    read_options(options, &mut packet.options)?;
    Ok(packet)
}

/// Addresses, the sum of the pseudo-header, and the segment.
type Network<'a> = (IpAddr, IpAddr, u64, &'a [u8]);

fn ipv4(datagram: &[u8]) -> Result<Network<'_>, Unread> {
    let (header, _) = datagram.split_first_chunk::<20>().ok_or(Unread::Length)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if total != datagram.len() {
        return Err(Unread::Length);
    }
    let whole = datagram.get(..header_len).ok_or(Unread::Length)?;
    if checksum::fold(checksum::sum(whole)) != 0 {
        return Err(Unread::Checksum("IP"));
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
    if header[9] != 6 || fragment != 0 {
        return Err(Unread::Protocol);
    }
    let segment = datagram.get(header_len..).ok_or(Unread::Length)?;
    let address = |at: usize| -> IpAddr {
        [header[at], header[at + 1], header[at + 2], header[at + 3]].into()
    };
    let pseudo = checksum::sum(&header[12..20]) + checksum::of_tcp(segment.len());
    Ok((address(12), address(16), pseudo, segment))
}

fn ipv6(datagram: &[u8]) -> Result<Network<'_>, Unread> {
    let (header, segment) = datagram.split_first_chunk::<40>().ok_or(Unread::Length)?;
    if usize::from(u16::from_be_bytes([header[4], header[5]])) != segment.len() {
        return Err(Unread::Length);
    }
    if header[6] != 6 {
        return Err(Unread::Protocol);
    }
    let address = |from: &[u8]| -> IpAddr { <[u8; 16]>::try_from(from).unwrap_or_default().into() };
    let pseudo = checksum::sum(&header[8..40]) + checksum::of_tcp(segment.len());
    Ok((
        address(&header[8..24]),
        address(&header[24..40]),
        pseudo,
        segment,
    ))
}

/// RFC 9293 §3.2, RFC 7323 §2.2 and §3.2, RFC 2018 §2 and §3.
#[inline]
fn read_options(mut bytes: &[u8], options: &mut Options) -> Result<(), Unread> {
    while let [kind, rest @ ..] = bytes {
        if *kind == 0 {
            break;
        }
        if *kind == 1 {
            bytes = rest;
            continue;
        }
        let wrong = Unread::Option(*kind);
        let len = usize::from(*rest.first().ok_or(wrong)?);
        let value = bytes.get(2..len).ok_or(wrong)?;
        match (kind, value) {
            (2, [high, low]) => options.mss = Some(u16::from_be_bytes([*high, *low])),
            (3, [shift]) => options.scale = Some(*shift),
            (4, []) => options.sack_permitted = true,
            (5, blocks) if !blocks.is_empty() && blocks.len().is_multiple_of(8) => {
                for (block, place) in blocks.chunks_exact(8).zip(&mut options.sacks) {
                    *place = two(block);
                    options.sack_count += 1;
                }
            }
            (8, both @ [_, _, _, _, _, _, _, _]) => options.stamp = Some(two(both)),
            (2..=5 | 8, _) => return Err(wrong),
            _ => {}
        }
        bytes = &bytes[len..];
    }
    Ok(())
}

/// Two numbers of four bytes.
fn two(bytes: &[u8]) -> (u32, u32) {
    let number = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        u32::from_be_bytes(four.unwrap_or_default())
    };
    (number(0), number(4))
}

/// The internet checksum (RFC 1071), in the order of bytes that the machine has: the sum is the same (§2 (B)).
pub(super) mod checksum {
    /// The sum of the words, not folded yet: no packet makes it overflow.
    pub(in crate::fuzz) fn sum(bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let mut whole = u64::from_ne_bytes(last);
        for word in words {
            let (sum, carried) = whole.overflowing_add(u64::from_ne_bytes(*word));
            whole = sum + u64::from(carried);
        }
        (whole >> 32) + (whole & 0xffff_ffff)
    }

    /// What the pseudo-header has beside the addresses: TCP's number, and the length of the segment.
    pub(in crate::fuzz) fn of_tcp(len: usize) -> u64 {
        u64::from(6_u16.to_be()) + u64::from((len as u16).to_be())
    }

    /// What stands in the header: the complement of the sum in sixteen bits.
    pub(in crate::fuzz) fn fold(mut sum: u64) -> u16 {
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::from_be(!(sum as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::checksum;
    use proptest::prelude::*;

    /// RFC 1071 §4.1, word by word.
    fn by_words(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_words(
            header in prop::collection::vec(any::<u8>(), 8..=8),
            text in prop::collection::vec(prop_oneof![Just(0xff), any::<u8>()], 0..3_000),
        ) {
            let number = [0, 6].into_iter().chain((text.len() as u16).to_be_bytes());
            let whole: Vec<u8> = header.iter().copied().chain(number).chain(text.iter().copied()).collect();
            let sum = checksum::sum(&header) + checksum::of_tcp(text.len()) + checksum::sum(&text);
            prop_assert_eq!(checksum::fold(sum), by_words(&whole));
        }
    }
}
