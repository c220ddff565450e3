//! ICMP lines, after the word `icmp`.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{Icmp, Quote};
use crate::script::token::TokenKind;

impl Parser<'_> {
    pub(super) fn icmp(&mut self) -> Parsed<Icmp> {
        let kind = self.word("an ICMP type, such as `unreachable`")?;
        let code = match self.kind() {
            TokenKind::Word if !self.at_icmp_field() => Some(self.word("an ICMP code")?),
            _ => None,
        };
        let mut icmp = Icmp {
            kind,
            code,
            mtu: None,
            id: None,
            sequence: None,
            quote: None,
            bad_checksum: None,
        };
        if self.eat_word("mtu") {
            icmp.mtu = Some(self.number("an MTU")?);
        }
        if self.eat_word("id") {
            icmp.id = Some(self.number("an identifier")?);
        }
        if self.token().is_word("seq") {
            let start = self.bump().span;
            let sequence = self.number("a sequence number")?;
            self.superset(start.to(sequence.span), "`seq` of ICMP messages");
            icmp.sequence = Some(sequence);
        }
        if self.token().is_word("mtu") {
            let diagnostic = Diagnostic::error(
                code::FIELD_ORDER,
                self.source,
                self.token().span,
                "`mtu` stands once, and before `id`",
            );
            return Err(self.fail(diagnostic));
        }
        if self.eat('[') {
            icmp.quote = Some(self.quote()?);
            self.expect(']')?;
        } else if let Some(contents) = self.payload()? {
            icmp.quote = Some(Quote::Contents(contents.node));
        }
        icmp.bad_checksum = self.bad_checksum();
        Ok(icmp)
    }

    fn at_icmp_field(&self) -> bool {
        ["mtu", "id", "seq", "data", "badsum"]
            .iter()
            .any(|field| self.token().is_word(field))
    }

    fn quote(&mut self) -> Parsed<Quote> {
        if self.eat_word("udp") {
            Ok(Quote::Udp(self.bracketed_length()?))
        } else if self.eat_word("raw") {
            Ok(Quote::Raw(self.bracketed_length()?))
        } else {
            let range = self.range()?;
            let udp = self.udp_encapsulation()?.map(|ports| ports.node);
            Ok(Quote::Tcp(range, udp))
        }
    }
}
