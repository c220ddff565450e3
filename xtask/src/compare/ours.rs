//! tcpdrill's side: all runs at once, by one command.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Deserialize;

use super::theirs::processor;
use super::{Answer, Round, Run};

#[derive(Deserialize)]
struct Report {
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    case: String,
    ip_version: String,
    verdict: String,
    message: String,
    wall_ms: f64,
}

/// One round over all runs.
pub(super) fn round(binary: &Path, tree: &Path, runs: &[Run]) -> Result<Round, String> {
    let (started, before) = (Instant::now(), processor());
    let output = Command::new(binary)
        .args(["run", "--target", "linux", "--convention", "run_all"])
        .args(["--ip-version", "all", "--allow-commands", "--json", "-"])
        .arg(tree)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| super::at(binary, &error))?;
    let wall = started.elapsed().as_secs_f64();
    let report: Report = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("what {} printed is no report: {error}", binary.display()))?;
    Ok(Round {
        answers: answers(report, runs)?,
        wall,
        processor: processor() - before,
    })
}

fn answers(report: Report, runs: &[Run]) -> Result<Vec<Answer>, String> {
    let mut found: BTreeMap<Run, Entry> = report
        .results
        .into_iter()
        .map(|entry| {
            let run = Run {
                script: entry.case.clone(),
                family: entry.ip_version.clone(),
            };
            (run, entry)
        })
        .collect();
    runs.iter()
        .map(|run| {
            let entry = found.remove(run);
            let entry = entry.ok_or_else(|| format!("tcpdrill did not run {run}"))?;
            Ok(Answer {
                run: run.clone(),
                verdict: entry.verdict,
                message: entry.message.lines().next().unwrap_or_default().to_string(),
                wall: entry.wall_ms / 1000.0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_missing_is_named_and_others_are_passed_over() {
        let entry = |case: &str| Entry {
            case: case.to_string(),
            ip_version: "ipv4".to_string(),
            verdict: "pass".to_string(),
            message: "one\ntwo".to_string(),
            wall_ms: 1500.0,
        };
        let run = |script: &str| Run {
            script: script.to_string(),
            family: "ipv4".to_string(),
        };
        let report = || Report {
            results: vec![entry("a"), entry("psp/b")],
        };
        let found = answers(report(), &[run("a")]).unwrap();
        assert_eq!((found[0].message.as_str(), found[0].wall), ("one", 1.5));
        assert!(answers(report(), &[run("c")]).unwrap_err().contains('c'));
    }
}
