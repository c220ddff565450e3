//! What surrounds TCP on inbound lines: the IP header, layers, pieces, UDP and ICMP.

use std::net::IpAddr;

use crate::expect::compare::difference;
use crate::program::{
    BodyPattern, EcnPattern, IcmpPattern, IcmpQuote, IpPattern, LayerPattern, PacketPattern,
    UdpPattern,
};
use crate::source::Span;
use crate::verdict::Failure;
use crate::wire::encapsulation::{self, Layer};
use crate::wire::{
    self, IcmpMessage, IpFields, Packet, Reshape, TcpFlags, TcpSegment, Transport, UdpDatagram,
};

use super::{Connection, Run, Stop};

/// The ICMPv6 type.
const ROUTER_ADVERTISEMENT: u8 = 134;

impl Run<'_> {
    pub(super) fn inbound_ip(&self, pattern: &IpPattern) -> IpFields {
        let (source, destination) = (self.addresses.remote_ip, self.addresses.local_ip);
        ip_fields(pattern, source, destination)
    }

    /// The bytes of an inbound line: the packet, what is wrong with it, and what surrounds it.
    pub(super) fn inbound_bytes(
        &self,
        pattern: &PacketPattern,
        packet: Packet,
    ) -> Result<Vec<u8>, Stop> {
        self.built(pattern, packet)
            .map_err(|problem| self.not_sendable(&problem, pattern.span))
    }

    fn built(&self, pattern: &PacketPattern, packet: Packet) -> Result<Vec<u8>, String> {
        let (mut bytes, bad_checksum) = match &pattern.body {
            BodyPattern::Tcp(tcp) => (self.tcp_bytes(tcp, packet)?, false),
            BodyPattern::Udp(udp) => (packet.build()?, udp.bad_checksum),
            BodyPattern::Icmp(icmp) => (packet.build()?, icmp.bad_checksum),
        };
        if bad_checksum {
            wire::spoil_checksum(&mut bytes);
        }
        if let Some(ports) = pattern.udp_encapsulation {
            bytes = wire::put_in_udp(&bytes, ports)?;
        }
        let bytes = reshape(&pattern.ip).apply(bytes)?;
        encapsulation::wrap(&layers(&pattern.layers), bytes)
    }

    /// Only the script can be at fault for a packet that no bytes can hold.
    fn not_sendable(&self, problem: &str, span: Span) -> Stop {
        self.script_error(Failure {
            code: "R008",
            message: format!("the packet of this line cannot be built: {problem}"),
            label: "this packet cannot be made".to_string(),
            span: Some(span),
            differences: vec![difference("packet", "a packet that can be made", problem)],
            notes: Vec::new(),
            help: None,
        })
    }

    pub(super) fn inbound_udp(&mut self, pattern: &UdpPattern) -> UdpDatagram {
        let bind_port = self.bind_port;
        let connection = self.connection_for_inbound();
        let (source, destination) = pattern.ports.unwrap_or((0, 0));
        let or = |port: u16, otherwise: u16| if port == 0 { otherwise } else { port };
        let zeros = || vec![0; usize::from(pattern.len)];
        UdpDatagram {
            source_port: or(source, connection.remote_port),
            destination_port: or(destination, connection.local_port.unwrap_or(bind_port)),
            payload: pattern.contents.clone().unwrap_or_else(zeros),
        }
    }

    pub(super) fn inbound_icmp(
        &mut self,
        pattern: &IcmpPattern,
        span: Span,
    ) -> Result<IcmpMessage, Stop> {
        let v4 = self.addresses.local_ip.is_ipv4();
        let pick = |(four, six): (Option<u8>, Option<u8>)| if v4 { four } else { six };
        let (Some(kind), Some(code)) = (pick(pattern.kind), pick(pattern.code)) else {
            let version = if v4 { "IPv4" } else { "IPv6" };
            return Err(Stop::Unsupported {
                capability: "icmp".to_string(),
                reason: format!(
                    "line {}: this ICMP type or code does not exist in {version}",
                    self.program.source.line_of(span.start)
                ),
            });
        };
        if (kind, v4) == (ROUTER_ADVERTISEMENT, false) && pattern.quote.is_none() {
            return Ok(router_advertisement(code, pattern.mtu));
        }
        let mut rest_of_header = [0; 4];
        if let Some(mtu) = pattern.mtu {
            // IPv4: the low 16 bits (RFC 1191 §4); IPv6: all 32 (RFC 4443 §3.2).
            rest_of_header = mtu.to_be_bytes();
        }
        if let Some(id) = pattern.id {
            rest_of_header[..2].copy_from_slice(&id.to_be_bytes());
        }
        if let Some(sequence) = pattern.sequence {
            rest_of_header[2..].copy_from_slice(&sequence.to_be_bytes());
        }
        let payload = self.quoted_bytes(pattern.quote.as_ref())?;
        Ok(IcmpMessage {
            kind,
            code,
            rest_of_header,
            payload,
        })
    }

    /// What an ICMP error quotes: IP header and eight bytes of the stack's own packet.
    fn quoted_bytes(&mut self, quote: Option<&IcmpQuote>) -> Result<Vec<u8>, Stop> {
        let connection = self
            .connection
            .clone()
            .unwrap_or(Connection::new(None, self.connect_port));
        let source_port = connection.local_port.unwrap_or(self.bind_port);
        let destination_port = connection.remote_port;
        let (seq, len, udp_ports) = match quote {
            None => (0, 0, None),
            Some(IcmpQuote::Tcp { seq, len, udp }) => (*seq, *len, *udp),
            Some(IcmpQuote::Udp(len)) => (0, *len, None),
            Some(IcmpQuote::Raw(len)) => return Ok(vec![0; usize::from(*len).saturating_sub(8)]),
            Some(IcmpQuote::Contents(bytes)) => return Ok(bytes.clone()),
        };
        let payload = vec![0; usize::from(len)];
        let transport = match quote {
            Some(IcmpQuote::Udp(_)) => Transport::Udp(UdpDatagram {
                source_port,
                destination_port,
                payload,
            }),
            _ => Transport::Tcp(TcpSegment {
                source_port,
                destination_port,
                sequence: connection.live_local(seq),
                acknowledgment: 0,
                flags: TcpFlags::ACK,
                reserved: 0,
                window: 0,
                urgent: 0,
                options: Vec::new(),
                payload,
            }),
        };
        let ip = IpFields {
            source: self.addresses.local_ip,
            destination: self.addresses.remote_ip,
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
        };
        let header = if ip.source.is_ipv4() { 20 } else { 40 };
        let inside = if udp_ports.is_some() { 8 } else { 0 };
        let packet = Packet { ip, transport };
        let mut bytes = packet
            .build()
            .and_then(|bytes| match udp_ports {
                Some(ports) => wire::put_in_udp(&bytes, ports),
                None => Ok(bytes),
            })
            .map_err(|problem| Stop::Machine(format!("the quoted packet: {problem}")))?;
        bytes.truncate(header + inside + 8);
        Ok(bytes)
    }
}

/// A router that is none for traffic, with the MTU of its link (RFC 4861 §4.2, §4.6.4).
fn router_advertisement(code: u8, mtu: Option<u32>) -> IcmpMessage {
    let mut payload = vec![0; 8];
    if let Some(mtu) = mtu {
        payload.extend([5, 1, 0, 0]);
        payload.extend(mtu.to_be_bytes());
    }
    IcmpMessage {
        kind: ROUTER_ADVERTISEMENT,
        code,
        rest_of_header: [0; 4],
        payload,
    }
}

fn ip_fields(pattern: &IpPattern, source: IpAddr, destination: IpAddr) -> IpFields {
    let ecn = match pattern.ecn {
        Some(EcnPattern::Bits(bits)) => bits,
        Some(EcnPattern::EctAny) | None => 0,
    };
    let class = pattern.dscp.unwrap_or(0) << 2 | ecn;
    IpFields {
        source,
        destination,
        ttl: pattern.ttl.and_then(|ttl| ttl.exact()).unwrap_or(255),
        traffic_class: pattern.tos.unwrap_or(class),
        flow_label: pattern.flow_label.unwrap_or(0),
    }
}

fn layers(patterns: &[LayerPattern]) -> Vec<Layer> {
    patterns
        .iter()
        .map(|pattern| match pattern {
            LayerPattern::Ip {
                ip,
                source,
                destination,
            } => Layer::Ip(ip_fields(ip, *source, *destination)),
            LayerPattern::Gre(header) => Layer::Gre(*header),
            LayerPattern::Mpls(entries) => Layer::Mpls(entries.clone()),
        })
        .collect()
}

fn reshape(pattern: &IpPattern) -> Reshape {
    Reshape {
        id: pattern.id.and_then(|id| id.exact()),
        dont_fragment: pattern.dont_fragment.unwrap_or(false),
        piece: pattern
            .fragment
            .map(|piece| (piece.first, piece.end, piece.more)),
        bad_checksum: pattern.damage.checksum,
        length: pattern.damage.length,
        protocol: pattern.damage.protocol,
    }
}
