//! Packet lines: annotation, layers, ports, UDP.

use super::Checker;
use crate::diagnostic::code;
use crate::program::{BodyPattern, EcnPattern, IpPattern, IpVersion, PacketPattern};
use crate::script::ast::{AnnotationItem, Body, Direction, Layer, LayerKind, Number, Packet};
use crate::source::{Span, Spanned};

/// How many headers one packet may have: the layers, the IP and the TCP header.
const MAX_HEADERS: usize = 6;

impl Checker<'_> {
    pub(super) fn packet(&mut self, packet: &Packet) -> Option<PacketPattern> {
        self.layers(&packet.layers);
        if let Some(span) = packet.psp {
            self.need("psp", span);
        }
        let ip = match &packet.annotation {
            Some(items) => self.annotation(items, packet.direction.node),
            None => Some(IpPattern::default()),
        };
        let body = match &packet.body {
            Body::Tcp(tcp) => self.tcp(tcp, packet).map(BodyPattern::Tcp),
            Body::Udp { ports, len } => self.udp(ports.as_ref(), len, packet.span),
            Body::Icmp(icmp) => self.icmp(icmp, packet.span).map(BodyPattern::Icmp),
        };
        Some(PacketPattern {
            ip: ip?,
            body: body?,
            span: packet.span,
        })
    }

    fn layers(&mut self, layers: &[Layer]) {
        for layer in layers {
            self.need("encapsulation", layer.span);
            match &layer.kind {
                LayerKind::Ip {
                    v6,
                    source,
                    destination,
                } => {
                    for address in [source, destination] {
                        if address.node.is_ipv6() != *v6 {
                            let family = if *v6 { "an IPv6" } else { "an IPv4" };
                            let message = format!(
                                "expected {family} address in this layer, found `{}`",
                                address.node
                            );
                            self.error(code::LAYER_VALUE, address.span, message);
                        }
                    }
                }
                LayerKind::Gre => {}
                LayerKind::Mpls(entries) => {
                    for (label, class, ttl) in entries {
                        self.layer_value(label, "an MPLS label", (1 << 20) - 1);
                        self.layer_value(class, "an MPLS traffic class", 7);
                        self.layer_value(ttl, "an MPLS TTL", 255);
                    }
                }
            }
        }
        if layers.len() + 2 > MAX_HEADERS {
            let span = layers[0].span.to(layers[layers.len() - 1].span);
            let message = format!(
                "{} layers and two headers: a packet has at most {MAX_HEADERS} headers",
                layers.len()
            );
            self.error(code::LAYER_VALUE, span, message);
        }
    }

    fn layer_value(&mut self, number: &Number, what: &str, most: u64) {
        if number.node > most {
            let message = format!("{what} is at most {most}, not {}", number.node);
            self.error(code::LAYER_VALUE, number.span, message);
        }
    }

    fn annotation(
        &mut self,
        items: &Spanned<Vec<AnnotationItem>>,
        direction: Direction,
    ) -> Option<IpPattern> {
        let mut pattern = IpPattern::default();
        let mut good = true;
        for item in &items.node {
            let repeated = match item {
                AnnotationItem::Ecn(word) => {
                    good &= self.ecn_use(word, direction);
                    pattern.ecn.replace(ecn(&word.node)).is_some()
                }
                AnnotationItem::Tos(value) => {
                    let value = self.field8(value, "the TOS byte");
                    good &= value.is_some();
                    pattern.tos.replace(value.unwrap_or(0)).is_some()
                }
                AnnotationItem::Ttl(value) => {
                    let value = self.field8(value, "a TTL");
                    good &= value.is_some();
                    pattern.ttl.replace(value.unwrap_or(0)).is_some()
                }
                AnnotationItem::FlowLabel(value) => {
                    self.only_on(IpVersion::Ipv6, value.span);
                    let value = self.field(value, "a flow label", (1 << 20) - 1);
                    good &= value.is_some();
                    let value = value
                        .and_then(|value| u32::try_from(value).ok())
                        .unwrap_or(0);
                    pattern.flow_label.replace(value).is_some()
                }
            };
            if repeated {
                self.error(
                    code::ANNOTATION_USE,
                    items.span,
                    "an annotation says each thing once",
                );
                good = false;
            }
        }
        if pattern.ecn.is_some() && pattern.tos.is_some() {
            let message = "the TOS byte holds the ECN bits: write one of both";
            self.error(code::ANNOTATION_USE, items.span, message);
            good = false;
        }
        good.then_some(pattern)
    }

    fn ecn_use(&mut self, word: &Spanned<String>, direction: Direction) -> bool {
        let wrong = word.node == "ect01" && direction == Direction::Inbound;
        if wrong {
            let message = "`ect01` means \"either\" and cannot be sent";
            self.error_help(
                code::ANNOTATION_USE,
                word.span,
                message,
                "write `ect0` or `ect1`",
            );
        }
        !wrong
    }

    /// What stands at `span` exists in one family only: elsewhere the script cannot run.
    pub(super) fn only_on(&mut self, version: IpVersion, span: Span) {
        let on_v6 = self.ip_version == IpVersion::Ipv6;
        match version {
            IpVersion::Ipv6 if !on_v6 => self.need("ip_version:ipv6", span),
            IpVersion::Ipv4 | IpVersion::Ipv4MappedIpv6 if on_v6 => {
                self.need("ip_version:ipv4", span);
            }
            _ => {}
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

    fn udp(
        &mut self,
        ports: Option<&(Number, Number)>,
        len: &Number,
        span: Span,
    ) -> Option<BodyPattern> {
        self.need("udp", span);
        let ports = self.ports(ports);
        let len = self.field16(len, "a UDP payload");
        let (ports, len) = (ports?, len?);
        self.fits_ip(8 + usize::from(len), span)?;
        Some(BodyPattern::Udp { ports, len })
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

fn ecn(word: &str) -> EcnPattern {
    match word {
        "noecn" => EcnPattern::Bits(0),
        "ect1" => EcnPattern::Bits(1),
        "ect0" => EcnPattern::Bits(2),
        "ce" => EcnPattern::Bits(3),
        _ => EcnPattern::EctAny,
    }
}
