//! ICMP errors about segments of the subject, as bytes, and read again for scripts.

pub(super) mod script;

use std::net::IpAddr;

use super::input::Icmp;
use super::packet::checksum;
use super::segment::Ends;

/// ICMP and ICMPv6 as protocols of IP; TCP's number, and that of a quote which is of none.
const PROTOCOL: (u8, u8) = (1, 58);
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Bytes of the segment that every router quotes (RFC 792), and a whole header without options.
const LEAST_QUOTED: usize = 8;
const HEADER: usize = 20;

/// Types and codes of ICMP (RFC 792, RFC 1122 §3.2.2.1), one for each way of being told apart; the last one stands for
/// whatever other code there is.
const V4: [(u8, u8); 10] = [
    (3, 0),
    (3, 1),
    (3, 2),
    (3, 3),
    (3, 5),
    (3, 13),
    (4, 0),
    (11, 0),
    (12, 0),
    (3, 6),
];
/// The same of ICMPv6 (RFC 4443 §3).
const V6: [(u8, u8); 10] = [
    (1, 0),
    (1, 3),
    (1, 1),
    (1, 4),
    (1, 2),
    (1, 5),
    (1, 6),
    (3, 0),
    (4, 0),
    (3, 1),
];

/// What an error says (RFC 9293 §3.9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing that a TCP may act upon.
    Nothing,
    /// Something that may pass.
    Soft,
    /// The other side has no TCP, or nobody there.
    Hard,
    /// The segment is too long for the path.
    TooBig,
}

/// What is wrong with the quote, or the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing; eight bytes of the segment are quoted, or its header.
    None,
    /// A port of the subject that is none of this connection's.
    Port,
    /// Another port of the peer.
    PeersPort,
    /// It ends before the sequence number.
    Short,
    /// It quotes no TCP.
    NoTcp,
    /// The checksum of the message.
    Checksum,
}

impl Flaw {
    /// Of sixteen codes those that are not the first of a good quote.
    const BY_CODE: [(u8, Flaw); 5] = [
        (11, Flaw::Port),
        (12, Flaw::PeersPort),
        (13, Flaw::Short),
        (14, Flaw::NoTcp),
        (15, Flaw::Checksum),
    ];

    fn of(code: u8) -> Flaw {
        let found = Flaw::BY_CODE.iter().find(|(known, _)| *known == code % 16);
        found.map_or(Flaw::None, |(_, flaw)| *flaw)
    }

    /// How an event says it.
    pub(super) fn code(self) -> u8 {
        let found = Flaw::BY_CODE.iter().find(|(_, flaw)| *flaw == self);
        found.map_or(0, |(code, _)| *code)
    }
}

/// An error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// On the wire.
    pub kind: u8,
    /// On the wire.
    pub code: u8,
    /// What it says about the path, in bytes, if it is [`Class::TooBig`].
    pub mtu: u16,
    /// SEG.SEQ of the segment quoted.
    pub seq: u32,
    /// Bytes of its text.
    pub len: u16,
    /// The header of the segment is quoted, and not only its first eight bytes.
    pub is_long: bool,
    /// See [`Flaw`].
    pub flaw: Flaw,
}

impl Error {
    /// The error that an event says; the segment quoted has this number and so much text.
    pub fn of(event: &Icmp, v6: bool, seq: u32, len: u16) -> Error {
        let (kind, code) = match (event.kind % 16, v6) {
            (0..6, false) => (3, 4),
            (0..6, true) => (2, 0),
            (15, false) => (3, 6 + (event.kind >> 4) % 10),
            (which, false) => V4[usize::from(which - 6)],
            (which, true) => V6[usize::from(which - 6)],
        };
        Error {
            kind,
            code,
            mtu: event.mtu,
            seq,
            len,
            is_long: event.quote % 16 >= 8,
            flaw: Flaw::of(event.quote),
        }
    }

    /// What an event has to say for this type and code; `None` if it cannot.
    pub fn say(kind: u8, code: u8, v6: bool) -> Option<u8> {
        (0..=u8::MAX).find(|say| {
            let event = Icmp {
                kind: *say,
                ..Icmp::default()
            };
            let error = Error::of(&event, v6, 0, 0);
            (error.kind, error.code) == (kind, code)
        })
    }

    /// What it says. Codes that RFC 9293 does not name are soft (RFC 1122 §4.2.3.9 has no others as hard).
    pub fn class(&self, v6: bool) -> Class {
        match (v6, self.kind, self.code) {
            (false, 3, 4) | (true, 2, _) => Class::TooBig,
            (false, 3, 2 | 3) | (true, 1, 4) => Class::Hard,
            (false, 4, _) => Class::Nothing,
            _ => Class::Soft,
        }
    }

    /// Writes the datagram, which a router sends.
    pub fn write(&self, ends: &Ends, datagram: &mut Vec<u8>) {
        let v6 = ends.subject.0.is_ipv6();
        let message = self.message(ends);
        let router = router(v6);
        datagram.clear();
        let sum = match (router, ends.subject.0) {
            (IpAddr::V4(router), IpAddr::V4(subject)) => {
                // A message is shorter than a hundred bytes.
                let [high, low] = ((message.len() + HEADER) as u16).to_be_bytes();
                datagram.extend([0x45, 0, high, low, 0, 0, 0, 0, 64, PROTOCOL.0, 0, 0]);
                datagram.extend(router.octets());
                datagram.extend(subject.octets());
                let sum = checksum::fold(checksum::sum(datagram));
                datagram[10..12].copy_from_slice(&sum.to_be_bytes());
                0
            }
            (router, subject) => {
                let [high, low] = (message.len() as u16).to_be_bytes();
                datagram.extend([0x60, 0, 0, 0, high, low, PROTOCOL.1, 64]);
                datagram.extend(octets(router));
                datagram.extend(octets(subject));
                checksum::sum(&datagram[8..40])
                    + checksum::sum(&[0, 0, high, low, 0, 0, 0, PROTOCOL.1])
            }
        };
        let start = datagram.len();
        datagram.extend_from_slice(&message);
        let mut sum = checksum::fold(sum + checksum::sum(&datagram[start..])).to_be_bytes();
        if self.flaw == Flaw::Checksum {
            sum[1] ^= 1;
        }
        datagram[start + 2..start + 4].copy_from_slice(&sum);
    }

    /// The message without its checksum.
    fn message(&self, ends: &Ends) -> Vec<u8> {
        let v6 = ends.subject.0.is_ipv6();
        let mut message = vec![self.kind, self.code, 0, 0, 0, 0, 0, 0];
        if self.class(v6) == Class::TooBig {
            // In ICMPv6 it takes all four bytes.
            message[6..8].copy_from_slice(&self.mtu.to_be_bytes());
        }
        let quoted = match (self.flaw, self.is_long) {
            (Flaw::Short, _) => LEAST_QUOTED - 4,
            (_, true) => HEADER,
            (_, false) => LEAST_QUOTED,
        };
        let protocol = match self.flaw {
            Flaw::NoTcp => UDP,
            _ => TCP,
        };
        let total = self.len + HEADER as u16;
        match (ends.subject.0, ends.peer.0) {
            (IpAddr::V4(subject), IpAddr::V4(peer)) => {
                let start = message.len();
                let [high, low] = (total + HEADER as u16).to_be_bytes();
                message.extend([0x45, 0, high, low, 0, 0, 0x40, 0, 63, protocol, 0, 0]);
                message.extend(subject.octets());
                message.extend(peer.octets());
                let sum = checksum::fold(checksum::sum(&message[start..]));
                message[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
            }
            (subject, peer) => {
                let [high, low] = total.to_be_bytes();
                message.extend([0x60, 0, 0, 0, high, low, protocol, 63]);
                message.extend(octets(subject));
                message.extend(octets(peer));
            }
        }
        let start = message.len();
        let other = |port: u16, flaw: Flaw| port + u16::from(self.flaw == flaw);
        message.extend(other(ends.subject.1, Flaw::Port).to_be_bytes());
        message.extend(other(ends.peer.1, Flaw::PeersPort).to_be_bytes());
        message.extend(self.seq.to_be_bytes());
        // SEG.ACK is nobody's business; ACK, and no window, checksum or urgent pointer.
        message.extend([0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0]);
        message.truncate(start + quoted);
        message
    }
}

/// Whoever on the way says so.
fn router(v6: bool) -> IpAddr {
    match v6 {
        false => [192, 0, 2, 254].into(),
        true => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xfe].into(),
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// An error as it stands in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read<'a> {
    /// Over IPv6.
    pub v6: bool,
    /// Type and code.
    pub kind: u8,
    /// See `kind`.
    pub code: u8,
    /// The MTU, if it says that something is too big.
    pub mtu: Option<u16>,
    /// Whether the checksum of the message is right.
    pub is_sound: bool,
    /// The segment quoted, if it is one of TCP as far as its number: both ports (the subject's first), SEG.SEQ and how
    /// many bytes of text the quoted datagram has.
    pub quoted: Option<(u16, u16, u32, u16)>,
    /// All that is quoted.
    pub quote: &'a [u8],
}

/// Reads an ICMP error; `None` if the datagram is none.
pub fn read(datagram: &[u8]) -> Option<Read<'_>> {
    let v6 = datagram.first()? >> 4 == 6;
    let (header, protocol) = if v6 { (40, 6) } else { (HEADER, 9) };
    let own = if v6 { PROTOCOL.1 } else { PROTOCOL.0 };
    if *datagram.get(protocol)? != own {
        return None;
    }
    let message = datagram.get(header..)?;
    let [kind, code, _, _, _, _, high, low, ..] = *message else {
        return None;
    };
    let pseudo = match v6 {
        true => {
            let [high, low] = (message.len() as u16).to_be_bytes();
            checksum::sum(&datagram[8..40]) + checksum::sum(&[0, 0, high, low, 0, 0, 0, own])
        }
        false => 0,
    };
    let is_too_big = (v6, kind, code) == (false, 3, 4) || (v6, kind) == (true, 2);
    let quote = &message[8..];
    Some(Read {
        v6,
        kind,
        code,
        mtu: is_too_big.then(|| u16::from_be_bytes([high, low])),
        is_sound: checksum::fold(pseudo + checksum::sum(message)) == 0,
        quoted: segment(quote, header, protocol),
        quote,
    })
}

fn segment(quote: &[u8], header: usize, protocol: usize) -> Option<(u16, u16, u32, u16)> {
    let (ip, segment) = quote.split_at_checked(header)?;
    let [a, b, c, d, e, f, g, h, ..] = *segment else {
        return None;
    };
    if ip[protocol] != TCP {
        return None;
    }
    let at = if header == HEADER { 2 } else { 4 };
    let total = usize::from(u16::from_be_bytes([ip[at], ip[at + 1]]));
    let headers = if header == HEADER { 2 * HEADER } else { HEADER };
    let text = u16::try_from(total.saturating_sub(headers)).unwrap_or(u16::MAX);
    let seq = u32::from_be_bytes([e, f, g, h]);
    Some((
        u16::from_be_bytes([a, b]),
        u16::from_be_bytes([c, d]),
        seq,
        text,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::subject::ends;
    use crate::wire::{Transport, parse};
    use proptest::prelude::*;

    proptest! {
        /// What is written here is read here, and by the harness's own parser, alike.
        #[test]
        fn both_readers_agree(kind: u8, mtu: u16, quote: u8, v6: bool, seq: u32, len in 0_u16..9_000) {
            let event = Icmp { kind, mtu, quote, ..Icmp::default() };
            let error = Error::of(&event, v6, seq, len);
            let mut datagram = Vec::new();
            error.write(&ends(v6), &mut datagram);
            let read = read(&datagram).unwrap();
            let parsed = parse(&datagram).unwrap();
            prop_assert_eq!(read.is_sound, error.flaw != Flaw::Checksum);
            prop_assert_eq!(parsed.faults.is_empty(), read.is_sound, "{:?}", parsed.faults);
            let Transport::Icmp(message) = &parsed.packet.transport else { panic!("no ICMP") };
            prop_assert_eq!((message.kind, message.code), (error.kind, error.code));
            prop_assert_eq!((read.v6, read.kind, read.code), (v6, error.kind, error.code));
            let is_too_big = error.class(v6) == Class::TooBig;
            prop_assert_eq!(read.mtu, is_too_big.then_some(mtu));
            let is_whole = !matches!(error.flaw, Flaw::Short | Flaw::NoTcp);
            let ends = ends(v6);
            let subject = ends.subject.1 + u16::from(error.flaw == Flaw::Port);
            let peer = ends.peer.1 + u16::from(error.flaw == Flaw::PeersPort);
            prop_assert_eq!(read.quoted, is_whole.then_some((subject, peer, seq, len)));
            let said = Error::say(error.kind, error.code, v6).unwrap();
            let again = Error::of(&Icmp { kind: said, ..event }, v6, seq, len);
            prop_assert_eq!(again, error);
        }

        /// Reading is total.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = read(&bytes);
        }
    }
}
