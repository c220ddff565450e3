//! Code blocks: the plain subset of Python that needs no Python.
//!
//! `assert`, `print(…)`, `name = expression` (and `+=` and its like), `if`; comparisons with chains,
//! `and`, `or`, `not`, `in`, arithmetic, bits, shifts, a few functions, `%` formats and `f"…"`.
//! Anything else that Python would take is [`Reading::Python`]; what no Python would take is a
//! diagnostic.

mod expression;
mod lexer;
mod parser;

use crate::diagnostic::Diagnostic;
use crate::program::code::Statement;
use crate::source::{Source, Span, Spanned};

/// How a block was understood.
pub(crate) enum Reading {
    /// Statements, and every name they use with its place.
    Plain(Vec<Statement>, Vec<Spanned<Name>>),
    /// It needs a Python interpreter; the place is the first construct outside the subset.
    Python(Span),
}

/// A name in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// It is read.
    Used(String),
    /// From here on it has a value.
    Assigned(String),
}

/// Reads the text of a block. `block` has the text between the marks and its place.
pub(crate) fn read(source: &Source, block: &Spanned<String>) -> Result<Reading, Box<Diagnostic>> {
    let tokens = match lexer::lex(source, block) {
        Ok(tokens) => tokens,
        Err(stop) => return stop.into_reading(),
    };
    match parser::parse(source, block, &tokens) {
        Ok((statements, names)) => Ok(Reading::Plain(statements, names)),
        Err(stop) => stop.into_reading(),
    }
}

/// Why reading stopped.
pub(crate) enum Stop {
    Python(Span),
    Wrong(Box<Diagnostic>),
}

impl Stop {
    fn into_reading(self) -> Result<Reading, Box<Diagnostic>> {
        match self {
            Stop::Python(span) => Ok(Reading::Python(span)),
            Stop::Wrong(diagnostic) => Err(diagnostic),
        }
    }
}

#[cfg(test)]
mod tests;
