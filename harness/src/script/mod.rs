//! The script language: text to a checked [`Program`], or to all that is wrong with it.
//!
//! Text → [`lexer`] tokens → `preprocess` (`#ifdef`, defines) → `parser`: a syntax tree and
//! diagnostics → `check`: a program. No step stops at its first error, and no input panics.
//! docs/language.md describes the language, docs/diagnostics.md the messages.

pub mod capability;
pub mod command;
pub mod format;
pub mod lexer;
pub mod option;
pub mod token;

mod ast;
mod check;
mod code;
mod condition;
mod facts;
mod given;
mod header;
mod parser;
mod preprocess;
mod suggest;
mod superset;

use std::collections::BTreeMap;

pub use facts::{Facts, Version, asked, views};
pub use given::{Given, OptionPair, check_options};

use crate::diagnostic::{Diagnostic, Severity};
use crate::program::{CaseHeader, IpVersion, PayloadMode, Program};
use crate::source::Source;

/// What is known about a run before its script is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadContext {
    /// What the conditions of `#if` may ask; see [`asked`].
    pub facts: Facts,
    /// Names that `#ifdef` finds defined: the target's, the profile's, the operating system's.
    pub predefined: Vec<String>,
    /// `-D NAME=VALUE` of the command line; these win over the script's own.
    pub defines: Vec<(String, String)>,
    /// Options of the command line, found good by [`check_options`]; these win over the script's own.
    pub options: Vec<OptionPair>,
    /// The family to run on; `None` takes the script's own line, else IPv4.
    pub ip_version: Option<IpVersion>,
    /// Take only what packetdrill takes: the additions of docs/language.md are errors.
    pub drop_in: bool,
}

/// Reads and checks a script.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text. Warnings alone are no error.
pub fn load(source: &Source, context: &LoadContext) -> Result<Program, Vec<Diagnostic>> {
    let (program, diagnostics) = read(source, context);
    match diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error)
    {
        true => Err(diagnostics),
        false => Ok(program),
    }
}

/// Everything that can be said about a script, warnings included; empty if there is nothing.
pub fn check_only(source: &Source, context: &LoadContext) -> Vec<Diagnostic> {
    read(source, context).1
}

/// The header comment lines alone; costs next to nothing.
pub fn header(source: &Source) -> CaseHeader {
    header::read(source, &mut Vec::new())
}

fn read(source: &Source, context: &LoadContext) -> (Program, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let header = match context.drop_in {
        // To packetdrill these lines are comments.
        true => CaseHeader {
            payload: PayloadMode::Zero,
            ..header::read(source, &mut Vec::new())
        },
        false => header::read(source, &mut diagnostics),
    };
    let lexed = lexer::lex(source);
    diagnostics.extend(lexed.diagnostics);
    let environment = preprocess::Environment {
        predefined: &context.predefined,
        defines: &context.defines,
        facts: &context.facts,
        ip_version: context.ip_version,
        drop_in: context.drop_in,
    };
    let tokens = preprocess::preprocess(source, lexed.tokens, environment, &mut diagnostics);
    let mut file = parser::parse(source, &tokens, context.drop_in, &mut diagnostics);
    file.options.extend(given::lines(&context.options));
    let whole = !diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error);
    let program = check::check(source, header, &file, context, whole, &mut diagnostics);
    drop_echoes(source, &mut diagnostics);
    diagnostics.sort_by_key(|one| (one.primary.span, one.code));
    diagnostics.dedup_by(|next, one| {
        (next.code, next.primary.span, &next.message) == (one.code, one.primary.span, &one.message)
    });
    (program, diagnostics)
}

/// A string or command that is not closed swallows the rest of its line: that something
/// is then missing on this line is no news.
fn drop_echoes(source: &Source, diagnostics: &mut Vec<Diagnostic>) {
    use crate::diagnostic::code::{UNCLOSED_COMMAND, UNCLOSED_STRING, UNEXPECTED};
    let line = |one: &Diagnostic| source.line_of(one.primary.span.start);
    let mut swallowed: BTreeMap<usize, usize> = BTreeMap::new();
    for one in diagnostics.iter() {
        if [UNCLOSED_STRING, UNCLOSED_COMMAND].contains(&one.code) {
            let from = one.primary.span.start;
            let first = swallowed.entry(line(one)).or_insert(from);
            *first = from.min(*first);
        }
    }
    diagnostics.retain(|one| {
        let from = swallowed.get(&line(one));
        one.code != UNEXPECTED || from.is_none_or(|from| one.primary.span.start < *from)
    });
}

#[cfg(test)]
mod tests;
