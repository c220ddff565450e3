//! Statements and expressions of code blocks, with Python's precedences.

use super::lexer::{Kind, Token, wrong};
use super::{Name, Stop};
use crate::diagnostic::{Diagnostic, code};
use crate::program::{BinaryOp, CheckExpr, CheckStatement, CompareOp};
use crate::script::suggest;
use crate::source::{Source, Span, Spanned};

type Read<T> = Result<T, Stop>;

/// How deep an expression may be nested.
const MAX_DEPTH: usize = 64;

/// How many tokens a statement may have: trees are dropped and evaluated recursively.
const MAX_TOKENS: usize = 1000;

/// Words that start or belong to Python we do not read.
const PYTHON_WORDS: &[&str] = &[
    "if", "else", "elif", "for", "while", "def", "class", "import", "from", "in", "is", "lambda",
    "try", "except", "finally", "raise", "with", "as", "return", "global", "nonlocal", "del",
    "pass", "break", "continue", "yield", "async", "await", "None",
];

/// The statements of a block and the names in it, in order.
pub(super) fn parse(
    source: &Source,
    block: &Spanned<String>,
    tokens: &[Token],
) -> Read<(Vec<CheckStatement>, Vec<Spanned<Name>>)> {
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
        while *parser.kind() == Kind::Separator {
            parser.at += 1;
        }
        if *parser.kind() == Kind::End {
            return Ok((statements, parser.names));
        }
        statements.push(parser.statement()?);
        if !parser.ends_statement() {
            return Err(parser.surplus());
        }
    }
}

struct Parser<'a> {
    source: &'a Source,
    block: &'a Spanned<String>,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    names: Vec<Spanned<Name>>,
}

impl<'a> Parser<'a> {
    fn token(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> &'a Kind {
        &self.token().node
    }

    fn is(&self, operator: &str) -> bool {
        matches!(self.kind(), Kind::Operator(found) if *found == operator)
    }

    fn eat(&mut self, operator: &str) -> bool {
        let found = self.is(operator);
        self.at += usize::from(found);
        found
    }

    fn eat_name(&mut self, name: &str) -> bool {
        let found = matches!(self.kind(), Kind::Name(found) if found == name);
        self.at += usize::from(found);
        found
    }

    fn ends_statement(&self) -> bool {
        matches!(self.kind(), Kind::Separator | Kind::End)
    }

    fn previous_end(&self) -> usize {
        self.at
            .checked_sub(1)
            .map_or(self.block.span.start, |at| self.tokens[at].span.end)
    }

    /// Something else was expected: an error, unless the token is Python beyond the subset.
    fn unexpected(&self, what: &str) -> Stop {
        let token = self.token();
        match &token.node {
            Kind::Name(name) if PYTHON_WORDS.contains(&name.as_str()) => Stop::Python(token.span),
            Kind::Operator("[" | "{" | "." | "**" | "^" | "~" | ":" | ":=" | "...") => {
                Stop::Python(token.span)
            }
            Kind::Separator | Kind::End => {
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

    fn statement(&mut self) -> Read<CheckStatement> {
        let start = self.token();
        let rest = &self.tokens[self.at.min(self.tokens.len() - 1)..];
        let len = rest
            .iter()
            .take_while(|token| !matches!(token.node, Kind::Separator | Kind::End))
            .count();
        if len > MAX_TOKENS {
            return Err(wrong(
                self.source,
                start.span,
                format!("this statement has more than {MAX_TOKENS} words and signs"),
            ));
        }
        let Kind::Name(name) = &start.node else {
            return Err(match &start.node {
                Kind::Operator("@") => Stop::Python(start.span),
                _ => self.unexpected("`assert`, `print(…)` or `name = value`"),
            });
        };
        match name.as_str() {
            "assert" => self.assertion(),
            "print" => self.print(),
            name if PYTHON_WORDS.contains(&name) => Err(Stop::Python(start.span)),
            name => self.assignment(name),
        }
    }

    fn assertion(&mut self) -> Read<CheckStatement> {
        let start = self.token().span;
        self.at += 1;
        let condition = self.expression()?;
        let message = match self.eat(",") {
            true => Some(self.message()?),
            false => None,
        };
        let span = Span::new(start.start, self.previous_end());
        Ok(CheckStatement::Assert {
            condition,
            message,
            span,
        })
    }

    /// The message of an assertion is only shown: what the subset lacks stands there as text.
    fn message(&mut self) -> Read<CheckExpr> {
        let start = self.token().span.start;
        let (at, names) = (self.at, self.names.len());
        match self.expression() {
            Ok(expression) if self.ends_statement() && !formats_text(&expression) => Ok(expression),
            Err(Stop::Wrong(diagnostic)) => Err(Stop::Wrong(diagnostic)),
            Ok(_) if !self.ends_statement() && !matches!(self.unexpected(""), Stop::Python(_)) => {
                Err(self.unexpected("the end of the statement"))
            }
            _ => {
                self.at = at;
                self.names.truncate(names);
                while !self.ends_statement() {
                    self.at += 1;
                }
                let span = Span::new(start, self.previous_end());
                Ok(CheckExpr::Text(self.source.slice(span).to_owned()))
            }
        }
    }

    fn print(&mut self) -> Read<CheckStatement> {
        let start = self.token().span;
        self.at += 1;
        if !self.eat("(") {
            return Err(wrong(self.source, start, "expected `(` after `print`"));
        }
        let mut values = Vec::new();
        if !self.eat(")") {
            loop {
                let value = self.expression()?;
                if formats_text(&value) || self.is("=") {
                    return Err(Stop::Python(self.token().span));
                }
                values.push(value);
                if self.eat(")") {
                    break;
                }
                if !self.eat(",") {
                    return Err(self.unexpected("`,` or `)`"));
                }
            }
        }
        Ok(CheckStatement::Print(values))
    }

    fn assignment(&mut self, name: &str) -> Read<CheckStatement> {
        let place = self.token().span;
        self.at += 1;
        let operator = match self.kind() {
            Kind::Operator("=") => None,
            Kind::Operator("+=") => Some(BinaryOp::Add),
            Kind::Operator("-=") => Some(BinaryOp::Sub),
            Kind::Operator("*=") => Some(BinaryOp::Mul),
            Kind::Operator("//=") => Some(BinaryOp::FloorDiv),
            Kind::Operator("/=") => Some(BinaryOp::Div),
            Kind::Operator("%=") => Some(BinaryOp::Mod),
            Kind::Operator("&=") => Some(BinaryOp::BitAnd),
            Kind::Operator("|=") => Some(BinaryOp::BitOr),
            Kind::Operator(_) => return Err(Stop::Python(place)),
            Kind::Separator | Kind::End => return Err(Stop::Python(place)),
            _ => return Err(self.not_a_statement(name, place)),
        };
        self.at += 1;
        let value = self.expression()?;
        if formats_text(&value) || self.is(",") || self.is("=") {
            return Err(Stop::Python(place));
        }
        let value = match operator {
            None => value,
            Some(operator) => {
                self.names
                    .push(Spanned::new(Name::Used(name.to_owned()), place));
                CheckExpr::Binary(
                    operator,
                    Box::new(CheckExpr::Name(name.to_owned())),
                    Box::new(value),
                )
            }
        };
        self.names
            .push(Spanned::new(Name::Assigned(name.to_owned()), place));
        Ok(CheckStatement::Assign(name.to_owned(), value))
    }

    fn not_a_statement(&self, name: &str, place: Span) -> Stop {
        let message = format!("expected `assert`, `print(…)` or `name = value`, found `{name}`");
        let mut diagnostic = Diagnostic::error(code::CODE_SYNTAX, self.source, place, message);
        if let Some(near) = suggest::nearest(name, ["assert", "print"]) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        Stop::Wrong(Box::new(diagnostic))
    }

    fn expression(&mut self) -> Read<CheckExpr> {
        if self.depth >= MAX_DEPTH {
            return Err(wrong(
                self.source,
                self.token().span,
                "this expression is nested too deeply",
            ));
        }
        self.depth += 1;
        let result = self.or();
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Read<CheckExpr> {
        let mut left = self.and()?;
        while self.eat_name("or") {
            left = CheckExpr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Read<CheckExpr> {
        let mut left = self.not()?;
        while self.eat_name("and") {
            left = CheckExpr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Read<CheckExpr> {
        let mut negations = 0_usize;
        while self.eat_name("not") {
            negations += 1;
        }
        let mut inner = self.comparison()?;
        // Two cancel out but for their making a truth value of a number.
        for _ in 0..negations.min(2 + negations % 2) {
            inner = CheckExpr::Not(Box::new(inner));
        }
        Ok(inner)
    }

    fn comparison(&mut self) -> Read<CheckExpr> {
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.kind() {
                Kind::Operator("==") => CompareOp::Eq,
                Kind::Operator("!=") => CompareOp::Ne,
                Kind::Operator("<") => CompareOp::Lt,
                Kind::Operator("<=") => CompareOp::Le,
                Kind::Operator(">") => CompareOp::Gt,
                Kind::Operator(">=") => CompareOp::Ge,
                _ => break,
            };
            self.at += 1;
            rest.push((operator, self.binary(0)?));
        }
        Ok(match rest.is_empty() {
            true => first,
            false => CheckExpr::Compare(Box::new(first), rest),
        })
    }

    /// Binary operators from precedence `level` up: `|`, `&`, shifts, sums, products.
    fn binary(&mut self, level: usize) -> Read<CheckExpr> {
        const LEVELS: [&[(&str, BinaryOp)]; 5] = [
            &[("|", BinaryOp::BitOr)],
            &[("&", BinaryOp::BitAnd)],
            &[("<<", BinaryOp::ShiftLeft), (">>", BinaryOp::ShiftRight)],
            &[("+", BinaryOp::Add), ("-", BinaryOp::Sub)],
            &[
                ("*", BinaryOp::Mul),
                ("/", BinaryOp::Div),
                ("//", BinaryOp::FloorDiv),
                ("%", BinaryOp::Mod),
            ],
        ];
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.is(text)) {
            self.at += 1;
            left = CheckExpr::Binary(*operator, Box::new(left), Box::new(self.binary(level + 1)?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Read<CheckExpr> {
        let mut negative = false;
        loop {
            match self.kind() {
                Kind::Operator("-") => negative = !negative,
                Kind::Operator("+") => {}
                _ => break,
            }
            self.at += 1;
        }
        let inner = self.atom()?;
        Ok(match negative {
            true => CheckExpr::Negate(Box::new(inner)),
            false => inner,
        })
    }

    fn atom(&mut self) -> Read<CheckExpr> {
        let token = self.token();
        let expression = match &token.node {
            Kind::Int(value) => CheckExpr::Int(*value),
            Kind::Float(value) => CheckExpr::Float(*value),
            Kind::Text(text) => CheckExpr::Text(text.clone()),
            Kind::Name(name) if name == "True" => CheckExpr::Int(1),
            Kind::Name(name) if name == "False" => CheckExpr::Int(0),
            Kind::Name(name)
                if !PYTHON_WORDS.contains(&name.as_str())
                    && !["and", "or", "not", "assert", "print"].contains(&name.as_str()) =>
            {
                self.names
                    .push(Spanned::new(Name::Used(name.clone()), token.span));
                CheckExpr::Name(name.clone())
            }
            Kind::Operator("(") => {
                self.at += 1;
                let inner = self.expression()?;
                if self.is(",") {
                    return Err(Stop::Python(token.span));
                }
                if !self.eat(")") {
                    return Err(self.unexpected("`)`"));
                }
                return self.after_atom(inner);
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        self.after_atom(expression)
    }

    /// What Python could do with a value next and we cannot: call it, index it, look inside.
    fn after_atom(&mut self, expression: CheckExpr) -> Read<CheckExpr> {
        match (self.kind(), &expression) {
            (Kind::Operator("(" | "[" | "." | "**" | "^"), _) => {
                Err(Stop::Python(self.token().span))
            }
            (Kind::Name(name), _) if ["if", "in", "is", "for"].contains(&name.as_str()) => {
                Err(Stop::Python(self.token().span))
            }
            (Kind::Text(_), CheckExpr::Text(_)) => Err(Stop::Python(self.token().span)),
            _ => Ok(expression),
        }
    }
}

/// Whether this is `"…" % value`, Python's formatting.
fn formats_text(expression: &CheckExpr) -> bool {
    matches!(expression, CheckExpr::Binary(BinaryOp::Mod, left, _) if matches!(**left, CheckExpr::Text(_)))
}
