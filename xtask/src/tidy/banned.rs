//! What must not be in the repository: unfinished code, switched-off tests, paths of one machine.

use crate::code::code_only;
use crate::{Finding, Repository};

/// Code that says it is unfinished or hides that it is.
const UNFINISHED: [(&str, &str); 5] = [
    ("todo!(", "finish it, or leave it out"),
    (
        "unimplemented!(",
        "finish it, or return an error that says so",
    ),
    ("#[ignore", "a test that does not run protects nothing"),
    ("allow(dead_code)", "remove the code; it is in the history"),
    ("dbg!(", "remove it"),
];

/// Beginnings of paths that exist on one machine only. Written in two parts so that this file keeps
/// its own rule.
const ONE_MACHINE: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("../sha", "red"),
];

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files() {
        for (number, line) in file.numbered_lines() {
            if let Some(path) = ONE_MACHINE.iter().find(|path| line.contains(*path)) {
                let message = format!(
                    "`{path}` is a path of one machine; nothing outside the repository is there for a stranger"
                );
                findings.push(Finding::error(&file.path, number, message));
            }
        }
    }
    for file in repository.rust_files() {
        for (index, line) in code_only(&file.text).lines().enumerate() {
            let broken = UNFINISHED.iter().filter(|(word, _)| line.contains(word));
            findings.extend(broken.map(|(word, advice)| {
                Finding::error(&file.path, index + 1, format!("`{word}`: {advice}"))
            }));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a.rs", "    todo!()", 1)]
    #[case("a.rs", "// no todo!() here", 0)]
    #[case("a.rs", "#[ignore = \"slow\"]", 1)]
    #[case("a.rs", "#![allow(dead_code)]", 1)]
    #[case("a.md", "write todo!()", 0)]
    #[case("a.md", concat!("see /ho", "me/me/tcpdrill"), 1)]
    #[case("a.rs", concat!("// reads ../sha", "red"), 1)]
    #[case("a.rs", "let path = \"/tmp/x\";", 0)]
    fn a_line_is_refused(#[case] path: &str, #[case] line: &str, #[case] findings: usize) {
        assert_eq!(check(&Repository::of(&[(path, line)])).len(), findings);
    }
}
