//! Times: `0.25`, `+0.25`, `*`, `0.2~0.4`, `+0.2~+0.4`.

use std::time::Duration;

use super::{Failed, Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::program::TimeSpec;
use crate::script::token::TokenKind;
use crate::source::{Span, Spanned};
use crate::time::Time;

/// The longest time a script can name, in seconds: some thirty years.
const MAX_SECONDS: u64 = 1_000_000_000;

impl Parser<'_> {
    /// The time of an event.
    pub(super) fn when(&mut self) -> Parsed<Spanned<TimeSpec>> {
        let first = self.token().span;
        if self.eat('*') {
            return Ok(Spanned::new(TimeSpec::Any, first));
        }
        let (relative, start) = self.time_point(true)?;
        if !self.eat('~') {
            let at = match relative {
                true => TimeSpec::Relative(Duration::from_micros(start)),
                false => TimeSpec::Absolute(absolute(start)),
            };
            return Ok(Spanned::new(at, first.to(self.previous_span())));
        }
        let (end_relative, end) = self.time_point(false)?;
        let span = first.to(self.previous_span());
        let range = match (relative, end_relative) {
            (true, true) => {
                TimeSpec::RelativeRange(Duration::from_micros(start), Duration::from_micros(end))
            }
            (false, false) => TimeSpec::AbsoluteRange(absolute(start), absolute(end)),
            _ => return Err(self.mixed_range(span, relative)),
        };
        Ok(Spanned::new(range, span))
    }

    /// The time after `...` of a blocking call, in microseconds.
    pub(super) fn end_time(&mut self) -> Parsed<Spanned<u64>> {
        let start = self.token().span;
        let micros = self.seconds()?;
        Ok(Spanned::new(micros, start))
    }

    /// An optional `+`, then seconds as microseconds.
    fn time_point(&mut self, starts_event: bool) -> Parsed<(bool, u64)> {
        let relative = self.eat('+');
        if starts_event
            && !relative
            && !matches!(
                self.kind(),
                TokenKind::Int | TokenKind::Decimal | TokenKind::Word
            )
        {
            return Err(self.no_time());
        }
        if starts_event && !relative && self.kind() == TokenKind::Word && !self.looks_like_time() {
            return Err(self.no_time());
        }
        Ok((relative, self.seconds()?))
    }

    /// Whether the current word is a number with something behind it, such as `3s`.
    fn looks_like_time(&self) -> bool {
        self.token()
            .text
            .starts_with(|first: char| first.is_ascii_digit())
    }

    fn seconds(&mut self) -> Parsed<u64> {
        let token = self.token();
        let bad = |message: String| Diagnostic::error(code::TIME, self.source, token.span, message);
        match token.kind {
            TokenKind::Int | TokenKind::Decimal => {}
            TokenKind::Word if self.looks_like_time() => {
                let diagnostic = bad(format!(
                    "expected a time in seconds, found `{}`",
                    token.text
                ))
                .help("times are decimal numbers without a unit: `0.05` for 50 ms");
                return Err(self.fail(diagnostic));
            }
            TokenKind::Hex => {
                let diagnostic = bad(format!(
                    "expected a time in decimal, found `{}`",
                    token.text
                ));
                return Err(self.fail(diagnostic));
            }
            _ => return Err(self.expected("a time in seconds, such as `0.25`")),
        }
        let diagnostic = match micros(&token.text) {
            Ok(micros) => {
                self.bump();
                return Ok(micros);
            }
            Err(Unreadable::Negative) => bad("a time cannot be negative".to_owned()),
            Err(Unreadable::TooLarge) => {
                bad(format!("a time cannot be more than {MAX_SECONDS} seconds"))
            }
        };
        Err(self.fail(diagnostic))
    }

    fn mixed_range(&mut self, span: Span, relative: bool) -> Failed {
        let help = match relative {
            true => "with a relative start the end takes a `+` as well: `+0.2~+0.4`",
            false => "with an absolute start the end is absolute as well: `0.2~0.4`",
        };
        let message = "both ends of a time range must be absolute, or both relative";
        let diagnostic = Diagnostic::error(code::TIME, self.source, span, message).help(help);
        self.fail(diagnostic)
    }

    /// The event starts with something that is no time.
    fn no_time(&mut self) -> Failed {
        let what = "an event, which starts with a time such as `0.1`, `+0.1` or `*`";
        match self.kind() {
            TokenKind::Word | TokenKind::Punct('<' | '>') | TokenKind::Code
                if self.token().first_on_line =>
            {
                self.expected_with_help_here(what, "write `+0` for \"at once\"")
            }
            _ => {
                let diagnostic = Diagnostic::error(
                    code::UNEXPECTED,
                    self.source,
                    self.token().span,
                    format!("expected {what}, found {}", self.token()),
                );
                self.fail(diagnostic)
            }
        }
    }

    fn expected_with_help_here(&mut self, what: &str, help: &str) -> Failed {
        let token = self.token();
        let message = format!("expected {what}, found {token}");
        let diagnostic =
            Diagnostic::error(code::UNEXPECTED, self.source, token.span, message).help(help);
        self.fail(diagnostic)
    }
}

fn absolute(micros: u64) -> Time {
    Time::from_micros(i64::try_from(micros).unwrap_or(i64::MAX / 4))
}

enum Unreadable {
    Negative,
    TooLarge,
}

/// Seconds in decimal to microseconds; further digits are rounded.
fn micros(text: &str) -> Result<u64, Unreadable> {
    if text.starts_with('-') {
        return Err(Unreadable::Negative);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: u64 = match whole {
        "" => 0,
        digits => digits.parse().map_err(|_| Unreadable::TooLarge)?,
    };
    if seconds > MAX_SECONDS {
        return Err(Unreadable::TooLarge);
    }
    let mut micros = 0;
    for at in 0..7 {
        let digit = fraction
            .as_bytes()
            .get(at)
            .map_or(0, |digit| u64::from(digit - b'0'));
        match at {
            6 => micros += u64::from(digit >= 5),
            _ => micros = micros * 10 + digit,
        }
    }
    Ok(seconds * 1_000_000 + micros)
}
