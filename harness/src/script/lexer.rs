//! Text to tokens. Never fails: what cannot be read becomes a token of its own or a diagnostic.
//!
//! Every byte of the text belongs to exactly one token or one piece of trivia.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::token::{Token, TokenKind, Trivia, TriviaKind};
use crate::diagnostic::{Diagnostic, code};
use crate::source::{Source, Span};

/// The result of lexing one file.
#[derive(Clone, Debug)]
pub struct Lexed {
    /// All tokens in order; the last is [`TokenKind::End`].
    pub tokens: Vec<Token>,
    /// All trivia in order.
    pub trivia: Vec<Trivia>,
    /// What was never closed.
    pub diagnostics: Vec<Diagnostic>,
}

/// Splits a script into tokens.
pub fn lex(source: &Source) -> Lexed {
    let mut lexer = Lexer {
        source,
        text: source.text(),
        at: 0,
        first_on_line: true,
        pending_trivia: 0,
        lexed: Lexed {
            tokens: Vec::new(),
            trivia: Vec::new(),
            diagnostics: Vec::new(),
        },
    };
    while lexer.step() {}
    lexer.push(TokenKind::End, lexer.at, String::new());
    lexer.lexed
}

/// What some editors put in front of a text to say that it is UTF-8.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

struct Lexer<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
    first_on_line: bool,
    pending_trivia: usize,
    lexed: Lexed,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Reads one token or piece of trivia; `false` at the end of the text.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return false;
        };
        if self.at == 0 && first == BYTE_ORDER_MARK {
            self.trivia(TriviaKind::Blank, first.len_utf8());
        } else if is_blank(first) {
            self.blank();
        } else if rest.starts_with("//") {
            let len = rest.find('\n').unwrap_or(rest.len());
            self.trivia(TriviaKind::LineComment, len);
        } else if rest.starts_with("/*") {
            self.block_comment();
        } else if rest.starts_with("%{") {
            self.code_block();
        } else if first == '"' {
            self.quoted('"', TokenKind::Text);
        } else if first == '`' {
            self.quoted('`', TokenKind::Command);
        } else if let Some(len) = option_len(rest) {
            self.take(TokenKind::Option, len);
        } else if first == '#' {
            self.directive();
        } else if rest.starts_with("...") {
            self.take(TokenKind::Ellipsis, 3);
        } else if rest.starts_with("..") {
            self.take(TokenKind::Range, 2);
        } else if let Some((kind, len)) = address(rest).or_else(|| number(rest)) {
            self.take(kind, len);
        } else if is_word_char(first) {
            let mut len = run_len(rest, is_word_char);
            if &rest[..len] == "sequence" && rest[len..].starts_with('#') {
                len += 1;
            }
            // Options by kind and by experiment: `gen-200`, `exp-f989`.
            if matches!(&rest[..len], "gen" | "exp" | "EXP")
                && let Some(behind) = rest[len..].strip_prefix('-')
                && behind.starts_with(is_word_char)
            {
                len += 1 + run_len(behind, is_word_char);
            }
            self.take(TokenKind::Word, len);
        } else if "<>()[]{},:=|+-*~./!@".contains(first) {
            self.take(TokenKind::Punct(first), 1);
        } else {
            self.take(TokenKind::Unknown, first.len_utf8());
        }
        true
    }

    fn push(&mut self, kind: TokenKind, start: usize, text: String) {
        self.lexed.tokens.push(Token {
            kind,
            span: Span::new(start, self.at),
            text,
            first_on_line: self.first_on_line,
            trivia: (self.pending_trivia, self.lexed.trivia.len()),
        });
        self.first_on_line = false;
        self.pending_trivia = self.lexed.trivia.len();
    }

    fn take(&mut self, kind: TokenKind, len: usize) {
        let start = self.at;
        self.at += len;
        self.push(kind, start, self.text[start..self.at].to_owned());
    }

    fn trivia(&mut self, kind: TriviaKind, len: usize) {
        let span = Span::new(self.at, self.at + len);
        self.lexed.trivia.push(Trivia { kind, span });
        self.at += len;
    }

    fn blank(&mut self) {
        let len = run_len(self.rest(), is_blank);
        if self.rest()[..len].contains('\n') {
            self.first_on_line = true;
        }
        self.trivia(TriviaKind::Blank, len);
    }

    fn block_comment(&mut self) {
        let rest = self.rest();
        let len = match rest[2..].find("*/") {
            Some(inner) => inner + 4,
            None => {
                let mark = Span::new(self.at, self.at + 2);
                self.unclosed(code::UNCLOSED_COMMENT, mark, "comment", "`*/`");
                rest.len()
            }
        };
        if rest[..len].contains('\n') {
            self.first_on_line = true;
        }
        self.trivia(TriviaKind::BlockComment, len);
    }

    fn code_block(&mut self) {
        let start = self.at;
        let rest = self.rest();
        let inner = match rest.find("}%") {
            Some(end) => {
                self.at += end + 2;
                &rest[2..end.max(2)]
            }
            None => {
                let mark = Span::new(start, start + 2);
                self.unclosed(code::UNCLOSED_CODE, mark, "code block", "`}%`");
                self.at = self.text.len();
                // What follows is hardly code: one message is enough.
                ""
            }
        };
        self.push(TokenKind::Code, start, inner.to_owned());
    }

    /// A string or command; without its end mark it is taken to end with its line, so that
    /// what follows is still read.
    fn quoted(&mut self, mark: char, kind: TokenKind) {
        let start = self.at;
        let rest = self.rest();
        let mut escaped = false;
        let end = rest[1..].char_indices().find_map(|(at, character)| {
            let closes = character == mark && !escaped;
            escaped = character == '\\' && !escaped;
            closes.then_some(at + 1)
        });
        let inner = match end {
            Some(end) => {
                self.at += end + 1;
                &rest[1..end]
            }
            None => {
                let line = rest.find('\n').unwrap_or(rest.len());
                let (id, what, end) = match kind {
                    TokenKind::Command => (code::UNCLOSED_COMMAND, "command", "a back quote"),
                    _ => (code::UNCLOSED_STRING, "string", "`\"`"),
                };
                self.unclosed(id, Span::new(start, start + 1), what, end);
                self.at += line;
                rest[1..line].trim_end_matches('\r')
            }
        };
        self.push(kind, start, inner.to_owned());
    }

    fn directive(&mut self) {
        let len = 1 + run_len(&self.rest()[1..], is_word_char);
        let kind = match &self.rest()[..len] {
            "#ifdef" => TokenKind::Ifdef,
            "#else" => TokenKind::Else,
            "#endif" => TokenKind::Endif,
            _ => TokenKind::Directive,
        };
        self.take(kind, len);
    }

    fn unclosed(&mut self, id: &'static str, mark: Span, what: &str, end: &str) {
        let message =
            format!("this {what} is not closed: expected {end} before the end of the file");
        self.lexed.diagnostics.push(
            Diagnostic::error(id, self.source, mark, message)
                .label(format!("the {what} starts here")),
        );
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

fn is_word_char(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn run_len(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character))
        .unwrap_or(text.len())
}

/// The length of an option (`--name=value`) at the start of `rest`. A value reaches to the
/// next blank; blanks inside quotes belong to it.
fn option_len(rest: &str) -> Option<usize> {
    let name = run_len(rest.strip_prefix("--")?, is_word_char);
    if name == 0 {
        return None;
    }
    let mut len = 2 + name;
    if !rest[len..].starts_with('=') {
        return Some(len);
    }
    len += 1;
    let mut quote = None;
    for character in rest[len..].chars() {
        match quote {
            None if is_blank(character) => break,
            _ if character == '\n' => break,
            None if matches!(character, '"' | '`') => quote = Some(character),
            Some(open) if open == character => quote = None,
            _ => {}
        }
        len += character.len_utf8();
    }
    Some(len)
}

/// An IPv4 or IPv6 address at the start of `rest`: four dotted numbers, or groups with a `::`
/// or seven colons among them (so that `1:1` stays a sequence range).
fn address(rest: &str) -> Option<(TokenKind, usize)> {
    let v4 = run_len(rest, |character| {
        character.is_ascii_digit() || character == '.'
    });
    if rest[..v4].parse::<Ipv4Addr>().is_ok() {
        return Some((TokenKind::Ipv4, v4));
    }
    let run = run_len(rest, |c| c.is_ascii_hexdigit() || c == ':' || c == '.');
    let text = &rest[..run];
    if !text.contains("::") && text.matches(':').count() < 7 {
        return None;
    }
    // A colon that ends a layer may follow the address directly.
    [
        text,
        text.trim_end_matches('.'),
        text.strip_suffix(':').unwrap_or(text),
    ]
    .into_iter()
    .find(|text| text.parse::<Ipv6Addr>().is_ok())
    .map(|text| (TokenKind::Ipv6, text.len()))
}

fn number(rest: &str) -> Option<(TokenKind, usize)> {
    let digits_from = |text: &str| run_len(text, |character| character.is_ascii_digit());
    let sign = usize::from(rest.starts_with('-'));
    let body = &rest[sign..];
    let whole = digits_from(body);
    if let Some(after) = body[whole..].strip_prefix('.') {
        let fraction = digits_from(after);
        if fraction > 0 {
            return Some((TokenKind::Decimal, sign + whole + 1 + fraction));
        }
    }
    if whole == 0 {
        return None;
    }
    let run = run_len(body, is_word_char);
    let hex = body[..run].strip_prefix("0x").is_some_and(|digits| {
        !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit())
    });
    match (run == whole, hex && sign == 0) {
        (true, _) => Some((TokenKind::Int, sign + whole)),
        (false, true) => Some((TokenKind::Hex, run)),
        (false, false) => Some((TokenKind::Word, sign + run)),
    }
}

#[cfg(test)]
mod tests;
