//! Defines: words that stand for a string, a command, a number or another word.

use std::collections::BTreeMap;

use super::Environment;
use super::keywords::KEYWORDS;
use crate::script::lexer;
use crate::script::token::{Token, TokenKind};
use crate::source::{Source, Span};

/// What a word stands for.
struct Define {
    /// As given.
    given: String,
    /// As a token.
    token: Token,
    /// The same where bytes in hex stand, whose digits count as written.
    bytes: Token,
}

impl Define {
    fn new(value: &str) -> Define {
        Define {
            given: value.to_owned(),
            token: token_of(value),
            bytes: bytes_of(value),
        }
    }
}

/// Replaces defined words, those in the values of option lines included.
pub(super) fn replace(mut tokens: Vec<Token>, environment: Environment<'_>) -> Vec<Token> {
    let outside = environment.defines.iter();
    let mut defines: BTreeMap<String, Define> = outside
        .map(|(name, value)| (name.clone(), Define::new(value)))
        .collect();
    let fixed: Vec<String> = defines.keys().cloned().collect();
    let mut names_connection = false;
    let mut bytes_follow = false;
    for token in &mut tokens {
        let replaceable = token.kind == TokenKind::Word && !KEYWORDS.contains(&token.text.as_str());
        if token.kind == TokenKind::Option {
            replace_value(token, &defines);
            if let Some((name, value)) = of_option(&token.text)
                && !fixed.iter().any(|known| known == name)
            {
                defines.insert(name.to_owned(), Define::new(value));
            }
        } else if replaceable
            && !names_connection
            && let Some(defined) = defines.get(&token.text)
        {
            let value = match bytes_follow {
                true => &defined.bytes,
                false => &defined.token,
            };
            token.kind = value.kind;
            token.text.clone_from(&value.text);
        }
        names_connection = token.is('@');
        bytes_follow = takes_bytes(token);
    }
    tokens
}

/// The value of an option line, and the value of the define in it, may be a defined word.
fn replace_value(token: &mut Token, defines: &BTreeMap<String, Define>) {
    let Some((start, value)) = token.text.rsplit_once('=') else {
        return;
    };
    if let Some(defined) = defines.get(value) {
        token.text = format!("{start}={}", defined.given);
    }
}

/// Name and value of a `--define=NAME=VALUE` line.
pub(super) fn of_option(option: &str) -> Option<(&str, &str)> {
    let value = option.strip_prefix("--define=")?;
    let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    quoted.unwrap_or(value).split_once('=')
}

/// The token a defined word becomes: a string, a command, an integer of C, else a word.
fn token_of(value: &str) -> Token {
    let plain = |kind, text: String| Token {
        kind,
        span: Span::default(),
        text,
        first_on_line: false,
        trivia: (0, 0),
    };
    if let Some(number) = integer(value) {
        return plain(TokenKind::Int, number.to_string());
    }
    let lexed = lexer::lex(&Source::new("", value));
    if let Ok([token, _]) = <[Token; 2]>::try_from(lexed.tokens)
        && lexed.diagnostics.is_empty()
        && matches!(
            token.kind,
            TokenKind::Text
                | TokenKind::Command
                | TokenKind::Decimal
                | TokenKind::Ipv4
                | TokenKind::Ipv6
        )
    {
        return token;
    }
    plain(TokenKind::Word, value.to_owned())
}

/// Whether bytes in hex stand behind this token, which are no number: `FO 0102`.
fn takes_bytes(token: &Token) -> bool {
    let word = token.text.as_str();
    token.is('<')
        || token.kind == TokenKind::Word
            && (matches!(word, "FO" | "FOEXP" | "md5") || word.contains('-'))
}

fn bytes_of(value: &str) -> Token {
    let lexed = lexer::lex(&Source::new("", value));
    match <[Token; 2]>::try_from(lexed.tokens) {
        Ok([token, _]) if matches!(token.kind, TokenKind::Int | TokenKind::Word) => token,
        _ => token_of(value),
    }
}

/// An integer as C writes it: decimal, octal with a leading zero, hex with `0x`. Nothing at all
/// is 0, as for packetdrill.
fn integer(value: &str) -> Option<i64> {
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", value),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let (radix, digits) = match digits {
        "" if sign.is_empty() => return Some(0),
        hex if hex.starts_with("0x") || hex.starts_with("0X") => (16, &hex[2..]),
        octal if octal.len() > 1 && octal.starts_with('0') => (8, &octal[1..]),
        decimal => (10, decimal),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// Option lines with blanks around their `=` as one token, as those without.
pub(super) fn joined_options(source: &Source, tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(mut token) = tokens.next() {
        if token.kind == TokenKind::Option {
            let mut take = |token: &mut Token| {
                let next = tokens.next_if(|next| {
                    let value = next.kind != TokenKind::End && next.kind != TokenKind::Option;
                    let sign = next.is('=');
                    let wanted = match token.text.ends_with('=') {
                        true => value && !sign,
                        false => sign,
                    };
                    wanted && !next.first_on_line && token.text.matches('=').count() < 3
                });
                if let Some(next) = &next {
                    token.text.push_str(source.slice(next.span));
                    token.span = token.span.to(next.span);
                }
                next.is_some()
            };
            while take(&mut token) {}
        }
        joined.push(token);
    }
    joined
}
