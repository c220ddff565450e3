//! The verdicts that a command compares: of reports, or of a run on the reference stack.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::{Family, ResultsArgs};
use crate::report::Results;
use crate::suite::{Case, ExecuteSettings, Suite, execute};
use crate::target::Target;
use crate::target::reference::ReferenceTarget;

/// The results asked for. With no report, `cases` are run on the reference stack.
///
/// # Errors
/// What is wrong, in a line for people.
pub(super) fn results(
    args: &ResultsArgs,
    suite: &Suite,
    cases: &[&Case],
) -> Result<Vec<Results>, String> {
    if args.files.is_empty() {
        return on_the_reference(suite, cases).map(|results| vec![results]);
    }
    read_all(&args.files)
}

/// These reports, each called by its target, or by its file where two are of the same target.
///
/// # Errors
/// What is wrong with the first that cannot be read.
pub(super) fn read_all(files: &[PathBuf]) -> Result<Vec<Results>, String> {
    let mut all: Vec<Results> = Vec::new();
    for path in files {
        let results = read(path)?;
        // Of several runs on one target the file tells which is which.
        let name = match results.entries.first() {
            Some(entry) if all.iter().all(|other| other.name != entry.target) => {
                entry.target.clone()
            }
            _ => results.name,
        };
        all.push(Results { name, ..results });
    }
    Ok(all)
}

/// One report, called by its file.
///
/// # Errors
/// If there is none, or none that can be read.
pub(super) fn read(path: &Path) -> Result<Results, String> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|problem| format!("cannot read {shown}: {problem}"))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    Results::read(&stem.unwrap_or_default(), &text).map_err(|problem| format!("{shown}: {problem}"))
}

fn on_the_reference(suite: &Suite, cases: &[&Case]) -> Result<Results, String> {
    let target = ReferenceTarget::default();
    let known = suite
        .known(target.known())
        .map_err(|problem| problem.to_string())?
        .on(target.kernel().as_deref());
    let settings = ExecuteSettings {
        ip_versions: Family::All.versions(),
        ..ExecuteSettings::default()
    };
    let results = execute(cases, &target, &known, &settings, &mut |_| {});
    Ok(Results::of(target.name(), &results))
}
