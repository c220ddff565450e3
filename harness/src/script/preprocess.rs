//! `#ifdef NAME … #else … #endif` and `-D NAME=VALUE`, on tokens, so that places stay true.

use std::collections::BTreeMap;

use super::token::{Token, TokenKind};
use super::{lexer, superset};
use crate::diagnostic::{Diagnostic, code};
use crate::source::{Source, Span};

/// Words of the grammar; a define never replaces one.
const KEYWORDS: &[&str] = &[
    "sa_family",
    "sin_port",
    "sin_addr",
    "msg_name",
    "msg_iov",
    "msg_flags",
    "msg_control",
    "cmsg_data",
    "cmsg_level",
    "cmsg_type",
    "ee_errno",
    "ee_origin",
    "ee_type",
    "ee_code",
    "ee_info",
    "ee_data",
    "scm_sec",
    "scm_nsec",
    "fd",
    "u32",
    "u64",
    "ptr",
    "events",
    "revents",
    "onoff",
    "linger",
    "htons",
    "inet_addr",
    "inet6_addr",
    "ipv4",
    "ipv6",
    "icmp",
    "udp",
    "raw",
    "gre",
    "GREv0",
    "sum",
    "off",
    "key",
    "seq",
    "none",
    "checksum",
    "sequence#",
    "present",
    "encap",
    "psp",
    "spi",
    "mpls",
    "label",
    "tc",
    "ttl",
    "ack",
    "eol",
    "ecr",
    "mss",
    "mtu",
    "nop",
    "sack",
    "sackOK",
    "md5",
    "TS",
    "FO",
    "FOEXP",
    "ECN",
    "AccECN0",
    "AccECN1",
    "ee0b",
    "eceb",
    "ee1b",
    "e0b",
    "e1b",
    "ceb",
    "tos",
    "flowlabel",
    "flags",
    "Flags",
    "val",
    "win",
    "urg",
    "wscale",
    "ect01",
    "ect0",
    "ect1",
    "noecn",
    "ce",
    "id",
];

/// What the world outside the script has defined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment<'a> {
    /// Names for `#ifdef`.
    pub(crate) predefined: &'a [String],
    /// Defines of the command line; they win over the script's own.
    pub(crate) defines: &'a [(String, String)],
    /// Only packetdrill's own language is taken.
    pub(crate) drop_in: bool,
}

/// Drops what `#ifdef` leaves out, then replaces defined words.
pub(crate) fn preprocess(
    source: &Source,
    tokens: Vec<Token>,
    environment: Environment<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let mut conditional = Conditional {
        source,
        environment,
        open: Vec::new(),
        diagnostics,
    };
    let kept = conditional.select(tokens);
    replace_defines(kept, environment)
}

/// One `#ifdef` that is open.
struct Branch {
    mark: Span,
    /// Whether the text around the whole `#ifdef` counts.
    outer: bool,
    /// Whether the text of the current branch counts.
    active: bool,
    seen_else: bool,
}

struct Conditional<'a> {
    source: &'a Source,
    environment: Environment<'a>,
    open: Vec<Branch>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Conditional<'_> {
    fn select(&mut self, tokens: Vec<Token>) -> Vec<Token> {
        let mut kept = Vec::with_capacity(tokens.len());
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token.kind {
                TokenKind::Ifdef => {
                    let name = tokens
                        .next_if(|next| next.kind == TokenKind::Word && !next.first_on_line)
                        .map(|name| name.text);
                    self.open(&token, name.as_deref());
                }
                TokenKind::Else => self.other_branch(&token),
                TokenKind::Endif => self.close(&token),
                TokenKind::Directive => {
                    self.unknown(&token);
                    while tokens
                        .next_if(|next| !next.first_on_line && next.kind != TokenKind::End)
                        .is_some()
                    {}
                }
                TokenKind::End => {
                    self.check_closed();
                    kept.push(token);
                }
                _ if self.active() => kept.push(token),
                _ => {}
            }
        }
        kept
    }

    fn active(&self) -> bool {
        self.open.last().is_none_or(|branch| branch.active)
    }

    fn error(&mut self, id: &'static str, span: Span, message: String, help: &str) {
        let mut diagnostic = Diagnostic::error(id, self.source, span, message);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
    }

    /// Here stands a form of our own.
    fn superset(&mut self, span: Span, form: &str) {
        if self.environment.drop_in {
            self.diagnostics
                .push(superset::refuse(self.source, span, form));
        }
    }

    fn open(&mut self, mark: &Token, name: Option<&str>) {
        if !self.open.is_empty() {
            self.superset(mark.span, "a nested `#ifdef`");
        }
        let outer = self.active();
        let defined = name.is_some_and(|name| {
            self.environment
                .predefined
                .iter()
                .any(|known| known == name)
                || self
                    .environment
                    .defines
                    .iter()
                    .any(|(known, _)| known == name)
        });
        if name.is_none() {
            let message = "`#ifdef` without a name".to_owned();
            self.error(
                code::DIRECTIVE,
                mark.span,
                message,
                "write `#ifdef linux`, for one",
            );
        }
        self.open.push(Branch {
            mark: mark.span,
            outer,
            active: outer && defined,
            seen_else: false,
        });
    }

    fn other_branch(&mut self, mark: &Token) {
        self.superset(mark.span, "`#else`");
        match self.open.last_mut() {
            Some(branch) if !branch.seen_else => {
                branch.seen_else = true;
                branch.active = branch.outer && !branch.active;
            }
            Some(branch) => {
                let first = branch.mark;
                let message = "a second `#else` for the same `#ifdef`".to_owned();
                let diagnostic =
                    Diagnostic::error(code::UNBALANCED_DIRECTIVE, self.source, mark.span, message)
                        .also(first, "this `#ifdef` has one already");
                self.diagnostics.push(diagnostic);
            }
            None => {
                let message = "`#else` without an `#ifdef` before it".to_owned();
                self.error(code::UNBALANCED_DIRECTIVE, mark.span, message, "");
            }
        }
    }

    fn close(&mut self, mark: &Token) {
        if self.open.pop().is_none() {
            let message = "`#endif` without an `#ifdef` before it".to_owned();
            self.error(code::UNBALANCED_DIRECTIVE, mark.span, message, "");
        }
    }

    fn unknown(&mut self, token: &Token) {
        let message = format!(
            "expected `#ifdef NAME`, `#else` or `#endif`, found `{}`",
            token.text
        );
        let help = match token.text.as_str() {
            "#" => "a comment starts with `//`",
            "#ifndef" | "#if" => "write `#ifdef NAME`, `#else` and put the text after `#else`",
            "#end" | "#fi" => "did you mean `#endif`?",
            _ => "a comment starts with `//`; conditions are `#ifdef NAME`, `#else`, `#endif`",
        };
        self.error(code::DIRECTIVE, token.span, message, help);
    }

    fn check_closed(&mut self) {
        while let Some(branch) = self.open.pop() {
            let message =
                "this `#ifdef` is not closed: expected `#endif` before the end of the file";
            self.error(code::UNCLOSED_IFDEF, branch.mark, message.to_owned(), "");
        }
    }
}

fn replace_defines(mut tokens: Vec<Token>, environment: Environment<'_>) -> Vec<Token> {
    let mut defines: BTreeMap<String, Token> = environment
        .defines
        .iter()
        .map(|(name, value)| (name.clone(), defined_token(value)))
        .collect();
    let fixed: Vec<String> = defines.keys().cloned().collect();
    let mut bytes_follow = false;
    for token in &mut tokens {
        if token.kind == TokenKind::Option {
            if let Some((name, value)) = script_define(&token.text)
                && !fixed.iter().any(|known| known == name)
            {
                defines.insert(name.to_owned(), defined_token(value));
            }
        } else if token.kind == TokenKind::Word
            && !KEYWORDS.contains(&token.text.as_str())
            && let Some(defined) = defines.get(&token.text)
        {
            token.kind = defined.kind;
            token.text = match bytes_follow {
                true => defined.text.clone(),
                false => number_of_c(defined),
            };
        }
        bytes_follow = takes_bytes(token);
    }
    tokens
}

/// Whether bytes in hex stand behind this token, which are no number: `FO 0102`.
fn takes_bytes(token: &Token) -> bool {
    let word = token.text.as_str();
    token.is('<')
        || token.kind == TokenKind::Word
            && (matches!(word, "FO" | "FOEXP" | "md5") || word.contains('-'))
}

/// The text of a defined token: as in C, an integer with a leading zero is octal.
fn number_of_c(token: &Token) -> String {
    let octal = token.kind == TokenKind::Int && token.text.len() > 1 && token.text.starts_with('0');
    match u64::from_str_radix(&token.text, 8) {
        Ok(number) if octal => number.to_string(),
        _ => token.text.clone(),
    }
}

/// Name and value of a `--define=NAME=VALUE` line.
fn script_define(option: &str) -> Option<(&str, &str)> {
    let value = option
        .strip_prefix("--define=")
        .or_else(|| option.strip_prefix("--D="))?;
    value.trim_matches('"').split_once('=')
}

/// The token a defined word becomes: a string, a command, a number, else a word.
fn defined_token(value: &str) -> Token {
    let lexed = lexer::lex(&Source::new("", value));
    match <[Token; 2]>::try_from(lexed.tokens) {
        Ok([token, _]) if lexed.diagnostics.is_empty() => token,
        _ => Token {
            kind: TokenKind::Word,
            span: Span::default(),
            text: value.to_owned(),
            first_on_line: false,
            trivia: (0, 0),
        },
    }
}

#[cfg(test)]
mod tests;
