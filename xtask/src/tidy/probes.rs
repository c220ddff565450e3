//! The form of probe files. What a probe's own parameters may be is the harness's to check.

use serde::Deserialize;

use crate::{Finding, SourceFile};

/// Every key there is; all of them are needed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    probe: String,
    title: String,
    covers: Vec<String>,
    why: String,
    #[serde(rename = "parameters")]
    _parameters: toml::Table,
}

/// The first thing that is wrong with the form, and entries that say nothing.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let error = |line, message: String| Finding::error(&file.path, line, message);
    let probe: Probe = match toml::from_str(&file.text) {
        Ok(probe) => probe,
        Err(problem) => {
            let start = problem.span().map_or(0, |span| span.start);
            return vec![error(
                line_of(&file.text, start),
                problem.message().to_owned(),
            )];
        }
    };
    let entries = [
        ("probe", probe.probe.trim().is_empty()),
        ("title", probe.title.trim().is_empty()),
        ("covers", probe.covers.is_empty()),
        ("why", probe.why.trim().is_empty()),
    ];
    entries
        .into_iter()
        .filter(|(_, empty)| *empty)
        .map(|(key, _)| error(0, format!("`{key}` is empty")))
        .collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const HEAD: &str = "probe = \"p\"\ntitle = \"T\"\ncovers = [\"X-1\"]\n";

    #[rstest]
    #[case("why = \"W\"\n[parameters]\na = 1\n", &[])]
    #[case("why = \"\"\n[parameters]\n", &[(0, "`why` is empty")])]
    #[case("why = 5\n[parameters]\n", &[(4, "invalid type: integer `5`, expected a string")])]
    #[case("why = \"W\"\n", &[(1, "missing field `parameters`")])]
    #[case("why = \"W\"\nsurplus = \"fail\"\n[parameters]\n", &[(5, "unknown field `surplus`, expected one of `probe`, `title`, `covers`, `why`, `parameters`")])]
    #[case("why = \"W\"\nparameters = 1\n", &[(5, "invalid type: integer `1`, expected a map")])]
    fn a_probe_file_has_five_entries(#[case] rest: &str, #[case] expected: &[(usize, &str)]) {
        let file = SourceFile {
            path: "conformance-cases/a/b.probe.toml".to_owned(),
            text: format!("{HEAD}{rest}"),
        };
        let found = check(&file);
        let found: Vec<(usize, &str)> = found
            .iter()
            .map(|finding| (finding.line, finding.message.as_str()))
            .collect();
        assert_eq!(found, expected);
    }
}
