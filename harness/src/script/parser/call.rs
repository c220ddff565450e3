//! System calls: `[...T] name(arguments) = result [ERRNO (note)] [(note)]`.

use super::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{Call, Expr};
use crate::script::token::TokenKind;
use crate::source::{Span, Spanned};

impl Parser<'_> {
    /// From its name on; `first` is where it begins, with its `...U` if it has one.
    pub(super) fn call(&mut self, first: Span, end: Option<Spanned<u64>>) -> Parsed<Call> {
        let name = self.word("the name of a system call")?;
        if !self.is('(') {
            let help = "a packet line has `<` or `>` after its time, a system call brackets after its name";
            return Err(self.expected_with_help(&format!("`(` after `{}`", name.node), help));
        }
        let open = self.bump().span;
        let arguments = self.sequence(')')?;
        let list_span = open.to(self.previous_span());
        if !self.is('=') {
            let help = match self.peek(1).is('=') && !self.token().first_on_line {
                true => format!("leave out {}", self.token()),
                false => "write `= 0` for success".to_owned(),
            };
            return Err(self.expected_with_help("`=` and the result of the call", help));
        }
        self.bump();
        let result = self.result()?;
        let errno = match self.kind() {
            TokenKind::Word if !self.token().first_on_line => Some(self.word("an errno name")?),
            _ => None,
        };
        for _ in 0..2 {
            if self.is('(') {
                self.note()?;
            }
        }
        Ok(Call {
            end,
            name,
            arguments,
            list_span,
            result,
            errno,
            span: first.to(self.previous_span()),
        })
    }

    /// A number, words joined by `|`, or `...`.
    fn result(&mut self) -> Parsed<Spanned<Expr>> {
        let token = self.token();
        match token.kind {
            TokenKind::Int | TokenKind::Hex | TokenKind::Ellipsis => self.primary(),
            TokenKind::Word if self.peek(1).is('(') => {
                self.bump();
                Ok(Spanned::new(Expr::Word(token.text.clone()), token.span))
            }
            TokenKind::Word => self.expression(),
            TokenKind::Punct('-') if self.peek(1).kind == TokenKind::Word => {
                let name = self.peek(1).text.clone();
                let span = token.span.to(self.peek(1).span);
                let message = format!("expected the result of the call, found `-{name}`");
                self.fail_at(
                    code::UNEXPECTED,
                    span,
                    message,
                    format!("write `-1 {name} (text of the error)`"),
                )
            }
            _ => Err(self.expected("the result of the call, a number")),
        }
    }

    /// `(words)`: for people, not read further.
    fn note(&mut self) -> Parsed<()> {
        let open = self.bump();
        while !self.eat(')') {
            if self.kind() == TokenKind::End || self.starts_statement() || self.is('(') {
                let diagnostic = Diagnostic::error(
                    code::UNEXPECTED,
                    self.source,
                    open.span,
                    "expected `)` at the end of this note",
                );
                return Err(self.fail(diagnostic));
            }
            self.bump();
        }
        Ok(())
    }
}
