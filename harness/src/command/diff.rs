//! `tcpdrill diff`: which verdicts have changed between two runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::DiffArgs;
use crate::exit::Exit;
use crate::report::{ResultEntry, Results};

use super::results;

/// Case, target and family: what makes two results comparable.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Stands for the verdict of what was not run.
const ABSENT: &str = "(not run)";

/// Lists the changes; status 1 if there are any.
pub(super) fn diff(args: &DiffArgs) -> Exit {
    let (old, new) = match (results::read(&args.old), results::read(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(problem), _) | (_, Err(problem)) => return super::refuse(&problem),
    };
    let lines = changes(&old, &new);
    let compared = old.entries.len().max(new.entries.len());
    for line in &lines {
        super::say(line);
    }
    super::say(&format_args!(
        "{} of {compared} verdicts changed",
        lines.len()
    ));
    match lines.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    }
}

/// One entry a change: the case, both verdicts, and what the new one says.
fn changes(old: &Results, new: &Results) -> Vec<String> {
    let (old, new) = (by_key(old), by_key(new));
    let keys: BTreeSet<&Key<'_>> = old.keys().chain(new.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        let verdict = |entry: Option<&&ResultEntry>| {
            entry.map_or(ABSENT.to_string(), |entry| entry.verdict.clone())
        };
        let (was, is) = (old.get(key), new.get(key));
        if verdict(was) == verdict(is) {
            continue;
        }
        let (case, _, family) = key;
        let mut line = format!("{case} ({family}): {} -> {}", verdict(was), verdict(is));
        let message = is.map_or("", |entry| entry.message.as_str());
        for text in message.lines() {
            line.push_str("\n    ");
            line.push_str(text);
        }
        lines.push(line);
    }
    lines
}

/// By case and family, and by target where one report has several: two runs of different targets, or
/// of different kernels, can be compared.
fn by_key(results: &Results) -> BTreeMap<Key<'_>, &ResultEntry> {
    let targets: BTreeSet<&str> = results
        .entries
        .iter()
        .map(|entry| entry.target.as_str())
        .collect();
    results
        .entries
        .iter()
        .map(|entry| {
            let target = if targets.len() > 1 {
                entry.target.as_str()
            } else {
                ""
            };
            (
                (entry.case.as_str(), target, entry.ip_version.as_str()),
                entry,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(entries: &[(&str, &str, &str)]) -> Results {
        let entry = |(case, target, verdict): &(&str, &str, &str)| ResultEntry {
            case: (*case).to_string(),
            target: (*target).to_string(),
            ip_version: "ipv4".to_string(),
            verdict: (*verdict).to_string(),
            message: if *verdict == "fail" { "why\nwhere" } else { "" }.to_string(),
        };
        Results {
            name: String::new(),
            entries: entries.iter().map(entry).collect(),
        }
    }

    #[test]
    fn what_changed_is_told_with_its_reason_and_nothing_else() {
        let old = run(&[
            ("a", "linux", "pass"),
            ("b", "linux", "pass"),
            ("c", "linux", "skip"),
        ]);
        let new = run(&[
            ("a", "linux", "pass"),
            ("b", "linux", "fail"),
            ("d", "linux", "pass"),
        ]);
        assert_eq!(
            changes(&old, &new),
            [
                "b (ipv4): pass -> fail\n    why\n    where",
                "c (ipv4): skip -> (not run)",
                "d (ipv4): (not run) -> pass"
            ]
        );
    }

    #[test]
    fn two_targets_are_compared_case_by_case() {
        let (old, new) = (
            run(&[("a", "linux", "pass")]),
            run(&[("a", "reference", "pass")]),
        );
        assert_eq!(changes(&old, &new), <[String; 0]>::default());
    }
}
