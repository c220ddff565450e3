//! Results of a run, as far as they are compared: those at hand, or those of a JSON report (schema 1).

use serde::{Deserialize, Serialize};

use crate::verdict::CaseResult;

/// The newest schema that can be read.
const SCHEMA: u32 = 1;

/// What came of one case on one family.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ResultEntry {
    /// The case's name.
    pub case: String,
    /// The target's name.
    pub target: String,
    /// The family, as on the command line.
    pub ip_version: String,
    /// The verdict's name.
    pub verdict: String,
    /// The failure, or the reason, as people read it.
    #[serde(default)]
    pub message: String,
}

/// The results of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// What to call them: the target, or the file they were read from.
    pub name: String,
    /// In order of case and family.
    pub entries: Vec<ResultEntry>,
}

#[derive(Deserialize)]
struct Report {
    schema: u32,
    results: Vec<ResultEntry>,
}

impl Results {
    /// Those of a run that has just ended.
    pub fn of(name: &str, results: &[CaseResult]) -> Results {
        let entry = |result: &CaseResult| ResultEntry {
            case: result.case.clone(),
            target: result.target.clone(),
            ip_version: result.ip_version.to_string(),
            verdict: result.verdict.name().to_string(),
            message: result.message.clone(),
        };
        Results {
            name: name.to_string(),
            entries: results.iter().map(entry).collect(),
        }
    }

    /// Those of a report that `run --json` wrote.
    ///
    /// # Errors
    /// What is wrong with the text, in a sentence that begins after the file's name.
    pub fn read(name: &str, text: &str) -> Result<Results, String> {
        let report: Report = serde_json::from_str(text)
            .map_err(|error| format!("no report of `tcpdrill run --json`: {error}"))?;
        if report.schema != SCHEMA {
            return Err(format!(
                "a report of schema {}; this tcpdrill reads schema {SCHEMA}: make it again with this one",
                report.schema
            ));
        }
        Ok(Results {
            name: name.to_string(),
            entries: report.results,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Summary, json};
    use std::time::Duration;

    #[test]
    fn what_a_run_writes_can_be_read() {
        let text = json::render(Summary::of(&[], Duration::ZERO), &[]).unwrap();
        let results = Results::read("old", &text).unwrap();
        assert_eq!((results.name.as_str(), results.entries.len()), ("old", 0));
    }

    #[test]
    fn another_schema_or_no_report_is_refused() {
        let newer = Results::read("x", r#"{"schema": 2, "results": []}"#).unwrap_err();
        assert!(newer.starts_with("a report of schema 2;"), "{newer}");
        let other = Results::read("x", "[]").unwrap_err();
        assert!(other.starts_with("no report of"), "{other}");
    }
}
