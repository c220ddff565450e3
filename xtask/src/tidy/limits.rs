//! How long a file and a function may be.

use serde::Deserialize;

use crate::code::{code_only, functions};
use crate::{Finding, Repository, SourceFile};

/// A file longer than this needs a reason in `xtask/tidy.toml`.
const FILE_LINES: usize = 800;
/// A file with more lines than this outside its tests gets a notice.
const FILE_LINES_WITHOUT_TESTS: usize = 500;
/// A function longer than this needs a reason in `xtask/tidy.toml`.
const FUNCTION_LINES: usize = 70;

const EXCEPTIONS: &str = "xtask/tidy.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Exceptions {
    #[serde(default)]
    long_file: Vec<LongFile>,
    #[serde(default)]
    long_function: Vec<LongFunction>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFile {
    path: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFunction {
    path: String,
    name: String,
    reason: String,
}

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let exceptions = read_exceptions(repository, &mut findings);
    let mut needed_files = vec![false; exceptions.long_file.len()];
    let mut needed_functions = vec![false; exceptions.long_function.len()];
    for file in repository.rust_files() {
        let lines = file.text.lines().count();
        let excepted = exceptions
            .long_file
            .iter()
            .position(|entry| entry.path == file.path);
        match excepted {
            Some(index) if lines > FILE_LINES => needed_files[index] = true,
            _ => findings.extend(judge_file(file, lines)),
        }
        for function in functions(&code_only(&file.text)) {
            if function.length <= FUNCTION_LINES {
                continue;
            }
            let excepted = exceptions
                .long_function
                .iter()
                .position(|entry| entry.path == file.path && entry.name == function.name);
            if let Some(index) = excepted {
                needed_functions[index] = true;
                continue;
            }
            let message = format!(
                "function `{}` has {} lines; the limit is {FUNCTION_LINES}: split it, or give a reason in {EXCEPTIONS}",
                function.name, function.length
            );
            findings.push(Finding::error(&file.path, function.line, message));
        }
    }
    findings.extend(stale(&exceptions, &needed_files, &needed_functions));
    findings
}

fn read_exceptions(repository: &Repository, findings: &mut Vec<Finding>) -> Exceptions {
    let Some(file) = repository.file(EXCEPTIONS) else {
        return Exceptions::default();
    };
    toml::from_str(&file.text).unwrap_or_else(|error| {
        findings.push(Finding::error(EXCEPTIONS, 0, error.message()));
        Exceptions::default()
    })
}

fn judge_file(file: &SourceFile, lines: usize) -> Option<Finding> {
    if lines > FILE_LINES {
        let message = format!(
            "{lines} lines; the limit is {FILE_LINES}: split by responsibility, or give a reason in {EXCEPTIONS}"
        );
        return Some(Finding::error(&file.path, 0, message));
    }
    let without_tests = file.lines_without_tests();
    (without_tests > FILE_LINES_WITHOUT_TESTS).then(|| {
        let message = format!(
            "{without_tests} lines without tests; more than {FILE_LINES_WITHOUT_TESTS} often means two responsibilities"
        );
        Finding::notice(&file.path, 0, message)
    })
}

fn stale(exceptions: &Exceptions, files: &[bool], functions: &[bool]) -> Vec<Finding> {
    let long_files = exceptions.long_file.iter().zip(files);
    let long_functions = exceptions.long_function.iter().zip(functions);
    let mut entries: Vec<(String, &str, bool)> = Vec::new();
    entries.extend(long_files.map(|(entry, needed)| (entry.path.clone(), &*entry.reason, *needed)));
    entries.extend(long_functions.map(|(entry, needed)| {
        (
            format!("{} in {}", entry.name, entry.path),
            &*entry.reason,
            *needed,
        )
    }));
    let mut findings = Vec::new();
    for (subject, reason, needed) in entries {
        if !needed {
            let message = format!("the exception for {subject} is not needed any more: remove it");
            findings.push(Finding::error(EXCEPTIONS, 0, message));
        } else if reason.trim().is_empty() {
            let message = format!("the exception for {subject} gives no reason");
            findings.push(Finding::error(EXCEPTIONS, 0, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Repository::of(files))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_file_may_have_800_lines_and_500_without_tests() {
        assert_eq!(messages(&[("a/src/a.rs", &"x\n".repeat(500))]), [""; 0]);
        assert_eq!(
            messages(&[("a/src/a.rs", &"x\n".repeat(501))]),
            [
                "notice: a/src/a.rs: 501 lines without tests; more than 500 often means two responsibilities"
            ]
        );
        let with_tests = format!(
            "{}#[cfg(test)]\nmod tests {{\n{}",
            "x\n".repeat(500),
            "x\n".repeat(298)
        );
        assert_eq!(messages(&[("a/src/a.rs", &with_tests)]), [""; 0]);
        assert_eq!(messages(&[("a/tests/a.rs", &"x\n".repeat(800))]), [""; 0]);
        assert_eq!(
            messages(&[("a/tests/a.rs", &"x\n".repeat(801))]),
            [
                "error: a/tests/a.rs: 801 lines; the limit is 800: split by responsibility, or give a reason in xtask/tidy.toml"
            ]
        );
    }

    #[test]
    fn a_function_may_have_70_lines() {
        assert_eq!(messages(&[("a.rs", &function(70))]), [""; 0]);
        assert_eq!(
            messages(&[("a.rs", &function(71))]),
            [
                "error: a.rs:1: function `long` has 71 lines; the limit is 70: split it, or give a reason in xtask/tidy.toml"
            ]
        );
    }

    #[test]
    fn an_exception_with_a_reason_is_honoured_while_it_is_needed() {
        let exceptions = "[[long-file]]\npath = \"a.rs\"\nreason = \"r\"\n[[long-function]]\npath = \"b.rs\"\nname = \"long\"\nreason = \"r\"\n";
        let long = ("a.rs", "x\n".repeat(801));
        let body = ("b.rs", function(71));
        let all = [
            ("xtask/tidy.toml", exceptions),
            (long.0, &long.1),
            (body.0, &body.1),
        ];
        assert_eq!(messages(&all), [""; 0]);
        assert_eq!(
            messages(&all[..1]),
            [
                "error: xtask/tidy.toml: the exception for a.rs is not needed any more: remove it",
                "error: xtask/tidy.toml: the exception for long in b.rs is not needed any more: remove it",
            ]
        );
        let without_reason = exceptions.replace("\"r\"", "\"\"");
        let all = [("xtask/tidy.toml", &*without_reason), all[1], all[2]];
        assert_eq!(
            messages(&all),
            [
                "error: xtask/tidy.toml: the exception for a.rs gives no reason",
                "error: xtask/tidy.toml: the exception for long in b.rs gives no reason",
            ]
        );
    }
}
