//! packetdrill's own command line on the running kernel: its flags, exit statuses and messages.
//!
//! docs/packetdrill.md says what differs.

mod flags;
mod messages;
mod verbose;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::report::RunEvent;
use crate::script::{self, Given, LoadContext};
use crate::source::Source;
use crate::suite::{Body, Case, ExecuteSettings, KnownDeviations, Origin, PATIENCE, execute};
use crate::target::Target;
use crate::target::linux::{self, LinuxTarget};
use crate::verdict::{CaseResult, Verdict};

use flags::CommandLine;

/// Whether the program was started under packetdrill's name.
pub fn is_packetdrill(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("packetdrill")
}

/// Runs scripts as packetdrill does: one after the other up to the first that fails. The status is
/// 0 or 1. Call it before the process has a second thread.
pub fn packetdrill(words: &[OsString]) -> Exit {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let outcome = flags::parse(&words).and_then(|line| run_all(&line));
    let exit = match outcome {
        Ok(()) => Exit::Success,
        Err(message) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{}", message.trim_end());
            Exit::Unexpected
        }
    };
    match super::output::settle(exit) {
        Exit::Success => Exit::Success,
        Exit::Unexpected
        | Exit::Usage
        | Exit::NothingRan
        | Exit::Untestable
        | Exit::Abort
        | Exit::Interrupted => Exit::Unexpected,
    }
}

fn run_all(line: &CommandLine) -> Result<(), String> {
    if line.scripts.is_empty() {
        return Err(format!("error: missing script path\n{}", flags::usage()));
    }
    let mut target: Option<LinuxTarget> = None;
    for path in &line.scripts {
        let case = read(path)?;
        let context = context(line);
        let program = script::load(case.source(), &context)
            .map_err(|problems| messages::unreadable(path, &problems))?;
        if line.dry_run {
            continue;
        }
        let target = match &target {
            Some(target) => target,
            None => target.insert(open_target()?),
        };
        let family = program.options.ip_version.unwrap_or_default();
        let given = Given {
            defines: line.defines.clone(),
            options: line.options.clone(),
        };
        let settings = ExecuteSettings {
            ip_versions: vec![family],
            jobs: Some(1),
            drop_in: true,
            // As packetdrill does without being asked; it is put back, too.
            allow_commands: true,
            given: BTreeMap::from([(family, given)]),
            patience: PATIENCE,
            ..ExecuteSettings::default()
        };
        run(path, &case, target, &settings, line.verbose)?;
    }
    Ok(())
}

fn context(line: &CommandLine) -> LoadContext {
    LoadContext {
        predefined: LinuxTarget::default().defines(),
        defines: line.defines.clone(),
        options: line.options.clone(),
        ip_version: line.ip_version(),
        drop_in: true,
        ..LoadContext::default()
    }
}

fn run(
    path: &str,
    case: &Case,
    target: &dyn Target,
    settings: &ExecuteSettings,
    is_verbose: bool,
) -> Result<(), String> {
    let known = KnownDeviations::default();
    let results = execute(&[case], target, &known, settings, &mut |event| {
        if let RunEvent::Finished { result } = event {
            verbose::show_printed(&result.trace);
            if is_verbose {
                verbose::show(case.source(), &result.trace);
            }
        }
    });
    let failed = |result: &&CaseResult| !matches!(result.verdict, Verdict::Pass);
    match results.iter().find(failed) {
        None => Ok(()),
        Some(result) => Err(messages::of(path, case.source(), result)),
    }
}

fn read(path: &str) -> Result<Case, String> {
    let told = |problem: &dyn std::fmt::Display| {
        let problem = problem.to_string();
        let problem = problem.split(" (os error").next().unwrap_or_default();
        format!("parse error: stat() of script file '{path}': {problem}")
    };
    let bytes = fs::read(path).map_err(|problem| told(&problem))?;
    let text = String::from_utf8(bytes).map_err(|_| told(&"not UTF-8 text"))?;
    Ok(Case {
        name: path.to_string(),
        origin: Origin::File(PathBuf::from(path)),
        body: Body::Script(Source::new(path, text)),
    })
}

fn open_target() -> Result<LinuxTarget, String> {
    let privilege = linux::prepare();
    let usable = privilege.and_then(|privilege| LinuxTarget::available().map(|()| privilege));
    match usable {
        Ok(privilege) => {
            linux::use_given_namespace(privilege);
            Ok(LinuxTarget::default())
        }
        Err(reason) => Err(format!(
            "error: scripts cannot run here: {reason}\n`tcpdrill doctor` says what is missing"
        )),
    }
}
