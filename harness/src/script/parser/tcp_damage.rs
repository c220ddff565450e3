//! What may stand behind the options of a TCP line: why it resets, its payload, what is wrong with it.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{Damage, Number};
use crate::script::token::TokenKind;
use crate::source::{Span, Spanned};

impl Parser<'_> {
    /// `[code N, pen N]`, if it stands here.
    pub(super) fn reset_reason(&mut self) -> Parsed<Option<Spanned<(Number, Number)>>> {
        if !(self.is('[') && self.peek(1).is_word("code")) {
            return Ok(None);
        }
        let open = self.bump().span;
        self.expect_word("code")?;
        let reason = self.number("the reason code")?;
        self.expect(',')?;
        self.expect_word("pen")?;
        let enterprise = self.number("the private enterprise number")?;
        let close = self.expect(']')?;
        Ok(Some(Spanned::new((reason, enterprise), open.to(close))))
    }

    /// `"text"` or `data 0x…`, if it stands here.
    pub(super) fn payload(&mut self) -> Parsed<Option<Spanned<Vec<u8>>>> {
        let first = self.token();
        let bytes = if first.kind == TokenKind::Text {
            self.text()?
        } else if self.eat_word("data") {
            self.hex_payload()?
        } else {
            return Ok(None);
        };
        let span = first.span.to(self.previous_span());
        self.superset(span, "payload contents in a packet");
        Ok(Some(Spanned::new(bytes, span)))
    }

    fn hex_payload(&mut self) -> Parsed<Vec<u8>> {
        let token = self.token();
        if token.kind != TokenKind::Hex {
            return Err(self.expected("the payload in hex, such as `0x68656c6c6f`"));
        }
        let digits = token.text.strip_prefix("0x").unwrap_or(&token.text);
        match super::tcp_options::decode_hex(digits) {
            Some(bytes) => {
                self.bump();
                Ok(bytes)
            }
            None => {
                let message = format!("expected two hex digits a byte, found `{}`", token.text);
                self.fail_at(code::HEX_BYTES, token.span, message, "")
            }
        }
    }

    /// `badsum`, `doff N`, `reserved N` and `cut N` in any order.
    pub(super) fn damage(&mut self) -> Parsed<Damage> {
        let mut damage = Damage::default();
        loop {
            let name = self.token();
            if name.kind != TokenKind::Word || name.first_on_line {
                return Ok(damage);
            }
            let slot = match name.text.as_str() {
                "badsum" => {
                    self.bump();
                    let before = damage.bad_checksum.replace(name.span);
                    self.ours(name.span, before, &name.text);
                    continue;
                }
                "doff" => &mut damage.data_offset,
                "reserved" => &mut damage.reserved,
                "cut" => &mut damage.cut,
                _ => return Ok(damage),
            };
            self.bump();
            let value = self.number(&format!("a number after `{}`", name.text))?;
            let span = name.span.to(value.span);
            let before = slot.replace(value).map(|earlier| earlier.span);
            self.ours(span, before, &name.text);
        }
    }

    /// A word of our own, and whether it stood here before.
    fn ours(&mut self, span: Span, before: Option<Span>, name: &str) {
        self.superset(span, "malformed headers");
        if let Some(before) = before {
            let message = format!("`{name}` is written twice");
            self.diagnostics.push(
                Diagnostic::error(code::FIELD_ORDER, self.source, span, message).also(before, ""),
            );
        }
    }
}
