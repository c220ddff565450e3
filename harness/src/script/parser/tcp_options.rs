//! The option list of a TCP line.

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::program::Match;
use crate::script::ast::{Bytes, Field, Options, TcpOption};
use crate::script::suggest;
use crate::script::token::TokenKind;
use crate::source::Spanned;

/// The options, and how those that are written by number begin.
const NAMES: [&str; 19] = [
    "eol",
    "nop",
    "mss",
    "wscale",
    "sackOK",
    "sack",
    "TS",
    "md5",
    "FO",
    "FOEXP",
    "exp-FO",
    "ECN",
    "AccECN0",
    "AccECN1",
    "exp-AccECN0",
    "exp-AccECN1",
    "exp-tarr",
    "gen-KIND",
    "exp-ID",
];

impl Parser<'_> {
    /// The current token is `<`.
    pub(super) fn tcp_options(&mut self) -> Parsed<Spanned<Options>> {
        let open = self.bump().span;
        if self.is('>') {
            let close = self.bump().span;
            return self.fail_at(
                code::EMPTY_OPTIONS,
                open.to(close),
                "an option list with nothing inside",
                "leave the list out for \"no options\", or write `<...>` for any options",
            );
        }
        let alone = self.peek(1).is('>');
        let options = if alone && self.kind() == TokenKind::Ellipsis {
            self.bump();
            Options::Any
        } else if let (true, Some(raw)) = (alone, self.raw_options()?) {
            Options::List(vec![raw])
        } else {
            let mut list = vec![self.tcp_option()?];
            while self.eat(',') {
                list.push(self.tcp_option()?);
            }
            Options::List(list)
        };
        if !self.is('>') {
            return Err(self.expected("`,` or `>` after a TCP option"));
        }
        let close = self.bump().span;
        Ok(Spanned::new(options, open.to(close)))
    }

    /// The whole area in hex, if it stands here: `<0204ffff>`.
    fn raw_options(&mut self) -> Parsed<Option<Spanned<TcpOption>>> {
        let token = self.token();
        let hex = token.text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !(hex && matches!(token.kind, TokenKind::Word | TokenKind::Int)) {
            return Ok(None);
        }
        let bytes = self.hex_bytes("the option area")?;
        Ok(Some(Spanned::new(TcpOption::Raw(bytes), token.span)))
    }

    fn tcp_option(&mut self) -> Parsed<Spanned<TcpOption>> {
        let name = self.token();
        if name.kind == TokenKind::Ellipsis {
            self.bump();
            self.superset(name.span, "`...` among other TCP options");
            return Ok(Spanned::new(TcpOption::Others, name.span));
        }
        if name.kind != TokenKind::Word {
            return Err(self.expected("a TCP option, such as `mss 1460`"));
        }
        let option = match name.text.as_str() {
            text if text.contains('-') => self.dashed_option()?,
            text if NAMES.contains(&text) => {
                self.bump();
                self.named_option(&name.text)?
            }
            _ => return self.unknown_tcp_option(),
        };
        Ok(Spanned::new(option, name.span.to(self.previous_span())))
    }

    fn named_option(&mut self, name: &str) -> Parsed<TcpOption> {
        Ok(match name {
            "eol" => TcpOption::EndOfList,
            "nop" => TcpOption::NoOperation,
            "mss" => TcpOption::MaximumSegmentSize(self.field("the segment size")?),
            "wscale" => TcpOption::WindowScale(self.field("the shift count")?),
            "sackOK" => TcpOption::SackPermitted,
            "sack" => TcpOption::Sack(self.sack_blocks()?),
            "TS" => {
                self.expect_word("val")?;
                let value = self.dots_or_field("the time stamp value")?;
                self.expect_word("ecr")?;
                let reply = self.field("the time stamp echo reply")?;
                let absolute = reply.node.exact().is_some() && self.eat('!');
                TcpOption::Timestamps(value, reply, absolute)
            }
            "md5" if self.eat_word("valid") => TcpOption::Md5Valid,
            "md5" => TcpOption::Md5(self.bytes_or_star("the digest")?),
            "FO" => TcpOption::FastOpen(self.optional_bytes("a cookie")?),
            "FOEXP" => TcpOption::FastOpenExperimental(self.optional_bytes("a cookie")?),
            "AccECN0" => TcpOption::AccEcn(0, self.long_counters(0)?),
            "AccECN1" => TcpOption::AccEcn(1, self.long_counters(1)?),
            _ => self.acc_ecn()?,
        })
    }

    /// `gen-200 0102`, `exp-f989 0102` and the named experiments.
    fn dashed_option(&mut self) -> Parsed<TcpOption> {
        let name = self.token();
        let span = name.span;
        if let "exp-AccECN0" | "exp-AccECN1" = name.text.as_str() {
            self.bump();
            let order = u8::from(name.text.ends_with('1'));
            let mut numbers = Vec::new();
            for counter in counter_names(order) {
                if !self.eat_word(counter) {
                    break;
                }
                numbers.push(self.number("a counter")?);
            }
            return Ok(TcpOption::AccEcnExperimental(order, numbers));
        }
        if let "exp-FO" | "EXP-FO" = name.text.as_str() {
            self.bump();
            return Ok(TcpOption::FastOpenExperimental(
                self.optional_bytes("a cookie")?,
            ));
        }
        if name.text == "exp-tarr" {
            self.bump();
            return Ok(TcpOption::AckRateRequest(match self.kind() {
                TokenKind::Int => Some(self.number("the ratio")?),
                _ => None,
            }));
        }
        let (radix, digits) = match name.text.split_once('-') {
            Some(("gen", digits)) => (10, digits),
            Some(("exp", digits)) => (16, digits),
            _ => return self.unknown_tcp_option(),
        };
        let Ok(number) = u64::from_str_radix(digits, radix) else {
            return self.unknown_tcp_option();
        };
        self.bump();
        let number = Spanned::new(number, span);
        let data = self.optional_bytes("the data of the option")?;
        Ok(match radix {
            10 => TcpOption::Generic(number, data),
            _ => TcpOption::Experiment(number, data),
        })
    }

    fn unknown_tcp_option<T>(&mut self) -> Parsed<T> {
        let token = self.token();
        let help = match suggest::nearest(&token.text, NAMES) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the options are {}", NAMES.join(", ")),
        };
        let message = format!("`{}` is not a TCP option", token.text);
        self.fail_at(code::TCP_OPTION, token.span, message, help)
    }

    /// Blocks; `None` for `*`.
    fn sack_blocks(&mut self) -> Parsed<Option<Vec<(Field, Field)>>> {
        if self.is('*') && !self.peek(1).is(':') {
            let star = self.bump().span;
            self.superset(star, "wildcards in a packet");
            return Ok(None);
        }
        let mut blocks = Vec::new();
        while blocks.is_empty() || self.kind() == TokenKind::Int || self.is('*') {
            let left = self.field("a SACK block, such as `1001:2001`")?;
            self.expect(':')?;
            let right = self.field("the right edge of the SACK block")?;
            blocks.push((left, right));
        }
        Ok(Some(blocks))
    }

    /// `...` for any value, or a number.
    fn dots_or_field(&mut self, what: &str) -> Parsed<Field> {
        match self.kind() {
            TokenKind::Ellipsis => Ok(Spanned::new(Match::Any, self.bump().span)),
            _ => self.field(what),
        }
    }

    /// The data of an option, if it stands here: hex digits, or `*` for any.
    fn optional_bytes(&mut self, what: &str) -> Parsed<Bytes> {
        match self.kind() {
            TokenKind::Word | TokenKind::Int | TokenKind::Hex | TokenKind::Punct('*') => {
                self.bytes_or_star(what)
            }
            _ => Ok(Some(Vec::new())),
        }
    }

    fn bytes_or_star(&mut self, what: &str) -> Parsed<Bytes> {
        if self.is('*') {
            let star = self.bump().span;
            self.superset(star, "wildcards in a packet");
            return Ok(None);
        }
        self.hex_bytes(what).map(Some)
    }

    fn hex_bytes(&mut self, what: &str) -> Parsed<Vec<u8>> {
        let token = self.token();
        if !matches!(
            token.kind,
            TokenKind::Word | TokenKind::Int | TokenKind::Hex
        ) {
            return Err(self.expected(&format!("{what} as hex digits, such as `0a0b0c0d`")));
        }
        match decode_hex(&token.text) {
            Some(bytes) => {
                self.bump();
                Ok(bytes)
            }
            None => {
                let help = match token.kind {
                    TokenKind::Hex => "leave out the `0x`",
                    _ => {
                        "an even number of digits 0-9 and a-f without `0x`; or a word defined by -D"
                    }
                };
                let message = format!("expected {what} as hex digits, found `{}`", token.text);
                self.fail_at(code::HEX_BYTES, token.span, message, help)
            }
        }
    }

    /// After `ECN`: `e0b A [ceb B [e1b C]]` or `e1b A [ceb B [e0b C]]`.
    fn acc_ecn(&mut self) -> Parsed<TcpOption> {
        let (order, third) = if self.eat_word("e0b") {
            (0, "e1b")
        } else if self.eat_word("e1b") {
            (1, "e0b")
        } else {
            return Err(self.expected("an AccECN counter: `e0b N` or `e1b N`"));
        };
        let mut counters = vec![self.field("a counter")?];
        if self.eat_word("ceb") {
            counters.push(self.field("a counter")?);
            if self.eat_word(third) {
                counters.push(self.field("a counter")?);
            }
        }
        Ok(TcpOption::AccEcn(order, counters))
    }

    /// The counters of `AccECN0` and `AccECN1`, from none to all three, in the order of the option.
    fn long_counters(&mut self, order: u8) -> Parsed<Vec<Field>> {
        let mut counters = Vec::new();
        for name in counter_names(order) {
            if !self.eat_word(name) {
                break;
            }
            counters.push(self.field("a counter")?);
        }
        Ok(counters)
    }
}

/// The counters of an AccECN option in its order.
fn counter_names(order: u8) -> [&'static str; 3] {
    match order {
        0 => ["ee0b", "eceb", "ee1b"],
        _ => ["ee1b", "eceb", "ee0b"],
    }
}

pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
