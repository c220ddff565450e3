//! `--target linux-vm`: from the command line to the target, two kernels side by side, and what tcpdrill
//! calls itself for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diff::Comparison;
use crate::cli::{LinkName, RunArgs, TargetName, VmArgs, VmStartArgs};
use crate::exit::Exit;
use crate::report::{self, Results};
use crate::suite::{Case, ExecuteSettings, Interrupt, Suite};
use crate::target::Target;
use crate::target::linux::{self, Link};
use crate::trace::TraceEvent;
use crate::verdict::CaseResult;
use crate::vm::{self, VmTarget};

/// How long a kernel may say nothing. Cases that wait for an hour of virtual time take a second.
const PATIENCE: u16 = 60;

/// So far apart the same may lie in two kernels of which one has looked at its clock more often.
const LOOKS: Duration = Duration::from_micros(100);

/// Whether the arguments for kernels belong to the target asked for.
pub(super) fn check(args: &RunArgs) -> Result<(), String> {
    if args.target != TargetName::LinuxVm && args.vm != VmArgs::default() {
        return Err(
            "`--kernel` and `--patience` need `--target linux-vm`: see `tcpdrill run --help`"
                .into(),
        );
    }
    match args.vm.kernel.len() {
        0..=1 => Ok(()),
        2 if has_reports(args) => Err(
            "of two kernels only what differs is told; for reports and captures give one `--kernel` at a time"
                .into(),
        ),
        2 => Ok(()),
        _ => Err("give one `--kernel`, or two to see what differs".into()),
    }
}

fn has_reports(args: &RunArgs) -> bool {
    let files = [&args.json, &args.junit, &args.tap, &args.ktap, &args.trace];
    let folders = [&args.html, &args.pcap];
    files.into_iter().chain(folders).any(Option::is_some)
}

/// Opens the target.
pub(super) fn open(args: &RunArgs) -> Result<VmTarget, String> {
    open_with(args, &find_kernel(args.vm.kernel.first())?)
}

/// The kernel that is to be learned.
pub(super) fn kernel(args: &VmArgs) -> Result<VmTarget, String> {
    let patience = Duration::from_secs(args.patience.unwrap_or(PATIENCE).into());
    VmTarget::new(&find_kernel(args.kernel.first())?, None, patience)
}

fn open_with(args: &RunArgs, kernel: &Path) -> Result<VmTarget, String> {
    let link = args.link.map(|link| match link {
        LinkName::Tun => Link::Tun,
        LinkName::Packet => Link::Packet,
    });
    let patience = Duration::from_secs(args.vm.patience.unwrap_or(PATIENCE).into());
    VmTarget::new(kernel, link, patience)
}

fn find_kernel(named: Option<&PathBuf>) -> Result<PathBuf, String> {
    let named = match named.map(|named| named.to_str()) {
        Some(None) => return Err("the kernel's name is no text".into()),
        Some(text) => text,
        None => None,
    };
    let kernel = vm::kernel::find(named).map_err(|problem| problem.to_string())?;
    Ok(kernel.path)
}

/// Runs the cases on each of two kernels and tells what differs.
pub(super) fn run_on_each(args: &RunArgs, suite: &Suite) -> Exit {
    let targets: Result<Vec<VmTarget>, String> = args
        .vm
        .kernel
        .iter()
        .map(|kernel| open_with(args, &find_kernel(Some(kernel))?))
        .collect();
    let targets = match targets {
        Ok(targets) => targets,
        Err(reason) => return super::run::cannot_run(TargetName::LinuxVm, &reason),
    };
    let cases = match super::chosen(suite, args.filter.as_ref()) {
        Ok(cases) => cases,
        Err(exit) => return exit,
    };
    let settings = match super::run::settings(args, Interrupt::default()) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    linux::raise_on_signals(&settings.interrupt);
    let mut both = Vec::new();
    for target in &targets {
        match results(suite, &cases, target, &settings) {
            Ok(results) => both.push(results),
            Err(problem) => return super::refuse(&problem),
        }
        if settings.interrupt.is_raised() {
            return Exit::Interrupted;
        }
    }
    match &both[..] {
        [old, new] => tell(old, new),
        _ => Exit::Usage,
    }
}

fn results(
    suite: &Suite,
    cases: &[&Case],
    target: &VmTarget,
    settings: &ExecuteSettings,
) -> Result<Vec<CaseResult>, String> {
    super::say(&target.description());
    let known = suite
        .known(target.known())
        .map_err(|problem| problem.to_string())?
        .on(target.kernel().as_deref());
    Ok(vm::execute(cases, target, &known, settings, &mut |_| {}))
}

/// Only what differs: verdicts, and what happened under the same verdict.
fn tell(old: &[CaseResult], new: &[CaseResult]) -> Exit {
    let [first, second] = [old, new].map(|results| Results::of("", results));
    let verdicts = Comparison::of(&first, &second);
    for line in &verdicts.lines {
        super::say(&format_args!("\n{line}"));
    }
    let others = old.iter().zip(new).filter_map(|(old, new)| {
        let is_same = old.verdict.name() == new.verdict.name();
        let difference = is_same.then(|| first_difference(old, new)).flatten()?;
        Some(format!(
            "\n{} ({}):\n{difference}",
            new.case, new.ip_version
        ))
    });
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        super::say(&"\nThe same verdict, but not the same packets; where they part:");
    }
    for other in &others {
        super::say(other);
    }
    let totals = verdicts.totals();
    super::say(&format_args!(
        "\n{totals}; {} times the packets differ under the same verdict",
        others.len()
    ));
    match verdicts.lines.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    }
}

/// Where two runs of a case part, if they do: what the stack sent, what it was sent, what its user did. How often a kernel looks at
/// its clock, which moves it, is its own affair, and so is which of two things that happen at once comes first.
fn first_difference(old: &CaseResult, new: &CaseResult) -> Option<String> {
    let [before, after] = [old, new].map(|result| report::trace::lines(&result.trace));
    let (was, is) = (&old.trace.entries, &new.trace.entries);
    let is_alike = |before_at: usize, after_at: usize| {
        let (was, is) = (was[before_at].at, is[after_at].at);
        let apart = was.saturating_since(is) + is.saturating_since(was);
        what(&before[before_at]) == what(&after[after_at]) && apart <= LOOKS
    };
    let parts = [is_sent, is_injected, is_of_user]
        .iter()
        .filter_map(|of_kind| {
            let [was, is] = [was, is].map(|entries| {
                let places = entries.iter().enumerate();
                let places = places.filter(|(_, entry)| of_kind(&entry.what));
                places.map(|(place, _)| place).collect::<Vec<_>>()
            });
            (0..was.len().max(is.len())).find_map(|place| match (was.get(place), is.get(place)) {
                (Some(was), Some(is)) if is_alike(*was, *is) => None,
                (was, is) => Some((was.copied(), is.copied())),
            })
        });
    let (was, is) = parts.min_by_key(|(was, is)| was.or(*is))?;
    let shown = |lines: &[String], place: Option<usize>| {
        place.map_or_else(|| "nothing more".to_owned(), |place| lines[place].clone())
    };
    let (before, after) = (shown(&before, was), shown(&after, is));
    Some(format!("    - {before}\n    + {after}"))
}

fn is_sent(what: &TraceEvent) -> bool {
    matches!(what, TraceEvent::Sent(_))
}

fn is_injected(what: &TraceEvent) -> bool {
    matches!(what, TraceEvent::Injected(_))
}

fn is_of_user(what: &TraceEvent) -> bool {
    !is_sent(what) && !is_injected(what)
}

/// A line of a trace without its time.
fn what(line: &str) -> &str {
    line.split_once("  ").map_or(line, |(_, what)| what)
}

/// The first process of a kernel.
pub(super) fn init() -> Exit {
    vm::guest_main()
}

/// Becomes a kernel.
pub(super) fn start(args: &VmStartArgs) -> Exit {
    super::refuse(&vm::start(args.processor, &args.words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::time::Time;
    use crate::verdict::Verdict;

    fn ran(times: &[i64]) -> CaseResult {
        let mut result = samples::result("a", Verdict::Pass, "");
        for micros in times {
            let at = Time::from_micros(*micros);
            result.trace.push(at, TraceEvent::Call, None, "> .".into());
        }
        result
    }

    #[test]
    fn where_two_runs_part_is_told_once() {
        assert_eq!(first_difference(&ran(&[1, 2]), &ran(&[1, 2])), None);
        assert_eq!(first_difference(&ran(&[1, 120]), &ran(&[1, 20])), None);
        assert_eq!(first_difference(&ran(&[1, 20]), &ran(&[1, 120])), None);
        let later = first_difference(&ran(&[1, 2, 3]), &ran(&[1, 103, 104]));
        assert_eq!(
            later.as_deref(),
            Some("    - 0.000002  > .\n    + 0.000103  > .")
        );
        let mut swapped = [ran(&[5]), ran(&[])];
        for (result, micros) in swapped.iter_mut().zip([6, 4]) {
            let at = Time::from_micros(micros);
            let what = TraceEvent::Injected(Vec::new());
            result.trace.push(at, what, None, "< .".into());
        }
        swapped[1]
            .trace
            .push(Time::from_micros(5), TraceEvent::Call, None, "> .".into());
        assert_eq!(first_difference(&swapped[0], &swapped[1]), None);
        swapped[1].trace.entries.remove(0);
        let gone = first_difference(&swapped[0], &swapped[1]);
        assert_eq!(
            gone.as_deref(),
            Some("    - 0.000006  < .\n    + nothing more")
        );
        let less = first_difference(&ran(&[1, 2]), &ran(&[1]));
        assert_eq!(
            less.as_deref(),
            Some("    - 0.000002  > .\n    + nothing more")
        );
    }
}
