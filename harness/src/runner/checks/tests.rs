use std::process::Command;

use super::*;
use crate::program::Action;
use crate::script::{self, LoadContext};
use crate::source::Source;
use rstest::rstest;

/// The blocks of a script made of them alone, or the code of what is wrong with it.
fn read(texts: &[&str]) -> Result<(Source, Vec<CodeBlock>), &'static str> {
    let script: String = texts
        .iter()
        .map(|text| format!("0 %{{{text}}}%\n"))
        .collect();
    let source = Source::new("x.pkt", script);
    let program = script::load(&source, &LoadContext::default()).map_err(|wrong| wrong[0].code)?;
    let blocks = program
        .steps
        .into_iter()
        .filter_map(|step| match step.action {
            Action::Check(block) => Some(block),
            _ => None,
        });
    Ok((source, blocks.collect()))
}

fn blocks(texts: &[&str]) -> (Source, Vec<CodeBlock>) {
    read(texts).unwrap_or_else(|code| panic!("{texts:?}: {code}"))
}

fn scope() -> Scope {
    let mut scope = Scope::new(Command::spawn);
    scope.update(BTreeMap::from([
        ("tcpi_unacked".to_string(), 3),
        ("tcpi_snd_cwnd".to_string(), 10),
        ("tcpi_max_pacing_rate".to_string(), -1),
    ]));
    scope
}

/// What comes of the last of several blocks.
fn last(texts: &[&str]) -> (Source, Checked) {
    let (source, blocks) = blocks(texts);
    let mut scope = scope();
    let mut checked = Checked::Held(Vec::new());
    for block in &blocks {
        checked = scope.run(block);
    }
    (source, checked)
}

fn printed(texts: &[&str]) -> String {
    match last(texts).1 {
        Checked::Held(lines) => lines.join("\n"),
        Checked::Raised(_, what) => what,
        other => panic!("{texts:?}: {other:?}"),
    }
}

#[rstest]
#[case(
    "print(tcpi_unacked, 'x', 1.0, None, (1,), [True])",
    "3 x 1.0 None (1,) [True]"
)]
#[case(
    "print(-7 // 2, -7 % 2, 7 % -2, -8 >> 1, 2 ** 10, 2 ** -1)",
    "-4 1 -1 -4 1024 0.5"
)]
#[case(
    "print(7 / 2, 1 / 3, 1e16, 1e-5, 123456.0, -0.0)",
    "3.5 0.3333333333333333 1e+16 1e-05 123456.0 -0.0"
)]
#[case(
    "print(-7.5 // 2, -7.5 % 2, 5.0 % -3, 1 << 100)",
    "-4.0 0.5 -1.0 1267650600228229401496703205376"
)]
#[case(
    "print(1 < 2 < 3, 3 > 2 > 2, 1 == 1.0, 'a' < 'b', (1, 2) < (1, 3))",
    "True False True True True"
)]
#[case("print(0 or 'a', 1 and 2, not 3, not not 3)", "a 2 False True")]
#[case("print(True + 1, True & False, ~True, 6 ^ 3)", "2 False -2 5")]
#[case(
    "print('%d of %5.2f|%-4s|%04x|%+d|%%' % (3, 2.5, 'ab', 255, 7))",
    "3 of  2.50|ab  |00ff|+7|%"
)]
#[case(
    "print('%s' % tcpi_unacked, '%r' % 'a', '%g' % 0.0001, '%e' % 12345.678)",
    "3 'a' 0.0001 1.234568e+04"
)]
#[case(
    "print(f'{tcpi_unacked:>4}|{1.5:.2f}|{255:#x}|{\"a\"!r}|{1234567:,}')",
    "   3|1.50|0xff|'a'|1,234,567"
)]
#[case(
    "print(abs(-3), min(2, 1), max([1, 3]), len('abc'), int(2.9), int('-5'))",
    "3 1 3 3 2 -5"
)]
#[case(
    "print(float(1), str(1.5) + 'x', round(2.5), round(3.5), round(1.25, 1), bool(0))",
    "1.0 1.5x 2 4 1.2 False"
)]
#[case(
    "print(2 in (1, 2), 'b' in 'abc', 4 not in [1], None is None)",
    "True True True True"
)]
#[case("print(tcpi_max_pacing_rate)", "18446744073709551615")]
#[case(
    "print('a' * 3, [1] + [2], sum((1, 2)), hex(-255), repr('a'))",
    "aaa [1, 2] 3 -0xff 'a'"
)]
#[case("print(1 if tcpi_unacked > 3 else 2)", "2")]
#[case(
    "if tcpi_unacked == 3:\n  print('three')\nelse:\n  print('other')",
    "three"
)]
#[case("print(TCP_ESTABLISHED, TCP_CA_Loss, TCPI_OPT_SYN_DATA)", "1 4 32")]
fn values_are_pythons(#[case] code: &str, #[case] want: &str) {
    assert_eq!(printed(&[code]), want);
}

#[rstest]
#[case("x = 0\nassert 1 // x", "ZeroDivisionError: division by zero")]
#[case(
    "x = 'a'\nprint(x < 1)",
    "TypeError: '<' not supported between instances of 'str' and 'int'"
)]
#[case(
    "x = 1\nprint('%d %d' % x)",
    "TypeError: not enough arguments for format string"
)]
#[case("x = 'y'\nprint(int(x))", "ValueError: 'y' is no integer")]
#[case(
    "if tcpi_unacked == 4: y = 1\nprint(y)",
    "NameError: name 'y' is not defined"
)]
fn what_would_raise_says_what(#[case] code: &str, #[case] want: &str) {
    assert_eq!(printed(&[code]), want);
}

#[test]
fn one_namespace_serves_all_blocks() {
    assert_eq!(
        printed(&["cwnd = 10; x = 1", "cwnd += x", "print(cwnd)"]),
        "11"
    );
}

#[test]
fn a_broken_assertion_names_the_values_it_saw() {
    let code = " cwnd = 4\n assert tcpi_unacked == cwnd, 'seen %d' % tcpi_unacked\n";
    let (source, checked) = last(&[code]);
    let Checked::Broken {
        span,
        values,
        message,
    } = checked
    else {
        panic!("{checked:?}");
    };
    assert_eq!(shown(&values), "tcpi_unacked = 3, cwnd = 4");
    assert_eq!(message.as_deref(), Some("seen 3"));
    assert_eq!(
        source.slice(span),
        "assert tcpi_unacked == cwnd, 'seen %d' % tcpi_unacked"
    );
}

/// Whether there is a Python to compare with; a machine without one says so.
fn has_python() -> bool {
    let missing = super::python::missing();
    if let Some(reason) = &missing {
        println!("skipped: {reason}");
    }
    missing.is_none()
}

#[rstest]
#[case::a_loop(&["x = 0\nfor i in range(4):\n    x += i\n", "print(x)"], "6")]
#[case::what_only_python_holds(&["def f(a):\n  return a + tcpi_unacked\n", "x = 2", "print(f(x))"], "5")]
#[case::handed_in_and_back(&["a = (1, 'b', 2.5, None, [True])", "import math\nb = a + (math.floor(2.7),)", "print(b)"], "(1, 'b', 2.5, None, [True], 2)")]
#[case::a_name_taken_away(&["a = 1", "import os\ndel a", "print(a)"], "NameError: name 'a' is not defined")]
#[case::large_numbers(&["x = 2 ** 200", "print(x % 1000)"], "376")]
#[case::all_of_a_block_or_nothing(&["a = 1; print('once'); b = 2 ** 300"], "once")]
#[case::indented(&["\n     import sys\n     if sys:\n         print('in')\n"], "in")]
#[case::behind_the_mark(&[" import sys; print('here')"], "here")]
fn python_takes_the_rest(#[case] code: &[&str], #[case] want: &str) {
    if has_python() {
        assert_eq!(printed(code), want);
    }
}

#[test]
fn an_assertion_that_python_finds_broken_is_shown_alike() {
    if !has_python() {
        return;
    }
    let code =
        "\n  import os\n  cwnd = 4\n  assert tcpi_unacked == (\n     cwnd), 'no'\n  print(1)\n";
    let (source, checked) = last(&[code]);
    let Checked::Broken {
        span,
        mut values,
        message,
    } = checked
    else {
        panic!("{checked:?}");
    };
    values.sort();
    assert_eq!(shown(&values), "cwnd = 4, tcpi_unacked = 3");
    assert_eq!(message.as_deref(), Some("no"));
    assert_eq!(
        source.slice(span),
        "assert tcpi_unacked == (\n     cwnd), 'no'"
    );
    let (source, checked) = last(&["import os\nx = 1\nx = 1 / 0\n"]);
    let Checked::Raised(span, what) = checked else {
        panic!("{checked:?}");
    };
    assert_eq!(
        (source.slice(span), what.as_str()),
        ("x = 1 / 0", "ZeroDivisionError: division by zero")
    );
}

#[test]
fn a_block_that_ends_the_interpreter_is_no_verdict() {
    if has_python() {
        let (_, checked) = last(&["import os\nos._exit(3)"]);
        assert!(matches!(checked, Checked::Machine(_)), "{checked:?}");
    }
}

mod laws {
    use super::*;
    use crate::program::code::{Statement, value};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    /// Expressions as text, of the kinds that checks are made of.
    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            4 => (-20i64..20).prop_map(|number| number.to_string()),
            1 => any::<i64>().prop_map(|number| number.to_string()),
            2 => prop_oneof![Just("1.5"), Just("-0.25"), Just("1e17"), Just("0.0"), Just("2.675")].prop_map(str::to_owned),
            1 => prop_oneof![Just("True"), Just("False"), Just("None"), Just("'ab'"), Just("'%d|%s'"), Just("'%5.1f'")].prop_map(str::to_owned),
            1 => prop_oneof![Just("tcpi_unacked"), Just("tcpi_max_pacing_rate"), Just("TCP_CLOSE")].prop_map(str::to_owned),
        ];
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=",
            ">", ">=", "and", "or", "in", "not in",
        ]);
        let call = prop::sample::select(vec![
            "abs", "int", "float", "str", "bool", "len", "repr", "round", "hex", "sum", "min",
            "max",
        ]);
        leaf.prop_recursive(4, 24, 3, move |inner| {
            prop_oneof![
                6 => (inner.clone(), binary.clone(), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
                2 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} < {b} <= {c}")),
                1 => (prop::sample::select(vec!["-", "+", "~", "not "]), inner.clone()).prop_map(|(sign, a)| format!("({sign}{a})")),
                2 => (call.clone(), inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
                1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}, {b})")),
                1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
                1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
                1 => (inner, prop::sample::select(vec!["", ":>8", ":08.3f", ":+d", ":x", "!r:<9"])).prop_map(|(a, form)| {
                    if a.contains(['\'', '{', ':']) { a } else { format!("f'{{{a}}}'").replace("}'", &format!("{form}}}'")) }
                }),
            ]
        })
    }

    /// What we say of an expression: its text, `raises`, or nothing if we leave it to Python.
    fn ours(text: &str, names: &Names) -> Option<String> {
        let (_, blocks) = match read(&[&format!("y = {text}")]) {
            Ok(read) => read,
            // What can only raise is refused when it is read.
            Err("C057") => return Some("raises".to_owned()),
            Err(code) => panic!("{text}: {code}"),
        };
        let statements = blocks[0].statements.as_ref()?;
        let Some(Statement::Assign(_, expr)) = statements.last() else {
            panic!("{text}");
        };
        match value(expr, names) {
            Ok(value) => Some(value.repr()),
            Err(Trouble::Raised(_)) => Some("raises".to_owned()),
            Err(Trouble::Beyond(_)) => None,
        }
    }

    #[test]
    fn expressions_have_the_values_that_python_gives_them() {
        if !has_python() {
            return;
        }
        let scope = scope();
        let python = std::cell::RefCell::new(Python::start(Command::spawn).unwrap());
        let compared = std::cell::Cell::new(0);
        let config = Config {
            cases: 3000,
            failure_persistence: None,
            ..Config::default()
        };
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, random);
        let law = runner.run(&expression(), |text| {
            let Some(ours) = ours(&text, &scope.names) else {
                return Ok(());
            };
            let code = format!(
                "import warnings\nwarnings.simplefilter('ignore')\ntry:\n    shown = repr({text})\nexcept Exception:\n    shown = 'raises'\nprint(shown)"
            );
            let theirs = match python.borrow_mut().run(&code, &scope.names).unwrap() {
                Answer::Held { printed, .. } => printed.join("\n"),
                other => panic!("{text}: {other:?}"),
            };
            compared.set(compared.get() + 1);
            prop_assert_eq!(ours, theirs, "{}", text);
            Ok(())
        });
        law.unwrap();
        assert!(compared.get() > 2000, "only {} were ours", compared.get());
    }
}
