//! Expressions: arguments of calls.

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::script::ast::Expr;
use crate::script::token::{Token, TokenKind};
use crate::source::{Span, Spanned};

/// How deep brackets may be nested; real scripts need four.
const MAX_DEPTH: usize = 32;

impl Parser<'_> {
    /// Expressions between commas, up to and with `close`.
    pub(super) fn sequence(&mut self, close: char) -> Parsed<Vec<Spanned<Expr>>> {
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.eat(close) {
                return Ok(items);
            }
            if !self.is(',') {
                return Err(self.expected(&format!("`,` or `{close}`")));
            }
            self.bump();
        }
    }

    /// A primary expression with what may follow it: `|` and `=`.
    pub(super) fn expression(&mut self) -> Parsed<Spanned<Expr>> {
        if self.depth >= MAX_DEPTH {
            let message = format!("brackets nested more than {MAX_DEPTH} deep");
            return self.fail_at(code::NESTING, self.token().span, message, "");
        }
        self.depth += 1;
        let result = self.expression_inside();
        self.depth -= 1;
        result
    }

    fn expression_inside(&mut self) -> Parsed<Spanned<Expr>> {
        let first = self.primary()?;
        // Only inside brackets are there members to be given a value.
        if self.depth > 1 && self.eat('=') {
            let value = self.expression()?;
            let span = first.span.to(value.span);
            return Ok(Spanned::new(
                Expr::Assign(Box::new(first), Box::new(value)),
                span,
            ));
        }
        if !self.is('|') {
            return Ok(first);
        }
        let mut span = first.span;
        let mut terms = vec![first];
        while self.eat('|') {
            let term = self.primary()?;
            span = span.to(term.span);
            terms.push(term);
        }
        Ok(Spanned::new(Expr::Or(terms), span))
    }

    pub(super) fn primary(&mut self) -> Parsed<Spanned<Expr>> {
        let token = self.token();
        let expr = match token.kind {
            TokenKind::Ellipsis => {
                self.bump();
                Expr::Ellipsis
            }
            TokenKind::Int => self.signed()?,
            TokenKind::Hex => {
                let number = self.digits(16)?;
                // A 64-bit pattern with the top bit set is a negative number to the call.
                Expr::Int(number.node.cast_signed())
            }
            TokenKind::Word => {
                self.bump();
                let name = token.text.clone();
                match self.eat('(') {
                    true => Expr::Apply(Spanned::new(name, token.span), self.sequence(')')?),
                    false => Expr::Word(name),
                }
            }
            TokenKind::Text => Expr::Text(self.text()?),
            TokenKind::Punct('[') => {
                self.bump();
                Expr::List(self.sequence(']')?)
            }
            TokenKind::Punct('{') => {
                self.bump();
                match self.is('(') || self.token().is_word("flags") {
                    true => Expr::Tunnel(self.tunnel()?),
                    false => Expr::Braces(self.sequence('}')?),
                }
            }
            _ => {
                return Err(self
                    .expected("an argument: `...`, a number, a symbol, a string, `[…]` or `{…}`"));
            }
        };
        Ok(Spanned::new(expr, token.span.to(self.previous_span())))
    }

    fn signed(&mut self) -> Parsed<Expr> {
        let token = self.bump();
        match token.text.parse() {
            Ok(value) => Ok(Expr::Int(value)),
            Err(_) => {
                let message = format!("the number `{}` is too large", token.text);
                self.fail_at(code::NUMBER, token.span, message, "")
            }
        }
    }

    /// Adjacent strings, joined; a `...` behind them is allowed and means nothing.
    pub(super) fn text(&mut self) -> Parsed<Vec<u8>> {
        let mut bytes = Vec::new();
        while self.kind() == TokenKind::Text {
            let token = self.bump();
            self.unescape(token, &mut bytes)?;
        }
        if self.kind() == TokenKind::Ellipsis {
            self.bump();
        }
        Ok(bytes)
    }

    fn unescape(&mut self, token: &Token, bytes: &mut Vec<u8>) -> Parsed<()> {
        let text = &token.text;
        let mut rest = text.as_str();
        while let Some(at) = rest.find('\\') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            let escape = &rest[at..];
            let Some((byte, len)) = escaped(escape) else {
                let offset = text.len() - escape.len();
                let len = escape.chars().take(2).map(char::len_utf8).sum::<usize>();
                let span = match token.span.end - token.span.start == text.len() + 2 {
                    true => Span::new(
                        token.span.start + 1 + offset,
                        token.span.start + 1 + offset + len,
                    ),
                    false => token.span,
                };
                let message = format!("`{}` is not an escape", &escape[..len]);
                return self.fail_at(
                    code::ESCAPE,
                    span,
                    message,
                    r#"escapes are \\ \" \f \n \r \t \v and \xHH"#,
                );
            };
            bytes.push(byte);
            rest = &escape[len..];
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(())
    }
}

/// The byte an escape at the start of `text` stands for, and the escape's length.
fn escaped(text: &str) -> Option<(u8, usize)> {
    let byte = match text.as_bytes().get(1)? {
        b'\\' => b'\\',
        b'"' => b'"',
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'x' => {
            let digits = text.get(2..4)?;
            let both = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            return both
                .then(|| u8::from_str_radix(digits, 16).ok().map(|byte| (byte, 4)))
                .flatten();
        }
        _ => return None,
    };
    Some((byte, 2))
}
