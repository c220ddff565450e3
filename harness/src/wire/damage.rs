//! TCP segments that no stack may send: made from a good datagram, byte by byte.

use std::net::IpAddr;

use super::build::{checksum, ip as ip_datagram};
use super::packet::{IpFields, Packet};

/// What is wrong with a TCP header on purpose. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpDamage {
    /// The checksum is not the right one.
    pub bad_checksum: bool,
    /// The data offset, in words of 4 bytes, whatever the options take.
    pub data_offset: Option<u8>,
    /// The three reserved bits left of AE.
    pub reserved: u8,
    /// The segment ends after so many bytes of header and payload.
    pub cut: Option<u16>,
}

/// Where a TCP header holds its checksum.
const CHECKSUM: std::ops::Range<usize> = 16..18;

impl TcpDamage {
    /// Whether nothing is wrong.
    pub fn is_none(&self) -> bool {
        *self == TcpDamage::default()
    }

    /// The datagram of a TCP packet with this damage done. Lengths and checksums are right for
    /// what is left, unless the damage is in them.
    ///
    /// # Errors
    /// Those of [`Packet::build`].
    pub fn build(&self, packet: &Packet) -> Result<Vec<u8>, String> {
        let whole = packet.build()?;
        if self.is_none() {
            return Ok(whole);
        }
        let header = match packet.ip.source {
            IpAddr::V4(_) => 20,
            IpAddr::V6(_) => 40,
        };
        let mut segment = whole[header..].to_vec();
        if let Some(words) = self.data_offset {
            segment[12] = (segment[12] & 0x0f) | (words << 4);
        }
        segment[12] |= (self.reserved & 7) << 1;
        if let Some(len) = self.cut {
            segment.truncate(usize::from(len));
        }
        self.sum(&mut segment, &packet.ip);
        ip_datagram(
            &packet.ip,
            pnet_packet::ip::IpNextHeaderProtocols::Tcp,
            &segment,
        )
    }

    /// Fills in the checksum, if there is room for one.
    fn sum(&self, segment: &mut [u8], ip: &IpFields) {
        if segment.len() < CHECKSUM.end {
            return;
        }
        let right = checksum(segment, CHECKSUM.start / 2, ip, 6);
        // A sum other by 0x0100 is never the other of the two zeros.
        let sum = if self.bad_checksum {
            right ^ 0x0100
        } else {
            right
        };
        segment[CHECKSUM].copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{TcpFlags, TcpOption, TcpSegment, Transport, WireFault, parse};
    use rstest::rstest;

    fn packet(v6: bool) -> Packet {
        let (source, destination) = match v6 {
            false => ("192.0.2.1", "192.168.0.2"),
            true => ("2001:db8::1", "fd3d::2"),
        };
        Packet {
            ip: IpFields {
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
                ttl: 255,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(TcpSegment {
                source_port: 1,
                destination_port: 2,
                sequence: 3,
                acknowledgment: 4,
                flags: TcpFlags::ACK.with(TcpFlags::AE),
                reserved: 0,
                window: 5,
                urgent: 0,
                options: vec![TcpOption::MaximumSegmentSize(536)],
                payload: vec![7; 9],
            }),
        }
    }

    #[rstest]
    fn no_damage_is_the_packet_itself(#[values(false, true)] v6: bool) {
        let packet = packet(v6);
        assert_eq!(TcpDamage::default().build(&packet), packet.build());
    }

    #[rstest]
    fn a_bad_checksum_is_all_that_is_wrong(#[values(false, true)] v6: bool) {
        let damage = TcpDamage {
            bad_checksum: true,
            ..TcpDamage::default()
        };
        let packet = packet(v6);
        let read = parse(&damage.build(&packet).unwrap()).unwrap();
        assert_eq!(read.packet, packet);
        let [
            WireFault::Checksum {
                layer: "TCP",
                found,
                computed,
            },
        ] = read.faults[..]
        else {
            panic!("{:?}", read.faults);
        };
        assert_eq!(found ^ computed, 0x0100);
    }

    #[rstest]
    fn reserved_bits_and_a_longer_offset_have_the_right_checksum(#[values(false, true)] v6: bool) {
        let damage = TcpDamage {
            reserved: 5,
            data_offset: Some(7),
            ..TcpDamage::default()
        };
        let read = parse(&damage.build(&packet(v6)).unwrap()).unwrap();
        let Transport::Tcp(segment) = read.packet.transport else {
            panic!();
        };
        // Four bytes of payload are now read as options: kind 7 of length 7 does not fit.
        assert_eq!((segment.reserved, segment.payload.len()), (5, 5));
        assert_eq!(segment.flags, TcpFlags::ACK.with(TcpFlags::AE));
        let checksums = |fault: &&WireFault| matches!(fault, WireFault::Checksum { .. });
        assert_eq!(read.faults.iter().find(checksums), None);
    }

    #[rstest]
    #[case(0)]
    #[case(12)]
    #[case(19)]
    #[case(21)]
    fn a_cut_segment_has_so_many_bytes(#[case] len: u16, #[values(false, true)] v6: bool) {
        let damage = TcpDamage {
            cut: Some(len),
            ..TcpDamage::default()
        };
        let bytes = damage.build(&packet(v6)).unwrap();
        let header = if v6 { 40 } else { 20 };
        assert_eq!(bytes.len(), header + usize::from(len));
        let problem = parse(&bytes).unwrap_err();
        assert!(problem.contains("TCP"), "{problem}");
    }
}
