//! The second judge: the bundled cases, on a copy of the tree with one change at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::outcomes::Mutant;
use super::{at, read};

/// The bundled cases run on each of these until one notices.
const PROFILES: [&str; 3] = ["rfc9293", "linux", "freebsd"];

/// All cases of one profile take a few seconds. What has not ended by then hangs, and has been noticed.
const PATIENCE: Duration = Duration::from_secs(180);

/// A copy of the tree.
pub(super) struct Bench {
    tree: PathBuf,
}

impl Bench {
    /// Copies what git knows or would take, and makes sure that nobody complains before anything is changed.
    pub(super) fn new(root: &Path, tree: PathBuf) -> Result<Self, String> {
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root)
            .output()
            .map_err(|error| format!("cannot start git: {error}"))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for name in listed.split('\0').filter(|name| root.join(name).is_file()) {
            let to = tree.join(name);
            let folder = to.parent().unwrap_or(&tree);
            std::fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
            std::fs::copy(root.join(name), &to).map_err(|error| at(&to, &error))?;
        }
        let bench = Self { tree };
        bench.build()?;
        match bench.noticed()? {
            None => Ok(bench),
            Some(by) => Err(format!("without any change there is a failure: {by}")),
        }
    }

    /// Who notices the change: the profile and the first case that fails there.
    pub(super) fn judge(&self, mutant: &Mutant) -> Result<Option<String>, String> {
        let path = self.tree.join(&mutant.file);
        let original = read(&path)?;
        let changed = mutant
            .applied_to(&original)
            .ok_or_else(|| format!("{}: there is no such place any more", mutant.name))?;
        std::fs::write(&path, changed).map_err(|error| at(&path, &error))?;
        let noticed = self.build().and_then(|()| self.noticed());
        std::fs::write(&path, original).map_err(|error| at(&path, &error))?;
        noticed
    }

    fn build(&self) -> Result<(), String> {
        let status = Command::new("cargo")
            .args(["build", "--quiet", "--package", "tcpdrill"])
            .env("CARGO_TARGET_DIR", self.tree.join("target"))
            .current_dir(&self.tree)
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("cargo build: {status}")),
            Err(error) => Err(format!("cannot start cargo: {error}")),
        }
    }

    fn noticed(&self) -> Result<Option<String>, String> {
        for profile in PROFILES {
            let report = self.tree.join("target/report.json");
            let output = File::create(&report).map_err(|error| at(&report, &error))?;
            let binary = self.tree.join("target/debug/tcpdrill");
            let mut command = Command::new(&binary);
            command
                .args(["run", "--json", "-", "--profile", profile])
                .current_dir(&self.tree)
                .stdin(Stdio::null())
                .stdout(output)
                .stderr(Stdio::null());
            let status = patiently(&mut command).map_err(|error| at(&binary, &error))?;
            match status {
                Some(status) if status.success() => {}
                Some(_) => {
                    let case = first_failure(&read(&report)?);
                    return Ok(Some(format!("{profile}: {case}")));
                }
                None => return Ok(Some(format!("{profile}: the run does not end"))),
            }
        }
        Ok(None)
    }
}

/// Runs the command; `None` if it does not end.
fn patiently(command: &mut Command) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let mut child = command.spawn()?;
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    case: String,
    verdict: String,
}

/// The first case of a report that did not go as it should.
fn first_failure(report: &str) -> String {
    let results = serde_json::from_str::<Results>(report).map(|report| report.results);
    let failed = results
        .unwrap_or_default()
        .into_iter()
        .find(|entry| matches!(entry.verdict.as_str(), "fail" | "error" | "unexpected_pass"));
    failed.map_or_else(|| "no report".to_string(), |entry| entry.case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("pass", "fail", "b")]
    #[case("skip", "error", "b")]
    #[case("unexpected_pass", "fail", "a")]
    #[case("known_deviation", "pass", "no report")]
    fn the_first_failure_is_named(#[case] a: &str, #[case] b: &str, #[case] named: &str) {
        let entry = |case, verdict| {
            format!(r#"{{"case": "{case}", "verdict": "{verdict}", "wall_ms": 1}}"#)
        };
        let report = format!(
            r#"{{"schema": 1, "results": [{}, {}]}}"#,
            entry("a", a),
            entry("b", b)
        );
        assert_eq!(first_failure(&report), named);
    }

    #[test]
    fn a_run_that_broke_off_leaves_no_report() {
        assert_eq!(first_failure("{\"results\": ["), "no report");
    }
}
