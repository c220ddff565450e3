//! One rule, or one case, in the words of people who want to know what it is about.

use std::fmt::Write as _;

use crate::catalogue::{Catalogue, Requirement, Testable};
use crate::coverage::{Row, Standing};
use crate::report::ResultEntry;
use crate::suite::{Case, Deviation};

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
    for (case, title) in row.cases.iter().zip(rule.titles) {
        let _ = writeln!(text, "case:    {case:<40} {title}");
        let results = rule.results.iter().filter(|(_, entry)| entry.case == *case);
        for line in verdicts(results.copied()) {
            let _ = writeln!(text, "           {line}");
        }
    }
    if row.cases.is_empty() {
        let _ = writeln!(text, "case:    {}", no_case(row));
    }
    text + &departures(rule.deviations)
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
    text + &departures(deviations)
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
    for (target, deviation) in deviations {
        let _ = writeln!(
            text,
            "{}: {target}, seen with {}, in {}: {}",
            Standing::Departs.name(),
            deviation.seen_with,
            deviation.case,
            deviation.reason
        );
        if !deviation.line.is_empty() {
            let fields = deviation.fields.join(", ");
            let _ = writeln!(text, "           {}  (differs in {fields})", deviation.line);
        }
    }
    text
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
