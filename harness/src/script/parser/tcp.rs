//! TCP lines: ports, flags, sequence range, fields.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{Flags, Range, Tcp};
use crate::script::token::TokenKind;
use crate::source::{Span, Spanned};

/// The letters of flags, as messages list them.
const LETTERS: &str = "FSRPUEWA";

/// The fields after the range, in the order they must stand.
const FIELDS: [&str; 3] = ["ack", "win", "urg"];

impl Parser<'_> {
    pub(super) fn tcp(&mut self) -> Parsed<Tcp> {
        let ports = self.ports()?;
        let flags = self.flags()?;
        let range = self.range()?;
        let mut tcp = Tcp {
            ports,
            flags,
            range,
            ack: None,
            window: None,
            urgent: None,
            options: None,
        };
        let mut seen: Vec<(usize, Span)> = Vec::new();
        while let Some(rank) = FIELDS.iter().position(|field| self.token().is_word(field)) {
            let name = self.bump();
            let value = self.number(&format!("a number after `{}`", name.text))?;
            self.check_order(rank, name.span.to(value.span), &mut seen);
            match rank {
                0 => tcp.ack = Some(value),
                1 => tcp.window = Some(value),
                _ => tcp.urgent = Some(value),
            }
        }
        if self.is('<') {
            tcp.options = Some(self.tcp_options()?);
            if let Some(field) = FIELDS.iter().find(|field| self.token().is_word(field)) {
                let message = format!("`{field}` stands after the options");
                return self.fail_at(code::FIELD_ORDER, self.token().span, message, ORDER_HELP);
            }
        }
        Ok(tcp)
    }

    /// Reports a field that is repeated or stands after a later one, and goes on.
    fn check_order(&mut self, rank: usize, span: Span, seen: &mut Vec<(usize, Span)>) {
        let name = FIELDS[rank];
        if let Some((other, place)) = seen.iter().find(|(other, _)| *other >= rank) {
            let message = match *other == rank {
                true => format!("`{name}` is written twice"),
                false => format!("`{name}` must stand before `{}`", FIELDS[*other]),
            };
            self.diagnostics.push(
                Diagnostic::error(code::FIELD_ORDER, self.source, span, message)
                    .also(*place, "")
                    .help(ORDER_HELP),
            );
        }
        seen.push((rank, span));
    }

    fn flags(&mut self) -> Parsed<Spanned<Flags>> {
        let first = self.token();
        let mut flags = Flags::default();
        match first.kind {
            TokenKind::Word => {
                flags = self.flag_word()?;
                self.dot_and_digit(&mut flags)?;
            }
            TokenKind::Punct('.') | TokenKind::Decimal => self.dot_and_digit(&mut flags)?,
            TokenKind::Punct('-') => {
                self.bump();
            }
            TokenKind::Int if self.peek(1).is('.') => {
                let span = first.span.to(self.peek(1).span);
                return self.fail_at(
                    code::FLAGS,
                    span,
                    "an AccECN digit cannot stand before the dot",
                    format!("write `.{}`", first.text),
                );
            }
            _ => return Err(self.expected("TCP flags, such as `S`, `S.`, `P.` or `.`")),
        }
        Ok(Spanned::new(flags, first.span.to(self.previous_span())))
    }

    /// Letters, perhaps with an AccECN digit at their end.
    fn flag_word(&mut self) -> Parsed<Flags> {
        let token = self.bump();
        let letters = token
            .text
            .trim_end_matches(|last: char| last.is_ascii_digit());
        let digits = &token.text[letters.len()..];
        let wrong = letters.chars().find(|letter| !LETTERS.contains(*letter));
        if letters.is_empty() || wrong.is_some() {
            let help = match letters.to_ascii_uppercase() {
                upper
                    if !upper.is_empty()
                        && upper.chars().all(|letter| LETTERS.contains(letter)) =>
                {
                    format!("flags are capital letters: write `{upper}`")
                }
                _ => {
                    "flags are letters of F S R P U E W A, then `.` for ACK; `-` is no flag at all"
                        .to_owned()
                }
            };
            let message = format!("expected TCP flags, found `{}`", token.text);
            return self.fail_at(code::FLAGS, token.span, message, help);
        }
        let ace = match digits {
            "" => None,
            digits => Some(self.ace(digits, token.span)?),
        };
        Ok(Flags {
            letters: letters.to_owned(),
            ack: false,
            ace,
        })
    }

    /// What may follow the letters: `.` or `.5`. Letters after the dot are refused.
    fn dot_and_digit(&mut self, flags: &mut Flags) -> Parsed<()> {
        let token = self.token();
        match token.kind {
            TokenKind::Punct('.') => {
                self.bump();
                flags.ack = true;
            }
            TokenKind::Decimal if token.text.starts_with('.') => {
                self.bump();
                flags.ack = true;
                flags.ace = Some(self.ace(&token.text[1..], token.span)?);
            }
            _ => {
                if token.kind == TokenKind::Decimal {
                    return Err(self.expected("TCP flags, such as `S`, `S.`, `P.` or `.`"));
                }
                return Ok(());
            }
        }
        let after = self.token();
        if after.kind == TokenKind::Word && after.span.start == token.span.end {
            let message = format!("flag letters cannot stand after the dot: `{}`", after.text);
            let help = format!("write `{}{}.`", flags.letters, after.text);
            return self.fail_at(code::FLAGS, after.span, message, help);
        }
        Ok(())
    }

    fn ace(&mut self, digits: &str, span: Span) -> Parsed<u8> {
        match digits.parse() {
            Ok(ace @ 0..=7) if digits.len() == 1 => Ok(ace),
            _ => self.fail_at(
                code::FLAGS,
                span,
                format!("an AccECN digit is one of 0 to 7, not `{digits}`"),
                "",
            ),
        }
    }

    /// `start:end(len)`
    pub(super) fn range(&mut self) -> Parsed<Range> {
        let what = "a sequence range, such as `1:1001(1000)`";
        if self.kind() != TokenKind::Int {
            return Err(self.expected(what));
        }
        let start = self.number(what)?;
        if !self.is(':') {
            return Err(self.expected("`:` and the end of the sequence range"));
        }
        self.bump();
        let end = self.number("the end of the sequence range")?;
        if !self.is('(') {
            let help = match end.node.checked_sub(start.node) {
                Some(len) => format!("write `{}:{}({len})`", start.node, end.node),
                None => "write `start:end(length)`".to_owned(),
            };
            return Err(self.expected_with_help("the length of the range in brackets", help));
        }
        let len = self.bracketed_length()?;
        let span = start.span.to(self.previous_span());
        Ok(Range {
            start,
            end,
            len,
            span,
        })
    }
}

const ORDER_HELP: &str = "the order is: range, `ack N`, `win N`, `urg N`, `<options>`";
