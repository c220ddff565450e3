//! Results of a run, as far as they are compared: those at hand, or those of a JSON report (schema 1).

use serde::{Deserialize, Serialize};

use crate::target::Target;
use crate::verdict::CaseResult;

use super::Exchange;

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
    /// What led to a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Exchange>,
}

/// What was judged. Empty in reports of older versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct TargetEntry {
    /// The target's name.
    pub name: String,
    /// What it is, in a line.
    pub description: String,
    /// The version of its kernel, if it is one.
    #[serde(default)]
    pub kernel: Option<String>,
    /// The list of known deviations that was held against it.
    pub known: String,
}

impl TargetEntry {
    /// That of a target.
    pub fn of(target: &dyn Target) -> TargetEntry {
        TargetEntry {
            name: target.name().to_string(),
            description: target.description(),
            kernel: target.kernel(),
            known: target.known().to_string(),
        }
    }
}

/// The results of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// What to call them: the target, or the file they were read from.
    pub name: String,
    /// What was judged.
    pub target: TargetEntry,
    /// In order of case and family.
    pub entries: Vec<ResultEntry>,
}

#[derive(Deserialize)]
struct Report {
    schema: u32,
    #[serde(default)]
    target: TargetEntry,
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
            evidence: None,
        };
        Results {
            name: name.to_string(),
            target: TargetEntry::default(),
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
            target: report.target,
            entries: report.results,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Summary, json, samples};
    use crate::target::reference::ReferenceTarget;
    use std::time::Duration;

    #[test]
    fn what_a_run_writes_can_be_read() {
        let (source, result) = samples::failed("ack", "1001", "501");
        let target = TargetEntry::of(&ReferenceTarget::default());
        let summary = Summary::of(&[], Duration::ZERO);
        let text = json::render(&target, summary, &[result], |_| Some(&source)).unwrap();
        let results = Results::read("old", &text).unwrap();
        assert_eq!((results.name.as_str(), &results.target), ("old", &target));
        let evidence = results.entries[0].evidence.as_ref().expect("evidence");
        assert_eq!(evidence.written, "+0 > . 1:1(0) ack 1001");
    }

    #[test]
    fn a_report_of_an_older_version_can_be_read() {
        let old = r#"{"schema": 1, "summary": {}, "results": [{"case": "a", "target": "linux", "ip_version": "ipv4", "verdict": "pass"}]}"#;
        let results = Results::read("old", old).unwrap();
        assert_eq!(results.target, TargetEntry::default());
        assert_eq!(results.entries[0].evidence, None);
    }

    #[test]
    fn another_schema_or_no_report_is_refused() {
        let newer = Results::read("x", r#"{"schema": 2, "results": []}"#).unwrap_err();
        assert!(newer.starts_with("a report of schema 2;"), "{newer}");
        let other = Results::read("x", "[]").unwrap_err();
        assert!(other.starts_with("no report of"), "{other}");
    }
}
