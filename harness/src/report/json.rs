//! The JSON report, schema 1 (described in docs/reports.md).

use serde::Serialize;

use crate::verdict::CaseResult;

use super::Summary;

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
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
    message: &'a str,
}

/// The report as text, ending in a newline.
///
/// # Errors
/// If serialising fails, which no value of these types makes it do.
pub fn render(summary: Summary, results: &[CaseResult]) -> serde_json::Result<String> {
    let results = results
        .iter()
        .map(|result| Entry {
            case: &result.case,
            target: &result.target,
            ip_version: result.ip_version.to_string(),
            verdict: result.verdict.name(),
            covers: &result.covers,
            wall_ms: result.wall.as_secs_f64() * 1000.0,
            virtual_ms: result.script_time.as_secs_f64() * 1000.0,
            message: &result.message,
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&Report {
        schema: 1,
        summary,
        results,
    })?;
    text.push('\n');
    Ok(text)
}
