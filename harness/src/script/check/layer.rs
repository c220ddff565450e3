//! Encapsulation layers in front of a packet.

use super::Checker;
use super::annotation::Header;
use crate::diagnostic::code;
use crate::program::{IpPattern, LayerPattern};
use crate::script::ast::{Direction, Gre, Layer, LayerKind, MplsEntry, Number};
use crate::wire::encapsulation::{self, gre};

/// How many headers one packet may have: the layers, the IP and the TCP header.
const MAX_HEADERS: usize = 6;

impl Checker<'_> {
    pub(super) fn layers(
        &mut self,
        layers: &[Layer],
        direction: Direction,
    ) -> Option<Vec<LayerPattern>> {
        let mut patterns = Vec::new();
        let mut good = true;
        for layer in layers {
            self.need("encapsulation", layer.span);
            match self.layer(&layer.kind, direction) {
                Some(pattern) => patterns.push(pattern),
                None => good = false,
            }
        }
        good &= self.layer_order(layers);
        if layers.len() + 2 > MAX_HEADERS {
            let span = layers[0].span.to(layers[layers.len() - 1].span);
            let message = format!(
                "{} layers and two headers: a packet has at most {MAX_HEADERS} headers",
                layers.len()
            );
            self.error(code::LAYER_VALUE, span, message);
            good = false;
        }
        good.then_some(patterns)
    }

    /// The outermost header is IP, and GRE is carried by IP alone.
    fn layer_order(&mut self, layers: &[Layer]) -> bool {
        let mut behind_ip = None;
        for layer in layers {
            let message = match (&layer.kind, behind_ip) {
                (LayerKind::Ip { .. }, _) | (_, Some(true)) | (LayerKind::Mpls(_), Some(false)) => {
                    behind_ip = Some(matches!(layer.kind, LayerKind::Ip { .. }));
                    continue;
                }
                (_, None) => "the first layer must be an IP header",
                (LayerKind::Gre(_), Some(false)) => "GRE stands behind an IP header only",
            };
            let help = "write `ipv4 A > B:` or `ipv6 A > B:` in front of it";
            self.error_help(code::LAYER_ORDER, layer.span, message, help);
            return false;
        }
        true
    }

    fn layer(&mut self, layer: &LayerKind, direction: Direction) -> Option<LayerPattern> {
        match layer {
            LayerKind::Ip {
                v6,
                annotation,
                source,
                destination,
            } => {
                let ip = match annotation {
                    Some(items) => {
                        let header = Header::Layer { v6: *v6 };
                        self.annotation(items, direction, header)
                    }
                    None => Some(IpPattern::default()),
                };
                let mut good = true;
                for address in [source, destination] {
                    if address.node.is_ipv6() != *v6 {
                        let family = if *v6 { "an IPv6" } else { "an IPv4" };
                        let message = format!(
                            "expected {family} address in this layer, found `{}`",
                            address.node
                        );
                        self.error(code::LAYER_VALUE, address.span, message);
                        good = false;
                    }
                }
                good.then_some(())?;
                Some(LayerPattern::Ip {
                    ip: ip?,
                    source: source.node,
                    destination: destination.node,
                })
            }
            LayerKind::Gre(fields) => self.gre(fields).map(LayerPattern::Gre),
            LayerKind::Mpls(entries) => {
                let entries: Vec<_> = entries.iter().map(|entry| self.mpls(entry)).collect();
                let entries = entries.into_iter().collect::<Option<Vec<_>>>()?;
                Some(LayerPattern::Mpls(entries))
            }
        }
    }

    fn gre(&mut self, fields: &Gre) -> Option<encapsulation::Gre> {
        let zero = |field: &Option<Number>| field.as_ref().map(|number| number.node).unwrap_or(0);
        for (field, what, most) in [
            (&fields.flags, "a GRE flag word", u64::from(u16::MAX)),
            (&fields.sum, "a GRE checksum", u64::from(u16::MAX)),
            (&fields.off, "a GRE offset", u64::from(u16::MAX)),
            (&fields.key, "a GRE key", u64::from(u32::MAX)),
            (&fields.seq, "a GRE sequence number", u64::from(u32::MAX)),
        ] {
            if let Some(number) = field {
                self.layer_value(number, what, most)?;
            }
        }
        let flags = u16::try_from(zero(&fields.flags)).ok()?;
        if let (true, Some(number)) = (flags & gre::UNREADABLE != 0, &fields.flags) {
            let message = "GRE with routing, or of another version than 0, has no form here";
            self.error(code::LAYER_VALUE, number.span, message);
            return None;
        }
        let header = encapsulation::Gre {
            flags,
            checksum: match &fields.sum {
                Some(sum) => Some(u16::try_from(sum.node).ok()?),
                None => None,
            },
            offset: u16::try_from(zero(&fields.off)).ok()?,
            key: u32::try_from(zero(&fields.key)).ok()?,
            sequence: u32::try_from(zero(&fields.seq)).ok()?,
        };
        Some(match self.drop_in {
            true => header.without_gaps(),
            false => header,
        })
    }

    fn mpls(&mut self, entry: &MplsEntry) -> Option<encapsulation::MplsEntry> {
        let label = self.layer_value(&entry.label, "an MPLS label", (1 << 20) - 1);
        let class = self.layer_value(&entry.class, "an MPLS traffic class", 7);
        let ttl = self.layer_value(&entry.ttl, "an MPLS TTL", 255);
        Some(encapsulation::MplsEntry {
            label: u32::try_from(label?).ok()?,
            class: u8::try_from(class?).ok()?,
            bottom: entry.bottom,
            ttl: u8::try_from(ttl?).ok()?,
        })
    }

    fn layer_value(&mut self, number: &Number, what: &str, most: u64) -> Option<u64> {
        if number.node <= most {
            return Some(number.node);
        }
        let message = format!("{what} is at most {most}, not {}", number.node);
        self.error(code::LAYER_VALUE, number.span, message);
        None
    }
}
