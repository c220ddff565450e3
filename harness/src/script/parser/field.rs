//! Numbers of outbound lines: a value, `*` for any, `a..b` for a range.

use super::{Parsed, Parser};
use crate::program::Match;
use crate::script::ast::{Field, Number};
use crate::script::token::TokenKind;
use crate::source::Spanned;

impl Parser<'_> {
    /// A number, `*`, or two numbers with `..` between.
    pub(super) fn field(&mut self, what: &str) -> Parsed<Field> {
        if self.is('*') {
            let star = self.bump().span;
            self.superset(star, "wildcards in a packet");
            return Ok(Spanned::new(Match::Any, star));
        }
        let low = self.number(what)?;
        if self.kind() != TokenKind::Range {
            return Ok(exactly(&low));
        }
        self.bump();
        let high = self.number("the last value of the range")?;
        let span = low.span.to(high.span);
        self.superset(span, "ranges of values in a packet");
        Ok(Spanned::new(Match::Within(low.node, high.node), span))
    }
}

fn exactly(number: &Number) -> Field {
    Spanned::new(Match::Is(number.node), number.span)
}
