//! Running a suite: many cases at a time, results in order of name.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::program::{IpVersion, Program};
use crate::report::RunEvent;
use crate::runner::{self, RunOutcome, RunSettings};
use crate::script::{self, Given, LoadContext};
use crate::source::Source;
use crate::target::Target;
use crate::verdict::{CaseError, CaseResult, Failure, Verdict};

use super::case::{Body, Case, Origin};
use super::convention::{self, Convention};
use super::known::KnownDeviations;

/// A live case that waits at least this long in its script mostly sleeps.
const LONG: Duration = Duration::from_secs(3);
/// Sleeping cases on a live target at a time, at most.
const LONG_LANE: usize = 128;
/// How often a live case is run again when it failed while the machine was late.
const RETRIES: usize = 3;

/// How a suite is run.
#[derive(Clone, Debug, Default)]
pub struct ExecuteSettings {
    /// Families to run each case on.
    pub ip_versions: Vec<IpVersion>,
    /// Cases at a time; `None` = as suits the target.
    pub jobs: Option<usize>,
    /// `-D NAME=VALUE`.
    pub defines: Vec<(String, String)>,
    /// Seed of virtual targets.
    pub seed: u64,
    /// Read and judge scripts exactly as packetdrill does.
    pub drop_in: bool,
    /// Commands of scripts that are not bundled may change what all programs of the machine share.
    pub allow_commands: bool,
    /// What scripts of a family are given beside their own lines; nothing if it is not here.
    pub given: BTreeMap<IpVersion, Given>,
    /// Leave out what this runner leaves out.
    pub convention: Option<Convention>,
}

impl ExecuteSettings {
    /// Whether a case is run on a family.
    fn takes(&self, case: &Case, version: IpVersion) -> bool {
        self.convention
            .is_none_or(|convention| convention.takes(case, version))
    }
}

/// What one unit of work runs.
enum Work<'a> {
    Script(Box<Program>),
    Probe(&'a Source),
    /// Nothing to run: the verdict is known already.
    Settled(Verdict),
}

struct Unit<'a> {
    case: &'a Case,
    ip_version: IpVersion,
    work: Work<'a>,
    /// How long it waits, by its script.
    waits: Duration,
}

/// Runs cases on a target and tells `observe` of everything as it happens.
/// The results come back in order of name and family.
pub fn execute(
    cases: &[&Case],
    target: &dyn Target,
    known: &KnownDeviations,
    settings: &ExecuteSettings,
    observe: &mut dyn FnMut(&RunEvent<'_>),
) -> Vec<CaseResult> {
    let mut units: Vec<Unit<'_>> = cases
        .iter()
        .flat_map(|case| {
            settings
                .ip_versions
                .iter()
                .map(move |version| (case, *version))
        })
        .filter(|(case, version)| settings.takes(case, *version))
        .map(|(case, version)| prepare(case, version, target, settings))
        .collect();
    observe(&RunEvent::Started {
        target: target.name(),
        total: units.len(),
    });
    units.sort_by_key(|unit| std::cmp::Reverse(unit.waits));
    let mut results = work_off(units, target, known, settings, observe);
    results.sort_by(|a, b| (&a.case, a.ip_version).cmp(&(&b.case, b.ip_version)));
    results
}

/// Runs the units in lanes and gathers their results as they come.
fn work_off(
    units: Vec<Unit<'_>>,
    target: &dyn Target,
    known: &KnownDeviations,
    settings: &ExecuteSettings,
    observe: &mut dyn FnMut(&RunEvent<'_>),
) -> Vec<CaseResult> {
    let lanes = lanes(units, target.is_virtual(), settings.jobs);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for (queue, workers) in &lanes {
            for _ in 0..*workers {
                let sender = sender.clone();
                scope.spawn(move || {
                    while let Some(unit) = next(queue) {
                        let result = run_unit(&unit, target, known, settings);
                        if sender.send(result).is_err() {
                            return;
                        }
                    }
                });
            }
        }
        drop(sender);
        receiver
            .iter()
            .inspect(|result| observe(&RunEvent::Finished { result }))
            .collect()
    })
}

type Queue<'a> = Mutex<VecDeque<Unit<'a>>>;

fn next<'a>(queue: &Queue<'a>) -> Option<Unit<'a>> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

/// Which units share which workers. On a live target cases that mostly sleep have a lane of
/// their own, so that the others, which need the processor on time, stay few at a time.
fn lanes(units: Vec<Unit<'_>>, is_virtual: bool, jobs: Option<usize>) -> Vec<(Queue<'_>, usize)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if is_virtual || jobs.is_some() {
        let workers = jobs.unwrap_or(cores).clamp(1, units.len().max(1));
        return vec![(Mutex::new(units.into()), workers)];
    }
    let (long, short): (VecDeque<_>, VecDeque<_>) =
        units.into_iter().partition(|unit| unit.waits >= LONG);
    let long_workers = long.len().clamp(1, LONG_LANE);
    let short_workers = short.len().clamp(1, cores * 2);
    vec![
        (Mutex::new(long), long_workers),
        (Mutex::new(short), short_workers),
    ]
}

fn prepare<'a>(
    case: &'a Case,
    ip_version: IpVersion,
    target: &dyn Target,
    settings: &ExecuteSettings,
) -> Unit<'a> {
    let work = match &case.body {
        Body::Script(source) => script_work(source, ip_version, target, settings),
        Body::Probe(source) => Work::Probe(source),
        Body::Unreadable(source, problem) => {
            let problem = format!("{}: {problem}", source.name());
            Work::Settled(Verdict::Error(CaseError::Unreadable(problem)))
        }
    };
    let waits = match &work {
        Work::Script(program) => program.waits(),
        Work::Probe(_) => LONG,
        Work::Settled(_) => Duration::ZERO,
    };
    Unit {
        case,
        ip_version,
        work,
        waits,
    }
}

fn script_work<'a>(
    source: &Source,
    ip_version: IpVersion,
    target: &dyn Target,
    settings: &ExecuteSettings,
) -> Work<'a> {
    let given = settings.given.get(&ip_version).cloned().unwrap_or_default();
    let context = LoadContext {
        defines: [given.defines, settings.defines.clone()].concat(),
        options: given.options,
        ip_version: Some(ip_version),
        drop_in: settings.drop_in,
        ..runner::load_context(target, source)
    };
    match script::load(source, &context) {
        Ok(program) => Work::Script(Box::new(program)),
        Err(diagnostics) => Work::Settled(
            convention::excused(settings.convention, source, target)
                .unwrap_or(Verdict::Error(CaseError::Script(diagnostics))),
        ),
    }
}

fn run_unit(
    unit: &Unit<'_>,
    target: &dyn Target,
    known: &KnownDeviations,
    settings: &ExecuteSettings,
) -> CaseResult {
    let started = Instant::now();
    let run_settings = RunSettings {
        ip_version: unit.ip_version,
        seed: settings.seed,
        drop_in: settings.drop_in,
        folder: unit.case.folder(),
        allow_commands: settings.allow_commands || unit.case.origin == Origin::Bundled,
        ..RunSettings::default()
    };
    let source = unit.case.source();
    let judged = |mut outcome: RunOutcome| {
        outcome.verdict = known.judge(&unit.case.name, unit.ip_version, source, outcome.verdict);
        outcome
    };
    let outcome = caught(|| match &unit.work {
        Work::Script(program) => run_patiently(target.is_virtual(), || {
            judged(runner::run(program, target, &run_settings))
        }),
        Work::Probe(source) => judged(crate::probe::run(source, target, &run_settings)),
        Work::Settled(verdict) => RunOutcome::unstarted(verdict.clone()),
    });
    let verdict = outcome.verdict;
    CaseResult {
        case: unit.case.name.clone(),
        target: target.name().to_string(),
        ip_version: unit.ip_version,
        message: crate::report::message(&verdict, source),
        verdict,
        covers: unit.case.header().covers,
        wall: started.elapsed(),
        script_time: outcome.ended_at.saturating_since(crate::time::Time::ZERO),
        trace: outcome.trace,
    }
}

/// A panic of a stack that runs in this process costs its own case and no other.
///
/// Nothing of the session outlives the panic: each case opens its own, so the broken state
/// that unwinding may leave is never seen.
fn caught(run: impl FnOnce() -> RunOutcome) -> RunOutcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        RunOutcome::unstarted(Verdict::Error(CaseError::Machine(format!(
            "the stack under test or the harness panicked: {} (standard error says where)",
            panic_text(panic.as_ref())
        ))))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text")
}

/// A failure while the machine itself was late says nothing about the stack: such a run is
/// repeated, and if the machine does not get better the verdict is `error`, never `fail`.
fn run_patiently(is_virtual: bool, run: impl Fn() -> RunOutcome) -> RunOutcome {
    let mut outcome = run();
    if is_virtual {
        return outcome;
    }
    let mut shapes = BTreeSet::new();
    for attempt in 0..=RETRIES {
        let Verdict::Fail(failure) = &outcome.verdict else {
            return outcome;
        };
        if outcome.lateness.is_zero() {
            return outcome;
        }
        shapes.insert(shape(failure));
        if attempt < RETRIES {
            outcome = run();
        }
    }
    if let Verdict::Fail(failure) = &outcome.verdict {
        let same = shapes.len() == 1;
        if same
            && !failure
                .differences
                .iter()
                .all(|found| TIMELY.contains(&found.field))
        {
            return outcome;
        }
        outcome.verdict = Verdict::Error(CaseError::Machine(format!(
            "the machine was up to {:?} late, {} times in a row; last: {}: {}",
            outcome.lateness,
            RETRIES + 1,
            failure.message,
            failure.label
        )));
    }
    outcome
}

/// Differences that lateness alone can make.
const TIMELY: [&str; 4] = ["time", "missing", "surplus", "blocked"];

/// Where a failure stands and in which fields: four times the same is no accident.
fn shape(failure: &Failure) -> (usize, Vec<&'static str>) {
    let fields = failure
        .differences
        .iter()
        .map(|found| found.field)
        .collect();
    (failure.span.map_or(0, |span| span.start), fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Capability;
    use crate::suite::Suite;
    use crate::target::{Session, SessionSettings, TargetError};
    use crate::trace::Trace;
    use std::cell::Cell;

    fn outcome(verdict: Verdict, lateness_ms: u64) -> RunOutcome {
        RunOutcome {
            verdict,
            trace: Trace::default(),
            ended_at: crate::time::Time::ZERO,
            lateness: Duration::from_millis(lateness_ms),
        }
    }

    fn failed() -> Verdict {
        Verdict::Fail(Box::new(Failure {
            code: "R007",
            message: "late".to_string(),
            label: String::new(),
            span: None,
            differences: Vec::new(),
            notes: Vec::new(),
            help: None,
        }))
    }

    /// A stack that falls over as soon as it is touched.
    struct Broken;

    impl Target for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn defines(&self) -> Vec<String> {
            Vec::new()
        }

        fn lacks(&self, _capability: &Capability) -> Option<String> {
            None
        }

        fn is_virtual(&self) -> bool {
            true
        }

        fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
            panic!("no room for an MTU of {}", settings.mtu)
        }
    }

    #[test]
    fn a_panic_of_the_stack_is_an_error_of_its_case_alone() {
        let case = |name: &str, body: Body| Case {
            name: name.to_string(),
            origin: Origin::Bundled,
            body,
        };
        let suite = Suite::bundled();
        let bundled = |name: &str| suite.cases.iter().find(|case| case.name == name).unwrap();
        let typo = case(
            "typo",
            Body::Script(Source::new("typo.pkt", "+0 nonsense\n")),
        );
        let cases = [
            bundled("handshake/passive-open"),
            bundled("close/process-ended-by-signal"),
            &typo,
        ];
        let settings = ExecuteSettings {
            ip_versions: vec![IpVersion::Ipv4],
            ..ExecuteSettings::default()
        };
        let known = KnownDeviations::default();
        let results = execute(&cases, &Broken, &known, &settings, &mut |_| {});
        assert_eq!(results.len(), 3);
        for result in &results {
            assert_eq!(result.verdict.name(), "error", "{}", result.case);
        }
        for result in &results[..2] {
            let message = &result.message;
            assert!(
                message.contains("panicked: no room for an MTU"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_failure_on_a_punctual_machine_stands() {
        let runs = Cell::new(0);
        let end = run_patiently(false, || {
            runs.set(runs.get() + 1);
            outcome(failed(), 0)
        });
        assert_eq!((end.verdict.name(), runs.get()), ("fail", 1));
    }

    #[test]
    fn a_failure_on_a_late_machine_is_run_again() {
        let runs = Cell::new(0);
        let end = run_patiently(false, || {
            runs.set(runs.get() + 1);
            if runs.get() < 3 {
                outcome(failed(), 9)
            } else {
                outcome(Verdict::Pass, 9)
            }
        });
        assert_eq!((end.verdict.name(), runs.get()), ("pass", 3));
    }

    #[test]
    fn what_lateness_cannot_make_stays_a_failure_if_it_repeats() {
        let wrong = || {
            let Verdict::Fail(mut failure) = failed() else {
                unreachable!("failed() fails")
            };
            failure.differences = vec![crate::expect::compare::difference("seq", "1", "2")];
            outcome(Verdict::Fail(failure), 9)
        };
        assert_eq!(run_patiently(false, wrong).verdict.name(), "fail");
    }

    #[test]
    fn a_machine_that_stays_late_is_an_error_and_not_a_failure() {
        let end = run_patiently(false, || outcome(failed(), 9));
        assert_eq!(end.verdict.name(), "error");
    }
}
