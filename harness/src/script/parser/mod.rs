//! Tokens to a syntax tree, by recursive descent. One file a grammar area.
//!
//! Never stops at the first error: a statement that cannot be read is reported once,
//! and reading goes on at the next line that starts like a statement.

mod annotation;
mod call;
mod expr;
mod field;
mod icmp;
mod layer;
mod options;
mod packet;
mod tcp;
mod tcp_damage;
mod tcp_options;
mod time;
mod tunnel;

use super::ast::{Action, Event, File, Number};
use super::superset;
use super::token::{Token, TokenKind};
use crate::diagnostic::{Diagnostic, code};
use crate::source::{Source, Span, Spanned};

/// A diagnostic has been recorded; the statement cannot be read further.
pub(crate) struct Failed;

type Parsed<T> = Result<T, Failed>;

/// Reads a whole file. `tokens` must end with [`TokenKind::End`]; `drop_in` refuses what
/// packetdrill does not have.
pub(crate) fn parse(
    source: &Source,
    tokens: &[Token],
    drop_in: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> File {
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
        drop_in,
        diagnostics,
    };
    parser.file()
}

struct Parser<'a> {
    source: &'a Source,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    drop_in: bool,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn file(&mut self) -> File {
        let mut file = File::default();
        let mut failed = false;
        while self.kind() != TokenKind::End {
            let before = self.at;
            match self.kind() {
                TokenKind::Option => self.option_line(&mut file),
                TokenKind::Command => self.untimed_command(&mut file),
                _ => match self.event() {
                    Ok(event) => file.events.push(event),
                    Err(Failed) => {
                        failed = true;
                        self.recover(before);
                    }
                },
            }
        }
        if file.events.is_empty() && !failed {
            let end = Span::new(self.source.text().len(), self.source.text().len());
            self.diagnostics.push(
                Diagnostic::error(code::NO_EVENT, self.source, end, "the script has no event")
                    .label("expected at least one event before the end of the file")
                    .help("an event is a time and an action, such as `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3`"),
            );
        }
        file
    }

    /// Goes on to the next line that starts like a statement.
    fn recover(&mut self, start: usize) {
        if self.at == start {
            // No time was found: the next line may well be a statement of the same kind.
            self.bump();
            while self.kind() != TokenKind::End && !self.token().first_on_line {
                self.bump();
            }
            return;
        }
        while self.kind() != TokenKind::End && !self.starts_statement() {
            self.bump();
        }
    }

    /// Whether the current token is the first on its line and can start a statement.
    fn starts_statement(&self) -> bool {
        let token = self.token();
        token.first_on_line
            && matches!(
                token.kind,
                TokenKind::Int
                    | TokenKind::Decimal
                    | TokenKind::Option
                    | TokenKind::Command
                    | TokenKind::Punct('+' | '*')
            )
    }

    fn untimed_command(&mut self, file: &mut File) {
        let token = self.bump();
        let command = Spanned::new(token.text.clone(), token.span);
        if self.kind() == TokenKind::End && !file.events.is_empty() {
            file.cleanup = Some(command);
        } else if file.events.is_empty() && file.init.is_none() {
            file.init = Some(command);
        } else {
            self.diagnostics.push(
                Diagnostic::error(
                    code::COMMAND_ORDER,
                    self.source,
                    token.span,
                    "only the first and the last statement may be a command without a time",
                )
                .label("expected a time before this command")
                .help("write `+0` before the command"),
            );
        }
    }

    fn event(&mut self) -> Parsed<Event> {
        let at = self.when()?;
        let call_from = self.token().span;
        let call_end = self.call_end()?;
        let connection = self.connection_name()?;
        let token = self.token();
        let action = match token.kind {
            _ if call_end.is_some() => Action::Call(Box::new(self.call(call_from, call_end)?)),
            TokenKind::Punct('>') if self.peek(1).is_word("nothing") => {
                self.bump();
                let span = token.span.to(self.bump().span);
                self.superset(span, "`nothing`");
                Action::Nothing(span)
            }
            TokenKind::Punct('<' | '>') => Action::Packet(Box::new(self.packet()?)),
            TokenKind::Word => Action::Call(Box::new(self.call(token.span, None)?)),
            TokenKind::Command => Action::Command(self.bump().text.clone()),
            TokenKind::Code => {
                let code = self.bump();
                let inner = Span::new(code.span.start + 2, code.span.start + 2 + code.text.len());
                Action::Code(Spanned::new(code.text.clone(), inner))
            }
            _ => {
                return Err(self.expected(
                    "a packet (`<` or `>`), a system call, a `command` or a %{ code block }%",
                ));
            }
        };
        let span = at.span.to(self.previous_span());
        Ok(Event {
            at,
            connection,
            action,
            span,
        })
    }

    /// The `...U` of a blocking call.
    fn call_end(&mut self) -> Parsed<Option<Number>> {
        if self.kind() != TokenKind::Ellipsis {
            return Ok(None);
        }
        self.bump();
        self.end_time().map(Some)
    }

    /// `@NAME`, if it is there.
    fn connection_name(&mut self) -> Parsed<Option<Spanned<String>>> {
        let mark = self.token();
        if !self.eat('@') {
            return Ok(None);
        }
        let name = self.token();
        if name.kind != TokenKind::Word || name.span.start != mark.span.end {
            let message = "expected the name of a connection right behind `@`";
            let help = "a name has letters, digits and `_`, and begins with a letter: `@b`";
            let at = Diagnostic::error(code::CONNECTION_NAME, self.source, mark.span, message);
            return Err(self.fail(at.help(help)));
        }
        self.bump();
        self.superset(mark.span.to(name.span), "named connections");
        Ok(Some(Spanned::new(
            name.text.clone(),
            mark.span.to(name.span),
        )))
    }

    fn token(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self, ahead: usize) -> &'a Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> TokenKind {
        self.token().kind
    }

    fn bump(&mut self) -> &'a Token {
        let token = self.token();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    /// The place of the token read last.
    fn previous_span(&self) -> Span {
        self.at
            .checked_sub(1)
            .map_or(Span::default(), |at| self.tokens[at].span)
    }

    fn is(&self, mark: char) -> bool {
        self.token().is(mark)
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.is(mark);
        if found {
            self.bump();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.token().is_word(word);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, mark: char) -> Parsed<Span> {
        match self.is(mark) {
            true => Ok(self.bump().span),
            false => Err(self.expected(&format!("`{mark}`"))),
        }
    }

    fn expect_word(&mut self, word: &str) -> Parsed<Span> {
        match self.token().is_word(word) {
            true => Ok(self.bump().span),
            false => Err(self.expected(&format!("`{word}`"))),
        }
    }

    /// Any word; `what` says in a message which.
    fn word(&mut self, what: &str) -> Parsed<Spanned<String>> {
        if self.kind() != TokenKind::Word {
            return Err(self.expected(what));
        }
        let token = self.bump();
        Ok(Spanned::new(token.text.clone(), token.span))
    }

    /// A decimal number of zero or more.
    fn number(&mut self, what: &str) -> Parsed<Number> {
        let token = self.token();
        match token.kind {
            TokenKind::Int if !token.text.starts_with('-') => self.digits(10),
            TokenKind::Hex => {
                let message = format!("expected {what} in decimal, found `{}`", token.text);
                Err(self.fail(Diagnostic::error(
                    code::NUMBER,
                    self.source,
                    token.span,
                    message,
                )))
            }
            TokenKind::Word if is_define_like(&token.text) && !token.first_on_line => {
                let help = format!(
                    "a word here must be defined: `-D {0}=…` or `--define={0}=…`",
                    token.text
                );
                Err(self.expected_with_help(what, help))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// A `0x…` number.
    fn hex(&mut self, what: &str) -> Parsed<Number> {
        match self.kind() {
            TokenKind::Hex => self.digits(16),
            TokenKind::Int if self.is_defined() => self.digits(10),
            _ => Err(self.expected(&format!("{what} in hex, such as `0x1c`"))),
        }
    }

    /// Whether a define gave the current token its value: the script has a word in its place.
    fn is_defined(&self) -> bool {
        let written = self.source.slice(self.token().span);
        self.token().text.starts_with(|c: char| c.is_ascii_digit())
            && written.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    }

    /// A number in either form.
    fn any_number(&mut self, what: &str) -> Parsed<Number> {
        match self.kind() {
            TokenKind::Hex => self.digits(16),
            _ => self.number(what),
        }
    }

    fn digits(&mut self, radix: u32) -> Parsed<Number> {
        let token = self.bump();
        let digits = token.text.strip_prefix("0x").unwrap_or(&token.text);
        match u64::from_str_radix(digits, radix) {
            Ok(value) => Ok(Spanned::new(value, token.span)),
            Err(_) => {
                let message = format!("the number `{}` is too large", token.text);
                Err(self.fail(Diagnostic::error(
                    code::NUMBER,
                    self.source,
                    token.span,
                    message,
                )))
            }
        }
    }

    /// Here stands a form of our own; `form` names it as [`superset::refuse`] says. Reading goes on.
    fn superset(&mut self, span: Span, form: &str) {
        if self.drop_in {
            self.diagnostics
                .push(superset::refuse(self.source, span, form));
        }
    }

    fn fail(&mut self, diagnostic: Diagnostic) -> Failed {
        self.diagnostics.push(diagnostic);
        Failed
    }

    /// `what` was expected at the current token.
    fn expected(&mut self, what: &str) -> Failed {
        let diagnostic = self.expected_diagnostic(code::UNEXPECTED, what);
        self.fail(diagnostic)
    }

    /// The same with advice.
    fn expected_with_help(&mut self, what: &str, help: impl Into<String>) -> Failed {
        let diagnostic = self.expected_diagnostic(code::UNEXPECTED, what).help(help);
        self.fail(diagnostic)
    }

    /// If the current token starts a line, the place is the end of the line before:
    /// that is where something is missing.
    fn expected_diagnostic(&self, id: &'static str, what: &str) -> Diagnostic {
        let token = self.token();
        let ends = self.at > 0 && (token.first_on_line || token.kind == TokenKind::End);
        if ends {
            let end = self.previous_span().end;
            let found = if token.kind == TokenKind::End {
                "file"
            } else {
                "line"
            };
            return Diagnostic::error(
                id,
                self.source,
                Span::new(end, end),
                format!("expected {what}, but the {found} ends"),
            )
            .label("expected here");
        }
        let found = match token.kind {
            TokenKind::Unknown => format!(
                "the character `{}`, which the language does not use",
                token.text
            ),
            _ => token.to_string(),
        };
        Diagnostic::error(
            id,
            self.source,
            token.span,
            format!("expected {what}, found {found}"),
        )
    }
}

/// Whether a word looks like one that a define should have replaced.
fn is_define_like(word: &str) -> bool {
    word.len() > 1
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
