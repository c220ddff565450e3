//! Expressions of code blocks, with Python's precedences.

use super::lexer::{self, Kind, wrong};
use super::parser::{MAX_DEPTH, OWN_WORDS, PYTHON_WORDS, Parser, Read};
use super::{Name, Stop};
use crate::diagnostic::{Diagnostic, code};
use crate::program::code::{BinaryOp, CompareOp, Expr, Function, Piece, UnaryOp, Value};
use crate::source::{Span, Spanned};

/// Binary operators from the weakest to the strongest.
const LEVELS: [&[(&str, BinaryOp)]; 6] = [
    &[("|", BinaryOp::BitOr)],
    &[("^", BinaryOp::BitXor)],
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

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Read<Expr> {
        self.deeper()?;
        let mut result = self.or()?;
        if self.eat_name("if") {
            let condition = self.or()?;
            if !self.eat_name("else") {
                return Err(self.unexpected("`else`"));
            }
            let other = self.expression()?;
            result = Expr::Choice(Box::new(condition), Box::new(result), Box::new(other));
        }
        self.depth -= 1;
        Ok(result)
    }

    fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            false => Ok(()),
            true => Err(wrong(
                self.source,
                self.token().span,
                "this expression is nested too deeply",
            )),
        }
    }

    fn or(&mut self) -> Read<Expr> {
        let mut left = self.and()?;
        while self.eat_name("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Read<Expr> {
        let mut left = self.not()?;
        while self.eat_name("and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Read<Expr> {
        let mut negations = 0_usize;
        while self.eat_name("not") {
            negations += 1;
        }
        let mut inner = self.comparison()?;
        // Two cancel out but for their making a truth value of anything.
        for _ in 0..negations.min(2 + negations % 2) {
            inner = Expr::Not(Box::new(inner));
        }
        Ok(inner)
    }

    fn comparison(&mut self) -> Read<Expr> {
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.comparing() {
            rest.push((operator, self.binary(0)?));
        }
        Ok(match rest.is_empty() {
            true => first,
            false => Expr::Compare(Box::new(first), rest),
        })
    }

    /// Takes an operator that compares, if one is next.
    fn comparing(&mut self) -> Option<CompareOp> {
        let operator = match self.kind() {
            Kind::Operator("==") => CompareOp::Eq,
            Kind::Operator("!=") => CompareOp::Ne,
            Kind::Operator("<") => CompareOp::Lt,
            Kind::Operator("<=") => CompareOp::Le,
            Kind::Operator(">") => CompareOp::Gt,
            Kind::Operator(">=") => CompareOp::Ge,
            Kind::Name(name) if name == "in" => CompareOp::In,
            Kind::Name(name) if name == "is" => {
                self.at += 1;
                let negated = self.eat_name("not");
                return Some(if negated {
                    CompareOp::IsNot
                } else {
                    CompareOp::Is
                });
            }
            Kind::Name(name) if name == "not" => {
                let next = self.tokens.get(self.at + 1);
                let is_in =
                    matches!(next.map(|token| &token.node), Some(Kind::Name(name)) if name == "in");
                if !is_in {
                    return None;
                }
                self.at += 1;
                CompareOp::NotIn
            }
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    /// Binary operators from precedence `level` up.
    fn binary(&mut self, level: usize) -> Read<Expr> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.is(text)) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Read<Expr> {
        let mut signs = Vec::new();
        loop {
            signs.push(match self.kind() {
                Kind::Operator("-") => UnaryOp::Minus,
                Kind::Operator("+") => UnaryOp::Plus,
                Kind::Operator("~") => UnaryOp::Invert,
                _ => break,
            });
            self.at += 1;
            if signs.len() > MAX_DEPTH {
                self.deeper()?;
            }
        }
        let mut inner = self.power()?;
        for sign in signs.into_iter().rev() {
            inner = Expr::Unary(sign, Box::new(inner));
        }
        Ok(inner)
    }

    /// `a ** b`, which binds stronger than a sign before it and weaker than one behind.
    fn power(&mut self) -> Read<Expr> {
        let base = self.atom()?;
        if !self.eat("**") {
            return Ok(base);
        }
        self.deeper()?;
        let exponent = self.unary()?;
        self.depth -= 1;
        Ok(Expr::Binary(
            BinaryOp::Power,
            Box::new(base),
            Box::new(exponent),
        ))
    }

    fn atom(&mut self) -> Read<Expr> {
        let token = self.token();
        let expression = match &token.node {
            Kind::Int(value) => Expr::Value(Value::Int(*value)),
            Kind::Float(value) => Expr::Value(Value::Float(*value)),
            Kind::Text(_) | Kind::Format(_) => return self.text(),
            Kind::Name(name) if name == "True" => Expr::Value(Value::Bool(true)),
            Kind::Name(name) if name == "False" => Expr::Value(Value::Bool(false)),
            Kind::Name(name) if name == "None" => Expr::Value(Value::None),
            Kind::Name(name)
                if !PYTHON_WORDS.contains(&name.as_str())
                    && !OWN_WORDS.contains(&name.as_str()) =>
            {
                return self.name(name, token.span);
            }
            Kind::Operator("(") => return self.brackets(),
            Kind::Operator("[") => {
                let start = self.token().span;
                self.at += 1;
                let (parts, _) = self.list("]", start)?;
                return self.after_atom(Expr::List(parts));
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        self.after_atom(expression)
    }

    fn name(&mut self, name: &str, span: Span) -> Read<Expr> {
        self.at += 1;
        let known = Function::ALL.iter().find(|(known, _)| *known == name);
        match known {
            Some((_, function)) if self.is("(") => {
                let arguments = self.arguments()?;
                let (least, most) = function.arguments();
                if arguments.len() < least || arguments.len() > most {
                    let message = format!(
                        "`{name}` takes {}, not {}",
                        count(least, most),
                        arguments.len()
                    );
                    let end = self.tokens[self.at - 1].span;
                    let diagnostic =
                        Diagnostic::error(code::CODE_ARGUMENTS, self.source, span.to(end), message);
                    return Err(Stop::Wrong(Box::new(diagnostic)));
                }
                self.after_atom(Expr::Call(*function, arguments))
            }
            // A function by its name alone can be had from Python only.
            Some(_) if !self.is("=") => Err(Stop::Python(span)),
            _ => {
                self.names
                    .push(Spanned::new(Name::Used(name.to_owned()), span));
                self.after_atom(Expr::Name(name.to_owned()))
            }
        }
    }

    /// `(…)` of a call, from its opening bracket on.
    pub(super) fn arguments(&mut self) -> Read<Vec<Expr>> {
        let start = self.token().span;
        self.at += 1;
        let (parts, _) = self.list(")", start)?;
        Ok(parts)
    }

    fn brackets(&mut self) -> Read<Expr> {
        let start = self.token().span;
        self.at += 1;
        let (mut parts, comma) = self.list(")", start)?;
        let inner = match (parts.len(), comma) {
            (1, false) => parts.remove(0),
            _ => Expr::Tuple(parts),
        };
        self.after_atom(inner)
    }

    /// Values up to a closing bracket, and whether there was a comma.
    fn list(&mut self, close: &str, start: Span) -> Read<(Vec<Expr>, bool)> {
        let mut parts = Vec::new();
        let mut comma = false;
        while !self.eat(close) {
            parts.push(self.expression()?);
            if self.is("=") || self.is_name("for") {
                // A named argument, a comprehension.
                return Err(Stop::Python(start));
            }
            let more = self.eat(",");
            comma |= more;
            if !more && !self.is(close) {
                return Err(match parts.len() {
                    1 if close == ")" && !comma => self.unexpected("`)`"),
                    _ => self.unexpected(&format!("`,` or `{close}`")),
                });
            }
        }
        Ok((parts, comma))
    }

    /// Strings; neighbours join.
    fn text(&mut self) -> Read<Expr> {
        let mut pieces = Vec::new();
        let mut formats = false;
        loop {
            let token = self.token();
            match &token.node {
                Kind::Text(text) => pieces.push(Piece::Text(text.clone())),
                Kind::Format(text) => {
                    formats = true;
                    // Behind the letter and the quote.
                    let inside = Spanned::new(
                        text.clone(),
                        Span::new(token.span.start + 2, token.span.end - 1),
                    );
                    self.format(&inside, &mut pieces)?;
                }
                _ => break,
            }
            self.at += 1;
        }
        if formats {
            return self.after_atom(Expr::Format(pieces));
        }
        let text = pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Value(..) => String::new(),
            })
            .collect();
        self.after_atom(Expr::Value(Value::Text(text)))
    }

    /// The pieces of an `f"…"`.
    fn format(&mut self, inside: &Spanned<String>, pieces: &mut Vec<Piece>) -> Read<()> {
        let text = inside.node.as_str();
        let beyond = || Stop::Python(inside.span);
        let mut plain = String::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            at += c.len_utf8();
            let doubled = text[at..].starts_with(c);
            match c {
                '{' | '}' if doubled => {
                    plain.push(c);
                    at += 1;
                }
                '}' => {
                    return Err(wrong(
                        self.source,
                        inside.span,
                        "a single `}` in an f-string",
                    ));
                }
                '{' => {
                    let end = text[at..].find('}').map(|len| at + len).ok_or_else(|| {
                        wrong(
                            self.source,
                            inside.span,
                            "a `{` in this f-string is never closed",
                        )
                    })?;
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    let field = &text[at..end];
                    // Whatever is not a plain expression with a conversion and a form.
                    if field.contains(['{', '\\', '#']) || field.trim_end().ends_with('=') {
                        return Err(beyond());
                    }
                    let (rest, specification) = field.split_once(':').unwrap_or((field, ""));
                    let (expr, conversion) = match rest.rsplit_once('!') {
                        Some((expr, one)) if one.len() == 1 => (expr, one.chars().next()),
                        _ => (rest, None),
                    };
                    let start = inside.span.start + at;
                    let expr = Spanned::new(expr.to_owned(), Span::new(start, start + expr.len()));
                    let value = self.field(&expr)?;
                    pieces.push(Piece::Value(value, conversion, specification.to_owned()));
                    at = end + 1;
                }
                other => plain.push(other),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(())
    }

    /// The expression of a field, which is a small block of its own.
    fn field(&mut self, text: &Spanned<String>) -> Read<Expr> {
        self.deeper()?;
        let tokens = lexer::lex(self.source, text)?;
        let mut inner = Parser {
            source: self.source,
            block: text,
            tokens: &tokens,
            at: 0,
            depth: self.depth,
            names: Vec::new(),
        };
        let value = inner.expression()?;
        if *inner.kind() != Kind::End {
            return Err(inner.unexpected("`}`"));
        }
        self.names.append(&mut inner.names);
        self.depth -= 1;
        Ok(value)
    }

    /// What Python could do with a value next and we cannot: call it, index it, look inside.
    fn after_atom(&mut self, expression: Expr) -> Read<Expr> {
        match self.kind() {
            Kind::Operator("(" | "[" | "." | ":=") => Err(Stop::Python(self.token().span)),
            _ => Ok(expression),
        }
    }
}

fn count(least: usize, most: usize) -> String {
    match (least, most) {
        (1, 1) => "one argument".to_owned(),
        (1, usize::MAX) => "at least one argument".to_owned(),
        (least, most) => format!("{least} or {most} arguments"),
    }
}
