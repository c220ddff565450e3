//! From the packet model to bytes, with `pnet_packet`.

use std::net::IpAddr;

use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{self, MutableIpv4Packet};
use pnet_packet::ipv6::MutableIpv6Packet;
use pnet_packet::tcp::MutableTcpPacket;
use pnet_packet::udp::MutableUdpPacket;
use pnet_packet::util;

use super::packet::{IcmpMessage, IpFields, Packet, TcpSegment, Transport, UdpDatagram};

/// Length of a TCP header without options, in bytes.
const TCP_HEADER: usize = 20;

impl Packet {
    /// The datagram's bytes, all lengths and checksums filled in.
    ///
    /// # Errors
    /// If the options do not fill whole 32-bit words or exceed 40 bytes, or the
    /// datagram would exceed 65,535 bytes.
    pub fn build(&self) -> Result<Vec<u8>, String> {
        let (protocol, body) = match &self.transport {
            Transport::Tcp(segment) => (IpNextHeaderProtocols::Tcp, tcp(segment, &self.ip)?),
            Transport::Udp(datagram) => (IpNextHeaderProtocols::Udp, udp(datagram, &self.ip)?),
            Transport::Icmp(message) => icmp(message, &self.ip),
            Transport::Other { protocol, payload } => {
                (IpNextHeaderProtocol(*protocol), payload.clone())
            }
        };
        ip(&self.ip, protocol, &body)
    }
}

/// Puts what an IP datagram carries into UDP with these ports; its checksum covers all of it.
///
/// # Errors
/// If the IP header cannot be read, or the datagram would exceed 65,535 bytes.
pub fn put_in_udp(datagram: &[u8], ports: (u16, u16)) -> Result<Vec<u8>, String> {
    let outer = super::parse::read_ip(datagram, &mut Vec::new())?;
    let inside = UdpDatagram {
        source_port: ports.0,
        destination_port: ports.1,
        payload: outer.bytes.to_vec(),
    };
    let body = udp(&inside, &outer.ip)?;
    ip(&outer.ip, IpNextHeaderProtocols::Udp, &body)
}

/// The checksum of `body` with the pseudo-header of either IP version (RFC 9293 §3.1);
/// the 16-bit word at index `skip` counts as zero.
pub(crate) fn checksum(body: &[u8], skip: usize, ip: &IpFields, protocol: u8) -> u16 {
    let protocol = IpNextHeaderProtocol(protocol);
    match (ip.source, ip.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            util::ipv4_checksum(body, skip, &[], &source, &destination, protocol)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            util::ipv6_checksum(body, skip, &[], &source, &destination, protocol)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => 0,
    }
}

fn tcp(segment: &TcpSegment, ip: &IpFields) -> Result<Vec<u8>, String> {
    let mut options = Vec::new();
    segment
        .options
        .iter()
        .for_each(|option| option.write(&mut options));
    if options.len() > 40 || options.len() % 4 != 0 {
        return Err(format!(
            "TCP options take {} bytes; a header holds 0 to 40 in whole words of 4",
            options.len()
        ));
    }
    let mut bytes = vec![0; TCP_HEADER];
    bytes.extend_from_slice(&options);
    bytes.extend_from_slice(&segment.payload);
    let words = (TCP_HEADER + options.len()) / 4;
    {
        let mut header = MutableTcpPacket::new(&mut bytes).ok_or("no room for a TCP header")?;
        header.set_source(segment.source_port);
        header.set_destination(segment.destination_port);
        header.set_sequence(segment.sequence);
        header.set_acknowledgement(segment.acknowledgment);
        header.set_data_offset(words as u8);
        header.set_reserved((segment.reserved << 1) | ((segment.flags.0 >> 8) & 1) as u8);
        header.set_flags((segment.flags.0 & 0xff) as u8);
        header.set_window(segment.window);
        header.set_urgent_ptr(segment.urgent);
    }
    let sum = checksum(&bytes, 8, ip, 6);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    Ok(bytes)
}

fn udp(datagram: &UdpDatagram, ip: &IpFields) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(&datagram.payload);
    let length = u16::try_from(bytes.len()).map_err(|_| "UDP datagram above 65,535 bytes")?;
    {
        let mut header = MutableUdpPacket::new(&mut bytes).ok_or("no room for a UDP header")?;
        header.set_source(datagram.source_port);
        header.set_destination(datagram.destination_port);
        header.set_length(length);
    }
    // A computed zero is sent as all ones: zero on the wire means "no checksum" (RFC 768).
    let sum = match checksum(&bytes, 3, ip, 17) {
        0 => 0xffff,
        sum => sum,
    };
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    Ok(bytes)
}

fn icmp(message: &IcmpMessage, ip: &IpFields) -> (IpNextHeaderProtocol, Vec<u8>) {
    let mut bytes = vec![message.kind, message.code, 0, 0];
    bytes.extend_from_slice(&message.rest_of_header);
    bytes.extend_from_slice(&message.payload);
    let (protocol, sum) = match ip.source {
        IpAddr::V4(_) => (IpNextHeaderProtocols::Icmp, util::checksum(&bytes, 1)),
        IpAddr::V6(_) => (IpNextHeaderProtocols::Icmpv6, checksum(&bytes, 1, ip, 58)),
    };
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    (protocol, bytes)
}

/// An IP header of the family of `fields` with `body` behind it.
pub(super) fn ip(
    fields: &IpFields,
    protocol: IpNextHeaderProtocol,
    body: &[u8],
) -> Result<Vec<u8>, String> {
    let too_long = |_| "IP datagram above 65,535 bytes".to_string();
    match (fields.source, fields.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut bytes = vec![0; 20];
            bytes.extend_from_slice(body);
            let total = u16::try_from(bytes.len()).map_err(too_long)?;
            let mut header = MutableIpv4Packet::new(&mut bytes).ok_or("no room for IPv4")?;
            header.set_version(4);
            header.set_header_length(5);
            header.set_dscp(fields.traffic_class >> 2);
            header.set_ecn(fields.traffic_class & 3);
            header.set_total_length(total);
            header.set_ttl(fields.ttl);
            header.set_next_level_protocol(protocol);
            header.set_source(source);
            header.set_destination(destination);
            let sum = ipv4::checksum(&header.to_immutable());
            header.set_checksum(sum);
            Ok(bytes)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut bytes = vec![0; 40];
            bytes.extend_from_slice(body);
            let length = u16::try_from(body.len()).map_err(too_long)?;
            let mut header = MutableIpv6Packet::new(&mut bytes).ok_or("no room for IPv6")?;
            header.set_version(6);
            header.set_traffic_class(fields.traffic_class);
            header.set_flow_label(fields.flow_label);
            header.set_payload_length(length);
            header.set_next_header(protocol);
            header.set_hop_limit(fields.ttl);
            header.set_source(source);
            header.set_destination(destination);
            Ok(bytes)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            Err("source and destination are of different IP versions".to_string())
        }
    }
}
