//! `tcpdrill run`, and the main job.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use crate::cli::{RunArgs, TargetName};
use crate::exit::Exit;
use crate::report::terminal::{Style, Terminal};
use crate::report::{self, Summary};
use crate::suite::{Case, ExecuteSettings, Selection, Suite, execute};
use crate::target::{self, Target};
use crate::verdict::CaseResult;

/// How to go on from the main job.
const AFTERWARDS: &str = "
The same cases on this machine's kernel:  tcpdrill run --target linux
What this machine offers for that:        tcpdrill doctor
Your own scripts:                         tcpdrill run PATH… [--target linux]
(from a checkout: `cargo run --release -- run --target linux`, and so on)";

/// The bundled cases on the reference, and how to go on from there.
pub(super) fn main_job() -> Exit {
    let exit = run(&super::default_run());
    super::say(&AFTERWARDS);
    exit
}

/// Runs cases.
pub(super) fn run(args: &RunArgs) -> Exit {
    let suite = match super::suite(&args.paths) {
        Ok(suite) => suite,
        Err(problem) => return super::refuse(&problem),
    };
    if let Err(problem) = super::wire::check(args) {
        return super::refuse(&problem);
    }
    let target = match open_target(args) {
        Ok(target) => target,
        Err(reason) => return cannot_run(args.target, &reason),
    };
    let selection = Selection {
        filter: args.filter.clone(),
    };
    let cases: Vec<&Case> = suite
        .cases
        .iter()
        .filter(|case| selection.takes(case))
        .collect();
    if cases.is_empty() {
        let filter = args.filter.as_deref().unwrap_or_default();
        return super::refuse(&format!("no case matches the filter `{filter}`"));
    }
    run_cases(args, &suite, &cases, target.as_ref())
}

fn run_cases(args: &RunArgs, suite: &Suite, cases: &[&Case], target: &dyn Target) -> Exit {
    let known = match suite.known(target.known()) {
        Ok(known) => known,
        Err(problem) => return super::refuse(&problem),
    };
    let settings = ExecuteSettings {
        ip_versions: args.ip_version.versions(),
        jobs: args.jobs.map(usize::from),
        defines: args.defines.clone(),
        seed: args.seed,
        drop_in: false,
    };
    let families: Vec<String> = settings
        .ip_versions
        .iter()
        .map(ToString::to_string)
        .collect();
    let count = if cases.len() == 1 {
        "1 case".to_string()
    } else {
        format!("{} cases", cases.len())
    };
    super::say(&format_args!(
        "{count} on {}; {}\n",
        target.description(),
        families.join(", ")
    ));
    let is_terminal = io::stdout().is_terminal();
    let style = Style {
        verbose: args.verbose,
        progress: is_terminal,
        colour: is_terminal,
    };
    let mut terminal = Terminal::new(io::stdout(), style);
    let started = Instant::now();
    let results = execute(cases, target, &known, &settings, &mut |event| {
        // A closed pipe is no reason to lose the files that are still to be written.
        let _ = terminal.event(event);
    });
    let summary = Summary::of(&results, started.elapsed());
    let _ = terminal.summary(&results, summary);
    let problems = write_files(args, cases, summary, &results);
    if !problems.is_empty() {
        problems
            .iter()
            .for_each(|problem| super::complain("error", problem));
        return Exit::Usage;
    }
    exit_of(summary, &results)
}

fn exit_of(summary: Summary, results: &[CaseResult]) -> Exit {
    if summary.script_errors > 0 {
        return Exit::Usage;
    }
    if summary.unexpected() > 0 {
        return Exit::Unexpected;
    }
    if summary.judged() == 0 && !results.is_empty() {
        super::complain(
            "error",
            &"every case was skipped; `tcpdrill doctor` says what this machine lacks",
        );
        return Exit::NothingRan;
    }
    Exit::Success
}

/// Says why there is no target, and what to do.
fn cannot_run(target: TargetName, reason: &str) -> Exit {
    let (name, help) = match target {
        TargetName::Reference => ("reference", "this should not happen"),
        TargetName::Linux => (
            "linux",
            "`tcpdrill doctor` says what is missing and what to do about it",
        ),
        TargetName::Wire => ("wire", "docs/wire.md says how the two machines are set up"),
    };
    let problem = format_args!("the target `{name}` cannot run here: {reason}");
    super::complain("error", &problem);
    super::complain("help", &help);
    Exit::NothingRan
}

/// Called before the process has a second thread: an ordinary user needs a user namespace.
fn open_target(args: &RunArgs) -> Result<Box<dyn Target>, String> {
    match args.target {
        TargetName::Wire => super::wire::open(args),
        TargetName::Reference => Ok(Box::new(target::reference::ReferenceTarget::default())),
        TargetName::Linux => {
            target::linux::prepare()?;
            target::linux::LinuxTarget::available()?;
            Ok(Box::new(target::linux::LinuxTarget))
        }
    }
}

/// Writes every file that was asked for. One that cannot be written costs none of the others;
/// what came back are the problems.
fn write_files(
    args: &RunArgs,
    cases: &[&Case],
    summary: Summary,
    results: &[CaseResult],
) -> Vec<String> {
    let mut outcomes = Vec::new();
    if let Some(path) = &args.json {
        let text = report::json::render(summary, results).map_err(|problem| problem.to_string());
        outcomes.push(text.and_then(|text| write(path, text.as_bytes())));
    }
    if let Some(path) = &args.junit {
        let text = report::junit::render(summary, results);
        outcomes.push(text.and_then(|text| write(path, text.as_bytes())));
    }
    if let Some(folder) = &args.pcap {
        for result in results {
            let case = cases.iter().find(|case| case.name == result.case);
            outcomes.extend(case.map(|case| write_capture(folder, case, result)));
        }
    }
    let mut problems: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    problems.dedup();
    problems
}

fn write_capture(folder: &Path, case: &Case, result: &CaseResult) -> Result<(), String> {
    let path = folder.join(capture_name(result));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .map_err(|problem| format!("cannot make the folder {}: {problem}", parent.display()))?;
    }
    let title = format!("tcpdrill {} on {}", result.case, result.target);
    let capture = report::pcapng::render(&title, case.source(), &result.trace);
    write(&path, &capture)
}

/// Where in its folder a capture stands. Whatever a case is called, it stays in there.
fn capture_name(result: &CaseResult) -> PathBuf {
    let name = format!(
        "{}.{}.{}.pcapng",
        result.case, result.target, result.ip_version
    );
    let inside = |part: &Component<'_>| matches!(part, Component::Normal(_));
    Path::new(&name).components().filter(inside).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|problem| format!("cannot write {}: {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::IpVersion;
    use crate::verdict::Verdict;
    use rstest::rstest;
    use std::time::Duration;

    #[rstest]
    #[case("area/x", "area/x.reference.ipv4.pcapng")]
    #[case("/etc/x", "etc/x.reference.ipv4.pcapng")]
    #[case("../../x", "x.reference.ipv4.pcapng")]
    fn a_capture_stays_in_its_folder(#[case] name: &str, #[case] want: &str) {
        let result = CaseResult {
            case: name.to_string(),
            target: "reference".to_string(),
            ip_version: IpVersion::Ipv4,
            verdict: Verdict::Pass,
            covers: Vec::new(),
            wall: Duration::ZERO,
            script_time: Duration::ZERO,
            trace: crate::trace::Trace::default(),
            message: String::new(),
        };
        assert_eq!(capture_name(&result), Path::new(want));
    }
}
