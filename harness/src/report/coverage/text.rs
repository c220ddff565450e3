//! Coverage as text: a table by document, and what is missing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::coverage::{Coverage, Row, Standing};

/// What is counted in one document, or in all.
#[derive(Clone, Default)]
struct Counts {
    rules: usize,
    in_code: usize,
    testable: usize,
    covered: usize,
    exceptions: usize,
    open: usize,
    /// For each target, how many rules agree, depart and fail.
    standings: Vec<[usize; 3]>,
}

impl Counts {
    fn add(&mut self, row: &Row<'_>) {
        let one = usize::from;
        self.rules += 1;
        self.in_code += one(!row.code.is_empty());
        self.testable += one(row.requirement.testable.by_a_case());
        self.covered += one(!row.cases.is_empty());
        self.exceptions += one(row.is_exception());
        self.open += one(row.is_open());
        self.standings.resize(row.standings.len(), [0; 3]);
        for (counts, standing) in self.standings.iter_mut().zip(&row.standings) {
            let wanted = [Standing::Agrees, Standing::Departs, Standing::Fails];
            for (count, wanted) in counts.iter_mut().zip(wanted) {
                *count += one(*standing == wanted);
            }
        }
    }

    fn cells(&self, name: &str) -> Vec<String> {
        let numbers = [
            self.rules,
            self.in_code,
            self.testable,
            self.covered,
            self.exceptions,
            self.open,
        ];
        let standings = self
            .standings
            .iter()
            .map(|[agree, depart, fail]| match fail {
                0 => format!("{agree} / {depart}"),
                fail => format!("{agree} / {depart} / {fail} FAIL"),
            });
        let numbers = numbers.iter().map(ToString::to_string);
        let name = std::iter::once(name.to_string());
        name.chain(numbers).chain(standings).collect()
    }
}

/// The table and the lists, ending in a newline.
pub fn text(coverage: &Coverage<'_>) -> String {
    let mut text = format!("{}\n\n{}", table(coverage), legend(coverage));
    let open: Vec<&Row<'_>> = coverage.open().collect();
    if !open.is_empty() {
        let _ = writeln!(text, "\nOpen: a case could show it, and none does");
        for row in open {
            line(&mut text, row, &row.requirement.summary);
        }
    }
    let exceptions = coverage.rows.iter().filter(|row| row.is_exception());
    let exceptions: Vec<&Row<'_>> = exceptions.collect();
    if !exceptions.is_empty() {
        let _ = writeln!(text, "\nExceptions: no case, for a reason");
        for row in exceptions {
            line(&mut text, row, &row.requirement.exception);
        }
    }
    if !coverage.strangers.is_empty() {
        let _ = writeln!(
            text,
            "\nUnknown ids: correct them, or add the rule to the catalogue"
        );
        for stranger in &coverage.strangers {
            let _ = writeln!(text, "  {:<20} {}", stranger.id, stranger.case);
        }
    }
    text
}

fn line(text: &mut String, row: &Row<'_>, what: &str) {
    let rule = row.requirement;
    let level = rule.level.to_string();
    let _ = writeln!(text, "  {:<18} {level:<11} {what}", rule.id);
}

fn table(coverage: &Coverage<'_>) -> String {
    let mut documents: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut all = Counts::default();
    for row in &coverage.rows {
        documents.entry(row.document).or_default().add(row);
        all.add(row);
    }
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    let head = [
        "document", "rules", "in code", "testable", "covered", "excepted", "open",
    ];
    let targets = coverage.targets.iter().copied();
    table.set_header(head.into_iter().chain(targets));
    for (name, counts) in &documents {
        table.add_row(counts.cells(name));
    }
    table.add_row(all.cells("all"));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn legend(coverage: &Coverage<'_>) -> String {
    let mut text = "in code: named by a `// REQ:` comment in the reference stack; testable: packets or calls can show it;\n\
                    covered: a case names it; excepted: not, for a reason; open: not\n"
        .to_string();
    if !coverage.targets.is_empty() {
        text.push_str(
            "under a target: rules it agrees with / departs from, as its list of known deviations says\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::tests::sample;

    #[test]
    fn documents_are_counted_and_what_is_missing_is_listed() {
        insta::assert_snapshot!(sample(text));
    }
}
