//! Packet lines: what stands around the transport header, ports, UDP, pieces.

use super::Checker;
use super::annotation::Header;
use crate::diagnostic::code;
use crate::program::{
    BodyPattern, FragmentPattern, IcmpQuote, IpPattern, IpVersion, PacketPattern, UdpPattern,
};
use crate::script::ast::{Body, Direction, Number, Packet, Udp};
use crate::source::{Span, Spanned};

/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;

impl Checker<'_> {
    pub(super) fn packet(&mut self, packet: &Packet) -> Option<PacketPattern> {
        let direction = packet.direction.node;
        let layers = self.layers(&packet.layers, direction);
        if let Some(span) = packet.psp {
            self.need("psp", span);
        }
        let ip = match &packet.annotation {
            Some(items) => self.annotation(items, direction, Header::Inner),
            None => Some(IpPattern::default()),
        };
        let body = match &packet.body {
            Body::Tcp(tcp) => self.tcp(tcp, packet).map(BodyPattern::Tcp),
            Body::Udp(udp) => self.udp(udp, packet).map(BodyPattern::Udp),
            Body::Icmp(icmp) => self
                .icmp(icmp, direction, packet.span)
                .map(BodyPattern::Icmp),
        };
        let udp_encapsulation = match &packet.udp_encapsulation {
            Some(ports) => self.udp_encapsulation(ports, direction).map(Some),
            None => Some(None),
        };
        let pattern = PacketPattern {
            layers: layers?,
            ip: ip?,
            udp_encapsulation: udp_encapsulation?,
            body: body?,
            span: packet.span,
        };
        if let Some(piece) = pattern.ip.fragment {
            self.fragment(&pattern, piece, packet)?;
        }
        Some(pattern)
    }

    /// The ports of `/udp(SPORT > DPORT)`. Only a stack that speaks it can send it.
    fn udp_encapsulation(
        &mut self,
        ports: &Spanned<(Number, Number)>,
        direction: Direction,
    ) -> Option<(u16, u16)> {
        if direction == Direction::Outbound {
            self.need("udp_encapsulation", ports.span);
        }
        self.ports(Some(&ports.node)).flatten()
    }

    /// Whether a piece lies in its datagram and can be judged.
    fn fragment(
        &mut self,
        pattern: &PacketPattern,
        piece: FragmentPattern,
        packet: &Packet,
    ) -> Option<()> {
        let span = packet
            .annotation
            .as_ref()
            .map_or(packet.span, |items| items.span);
        let outbound = packet.direction.node == Direction::Outbound;
        let quoting = matches!(&pattern.body, BodyPattern::Icmp(icmp)
            if !matches!(icmp.quote, Some(IcmpQuote::Raw(_) | IcmpQuote::Contents(_))));
        let tcp = matches!(pattern.body, BodyPattern::Tcp(_));
        if outbound && (tcp || quoting || !pattern.layers.is_empty()) {
            let message = "an outbound piece is compared only if it is of a UDP datagram or of an \
                           ICMP message with `\"…\"` or `[raw (N)]`, outside layers";
            self.error(code::FRAGMENT_USE, span, message);
            return None;
        }
        // Where quotes and TCP options make the length, the runner looks.
        let total = match &pattern.body {
            BodyPattern::Udp(udp) => Some(UDP_HEADER + usize::from(udp.len)),
            BodyPattern::Icmp(icmp) => match &icmp.quote {
                Some(IcmpQuote::Raw(len)) => Some(usize::from(*len)),
                Some(IcmpQuote::Contents(bytes)) => Some(8 + bytes.len()),
                Some(IcmpQuote::Tcp { .. } | IcmpQuote::Udp(_)) | None => None,
            },
            BodyPattern::Tcp(_) => None,
        };
        let end = usize::from(piece.end);
        match total {
            Some(total) if end > total => {
                let message = format!("the piece ends at {end}, the datagram at {total}");
                let help =
                    "bytes are counted behind the IP header: 8 of UDP or ICMP, then the payload";
                self.error_help(code::FRAGMENT_RANGE, span, message, help);
                None
            }
            _ => Some(()),
        }
    }

    pub(super) fn ports(&mut self, ports: Option<&(Number, Number)>) -> Option<Option<(u16, u16)>> {
        let Some((source, destination)) = ports else {
            return Some(None);
        };
        let source = self.field16(source, "a port");
        let destination = self.field16(destination, "a port");
        Some(Some((source?, destination?)))
    }

    fn udp(&mut self, udp: &Udp, packet: &Packet) -> Option<UdpPattern> {
        self.need("udp", packet.span);
        let ports = self.ports(udp.ports.as_ref());
        let len = self.field16(&udp.len, "a UDP payload");
        let damaged = match udp.bad_checksum {
            Some(span) => self.damaged(packet.direction.node, span),
            None => Some(()),
        };
        let (ports, len) = (ports?, len?);
        damaged?;
        self.fits_ip(UDP_HEADER + usize::from(len), packet.span)?;
        let contents = match &udp.contents {
            Some(bytes) if bytes.node.len() != usize::from(len) => {
                let message = format!(
                    "these contents have {} bytes, the line says `{len}`",
                    bytes.node.len()
                );
                let help = format!("write `({})`", bytes.node.len());
                self.error_help(code::PAYLOAD_LENGTH, bytes.span, message, help);
                return None;
            }
            Some(bytes) => Some(bytes.node.clone()),
            None => None,
        };
        Some(UdpPattern {
            ports,
            len,
            contents,
            bad_checksum: udp.bad_checksum.is_some(),
        })
    }

    /// Whether `bytes` behind the IP header fit a datagram of either family.
    pub(super) fn fits_ip(&mut self, bytes: usize, span: Span) -> Option<()> {
        let most = match self.ip_version {
            IpVersion::Ipv6 => 65_535,
            IpVersion::Ipv4 | IpVersion::Ipv4MappedIpv6 => 65_535 - 20,
        };
        if bytes <= most {
            return Some(());
        }
        let message = format!(
            "this packet has {bytes} bytes behind its IP header; IP carries at most {most}"
        );
        self.error(code::DATAGRAM_TOO_LONG, span, message);
        None
    }
}
