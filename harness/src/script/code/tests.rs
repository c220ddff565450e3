use super::*;
use rstest::rstest;

fn reading(text: &str) -> Result<Reading, Box<Diagnostic>> {
    let source = Source::new("x", text);
    read(
        &source,
        &Spanned::new(text.to_owned(), Span::new(0, text.len())),
    )
}

fn plain(text: &str) -> String {
    match reading(text) {
        Ok(Reading::Plain(statements, _)) => statements
            .iter()
            .map(show_statement)
            .collect::<Vec<_>>()
            .join("; "),
        Ok(Reading::Python(span)) => format!("python at {}", span.start),
        Err(diagnostic) => format!(
            "error at {}: {}",
            diagnostic.primary.span.start, diagnostic.message
        ),
    }
}

use crate::program::code::{Expr, Piece, Statement, Value};

fn show_statement(statement: &Statement) -> String {
    let block = |statements: &[Statement]| {
        let all: Vec<String> = statements.iter().map(show_statement).collect();
        format!("{{{}}}", all.join("; "))
    };
    match statement {
        Statement::Assert {
            condition,
            message: None,
            ..
        } => format!("assert {}", show(condition)),
        Statement::Assert {
            condition,
            message: Some(message),
            ..
        } => format!("assert {}, {}", show(condition), show(message)),
        Statement::Print(values) => format!("print({})", all(values)),
        Statement::Assign(names, value) => format!("{} = {}", names.join(" = "), show(value)),
        Statement::If(branches, otherwise) => {
            let branches: Vec<String> = branches
                .iter()
                .map(|(condition, body)| format!("if {} {}", show(condition), block(body)))
                .collect();
            format!("{} else {}", branches.join(" "), block(otherwise))
        }
        Statement::Expr(expr) => show(expr),
        Statement::Pass => "pass".to_owned(),
    }
}

fn all(parts: &[Expr]) -> String {
    parts.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn show(expression: &Expr) -> String {
    match expression {
        Expr::Value(Value::Text(text)) => format!("{text:?}"),
        Expr::Value(value) => value.repr(),
        Expr::Name(name) => name.clone(),
        Expr::Tuple(parts) => format!("tuple({})", all(parts)),
        Expr::List(parts) => format!("[{}]", all(parts)),
        Expr::Not(inner) => format!("(not {})", show(inner)),
        Expr::Unary(operator, inner) => format!("({operator:?} {})", show(inner)),
        Expr::And(left, right) => format!("({} and {})", show(left), show(right)),
        Expr::Or(left, right) => format!("({} or {})", show(left), show(right)),
        Expr::Compare(first, rest) => {
            let rest: String = rest
                .iter()
                .map(|(operator, value)| format!(" {operator:?} {}", show(value)))
                .collect();
            format!("({}{rest})", show(first))
        }
        Expr::Binary(operator, left, right) => {
            format!("({} {operator:?} {})", show(left), show(right))
        }
        Expr::Choice(condition, then, other) => {
            format!("({} ? {} : {})", show(condition), show(then), show(other))
        }
        Expr::Call(function, parts) => format!("{function:?}({})", all(parts)),
        Expr::Format(pieces) => {
            let pieces: Vec<String> = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => format!("{text:?}"),
                    Piece::Value(value, conversion, form) => {
                        let conversion = conversion.map(String::from).unwrap_or_default();
                        format!("<{}!{conversion}:{form}>", show(value))
                    }
                })
                .collect();
            format!("f({})", pieces.join(" "))
        }
    }
}

#[rstest]
#[case("assert a == 1", "assert (a Eq 1)")]
#[case("assert 1 <= a < 3, a", "assert (1 Le a Lt 3), a")]
#[case("assert not a or b and c", "assert ((not a) or (b and c))")]
#[case("assert (a & 4) != 0", "assert ((a BitAnd 4) Ne 0)")]
#[case(
    "assert a | b ^ c & d << 1 + 2 * 3",
    "assert (a BitOr (b BitXor (c BitAnd (d ShiftLeft (1 Add (2 Mul 3))))))"
)]
#[case("assert -a + 1 // 2", "assert ((Minus a) Add (1 FloorDiv 2))")]
#[case("assert -a ** -b ** c", "assert (Minus (a Power (Minus (b Power c))))")]
#[case("assert ~-a", "assert (Invert (Minus a))")]
#[case("assert a - b - c == 0", "assert (((a Sub b) Sub c) Eq 0)")]
#[case(
    "assert a in [1, 2] and b not in (1,)",
    "assert ((a In [1, 2]) and (b NotIn tuple(1)))"
)]
#[case(
    "assert a is None or a is not True",
    "assert ((a Is None) or (a IsNot True))"
)]
#[case("assert not a in ()", "assert (not (a In tuple()))")]
#[case("assert (a, 'always true')", "assert tuple(a, \"always true\")")]
#[case("x = 0x1f; x += 2", "x = 31; x = (x Add 2)")]
#[case("x = y = 1, 2", "x = y = tuple(1, 2)")]
#[case("x **= 2; x <<= 1", "x = (x Power 2); x = (x ShiftLeft 1)")]
#[case("\n  assert a\n\n  print(a, 'b')\n", "assert a; print(a, \"b\")")]
#[case("assert a < 1.5e3 # comment", "assert (a Lt 1500.0)")]
#[case("assert (a ==\n 1)", "assert (a Eq 1)")]
#[case("assert a == 1, 'a=%d' % a", "assert (a Eq 1), (\"a=%d\" Mod a)")]
#[case("assert a, 'x: {}'.format(a)", "assert a, \"'x: {}'.format(a)\"")]
#[case(
    "assert abs(a - b) < max(1, 2,)",
    "assert (Abs((a Sub b)) Lt Max(1, 2))"
)]
#[case("assert True, None", "assert True, None")]
#[case("print('a' \"b\" f'c')", "print(f(\"a\" \"b\" \"c\"))")]
#[case(
    "print(f'{a}, {b!r:>5}{{}}')",
    "print(f(\"\" <a!:> \", \" <b!r:>5> \"{}\"))"
)]
#[case("print(1 if a else 2 if b else 3)", "print((a ? 1 : (b ? 2 : 3)))")]
#[case("a == 1", "(a Eq 1)")]
#[case("a", "a")]
#[case("(a)", "a")]
#[case("pass; pass", "pass; pass")]
#[case("if a: b = 1; pass", "if a {b = 1; pass} else {}")]
#[case(
    "if a:\n  b = 1\n  if c:\n    pass\n  d = 2\nelif e: pass\nelse:\n  f = 3\ng = 4",
    "if a {b = 1; if c {pass} else {}; d = 2} if e {pass} else {f = 3}; g = 4"
)]
#[case(
    "\n\tif a:\n\t\tassert b; c = 1\n\n\t\td = 2\n\te = 3\n",
    "if a {assert b; c = 1; d = 2} else {}; e = 3"
)]
#[case("", "")]
fn the_plain_subset_is_read(#[case] text: &str, #[case] want: &str) {
    assert_eq!(plain(text), want);
}

#[rstest]
#[case("import os")]
#[case("for a in b: pass")]
#[case("assert a[0] == 1")]
#[case("assert [a for a in b]")]
#[case("assert {1: 2}")]
#[case("assert a.b")]
#[case("assert f(1)")]
#[case("assert sorted(a)")]
#[case("assert max(a, key=b)")]
#[case("x = abs")]
#[case("print(a, end='')")]
#[case("print(f'{a=}')")]
#[case("print(b'a')")]
#[case("assert (lambda: 1)()")]
#[case("a, b = 1, 2")]
#[case("a.b = 1")]
#[case("'''text'''")]
#[case("assert 'a\\n' == b")]
fn other_python_needs_python(#[case] text: &str) {
    assert!(plain(text).starts_with("python"), "{}", plain(text));
}

#[rstest]
#[case("assert", 6)]
#[case("assert a ==", 11)]
#[case("assert a = 1", 9)]
#[case("assert a b", 9)]
#[case("assert (a", 9)]
#[case("assert a)", 8)]
#[case("asert a", 0)]
#[case("assert 'a", 7)]
#[case("assert a, ", 9)]
#[case("assert ? 1", 7)]
#[case("print a", 0)]
#[case("a = ", 3)]
#[case("assert 1x", 7)]
#[case("assert 010", 7)]
#[case("else: pass", 0)]
#[case("if a\n  pass", 4)]
#[case("if a:\npass", 6)]
#[case("\nif a:\n  pass\n    pass", 18)]
#[case("assert a if b", 13)]
#[case("print(f'{a')", 8)]
#[case("print(f'{a b}')", 11)]
#[case("assert abs()", 7)]
#[case("assert [a", 9)]
#[case("assert not", 10)]
fn what_is_no_python_is_an_error_at_its_place(#[case] text: &str, #[case] at: usize) {
    let shown = plain(text);
    assert!(shown.starts_with(&format!("error at {at}:")), "{shown}");
}

#[test]
fn names_come_in_order_with_their_places() {
    let Ok(Reading::Plain(_, names)) = reading("x = a; assert x == b") else {
        panic!("not plain");
    };
    let names: Vec<(Name, usize)> = names
        .into_iter()
        .map(|name| (name.node, name.span.start))
        .collect();
    let used = |name: &str| Name::Used(name.to_owned());
    let assigned = Name::Assigned("x".to_owned());
    assert_eq!(
        names,
        [
            (used("a"), 4),
            (assigned, 0),
            (used("x"), 14),
            (used("b"), 19)
        ]
    );
}

#[test]
fn endless_and_deep_expressions_are_refused() {
    let long = format!("assert {}1", "1+".repeat(100_000));
    assert!(plain(&long).starts_with("error"));
    let deep = format!("assert {}1", "(".repeat(900));
    assert!(plain(&deep).starts_with("error"));
    let signs = format!("assert {}1", "- not ".repeat(100));
    assert!(plain(&signs).starts_with("error"));
}
