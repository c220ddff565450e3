//! Connections that outlive their sockets.
//!
//! A closed connection whose FIN nobody acknowledges stays in the kernel for minutes and keeps the
//! whole namespace alive. When a case ends they are reset by their peers, whom the harness plays.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const TCP: u8 = 6;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Enough for any case; beyond it new connections are not noted.
const MOST: usize = 100_000;

/// Both ends of a connection as seen from the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Connection {
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
}

/// The connections that the stack has sent on, half-open ones too, with the last RCV.NXT it told.
#[derive(Debug, Default)]
pub(in crate::target) struct Connections {
    rcv_nxt: HashMap<Connection, u32>,
}

impl Connections {
    /// Notes a packet that the stack has sent.
    pub(in crate::target) fn note(&mut self, datagram: &[u8]) {
        let Some((connection, flags, ack)) = parse(datagram) else {
            return;
        };
        if flags & RST != 0 {
            self.rcv_nxt.remove(&connection);
        } else if flags & ACK != 0
            && (self.rcv_nxt.len() < MOST || self.rcv_nxt.contains_key(&connection))
        {
            self.rcv_nxt.insert(connection, ack);
        }
    }

    /// A reset from the peer of each connection.
    pub(in crate::target) fn resets(&self) -> Vec<Vec<u8>> {
        self.rcv_nxt
            .iter()
            .map(|(connection, seq)| reset(connection, *seq))
            .collect()
    }
}

/// The ends, flags and acknowledgement number of a TCP datagram without IPv6 extension headers.
fn parse(datagram: &[u8]) -> Option<(Connection, u8, u32)> {
    let (local, remote, protocol, segment) = match datagram.first()? >> 4 {
        4 => {
            let header = usize::from(datagram[0] & 15) * 4;
            let address = |at: usize| -> Option<IpAddr> {
                let octets: [u8; 4] = datagram.get(at..at + 4)?.try_into().ok()?;
                Some(Ipv4Addr::from(octets).into())
            };
            (
                address(12)?,
                address(16)?,
                *datagram.get(9)?,
                datagram.get(header..)?,
            )
        }
        6 => {
            let address = |at: usize| -> Option<IpAddr> {
                let octets: [u8; 16] = datagram.get(at..at + 16)?.try_into().ok()?;
                Some(Ipv6Addr::from(octets).into())
            };
            (
                address(8)?,
                address(24)?,
                *datagram.get(6)?,
                datagram.get(40..)?,
            )
        }
        _ => return None,
    };
    if protocol != TCP || segment.len() < 20 {
        return None;
    }
    let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    let ack = u32::from_be_bytes(segment[8..12].try_into().ok()?);
    let connection = Connection {
        local: (local, port(0)),
        remote: (remote, port(2)),
    };
    Some((connection, segment[13], ack))
}

fn reset(connection: &Connection, seq: u32) -> Vec<u8> {
    let mut segment = [0; 20];
    segment[0..2].copy_from_slice(&connection.remote.1.to_be_bytes());
    segment[2..4].copy_from_slice(&connection.local.1.to_be_bytes());
    segment[4..8].copy_from_slice(&seq.to_be_bytes());
    segment[12] = 5 << 4;
    segment[13] = RST;
    match (connection.remote.0, connection.local.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let addresses = [from.octets(), to.octets()].concat();
            seal(&mut segment, &addresses);
            let mut header = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, TCP, 0, 0];
            header.extend_from_slice(&addresses);
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum);
            header.extend_from_slice(&segment);
            header
        }
        (from, to) => {
            let six = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            let addresses = [six(from), six(to)].concat();
            seal(&mut segment, &addresses);
            let mut header = vec![0x60, 0, 0, 0, 0, 20, TCP, 64];
            header.extend_from_slice(&addresses);
            header.extend_from_slice(&segment);
            header
        }
    }
}

/// Fills in the checksum of a bare TCP header.
fn seal(segment: &mut [u8; 20], addresses: &[u8]) {
    let sum = checksum(&[addresses, &[0, TCP, 0, 20], segment]);
    segment[16..18].copy_from_slice(&sum);
}

/// The Internet checksum of parts of even length (RFC 1071).
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks_exact(2));
    let mut sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// The number of TCP sockets in use in the calling thread's namespace, of both families.
pub(super) fn all_in_use() -> u32 {
    let files = ["sockstat", "sockstat6"].map(|file| format!("/proc/thread-self/net/{file}"));
    let texts = files.iter().filter_map(|file| short_text(file).ok());
    texts.map(|text| sockets_in_use(&text)).sum()
}

/// A short file of `/proc`, which gives it whole at the first read.
fn short_text(path: &str) -> std::io::Result<String> {
    let mut bytes = [0; 4096];
    let len = File::open(path)?.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
}

/// The number of TCP sockets in use by `/proc/…/net/sockstat` or `sockstat6`, those in TIME-WAIT too.
pub(super) fn sockets_in_use(sockstat: &str) -> u32 {
    let lines = sockstat.lines().filter_map(|line| {
        line.strip_prefix("TCP: ")
            .or_else(|| line.strip_prefix("TCP6: "))
    });
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let counted = words
        .chunks_exact(2)
        .filter(|pair| matches!(pair[0], "inuse" | "tw"));
    counted.filter_map(|pair| pair[1].parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: u8 = 0x02;

    /// The answer a stack would give: the reset's ends swapped, with ACK set.
    fn sent_by_stack(local: &str, remote: &str, flags: u8, ack: u32) -> Vec<u8> {
        let connection = Connection {
            local: (remote.parse().unwrap(), 8080),
            remote: (local.parse().unwrap(), 4000),
        };
        let mut datagram = reset(&connection, 1);
        let at = datagram.len() - 20;
        datagram[at + 8..at + 12].copy_from_slice(&ack.to_be_bytes());
        datagram[at + 13] = flags;
        datagram
    }

    #[test]
    fn a_reset_has_the_sequence_number_the_stack_waits_for() {
        for (local, remote) in [("192.168.0.1", "192.0.2.1"), ("fd3d::1", "2001:db8::1")] {
            let mut connections = Connections::default();
            connections.note(&sent_by_stack(local, remote, ACK, 77));
            connections.note(&sent_by_stack(local, remote, ACK | 1, 78));
            let resets = connections.resets();
            assert_eq!(resets.len(), 1);
            let (connection, flags, _) = parse(&resets[0]).unwrap();
            assert_eq!(connection.local, (remote.parse().unwrap(), 8080));
            assert_eq!(connection.remote, (local.parse().unwrap(), 4000));
            assert_eq!(flags, RST);
            let at = resets[0].len() - 20;
            assert_eq!(resets[0][at + 4..at + 8], 78_u32.to_be_bytes());
        }
    }

    #[test]
    fn half_open_connections_are_noted_and_reset_ones_are_not() {
        let mut connections = Connections::default();
        let (local, remote) = ("192.168.0.1", "192.0.2.1");
        connections.note(&sent_by_stack(local, remote, SYN, 0));
        assert!(connections.resets().is_empty());
        connections.note(&sent_by_stack(local, remote, SYN | ACK, 5));
        assert_eq!(connections.resets().len(), 1);
        connections.note(&sent_by_stack(local, remote, ACK, 5));
        connections.note(&sent_by_stack(local, remote, RST | ACK, 5));
        assert!(connections.resets().is_empty());
        for len in 0..40 {
            connections.note(&vec![0x45; len]);
            connections.note(&vec![0x60; len]);
        }
    }

    #[test]
    fn the_checksum_over_a_sealed_header_is_zero() {
        let datagram = sent_by_stack("192.168.0.1", "192.0.2.1", RST, 0);
        assert_eq!(checksum(&[&datagram[..20]]), [0, 0]);
    }

    #[test]
    fn sockets_are_counted_in_both_files() {
        let four =
            "sockets: used 9\nTCP: inuse 3 orphan 0 tw 2 alloc 5 mem 0\nUDP: inuse 1 mem 0\n";
        assert_eq!(sockets_in_use(four), 5);
        assert_eq!(sockets_in_use("TCP6: inuse 2\n"), 2);
        assert_eq!(sockets_in_use(""), 0);
    }
}
