//! Packet lines: what stands around the transport header, and UDP.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{Body, Direction, Number, Packet, Udp};
use crate::script::token::TokenKind;
use crate::source::{Span, Spanned};

impl Parser<'_> {
    /// The current token is `<` or `>`.
    pub(super) fn packet(&mut self) -> Parsed<Packet> {
        let arrow = self.bump();
        let direction = match arrow.is('<') {
            true => Direction::Inbound,
            false => Direction::Outbound,
        };
        let layers = self.layers()?;
        let annotation = self.optional_annotation()?;
        let psp = match self.token().is_word("encap") {
            true => Some(self.psp()?),
            false => None,
        };
        let body = if self.eat_word("udp") {
            Body::Udp(self.udp()?)
        } else if self.eat_word("icmp") {
            Body::Icmp(self.icmp()?)
        } else {
            Body::Tcp(Box::new(self.tcp()?))
        };
        let udp_encapsulation = match body {
            Body::Tcp(_) => self.udp_encapsulation()?,
            Body::Udp(_) | Body::Icmp(_) => None,
        };
        Ok(Packet {
            direction: Spanned::new(direction, arrow.span),
            layers,
            annotation,
            psp,
            body,
            udp_encapsulation,
            span: arrow.span.to(self.previous_span()),
        })
    }

    fn psp(&mut self) -> Parsed<Span> {
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

    fn udp(&mut self) -> Parsed<Udp> {
        let ports = self.ports()?;
        let len = self.bracketed_length()?;
        let contents = self.payload()?;
        let bad_checksum = self.bad_checksum();
        Ok(Udp {
            ports,
            len,
            contents,
            bad_checksum,
        })
    }

    /// `badsum`, if it stands here.
    pub(super) fn bad_checksum(&mut self) -> Option<Span> {
        let span = self.token().span;
        if !self.eat_word("badsum") {
            return None;
        }
        self.superset(span, "malformed headers");
        Some(span)
    }

    /// `/udp(SPORT > DPORT)`, if it stands here.
    pub(super) fn udp_encapsulation(&mut self) -> Parsed<Option<Spanned<(Number, Number)>>> {
        let start = self.token().span;
        if !self.eat('/') {
            return Ok(None);
        }
        let what = "`udp(SPORT > DPORT)`, such as `/udp(9811 > 1)`";
        if !(self.eat_word("udp") && self.eat('(')) {
            let diagnostic = self.expected_diagnostic(code::UDP_ENCAPSULATION, what);
            return Err(self.fail(diagnostic));
        }
        let Some(ports) = self.ports()? else {
            let diagnostic = self.expected_diagnostic(code::UDP_ENCAPSULATION, "two ports");
            return Err(self.fail(diagnostic));
        };
        let end = self.expect(')')?;
        Ok(Some(Spanned::new(ports, start.to(end))))
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
        span: Span,
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
