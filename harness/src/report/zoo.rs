//! The zoo's results: a table for people, JSON for programs, and a block for docs/suite-quality.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::zoo::{Explanations, Failing, Fate, Row};

/// How many of the cases that kill a defect are named.
const NAMED: usize = 2;

/// Where a block stands in a Markdown file.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// The line before it.
    pub begin: &'static str,
    /// The line behind it.
    pub end: &'static str,
}

/// Of the table of cases.
pub const MARKS: Marks = Marks {
    begin: "<!-- zoo: written by `tcpdrill zoo --markdown` -->",
    end: "<!-- /zoo -->",
};

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// How long each took.
    pub times: bool,
    /// Every case that fails.
    pub verbose: bool,
}

/// The table, what is wrong with it, and the totals, ending in a newline.
pub fn text(rows: &[Row], complaints: &[String], style: Style) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    let mut head = vec![
        "",
        "verdict",
        "profile",
        "reached",
        "triggered",
        "killed by",
        "others",
    ];
    head.extend(style.times.then_some("time"));
    table.set_header(head);
    for row in rows {
        let mut cells = vec![
            row.defect.id.to_string(),
            verdict(row),
            row.profile.clone(),
            row.reached.to_string(),
            row.triggered.to_string(),
            killers(row),
            row.others().to_string(),
        ];
        if style.times {
            cells.push(format!("{:.2} s", row.time.as_secs_f64()));
        }
        table.add_row(cells);
    }
    for column in [3, 4, 6, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{}\n", table.trim_fmt());
    for row in rows
        .iter()
        .filter(|row| style.verbose || row.complaint().is_some())
    {
        details(&mut text, row, style);
    }
    let _ = writeln!(text, "\n{}", totals(rows));
    if !complaints.is_empty() {
        let _ = writeln!(text, "complaints, told below: {}", complaints.len());
    }
    text
}

/// What somebody needs who wants to see a defect killed.
fn details(text: &mut String, row: &Row, style: Style) {
    let defect = &row.defect;
    let _ = writeln!(
        text,
        "\n{}  {} ({})",
        defect.id, defect.title, defect.source
    );
    let _ = writeln!(text, "     breaks {}", defect.breaks.join(", "));
    if let Some(explained) = &row.explained {
        let _ = writeln!(
            text,
            "     {} Seen by {}.",
            explained.reason, explained.seen_by
        );
    }
    let shown = if style.verbose { usize::MAX } else { NAMED };
    for failing in row.failing.iter().take(shown) {
        let mark = if failing.covers { "*" } else { " " };
        let first = failing.message.lines().next().unwrap_or_default();
        let _ = writeln!(text, "   {mark} {}: {first}", failing.case);
    }
}

fn verdict(row: &Row) -> String {
    match (&row.explained, row.fate()) {
        (Some(_), fate) if fate != Fate::Killed => format!("{}, explained", fate.name()),
        (_, fate) => fate.name().to_string(),
    }
}

/// `a, b and 3 more`
fn killers(row: &Row) -> String {
    let named = named(row, str::to_owned);
    match row.killers().count().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The first few cases that kill.
fn named(row: &Row, show: impl Fn(&str) -> String) -> String {
    let named = row.killers().take(NAMED).map(|one| show(&one.case));
    named.collect::<Vec<String>>().join(", ")
}

/// `15 defects: 14 killed, 1 survived (1 explained)`
fn totals(rows: &[Row]) -> String {
    let mut counts: BTreeMap<Fate, (usize, usize)> = BTreeMap::new();
    for row in rows {
        let (all, explained) = counts.entry(row.fate()).or_default();
        *all += 1;
        *explained += usize::from(row.explained.is_some());
    }
    let parts = counts.iter().map(|(fate, (all, explained))| {
        let name = fate.name();
        match explained {
            0 => format!("{all} {name}"),
            _ => format!("{all} {name} ({explained} explained)"),
        }
    });
    let parts: Vec<String> = parts.collect();
    let noun = if rows.len() == 1 { "defect" } else { "defects" };
    format!("{} {noun}: {}", rows.len(), parts.join(", "))
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    defects: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    title: &'a str,
    source: &'a str,
    breaks: &'a [&'a str],
    profile: &'a str,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    explained: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_by: Option<&'a str>,
    reached: u64,
    triggered: u64,
    killed_by: Vec<&'a str>,
    others: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// The results as JSON, schema 1 (described in docs/reports.md), ending in a newline.
///
/// # Errors
/// If serialising fails, which no value of these types makes it do.
pub fn json(rows: &[Row], style: Style) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(&Report {
        schema: 1,
        defects: rows.iter().map(|row| entry(row, style)).collect(),
    })?;
    text.push('\n');
    Ok(text)
}

fn entry(row: &Row, style: Style) -> Entry<'_> {
    let Row {
        defect, explained, ..
    } = row;
    let explained = explained.as_ref();
    Entry {
        id: defect.id,
        title: defect.title,
        source: defect.source,
        breaks: defect.breaks,
        profile: &row.profile,
        verdict: row.fate().name(),
        explained: explained.map(|one| one.reason.as_str()),
        seen_by: explained.map(|one| one.seen_by.as_str()),
        reached: row.reached,
        triggered: row.triggered,
        killed_by: names(row, |one| one.covers),
        others: names(row, |one| !one.covers),
        seconds: style
            .times
            .then(|| (row.time.as_secs_f64() * 1000.0).round() / 1000.0),
    }
}

fn names(row: &Row, takes: impl Fn(&Failing) -> bool) -> Vec<&str> {
    let failing = row.failing.iter().filter(|one| takes(one));
    failing.map(|one| one.case.as_str()).collect()
}

/// The block for Markdown: totals, the table, and the rows that were not built. Nothing in it changes
/// with every case that is added.
pub fn markdown(rows: &[Row], explanations: &Explanations) -> String {
    let mut table = table(["", "defect", "whose", "breaks", "profile", "killed by"]);
    for row in rows {
        let defect = &row.defect;
        let killed_by = match &row.explained {
            Some(one) => format!("**no case**: {} Seen by {}.", one.reason, one.seen_by),
            None if row.fate() == Fate::Killed => named(row, |case| format!("`{case}`")),
            None => format!("**{}**", row.fate().name()),
        };
        table.add_row(vec![
            defect.id.to_string(),
            defect.title.to_string(),
            defect.source.to_string(),
            defect.breaks.join(", "),
            row.profile.clone(),
            killed_by,
        ]);
    }
    let mut text = format!("{}.\n\n{}\n", totals(rows), table.trim_fmt());
    if !explanations.not_built.is_empty() {
        let mut table = self::table(["", "defect", "whose", "why it is not built"]);
        for one in &explanations.not_built {
            table.add_row([&one.id, &one.title, &one.source, &one.reason]);
        }
        let _ = writeln!(text, "\nNot built:\n\n{}", table.trim_fmt());
    }
    text
}

fn table<const COLUMNS: usize>(head: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head);
    table
}

/// `text` with the block between its marks; `None` if it has no marks.
pub fn inserted(text: &str, block: &str, Marks { begin, end }: Marks) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, behind) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{block}\n{end}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::tests::{explained, row};

    const STYLE: Style = Style {
        times: true,
        verbose: false,
    };

    fn rows() -> Vec<Row> {
        vec![
            row(
                "A01",
                (9, 3),
                &[("a/x", true), ("a/y", true), ("a/z", true), ("b", false)],
            ),
            row("A02", (9, 3), &[("b", false)]),
            explained(row("A03", (4, 1), &[])),
            row("A04", (4, 0), &[]),
        ]
    }

    #[test]
    fn every_defect_has_a_row_and_the_bad_ones_are_told_in_full() {
        let rows = rows();
        let complaints: Vec<String> = rows.iter().filter_map(Row::complaint).collect();
        insta::assert_snapshot!(text(&rows, &complaints, STYLE));
    }

    #[test]
    fn json_has_every_case() {
        let style = Style {
            times: false,
            ..STYLE
        };
        insta::assert_snapshot!(json(&rows(), style).unwrap());
    }

    #[test]
    fn markdown_goes_between_its_marks() {
        let list = "[[not_built]]\nid = \"A05\"\ntitle = \"t\"\nsource = \"s\"\nreason = \"r\"\n";
        let block = markdown(&rows(), &Explanations::read(list).unwrap());
        let Marks { begin, end } = MARKS;
        let old = format!("# Title\n{begin}\nold\n{end}\nmore\n");
        let new = inserted(&old, &block, MARKS).unwrap();
        assert_eq!(inserted(&new, &block, MARKS).as_ref(), Some(&new));
        assert_eq!(inserted("no marks", &block, MARKS), None);
        insta::assert_snapshot!(new);
    }
}
