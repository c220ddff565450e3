//! The comments that tie code to requirements.

use crate::catalogue::Catalogue;
use crate::code::requirement_comments;
use crate::{Finding, Repository};

/// The table of mutants.
const MUTANTS: &str = "stack/src/mutants/table.rs";

pub(super) fn check(repository: &Repository, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.rust_files() {
        for comment in requirement_comments(&file.text) {
            let mut error = |message: String| {
                findings.push(Finding::error(&file.path, comment.line, message));
            };
            if !catalogue.contains(comment.id) {
                error(format!(
                    "no requirement is called `{}`: write `// REQ: ID`, one id a line, with an id of conformance-cases/requirements/",
                    comment.id
                ));
            } else if comment.dangles {
                error(format!(
                    "`{}` stands above nothing: put it on the line above the branch that implements the rule",
                    comment.id
                ));
            }
        }
    }
    findings.extend(broken_rules(repository, catalogue));
    findings
}

/// The rules that the mutants break, in their table.
fn broken_rules(repository: &Repository, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(table) = repository.file(MUTANTS) else {
        return findings;
    };
    for (index, line) in table.text.lines().enumerate() {
        let Some(list) = line.trim().strip_prefix("breaks [\"") else {
            continue;
        };
        let (list, _) = list.split_once("\"];").unwrap_or((list, ""));
        for id in list.split("\", \"").filter(|id| !catalogue.contains(id)) {
            let message = format!(
                "no requirement is called `{id}`: a mutant breaks rules of conformance-cases/requirements/"
            );
            findings.push(Finding::error(&table.path, index + 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::known("// REQ: RFC1-1\nlet a = 1;\n", None)]
    #[case::two("    // REQ: RFC1-1\n    // REQ: RFC1-1\n    let a = 1;\n", None)]
    #[case::unknown(
        "// REQ: RFC1-2\nlet a = 1;\n",
        Some("no requirement is called `RFC1-2`")
    )]
    #[case::two_on_a_line(
        "// REQ: RFC1-1, RFC1-1\nx\n",
        Some("no requirement is called `RFC1-1, RFC1-1`")
    )]
    #[case::dangling(
        "// REQ: RFC1-1\n\nlet a = 1;\n",
        Some("`RFC1-1` stands above nothing")
    )]
    #[case::at_a_brace("{\n// REQ: RFC1-1\n}\n", Some("`RFC1-1` stands above nothing"))]
    #[case::at_the_end("// REQ: RFC1-1\n", Some("`RFC1-1` stands above nothing"))]
    fn a_requirement_comment_names_a_rule_and_stands_above_code(
        #[case] text: &str,
        #[case] complaint: Option<&str>,
    ) {
        let row = "[[requirement]]\nid = \"RFC1-1\"\nlevel = \"MUST\"\nsource = \"s\"\narea = \"a\"\nsummary = \"s\"\ntestable = \"wire\"\nhow = \"h\"\n";
        let repository = Repository::of(&[
            ("conformance-cases/requirements/rfc1.toml", row),
            ("stack/src/a.rs", text),
        ]);
        let (catalogue, _) = Catalogue::read(&repository);
        let findings = check(&repository, &catalogue);
        let complaints: Vec<&str> = findings
            .iter()
            .filter_map(|found| found.message.split(':').next())
            .collect();
        assert_eq!(complaints, complaint.into_iter().collect::<Vec<_>>());
    }

    #[rstest]
    #[case::known("    breaks [\"RFC1-1\"];\n", 0)]
    #[case::one_of_two("    breaks [\"RFC1-1\", \"RFC1-2\"];\n", 1)]
    #[case::all_unknown("    breaks [\"RFC1-3\", \"RFC1-2\"];\n", 2)]
    fn a_mutant_breaks_rules_of_the_catalogue(#[case] row: &str, #[case] complaints: usize) {
        let rule = "[[requirement]]\nid = \"RFC1-1\"\nlevel = \"MUST\"\nsource = \"s\"\narea = \"a\"\nsummary = \"s\"\ntestable = \"wire\"\nhow = \"h\"\n";
        let repository = Repository::of(&[
            ("conformance-cases/requirements/rfc1.toml", rule),
            (MUTANTS, row),
        ]);
        let (catalogue, _) = Catalogue::read(&repository);
        assert_eq!(check(&repository, &catalogue).len(), complaints);
    }
}
