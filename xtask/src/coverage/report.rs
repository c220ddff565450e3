//! The table by file, and the lines that nothing reaches with the reasons why.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use super::explained::{self, DOCUMENT, Explanation};
use super::lcov::Hits;
use crate::{Repository, SourceFile};

/// Of a hundred lines of the stack so many have to be reached.
pub const ASKED: f64 = 95.0;

const STACK: &str = "stack/src/";
const AIDS: &str = "stack/src/testing/";

/// What was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    files: Vec<(String, Count)>,
    aids: Count,
    gaps: Vec<Gap>,
    /// Explanations of what is reached.
    needless: Vec<Explanation>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    lines: usize,
    reached: usize,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.lines += other.lines;
        self.reached += other.reached;
    }

    fn percent(self) -> f64 {
        if self.lines == 0 {
            return 0.0;
        }
        100.0 * self.reached as f64 / self.lines as f64
    }
}

/// The lines of one function that nothing reaches.
#[derive(Clone, Debug, PartialEq)]
struct Gap {
    path: String,
    function: String,
    lines: Vec<usize>,
    why: Option<String>,
}

impl Report {
    pub(super) fn new(repository: &Repository, hits: &Hits) -> Self {
        let explanations = explained::read(repository);
        let mut report = Report {
            files: Vec::new(),
            aids: Count::default(),
            gaps: Vec::new(),
            needless: Vec::new(),
        };
        for file in repository.rust_files() {
            let Some(lines) = hits.get(&file.path) else {
                continue;
            };
            if file.path.starts_with(STACK) {
                report.count(file, lines, &explanations);
            }
        }
        let needless = explanations.into_iter().filter(|explanation| {
            !report
                .gaps
                .iter()
                .any(|gap| (&gap.path, &gap.function) == (&explanation.path, &explanation.function))
        });
        report.needless = needless.collect();
        report
    }

    fn count(
        &mut self,
        file: &SourceFile,
        hits: &BTreeMap<usize, u64>,
        explanations: &[Explanation],
    ) {
        let code = hits.range(..=file.lines_without_tests());
        let missed: Vec<usize> = code
            .clone()
            .filter(|(_, count)| **count == 0)
            .map(|(line, _)| *line)
            .collect();
        let lines = code.count();
        let count = Count {
            lines,
            reached: lines - missed.len(),
        };
        if lines == 0 {
            return;
        }
        if file.path.starts_with(AIDS) {
            self.aids.add(count);
            return;
        }
        self.files.push((file.path.clone(), count));
        let mut gaps: Vec<Gap> = Vec::new();
        for line in missed {
            let function = explained::function_of(file, line);
            match gaps.iter_mut().find(|gap| gap.function == function) {
                Some(gap) => gap.lines.push(line),
                None => gaps.push(Gap {
                    why: explanations
                        .iter()
                        .find(|known| known.path == file.path && known.function == function)
                        .map(|known| known.why.clone()),
                    path: file.path.clone(),
                    function,
                    lines: vec![line],
                }),
            }
        }
        self.gaps.append(&mut gaps);
    }

    fn total(&self) -> Count {
        let mut total = Count::default();
        for (_, count) in &self.files {
            total.add(*count);
        }
        total
    }

    /// Whether as much is reached as is [asked](ASKED).
    pub fn passes(&self) -> bool {
        self.total().percent() >= ASKED
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44}{:>8}{:>9}{:>8}", "file", "lines", "reached", "%")?;
        for (path, count) in &self.files {
            let Count { lines, reached } = count;
            let percent = count.percent();
            writeln!(f, "{path:<44}{lines:>8}{reached:>9}{percent:>8.1}")?;
        }
        let (explained, open): (Vec<&Gap>, Vec<&Gap>) =
            self.gaps.iter().partition(|gap| gap.why.is_some());
        write_gaps(f, &explained, "Not reached, and why (docs/coverage.md)")?;
        write_gaps(f, &open, "Not reached and not explained")?;
        for explanation in &self.needless {
            let Explanation {
                path,
                function,
                line,
                ..
            } = explanation;
            writeln!(
                f,
                "{DOCUMENT}:{line}: `{function}` in {path} is reached: remove the row"
            )?;
        }
        let total = self.total();
        writeln!(f)?;
        writeln!(f, "{STACK}: {total} ({ASKED:.0} % asked)")?;
        let lines = |gaps: &[&Gap]| gaps.iter().map(|gap| gap.lines.len()).sum::<usize>();
        writeln!(
            f,
            "not reached: {} lines, {} of them explained, {} not",
            total.lines - total.reached,
            lines(&explained),
            lines(&open)
        )?;
        writeln!(f, "{AIDS}, an aid for tests, counted apart: {}", self.aids)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { lines, reached } = self;
        write!(
            f,
            "{reached} of {lines} lines reached, {:.2} %",
            self.percent()
        )
    }
}

fn write_gaps(f: &mut fmt::Formatter<'_>, gaps: &[&Gap], title: &str) -> fmt::Result {
    if !gaps.is_empty() {
        writeln!(f, "\n{title}:")?;
    }
    for gap in gaps {
        let Gap { path, function, .. } = gap;
        let lines: Vec<String> = runs(&gap.lines)
            .iter()
            .map(|run| match (run.start(), run.end()) {
                (start, end) if start == end => start.to_string(),
                (start, end) => format!("{start}-{end}"),
            })
            .collect();
        writeln!(f, "  {path}: `{function}`, {}", lines.join(", "))?;
        if let Some(why) = &gap.why {
            writeln!(f, "      {why}")?;
        }
    }
    Ok(())
}

/// Lines that follow each other as one.
fn runs(lines: &[usize]) -> Vec<RangeInclusive<usize>> {
    let mut runs: Vec<RangeInclusive<usize>> = Vec::new();
    for &line in lines {
        match runs.last_mut() {
            Some(last) if *last.end() + 1 == line => *last = *last.start()..=line,
            _ => runs.push(line..=line),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn one() {\n    a();\n    b();\n    c();\n}\nfn two() {\n    d();\n}\n\
        #[cfg(test)]\nmod tests {\n    fn three() {\n    }\n}\n";

    fn hits(files: &[(&str, &[(usize, u64)])]) -> Hits {
        files
            .iter()
            .map(|(path, lines)| ((*path).to_owned(), lines.iter().copied().collect()))
            .collect()
    }

    fn report(document: &str) -> Report {
        let repository = Repository::of(&[
            ("stack/src/a.rs", SOURCE),
            ("stack/src/testing/aid.rs", SOURCE),
            ("stack/src/a/tests.rs", SOURCE),
            ("harness/src/b.rs", SOURCE),
            (DOCUMENT, document),
        ]);
        let lines = [(1, 1), (2, 0), (3, 0), (4, 7), (5, 0), (7, 0), (11, 0)];
        Report::new(
            &repository,
            &hits(&[
                ("stack/src/a.rs", &lines),
                ("stack/src/a/tests.rs", &[(1, 0)]),
                ("stack/src/testing/aid.rs", &[(2, 1), (3, 0)]),
                ("harness/src/b.rs", &[(1, 0)]),
            ]),
        )
    }

    #[test]
    fn lines_are_counted_without_tests_and_gaps_told_with_their_reasons() {
        let document =
            "| `stack/src/a.rs` | `two` | cannot be |\n| `stack/src/a.rs` | `three` | x |\n";
        insta::assert_snapshot!(report(document));
    }

    #[test]
    fn the_bound_is_held() {
        let with = |missed: usize| {
            let lines: Vec<(usize, u64)> = (1..=100)
                .map(|line| (line, u64::from(line > missed)))
                .collect();
            let text = "x\n".repeat(100);
            let repository = Repository::of(&[("stack/src/a.rs", &text)]);
            Report::new(&repository, &hits(&[("stack/src/a.rs", &lines)])).passes()
        };
        assert!(with(5));
        assert!(!with(6));
        let nothing = Report::new(&Repository::of(&[]), &Hits::new());
        assert!(!nothing.passes());
    }
}
