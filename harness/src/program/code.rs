//! Code blocks as typed trees: the part of Python that needs no Python.

mod evaluate;
mod format;
mod function;
mod trouble;
mod value;

pub use evaluate::{Broken, Names, run, value};
pub use trouble::Trouble;
pub use value::Value;

use crate::source::Span;

/// A `%{ … }%` block.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeBlock {
    /// What stands between the marks.
    pub text: String,
    /// Where that stands.
    pub span: Span,
    /// `None` if it takes Python.
    pub statements: Option<Vec<Statement>>,
}

/// One statement of a code block.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `assert CONDITION[, MESSAGE]`
    #[expect(missing_docs, reason = "as in Python")]
    Assert {
        condition: Expr,
        message: Option<Expr>,
        span: Span,
    },
    /// `print(…)`: shown with `-v`.
    Print(Vec<Expr>),
    /// `NAME = EXPR`, also with several names: `a = b = 1`.
    Assign(Vec<String>, Expr),
    /// `if`, `elif`: conditions and what is done; `else`.
    If(Vec<(Expr, Vec<Statement>)>, Vec<Statement>),
    /// An expression alone.
    Expr(Expr),
    /// `pass`
    Pass,
}

/// An expression of a code block.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the forms of Python")]
pub enum Expr {
    Value(Value),
    /// A variable of the snapshot, a constant, or one assigned before.
    Name(String),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Not(Box<Expr>),
    Unary(UnaryOp, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// `a < b <= c`: the first operand, then operator and operand pairs.
    Compare(Box<Expr>, Vec<(CompareOp, Expr)>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a if condition else b`: condition, a, b.
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
    /// `f"…"`
    Format(Vec<Piece>),
}

/// A piece of an `f"…"`.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// `{expression!conversion:specification}`
    Value(Expr, Option<char>, String),
}

/// Signs in front of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operators of Python")]
pub enum UnaryOp {
    Minus,
    Plus,
    Invert,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operators of Python")]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Is,
    IsNot,
}

/// Arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operators of Python")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Power,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

/// Functions that every block can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the functions of Python")]
pub enum Function {
    Abs,
    Bool,
    Float,
    Hex,
    Int,
    Len,
    Max,
    Min,
    Repr,
    Round,
    Str,
    Sum,
}

impl Function {
    /// Every function, by its name.
    pub const ALL: &[(&'static str, Function)] = &[
        ("abs", Function::Abs),
        ("bool", Function::Bool),
        ("float", Function::Float),
        ("hex", Function::Hex),
        ("int", Function::Int),
        ("len", Function::Len),
        ("max", Function::Max),
        ("min", Function::Min),
        ("repr", Function::Repr),
        ("round", Function::Round),
        ("str", Function::Str),
        ("sum", Function::Sum),
    ];

    /// How many arguments it takes: at least, at most.
    pub fn arguments(self) -> (usize, usize) {
        match self {
            Function::Abs | Function::Hex | Function::Len | Function::Repr | Function::Sum => {
                (1, 1)
            }
            Function::Bool | Function::Float | Function::Int | Function::Str => (0, 1),
            Function::Max | Function::Min => (1, usize::MAX),
            Function::Round => (1, 2),
        }
    }
}

/// The names that a condition reads, in order, each once.
pub fn names_of(expr: &Expr) -> Vec<&str> {
    let mut names = Vec::new();
    collect(expr, &mut names);
    names
}

fn collect<'a>(expr: &'a Expr, names: &mut Vec<&'a str>) {
    match expr {
        Expr::Name(name) if !names.contains(&name.as_str()) => names.push(name),
        Expr::Name(_) | Expr::Value(_) => {}
        Expr::Not(inner) | Expr::Unary(_, inner) => collect(inner, names),
        Expr::And(left, right) | Expr::Or(left, right) | Expr::Binary(_, left, right) => {
            collect(left, names);
            collect(right, names);
        }
        Expr::Compare(first, rest) => {
            collect(first, names);
            rest.iter().for_each(|(_, right)| collect(right, names));
        }
        Expr::Choice(condition, then, other) => {
            [condition, then, other]
                .into_iter()
                .for_each(|part| collect(part, names));
        }
        Expr::Tuple(parts) | Expr::List(parts) | Expr::Call(_, parts) => {
            parts.iter().for_each(|part| collect(part, names));
        }
        Expr::Format(pieces) => {
            for piece in pieces {
                if let Piece::Value(value, ..) = piece {
                    collect(value, names);
                }
            }
        }
    }
}
