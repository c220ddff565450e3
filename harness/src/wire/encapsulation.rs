//! Headers in front of an IP datagram: IP in IP, GRE, MPLS.

use std::net::IpAddr;

use pnet_packet::ip::IpNextHeaderProtocol;
use pnet_packet::util;

use super::build::ip;
use super::packet::IpFields;
use super::parse::{IpBody, WireFault, check, read_ip};

/// Protocol numbers and Ethernet types of what can stand inside.
mod number {
    pub(super) const IPV4: u8 = 4;
    pub(super) const IPV6: u8 = 41;
    pub(super) const GRE: u8 = 47;
    pub(super) const MPLS: u8 = 137;
    pub(super) const ETHER_IPV4: u16 = 0x0800;
    pub(super) const ETHER_IPV6: u16 = 0x86dd;
    pub(super) const ETHER_MPLS: u16 = 0x8847;
}

/// Bits of the first word of a GRE header (RFC 2784 §2, RFC 2890 §2).
pub mod gre {
    /// A checksum and an offset are present.
    pub const CHECKSUM: u16 = 0x8000;
    /// A key is present.
    pub const KEY: u16 = 0x2000;
    /// A sequence number is present.
    pub const SEQUENCE: u16 = 0x1000;
    /// Routing information (RFC 1701) and versions other than 0: the length is not known.
    pub const UNREADABLE: u16 = 0x4007;
}

/// More nesting than any script can write: the rest is taken for payload.
const MAX_LAYERS: usize = 8;

/// One layer, outermost first in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// An IP header.
    Ip(IpFields),
    /// A GRE header; its protocol is what follows.
    Gre(Gre),
    /// A stack of MPLS entries.
    Mpls(Vec<MplsEntry>),
}

/// A GRE header (RFC 2890 §2). A field whose flag is not set is not on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gre {
    /// The first 16 bits: which fields are present, reserved bits, version 0.
    pub flags: u16,
    /// Checksum; `None` means the one that fits.
    pub checksum: Option<u16>,
    /// The 16 bits behind the checksum.
    pub offset: u16,
    /// Key.
    pub key: u32,
    /// Sequence number.
    pub sequence: u32,
}

/// An entry of an MPLS label stack (RFC 3032 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MplsEntry {
    /// Label, 20 bits.
    pub label: u32,
    /// Traffic class, 3 bits.
    pub class: u8,
    /// Bottom of the stack. Written as it is, true or not.
    pub bottom: bool,
    /// TTL.
    pub ttl: u8,
}

/// What stands in front of a datagram that is being wrapped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Ipv4,
    Ipv6,
    Gre,
    Mpls,
}

impl Inside {
    fn protocol(self) -> u8 {
        match self {
            Inside::Ipv4 => number::IPV4,
            Inside::Ipv6 => number::IPV6,
            Inside::Gre => number::GRE,
            Inside::Mpls => number::MPLS,
        }
    }

    fn ether_type(self) -> Result<u16, String> {
        match self {
            Inside::Ipv4 => Ok(number::ETHER_IPV4),
            Inside::Ipv6 => Ok(number::ETHER_IPV6),
            Inside::Mpls => Ok(number::ETHER_MPLS),
            Inside::Gre => Err("GRE stands behind an IP header only".to_string()),
        }
    }
}

/// Puts layers, outermost first, in front of a datagram.
///
/// # Errors
/// If GRE stands behind GRE or MPLS, which has no number for it, the source and destination of a
/// layer are of different families, or the whole would exceed 65,535 bytes.
pub fn wrap(layers: &[Layer], datagram: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut inside = match datagram.first().map(|byte| byte >> 4) {
        Some(6) => Inside::Ipv6,
        Some(_) | None => Inside::Ipv4,
    };
    let mut bytes = datagram;
    for layer in layers.iter().rev() {
        (inside, bytes) = match layer {
            Layer::Ip(fields) => {
                let whole = ip(fields, IpNextHeaderProtocol(inside.protocol()), &bytes)?;
                let version = match fields.source {
                    IpAddr::V4(_) => Inside::Ipv4,
                    IpAddr::V6(_) => Inside::Ipv6,
                };
                (version, whole)
            }
            Layer::Gre(header) => (Inside::Gre, header.write(inside.ether_type()?, &bytes)),
            Layer::Mpls(entries) => {
                if inside == Inside::Gre {
                    return Err("GRE stands behind an IP header only".to_string());
                }
                let mut whole: Vec<u8> = entries.iter().flat_map(MplsEntry::bytes).collect();
                whole.extend_from_slice(&bytes);
                (Inside::Mpls, whole)
            }
        };
    }
    Ok(bytes)
}

/// Takes the layers off, down to the innermost IP datagram.
///
/// # Errors
/// If an IP header cannot be read. GRE or MPLS that cannot be read is no layer but payload.
pub(super) fn peel<'a>(
    bytes: &'a [u8],
    faults: &mut Vec<WireFault>,
) -> Result<(Vec<Layer>, IpBody<'a>), String> {
    let mut layers = Vec::new();
    let mut body = read_ip(bytes, faults)?;
    while layers.len() < MAX_LAYERS && !body.is_fragment() {
        // What only looks like a datagram is payload, and nothing is wrong with it.
        let mut inner_faults = Vec::new();
        let Some((between, inner)) = descend(body.protocol, body.bytes, &mut inner_faults) else {
            break;
        };
        let Ok(inner) = read_ip(inner, &mut inner_faults) else {
            break;
        };
        layers.push(Layer::Ip(body.ip));
        layers.extend(between);
        faults.append(&mut inner_faults);
        body = inner;
    }
    Ok((layers, body))
}

/// From the protocol number behind an IP header to the next IP datagram and what is between.
fn descend<'a>(
    protocol: u8,
    body: &'a [u8],
    faults: &mut Vec<WireFault>,
) -> Option<(Vec<Layer>, &'a [u8])> {
    match protocol {
        number::IPV4 | number::IPV6 => {
            let version = if protocol == number::IPV4 { 4 } else { 6 };
            (body.first()? >> 4 == version).then_some((Vec::new(), body))
        }
        number::GRE => {
            let (header, ether_type, rest) = Gre::read(body, faults)?;
            let mut between = vec![Layer::Gre(header)];
            let inner = match ether_type {
                number::ETHER_IPV4 | number::ETHER_IPV6 => rest,
                number::ETHER_MPLS => {
                    let (entries, inner) = read_mpls(rest)?;
                    between.push(Layer::Mpls(entries));
                    inner
                }
                _ => return None,
            };
            Some((between, inner))
        }
        number::MPLS => {
            let (entries, inner) = read_mpls(body)?;
            Some((vec![Layer::Mpls(entries)], inner))
        }
        _ => None,
    }
}

impl Gre {
    fn write(&self, ether_type: u16, inner: &[u8]) -> Vec<u8> {
        let mut bytes = self.flags.to_be_bytes().to_vec();
        bytes.extend(ether_type.to_be_bytes());
        if self.flags & gre::CHECKSUM != 0 {
            bytes.extend(self.checksum.unwrap_or(0).to_be_bytes());
            bytes.extend(self.offset.to_be_bytes());
        }
        if self.flags & gre::KEY != 0 {
            bytes.extend(self.key.to_be_bytes());
        }
        if self.flags & gre::SEQUENCE != 0 {
            bytes.extend(self.sequence.to_be_bytes());
        }
        bytes.extend_from_slice(inner);
        if self.flags & gre::CHECKSUM != 0 && self.checksum.is_none() {
            let sum = util::checksum(&bytes, 2);
            bytes[4..6].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    /// The header, the type of what follows, and what follows.
    fn read<'a>(bytes: &'a [u8], faults: &mut Vec<WireFault>) -> Option<(Gre, u16, &'a [u8])> {
        let half = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let flags = half(0)?;
        let ether_type = half(2)?;
        if flags & gre::UNREADABLE != 0 {
            return None;
        }
        let mut header = Gre {
            flags,
            ..Gre::default()
        };
        let mut at = 4;
        let word = |at: usize| Some(u32::from(half(at)?) << 16 | u32::from(half(at + 2)?));
        if flags & gre::CHECKSUM != 0 {
            let sum = half(at)?;
            check(faults, "GRE", sum, util::checksum(bytes, 2));
            header.checksum = Some(sum);
            header.offset = half(at + 2)?;
            at += 4;
        }
        if flags & gre::KEY != 0 {
            header.key = word(at)?;
            at += 4;
        }
        if flags & gre::SEQUENCE != 0 {
            header.sequence = word(at)?;
            at += 4;
        }
        Some((header, ether_type, bytes.get(at..)?))
    }

    /// The header that packetdrill makes of these fields: it takes the words `sum` and `off`, `key`,
    /// `seq` in this order, as many as there are fields present, whatever their names.
    #[must_use]
    pub fn without_gaps(self) -> Gre {
        let sum = u32::from(self.checksum.unwrap_or(0));
        let first = sum << 16 | u32::from(self.offset);
        let mut words = [first, self.key, self.sequence].into_iter();
        let mut made = Gre {
            flags: self.flags,
            ..Gre::default()
        };
        let mut next = |flag| match self.flags & flag {
            0 => None,
            _ => words.next(),
        };
        if next(gre::CHECKSUM).is_some() {
            (made.checksum, made.offset) = (self.checksum, self.offset);
        }
        made.key = next(gre::KEY).unwrap_or(0);
        made.sequence = next(gre::SEQUENCE).unwrap_or(0);
        made
    }

    /// Whether a header that was read is the one written here; whether its checksum fits has been
    /// judged where it was read.
    pub fn takes(&self, seen: &Gre) -> bool {
        let present = |flag| self.flags & flag != 0;
        self.flags == seen.flags
            && (!present(gre::CHECKSUM)
                || (self.checksum.is_none_or(|sum| seen.checksum == Some(sum))
                    && self.offset == seen.offset))
            && (!present(gre::KEY) || self.key == seen.key)
            && (!present(gre::SEQUENCE) || self.sequence == seen.sequence)
    }
}

impl MplsEntry {
    fn bytes(&self) -> [u8; 4] {
        let word = (self.label & 0xf_ffff) << 12
            | u32::from(self.class & 7) << 9
            | u32::from(self.bottom) << 8
            | u32::from(self.ttl);
        word.to_be_bytes()
    }

    fn read(bytes: [u8; 4]) -> MplsEntry {
        let word = u32::from_be_bytes(bytes);
        MplsEntry {
            label: word >> 12,
            class: (word >> 9 & 7) as u8,
            bottom: word >> 8 & 1 == 1,
            ttl: (word & 0xff) as u8,
        }
    }
}

/// A label stack up to its bottom, and the datagram behind it.
fn read_mpls(bytes: &[u8]) -> Option<(Vec<MplsEntry>, &[u8])> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    loop {
        let (entry, after) = rest.split_first_chunk::<4>()?;
        let entry = MplsEntry::read(*entry);
        entries.push(entry);
        rest = after;
        if entry.bottom {
            return Some((entries, rest));
        }
    }
}

#[cfg(test)]
mod tests;
