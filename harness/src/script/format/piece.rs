//! A script as tokens with the comments before each, and what each token begins.

use crate::script::lexer::Lexed;
use crate::script::token::{Token, TokenKind, TriviaKind};

/// What a token begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// An event, at its time.
    Event,
    /// An option line, or a command without a time.
    Untimed,
    /// A `#…` line, which is kept as it is.
    Directive,
    /// Nothing: it goes on with what the token before belongs to.
    Inner,
    /// The end of the file.
    End,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment<'a> {
    /// Its text, without blanks at its end.
    pub(super) text: &'a str,
    /// Line ends between it and what is before it.
    pub(super) breaks: usize,
    /// The blanks before it on its line.
    pub(super) gap: &'a str,
    /// Whether it must end its line.
    pub(super) ends_line: bool,
}

/// A token with what stands before it.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) kind: TokenKind,
    /// As written.
    pub(super) text: &'a str,
    pub(super) role: Role,
    pub(super) comments: Vec<Comment<'a>>,
    /// Line ends between the last comment, or the token before, and this token.
    pub(super) breaks: usize,
    /// Whether nothing but blanks and comments stands before it on its line.
    pub(super) is_first: bool,
    /// Whether anything stands between the token before and this one.
    pub(super) is_apart: bool,
    /// The blanks before it, if it is the first on its line.
    pub(super) indent: &'a str,
}

impl Piece<'_> {
    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == TokenKind::Punct(mark)
    }
}

/// Cuts a text up. Every byte that is not blank is in exactly one piece.
pub(super) fn pieces<'a>(text: &'a str, lexed: &Lexed) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = Vec::with_capacity(lexed.tokens.len());
    let mut roles = Roles::new(&lexed.tokens);
    for (at, token) in lexed.tokens.iter().enumerate() {
        let source = &text[token.span.start..token.span.end];
        let mut piece = Piece {
            kind: token.kind,
            text: source,
            role: roles.next(at, source.starts_with('#')),
            comments: Vec::new(),
            breaks: 0,
            is_first: token.first_on_line,
            is_apart: token.trivia.0 < token.trivia.1,
            indent: "",
        };
        for trivia in &lexed.trivia[token.trivia.0..token.trivia.1] {
            let text = &text[trivia.span.start..trivia.span.end];
            if trivia.kind == TriviaKind::Blank {
                piece.breaks = text.matches('\n').count();
                piece.indent = text.rsplit('\n').next().unwrap_or(text);
                continue;
            }
            piece.comments.push(Comment {
                text: text.trim_end(),
                breaks: std::mem::take(&mut piece.breaks),
                gap: std::mem::take(&mut piece.indent),
                ends_line: trivia.kind == TriviaKind::LineComment,
            });
        }
        pieces.push(piece);
    }
    pieces
}

/// Finds out what each token begins, in order.
struct Roles<'a> {
    tokens: &'a [Token],
    /// Brackets that are open.
    depth: usize,
    in_directive: bool,
    /// Where the action of the latest event begins.
    action: Option<usize>,
}

impl<'a> Roles<'a> {
    fn new(tokens: &'a [Token]) -> Roles<'a> {
        Roles {
            tokens,
            depth: 0,
            in_directive: false,
            action: None,
        }
    }

    fn next(&mut self, at: usize, is_directive: bool) -> Role {
        let token = &self.tokens[at];
        if token.kind == TokenKind::End {
            return Role::End;
        }
        if is_directive {
            self.in_directive = true;
            return Role::Directive;
        }
        if self.in_directive && !token.first_on_line {
            return Role::Inner;
        }
        self.in_directive = false;
        let role = self.beginning(at);
        match role {
            Role::Inner => match token.kind {
                TokenKind::Punct('(' | '[' | '{') => self.depth += 1,
                TokenKind::Punct(')' | ']' | '}') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            },
            Role::Event => {
                self.depth = 0;
                self.action = self.after_time(at);
            }
            Role::Untimed | Role::Directive | Role::End => self.depth = 0,
        }
        role
    }

    fn beginning(&self, at: usize) -> Role {
        let token = &self.tokens[at];
        let previous = at.checked_sub(1).map(|before| &self.tokens[before]);
        match token.kind {
            TokenKind::Option if token.first_on_line => return Role::Untimed,
            _ if self.depth > 0 => return Role::Inner,
            TokenKind::Command if token.first_on_line => {
                // The command of an event may stand on a line of its own.
                return match self.action == Some(at) {
                    true => Role::Inner,
                    false => Role::Untimed,
                };
            }
            _ => {}
        }
        let goes_on = previous.is_some_and(|before| {
            before.is('+') || before.is('~') || before.kind == TokenKind::Ellipsis
        });
        let Some(action) = self.after_time(at).filter(|_| !goes_on) else {
            return Role::Inner;
        };
        let begins = match token.first_on_line {
            true => self.may_be_action(action),
            false => {
                let is_time = token.is('+') || token.is('*') && !self.is_open_value(at);
                is_time && self.is_action(action)
            }
        };
        if begins { Role::Event } else { Role::Inner }
    }

    /// Whether a `*` within a line is the value of a field or of an option, as in `urg * <mss *>`, which
    /// the `<` or `>` behind it does not tell: then it stands behind a name or a colon.
    fn is_open_value(&self, at: usize) -> bool {
        let kind = |back| at.checked_sub(back).map(|before| self.kind(before));
        match kind(1) {
            Some(TokenKind::Word | TokenKind::Punct(':')) => true,
            // `gen-30 *`
            Some(TokenKind::Int) => kind(2) == Some(TokenKind::Punct('-')),
            _ => false,
        }
    }

    fn kind(&self, at: usize) -> TokenKind {
        self.tokens
            .get(at)
            .map_or(TokenKind::End, |token| token.kind)
    }

    /// Behind the time that begins at a token, if one does.
    fn after_time(&self, at: usize) -> Option<usize> {
        if self.kind(at) == TokenKind::Punct('*') {
            return Some(at + 1);
        }
        let mut next = self.after_point(at)?;
        if matches!(self.kind(next), TokenKind::Punct('~') | TokenKind::Ellipsis) {
            next = self.after_point(next + 1)?;
        }
        Some(next)
    }

    fn after_point(&self, at: usize) -> Option<usize> {
        let number = at + usize::from(self.kind(at) == TokenKind::Punct('+'));
        matches!(self.kind(number), TokenKind::Int | TokenKind::Decimal).then_some(number + 1)
    }

    /// Whether an action begins here for certain.
    fn is_action(&self, at: usize) -> bool {
        match self.kind(at) {
            TokenKind::Punct('<' | '>') | TokenKind::Command | TokenKind::Code => true,
            TokenKind::Word => self.kind(at + 1) == TokenKind::Punct('('),
            _ => false,
        }
    }

    /// Whether one may begin here, behind what looks like a time at the start of a line.
    fn may_be_action(&self, at: usize) -> bool {
        !matches!(
            self.kind(at),
            TokenKind::Punct(':' | ',' | ')' | ']' | '}' | '=' | '(' | '|' | '.' | '>')
        ) || self.is_action(at)
    }
}
