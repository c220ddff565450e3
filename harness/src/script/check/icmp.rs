//! ICMP lines: words to numbers, for both families at once.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{IcmpPattern, IcmpQuote, IpVersion};
use crate::script::ast::{Icmp, Quote};
use crate::script::suggest;
use crate::source::{Span, Spanned};

/// The number in ICMPv4 and in ICMPv6.
type Both = (Option<u8>, Option<u8>);

const TYPES: &[(&str, Option<u8>, Option<u8>)] = &[
    ("unreachable", Some(3), Some(1)),
    ("packet_too_big", None, Some(2)),
    ("time_exceeded", Some(11), Some(3)),
    ("parameter_problem", Some(12), Some(4)),
    ("echo_request", Some(8), Some(128)),
    ("echo_reply", Some(0), Some(129)),
    ("source_quench", Some(4), None),
    ("redirect", Some(5), None),
    ("timestamp_request", Some(13), None),
    ("timestamp_reply", Some(14), None),
    ("information_request", Some(15), None),
    ("information_reply", Some(16), None),
    ("address_mask_request", Some(17), None),
    ("address_mask_reply", Some(18), None),
];

/// Code words by type word.
const CODES: &[(&str, &str, Option<u8>, Option<u8>)] = &[
    ("unreachable", "net_unreachable", Some(0), Some(0)),
    ("unreachable", "host_unreachable", Some(1), None),
    ("unreachable", "protocol_unreachable", Some(2), None),
    ("unreachable", "port_unreachable", Some(3), Some(4)),
    ("unreachable", "frag_needed", Some(4), None),
    ("unreachable", "source_route_failed", Some(5), None),
    ("unreachable", "net_unknown", Some(6), None),
    ("unreachable", "host_unknown", Some(7), None),
    ("unreachable", "source_host_isolated", Some(8), None),
    ("unreachable", "net_prohibited", Some(9), None),
    ("unreachable", "host_prohibited", Some(10), None),
    ("unreachable", "net_unreachable_for_tos", Some(11), None),
    ("unreachable", "host_unreachable_for_tos", Some(12), None),
    ("unreachable", "packet_filtered", Some(13), None),
    ("unreachable", "precedence_violation", Some(14), None),
    ("unreachable", "precedence_cutoff", Some(15), None),
    ("unreachable", "no_route", None, Some(0)),
    ("unreachable", "admin_prohibited", None, Some(1)),
    ("unreachable", "not_neighbour", None, Some(2)),
    ("unreachable", "address_unreachable", None, Some(3)),
    ("time_exceeded", "exceeded_hop_limit", None, Some(0)),
    ("time_exceeded", "exceeded_frag_time", None, Some(1)),
    ("parameter_problem", "header_field", None, Some(0)),
    ("parameter_problem", "unknown_next_header", None, Some(1)),
    ("parameter_problem", "unknown_option", None, Some(2)),
];

impl Checker<'_> {
    pub(super) fn icmp(&mut self, icmp: &Icmp, span: Span) -> Option<IcmpPattern> {
        self.need("icmp", span);
        let kind = self.icmp_type(&icmp.kind);
        let code = match &icmp.code {
            Some(code) => self.icmp_code(code, &icmp.kind.node),
            None => Some((Some(0), Some(0))),
        };
        let mtu = match &icmp.mtu {
            Some(mtu) => {
                let code = icmp.code.as_ref().map(|code| code.node.as_str());
                match self.mtu_limit(&icmp.kind.node, code, mtu.span) {
                    Some(most) => self
                        .field(mtu, "this MTU", most)
                        .map(|mtu| u32::try_from(mtu).ok()),
                    None => None,
                }
            }
            None => Some(None),
        };
        let id = match &icmp.id {
            Some(id) => {
                if !icmp.kind.node.starts_with("echo_") && !icmp.kind.node.starts_with("type_") {
                    self.error(
                        code::ICMP_FIELD,
                        id.span,
                        "only echo messages have an identifier",
                    );
                }
                self.field16(id, "an identifier").map(Some)
            }
            None => Some(None),
        };
        let quote = self.quote(icmp.quote.as_ref());
        let (kind, code) = (kind?, code?);
        self.families(kind, code, span);
        Some(IcmpPattern {
            kind,
            code,
            mtu: mtu?,
            id: id?,
            quote: quote?,
        })
    }

    /// A word that one family lacks keeps the script off that family.
    fn families(&mut self, kind: Both, code: Both, span: Span) {
        if kind.1.is_none() || code.1.is_none() {
            self.only_on(IpVersion::Ipv4, span);
        }
        if kind.0.is_none() || code.0.is_none() {
            self.only_on(IpVersion::Ipv6, span);
        }
    }

    fn icmp_type(&mut self, word: &Spanned<String>) -> Option<Both> {
        if let Some((_, v4, v6)) = TYPES.iter().find(|(name, _, _)| *name == word.node) {
            return Some((*v4, *v6));
        }
        self.numbered(word, "type_").or_else(|| {
            self.unknown_word(word, "type", TYPES.iter().map(|(name, _, _)| *name));
            None
        })
    }

    fn icmp_code(&mut self, word: &Spanned<String>, kind: &str) -> Option<Both> {
        let known = || CODES.iter().filter(|(of, ..)| *of == kind);
        if let Some((_, _, v4, v6)) = known().find(|(_, name, ..)| *name == word.node) {
            return Some((*v4, *v6));
        }
        self.numbered(word, "code_").or_else(|| {
            self.unknown_word(word, "code", known().map(|(_, name, ..)| *name));
            None
        })
    }

    /// `type_N` or `code_N`.
    fn numbered(&mut self, word: &Spanned<String>, prefix: &str) -> Option<Both> {
        let number = word.node.strip_prefix(prefix)?.parse::<u8>().ok()?;
        Some((Some(number), Some(number)))
    }

    fn unknown_word(
        &mut self,
        word: &Spanned<String>,
        what: &str,
        known: impl Iterator<Item = &'static str>,
    ) {
        let known: Vec<&str> = known.collect();
        let message = format!("`{}` is not an ICMP {what}", word.node);
        let help = match suggest::nearest(&word.node, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => {
                format!("this type has no words for codes; a number is written `{what}_N`")
            }
            None => format!(
                "a number is written `{what}_N`, up to 255; the words are {}",
                known.join(", ")
            ),
        };
        self.report(Diagnostic::error(code::ICMP_WORD, self.source, word.span, message).help(help));
    }

    /// The largest MTU the message can carry, if it carries one.
    fn mtu_limit(&mut self, kind: &str, code: Option<&str>, span: Span) -> Option<u64> {
        match (kind, code) {
            ("packet_too_big", _) => Some(u64::from(u32::MAX)),
            ("unreachable", Some("frag_needed")) => Some(u64::from(u16::MAX)),
            _ => {
                let message = "only `unreachable frag_needed` and `packet_too_big` have an MTU";
                self.error(code::ICMP_FIELD, span, message);
                None
            }
        }
    }

    fn quote(&mut self, quote: Option<&Quote>) -> Option<IcmpQuote> {
        Some(match quote {
            None => IcmpQuote::Tcp { seq: 0, len: 0 },
            Some(Quote::Tcp(range)) => {
                let (seq, len) = self.range(range)?;
                IcmpQuote::Tcp { seq, len }
            }
            Some(Quote::Udp(len)) => IcmpQuote::Udp(self.field16(len, "a UDP payload")?),
            Some(Quote::Raw(len)) => IcmpQuote::Raw(self.field16(len, "an ICMP message")?),
        })
    }
}
