//! `#ifdef`, `#if`, `#elif`, `#else`, `#endif`: which text counts.

use super::{Environment, script_define};
use crate::diagnostic::{Diagnostic, code};
use crate::program::IpVersion;
use crate::script::condition::{self, World};
use crate::script::option;
use crate::script::superset;
use crate::script::token::{Token, TokenKind};
use crate::source::{Source, Span};

/// The tokens of the text that counts; the rest, and the conditions, are dropped.
pub(super) fn select(
    source: &Source,
    tokens: Vec<Token>,
    environment: Environment<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let mut conditional = Conditional {
        source,
        environment,
        defined: Vec::new(),
        ip_version: environment.ip_version,
        open: Vec::new(),
        diagnostics,
    };
    conditional.select(tokens)
}

/// One `#ifdef` or `#if` that is open.
struct Branch {
    mark: Span,
    /// What it begins with.
    word: String,
    /// Whether the text around the whole of it counts.
    outer: bool,
    /// Whether the text of the current branch counts.
    active: bool,
    /// Whether some branch has counted so far.
    taken: bool,
    seen_else: bool,
}

struct Conditional<'a> {
    source: &'a Source,
    environment: Environment<'a>,
    /// Names that option lines have defined so far.
    defined: Vec<String>,
    ip_version: Option<IpVersion>,
    open: Vec<Branch>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

/// Leaves out what else stands on the line of a directive.
fn skip_line(tokens: &mut Tokens) {
    while tokens
        .next_if(|next| !next.first_on_line && next.kind != TokenKind::End)
        .is_some()
    {}
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
                    self.ifdef(&token, name.as_deref());
                }
                TokenKind::Else => self.last_branch(&token),
                TokenKind::Endif => self.close(&token),
                TokenKind::Directive => {
                    match token.text.as_str() {
                        "#if" => self.open_if(&token),
                        "#elif" => self.next_branch(&token),
                        _ => self.unknown(&token),
                    }
                    skip_line(&mut tokens);
                }
                TokenKind::End => {
                    self.check_closed();
                    kept.push(token);
                }
                _ if self.active() => {
                    self.note_option(&token);
                    kept.push(token);
                }
                _ => {}
            }
        }
        kept
    }

    fn active(&self) -> bool {
        self.open.last().is_none_or(|branch| branch.active)
    }

    /// What conditions behind an option line know from it.
    fn note_option(&mut self, token: &Token) {
        if token.kind != TokenKind::Option {
            return;
        }
        if let Some((name, _)) = script_define(&token.text) {
            self.defined.push(name.to_owned());
        }
        if self.environment.ip_version.is_none()
            && let Some(family) = token.text.strip_prefix("--ip_version=")
        {
            let mut options = crate::program::ScriptOptions::default();
            let set = option::set(&mut options, "ip_version", Some(family.trim_matches('"')));
            if set.is_ok() {
                self.ip_version = options.ip_version;
            }
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        let environment = self.environment;
        environment.predefined.iter().any(|known| known == name)
            || environment.defines.iter().any(|(known, _)| known == name)
            || self.defined.iter().any(|known| known == name)
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

    fn ifdef(&mut self, mark: &Token, name: Option<&str>) {
        if !self.open.is_empty() {
            self.superset(mark.span, "a nested `#ifdef`");
        }
        if name.is_none() {
            let message = "`#ifdef` without a name".to_owned();
            self.error(
                code::DIRECTIVE,
                mark.span,
                message,
                "write `#ifdef linux`, for one",
            );
        }
        let holds = name.is_some_and(|name| self.is_defined(name));
        self.open(mark, holds);
    }

    fn open_if(&mut self, mark: &Token) {
        self.superset(mark.span, "`#if`");
        let holds = self.holds(mark);
        self.open(mark, holds);
    }

    /// Whether the condition behind a mark holds; one that cannot be read does not.
    fn holds(&mut self, mark: &Token) -> bool {
        let Some(condition) = condition::read(self.source, mark, self.diagnostics) else {
            return false;
        };
        condition.holds(&World {
            facts: self.environment.facts,
            ip_version: self.ip_version.unwrap_or_default(),
            defined: &|name| self.is_defined(name),
        })
    }

    fn open(&mut self, mark: &Token, holds: bool) {
        let outer = self.active();
        self.open.push(Branch {
            mark: mark.span,
            word: mark.text.clone(),
            outer,
            active: outer && holds,
            taken: holds,
            seen_else: false,
        });
    }

    /// `#elif`
    fn next_branch(&mut self, mark: &Token) {
        self.superset(mark.span, "`#elif`");
        let holds = self.holds(mark);
        self.other_branch(mark, holds, false);
    }

    /// `#else`
    fn last_branch(&mut self, mark: &Token) {
        self.superset(mark.span, "`#else`");
        self.other_branch(mark, true, true);
    }

    fn other_branch(&mut self, mark: &Token, holds: bool, last: bool) {
        match self.open.last_mut() {
            Some(branch) if !branch.seen_else => {
                branch.seen_else = last;
                branch.active = branch.outer && holds && !branch.taken;
                branch.taken |= holds;
            }
            Some(branch) => {
                let (first, word) = (branch.mark, branch.word.clone());
                let message = match last {
                    true => format!("a second `#else` for the same `{word}`"),
                    false => "an `#elif` behind the `#else`".to_owned(),
                };
                let diagnostic =
                    Diagnostic::error(code::UNBALANCED_DIRECTIVE, self.source, mark.span, message)
                        .also(first, format!("this `{word}` has its `#else` already"));
                self.diagnostics.push(diagnostic);
            }
            None => {
                let message = format!("`{}` without an `#ifdef` or `#if` before it", mark.text);
                self.error(code::UNBALANCED_DIRECTIVE, mark.span, message, "");
            }
        }
    }

    fn close(&mut self, mark: &Token) {
        if self.open.pop().is_none() {
            let message = "`#endif` without an `#ifdef` or `#if` before it".to_owned();
            self.error(code::UNBALANCED_DIRECTIVE, mark.span, message, "");
        }
    }

    fn unknown(&mut self, token: &Token) {
        let message = format!(
            "expected `#ifdef NAME`, `#if CONDITION`, `#elif CONDITION`, `#else` or `#endif`, found `{}`",
            token.text
        );
        let help = match token.text.as_str() {
            "#" => "a comment starts with `//`",
            "#ifndef" => "write `#if !defined(NAME)`",
            "#end" | "#fi" => "did you mean `#endif`?",
            "#elseif" | "#elsif" => "did you mean `#elif`?",
            _ => "a comment starts with `//`",
        };
        self.error(code::DIRECTIVE, token.span, message, help);
    }

    fn check_closed(&mut self) {
        while let Some(branch) = self.open.pop() {
            let message = format!(
                "this `{}` is not closed: expected `#endif` before the end of the file",
                branch.word
            );
            self.error(code::UNCLOSED_IFDEF, branch.mark, message, "");
        }
    }
}
