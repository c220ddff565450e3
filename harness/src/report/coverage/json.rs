//! Coverage as JSON, schema 1 (described in docs/reports.md).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::{Level, Testable};
use crate::coverage::{Coverage, Row, Standing, Stranger};

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    targets: &'a [&'a str],
    open: usize,
    unknown_ids: &'a [Stranger<'a>],
    requirements: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    level: Level,
    source: &'a str,
    area: &'a str,
    summary: &'a str,
    testable: Testable,
    #[serde(skip_serializing_if = "str::is_empty")]
    exception: &'a str,
    verified: bool,
    code: &'a [String],
    cases: &'a [&'a str],
    targets: BTreeMap<&'a str, Standing>,
}

/// The report as text, ending in a newline.
///
/// # Errors
/// If serialising fails, which no value of these types makes it do.
pub fn json(coverage: &Coverage<'_>) -> serde_json::Result<String> {
    let entry = |row| entry(coverage, row);
    let mut text = serde_json::to_string_pretty(&Report {
        schema: 1,
        targets: &coverage.targets,
        open: coverage.open().count(),
        unknown_ids: &coverage.strangers,
        requirements: coverage.rows.iter().map(entry).collect(),
    })?;
    text.push('\n');
    Ok(text)
}

fn entry<'a>(coverage: &'a Coverage<'_>, row: &'a Row<'_>) -> Entry<'a> {
    let rule = row.requirement;
    let targets = coverage.targets.iter().copied();
    Entry {
        id: &rule.id,
        level: rule.level,
        source: &rule.source,
        area: &rule.area,
        summary: &rule.summary,
        testable: rule.testable,
        exception: &rule.exception,
        verified: rule.verified,
        code: row.code,
        cases: &row.cases,
        targets: targets.zip(row.standings.iter().copied()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::tests::sample;

    #[test]
    fn every_rule_has_its_code_cases_and_standings() {
        insta::assert_snapshot!(sample(|coverage| json(coverage).unwrap()));
    }
}
