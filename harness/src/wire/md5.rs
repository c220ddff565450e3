//! The TCP MD5 signature option (RFC 2385).

use std::net::IpAddr;

use md5::{Digest, Md5};

use super::packet::{Packet, Transport};

/// Bytes of a TCP header without options.
const FIXED_HEADER: usize = 20;

impl Packet {
    /// The digest that the option of this TCP packet must carry under `key`: over the pseudo-header,
    /// the header without options and with a checksum of 0, the payload, and the key (RFC 2385 §2.0).
    /// The pseudo-header of IPv6 is that of RFC 8200 §8.1, as Linux has it.
    ///
    /// # Errors
    /// Those of [`Packet::build`].
    pub fn md5_digest(&self, key: &[u8]) -> Result<[u8; 16], String> {
        if !matches!(self.transport, Transport::Tcp(_)) {
            return Err("only a TCP segment has an MD5 signature".to_string());
        }
        let datagram = self.build()?;
        let mut digest = Md5::new();
        let segment = match (self.ip.source, self.ip.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let segment = &datagram[20..];
                digest.update(source.octets());
                digest.update(destination.octets());
                digest.update([0, 6]);
                digest.update((segment.len() as u16).to_be_bytes());
                segment
            }
            (source, destination) => {
                let segment = &datagram[40..];
                for address in [source, destination] {
                    if let IpAddr::V6(address) = address {
                        digest.update(address.octets());
                    }
                }
                digest.update((segment.len() as u32).to_be_bytes());
                digest.update([0, 0, 0, 6]);
                segment
            }
        };
        let options_end = usize::from(segment[12] >> 4) * 4;
        digest.update(&segment[..16]);
        digest.update([0, 0]);
        digest.update(&segment[18..FIXED_HEADER]);
        digest.update(&segment[options_end..]);
        digest.update(key);
        Ok(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{IpFields, TcpFlags, TcpOption, TcpSegment};
    use rstest::rstest;

    /// Worked out with another implementation of MD5 over bytes laid out by hand.
    #[rstest]
    #[case(
        ["192.0.2.1", "192.168.0.2"],
        [0x2a, 0x78, 0x39, 0x35, 0x95, 0x21, 0x47, 0x5c, 0xce, 0x9a, 0xb8, 0x08, 0x6c, 0x17, 0x0f, 0x1b]
    )]
    #[case(
        ["2001:db8::1", "fd3d::2"],
        [0xf1, 0x85, 0x71, 0x32, 0xde, 0xc8, 0x83, 0xeb, 0x43, 0xed, 0xa2, 0x08, 0x19, 0x79, 0x3c, 0x36]
    )]
    fn the_digest_covers_what_rfc_2385_says(
        #[case] addresses: [&str; 2],
        #[case] want: [u8; 16],
        #[values(0, 0x55)] placeholder: u8,
    ) {
        let [source, destination] = addresses.map(|address| address.parse().unwrap());
        let packet = Packet {
            ip: IpFields {
                source,
                destination,
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(TcpSegment {
                source_port: 1000,
                destination_port: 8080,
                sequence: 7,
                acknowledgment: 9,
                flags: TcpFlags::ACK.with(TcpFlags::PSH),
                reserved: 0,
                window: 500,
                urgent: 0,
                options: vec![
                    TcpOption::Md5(vec![placeholder; 16]),
                    TcpOption::NoOperation,
                    TcpOption::NoOperation,
                ],
                payload: b"abc".to_vec(),
            }),
        };
        assert_eq!(packet.md5_digest(b"secret").unwrap(), want);
        assert_ne!(packet.md5_digest(b"other").unwrap(), want);
    }
}
