//! IP annotations: `[ttl 64, ect0]` or `(…)`.

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::script::ast::{Annotation, AnnotationItem};
use crate::script::suggest;
use crate::script::token::TokenKind;
use crate::source::Spanned;
use crate::symbols;

/// The words an item starts with.
const ITEMS: [&str; 19] = [
    "noecn",
    "ect0",
    "ect1",
    "ect01",
    "ce",
    "ecn",
    "dscp",
    "tos",
    "class",
    "ttl",
    "hlim",
    "flowlabel",
    "id",
    "df",
    "nodf",
    "frag",
    "badsum",
    "len",
    "proto",
];

impl Parser<'_> {
    /// `[item, …]` or `(item, …)`, if one stands here.
    pub(super) fn optional_annotation(&mut self) -> Parsed<Option<Annotation>> {
        match self.is('[') || self.is('(') {
            true => self.annotation().map(Some),
            false => Ok(None),
        }
    }

    fn annotation(&mut self) -> Parsed<Annotation> {
        let open = self.bump();
        let close = if open.is('[') { ']' } else { ')' };
        let mut items = vec![self.annotation_item()?];
        while self.eat(',') {
            items.push(self.annotation_item()?);
        }
        let end = self.expect(close)?;
        Ok(Spanned::new(items, open.span.to(end)))
    }

    fn annotation_item(&mut self) -> Parsed<Spanned<AnnotationItem>> {
        let token = self.token();
        let word = match token.kind {
            TokenKind::Word => token.text.as_str(),
            _ => "",
        };
        let item = match word {
            "noecn" | "ect0" | "ect1" | "ect01" | "ce" => self.ecn_word()?,
            "ecn" => {
                self.bump();
                self.ecn_word()?
            }
            "dscp" => {
                self.bump();
                self.dscp()?
            }
            "tos" | "class" => {
                self.bump();
                AnnotationItem::Tos(self.hex("the TOS or traffic class byte")?)
            }
            "ttl" | "hlim" => {
                self.bump();
                AnnotationItem::Ttl(self.field("the TTL or hop limit")?)
            }
            "flowlabel" => {
                self.bump();
                AnnotationItem::FlowLabel(self.hex("the flow label")?)
            }
            _ => self.own_item(word)?,
        };
        let span = token.span.to(self.previous_span());
        Ok(Spanned::new(item, span))
    }

    fn ecn_word(&mut self) -> Parsed<AnnotationItem> {
        let token = self.token();
        match (token.kind, token.text.as_str()) {
            (TokenKind::Word, "noecn" | "ect0" | "ect1" | "ect01" | "ce") => {
                self.bump();
                Ok(AnnotationItem::Ecn(Spanned::new(
                    token.text.clone(),
                    token.span,
                )))
            }
            _ => {
                let what = "an ECN word: `noecn`, `ect0`, `ect1`, `ect01` or `ce`";
                let diagnostic = self.expected_diagnostic(code::ANNOTATION, what);
                Err(self.fail(diagnostic))
            }
        }
    }

    /// After `dscp`: six bits in hex, or a name of the registry.
    fn dscp(&mut self) -> Parsed<AnnotationItem> {
        if self.kind() == TokenKind::Hex {
            return Ok(AnnotationItem::Dscp(self.hex("a DSCP")?));
        }
        let start = self.token();
        let mut name = start.text.clone();
        if start.is_word("voice") && self.peek(1).is('-') && self.peek(2).is_word("admit") {
            name = "voice-admit".to_owned();
            self.bump();
            self.bump();
        }
        match symbols::dscp(&name).filter(|_| start.kind == TokenKind::Word) {
            Some(bits) => {
                let end = self.bump().span;
                let number = Spanned::new(u64::from(bits), start.span.to(end));
                Ok(AnnotationItem::Dscp(number))
            }
            None => {
                let what = "a DSCP in hex or by name: `cs0` to `cs7`, `af11` to `af43`, `ef`, `voice-admit` or `le`";
                let mut diagnostic = self.expected_diagnostic(code::ANNOTATION, what);
                if let Some(near) = suggest::nearest(&name, symbols::dscp_names()) {
                    diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                }
                Err(self.fail(diagnostic))
            }
        }
    }

    /// What packetdrill has no words for.
    fn own_item(&mut self, word: &str) -> Parsed<AnnotationItem> {
        let start = self.token().span;
        let item = match word {
            "id" => {
                self.bump();
                AnnotationItem::Id(self.field("an IP identification")?)
            }
            "df" | "nodf" => {
                self.bump();
                AnnotationItem::DontFragment(word == "df")
            }
            "frag" => {
                self.bump();
                self.fragment()?
            }
            "badsum" => {
                self.bump();
                AnnotationItem::BadChecksum
            }
            "len" => {
                self.bump();
                AnnotationItem::Length(self.any_number("the length field")?)
            }
            "proto" => {
                self.bump();
                AnnotationItem::Protocol(self.any_number("the protocol field")?)
            }
            _ => return Err(self.no_item()),
        };
        let form = format!("`{word}` in an annotation");
        self.superset(start.to(self.previous_span()), &form);
        Ok(item)
    }

    fn no_item(&mut self) -> super::Failed {
        let what = "an IP annotation: `noecn`, `ect0`, `ect1`, `ect01`, `ce`, `dscp NAME`, `tos 0x…`, `ttl N`, `flowlabel 0x…`, `id N`, `df`, `nodf` or `frag FIRST:END`";
        let mut diagnostic = self.expected_diagnostic(code::ANNOTATION, what);
        if let Some(near) = suggest::nearest(&self.token().text, ITEMS) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.fail(diagnostic)
    }

    /// After `frag`: `FIRST:END`, perhaps with `+`.
    fn fragment(&mut self) -> Parsed<AnnotationItem> {
        let what = "a piece of the datagram, such as `frag 0:1480` (its first byte and the byte after its last)";
        let good = self.kind() == TokenKind::Int
            && self.peek(1).is(':')
            && self.peek(2).kind == TokenKind::Int;
        if !good {
            let diagnostic = self.expected_diagnostic(code::FRAGMENT, what);
            return Err(self.fail(diagnostic));
        }
        let first = self.number(what)?;
        self.expect(':')?;
        let end = self.number(what)?;
        let more = self.eat('+');
        Ok(AnnotationItem::Fragment(first, end, more))
    }
}
