//! The explanations of what nothing reaches: the table of `docs/coverage.md`.

use crate::code::{code_only, functions};
use crate::{Finding, Repository, SourceFile};

/// Where the explanations stand, one table row `| file | function | why |` each.
pub const DOCUMENT: &str = "docs/coverage.md";

/// What stands for the function of a line outside of any.
pub(super) const NO_FUNCTION: &str = "-";

/// Why some lines of a function are not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) path: String,
    pub(super) function: String,
    pub(super) why: String,
    /// Where it stands.
    pub(super) line: usize,
}

/// The rows of the table: those whose first cell is a file of the stack.
pub(super) fn read(repository: &Repository) -> Vec<Explanation> {
    let Some(document) = repository.file(DOCUMENT) else {
        return Vec::new();
    };
    let rows = document.numbered_lines();
    rows.filter_map(|(line, text)| {
        let cells = text.strip_prefix("| ")?.strip_suffix(" |")?;
        let mut cells = cells.splitn(3, " | ");
        let mut next = || cells.next().map(str::trim);
        let (path, function, why) = (quoted(next()?), quoted(next()?), next()?.to_owned());
        (path.starts_with("stack/src/") && path.ends_with(".rs")).then_some(Explanation {
            path,
            function,
            why,
            line,
        })
    })
    .collect()
}

/// What stands between a cell's backticks. Only names are quoted as a whole: a reason may end with one
/// of its own.
fn quoted(cell: &str) -> String {
    let inner = cell
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    inner.unwrap_or(cell).to_owned()
}

/// The name of the innermost function that holds a line.
pub(super) fn function_of(file: &SourceFile, line: usize) -> String {
    let code = code_only(&file.text);
    functions(&code)
        .iter()
        .rfind(|function| (function.line..function.line + function.length).contains(&line))
        .map_or(NO_FUNCTION, |function| function.name)
        .to_owned()
}

/// An explanation names a function that exists and gives a reason. Whether it is needed only a
/// measurement tells.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for explanation in read(repository) {
        let Explanation {
            path,
            function,
            why,
            line,
        } = explanation;
        let exists = repository.file(&path).is_some_and(|file| {
            function == NO_FUNCTION
                || functions(&code_only(&file.text))
                    .iter()
                    .any(|known| known.name == function)
        });
        if !exists {
            let message = format!("explains `{function}` in {path}, which is not there");
            findings.push(Finding::error(DOCUMENT, line, message));
        }
        if why.is_empty() {
            let message = format!("gives no reason for `{function}` in {path}");
            findings.push(Finding::error(DOCUMENT, line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn one() {\n    x();\n}\n\nstatic A: u8 = 1;\nfn two() {\n    x();\n}\n";

    #[test]
    fn a_line_belongs_to_the_function_around_it() {
        let repository = Repository::of(&[("a.rs", SOURCE)]);
        let file = repository.file("a.rs").unwrap();
        let names: Vec<String> = [1, 3, 5, 7]
            .iter()
            .map(|line| function_of(file, *line))
            .collect();
        assert_eq!(names, ["one", "one", "-", "two"]);
    }

    #[test]
    fn a_reason_keeps_its_own_backticks() {
        let table = "| `stack/src/a.rs` | `one` | `x` is never `None` |\n";
        let found = read(&Repository::of(&[(DOCUMENT, table)]));
        let told = (found[0].function.as_str(), found[0].why.as_str());
        assert_eq!(told, ("one", "`x` is never `None`"));
    }

    #[test]
    fn an_explanation_names_what_is_there_and_says_why() {
        let table = "| File | Function | Why |\n| --- | --- | --- |\n\
            | `stack/src/a.rs` | `one` | cannot be \\| is not |\n\
            | `stack/src/a.rs` | `three` | gone |\n\
            | `stack/src/b.rs` | - | gone |\n\
            | `stack/src/a.rs` | - |  |\n\
            | `stack/src/` | 10 | 99 % |\n";
        let repository = Repository::of(&[(DOCUMENT, table), ("stack/src/a.rs", SOURCE)]);
        assert_eq!(read(&repository).len(), 4);
        let findings: Vec<String> = check(&repository).iter().map(ToString::to_string).collect();
        assert_eq!(
            findings,
            [
                "error: docs/coverage.md:4: explains `three` in stack/src/a.rs, which is not there",
                "error: docs/coverage.md:5: explains `-` in stack/src/b.rs, which is not there",
                "error: docs/coverage.md:6: gives no reason for `-` in stack/src/a.rs",
            ]
        );
    }
}
