//! The option list of a TCP line.

use super::{Parsed, Parser};
use crate::diagnostic::code;
use crate::script::ast::{Number, Options, TcpOption};
use crate::script::suggest;
use crate::script::token::TokenKind;
use crate::source::Spanned;

const NAMES: [&str; 11] = [
    "eol", "nop", "mss", "wscale", "sackOK", "sack", "TS", "md5", "FO", "FOEXP", "ECN",
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
        let options = match self.kind() {
            TokenKind::Ellipsis => {
                self.bump();
                Options::Any
            }
            _ => {
                let mut list = vec![self.tcp_option()?];
                while self.eat(',') {
                    list.push(self.tcp_option()?);
                }
                Options::List(list)
            }
        };
        if !self.is('>') {
            return Err(self.expected("`,` or `>` after a TCP option"));
        }
        let close = self.bump().span;
        Ok(Spanned::new(options, open.to(close)))
    }

    fn tcp_option(&mut self) -> Parsed<Spanned<TcpOption>> {
        let name = self.token();
        if name.kind != TokenKind::Word {
            return Err(self.expected("a TCP option, such as `mss 1460`"));
        }
        if !NAMES.contains(&name.text.as_str()) {
            return self.unknown_tcp_option();
        }
        self.bump();
        let option = match name.text.as_str() {
            "eol" => TcpOption::EndOfList,
            "nop" => TcpOption::NoOperation,
            "mss" => TcpOption::MaximumSegmentSize(self.number("the segment size")?),
            "wscale" => TcpOption::WindowScale(self.number("the shift count")?),
            "sackOK" => TcpOption::SackPermitted,
            "sack" => TcpOption::Sack(self.sack_blocks()?),
            "TS" => {
                self.expect_word("val")?;
                let value = self.number("the time stamp value")?;
                self.expect_word("ecr")?;
                TcpOption::Timestamps(value, self.number("the time stamp echo reply")?)
            }
            "md5" => TcpOption::Md5(self.hex_bytes("the digest")?),
            "FO" => TcpOption::FastOpen(self.cookie()?),
            "FOEXP" => TcpOption::FastOpenExperimental(self.cookie()?),
            _ => self.acc_ecn()?,
        };
        Ok(Spanned::new(option, name.span.to(self.previous_span())))
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

    fn sack_blocks(&mut self) -> Parsed<Vec<(Number, Number)>> {
        let mut blocks = Vec::new();
        while blocks.is_empty() || self.kind() == TokenKind::Int {
            let left = self.number("a SACK block, such as `1001:2001`")?;
            self.expect(':')?;
            let right = self.number("the right edge of the SACK block")?;
            blocks.push((left, right));
        }
        Ok(blocks)
    }

    /// A Fast Open cookie, if one stands here.
    fn cookie(&mut self) -> Parsed<Vec<u8>> {
        match self.kind() {
            TokenKind::Word | TokenKind::Int | TokenKind::Hex => self.hex_bytes("a cookie"),
            _ => Ok(Vec::new()),
        }
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
        let mut counters = vec![self.number("a counter")?];
        if self.eat_word("ceb") {
            counters.push(self.number("a counter")?);
            if self.eat_word(third) {
                counters.push(self.number("a counter")?);
            }
        }
        Ok(TcpOption::AccEcn(order, counters))
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
