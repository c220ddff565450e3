//! One rule, or one case, in the words of people who want to know what it is about.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::catalogue::{Catalogue, Requirement, Testable};
use crate::coverage::{Row, Standing};
use crate::family;
use crate::report::ResultEntry;
use crate::suite::{Case, Deviation, Origin};

/// What is known of one rule.
#[derive(Debug)]
pub struct Rule<'a> {
    /// The rule, its code and its cases.
    pub row: &'a Row<'a>,
    /// The title of each case.
    pub titles: &'a [String],
    /// The runs' results for these cases, with the name of the run.
    pub results: &'a [(&'a str, &'a ResultEntry)],
    /// Where a target is known to depart from it: the target and how.
    pub deviations: &'a [(&'a str, &'a Deviation)],
}

/// Everything about a rule, ending in a newline.
pub fn rule(rule: &Rule<'_>) -> String {
    let row = rule.row;
    let mut text = head(row.requirement);
    for place in row.code {
        let _ = writeln!(text, "code:    {place}");
    }
    let titled = row.cases.iter().zip(rule.titles);
    for (case, title) in titled.filter(|(case, _)| family::part(case).is_none()) {
        let _ = writeln!(text, "case:    {case:<40} {title}");
        let results = rule.results.iter().filter(|(_, entry)| entry.case == *case);
        for line in verdicts(results.copied()) {
            let _ = writeln!(text, "           {line}");
        }
    }
    for (part, cases) in folded(&row.cases) {
        let _ = writeln!(
            text,
            "cases:   {:<40} {} generated ones",
            format!("{part}/…"),
            cases.len()
        );
        let results = rule
            .results
            .iter()
            .filter(|(_, entry)| cases.contains(&entry.case.as_str()));
        for line in counts(results.copied()) {
            let _ = writeln!(text, "           {line}");
        }
    }
    if row.cases.is_empty() {
        let _ = writeln!(text, "case:    {}", no_case(row));
    }
    text + &departures(rule.deviations)
}

/// The generated ones among these cases, by the part of their family.
pub(crate) fn folded<'a>(cases: &[&'a str]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in cases {
        if let Some(part) = family::part(case) {
            parts.entry(part).or_default().push(case);
        }
    }
    parts
}

/// One line a run: `reference  300 pass, 12 known_deviation`.
fn counts<'a>(results: impl Iterator<Item = (&'a str, &'a ResultEntry)>) -> Vec<String> {
    let mut runs: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (run, entry) in results {
        let verdicts = runs.entry(run).or_default();
        *verdicts.entry(&entry.verdict).or_default() += 1;
    }
    let line = |(run, verdicts): (&&str, &BTreeMap<&str, usize>)| {
        let told = verdicts
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"));
        format!("{run}  {}", told.collect::<Vec<String>>().join(", "))
    };
    runs.iter().map(line).collect()
}

/// Everything about a case, ending in a newline.
pub fn case(
    case: &Case,
    catalogue: &Catalogue,
    results: &[(&str, &ResultEntry)],
    deviations: &[(&str, &Deviation)],
) -> String {
    let header = case.header();
    let title = header.title.unwrap_or_default();
    let mut text = format!("{}\n{title}\n", case.name);
    for (name, value) in [
        ("why", header.why),
        ("file", Some(case.source().name().to_string())),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{:<8} {value}", format!("{name}:"));
        }
    }
    for id in &header.covers {
        let what = match catalogue.get(id) {
            Some(rule) => format!("{} ({}, {})", rule.summary, rule.level, rule.source),
            None => "the catalogue has no such rule".to_string(),
        };
        let _ = writeln!(text, "covers:  {id:<18} {what}");
    }
    for line in verdicts(results.iter().copied()) {
        let _ = writeln!(text, "verdict: {line}");
    }
    text += &departures(deviations);
    if case.origin == Origin::Generated {
        // There is no file to look into.
        let _ = write!(text, "\n{}", case.source().text());
    }
    text
}

fn head(rule: &Requirement) -> String {
    let mut text = format!(
        "{}  {}  {}\n{}\n",
        rule.id, rule.level, rule.source, rule.summary
    );
    let shown_by = match rule.testable {
        Testable::Wire => "packets",
        Testable::Api => "system calls",
        Testable::Internal => "only the inside of a stack",
        Testable::No => "nothing",
    };
    let _ = writeln!(text, "shown by {shown_by}: {}", rule.how);
    for (name, value) in [("note", &rule.note), ("except", &rule.exception)] {
        if !value.is_empty() {
            let _ = writeln!(text, "{:<8} {value}", format!("{name}:"));
        }
    }
    if !rule.verified {
        text.push_str("not yet held against the source's text\n");
    }
    text
}

fn no_case(row: &Row<'_>) -> &'static str {
    match (row.is_open(), row.is_exception()) {
        (true, _) => "none yet, though one could show it",
        (_, true) => "none, for the reason above",
        _ => "none; nothing outside a stack shows it",
    }
}

/// One line a run: `reference  pass (ipv4, ipv6)`, and what failed.
fn verdicts<'a>(results: impl Iterator<Item = (&'a str, &'a ResultEntry)>) -> Vec<String> {
    let mut groups: Vec<(&str, &str, Vec<&ResultEntry>)> = Vec::new();
    for (run, entry) in results {
        let same = |(name, verdict, _): &&mut (&str, &str, Vec<&ResultEntry>)| {
            *name == run && *verdict == entry.verdict
        };
        match groups.iter_mut().find(same) {
            Some((_, _, entries)) => entries.push(entry),
            None => groups.push((run, &entry.verdict, vec![entry])),
        }
    }
    let line = |(run, verdict, entries): &(&str, &str, Vec<&ResultEntry>)| {
        let families: Vec<&str> = entries
            .iter()
            .map(|entry| entry.ip_version.as_str())
            .collect();
        let first = entries.iter().map(|entry| entry.message.as_str());
        let message = first.flat_map(str::lines).next().unwrap_or_default();
        let text = format!("{run}  {verdict} ({}) {message}", families.join(", "));
        text.trim_end().to_string()
    };
    groups.iter().map(line).collect()
}

fn departures(deviations: &[(&str, &Deviation)]) -> String {
    let mut text = String::new();
    let mut parts: BTreeMap<(&str, &str), Vec<&Deviation>> = BTreeMap::new();
    for (target, deviation) in deviations {
        if deviations.len() > 1 && family::part(&deviation.case).is_some() {
            let alike = parts.entry((target, &deviation.reason)).or_default();
            alike.push(deviation);
            continue;
        }
        let place = &deviation.case;
        departure(&mut text, target, deviation, place);
    }
    for ((target, _), alike) in parts {
        let Some(first) = alike.first() else { continue };
        let place = match alike.len() {
            1 => first.case.clone(),
            count => format!("{count} cases such as {}", first.case),
        };
        departure(&mut text, target, first, &place);
    }
    text
}

fn departure(text: &mut String, target: &str, deviation: &Deviation, place: &str) {
    let _ = writeln!(
        text,
        "{}: {target}, seen with {}, in {place}: {}",
        Standing::Departs.name(),
        deviation.seen_with,
        deviation.reason
    );
    if !deviation.line.is_empty() {
        let fields = deviation.fields.join(", ");
        let _ = writeln!(text, "           {}  (differs in {fields})", deviation.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::tests::sample;

    fn entry(case: &str, ip_version: &str, verdict: &str) -> ResultEntry {
        ResultEntry {
            case: case.to_string(),
            target: "linux".to_string(),
            ip_version: ip_version.to_string(),
            verdict: verdict.to_string(),
            message: if verdict == "pass" { "" } else { "why\nwhere" }.to_string(),
            evidence: None,
        }
    }

    #[test]
    fn a_rule_is_told_with_its_cases_and_departures() {
        let entries = [
            entry("ack/one", "ipv4", "pass"),
            entry("ack/one", "ipv6", "pass"),
            entry("ack/two", "ipv4", "known_deviation"),
        ];
        let results: Vec<(&str, &ResultEntry)> =
            entries.iter().map(|entry| ("linux", entry)).collect();
        let deviation = Deviation {
            case: "ack/two".to_string(),
            requirement: "RFC1-1".to_string(),
            reason: "it is older than the rule".to_string(),
            seen_with: "Linux 6.18".to_string(),
            line: "+0 > . 1:1(0) ack 1".to_string(),
            fields: vec!["ack".to_string()],
            ip_versions: Vec::new(),
            kernel: crate::suite::Bound::default(),
        };
        let text = sample(|coverage| {
            let titles = ["The first".to_string(), "The second".to_string()];
            let deviations = [("linux", &deviation)];
            let told = |row| {
                rule(&Rule {
                    row,
                    titles: &titles,
                    results: &results,
                    deviations: &deviations,
                })
            };
            let all: Vec<String> = coverage.rows.iter().map(told).collect();
            all.join("\n")
        });
        insta::assert_snapshot!(text);
    }
}
