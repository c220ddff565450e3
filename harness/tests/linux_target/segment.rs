//! Hand-made TCP segments: what the peer of the stack under test says.

use std::net::IpAddr;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// A TCP segment with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from: (IpAddr, u16),
    pub(crate) to: (IpAddr, u16),
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    /// The IP datagram, checksums filled in.
    pub(crate) fn datagram(&self) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend_from_slice(&self.from.1.to_be_bytes());
        tcp.extend_from_slice(&self.to.1.to_be_bytes());
        tcp.extend_from_slice(&self.seq.to_be_bytes());
        tcp.extend_from_slice(&self.ack.to_be_bytes());
        tcp.extend_from_slice(&[5 << 4, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend_from_slice(&self.payload);
        let sum = checksum(&[&pseudo_header(self.from.0, self.to.0, tcp.len()), &tcp]);
        tcp[16..18].copy_from_slice(&sum);
        let mut datagram = match self.from.0 {
            IpAddr::V4(_) => {
                let len = (20 + tcp.len()) as u16;
                let mut header = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0];
                header[2..4].copy_from_slice(&len.to_be_bytes());
                header.extend(octets(self.from.0));
                header.extend(octets(self.to.0));
                let sum = checksum(&[&header]);
                header[10..12].copy_from_slice(&sum);
                header
            }
            IpAddr::V6(_) => {
                let mut header = vec![0x60, 0, 0, 0, 0, 0, 6, 64];
                header[4..6].copy_from_slice(&(tcp.len() as u16).to_be_bytes());
                header.extend(octets(self.from.0));
                header.extend(octets(self.to.0));
                header
            }
        };
        datagram.extend(tcp);
        datagram
    }

    /// Reads a datagram; panics if it is no TCP segment or a checksum is wrong.
    pub(crate) fn parse(datagram: &[u8]) -> Segment {
        let (from, to, header) = match datagram[0] >> 4 {
            4 => {
                let header = usize::from(datagram[0] & 15) * 4;
                assert_eq!(checksum(&[&datagram[..header]]), [0, 0], "IPv4 checksum");
                let len = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
                assert_eq!(len, datagram.len(), "IPv4 length");
                (
                    address(&datagram[12..16]),
                    address(&datagram[16..20]),
                    header,
                )
            }
            6 => (address(&datagram[8..24]), address(&datagram[24..40]), 40),
            version => panic!("IP version {version}"),
        };
        let tcp = &datagram[header..];
        let sum = checksum(&[&pseudo_header(from, to, tcp.len()), tcp]);
        assert_eq!(sum, [0, 0], "TCP checksum");
        let word = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
        Segment {
            from: (from, u16::from_be_bytes([tcp[0], tcp[1]])),
            to: (to, u16::from_be_bytes([tcp[2], tcp[3]])),
            flags: tcp[13],
            seq: word(4),
            ack: word(8),
            payload: tcp[usize::from(tcp[12] >> 4) * 4..].to_vec(),
        }
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn address(octets: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(octets) {
        Ok(four) => four.into(),
        Err(_) => <[u8; 16]>::try_from(octets).unwrap().into(),
    }
}

fn pseudo_header(from: IpAddr, to: IpAddr, len: usize) -> Vec<u8> {
    let mut header = octets(from);
    header.extend(octets(to));
    header.extend_from_slice(&(len as u32).to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, 6]);
    header
}

/// The Internet checksum (RFC 1071); only the last part may have an odd length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let mut sum: u32 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
    }
    (!(sum as u16)).to_be_bytes()
}
