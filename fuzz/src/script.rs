//! The script language: any text is read, checked and shown, and laying it out changes no meaning.

use tcpdrill::diagnostic::Diagnostic;
use tcpdrill::diagnostic::render::{Color, render_first};
use tcpdrill::program::Program;
use tcpdrill::script::format::{FormatError, format};
use tcpdrill::script::{self, Facts, LoadContext};
use tcpdrill::source::Source;

/// In how many of its views a script is looked at: each branch that an `#if` can ask for makes more.
const VIEWS: usize = 2;

/// Reads, checks and lays out `data`, if it is UTF-8.
///
/// # Panics
/// When any of that panics, when laying out what is laid out changes it, or when a script means something
/// else afterwards.
pub fn script(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let source = Source::new("input", text);
    let views = views(&source);
    show(&script::check_only(&source, &views[0]));
    let before: Vec<Option<Meaning>> = views.iter().map(|view| meaning(&source, view)).collect();
    let laid_out = match format(&source) {
        Ok(laid_out) => Source::new("input", laid_out),
        Err(FormatError::Unclosed(problems)) => {
            assert!(!problems.is_empty(), "refused without a reason");
            let whole = before.iter().all(Option::is_some);
            assert!(!whole, "what cannot be laid out loads: {text:?}");
            return;
        }
        Err(FormatError::Differs) => panic!("laying out changes the tokens of {text:?}"),
    };
    match format(&laid_out) {
        Ok(again) => assert_eq!(again, laid_out.text(), "laid out twice is something else"),
        Err(problem) => panic!("what was laid out cannot be: {problem:?}"),
    }
    for (view, before) in views.iter().zip(before) {
        let after = meaning(&laid_out, view);
        assert_eq!(after, before, "laid out it means something else: {text:?}");
    }
}

/// Places that are not there, or in the middle of a character, show when somebody is told of them. The first
/// ones say enough.
fn show(diagnostics: &[Diagnostic]) {
    const MOST: usize = 4;
    render_first(&diagnostics[..diagnostics.len().min(MOST)], Color::Never);
}

/// As the reference would run it, in several branches, and as packetdrill would.
fn views(source: &Source) -> Vec<LoadContext> {
    let base = LoadContext {
        facts: Facts {
            profile: "rfc9293".to_string(),
            ..Facts::default()
        },
        ..LoadContext::default()
    };
    let drop_in = LoadContext {
        drop_in: true,
        ..base.clone()
    };
    let mut views = script::views(source, &base);
    views.truncate(VIEWS);
    views.push(drop_in);
    views
}

/// What a script that loads says, wherever it says it.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    /// The codes of the warnings, in order.
    warnings: Vec<&'static str>,
    /// What it loads as.
    program: String,
}

/// `None` if it does not load. What is wrong with it is no meaning: one mistake may hide another of the
/// same line.
fn meaning(source: &Source, view: &LoadContext) -> Option<Meaning> {
    let program = script::load(source, view).ok()?;
    let warnings = script::check_only(source, view);
    Some(Meaning {
        warnings: warnings.iter().map(|one| one.code).collect(),
        program: said(&program),
    })
}

fn said(program: &Program) -> String {
    let Program {
        source: _,
        header,
        options,
        init,
        steps,
        cleanup,
        needs,
    } = program;
    let needs: Vec<_> = needs.keys().collect();
    without_places(&format!(
        "{header:?}{options:?}{init:?}{steps:?}{cleanup:?}{needs:?}"
    ))
}

/// The debug output `text` without the numbers of its spans, which laying out changes.
fn without_places(text: &str) -> String {
    const SPAN: &str = "Span { start: ";
    let mut parts = text.split(SPAN);
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |said, part| {
        let is_number = |c: char| c.is_ascii_digit();
        let rest = part.trim_start_matches(is_number);
        let rest = rest.strip_prefix(", end: ").unwrap_or(rest);
        said + "Span {" + rest.trim_start_matches(is_number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use rstest::rstest;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0xf02b);
        let scripts = seeds::scripts();
        for _ in 0..100 {
            script(&seeds::damaged_script(&mut rng, &scripts));
        }
    }

    #[test]
    fn bundled_cases_pass_and_most_load() {
        let scripts = seeds::scripts();
        let loads = |text: &String| {
            let source = Source::new("input", text.as_str());
            let mut views = views(&source).into_iter();
            views.any(|view| script::load(&source, &view).is_ok())
        };
        let some: Vec<&String> = scripts.iter().step_by(8).collect();
        some.iter().for_each(|text| script(text.as_bytes()));
        let loading = some.iter().filter(|text| loads(text)).count();
        assert!(loading * 10 > some.len() * 9, "{loading} of {}", some.len());
    }

    #[test]
    fn a_span_leaves_its_words_only() {
        let text = "a: Span { start: 1, end: 22 }, b: [Span { start: 300, end: 4 }]";
        assert_eq!(without_places(text), "a: Span { }, b: [Span { }]");
    }

    /// What makes a difference to the target.
    #[rstest]
    #[case::a_number("+0 < S 0:0(0) win 1\n", "+0 < S 0:0(0) win 2\n")]
    #[case::a_time("+0 < S 0:0(0) win 1\n", "+1 < S 0:0(0) win 1\n")]
    #[case::an_error("+0 < S 0:0(0) win 1\n", "+0 < S 0:0(0) wim 1\n")]
    #[case::a_header(
        "// title: a\n+0 < S 0:0(0) win 1\n",
        "// title: b\n+0 < S 0:0(0) win 1\n"
    )]
    fn meanings_differ(#[case] one: &str, #[case] other: &str) {
        let [one, other] = [one, other].map(|text| {
            let source = Source::new("input", text);
            meaning(&source, &LoadContext::default())
        });
        assert_ne!(one, other);
    }

    #[test]
    fn blanks_make_no_difference() {
        let [one, other] = ["+0 < S 0:0(0) win 1\n", "\n  +0  <  S 0:0(0)   win 1\n"].map(|text| {
            let source = Source::new("input", text);
            meaning(&source, &LoadContext::default())
        });
        assert!(one.is_some());
        assert_eq!(one, other);
    }
}
