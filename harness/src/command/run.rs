//! `tcpdrill run`, and the main job.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crate::cli::{LinkName, RunArgs, TargetName};
use crate::exit::Exit;
use crate::report::terminal::{Progress, Style, Terminal};
use crate::report::{Results, RunEvent, Summary, TargetEntry};
use crate::suite::{
    Case, Convention, ExecuteSettings, Interrupt, KnownDeviations, PATIENCE, Suite, execute,
};
use crate::target::linux::{Link, LinuxTarget};
use crate::target::reference::ReferenceTarget;
use crate::target::smoltcp::SmoltcpTarget;
use crate::target::{self, Target};
use crate::verdict::CaseResult;
use crate::vm::{self, VmTarget};

use super::output::Output;
use super::{files, results};

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
    if args.link.is_some() && !matches!(args.target, TargetName::Linux | TargetName::LinuxVm) {
        return super::refuse(&"`--link` is for the running kernel; give `--target linux` too");
    }
    if args.profile.is_some() && args.target != TargetName::Reference {
        return super::refuse(&"`--profile` is for the reference stack; leave `--target` out");
    }
    if let Err(problem) = super::wire::check(args).and_then(|()| super::vm::check(args)) {
        return super::refuse(&problem);
    }
    if args.exact && matches!(args.target, TargetName::Linux | TargetName::Wire) {
        return super::refuse(&"`--exact` needs a clock that is: give another `--target`");
    }
    if let [_, _, ..] = args.vm.kernel[..] {
        return super::vm::run_on_each(args, &suite);
    }
    let interrupt = Interrupt::default();
    let target = match open_target(args, &interrupt) {
        Ok(target) => target,
        Err(_) if interrupt.is_raised() => {
            super::complain("error", &"interrupted by a signal before the first case");
            return Exit::Interrupted;
        }
        Err(reason) => return cannot_run(args.target, &reason),
    };
    let cases = match super::chosen(&suite, args.filter.as_ref()) {
        Ok(cases) => cases,
        Err(exit) => return exit,
    };
    let settings = match settings(args, interrupt) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    let others = match results::read_all(&args.results) {
        Ok(others) => others,
        Err(problem) => return super::refuse(&problem),
    };
    let problems = files::try_all(args);
    if !problems.is_empty() {
        return complain_all(&problems);
    }
    run_cases(args, &suite, &cases, &target, &settings, &others)
}

pub(super) fn settings(args: &RunArgs, interrupt: Interrupt) -> Result<ExecuteSettings, Exit> {
    let ip_versions = super::families(&args.family)?;
    let convention = args.family.convention.map(Convention::from);
    let mut pairs = args.script.pairs();
    if args.target == TargetName::Wire {
        // It says where the addresses to play begin; each case has its own.
        pairs.retain(|(name, _)| name != "remote_ip");
    }
    Ok(ExecuteSettings {
        given: super::given(&args.family, &ip_versions, &pairs)?,
        ip_versions,
        jobs: args.jobs.map(usize::from),
        defines: args.script.defines.clone(),
        seed: args.seed,
        drop_in: convention.is_some(),
        exact: args.exact,
        allow_commands: args.allow_commands,
        convention,
        patience: PATIENCE,
        interrupt,
    })
}

fn run_cases(
    args: &RunArgs,
    suite: &Suite,
    cases: &[&Case],
    chosen: &Chosen,
    settings: &ExecuteSettings,
    others: &[Results],
) -> Exit {
    let target = chosen.target();
    let known = match suite.known(target.known()) {
        Ok(known) => known.on(target.kernel().as_deref()),
        Err(problem) => return super::refuse(&problem),
    };
    target::linux::raise_on_signals(&settings.interrupt);
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
    let output = files::text_output(args);
    let judged = TargetEntry::of(target);
    let (description, families) = (&judged.description, families.join(", "));
    output.say(&format_args!("{count} on {description}; {families}\n"));
    let mut terminal = Terminal::new(output, style(args.verbose, output));
    let started = Instant::now();
    let results = chosen.execute(cases, &known, settings, &mut |event| {
        // What cannot be written is told at the end: the files are still to be written.
        let _ = terminal.event(event);
    });
    let mut summary = Summary::of(&results, started.elapsed());
    let wanted = cases.len() * settings.ip_versions.len();
    summary.interrupted = settings.interrupt.is_raised() && results.len() < wanted;
    let _ = terminal.summary(&results, summary);
    let ended = files::Ended {
        target: &judged,
        cases,
        summary,
        results: &results,
    };
    let problems = files::write_all(args, ended, others);
    if !problems.is_empty() {
        return complain_all(&problems);
    }
    exit_of(summary, &results, args.target)
}

pub(super) fn style(verbose: bool, output: Output) -> Style {
    /// How often a run that nobody watches says how far it is.
    const NOW_AND_THEN: Duration = Duration::from_secs(30);
    let is_terminal = match output {
        Output::Standard => io::stdout().is_terminal(),
        Output::Error => io::stderr().is_terminal(),
    };
    Style {
        verbose,
        progress: match is_terminal {
            true => Progress::Line,
            false => Progress::Every(NOW_AND_THEN),
        },
        colour: is_terminal,
    }
}

fn complain_all(problems: &[String]) -> Exit {
    for problem in problems {
        super::complain("error", problem);
    }
    Exit::Usage
}

fn exit_of(summary: Summary, results: &[CaseResult], target: TargetName) -> Exit {
    if summary.interrupted {
        return Exit::Interrupted;
    }
    if summary.script_errors > 0 {
        return Exit::Usage;
    }
    if summary.unexpected() > 0 {
        return Exit::Unexpected;
    }
    if summary.judged() == 0 && !results.is_empty() {
        let more = match target {
            TargetName::Linux => "`tcpdrill doctor` says what this machine lacks",
            TargetName::Reference
            | TargetName::Smoltcp
            | TargetName::LinuxVm
            | TargetName::Wire => "the report says for want of what",
        };
        super::complain("error", &format_args!("every case was skipped; {more}"));
        return Exit::NothingRan;
    }
    Exit::Success
}

/// Says why there is no target, and what to do.
pub(super) fn cannot_run(target: TargetName, reason: &str) -> Exit {
    let (name, help) = match target {
        TargetName::Reference => ("reference", "this should not happen"),
        TargetName::Smoltcp => ("smoltcp", "this should not happen"),
        TargetName::Linux => (
            "linux",
            "`tcpdrill doctor` says what is missing and what to do about it",
        ),
        TargetName::LinuxVm => (
            "linux-vm",
            "docs/virtual-linux.md says how such a kernel is made",
        ),
        TargetName::Wire => ("wire", "docs/wire.md says how the two machines are set up"),
    };
    let problem = format_args!("the target `{name}` cannot run here: {reason}");
    super::complain("error", &problem);
    super::complain("help", &help);
    Exit::NothingRan
}

/// Called before the process has a second thread: an ordinary user needs a user namespace.
fn open_target(args: &RunArgs, interrupt: &Interrupt) -> Result<Chosen, String> {
    let here: Result<Box<dyn Target>, String> = match args.target {
        TargetName::LinuxVm => return Ok(Chosen::Inside(super::vm::open(args)?)),
        TargetName::Wire => {
            // Looking for the other end starts threads that stay, as trying out a link does.
            target::linux::raise_on_signals(interrupt);
            super::wire::open(args)
        }
        TargetName::Reference => {
            let profile = args.profile.as_deref().unwrap_or("rfc9293");
            Ok(Box::new(ReferenceTarget::of_profile(profile)?))
        }
        TargetName::Smoltcp => Ok(Box::new(SmoltcpTarget)),
        TargetName::Linux => {
            target::linux::prepare()?;
            // Trying out the link starts threads that stay: a signal must not end the process in one.
            target::linux::raise_on_signals(interrupt);
            let link = match args.link {
                Some(LinkName::Tun) => Link::Tun,
                Some(LinkName::Packet) => Link::Packet,
                None => Link::usable()?,
            };
            link.try_out()?;
            Ok(Box::new(LinuxTarget::over(link)))
        }
    };
    here.map(Chosen::Here)
}

/// The target, by where its cases run.
enum Chosen {
    /// In this process.
    Here(Box<dyn Target>),
    /// In kernels of their own, each of which has its harness inside.
    Inside(VmTarget),
}

impl Chosen {
    fn target(&self) -> &dyn Target {
        match self {
            Chosen::Here(target) => target.as_ref(),
            Chosen::Inside(target) => target,
        }
    }

    fn execute(
        &self,
        cases: &[&Case],
        known: &KnownDeviations,
        settings: &ExecuteSettings,
        observe: &mut dyn FnMut(&RunEvent<'_>),
    ) -> Vec<CaseResult> {
        match self {
            Chosen::Here(target) => execute(cases, target.as_ref(), known, settings, observe),
            Chosen::Inside(target) => vm::execute(cases, target, known, settings, observe),
        }
    }
}
