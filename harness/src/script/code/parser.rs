//! Statements of code blocks.

use super::lexer::{Kind, Token, wrong};
use super::{Name, Stop};
use crate::diagnostic::{Diagnostic, code};
use crate::program::code::{BinaryOp, Expr, Statement, Value};
use crate::script::suggest;
use crate::source::{Source, Span, Spanned};

pub(super) type Read<T> = Result<T, Stop>;

/// How deep an expression, or `if` in `if`, may be nested.
pub(super) const MAX_DEPTH: usize = 64;

/// How many tokens a line may have: trees are dropped and evaluated recursively.
const MAX_TOKENS: usize = 1000;

/// Words that start or belong to Python we do not read.
pub(super) const PYTHON_WORDS: &[&str] = &[
    "for", "while", "def", "class", "import", "from", "lambda", "try", "except", "finally",
    "raise", "with", "as", "return", "global", "nonlocal", "del", "break", "continue", "yield",
    "async", "await",
];

/// Words that are no names.
pub(super) const OWN_WORDS: &[&str] = &[
    "and", "or", "not", "assert", "print", "if", "elif", "else", "in", "is", "pass", "True",
    "False", "None",
];

const AUGMENTED: &[(&str, BinaryOp)] = &[
    ("+=", BinaryOp::Add),
    ("-=", BinaryOp::Sub),
    ("*=", BinaryOp::Mul),
    ("**=", BinaryOp::Power),
    ("//=", BinaryOp::FloorDiv),
    ("/=", BinaryOp::Div),
    ("%=", BinaryOp::Mod),
    ("&=", BinaryOp::BitAnd),
    ("|=", BinaryOp::BitOr),
    ("^=", BinaryOp::BitXor),
    ("<<=", BinaryOp::ShiftLeft),
    (">>=", BinaryOp::ShiftRight),
];

/// The statements of a block and the names in it, in order.
pub(super) fn parse(
    source: &Source,
    block: &Spanned<String>,
    tokens: &[Token],
) -> Read<(Vec<Statement>, Vec<Spanned<Name>>)> {
    let mut parser = Parser {
        source,
        block,
        tokens,
        at: 0,
        depth: 0,
        names: Vec::new(),
    };
    let mut statements = Vec::new();
    loop {
        while matches!(parser.kind(), Kind::Separator | Kind::Line) {
            parser.at += 1;
        }
        if *parser.kind() == Kind::End {
            return Ok((statements, parser.names));
        }
        parser.statement(&mut statements)?;
    }
}

pub(super) struct Parser<'a> {
    pub(super) source: &'a Source,
    pub(super) block: &'a Spanned<String>,
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) names: Vec<Spanned<Name>>,
}

impl<'a> Parser<'a> {
    pub(super) fn token(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn kind(&self) -> &'a Kind {
        &self.token().node
    }

    pub(super) fn is(&self, operator: &str) -> bool {
        matches!(self.kind(), Kind::Operator(found) if *found == operator)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.kind(), Kind::Name(found) if found == name)
    }

    pub(super) fn eat(&mut self, operator: &str) -> bool {
        let found = self.is(operator);
        self.at += usize::from(found);
        found
    }

    pub(super) fn eat_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    fn ends_statement(&self) -> bool {
        matches!(self.kind(), Kind::Separator | Kind::Line | Kind::End)
    }

    fn previous_end(&self) -> usize {
        self.at
            .checked_sub(1)
            .map_or(self.block.span.start, |at| self.tokens[at].span.end)
    }

    /// Something else was expected: an error, unless the token is Python beyond the subset.
    pub(super) fn unexpected(&self, what: &str) -> Stop {
        let token = self.token();
        match &token.node {
            Kind::Name(name) if PYTHON_WORDS.contains(&name.as_str()) => Stop::Python(token.span),
            Kind::Operator("[" | "{" | "." | ":" | ":=" | "..." | "@" | "->") => {
                Stop::Python(token.span)
            }
            Kind::Separator | Kind::Line | Kind::End => {
                let end = self.previous_end();
                let message = format!("expected {what}, but the statement ends");
                let diagnostic =
                    Diagnostic::error(code::CODE_SYNTAX, self.source, Span::new(end, end), message)
                        .label("expected here");
                Stop::Wrong(Box::new(diagnostic))
            }
            _ => {
                let found = self.source.slice(token.span);
                wrong(
                    self.source,
                    token.span,
                    format!("expected {what}, found `{found}`"),
                )
            }
        }
    }

    /// Something stands behind a whole statement.
    fn surplus(&self) -> Stop {
        match self.unexpected("the end of the statement") {
            Stop::Wrong(diagnostic) if self.is("=") => {
                Stop::Wrong(Box::new(diagnostic.help("to compare, write `==`")))
            }
            stop => stop,
        }
    }

    /// One statement: a simple one with what ends it, or an `if` with all that belongs to it.
    fn statement(&mut self, into: &mut Vec<Statement>) -> Read<()> {
        if self.is_name("if") {
            into.push(self.condition()?);
            return Ok(());
        }
        into.push(self.simple()?);
        match self.ends_statement() {
            true => Ok(()),
            false => Err(self.surplus()),
        }
    }

    fn simple(&mut self) -> Read<Statement> {
        let start = self.token();
        let rest = &self.tokens[self.at.min(self.tokens.len() - 1)..];
        let len = rest
            .iter()
            .take_while(|token| !matches!(token.node, Kind::Separator | Kind::Line | Kind::End))
            .count();
        if len > MAX_TOKENS {
            return Err(self.too_long(start.span));
        }
        let Kind::Name(name) = &start.node else {
            return match &start.node {
                Kind::Operator("@") => Err(Stop::Python(start.span)),
                _ => self.expression_alone(),
            };
        };
        match name.as_str() {
            "assert" => self.assertion(),
            "print" => self.print(),
            "pass" => {
                self.at += 1;
                Ok(Statement::Pass)
            }
            "elif" | "else" => Err(wrong(
                self.source,
                start.span,
                format!("there is no `if` that this `{name}` belongs to"),
            )),
            name if PYTHON_WORDS.contains(&name) => Err(Stop::Python(start.span)),
            name if OWN_WORDS.contains(&name) => self.expression_alone(),
            name => self.assignment(name),
        }
    }

    fn too_long(&self, span: Span) -> Stop {
        wrong(
            self.source,
            span,
            format!("this statement has more than {MAX_TOKENS} words and signs"),
        )
    }

    fn assertion(&mut self) -> Read<Statement> {
        let start = self.token().span;
        self.at += 1;
        let condition = self.expression()?;
        let message = match self.eat(",") {
            true => Some(self.message()?),
            false => None,
        };
        let span = Span::new(start.start, self.previous_end());
        Ok(Statement::Assert {
            condition,
            message,
            span,
        })
    }

    /// The message of an assertion is only shown: what the subset lacks stands there as text.
    fn message(&mut self) -> Read<Expr> {
        let start = self.token().span.start;
        let (at, names, depth) = (self.at, self.names.len(), self.depth);
        match self.expression() {
            Ok(expression) if self.ends_statement() => Ok(expression),
            Ok(_) if !matches!(self.unexpected(""), Stop::Python(_)) => {
                Err(self.unexpected("the end of the statement"))
            }
            Err(Stop::Wrong(diagnostic)) => Err(Stop::Wrong(diagnostic)),
            _ => {
                (self.at, self.depth) = (at, depth);
                self.names.truncate(names);
                while !self.ends_statement() {
                    self.at += 1;
                }
                let span = Span::new(start, self.previous_end());
                Ok(Expr::Value(Value::Text(self.source.slice(span).to_owned())))
            }
        }
    }

    fn print(&mut self) -> Read<Statement> {
        let start = self.token().span;
        self.at += 1;
        if !self.is("(") {
            return Err(wrong(self.source, start, "expected `(` after `print`"));
        }
        let values = self.arguments()?;
        Ok(Statement::Print(values))
    }

    /// `name = …`, `name += …`, or an expression that begins with a name.
    fn assignment(&mut self, name: &str) -> Read<Statement> {
        let place = self.token().span;
        let next = &self.tokens[(self.at + 1).min(self.tokens.len() - 1)];
        match &next.node {
            Kind::Operator("=") => {}
            Kind::Operator(sign) => {
                let Some((_, operator)) = AUGMENTED.iter().find(|(text, _)| text == sign) else {
                    return match *sign {
                        "," | ":" | ":=" | "->" | "..." => Err(Stop::Python(place)),
                        _ => self.expression_alone(),
                    };
                };
                self.at += 2;
                let value = self.expression()?;
                self.names
                    .push(Spanned::new(Name::Used(name.to_owned()), place));
                self.assigned(name, place);
                let old = Box::new(Expr::Name(name.to_owned()));
                let value = Expr::Binary(*operator, old, Box::new(value));
                return Ok(Statement::Assign(vec![name.to_owned()], value));
            }
            Kind::Separator | Kind::Line | Kind::End => return self.expression_alone(),
            Kind::Name(word) if ["if", "in", "is", "not", "and", "or"].contains(&word.as_str()) => {
                return self.expression_alone();
            }
            _ => return Err(self.not_a_statement(name, place)),
        }
        let mut targets = Vec::new();
        let value = loop {
            let target = self.token();
            let chained = matches!(
                self.tokens[(self.at + 1).min(self.tokens.len() - 1)].node,
                Kind::Operator("=")
            );
            match &target.node {
                Kind::Name(name) if chained && !OWN_WORDS.contains(&name.as_str()) => {
                    targets.push((name.clone(), target.span));
                    self.at += 2;
                }
                _ => break self.expressions()?,
            }
        };
        for (name, place) in &targets {
            self.assigned(name, *place);
        }
        let names = targets.into_iter().map(|(name, _)| name).collect();
        Ok(Statement::Assign(names, value))
    }

    fn assigned(&mut self, name: &str, place: Span) {
        self.names
            .push(Spanned::new(Name::Assigned(name.to_owned()), place));
    }

    /// One expression, or several with commas between: a tuple without brackets.
    fn expressions(&mut self) -> Read<Expr> {
        let first = self.expression()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat(",") {
            if self.ends_statement() {
                break;
            }
            parts.push(self.expression()?);
        }
        Ok(Expr::Tuple(parts))
    }

    fn expression_alone(&mut self) -> Read<Statement> {
        let start = self.token().span;
        let expression = self.expressions()?;
        match self.is("=") {
            // What stands left of it is no name: Python may still know what to do.
            true if !matches!(expression, Expr::Value(_)) => Err(Stop::Python(start)),
            _ => Ok(Statement::Expr(expression)),
        }
    }

    fn not_a_statement(&self, name: &str, place: Span) -> Stop {
        let message = format!("expected `assert`, `print(…)` or `name = value`, found `{name}`");
        let mut diagnostic = Diagnostic::error(code::CODE_SYNTAX, self.source, place, message);
        if let Some(near) = suggest::nearest(name, ["assert", "print"]) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        Stop::Wrong(Box::new(diagnostic))
    }

    /// `if …: …`, with its `elif` and `else`.
    fn condition(&mut self) -> Read<Statement> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(wrong(
                self.source,
                self.token().span,
                "`if` is nested too deeply",
            ));
        }
        let column = self.column();
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        self.at += 1;
        loop {
            let condition = self.expression()?;
            branches.push((condition, self.body(column)?));
            let before = self.at;
            while *self.kind() == Kind::Line {
                self.at += 1;
            }
            let belongs = column.is_none() || self.column() == column;
            if belongs && self.eat_name("elif") {
                continue;
            }
            if belongs && self.eat_name("else") {
                otherwise = self.body(column)?;
            } else {
                self.at = before;
            }
            break;
        }
        self.depth -= 1;
        Ok(Statement::If(branches, otherwise))
    }

    /// What stands behind a `:`, in its line or indented below it.
    fn body(&mut self, outer: Option<usize>) -> Read<Vec<Statement>> {
        if !self.eat(":") {
            return Err(self.unexpected("`:`"));
        }
        let mut statements = Vec::new();
        if *self.kind() != Kind::Line {
            loop {
                statements.push(self.simple()?);
                if !self.ends_statement() {
                    return Err(self.surplus());
                }
                while *self.kind() == Kind::Separator {
                    self.at += 1;
                }
                if matches!(self.kind(), Kind::Line | Kind::End) {
                    return Ok(statements);
                }
            }
        }
        let mut inner = None;
        loop {
            let before = self.at;
            let mut new_line = false;
            while matches!(self.kind(), Kind::Line | Kind::Separator) {
                new_line |= *self.kind() == Kind::Line;
                self.at += 1;
            }
            let column = self.column().filter(|_| *self.kind() != Kind::End);
            let Some(inner) = inner else {
                // Nobody can tell how far the line of the `%{` is indented, but not less than not
                // at all.
                if column <= Some(outer.unwrap_or(0)) {
                    return Err(self.indentation("the lines below a `:` are to be indented"));
                }
                inner = column;
                self.statement(&mut statements)?;
                continue;
            };
            // What stands behind a `;` belongs to its line.
            if new_line && column > Some(inner) {
                return Err(self.indentation("this line is indented more than the one before"));
            }
            if *self.kind() == Kind::End || (new_line && column < Some(inner)) {
                self.at = before;
                return Ok(statements);
            }
            self.statement(&mut statements)?;
        }
    }

    fn indentation(&self, message: &str) -> Stop {
        wrong(self.source, self.token().span, message)
    }

    /// How far the token is indented if it is the first on its line; `None` otherwise, and on the
    /// line of the `%{`, where nobody can tell.
    fn column(&self) -> Option<usize> {
        let at = self.token().span.start - self.block.span.start;
        let before = &self.block.node[..at];
        let line = before.rfind('\n')? + 1;
        let blank = before[line..].chars().all(char::is_whitespace);
        blank.then(|| at - line)
    }
}
