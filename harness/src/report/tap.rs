//! The report as TAP, version 14 (testanything.org), for test harnesses such as `prove`.
//!
//! No times stand in it: on a virtual target the same run makes the same bytes.

use std::fmt::Write as _;

use crate::verdict::{CaseResult, Verdict};

use super::{evidence, plain};

/// The report as text, a test point a result, in the suite's order. Known deviations are `TODO`.
/// A run that a signal ended bails out.
pub fn render(results: &[CaseResult], interrupted: bool) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", results.len());
    for (place, result) in results.iter().enumerate() {
        point(&mut text, place + 1, result);
    }
    if interrupted {
        text.push_str("Bail out! interrupted by a signal; results are missing\n");
    }
    text
}

fn point(text: &mut String, number: usize, result: &CaseResult) {
    let status = match &result.verdict {
        Verdict::Pass | Verdict::Skip { .. } => "ok",
        Verdict::Fail(_)
        | Verdict::KnownDeviation { .. }
        | Verdict::UnexpectedPass { .. }
        | Verdict::Perturbed(_)
        | Verdict::Error(_) => "not ok",
    };
    let name = format!("{} ({}, {})", result.case, result.target, result.ip_version);
    let directive = match &result.verdict {
        Verdict::Skip { capability, reason } => {
            format!(" # SKIP {}", escaped(&format!("{capability}: {reason}")))
        }
        Verdict::KnownDeviation { reason, .. } => format!(" # TODO {}", escaped(reason)),
        Verdict::Pass
        | Verdict::Fail(_)
        | Verdict::UnexpectedPass { .. }
        | Verdict::Perturbed(_)
        | Verdict::Error(_) => String::new(),
    };
    let _ = writeln!(text, "{status} {number} - {}{directive}", escaped(&name));
    if status == "not ok" {
        diagnostics(text, result);
    }
}

/// What stands on the line of a test point: `#` would begin a directive.
fn escaped(words: &str) -> String {
    plain::line(words).replace('\\', "\\\\").replace('#', "\\#")
}

/// The YAML block behind a test point.
fn diagnostics(text: &mut String, result: &CaseResult) {
    text.push_str("  ---\n");
    let _ = writeln!(text, "  verdict: {}", result.verdict.name());
    if !result.covers.is_empty() {
        let ids: Vec<String> = result.covers.iter().map(|id| quoted(id)).collect();
        let _ = writeln!(text, "  covers:\n{}", list(&ids));
    }
    let failure = evidence::failure(&result.verdict);
    let differences = failure.map_or(&[][..], |failure| &failure.differences);
    if !differences.is_empty() {
        text.push_str("  differences:\n");
    }
    for one in differences {
        let (expected, actual) = (quoted(&one.expected), quoted(&one.actual));
        let _ = writeln!(
            text,
            "    - field: {}\n      expected: {expected}\n      got: {actual}",
            one.field
        );
    }
    text.push_str("  message: |\n");
    for line in plain::lines(&result.message).lines() {
        // An empty line keeps its indentation: the reader of `prove` needs it.
        let _ = writeln!(text, "    {}", line.replace('\t', " "));
    }
    text.push_str("  ...\n");
}

fn list(items: &[String]) -> String {
    let lines: Vec<String> = items.iter().map(|item| format!("    - {item}")).collect();
    lines.join("\n")
}

/// A YAML scalar in double quotes.
fn quoted(words: &str) -> String {
    let words = plain::line(words)
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!("\"{words}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_verdict_has_its_form() {
        insta::assert_snapshot!(render(&samples::every_verdict(), true));
    }
}
