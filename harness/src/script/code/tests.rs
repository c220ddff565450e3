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

fn show_statement(statement: &CheckStatement) -> String {
    match statement {
        CheckStatement::Assert {
            condition,
            message: None,
            ..
        } => format!("assert {}", show(condition)),
        CheckStatement::Assert {
            condition,
            message: Some(message),
            ..
        } => {
            format!("assert {}, {}", show(condition), show(message))
        }
        CheckStatement::Print(values) => {
            format!(
                "print({})",
                values.iter().map(show).collect::<Vec<_>>().join(", ")
            )
        }
        CheckStatement::Assign(name, value) => format!("{name} = {}", show(value)),
    }
}

use crate::program::CheckExpr;

fn show(expression: &CheckExpr) -> String {
    match expression {
        CheckExpr::Int(value) => value.to_string(),
        CheckExpr::Float(value) => format!("{value:?}"),
        CheckExpr::Text(text) => format!("{text:?}"),
        CheckExpr::Name(name) => name.clone(),
        CheckExpr::Not(inner) => format!("(not {})", show(inner)),
        CheckExpr::Negate(inner) => format!("(-{})", show(inner)),
        CheckExpr::And(left, right) => format!("({} and {})", show(left), show(right)),
        CheckExpr::Or(left, right) => format!("({} or {})", show(left), show(right)),
        CheckExpr::Compare(first, rest) => {
            let rest: String = rest
                .iter()
                .map(|(operator, value)| format!(" {operator:?} {}", show(value)))
                .collect();
            format!("({}{rest})", show(first))
        }
        CheckExpr::Binary(operator, left, right) => {
            format!("({} {operator:?} {})", show(left), show(right))
        }
    }
}

#[rstest]
#[case("assert a == 1", "assert (a Eq 1)")]
#[case("assert 1 <= a < 3, a", "assert (1 Le a Lt 3), a")]
#[case("assert not a or b and c", "assert ((not a) or (b and c))")]
#[case("assert (a & 4) != 0", "assert ((a BitAnd 4) Ne 0)")]
#[case(
    "assert a | b & c << 1 + 2 * 3",
    "assert (a BitOr (b BitAnd (c ShiftLeft (1 Add (2 Mul 3)))))"
)]
#[case("assert -a + 1 // 2", "assert ((-a) Add (1 FloorDiv 2))")]
#[case("assert a - b - c == 0", "assert (((a Sub b) Sub c) Eq 0)")]
#[case("x = 0x1f; x += 2", "x = 31; x = (x Add 2)")]
#[case("\n  assert a\n\n  print(a, 'b')\n", "assert a; print(a, \"b\")")]
#[case("assert a < 1.5e3 # comment", "assert (a Lt 1500.0)")]
#[case("assert (a ==\n 1)", "assert (a Eq 1)")]
#[case("assert a == 1, 'a=%d' % a", "assert (a Eq 1), \"'a=%d' % a\"")]
#[case("assert True", "assert 1")]
#[case("", "")]
fn the_plain_subset_is_read(#[case] text: &str, #[case] want: &str) {
    assert_eq!(plain(text), want);
}

#[rstest]
#[case("import os")]
#[case("if a: b = 1")]
#[case("assert abs(a) < 3")]
#[case("assert a in [1, 2]")]
#[case("assert a[0] == 1")]
#[case("assert a ** 2 == 4")]
#[case("assert (a, 'always true')")]
#[case("print('%d' % a)")]
#[case("print(f'{a}')")]
#[case("a, b = 1, 2")]
#[case("a.b = 1")]
#[case("a")]
#[case("'''text'''")]
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
