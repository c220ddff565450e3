//! Changes to a built datagram that no packet model has: its identification, pieces of it, and
//! fields that are wrong on purpose.

use pnet_packet::util;

/// What to change. The default changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reshape {
    /// IPv4 identification, or that of the IPv6 fragment header.
    pub id: Option<u32>,
    /// The IPv4 flag.
    pub dont_fragment: bool,
    /// Only the bytes from the first to before the second, counted behind the IP header. More
    /// pieces are announced if bytes remain, or if the last member says so.
    pub piece: Option<(u16, u16, bool)>,
    /// The IPv4 header checksum does not fit.
    pub bad_checksum: bool,
    /// The length field of the IP header.
    pub length: Option<u16>,
    /// The protocol or next header field.
    pub protocol: Option<u8>,
}

const MORE: u16 = 0x2000;
const DONT_FRAGMENT: u16 = 0x4000;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
/// The IPv6 fragment header (RFC 8200 §4.5).
const FRAGMENT_HEADER: u8 = 44;

impl Reshape {
    /// Applies the changes to a datagram as [`super::Packet::build`] makes it.
    ///
    /// # Errors
    /// If a piece does not lie in the datagram.
    pub fn apply(&self, datagram: Vec<u8>) -> Result<Vec<u8>, String> {
        match datagram.first().map(|byte| byte >> 4) {
            Some(4) if datagram.len() >= IPV4_HEADER => self.ipv4(datagram),
            Some(6) if datagram.len() >= IPV6_HEADER => self.ipv6(datagram),
            Some(_) | None => Err("no IP datagram to change".to_string()),
        }
    }

    /// The bytes of the piece, and whether more are announced.
    fn cut(&self, body: &[u8]) -> Result<Option<(Vec<u8>, u16, bool)>, String> {
        let Some((first, end, more)) = self.piece else {
            return Ok(None);
        };
        let bytes = body
            .get(usize::from(first)..usize::from(end))
            .ok_or_else(|| {
                format!(
                    "the piece {first}:{end} does not lie in the {} bytes behind the IP header",
                    body.len()
                )
            })?;
        let more = more || usize::from(end) < body.len();
        Ok(Some((bytes.to_vec(), first, more)))
    }

    fn ipv4(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut flags = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        if let Some((piece, first, more)) = self.cut(&bytes[IPV4_HEADER..])? {
            bytes.truncate(IPV4_HEADER);
            bytes.extend(piece);
            let length = bytes.len() as u16;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            flags |= if more { MORE } else { 0 };
            flags |= first / 8;
        }
        if let Some(id) = self.id {
            bytes[4..6].copy_from_slice(&(id as u16).to_be_bytes());
        }
        bytes[6..8].copy_from_slice(&flags.to_be_bytes());
        if let Some(length) = self.length {
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
        }
        if let Some(protocol) = self.protocol {
            bytes[9] = protocol;
        }
        let sum = util::checksum(&bytes[..IPV4_HEADER], 5);
        let sum = if self.bad_checksum { spoilt(sum) } else { sum };
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        Ok(bytes)
    }

    fn ipv6(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        if let Some((piece, first, more)) = self.cut(&bytes[IPV6_HEADER..])? {
            let next = std::mem::replace(&mut bytes[6], FRAGMENT_HEADER);
            bytes.truncate(IPV6_HEADER);
            bytes.extend([next, 0]);
            bytes.extend((first & !7 | u16::from(more)).to_be_bytes());
            bytes.extend(self.id.unwrap_or(0).to_be_bytes());
            bytes.extend(piece);
            let length = (bytes.len() - IPV6_HEADER) as u16;
            bytes[4..6].copy_from_slice(&length.to_be_bytes());
        }
        if let Some(length) = self.length {
            bytes[4..6].copy_from_slice(&length.to_be_bytes());
        }
        if let Some(protocol) = self.protocol {
            bytes[6] = protocol;
        }
        Ok(bytes)
    }
}

/// Spoils the checksum of a UDP datagram or ICMP message that stands behind a plain IP header.
/// Must come before a [`Reshape`].
pub fn spoil_checksum(datagram: &mut [u8]) {
    let v6 = datagram.first().is_some_and(|byte| byte >> 4 == 6);
    let header = if v6 { IPV6_HEADER } else { IPV4_HEADER };
    let udp = datagram.get(if v6 { 6 } else { 9 }) == Some(&17);
    let at = header + if udp { 6 } else { 2 };
    if let Some([high, low]) = datagram.get_mut(at..at + 2) {
        let sum = spoilt(u16::from_be_bytes([*high, *low]));
        [*high, *low] = sum.to_be_bytes();
    }
}

/// Another checksum, never one that means the same (RFC 1071 §2) and never 0, which is none.
fn spoilt(sum: u16) -> u16 {
    match sum ^ 0x5555 {
        0 => 0x1234,
        other => other,
    }
}

#[cfg(test)]
mod tests;
