//! The JSON report, schema 1 (described in docs/reports.md).

use std::time::Duration;

use serde::Serialize;

use crate::source::Source;
use crate::verdict::CaseResult;

use super::{Exchange, Summary, TargetEntry};

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    target: &'a TargetEntry,
    summary: Summary,
    results: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    case: &'a str,
    target: &'a str,
    ip_version: String,
    verdict: &'static str,
    covers: &'a [String],
    wall_ms: f64,
    virtual_ms: f64,
    perturbed_attempts: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Exchange>,
}

/// The report as text, ending in a newline. `source` is the script of a case.
///
/// # Errors
/// If serialising fails, which no value of these types makes it do.
pub fn render<'s>(
    target: &TargetEntry,
    summary: Summary,
    results: &[CaseResult],
    source: impl Fn(&str) -> Option<&'s Source>,
) -> serde_json::Result<String> {
    let results = results
        .iter()
        .map(|result| Entry {
            case: &result.case,
            target: &result.target,
            ip_version: result.ip_version.to_string(),
            verdict: result.verdict.name(),
            covers: &result.covers,
            wall_ms: milliseconds(result.wall),
            virtual_ms: milliseconds(result.script_time),
            perturbed_attempts: result.perturbed,
            message: &result.message,
            evidence: source(&result.case).and_then(|source| Exchange::of(result, source)),
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&Report {
        schema: 1,
        target,
        summary,
        results,
    })?;
    text.push('\n');
    Ok(text)
}

/// To the microsecond: what lies below is noise.
fn milliseconds(length: Duration) -> f64 {
    length.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(100_000_000, "100.0")]
    #[case(123_456_789, "123.456")]
    #[case(1_234, "0.001")]
    #[case(86_399_999_999_999, "86399999.999")]
    fn times_have_at_most_three_decimals(#[case] nanos: u64, #[case] want: &str) {
        let length = milliseconds(Duration::from_nanos(nanos));
        assert_eq!(serde_json::to_string(&length).unwrap(), want);
    }
}
