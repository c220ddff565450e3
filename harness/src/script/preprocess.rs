//! Conditions and `-D NAME=VALUE`, on tokens, so that places stay true.

mod defines;
mod keywords;
mod select;

use super::facts::Facts;
use super::token::Token;
use crate::diagnostic::Diagnostic;
use crate::program::IpVersion;
use crate::source::Source;

/// What the world outside the script has defined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment<'a> {
    /// Names for `#ifdef`.
    pub(crate) predefined: &'a [String],
    /// Defines of the command line; they win over the script's own.
    pub(crate) defines: &'a [(String, String)],
    /// What the conditions of `#if` may ask.
    pub(crate) facts: &'a Facts,
    /// The family of the run; `None` takes the script's own line, else IPv4.
    pub(crate) ip_version: Option<IpVersion>,
    /// Only packetdrill's own language is taken.
    pub(crate) drop_in: bool,
}

/// Drops what conditions leave out, then replaces defined words.
pub(crate) fn preprocess(
    source: &Source,
    tokens: Vec<Token>,
    environment: Environment<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let tokens = defines::joined_options(source, tokens);
    let kept = select::select(source, tokens, environment, diagnostics);
    defines::replace(kept, environment)
}

/// Name and value of a `--define=NAME=VALUE` line.
fn script_define(option: &str) -> Option<(&str, &str)> {
    defines::of_option(option)
}

#[cfg(test)]
mod tests;
