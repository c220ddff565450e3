//! What cargo-mutants has written down: the changes, and what came of each.

use serde::Deserialize;

/// One change and what the tests said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) mutant: Mutant,
    pub(super) summary: Summary,
}

impl Outcome {
    /// The change, if no test has noticed it.
    pub(super) fn missed(&self) -> Option<&Mutant> {
        (self.summary == Summary::MissedMutant).then_some(&self.mutant)
    }
}

/// What the tests said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Summary {
    /// A test failed.
    CaughtMutant,
    /// None did.
    MissedMutant,
    /// One did not end.
    Timeout,
    /// The change does not compile.
    Unviable,
    /// What comes before all changes.
    Success,
    /// The same, failed.
    Failure,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Mutant {
    /// Where it is, and what is different.
    pub(super) name: String,
    /// Its file, from the root.
    pub(super) file: String,
    span: Span,
    replacement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Span {
    start: Place,
    end: Place,
}

/// Both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

#[derive(Deserialize)]
struct File {
    outcomes: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    scenario: Scenario,
    summary: Summary,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

/// Reads `outcomes.json`.
pub(super) fn parse(text: &str) -> Result<Vec<Outcome>, String> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| format!("outcomes.json is not what cargo-mutants 27 writes: {error}"))?;
    let outcomes = file.outcomes.into_iter().filter_map(|entry| {
        let summary = entry.summary;
        match entry.scenario {
            Scenario::Baseline => None,
            Scenario::Mutant(mutant) => Some(Outcome { mutant, summary }),
        }
    });
    Ok(outcomes.collect())
}

impl Mutant {
    /// `source` with the change; `None` if there is no such place.
    pub(super) fn applied_to(&self, source: &str) -> Option<String> {
        let (start, end) = (
            offset(source, self.span.start)?,
            offset(source, self.span.end)?,
        );
        source.get(start..end)?;
        let (before, after) = (&source[..start], &source[end..]);
        // The blank keeps words apart.
        Some(format!("{before}{} {after}", self.replacement))
    }
}

fn offset(source: &str, place: Place) -> Option<usize> {
    let line_start: usize = source
        .split_inclusive('\n')
        .take(place.line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let line = source.get(line_start..)?.lines().next()?;
    let mut columns = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    Some(line_start + columns.nth(place.column.checked_sub(1)?)?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rstest::rstest;

    pub(crate) fn outcome(file: &str, line: usize, summary: Summary) -> Outcome {
        Outcome {
            mutant: mutant(file, [line, 1, line, 2], "x"),
            summary,
        }
    }

    fn mutant(file: &str, span: [usize; 4], replacement: &str) -> Mutant {
        let place = |line, column| Place { line, column };
        Mutant {
            name: format!("{file}:{}:{}: a | b", span[0], span[1]),
            file: file.to_string(),
            span: Span {
                start: place(span[0], span[1]),
                end: place(span[2], span[3]),
            },
            replacement: replacement.to_string(),
        }
    }

    const SOURCE: &str = "fn f() -> u8 {\n    // «ü»\n    let ö = !a;\n    b\n}\n";

    #[rstest]
    #[case::an_operator([3, 13, 3, 14], "", "fn f() -> u8 {\n    // «ü»\n    let ö =  a;\n    b\n}\n")]
    #[case::a_body([3, 5, 4, 6], "1", "fn f() -> u8 {\n    // «ü»\n    1 \n}\n")]
    #[case::to_the_end([1, 1, 5, 2], "x", "x \n")]
    fn a_change_is_made_where_it_belongs(
        #[case] span: [usize; 4],
        #[case] replacement: &str,
        #[case] expected: &str,
    ) {
        let changed = mutant("f.rs", span, replacement).applied_to(SOURCE);
        assert_eq!(changed.as_deref(), Some(expected));
    }

    #[rstest]
    #[case::behind_the_last_line([9, 1, 9, 2])]
    #[case::behind_the_line([4, 1, 4, 8])]
    #[case::from_nothing([0, 1, 1, 2])]
    #[case::backwards([4, 1, 3, 1])]
    fn a_place_that_is_not_there_changes_nothing(#[case] span: [usize; 4]) {
        assert_eq!(mutant("f.rs", span, "x").applied_to(SOURCE), None);
    }

    #[test]
    fn outcomes_are_read_and_the_baseline_is_left_out() {
        let text = r#"{"total_mutants": 1, "outcomes": [
            {"scenario": "Baseline", "summary": "Success", "phase_results": []},
            {"scenario": {"Mutant": {"name": "f.rs:1:1: a | b", "file": "f.rs", "package": "p", "genre": "FnValue",
              "function": null, "replacement": "x",
              "span": {"start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 2}}}},
             "summary": "MissedMutant", "log_path": "log"}]}"#;
        let missed = outcome("f.rs", 1, Summary::MissedMutant);
        assert_eq!(parse(text), Ok(vec![missed.clone()]));
        assert_eq!(missed.missed(), Some(&missed.mutant));
        assert_eq!(outcome("f.rs", 1, Summary::Timeout).missed(), None);
        assert!(parse("{}").is_err());
    }
}
