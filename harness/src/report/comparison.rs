//! A comparison of a target with the documents: counts for people, and the whole as Markdown.

mod markdown;

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::comparison::{Compared, Comparison, Finding, folded};

pub use markdown::markdown;

/// What is counted: a heading, and the words of [`Finding`] that belong to it.
const COLUMNS: [&str; 5] = [
    "agrees",
    "differs",
    "not as worded",
    "not observable",
    "not judged",
];

/// In a word or two.
fn word(finding: &Finding<'_>) -> &'static str {
    match finding {
        Finding::Agrees => "agrees",
        Finding::Differs(_) | Finding::AsWrittenForIt => "differs",
        Finding::NotAsWorded => "not as worded",
        Finding::NotObservable(_) => "not observable",
        Finding::EndsBefore(_) | Finding::NotJudged(_) => "not judged",
    }
}

/// How many rules of each document come out how, and all together.
fn counts(comparison: &Comparison<'_>) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["document", "rules"].into_iter().chain(COLUMNS));
    let row = |name: &str, rules: &[&Compared<'_>]| {
        let of = |column: &&str| {
            rules
                .iter()
                .filter(|one| word(&one.finding) == *column)
                .count()
        };
        let counts = COLUMNS.iter().map(of).map(|count| count.to_string());
        let head = [name.to_string(), rules.len().to_string()];
        head.into_iter().chain(counts).collect::<Vec<String>>()
    };
    for (document, rules) in comparison.documents() {
        table.add_row(row(document, &rules));
    }
    table.add_row(row("all", &comparison.rules.iter().collect::<Vec<_>>()));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// That there are more cases like one.
fn and_others(others: usize) -> String {
    match others {
        0 => String::new(),
        others => format!(" and {others} generated cases like it"),
    }
}

/// The counts and what differs, for people; ends in a newline.
pub fn text(comparison: &Comparison<'_>) -> String {
    let target = &comparison.run.target;
    let mut text = format!(
        "{}\n\n{}\n",
        target.description,
        counts(comparison).trim_fmt()
    );
    for compared in &comparison.rules {
        let Finding::Differs(departures) = &compared.finding else {
            continue;
        };
        let rule = compared.rule;
        let _ = writeln!(text, "\n{} ({}): {}", rule.id, rule.level, rule.summary);
        for (departure, others) in folded(departures) {
            let reason = departure
                .listed
                .map_or("not listed", |listed| &listed.reason);
            let _ = writeln!(text, "  {}{}: {reason}", departure.case, and_others(others));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::tests::sample;

    #[test]
    fn rules_are_counted_and_departures_listed() {
        insta::assert_snapshot!(sample(text));
    }

    #[test]
    fn the_whole_is_markdown() {
        insta::assert_snapshot!(sample(markdown));
    }
}
