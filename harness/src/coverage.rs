//! From each rule to the code that implements it, the cases that show it, and what they found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::catalogue::{Catalogue, Requirement};
use crate::report::{ResultEntry, Results};
use crate::suite::Case;

/// What one target does about one rule, by all cases that cover it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No case that covers it was run.
    Unknown,
    /// All that were run were skipped.
    Skipped,
    /// The machine or the harness kept all others from being judged.
    Unjudged,
    /// Those that were judged passed.
    Agrees,
    /// One shows a deviation that is known for this target.
    Departs,
    /// One failed, or passed against what is known.
    Fails,
}

impl Standing {
    /// By the verdicts of its cases.
    pub fn of<'a>(verdicts: impl Iterator<Item = &'a str>) -> Standing {
        let one = |verdict: &str| match verdict {
            "pass" => Standing::Agrees,
            "known_deviation" => Standing::Departs,
            "skip" => Standing::Skipped,
            "perturbed" => Standing::Unjudged,
            _ => Standing::Fails,
        };
        verdicts.map(one).max().unwrap_or(Standing::Unknown)
    }

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Unknown => "-",
            Standing::Skipped => "skipped",
            Standing::Unjudged => "unjudged",
            Standing::Agrees => "agrees",
            Standing::Departs => "departs",
            Standing::Fails => "FAILS",
        }
    }
}

/// One rule and all that belongs to it.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The rule.
    pub requirement: &'a Requirement,
    /// The document it stands in.
    pub document: &'a str,
    /// Where the reference stack implements it.
    pub code: &'a [String],
    /// The cases that cover it, by name.
    pub cases: Vec<&'a str>,
    /// What each target does, in the order of [`Coverage::targets`].
    pub standings: Vec<Standing>,
}

impl Row<'_> {
    /// Whether a case could cover it, none does, and nobody said why.
    pub fn is_open(&self) -> bool {
        self.requirement.testable.by_a_case()
            && self.cases.is_empty()
            && self.requirement.exception.is_empty()
    }

    /// Whether no case covers it, for a reason.
    pub fn is_exception(&self) -> bool {
        self.cases.is_empty() && !self.requirement.exception.is_empty()
    }
}

/// An id in a case's head that no rule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stranger<'a> {
    /// The case.
    pub case: &'a str,
    /// The id.
    pub id: &'a str,
}

/// The whole.
#[derive(Clone, Debug)]
pub struct Coverage<'a> {
    /// What the runs are called.
    pub targets: Vec<&'a str>,
    /// In the order of the catalogue.
    pub rows: Vec<Row<'a>>,
    /// Ids that do not exist.
    pub strangers: Vec<Stranger<'a>>,
}

impl<'a> Coverage<'a> {
    /// Joins the catalogue, the heads of the cases, and the results of runs.
    pub fn new(
        catalogue: &'a Catalogue,
        cases: &'a [(&'a Case, Vec<String>)],
        runs: &'a [Results],
    ) -> Coverage<'a> {
        let mut by_id: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (case, covers) in cases {
            for id in covers {
                by_id.entry(id).or_default().insert(&case.name);
            }
        }
        let by_case: Vec<BTreeMap<&str, Vec<&ResultEntry>>> = runs.iter().map(grouped).collect();
        let row = |document: &'a str, requirement: &'a Requirement| {
            let covering = by_id.get(requirement.id.as_str());
            let cases: Vec<&str> = covering.into_iter().flatten().copied().collect();
            let standing = |run: &BTreeMap<&str, Vec<&ResultEntry>>| {
                let entries = cases.iter().filter_map(|case| run.get(case)).flatten();
                Standing::of(entries.map(|entry| entry.verdict.as_str()))
            };
            let standings = by_case.iter().map(standing).collect();
            Row {
                requirement,
                document,
                code: catalogue.places(&requirement.id),
                cases,
                standings,
            }
        };
        let rows = catalogue.documents.iter().flat_map(|document| {
            let rules = document.requirements.iter();
            rules.map(|requirement| row(&document.name, requirement))
        });
        let strangers = cases.iter().flat_map(|(case, covers)| {
            let unknown = covers.iter().filter(|id| catalogue.get(id).is_none());
            unknown.map(|id| Stranger {
                case: &case.name,
                id,
            })
        });
        Coverage {
            targets: runs.iter().map(|run| run.name.as_str()).collect(),
            rows: rows.collect(),
            strangers: strangers.collect(),
        }
    }

    /// Rules that a case could cover and none does.
    pub fn open(&self) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(|row| row.is_open())
    }
}

fn grouped(run: &Results) -> BTreeMap<&str, Vec<&ResultEntry>> {
    let mut by_case: BTreeMap<&str, Vec<&ResultEntry>> = BTreeMap::new();
    for entry in &run.entries {
        by_case.entry(&entry.case).or_default().push(entry);
    }
    by_case
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::TargetEntry;
    use crate::source::Source;
    use crate::suite::{Body, Origin};
    use rstest::rstest;

    /// A catalogue of two documents, two cases and a run, made a report of.
    pub(crate) fn sample(report: impl FnOnce(&Coverage<'_>) -> String) -> String {
        let row = |id: &str, rest: &str| {
            format!(
                "[[requirement]]\nid = \"{id}\"\nlevel = \"MUST\"\nsource = \"RFC 1 §2\"\narea = \"ack\"\nsummary = \"What {id} says\"\nhow = \"look\"\n{rest}\n"
            )
        };
        let first = row("RFC1-1", "testable = \"wire\"\nnote = \"a <b>note</b>\"")
            + &row("RFC1-2", "testable = \"api\"\nverified = false")
            + &row("RFC1-3", "testable = \"internal\"");
        let second = row(
            "RFC2-1",
            "testable = \"wire\"\nexception = \"nobody does it\"",
        ) + &row("RFC2-2", "testable = \"wire\"");
        let files = [
            ("rfc1".to_string(), first.as_str()),
            ("rfc2".to_string(), &second),
        ];
        let places = [
            ("RFC1-1", "stack/src/a.rs:1"),
            ("RFC1-3", "stack/src/b.rs:2"),
        ];
        let catalogue = Catalogue::read(files.into_iter(), &places).unwrap();
        let case = |name: &str| Case {
            name: name.to_string(),
            origin: Origin::Bundled,
            body: Body::Script(Source::new(name, "")),
        };
        let cases = [case("ack/one"), case("ack/two")];
        let covers = [
            (&cases[0], vec!["RFC1-1".to_string(), "RFC9-9".to_string()]),
            (&cases[1], vec!["RFC1-1".to_string(), "RFC2-2".to_string()]),
        ];
        let entry = |case: &str, verdict: &str| ResultEntry {
            case: case.to_string(),
            target: "linux".to_string(),
            ip_version: "ipv4".to_string(),
            verdict: verdict.to_string(),
            message: String::new(),
            evidence: None,
        };
        let run = Results {
            name: "linux".to_string(),
            target: TargetEntry::default(),
            entries: vec![
                entry("ack/one", "pass"),
                entry("ack/two", "known_deviation"),
            ],
        };
        report(&Coverage::new(&catalogue, &covers, &[run]))
    }

    #[rstest]
    #[case::nothing(&[], Standing::Unknown)]
    #[case::one_family_skipped(&["skip", "pass"], Standing::Agrees)]
    #[case::skipped(&["skip", "skip"], Standing::Skipped)]
    #[case::late(&["skip", "perturbed"], Standing::Unjudged)]
    #[case::known(&["pass", "known_deviation", "pass"], Standing::Departs)]
    #[case::failed(&["known_deviation", "fail"], Standing::Fails)]
    #[case::passed_against_the_list(&["unexpected_pass", "pass"], Standing::Fails)]
    fn the_gravest_verdict_of_its_cases_counts(#[case] verdicts: &[&str], #[case] want: Standing) {
        assert_eq!(Standing::of(verdicts.iter().copied()), want);
    }
}
