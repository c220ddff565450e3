//! The report as KTAP, version 1 (the kernel's Documentation/dev-tools/ktap.rst), for the kernel's
//! test tooling: a test for each area, and in it one for each case and family.
//!
//! No times stand in it: on a virtual target the same run makes the same bytes.

use std::fmt::Write as _;

use crate::verdict::{CaseError, CaseResult, Verdict};

use super::plain;

/// The report as text, in the suite's order.
pub fn render(results: &[CaseResult]) -> String {
    let areas: Vec<(&str, &[CaseResult])> = results
        .chunk_by(|one, next| area(one) == area(next))
        .map(|chunk| (chunk.first().map_or("", area), chunk))
        .collect();
    let mut text = format!("KTAP version 1\n1..{}\n", areas.len());
    for (place, (name, results)) in areas.iter().enumerate() {
        let _ = writeln!(text, "  KTAP version 1\n  1..{}", results.len());
        for (place, result) in results.iter().enumerate() {
            case(&mut text, place + 1, result);
        }
        let all_skipped = results
            .iter()
            .all(|result| matches!(result.verdict, Verdict::Skip { .. }));
        let passed = results.iter().all(|result| result.verdict.is_expected());
        let directive = if all_skipped {
            " # SKIP every case"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "{} {} {}{directive}",
            ok(passed),
            place + 1,
            described(name)
        );
    }
    text
}

fn area(result: &CaseResult) -> &str {
    result.case.rsplit_once('/').map_or("top", |(area, _)| area)
}

fn ok(passed: bool) -> &'static str {
    if passed { "ok" } else { "not ok" }
}

/// A description: any words, but no hash sign.
fn described(words: &str) -> String {
    plain::line(words).replace('#', "_")
}

/// One case: what there is to say about it, each line marked as a diagnostic, and its result.
fn case(text: &mut String, number: usize, result: &CaseResult) {
    let name = result.case.rsplit('/').next().unwrap_or_default();
    let name = described(&format!(
        "{name} ({}, {})",
        result.target, result.ip_version
    ));
    if !matches!(result.verdict, Verdict::Pass | Verdict::Skip { .. }) {
        for line in plain::lines(&result.message).lines() {
            let _ = writeln!(
                text,
                "{}",
                format!("  # {}", line.replace('\t', " ")).trim_end()
            );
        }
    }
    let first = || plain::line(result.message.lines().next().unwrap_or_default());
    let data = match &result.verdict {
        Verdict::Pass => String::new(),
        Verdict::Skip { capability, reason } => {
            format!(
                " # SKIP {}",
                plain::line(&format!("{capability}: {reason}"))
            )
        }
        // A parser that knows no XFAIL falls back to `ok`, which is right: nothing new was found.
        Verdict::KnownDeviation { reason, .. } => format!(" # XFAIL {}", plain::line(reason)),
        Verdict::Fail(failure) => format!(" # {}", plain::line(&failure.message)),
        Verdict::UnexpectedPass { .. } => format!(" # {}", first()),
        Verdict::Perturbed(_) | Verdict::Error(CaseError::Machine(_)) => {
            format!(" # ERROR {}", first())
        }
        Verdict::Error(CaseError::Script(_) | CaseError::Unreadable(_)) => {
            format!(" # ERROR {}", first())
        }
    };
    let passed = ok(result.verdict.is_expected());
    let _ = writeln!(text, "  {passed} {number} {name}{data}");
}

#[cfg(test)]
mod tests;
