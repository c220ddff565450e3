//! What one target does about each claim of the documents and each MUST and SHOULD, by the results of a
//! run: the catalogue joined with the cases, their verdicts and the list of known deviations.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Level, Requirement, Testable};
use crate::family;
use crate::report::{ResultEntry, Results};
use crate::suite::{Case, Deviation, KnownDeviations};

/// The document of the founders' claims.
pub const CLAIMS: &str = "documents";

/// What a target does about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding<'a> {
    /// Every case that was judged passed.
    Agrees,
    /// Every case that was judged passed, but the rule's note says that the claim does not hold as
    /// worded: the cases show what holds instead.
    NotAsWorded,
    /// The cases that show it have lines of their own for this target, which passed: the rule's note says
    /// how it departs.
    AsWrittenForIt,
    /// A case shows that the target departs from it.
    Differs(Vec<Departure<'a>>),
    /// The cases end before it shows, at a departure from these other rules.
    EndsBefore(Vec<&'a str>),
    /// Nothing outside shows it, or no case does, for this reason.
    NotObservable(String),
    /// No case was judged in this run, for this reason.
    NotJudged(String),
}

/// A case that shows a departure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure<'a> {
    /// The case.
    pub case: &'a str,
    /// The entry of the list; none if nobody has listed it.
    pub listed: Option<&'a Deviation>,
    /// The results that show it, one a family.
    pub results: Vec<&'a ResultEntry>,
}

/// One rule and what was found.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    /// The document it stands in.
    pub document: &'a str,
    /// The rule.
    pub rule: &'a Requirement,
    /// The cases that cover it.
    pub cases: Vec<&'a Case>,
    /// What the target does.
    pub finding: Finding<'a>,
}

/// The whole.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The run.
    pub run: &'a Results,
    /// The rules, in the order of the catalogue: the claims, each MUST and each SHOULD.
    pub rules: Vec<Compared<'a>>,
}

impl Departure<'_> {
    /// Whether two show the same of a rule: generated cases, listed for the same reason.
    fn is_like(&self, other: &Departure<'_>) -> bool {
        let reasons = [self.listed, other.listed].map(|listed| listed.map(|listed| &listed.reason));
        let generated = |one: &Departure<'_>| family::part(one.case).is_some();
        generated(self) && generated(other) && reasons[0] == reasons[1]
    }
}

/// Departures from one rule, each with how many others are like it.
pub fn folded<'d, 'a>(departures: &'d [Departure<'a>]) -> Vec<(&'d Departure<'a>, usize)> {
    let mut folded: Vec<(&Departure<'_>, usize)> = Vec::new();
    for departure in departures {
        match folded
            .iter_mut()
            .find(|(first, _)| first.is_like(departure))
        {
            Some((_, others)) => *others += 1,
            None => folded.push((departure, 0)),
        }
    }
    folded
}

impl<'a> Comparison<'a> {
    /// Joins everything.
    pub fn new(
        catalogue: &'a Catalogue,
        cases: &'a [(&'a Case, Vec<String>)],
        run: &'a Results,
        known: &'a KnownDeviations,
    ) -> Comparison<'a> {
        let mut by_rule: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        for (case, covers) in cases {
            for id in covers {
                by_rule.entry(id).or_default().push(case);
            }
        }
        let mut by_case: BTreeMap<&str, Vec<&ResultEntry>> = BTreeMap::new();
        for entry in &run.entries {
            by_case.entry(&entry.case).or_default().push(entry);
        }
        let evidence = Evidence {
            run,
            by_case,
            listed: known
                .cases()
                .map(|entry| (entry.case.as_str(), entry))
                .collect(),
        };
        let documents = catalogue.documents.iter();
        let rules = documents.flat_map(|document| {
            let rules = document.requirements.iter();
            rules.map(move |rule| (document.name.as_str(), rule))
        });
        let compared =
            rules
                .filter(|(_, rule)| rule.level != Level::May)
                .map(|(document, rule)| {
                    let cases = by_rule.get(rule.id.as_str()).cloned().unwrap_or_default();
                    let finding = evidence.finding(rule, &cases);
                    Compared {
                        document,
                        rule,
                        cases,
                        finding,
                    }
                });
        Comparison {
            run,
            rules: compared.collect(),
        }
    }

    /// The rules of each document, in order.
    pub fn documents(&self) -> Vec<(&'a str, Vec<&Compared<'a>>)> {
        let mut documents: Vec<(&str, Vec<&Compared<'_>>)> = Vec::new();
        for compared in &self.rules {
            match documents.last_mut() {
                Some((document, rules)) if *document == compared.document => rules.push(compared),
                _ => documents.push((compared.document, vec![compared])),
            }
        }
        documents
    }
}

/// The results of a run, by case, and what is listed of them.
struct Evidence<'a> {
    run: &'a Results,
    by_case: BTreeMap<&'a str, Vec<&'a ResultEntry>>,
    listed: BTreeMap<&'a str, &'a Deviation>,
}

impl<'a> Evidence<'a> {
    fn finding(&self, rule: &'a Requirement, cases: &[&'a Case]) -> Finding<'a> {
        if let Some(reason) = unobservable(rule, cases) {
            return Finding::NotObservable(reason);
        }
        let mut departures = Vec::new();
        let mut others: Vec<&str> = Vec::new();
        let mut passed: Vec<&Case> = Vec::new();
        for case in cases {
            let entries = self.of(case);
            passed.extend(
                entries
                    .iter()
                    .any(|entry| entry.verdict == "pass")
                    .then_some(*case),
            );
            let failed = |entry: &&&ResultEntry| {
                matches!(entry.verdict.as_str(), "fail" | "known_deviation")
            };
            let failed: Vec<&ResultEntry> = entries.iter().filter(failed).copied().collect();
            let listed = self.listed.get(case.name.as_str()).copied();
            match listed.map(|entry| entry.requirement.as_str()) {
                _ if failed.is_empty() => {}
                Some(other)
                    if other != rule.id && failed.iter().all(|one| one.verdict != "fail") =>
                {
                    others.push(other);
                }
                Some(_) | None => departures.push(Departure {
                    case: &case.name,
                    listed,
                    results: failed,
                }),
            }
        }
        if !departures.is_empty() {
            return Finding::Differs(departures);
        }
        match (passed.is_empty(), others.is_empty()) {
            (false, _) => self.agrees(rule, &passed),
            (true, false) => {
                others.sort_unstable();
                others.dedup();
                Finding::EndsBefore(others)
            }
            (true, true) => Finding::NotJudged(self.unjudged(cases)),
        }
    }

    fn of(&self, case: &Case) -> &[&'a ResultEntry] {
        self.by_case
            .get(case.name.as_str())
            .map_or(&[], Vec::as_slice)
    }

    /// What passing cases mean for a rule whose note says that it does not hold.
    fn agrees(&self, rule: &Requirement, passed: &[&Case]) -> Finding<'a> {
        let note = |words: &[&str]| words.iter().any(|word| rule.note.starts_with(word));
        if rule.level == Level::Claim && note(&["WRONG", "DIFFERS", "OUTDATED", "IMPRECISE"]) {
            return Finding::NotAsWorded;
        }
        let target = self.run.target.name.as_str();
        let own_lines = || passed.iter().any(|case| has_lines_for(case, target));
        match target == "linux" && note(&["DEVIATION"]) && own_lines() {
            true => Finding::AsWrittenForIt,
            false => Finding::Agrees,
        }
    }

    /// Why no case was judged.
    fn unjudged(&self, cases: &[&Case]) -> String {
        let mut entries = cases.iter().flat_map(|case| self.of(case));
        // What one family lacks says less than what all lack.
        let of_family = |entry: &&&ResultEntry| entry.message.starts_with("ip_version:");
        let told = entries
            .clone()
            .find(|entry| !of_family(entry))
            .or_else(|| entries.next());
        match told {
            Some(entry) => {
                let reason = entry.message.lines().next().unwrap_or_default();
                let verdict = match entry.verdict.as_str() {
                    "skip" => "skipped",
                    "perturbed" => "the machine was late",
                    other => other,
                };
                format!("{verdict}: {reason}")
            }
            None => "none of its cases is in this run".to_string(),
        }
    }
}

/// Why nothing can be seen of a rule from outside, or nothing is looked for.
fn unobservable(rule: &Requirement, cases: &[&Case]) -> Option<String> {
    let first = |texts: [&str; 2]| {
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .map(str::to_string)
    };
    match rule.testable {
        _ if !cases.is_empty() => None,
        Testable::Wire | Testable::Api if rule.exception.is_empty() => {
            Some("no case shows it yet".to_string())
        }
        Testable::Wire | Testable::Api => Some(rule.exception.clone()),
        Testable::Internal => Some(match first([&rule.exception, &rule.how]) {
            Some(how) => format!("only the inside of a stack shows it: {how}"),
            None => "only the inside of a stack shows it".to_string(),
        }),
        Testable::No => {
            first([&rule.exception, &rule.how]).or(Some("nothing shows it".to_string()))
        }
    }
}

/// Whether a script has lines that are for this target only, or for all but it.
fn has_lines_for(case: &Case, target: &str) -> bool {
    let mut lines = case.source().text().lines();
    lines.any(|line| {
        let words = line
            .trim_start()
            .split(|letter: char| !letter.is_alphanumeric() && letter != '#');
        let mut words = words.filter(|word| !word.is_empty());
        let directive = words
            .next()
            .is_some_and(|word| matches!(word, "#if" | "#ifdef" | "#ifndef" | "#elif"));
        directive && words.any(|word| word == target)
    })
}

#[cfg(test)]
pub(crate) mod tests;
