//! Encapsulation layers in front of a packet: `ipv4 … :`, `ipv6 … :`, `gre … :`, `mpls … :`.

use std::net::IpAddr;

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::script::ast::{Layer, LayerKind, Number};
use crate::script::token::TokenKind;
use crate::source::Spanned;

impl Parser<'_> {
    /// All layers that stand here.
    pub(super) fn layers(&mut self) -> Parsed<Vec<Layer>> {
        let mut layers = Vec::new();
        while self.kind() == TokenKind::Word {
            let token = self.token();
            let kind = match token.text.as_str() {
                "ipv4" => self.ip_layer(false)?,
                "ipv6" => self.ip_layer(true)?,
                "gre" | "GREv0" => self.gre_layer()?,
                "mpls" => self.mpls_layer()?,
                _ => break,
            };
            let end = self.expect(':')?;
            layers.push(Layer {
                kind,
                span: token.span.to(end),
            });
        }
        Ok(layers)
    }

    fn ip_layer(&mut self, v6: bool) -> Parsed<LayerKind> {
        self.bump();
        if self.is('[') || self.is('(') {
            self.annotation()?;
        }
        let source = self.address()?;
        self.expect('>')?;
        let destination = self.address()?;
        Ok(LayerKind::Ip {
            v6,
            source,
            destination,
        })
    }

    fn address(&mut self) -> Parsed<Spanned<IpAddr>> {
        let token = self.token();
        match token.text.parse::<IpAddr>() {
            Ok(address) if matches!(token.kind, TokenKind::Ipv4 | TokenKind::Ipv6) => {
                self.bump();
                Ok(Spanned::new(address, token.span))
            }
            _ => Err(self.expected("an IP address")),
        }
    }

    /// `gre`, or `gre flags […], sum N, off N, key=N, seq N`.
    fn gre_layer(&mut self) -> Parsed<LayerKind> {
        self.bump();
        self.eat(',');
        if !self.eat_word("flags") {
            return Ok(LayerKind::Gre);
        }
        match self.is('[') {
            true => self.gre_flags()?,
            false => {
                self.any_number("the GRE flags")?;
            }
        }
        while self.eat(',') {
            let token = self.token();
            if token.kind != TokenKind::Word
                || !["sum", "off", "key", "seq"].contains(&token.text.as_str())
            {
                return Err(self.expected("a GRE field: `sum`, `off`, `key` or `seq`"));
            }
            self.bump();
            self.eat('=');
            self.any_number("a number")?;
        }
        Ok(LayerKind::Gre)
    }

    fn gre_flags(&mut self) -> Parsed<()> {
        self.expect('[')?;
        loop {
            let token = self.token();
            match (token.kind, token.text.as_str()) {
                (TokenKind::Word, "none") => {
                    self.bump();
                }
                (TokenKind::Word, "checksum" | "key" | "sequence#") => {
                    self.bump();
                    self.expect_word("present")?;
                }
                (TokenKind::Word, "sequence") => {
                    return self.fail_at(
                        code::LAYER,
                        token.span,
                        "expected a GRE flag, found `sequence`",
                        "the flag is spelled `sequence# present`",
                    );
                }
                _ => {
                    let what = "a GRE flag: `none`, `checksum present`, `key present` or `sequence# present`";
                    let diagnostic = self.expected_diagnostic(code::LAYER, what);
                    return Err(self.fail(diagnostic));
                }
            }
            if !self.eat(',') {
                break;
            }
        }
        self.expect(']').map(|_| ())
    }

    /// `mpls (label N, tc N, [S], ttl N) …`
    fn mpls_layer(&mut self) -> Parsed<LayerKind> {
        self.bump();
        let mut entries = vec![self.mpls_entry()?];
        while self.is('(') {
            entries.push(self.mpls_entry()?);
        }
        Ok(LayerKind::Mpls(entries))
    }

    fn mpls_entry(&mut self) -> Parsed<(Number, Number, Number)> {
        self.expect('(')?;
        self.expect_word("label")?;
        let label = self.number("an MPLS label")?;
        self.expect(',')?;
        self.expect_word("tc")?;
        let class = self.number("a traffic class")?;
        self.expect(',')?;
        if self.eat('[') {
            self.expect_word("S")?;
            self.expect(']')?;
            self.expect(',')?;
        }
        self.expect_word("ttl")?;
        let ttl = self.number("a TTL")?;
        self.expect(')')?;
        Ok((label, class, ttl))
    }
}
