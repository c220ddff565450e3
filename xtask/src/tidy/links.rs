//! Links between the Markdown documents.

use crate::{Finding, Repository};

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository
        .files()
        .iter()
        .filter(|file| file.path.ends_with(".md"))
    {
        for (number, line) in file.numbered_lines() {
            for target in link_targets(line) {
                if !leads_somewhere(repository, &file.path, target) {
                    let message = format!("links to `{target}`, which is not in the repository");
                    findings.push(Finding::error(&file.path, number, message));
                }
            }
        }
    }
    findings
}

/// What stands in the round brackets of `[text](target)`.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

/// Whether a file or a folder of the repository has the target's path. Addresses in the web and
/// headings of the same file are taken as they are.
fn leads_somewhere(repository: &Repository, from: &str, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || target.contains("://") {
        return true;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    let wanted = parts.join("/");
    let folder = format!("{wanted}/");
    let mut files = repository.files().iter();
    files.any(|file| file.path == wanted || file.path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("see [a](a.md) and [b](https://b.example/c)", &[])]
    #[case("see [a](../docs/a.md#part) and [here](#there)", &[])]
    #[case("see [the folder](../docs/) and [root](../README.md)", &[])]
    #[case("see [a](b.md) and [c](c.md)", &["b.md", "c.md"])]
    #[case("see [outside](../../a.md)", &["../../a.md"])]
    fn a_link_leads_to_a_file(#[case] line: &str, #[case] broken: &[&str]) {
        let repository =
            Repository::of(&[("docs/a.md", ""), ("docs/from.md", line), ("README.md", "")]);
        let findings = check(&repository);
        let named: Vec<&str> = findings
            .iter()
            .filter_map(|found| found.message.split('`').nth(1))
            .collect();
        assert_eq!(named, broken);
    }
}
