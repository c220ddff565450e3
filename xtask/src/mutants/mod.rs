//! `cargo xtask mutants`: the stack's code is changed in one place at a time, and somebody has to notice.
//!
//! First cargo-mutants makes the changes, in the modules that `.cargo/mutants.toml` lists, and runs the stack's unit
//! tests and scenarios on each. Then each change that these let live is built into the harness, and
//! the bundled cases judge it on the reference with every profile. `docs/suite-quality.md` says what survives.

mod cases;
mod outcomes;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use outcomes::Outcome;
pub use report::Report;

const INSTALL: &str = "To install it: cargo install cargo-mutants --version 27.1.0 --locked";

/// Parts of historic defects: without the feature `mutants` they are not compiled.
const NOT_COMPILED: [&str; 2] = ["WindowScale::unbounded", "in_last_ack"];

/// The tests that judge first.
const TESTS: [&str; 2] = ["--lib", "--test=scenarios"];

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Goes on from what an earlier run left instead of changing everything anew.
    pub again: bool,
    /// Only these files; those of `.cargo/mutants.toml` if there is none.
    pub files: Vec<String>,
}

impl Request {
    /// Reads `[--again] [FILE...]`.
    ///
    /// # Errors
    /// What is no argument.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut request = Self::default();
        for word in words {
            match *word {
                "--again" => request.again = true,
                word if word.starts_with('-') => {
                    return Err(format!("mutants: unknown argument {word}"));
                }
                file => request.files.push(file.to_string()),
            }
        }
        Ok(request)
    }

    /// Does what is asked for, which takes hours for everything, and gives the report.
    ///
    /// # Errors
    /// What is not installed, could not be started, read or written, or fails without any change.
    pub fn run(&self, root: &Path) -> Result<Report, String> {
        let folder = root.join("target/mutants");
        let verdicts = folder.join("cases.json");
        if !self.again {
            let _ = std::fs::remove_file(&verdicts);
            self.by_tests(root, &folder)?;
        }
        let text = read(&folder.join("mutants.out/outcomes.json"))?;
        let outcomes = outcomes::parse(&text)?;
        let judged = by_cases(root, &folder, &verdicts, &outcomes)?;
        Ok(Report::new(&outcomes, &judged))
    }

    /// cargo-mutants, with the unit tests and scenarios.
    fn by_tests(&self, root: &Path, folder: &Path) -> Result<(), String> {
        let mut command = Command::new("cargo");
        command
            .args(["mutants", "--package", "tcpdrill-stack", "--output"])
            .arg(folder)
            .args(NOT_COMPILED.map(|name| format!("--exclude-re={name}")))
            .args(TESTS.map(|test| format!("--cargo-arg={test}")))
            .current_dir(root);
        if !self.files.is_empty() {
            // The list of the configuration would count besides.
            command.arg("--no-config");
        }
        command.args(self.files.iter().flat_map(|file| ["--file", file]));
        std::fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
        match command.status() {
            // All were caught; some were missed; some ran into the limit of time.
            Ok(status) if matches!(status.code(), Some(0 | 2 | 3)) => Ok(()),
            Ok(status) => Err(format!("cargo mutants: {status}\n{INSTALL}")),
            Err(error) => Err(format!("cargo mutants: {error}")),
        }
    }
}

/// What the bundled cases say of each change that the tests have let live: by its name, who has noticed it. What was
/// judged is written down at once, so that one who comes back with `--again` need not begin anew.
fn by_cases(
    root: &Path,
    folder: &Path,
    verdicts: &Path,
    outcomes: &[Outcome],
) -> Result<BTreeMap<String, Option<String>>, String> {
    let mut judged: BTreeMap<String, Option<String>> = match std::fs::read_to_string(verdicts) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| at(verdicts, &error))?,
        Err(_) => BTreeMap::new(),
    };
    let missed = outcomes.iter().filter_map(Outcome::missed);
    let missed: Vec<_> = missed.filter(|m| !judged.contains_key(&m.name)).collect();
    if missed.is_empty() {
        return Ok(judged);
    }
    let bench = cases::Bench::new(root, folder.join("tree"))?;
    for mutant in missed {
        let noticed = bench.judge(mutant)?;
        let by = noticed.as_deref().unwrap_or("SURVIVED");
        eprintln!("{}: {by}", mutant.name);
        judged.insert(mutant.name.clone(), noticed);
        let text = serde_json::to_string_pretty(&judged).map_err(|error| at(verdicts, &error))?;
        std::fs::write(verdicts, text).map_err(|error| at(verdicts, &error))?;
    }
    Ok(judged)
}

fn read(path: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], Ok((false, vec![])))]
    #[case(&["--again"], Ok((true, vec![])))]
    #[case(&["a.rs", "b/*.rs"], Ok((false, vec!["a.rs", "b/*.rs"])))]
    #[case(&["--anew"], Err("mutants: unknown argument --anew"))]
    fn arguments(#[case] words: &[&str], #[case] expected: Result<(bool, Vec<&str>), &str>) {
        let expected = expected.map(|(again, files)| Request {
            again,
            files: files.into_iter().map(str::to_owned).collect(),
        });
        assert_eq!(Request::parse(words), expected.map_err(str::to_owned));
    }
}
