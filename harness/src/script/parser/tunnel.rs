//! Heads of tunnels as values of socket options: `{flags [key present], sum 0, off 0, key=1, seq 0}`
//! and `{(label 16, tc 0, [S], ttl 64)}`.

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::script::ast::{Number, Tunnel};
use crate::script::token::TokenKind;
use crate::source::Spanned;

/// Which optional fields a GRE header says it has: RFC 2784 §2.1, RFC 2890 §2.
const CHECKSUM_PRESENT: u64 = 0x8000;
const KEY_PRESENT: u64 = 0x2000;
const SEQUENCE_PRESENT: u64 = 0x1000;

impl Parser<'_> {
    /// The inside of a tunnel's head, behind its opening brace, up to and with the closing one.
    pub(super) fn tunnel(&mut self) -> Parsed<Tunnel> {
        let tunnel = match self.is('(') {
            true => self.tunnel_stack()?,
            false => self.tunnel_gre()?,
        };
        self.expect('}')?;
        Ok(tunnel)
    }

    fn tunnel_gre(&mut self) -> Parsed<Tunnel> {
        self.expect_word("flags")?;
        let flags = match self.is('[') {
            true => self.tunnel_flags()?,
            false => self.tunnel_number("the GRE flags")?,
        };
        let mut fields = ["sum", "off", "key", "seq"].into_iter();
        let mut field = || -> Parsed<Number> {
            self.eat(',');
            let name = fields.next().unwrap_or_default();
            self.expect_word(name)?;
            if name == "key" {
                self.eat('=');
            }
            self.tunnel_number("a number")
        };
        Ok(Tunnel::Gre {
            flags,
            sum: field()?,
            off: field()?,
            key: field()?,
            seq: field()?,
        })
    }

    fn tunnel_flags(&mut self) -> Parsed<Number> {
        let open = self.expect('[')?;
        let mut flags = 0;
        loop {
            let token = self.token();
            let flag = match (token.kind, token.text.as_str()) {
                (TokenKind::Word, "none") => 0,
                (TokenKind::Word, "checksum") => CHECKSUM_PRESENT,
                (TokenKind::Word, "key") => KEY_PRESENT,
                (TokenKind::Word, "sequence#") => SEQUENCE_PRESENT,
                _ => {
                    let what = "a GRE flag: `none`, `checksum present`, `key present` or `sequence# present`";
                    let diagnostic = self.expected_diagnostic(code::LAYER, what);
                    return Err(self.fail(diagnostic));
                }
            };
            self.bump();
            if flag != 0 {
                self.expect_word("present")?;
            }
            flags |= flag;
            if !self.eat(',') {
                break;
            }
        }
        let close = self.expect(']')?;
        Ok(Spanned::new(flags, open.to(close)))
    }

    fn tunnel_stack(&mut self) -> Parsed<Tunnel> {
        let mut entries = Vec::new();
        while self.eat('(') {
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
            entries.push((label, class, bottom, ttl));
        }
        Ok(Tunnel::Mpls(entries))
    }

    fn tunnel_number(&mut self, what: &str) -> Parsed<Number> {
        match self.kind() {
            TokenKind::Hex => self.digits(16),
            _ => self.number(what),
        }
    }
}
