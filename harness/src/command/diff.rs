//! `tcpdrill diff`: which verdicts have changed between two runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::cli::DiffArgs;
use crate::exit::Exit;
use crate::report::{ResultEntry, Results};

use super::results;

/// Case, target and family: what makes two results comparable.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Lists the changes; status 1 if there are any.
pub(super) fn diff(args: &DiffArgs) -> Exit {
    let (old, new) = match (results::read(&args.old), results::read(&args.new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(problem), _) | (_, Err(problem)) => return super::refuse(&problem),
    };
    let comparison = Comparison::of(&old, &new);
    for line in &comparison.lines {
        super::say(line);
    }
    super::say(&comparison.totals());
    match comparison.lines.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    }
}

/// What differs between two reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// An entry for each result that differs: the case, both verdicts, and what the new one says.
    pub(super) lines: Vec<String>,
    /// How many results both have.
    common: usize,
    /// How many of these have another verdict.
    changed: usize,
    /// How many results only the new one has.
    added: usize,
    /// How many results only the old one has.
    gone: usize,
}

impl Comparison {
    pub(super) fn of(old: &Results, new: &Results) -> Comparison {
        let (old, new) = (by_key(old), by_key(new));
        let keys: BTreeSet<&Key<'_>> = old.keys().chain(new.keys()).collect();
        let mut all = Comparison::default();
        for key in keys {
            let change = match (old.get(key), new.get(key)) {
                (Some(was), Some(is)) => {
                    all.common += 1;
                    if was.verdict == is.verdict {
                        continue;
                    }
                    all.changed += 1;
                    format!("{} -> {}", was.verdict, is.verdict)
                }
                (None, Some(is)) => {
                    all.added += 1;
                    format!("added, {}", is.verdict)
                }
                (Some(was), None) => {
                    all.gone += 1;
                    format!("gone, was {}", was.verdict)
                }
                (None, None) => continue,
            };
            let (case, _, family) = key;
            let mut line = format!("{case} ({family}): {change}");
            let message = new.get(key).map_or("", |entry| entry.message.as_str());
            for text in message.lines() {
                line.push_str("\n    ");
                line.push_str(text);
            }
            all.lines.push(line);
        }
        all
    }

    /// `3 of 515 verdicts changed, 2 added, 1 gone`.
    pub(super) fn totals(&self) -> String {
        let mut text = format!("{} of {} verdicts changed", self.changed, self.common);
        for (count, what) in [(self.added, "added"), (self.gone, "gone")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text
    }
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
    use crate::report::TargetEntry;

    fn run(entries: &[(&str, &str, &str)]) -> Results {
        let entry = |(case, target, verdict): &(&str, &str, &str)| ResultEntry {
            case: (*case).to_string(),
            target: (*target).to_string(),
            ip_version: "ipv4".to_string(),
            verdict: (*verdict).to_string(),
            message: if *verdict == "fail" { "why\nwhere" } else { "" }.to_string(),
            evidence: None,
        };
        Results {
            name: String::new(),
            target: TargetEntry::default(),
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
        let found = Comparison::of(&old, &new);
        assert_eq!(
            found.lines,
            [
                "b (ipv4): pass -> fail\n    why\n    where",
                "c (ipv4): gone, was skip",
                "d (ipv4): added, pass"
            ]
        );
        assert_eq!(found.totals(), "1 of 2 verdicts changed, 1 added, 1 gone");
    }

    #[test]
    fn two_targets_are_compared_case_by_case() {
        let (old, new) = (
            run(&[("a", "linux", "pass")]),
            run(&[("a", "reference", "pass")]),
        );
        let same = Comparison {
            common: 1,
            ..Comparison::default()
        };
        assert_eq!(Comparison::of(&old, &new), same);
        assert_eq!(same.totals(), "0 of 1 verdicts changed");
    }
}
