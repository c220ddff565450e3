//! Packet lines: direction, layers, IP annotation, and UDP.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{AnnotationItem, Body, Direction, Number, Packet};
use crate::script::token::TokenKind;
use crate::source::Spanned;

impl Parser<'_> {
    /// The current token is `<` or `>`.
    pub(super) fn packet(&mut self) -> Parsed<Packet> {
        let arrow = self.bump();
        let direction = match arrow.is('<') {
            true => Direction::Inbound,
            false => Direction::Outbound,
        };
        let layers = self.layers()?;
        let annotation = match self.is('[') || self.is('(') {
            true => Some(self.annotation()?),
            false => None,
        };
        let psp = match self.token().is_word("encap") {
            true => Some(self.psp()?),
            false => None,
        };
        let body = if self.eat_word("udp") {
            self.udp()?
        } else if self.eat_word("icmp") {
            Body::Icmp(self.icmp()?)
        } else {
            Body::Tcp(Box::new(self.tcp()?))
        };
        Ok(Packet {
            direction: Spanned::new(direction, arrow.span),
            layers,
            annotation,
            psp,
            body,
            span: arrow.span.to(self.previous_span()),
        })
    }

    /// `[item, …]` or `(item, …)`.
    pub(super) fn annotation(&mut self) -> Parsed<Spanned<Vec<AnnotationItem>>> {
        let open = self.bump();
        let close = if open.is('[') { ']' } else { ')' };
        let mut items = vec![self.annotation_item()?];
        while self.eat(',') {
            items.push(self.annotation_item()?);
        }
        let end = self.expect(close)?;
        Ok(Spanned::new(items, open.span.to(end)))
    }

    fn annotation_item(&mut self) -> Parsed<AnnotationItem> {
        let token = self.token();
        let item = match (token.kind, token.text.as_str()) {
            (TokenKind::Word, "noecn" | "ect0" | "ect1" | "ect01" | "ce") => {
                self.bump();
                AnnotationItem::Ecn(Spanned::new(token.text.clone(), token.span))
            }
            (TokenKind::Word, "tos") => {
                self.bump();
                AnnotationItem::Tos(self.hex("the TOS byte")?)
            }
            (TokenKind::Word, "ttl") => {
                self.bump();
                AnnotationItem::Ttl(self.number("the TTL")?)
            }
            (TokenKind::Word, "flowlabel") => {
                self.bump();
                AnnotationItem::FlowLabel(self.hex("the flow label")?)
            }
            _ => {
                let what = "an IP annotation: `noecn`, `ect0`, `ect1`, `ect01`, `ce`, `tos 0x…`, `ttl N` or `flowlabel 0x…`";
                let mut diagnostic = self.expected_diagnostic(code::ANNOTATION, what);
                let known = [
                    "noecn",
                    "ect0",
                    "ect1",
                    "ect01",
                    "ce",
                    "tos",
                    "ttl",
                    "flowlabel",
                ];
                if let Some(near) = crate::script::suggest::nearest(&token.text, known) {
                    diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                }
                return Err(self.fail(diagnostic));
            }
        };
        Ok(item)
    }

    fn psp(&mut self) -> Parsed<crate::source::Span> {
        let start = self.bump().span;
        self.expect_word("psp")?;
        self.expect_word("spi")?;
        let spi = self.any_number("a security parameter index")?;
        Ok(start.to(spi.span))
    }

    /// `sport > dport`, if it stands here.
    pub(super) fn ports(&mut self) -> Parsed<Option<(Number, Number)>> {
        if !(self.kind() == TokenKind::Int && self.peek(1).is('>')) {
            return Ok(None);
        }
        let source = self.number("a port")?;
        self.expect('>')?;
        let destination = self.number("a port")?;
        Ok(Some((source, destination)))
    }

    fn udp(&mut self) -> Parsed<Body> {
        let ports = self.ports()?;
        let len = self.bracketed_length()?;
        Ok(Body::Udp { ports, len })
    }

    /// `(N)`.
    pub(super) fn bracketed_length(&mut self) -> Parsed<Number> {
        if !self.is('(') {
            let diagnostic =
                self.expected_diagnostic(code::UNEXPECTED, "a length in brackets, such as `(100)`");
            return Err(self.fail(diagnostic));
        }
        self.bump();
        let len = self.number("a length in bytes")?;
        self.expect(')')?;
        Ok(len)
    }

    /// Builds an error at `span` and fails.
    pub(super) fn fail_at<T>(
        &mut self,
        id: &'static str,
        span: crate::source::Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Parsed<T> {
        let help = help.into();
        let mut diagnostic = Diagnostic::error(id, self.source, span, message);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        Err(self.fail(diagnostic))
    }
}
