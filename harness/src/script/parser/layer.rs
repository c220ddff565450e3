//! Encapsulation layers in front of a packet: `ipv4 … :`, `ipv6 … :`, `gre … :`, `mpls … :`.

use std::net::IpAddr;

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::script::ast::{Gre, Layer, LayerKind, MplsEntry, Number};
use crate::script::token::TokenKind;
use crate::source::Spanned;
use crate::wire::encapsulation::gre;

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
        let annotation = self.optional_annotation()?;
        let source = self.address()?;
        self.expect('>')?;
        let destination = self.address()?;
        Ok(LayerKind::Ip {
            v6,
            annotation,
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
        let mut gre = Gre::default();
        if !self.eat_word("flags") {
            return Ok(LayerKind::Gre(gre));
        }
        gre.flags = Some(match self.is('[') {
            true => self.gre_flags()?,
            false => self.any_number("the GRE flags")?,
        });
        // packetdrill wants all four fields; here those may be left out that are not present.
        let fields: [(&str, &mut Option<Number>); 4] = [
            ("sum", &mut gre.sum),
            ("off", &mut gre.off),
            ("key", &mut gre.key),
            ("seq", &mut gre.seq),
        ];
        let mut missing = false;
        for (name, field) in fields {
            self.eat(',');
            if !self.eat_word(name) {
                missing = true;
                continue;
            }
            if name == "key" {
                self.eat('=');
            }
            *field = Some(self.any_number(&format!("a number after `{name}`"))?);
        }
        if !self.is(':') {
            let what = "`:`, or a GRE field in the order `sum`, `off`, `key`, `seq`";
            return Err(self.expected(what));
        }
        if missing {
            self.superset(self.token().span, "GRE fields that are left out");
        }
        Ok(LayerKind::Gre(gre))
    }

    /// `[checksum present, key present]` as the bits they stand for.
    fn gre_flags(&mut self) -> Parsed<Number> {
        let start = self.expect('[')?;
        let mut bits = 0;
        loop {
            let token = self.token();
            match (token.kind, token.text.as_str()) {
                (TokenKind::Word, "none") => {
                    self.bump();
                }
                (TokenKind::Word, name @ ("checksum" | "key" | "sequence#")) => {
                    self.bump();
                    self.expect_word("present")?;
                    bits |= u64::from(match name {
                        "checksum" => gre::CHECKSUM,
                        "key" => gre::KEY,
                        _ => gre::SEQUENCE,
                    });
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
        let end = self.expect(']')?;
        Ok(Spanned::new(bits, start.to(end)))
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

    fn mpls_entry(&mut self) -> Parsed<MplsEntry> {
        self.expect('(')?;
        self.expect_word("label")?;
        let label = self.number("an MPLS label")?;
        self.expect(',')?;
        self.expect_word("tc")?;
        let class = self.number("a traffic class")?;
        self.expect(',')?;
        let bottom = self.eat('[');
        if bottom {
            self.expect_word("S")?;
            self.expect(']')?;
            self.expect(',')?;
        }
        self.expect_word("ttl")?;
        let ttl = self.number("a TTL")?;
        self.expect(')')?;
        Ok(MplsEntry {
            label,
            class,
            bottom,
            ttl,
        })
    }
}
