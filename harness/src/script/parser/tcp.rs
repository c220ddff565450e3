//! TCP lines: ports, flags, sequence range, fields.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::program::Match;
use crate::script::ast::{Damage, Field, Flags, Range, Tcp, TcpRange};
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
        let range = self.tcp_range()?;
        let mut tcp = Tcp {
            ports,
            flags,
            range,
            ack: None,
            window: None,
            urgent: None,
            options: None,
            reset_reason: None,
            payload: None,
            damage: Damage::default(),
        };
        let mut seen: Vec<(usize, Span)> = Vec::new();
        while let Some(rank) = FIELDS.iter().position(|field| self.token().is_word(field)) {
            let name = self.bump();
            let value = self.field(&format!("a number after `{}`", name.text))?;
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
        tcp.reset_reason = self.reset_reason()?;
        tcp.payload = self.payload()?;
        tcp.damage = self.damage()?;
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
            TokenKind::Punct('*') => {
                self.bump();
                self.superset(first.span, "wildcards in a packet");
                flags.any = true;
            }
            TokenKind::Word => {
                self.flag_word(&mut flags)?;
                self.dot_and_more(&mut flags)?;
            }
            TokenKind::Punct('.') | TokenKind::Decimal => self.dot_and_more(&mut flags)?,
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

    /// Letters, perhaps with an AccECN digit among them.
    fn flag_word(&mut self, flags: &mut Flags) -> Parsed<()> {
        let token = self.bump();
        let (digits, letters): (String, String) =
            token.text.chars().partition(|one| one.is_ascii_digit());
        let legal = |letters: &str| letters.chars().all(|letter| LETTERS.contains(letter));
        if !legal(&letters) {
            let upper = letters.to_ascii_uppercase();
            let help = match legal(&upper) {
                true => format!("flags are capital letters: write `{upper}`"),
                false => {
                    "flags are letters of F S R P U E W A, then `.` for ACK; `-` is no flag at all"
                        .to_owned()
                }
            };
            let message = format!("expected TCP flags, found `{}`", token.text);
            return self.fail_at(code::FLAGS, token.span, message, help);
        }
        flags.letters.push_str(&letters);
        match digits.as_str() {
            "" => Ok(()),
            digits => self.ace(flags, digits, token.span),
        }
    }

    /// What may follow the letters: `.`, then perhaps more letters (`S.EW`), or `.5`.
    fn dot_and_more(&mut self, flags: &mut Flags) -> Parsed<()> {
        let token = self.token();
        match token.kind {
            TokenKind::Punct('.') => {
                self.bump();
                flags.ack = true;
                match self.kind() {
                    TokenKind::Word => self.flag_word(flags),
                    _ => Ok(()),
                }
            }
            TokenKind::Decimal if token.text.starts_with('.') => {
                self.bump();
                flags.ack = true;
                self.ace(flags, &token.text[1..], token.span)
            }
            TokenKind::Decimal => Err(self.expected("TCP flags, such as `S`, `S.`, `P.` or `.`")),
            _ => Ok(()),
        }
    }

    fn ace(&mut self, flags: &mut Flags, digits: &str, span: Span) -> Parsed<()> {
        match digits.parse() {
            Ok(ace @ 0..=7) if digits.len() == 1 && flags.ace.is_none() => {
                flags.ace = Some(ace);
                Ok(())
            }
            _ => self.fail_at(
                code::FLAGS,
                span,
                format!("an AccECN digit is one of 0 to 7, not `{digits}`"),
                "",
            ),
        }
    }

    /// `start:end(len)`, with wildcards too; `...(len)`; a `!` behind it.
    fn tcp_range(&mut self) -> Parsed<TcpRange> {
        let what = "a sequence range, such as `1:1001(1000)`";
        let first = self.token();
        let dots = first.kind == TokenKind::Ellipsis;
        let (start, end) = if dots {
            let any = Spanned::new(Match::Any, self.bump().span);
            (any.clone(), any)
        } else {
            if !matches!(first.kind, TokenKind::Int | TokenKind::Punct('*')) {
                return Err(self.expected(what));
            }
            let start = self.field(what)?;
            if !self.is(':') {
                return Err(self.expected("`:` and the end of the sequence range"));
            }
            self.bump();
            (start, self.field("the end of the sequence range")?)
        };
        if !self.is('(') {
            let help = match (start.node.exact(), end.node.exact()) {
                (Some(start), Some(end)) if end >= start => {
                    format!("write `{start}:{end}({})`", end - start)
                }
                _ => "write `start:end(length)`".to_owned(),
            };
            return Err(self.expected_with_help("the length of the range in brackets", help));
        }
        self.bump();
        let len = self.field("a length in bytes")?;
        self.expect(')')?;
        let absolute = !dots && self.eat('!');
        let span = first.span.to(self.previous_span());
        self.open_end(&start, &end, &len)?;
        Ok(TcpRange {
            start,
            end,
            len,
            absolute,
            span,
        })
    }

    /// The end of a range is a number only if the line says where it starts and how long it is.
    fn open_end(&mut self, start: &Field, end: &Field, len: &Field) -> Parsed<()> {
        let open = start.node.exact().is_none() || len.node.exact().is_none();
        let fits = match end.node {
            Match::Any => true,
            Match::Is(_) => !open,
            Match::Within(..) => false,
        };
        if fits {
            return Ok(());
        }
        self.fail_at(
            code::OPEN_RANGE,
            end.span,
            "the end of this sequence range follows from its start and its length",
            "write `*` for the end: `*:*(1000)`, `1..100:*(10)`, `1:*(*)`",
        )
    }

    /// `start:end(len)` as an ICMP message quotes it
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

pub(super) const ORDER_HELP: &str = "the order is: range, `ack N`, `win N`, `urg N`, `<options>`";
