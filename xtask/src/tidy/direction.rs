//! Who may name whom, and where `unsafe` may stand.
//!
//! The harness must not think with the head of the stack it judges: only the reference target knows
//! the stack, and the stack knows nothing of the harness or of the harness's packet library.

use crate::code::code_only;
use crate::{Finding, Repository};

/// A word that only some places may hold.
struct Rule {
    word: &'static str,
    /// Whether the rule speaks about the file at this path.
    applies: fn(&str) -> bool,
    /// What to do instead.
    advice: &'static str,
}

const RULES: [Rule; 5] = [
    Rule {
        word: "tcpdrill_stack",
        applies: |path| {
            path.ends_with(".rs")
                && !path.starts_with("stack/")
                && !path.starts_with("fuzz/")
                && !path.starts_with("harness/src/target/reference")
        },
        advice: "only harness/src/target/reference* and fuzz/ may name the stack",
    },
    Rule {
        word: "tcpdrill-stack",
        applies: |path| {
            const MAY: [&str; 4] = [
                "Cargo.toml",
                "stack/Cargo.toml",
                "harness/Cargo.toml",
                "fuzz/Cargo.toml",
            ];
            path.ends_with("Cargo.toml") && !MAY.contains(&path)
        },
        advice: "only the harness and fuzz/ may depend on the stack",
    },
    Rule {
        word: "tcpdrill",
        applies: is_in_the_stack,
        advice: "the stack knows nothing of the harness",
    },
    Rule {
        word: "pnet_packet",
        // Its benchmarks read the same bytes with other readers.
        applies: |path| is_in_the_stack(path) && !path.starts_with("stack/benches/"),
        advice: "the stack has its own wire module",
    },
    Rule {
        word: "unsafe",
        // A shim's counters stand in a section that libFuzzer names.
        applies: |path| {
            path.ends_with(".rs")
                && !path.starts_with("harness/src/target/linux")
                && !path.starts_with("fuzz/fuzz_targets/")
        },
        advice: "`unsafe` stands only below harness/src/target/linux* and fuzz/fuzz_targets",
    },
];

fn is_in_the_stack(path: &str) -> bool {
    path.starts_with("stack/") && path.ends_with(".rs")
}

pub(super) fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.files() {
        let rules: Vec<&Rule> = RULES
            .iter()
            .filter(|rule| (rule.applies)(&file.path))
            .collect();
        if rules.is_empty() {
            continue;
        }
        // A manifest holds names in strings; Rust code does not.
        let text = if file.is_rust() {
            code_only(&file.text)
        } else {
            file.text.clone()
        };
        for (index, line) in text.lines().enumerate() {
            let broken = rules.iter().filter(|rule| holds_word(line, rule.word));
            findings.extend(broken.map(|rule| {
                let message = format!("names `{}`: {}", rule.word, rule.advice);
                Finding::error(&file.path, index + 1, message)
            }));
        }
    }
    findings
}

/// Whether the word stands in the line with no identifier character on either side.
fn holds_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("harness/src/target/reference.rs", "use tcpdrill_stack::Host;", None)]
    #[case(
        "harness/src/target/reference/calls.rs",
        "use tcpdrill_stack::Host;",
        None
    )]
    #[case("fuzz/src/lib.rs", "use tcpdrill_stack::Host;", None)]
    #[case("harness/src/runner.rs", "/// See tcpdrill_stack.", None)]
    #[case(
        "harness/src/runner.rs",
        "use tcpdrill_stack::Host;",
        Some("tcpdrill_stack")
    )]
    #[case(
        "harness/tests/a.rs",
        "use tcpdrill_stack::Host;",
        Some("tcpdrill_stack")
    )]
    #[case("harness/Cargo.toml", "tcpdrill-stack = { workspace = true }", None)]
    #[case(
        "xtask/Cargo.toml",
        "tcpdrill-stack = { workspace = true }",
        Some("tcpdrill-stack")
    )]
    #[case("stack/src/lib.rs", "use tcpdrill::script;", Some("tcpdrill"))]
    #[case("stack/tests/a.rs", "use tcpdrill_stack::Host;", None)]
    #[case("stack/src/lib.rs", "use pnet_packet::tcp;", Some("pnet_packet"))]
    #[case("harness/src/lib.rs", "use pnet_packet::tcp;", None)]
    #[case("harness/src/target/linux/tun.rs", "unsafe { f() }", None)]
    #[case("harness/src/target/mod.rs", "unsafe { f() }", Some("unsafe"))]
    #[case("fuzz/fuzz_targets/canary.rs", "unsafe { f() }", None)]
    #[case("fuzz/src/canary.rs", "unsafe { f() }", Some("unsafe"))]
    #[case("stack/src/lib.rs", "#![forbid(unsafe_code)]", None)]
    #[case("stack/src/lib.rs", "let a = \"unsafe\";", None)]
    fn only_some_places_may_hold_a_word(
        #[case] path: &str,
        #[case] line: &str,
        #[case] word: Option<&str>,
    ) {
        let findings = check(&Repository::of(&[(path, line)]));
        let named: Vec<&str> = findings
            .iter()
            .filter_map(|found| found.message.split('`').nth(1))
            .collect();
        assert_eq!(named, word.into_iter().collect::<Vec<_>>());
    }
}
