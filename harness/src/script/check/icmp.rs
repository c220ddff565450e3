//! ICMP lines: words to numbers, for both families at once.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{IcmpPattern, IcmpQuote, IpVersion};
use crate::script::ast::{Direction, Icmp, Number, Quote};
use crate::script::suggest;
use crate::source::{Span, Spanned};
use crate::symbols::icmp::{Both, CODES, TYPES};

/// Bytes of the header of every message.
const ICMP_HEADER: usize = 8;
/// The ICMPv6 type (RFC 4861 §4.2).
const ROUTER_ADVERTISEMENT: u8 = 134;

impl Checker<'_> {
    pub(super) fn icmp(
        &mut self,
        icmp: &Icmp,
        direction: Direction,
        span: Span,
    ) -> Option<IcmpPattern> {
        self.need("icmp", span);
        let kind = self.icmp_type(&icmp.kind);
        let code = match &icmp.code {
            Some(code) => self.icmp_code(code, &icmp.kind.node),
            None => Some((Some(0), Some(0))),
        };
        let mtu = match (&icmp.mtu, kind, code) {
            (Some(mtu), Some(kind), Some(code)) => self.mtu(mtu, kind, code).map(Some),
            (Some(_), ..) => None,
            (None, ..) => Some(None),
        };
        let id = self.echo_field(icmp, icmp.id.as_ref(), "an identifier");
        let sequence = self.echo_field(icmp, icmp.sequence.as_ref(), "a sequence number");
        let quote = match &icmp.quote {
            Some(quote) => self.quote(quote, span).map(Some),
            None => Some(None),
        };
        let damaged = match icmp.bad_checksum {
            Some(place) => self.damaged(direction, place),
            None => Some(()),
        };
        let (kind, code) = (kind?, code?);
        self.families(kind, code, span);
        damaged?;
        Some(IcmpPattern {
            kind,
            code,
            mtu: mtu?,
            id: id?,
            sequence: sequence?,
            quote: quote?,
            bad_checksum: icmp.bad_checksum.is_some(),
        })
    }

    /// `id N` and `seq N`.
    fn echo_field(
        &mut self,
        icmp: &Icmp,
        number: Option<&Number>,
        what: &str,
    ) -> Option<Option<u16>> {
        let Some(number) = number else {
            return Some(None);
        };
        // packetdrill writes an identifier into any message.
        let echo = ["echo_", "type_"]
            .iter()
            .any(|prefix| icmp.kind.node.starts_with(prefix));
        if !echo && !self.drop_in {
            let message = format!("only echo messages have {what}");
            self.error(code::ICMP_FIELD, number.span, message);
        }
        self.field16(number, what).map(Some)
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

    /// The MTU of a message that carries one; packetdrill asks for the numbers, not for the words.
    fn mtu(&mut self, mtu: &Number, kind: Both, code: Both) -> Option<u32> {
        let most = match (kind, code) {
            ((Some(3), _), (Some(4), _)) => u64::from(u16::MAX),
            ((_, Some(2 | ROUTER_ADVERTISEMENT)), (_, Some(0))) => u64::from(u32::MAX),
            _ => {
                let message = "only `unreachable frag_needed`, `packet_too_big` and \
                               `router_advertisement` have an MTU";
                self.error(code::ICMP_FIELD, mtu.span, message);
                return None;
            }
        };
        let value = self.field(mtu, "this MTU", most)?;
        u32::try_from(value).ok()
    }

    fn quote(&mut self, quote: &Quote, span: Span) -> Option<IcmpQuote> {
        Some(match quote {
            Quote::Tcp(range, udp) => {
                let (seq, len) = self.range(range)?;
                let udp = self.ports(udp.as_ref())?;
                IcmpQuote::Tcp { seq, len, udp }
            }
            Quote::Udp(len) => IcmpQuote::Udp(self.field16(len, "a UDP payload")?),
            Quote::Raw(len) => {
                let bytes = self.field16(len, "an ICMP message")?;
                if usize::from(bytes) < ICMP_HEADER {
                    let message = format!("an ICMP message has at least {ICMP_HEADER} bytes");
                    self.error(code::VALUE_RANGE, len.span, message);
                    return None;
                }
                self.fits_ip(usize::from(bytes), span)?;
                IcmpQuote::Raw(bytes)
            }
            Quote::Contents(bytes) => {
                self.fits_ip(ICMP_HEADER + bytes.len(), span)?;
                IcmpQuote::Contents(bytes.clone())
            }
        })
    }
}
