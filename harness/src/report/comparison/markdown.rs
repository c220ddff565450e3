//! The comparison as Markdown, for a file in `docs/`: what differs with its evidence, then every rule.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::comparison::{CLAIMS, Compared, Comparison, Departure, Finding, folded};
use crate::family;
use crate::report::{Exchange, ResultEntry, plain, rule};
use crate::suite::{Case, Origin};

use super::{and_others, counts, word};

/// The text, ending in a newline. Files of the repository are named as they are seen from `docs/`.
pub fn markdown(comparison: &Comparison<'_>) -> String {
    let mut text = head(comparison);
    departures(&mut text, comparison);
    stated(&mut text, comparison);
    for (document, rules) in comparison.documents() {
        table(
            &mut text,
            document,
            &title(&comparison.run.target.name),
            &rules,
        );
    }
    text
}

/// What was run, what the words mean, and the counts.
fn head(comparison: &Comparison<'_>) -> String {
    let target = &comparison.run.target;
    let name = title(&target.name);
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &comparison.run.entries {
        *verdicts.entry(&entry.verdict).or_default() += 1;
    }
    let verdicts: Vec<String> = verdicts
        .iter()
        .map(|(verdict, count)| format!("{count} {}", verdict.replace('_', " ")))
        .collect();
    let version = target
        .kernel
        .as_ref()
        .map_or(String::new(), |kernel| format!(" {kernel}"));
    format!(
        "# What {name} does against the documents\n\n\
         Made by `tcpdrill compare FILE --markdown docs/{}-vs-documents.md` from the results of one run; not written by hand.\n\n\
         - Judged: {}, by {} results of bundled cases: {}.\n\
         - Rules: each claim of the two founding documents, and each MUST and SHOULD (NOT) of the RFCs in the catalogue. A MAY binds nobody.\n\n\
         | word | meaning |\n| --- | --- |\n\
         | agrees | the cases that show the rule passed on {name}{version} |\n\
         | differs | a case shows that {name} departs from it: the evidence is below |\n\
         | not as worded | the claim does not hold as it is worded, and {name} does what its note says instead |\n\
         | not observable | nothing outside a stack shows it, or no case does, for the reason given |\n\
         | not judged | no case got as far in this run, for the reason given |\n\n{}\n",
        target.name,
        cell(&target.description),
        comparison.run.entries.len(),
        verdicts.join(", "),
        counts(comparison).trim_fmt(),
    )
}

/// `linux` at the head of a sentence.
fn title(name: &str) -> String {
    match name {
        "linux" => "Linux".to_string(),
        "reference" => "the reference stack".to_string(),
        other => other.to_string(),
    }
}

/// Each departure, with the packets.
fn departures(text: &mut String, comparison: &Comparison<'_>) {
    text.push_str("\n## What differs\n");
    let mut any = false;
    for compared in &comparison.rules {
        if let Finding::Differs(departures) = &compared.finding {
            any = true;
            heading(text, compared);
            for (departure, others) in folded(departures) {
                evidence(text, compared, departure, others);
            }
        }
    }
    if !any {
        text.push_str("\nNothing that this run shows.\n");
    }
}

fn heading(text: &mut String, compared: &Compared<'_>) {
    let rule = compared.rule;
    let _ = write!(
        text,
        "\n### {}\n\n{}: {} ({}).\n",
        rule.id,
        rule.level,
        cell(&rule.summary),
        cell(&rule.source)
    );
}

fn evidence(text: &mut String, compared: &Compared<'_>, departure: &Departure<'_>, others: usize) {
    let reason = match departure.listed {
        Some(listed) => format!(
            "{} (seen with {})",
            cell(&listed.reason),
            cell(&listed.seen_with)
        ),
        None => "**Not on the list of known deviations.**".to_string(),
    };
    let families: Vec<&str> = departure
        .results
        .iter()
        .map(|entry| entry.ip_version.as_str())
        .collect();
    let case = compared
        .cases
        .iter()
        .find(|case| case.name == departure.case);
    let link = case.map_or(String::new(), |case| link(case));
    let _ = write!(
        text,
        "\n{reason}.\nShown by {link}{} on {}",
        and_others(others),
        families.join(", ")
    );
    let entry: Option<&&ResultEntry> = departure
        .results
        .iter()
        .find(|entry| entry.evidence.is_some());
    let Some((entry, exchange)) = entry.and_then(|entry| Some((entry, entry.evidence.as_ref()?)))
    else {
        text.push_str(". The results hold no packets.\n");
        return;
    };
    let _ = writeln!(text, "; on {}:\n\n```", entry.ip_version);
    text.push_str(&block(exchange));
    text.push_str("```\n");
}

/// The line that was not met, how, and what led to it.
fn block(exchange: &Exchange) -> String {
    /// Longer lines are cut.
    const WIDTH: usize = 150;
    let mut lines = Vec::new();
    if let Some(line) = exchange.line {
        lines.push(format!("line {line}: {}", exchange.written));
    }
    for one in &exchange.differences {
        lines.push(format!(
            "  {}: expected {}, got {}",
            one.field, one.expected, one.got
        ));
    }
    for step in &exchange.steps {
        if step.left_out > 0 {
            lines.push(format!("{:>14}  {} steps left out", "…", step.left_out));
        }
        lines.push(step.shown());
    }
    let shown = |line: &String| {
        let line = plain::line(line).replace("```", "` ` `");
        match line.chars().count() > WIDTH {
            true => line.chars().take(WIDTH).collect::<String>() + " …\n",
            false => line + "\n",
        }
    };
    lines.iter().map(shown).collect()
}

/// Departures that the cases themselves write out.
fn stated(text: &mut String, comparison: &Comparison<'_>) {
    let stated = |one: &&Compared<'_>| one.finding == Finding::AsWrittenForIt;
    let stated: Vec<&Compared<'_>> = comparison.rules.iter().filter(stated).collect();
    if stated.is_empty() {
        return;
    }
    let name = title(&comparison.run.target.name);
    let _ = write!(
        text,
        "\n## What differs and is written in the cases\n\nThe cases of these rules have lines of their own for {name}, and those passed.\n\n"
    );
    for compared in stated {
        let rule = compared.rule;
        let cases: Vec<String> = links(compared);
        let _ = writeln!(
            text,
            "- **{}** ({}): {}. {} {}.",
            rule.id,
            rule.level,
            cell(&rule.summary),
            cell(&sentence(&rule.note)),
            cases.join(", ")
        );
    }
}

/// A note, which may lack its full stop.
fn sentence(note: &str) -> String {
    format!("{}.", note.trim_end_matches('.'))
}

fn table(text: &mut String, document: &str, target: &str, rules: &[&Compared<'_>]) {
    let heading = match document {
        CLAIMS => "The claims of the two founding documents".to_string(),
        rfc => rfc.to_uppercase().replace("RFC", "RFC "),
    };
    let _ = write!(
        text,
        "\n## {heading}\n\n| rule | level | in our words | {target} | cases and notes |\n| --- | --- | --- | --- | --- |\n"
    );
    for compared in rules {
        let rule = compared.rule;
        let _ = writeln!(
            text,
            "| {} | {} | {} ({}) | {} | {} |",
            rule.id,
            rule.level,
            cell(&rule.summary),
            cell(&rule.source),
            found(compared),
            notes(compared)
        );
    }
}

/// The finding, and the way to its evidence.
fn found(compared: &Compared<'_>) -> String {
    let word = word(&compared.finding);
    match &compared.finding {
        Finding::Differs(_) => format!("**[{word}](#{})**", compared.rule.id.to_lowercase()),
        Finding::AsWrittenForIt => format!("**{word}**"),
        Finding::Agrees
        | Finding::NotAsWorded
        | Finding::EndsBefore(_)
        | Finding::NotObservable(_)
        | Finding::NotJudged(_) => word.to_string(),
    }
}

fn notes(compared: &Compared<'_>) -> String {
    let reason = match &compared.finding {
        Finding::NotObservable(why) | Finding::NotJudged(why) => cell(why),
        Finding::EndsBefore(rules) => {
            format!("its cases end at the departure from {}", rules.join(", "))
        }
        Finding::Agrees | Finding::NotAsWorded | Finding::AsWrittenForIt | Finding::Differs(_) => {
            String::new()
        }
    };
    let parts = [
        links(compared).join(", "),
        reason,
        cell(&compared.rule.note),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// The cases of a rule; of generated ones how many.
fn links(compared: &Compared<'_>) -> Vec<String> {
    let own = compared
        .cases
        .iter()
        .filter(|case| family::part(&case.name).is_none());
    let mut links: Vec<String> = own.map(|case| link(case)).collect();
    let names: Vec<&str> = compared
        .cases
        .iter()
        .map(|case| case.name.as_str())
        .collect();
    let parts = rule::folded(&names);
    links.extend(
        parts
            .iter()
            .map(|(part, cases)| format!("{part}/… ({} generated)", cases.len())),
    );
    links
}

/// A case, and the way to its file if it has one.
fn link(case: &Case) -> String {
    match case.origin {
        Origin::Generated => format!("`{}`", case.name),
        Origin::Bundled | Origin::File(_) => {
            format!("[{}](../{})", cell(&case.name), case.source().name())
        }
    }
}

/// Text that Markdown leaves as it is, on one line.
fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in plain::line(text).chars() {
        match character {
            '|' | '\\' | '*' | '_' | '`' | '[' | ']' | '~' | '#' => shown.extend(['\\', character]),
            '<' => shown.push_str("&lt;"),
            '&' => shown.push_str("&amp;"),
            other => shown.push(other),
        }
    }
    shown
}
