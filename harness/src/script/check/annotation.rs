//! IP annotations: which items may stand together, and on which lines.

use super::Checker;
use crate::diagnostic::code;
use crate::program::{EcnPattern, FragmentPattern, IpPattern, IpVersion, Match};
use crate::script::ast::{Annotation, AnnotationItem, Direction, Number};
use crate::source::{Span, Spanned};

/// Whose IP header an annotation speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The packet's own, of the run's family.
    Inner,
    /// An encapsulation layer's: IPv6 or not.
    Layer { v6: bool },
}

impl Checker<'_> {
    pub(super) fn annotation(
        &mut self,
        items: &Annotation,
        direction: Direction,
        header: Header,
    ) -> Option<IpPattern> {
        let mut pattern = IpPattern::default();
        let mut good = true;
        for item in &items.node {
            if header != Header::Inner && !fits_layer(&item.node) {
                let message =
                    "this says something of the packet itself: write it behind the last layer";
                self.error(code::ANNOTATION_USE, item.span, message);
                good = false;
                continue;
            }
            let repeated = match self.item(&mut pattern, item, direction, header) {
                Some(repeated) => repeated,
                None => {
                    good = false;
                    continue;
                }
            };
            if repeated {
                let message = "an annotation says each thing once";
                self.error(code::ANNOTATION_USE, items.span, message);
                good = false;
            }
        }
        if pattern.tos.is_some() && (pattern.ecn.is_some() || pattern.dscp.is_some()) {
            let message = match pattern.dscp {
                None => "the TOS byte holds the ECN bits: write one of both",
                Some(_) => "the TOS byte holds the DSCP: write one of both",
            };
            self.error(code::ANNOTATION_USE, items.span, message);
            good = false;
        }
        self.families_of_id(&pattern, items.span);
        good.then_some(pattern)
    }

    /// Takes one item up; whether the same was said before, or `None` if it cannot stand here.
    fn item(
        &mut self,
        pattern: &mut IpPattern,
        item: &Spanned<AnnotationItem>,
        direction: Direction,
        header: Header,
    ) -> Option<bool> {
        let inbound = direction == Direction::Inbound;
        Some(match &item.node {
            AnnotationItem::Ecn(word) => {
                self.ecn_use(word, direction)?;
                pattern.ecn.replace(ecn(&word.node)).is_some()
            }
            AnnotationItem::Dscp(value) => {
                let value = self.field(value, "a DSCP", 63)?;
                pattern.dscp.replace(u8::try_from(value).ok()?).is_some()
            }
            AnnotationItem::Tos(value) => {
                let value = self.field8(value, "the TOS byte")?;
                pattern.tos.replace(value).is_some()
            }
            AnnotationItem::Ttl(value) => {
                let ttl = match self.matched(value, "a TTL", u8::MAX, inbound)? {
                    // To packetdrill 255 means that nothing is said, and 0 means 255.
                    Match::Is(0 | 255) if self.drop_in && !inbound => Match::Any,
                    Match::Is(0) if self.drop_in => Match::Is(255),
                    ttl => ttl,
                };
                pattern.ttl.replace(ttl).is_some()
            }
            AnnotationItem::FlowLabel(value) => {
                match header {
                    Header::Inner => self.only_on(IpVersion::Ipv6, value.span),
                    Header::Layer { v6: true } => {}
                    Header::Layer { v6: false } => {
                        let message = "an IPv4 header has no flow label";
                        self.error(code::ANNOTATION_USE, item.span, message);
                        return None;
                    }
                }
                let value = self.field(value, "a flow label", (1 << 20) - 1)?;
                pattern
                    .flow_label
                    .replace(u32::try_from(value).ok()?)
                    .is_some()
            }
            AnnotationItem::Id(value) => {
                let id = self.matched(value, "an IP identification", u32::MAX, inbound)?;
                pattern.id.replace(id).is_some()
            }
            AnnotationItem::DontFragment(value) => {
                self.only_on(IpVersion::Ipv4, item.span);
                pattern.dont_fragment.replace(*value).is_some()
            }
            AnnotationItem::Fragment(first, end, more) => {
                let piece = self.piece(first, end, *more, item.span)?;
                pattern.fragment.replace(piece).is_some()
            }
            AnnotationItem::BadChecksum
            | AnnotationItem::Length(_)
            | AnnotationItem::Protocol(_) => return self.ip_damage(pattern, item, direction),
        })
    }

    /// What an inbound packet gets wrong on purpose.
    fn ip_damage(
        &mut self,
        pattern: &mut IpPattern,
        item: &Spanned<AnnotationItem>,
        direction: Direction,
    ) -> Option<bool> {
        self.damaged(direction, item.span)?;
        let damage = &mut pattern.damage;
        Some(match &item.node {
            AnnotationItem::Length(value) => {
                let value = self.field16(value, "the length field")?;
                damage.length.replace(value).is_some()
            }
            AnnotationItem::Protocol(value) => {
                let value = self.field8(value, "the protocol field")?;
                damage.protocol.replace(value).is_some()
            }
            _ => {
                self.only_on(IpVersion::Ipv4, item.span);
                std::mem::replace(&mut damage.checksum, true)
            }
        })
    }

    /// Only what is injected can be wrong on purpose.
    pub(super) fn damaged(&mut self, direction: Direction, span: Span) -> Option<()> {
        if direction == Direction::Inbound {
            return Some(());
        }
        let message = "a malformed header can be sent, not expected: a stack never sends one";
        self.error(code::DAMAGE_USE, span, message);
        None
    }

    fn piece(
        &mut self,
        first: &Number,
        end: &Number,
        more: bool,
        span: Span,
    ) -> Option<FragmentPattern> {
        let from = self.field16(first, "the first byte of a piece")?;
        let to = self.field16(end, "the end of a piece")?;
        let problem = if from % 8 != 0 {
            Some(format!(
                "a piece starts at a multiple of 8 bytes, not {from}"
            ))
        } else if to < from {
            Some(format!("the piece {from}:{to} ends before it starts"))
        } else {
            None
        };
        if let Some(message) = problem {
            let help = "the header counts offsets in units of 8 bytes (RFC 791 section 3.1)";
            self.error_help(code::FRAGMENT_RANGE, span, message, help);
            return None;
        }
        Some(FragmentPattern {
            first: from,
            end: to,
            more,
        })
    }

    /// An IPv4 header has an identification of 16 bits, an IPv6 one only as a fragment, of 32.
    fn families_of_id(&mut self, pattern: &IpPattern, span: Span) {
        let highest = match pattern.id {
            Some(Match::Is(id) | Match::Within(_, id)) => id,
            Some(Match::Any) => 0,
            None => return,
        };
        if pattern.fragment.is_none() {
            self.only_on(IpVersion::Ipv4, span);
        }
        if highest > u32::from(u16::MAX) {
            self.only_on(IpVersion::Ipv6, span);
        }
    }

    fn ecn_use(&mut self, word: &Spanned<String>, direction: Direction) -> Option<()> {
        if word.node != "ect01" || direction == Direction::Outbound {
            return Some(());
        }
        let message = "`ect01` means \"either\" and cannot be sent";
        let help = "write `ect0` or `ect1`";
        self.error_help(code::ANNOTATION_USE, word.span, message, help);
        None
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
}

/// What packetdrill compares of an outer header; the rest belongs to the packet itself.
fn fits_layer(item: &AnnotationItem) -> bool {
    matches!(
        item,
        AnnotationItem::Ecn(_)
            | AnnotationItem::Dscp(_)
            | AnnotationItem::Tos(_)
            | AnnotationItem::Ttl(_)
            | AnnotationItem::FlowLabel(_)
    )
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
