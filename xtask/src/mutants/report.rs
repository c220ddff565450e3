//! What came of all changes: a table by file, and the changes nobody has noticed.

use std::collections::BTreeMap;
use std::fmt;

use super::outcomes::{Outcome, Summary};

/// Counts by file, and the survivors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    files: BTreeMap<String, Counts>,
    survivors: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    by_tests: usize,
    by_cases: usize,
    survived: usize,
}

impl Counts {
    fn viable(self) -> usize {
        self.by_tests + self.by_cases + self.survived
    }
}

impl Report {
    /// From what the tests said, and what the cases said of the rest.
    pub(super) fn new(outcomes: &[Outcome], judged: &BTreeMap<String, Option<String>>) -> Self {
        let mut report = Self::default();
        for Outcome { mutant, summary } in outcomes {
            let counts = report.files.entry(mutant.file.clone()).or_default();
            match summary {
                Summary::CaughtMutant | Summary::Timeout => counts.by_tests += 1,
                Summary::MissedMutant => match judged.get(&mutant.name) {
                    Some(Some(_)) => counts.by_cases += 1,
                    Some(None) | None => {
                        counts.survived += 1;
                        report.survivors.push(mutant.name.clone());
                    }
                },
                Summary::Unviable | Summary::Success | Summary::Failure => {}
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Counts::default();
        writeln!(f, "| file | mutants | tests | cases | survived | killed |")?;
        writeln!(f, "| --- | --: | --: | --: | --: | --: |")?;
        for (file, counts) in self.files.iter().filter(|(_, counts)| counts.viable() > 0) {
            all.by_tests += counts.by_tests;
            all.by_cases += counts.by_cases;
            all.survived += counts.survived;
            let name = file.strip_prefix("stack/src/").unwrap_or(file);
            row(f, &format!("`{name}`"), *counts)?;
        }
        row(f, "all", all)?;
        if !self.survivors.is_empty() {
            writeln!(f, "\nSurvived:\n")?;
        }
        for name in &self.survivors {
            writeln!(f, "- {name}")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, counts: Counts) -> fmt::Result {
    let Counts {
        by_tests,
        by_cases,
        survived,
    } = counts;
    let viable = counts.viable();
    // In tenths of a per cent, rounded down, so that only all is 100 %.
    let killed = ((viable - survived) * 1000)
        .checked_div(viable)
        .unwrap_or(1000);
    let (whole, tenth) = (killed / 10, killed % 10);
    writeln!(
        f,
        "| {name} | {viable} | {by_tests} | {by_cases} | {survived} | {whole}.{tenth} % |"
    )
}

#[cfg(test)]
mod tests {
    use super::super::outcomes::tests::outcome;
    use super::*;

    #[test]
    fn each_mutant_counts_once_and_survivors_are_named() {
        let outcomes = [
            outcome("stack/src/a.rs", 1, Summary::CaughtMutant),
            outcome("stack/src/a.rs", 2, Summary::Timeout),
            outcome("stack/src/a.rs", 3, Summary::MissedMutant),
            outcome("stack/src/b.rs", 4, Summary::MissedMutant),
            outcome("stack/src/b.rs", 5, Summary::MissedMutant),
            outcome("stack/src/b.rs", 6, Summary::Unviable),
            outcome("stack/src/c.rs", 7, Summary::Unviable),
        ];
        let name = |at: usize| outcomes[at].mutant.name.clone();
        let judged = BTreeMap::from([
            (name(2), Some("linux: data/a-case".to_string())),
            (name(3), None),
        ]);
        insta::assert_snapshot!(Report::new(&outcomes, &judged));
    }
}
