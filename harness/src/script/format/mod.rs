//! Laying a script out in columns: the same tokens and comments, other blanks.
//!
//! - `piece`: the text cut into tokens with the comments before each, and where statements start.
//! - `column`: where times stand, by what the file mostly does already.
//! - `emit`: the text written anew.
//!
//! Conditions are not evaluated and names need not be defined. Whatever comes out is read again
//! and compared, so that a script never changes its meaning.

mod column;
mod emit;
mod piece;

use super::lexer::{self, Lexed};
use super::token::{TokenKind, TriviaKind};
use crate::diagnostic::Diagnostic;
use crate::source::Source;

/// Why a script cannot be laid out.
#[derive(Clone, Debug)]
pub enum FormatError {
    /// A string, comment, command or code block is not closed.
    Unclosed(Vec<Diagnostic>),
    /// The outcome would not say the same.
    Differs,
}

/// The script in columns, ending in a line end unless it is empty.
///
/// # Errors
/// If something in it is not closed, or if the outcome would not say the same.
pub fn format(source: &Source) -> Result<String, FormatError> {
    let lexed = lexer::lex(source);
    if !lexed.diagnostics.is_empty() {
        return Err(FormatError::Unclosed(lexed.diagnostics));
    }
    let pieces = piece::pieces(source.text(), &lexed);
    let layout = column::choose(&pieces);
    let mut text = emit::emit(&pieces, layout);
    if is_crlf(source.text()) {
        text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    let again = Source::new(source.name(), text);
    match says_the_same(source, &lexed, &again) {
        true => Ok(again.text().to_string()),
        false => Err(FormatError::Differs),
    }
}

/// Whether every line ends in CR LF.
fn is_crlf(text: &str) -> bool {
    let ends = text.matches('\n').count();
    ends > 0 && text.matches("\r\n").count() == ends
}

/// Whether two texts have the same tokens, comments and header, and the same lines of directives.
fn says_the_same(source: &Source, lexed: &Lexed, again: &Source) -> bool {
    let relexed = lexer::lex(again);
    relexed.diagnostics.is_empty()
        && tokens(source, lexed).eq(tokens(again, &relexed))
        && comments(source, lexed).eq(comments(again, &relexed))
        && super::header(source) == super::header(again)
}

/// Kind and text of each token, and for those on a directive's line that they stand there.
fn tokens<'a>(
    source: &'a Source,
    lexed: &'a Lexed,
) -> impl Iterator<Item = (TokenKind, &'a str, bool)> {
    let mut in_directive = false;
    lexed.tokens.iter().map(move |token| {
        let is_directive = source.slice(token.span).starts_with('#');
        let goes_on = in_directive && !token.first_on_line && token.kind != TokenKind::End;
        in_directive = is_directive || goes_on;
        (token.kind, token.text.as_str(), in_directive)
    })
}

fn comments<'a>(source: &'a Source, lexed: &'a Lexed) -> impl Iterator<Item = &'a str> {
    let comments = lexed
        .trivia
        .iter()
        .filter(|one| one.kind != TriviaKind::Blank);
    comments.map(|one| source.slice(one.span).trim_end())
}

#[cfg(test)]
mod tests;
