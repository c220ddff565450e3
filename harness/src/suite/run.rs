//! Running a suite: many cases at a time, results in order of name.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::program::{IpVersion, Program};
use crate::report::RunEvent;
use crate::runner::{self, RunOutcome, RunSettings};
use crate::script::{self, Given, LoadContext};
use crate::source::Source;
use crate::target::Target;
use crate::verdict::{CaseError, CaseResult, Verdict};

use super::case::{Body, Case, Origin};
use super::convention::{self, Convention};
use super::dispatch::{Attempt, dispatch};
use super::interrupt::Interrupt;
use super::known::KnownDeviations;
use super::window::{Punctuality, Window};

/// How often a case is tried while the machine perturbs it.
const ATTEMPTS: usize = 10;
/// What suits a machine that others use as well: see [`ExecuteSettings::patience`]. All rests of a
/// case together take 10 s at most.
pub const PATIENCE: Duration = Duration::from_millis(50);
/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(3);
/// What a probe is taken to wait: they are few, and some are long.
const PROBE: Duration = Duration::from_secs(3);

/// How a suite is run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    /// Hold what the stack sends to the microsecond against the scripts.
    pub exact: bool,
    /// Commands of scripts that are not bundled may change what all programs of the machine share.
    pub allow_commands: bool,
    /// What scripts of a family are given beside their own lines; nothing if it is not here.
    pub given: BTreeMap<IpVersion, Given>,
    /// Leave out what this runner leaves out.
    pub convention: Option<Convention>,
    /// How long a case rests after it was perturbed twice; each further rest is twice as long as the
    /// one before, 3 s at most. What keeps a machine from being punctual may take seconds itself, and
    /// attempts one upon the other would all fall into it. Zero: no rests.
    pub patience: Duration,
    /// Raised to end the run early.
    #[serde(skip)]
    pub interrupt: Interrupt,
}

impl ExecuteSettings {
    /// Whether a case is run on a family.
    pub(crate) fn takes(&self, case: &Case, version: IpVersion) -> bool {
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
    /// Attempts that the machine has perturbed.
    perturbed: usize,
}

/// Runs cases on a target and tells `observe` of everything as it happens.
/// The results come back in order of name and family; an interrupted run gives fewer.
///
/// An attempt in which the machine was measurably too late is made again, `ATTEMPTS` times at
/// most, whatever it came to; any other is final.
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
    // The longest first: none of them is left to the end.
    units.sort_by_key(|unit| std::cmp::Reverse(unit.waits));
    let mut results = Vec::with_capacity(units.len());
    let window = window(target, units.len(), settings.jobs);
    dispatch(
        units,
        window,
        &settings.interrupt,
        &|unit: &mut Unit<'_>| attempt(unit, target, known, settings),
        &mut |news| match news {
            None => observe(&RunEvent::Waiting),
            Some(News::Result(result)) => {
                observe(&RunEvent::Finished { result: &result });
                results.push(*result);
            }
            Some(News::Perturbed { case, why }) => observe(&RunEvent::Perturbed {
                case: &case,
                why: &why,
            }),
        },
    );
    results.sort_by(|a, b| (&a.case, a.ip_version).cmp(&(&b.case, b.ip_version)));
    results
}

/// Runs one case on one family with nothing beside it, and holds no list of deviations against it; `None`
/// if the run is to end.
pub(crate) fn judge_one(
    case: &Case,
    ip_version: IpVersion,
    target: &dyn Target,
    settings: &ExecuteSettings,
) -> Option<CaseResult> {
    let mut unit = prepare(case, ip_version, target, settings);
    let known = KnownDeviations::default();
    loop {
        match attempt(&mut unit, target, &known, settings) {
            Attempt::Done(News::Result(result), _) => return Some(*result),
            Attempt::Done(News::Perturbed { .. }, _) | Attempt::Again(_) => {}
            Attempt::CutShort => return None,
        }
    }
}

/// How many units run at a time. On a live machine that follows its punctuality.
fn window(target: &dyn Target, units: usize, jobs: Option<usize>) -> Window {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let units = units.max(1);
    if target.is_virtual() {
        Window::fixed(jobs.unwrap_or(processors).min(units))
    } else {
        let most = target.most_sessions().min(units);
        Window::adaptive(processors, jobs.map_or(most, |jobs| jobs.min(most)))
    }
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
        Work::Probe(_) => PROBE,
        Work::Settled(_) => Duration::ZERO,
    };
    Unit {
        case,
        ip_version,
        work,
        waits,
        perturbed: 0,
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

/// What the threads that run units tell.
enum News {
    Result(Box<CaseResult>),
    /// An attempt of a case that is made again, and why.
    Perturbed {
        case: String,
        why: String,
    },
}

/// How long a case rests that was perturbed so often.
fn rest(perturbed: usize, patience: Duration) -> Duration {
    let doublings = match u32::try_from(perturbed) {
        Ok(perturbed) if perturbed >= 2 => perturbed - 2,
        _ => return Duration::ZERO,
    };
    let rest = patience.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
    rest.min(LONGEST_REST)
}

/// Makes one attempt at a unit.
fn attempt(
    unit: &mut Unit<'_>,
    target: &dyn Target,
    known: &KnownDeviations,
    settings: &ExecuteSettings,
) -> Attempt<News> {
    settings
        .interrupt
        .sleep(rest(unit.perturbed, settings.patience));
    let started = Instant::now();
    let run_settings = RunSettings {
        ip_version: unit.ip_version,
        seed: settings.seed,
        drop_in: settings.drop_in,
        folder: unit.case.folder(),
        exact: settings.exact,
        allow_commands: settings.allow_commands || !matches!(unit.case.origin, Origin::File(_)),
        ..RunSettings::default()
    };
    let source = unit.case.source();
    let outcome = caught(|| match &unit.work {
        Work::Script(program) => runner::run(program, target, &run_settings),
        Work::Probe(source) => crate::probe::run(source, target, &run_settings),
        Work::Settled(verdict) => RunOutcome::unstarted(verdict.clone()),
    });
    let cut_short = settings.interrupt.is_raised() && !target.is_virtual();
    match &outcome.verdict {
        Verdict::Fail(_) | Verdict::Error(CaseError::Machine(_)) | Verdict::Perturbed(_)
            if cut_short =>
        {
            return Attempt::CutShort;
        }
        Verdict::Perturbed(found) => {
            unit.perturbed += 1;
            if unit.perturbed < ATTEMPTS {
                let line = source.line_of(found.span.start);
                return Attempt::Again(News::Perturbed {
                    case: format!("{} ({})", unit.case.name, unit.ip_version),
                    why: format!("line {line}: {found}"),
                });
            }
        }
        _ => {}
    }
    let punctuality = punctuality(&outcome);
    let verdict = known.judge(&unit.case.name, unit.ip_version, source, outcome.verdict);
    let result = CaseResult {
        case: unit.case.name.clone(),
        target: target.name().to_string(),
        ip_version: unit.ip_version,
        message: crate::report::message(&verdict, source),
        verdict,
        covers: unit.case.header().covers,
        wall: started.elapsed(),
        script_time: outcome.ended_at.saturating_since(crate::time::Time::ZERO),
        perturbed: unit.perturbed,
        trace: outcome.trace,
    };
    Attempt::Done(News::Result(Box::new(result)), punctuality)
}

/// What an attempt says about how many the machine can bear.
fn punctuality(outcome: &RunOutcome) -> Punctuality {
    match outcome.verdict {
        Verdict::Perturbed(_) => Punctuality::Perturbed,
        _ if outcome.strain >= 0.5 => Punctuality::Strained,
        _ => Punctuality::OnTime,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Call, Fd, Outcome};
    use crate::program::Capability;
    use crate::suite::Suite;
    use crate::target::{
        CallReport, CommandReport, Observed, Session, SessionSettings, TargetError,
    };
    use crate::time::{Moment, Time};
    use rstest::rstest;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    /// A machine that oversleeps by 9 ms in its first sessions.
    struct Sleepy {
        late_sessions: usize,
        opened: AtomicUsize,
        interrupt: Interrupt,
    }

    struct SleepySession {
        now: Time,
        late: Duration,
    }

    impl Target for Sleepy {
        fn name(&self) -> &'static str {
            "sleepy"
        }

        fn defines(&self) -> Vec<String> {
            Vec::new()
        }

        fn lacks(&self, _capability: &Capability) -> Option<String> {
            None
        }

        fn is_virtual(&self) -> bool {
            false
        }

        fn open(&self, _settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
            let number = self.opened.fetch_add(1, Ordering::SeqCst);
            if self.late_sessions == usize::MAX && number == 2 {
                self.interrupt.raise();
            }
            let late = Duration::from_millis(if number < self.late_sessions { 9 } else { 0 });
            Ok(Box::new(SleepySession {
                now: Time::ZERO,
                late,
            }))
        }
    }

    impl Session for SleepySession {
        fn start(&mut self) {}

        fn now(&mut self) -> Time {
            self.now
        }

        fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
            self.now = time + self.late;
            Ok(())
        }

        fn inject(&mut self, _datagram: &[u8]) -> Result<Moment, TargetError> {
            Ok(Moment::at(self.now))
        }

        fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
            self.now = deadline;
            Ok(None)
        }

        fn call(&mut self, _call: &Call, _limit: Duration) -> Result<CallReport, TargetError> {
            Ok(CallReport::Returned {
                moment: Moment::at(self.now),
                outcome: Outcome::ok(3),
            })
        }

        fn start_call(&mut self, _call: &Call) -> Result<Moment, TargetError> {
            Ok(Moment::at(self.now))
        }

        fn finish_call(&mut self, _deadline: Time) -> Result<CallReport, TargetError> {
            Ok(CallReport::Blocked)
        }

        fn command(&mut self, _command: &str) -> Result<CommandReport, TargetError> {
            Err(TargetError::Machine("no commands".into()))
        }

        fn socket_info(&mut self, _fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
            Ok(BTreeMap::new())
        }
    }

    fn on_a_sleepy_machine(late_sessions: usize, expected: i32) -> (Vec<CaseResult>, usize) {
        let script = format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = {expected}\n");
        let case = Case {
            name: "one".to_string(),
            origin: Origin::Bundled,
            body: Body::Script(Source::new("one.pkt", &script)),
        };
        let target = Sleepy {
            late_sessions,
            opened: AtomicUsize::new(0),
            interrupt: Interrupt::default(),
        };
        let settings = ExecuteSettings {
            ip_versions: vec![IpVersion::Ipv4],
            interrupt: target.interrupt.clone(),
            ..ExecuteSettings::default()
        };
        let known = KnownDeviations::default();
        let results = execute(&[&case], &target, &known, &settings, &mut |_| {});
        (results, target.opened.into_inner())
    }

    #[rstest]
    #[case::punctual(0, 3, "pass", 0)]
    #[case::late_twice(2, 3, "pass", 2)]
    #[case::late_twice_then_wrong(2, -1, "fail", 2)]
    #[case::wrong_at_once_is_final(0, -1, "fail", 0)]
    #[case::always_late(ATTEMPTS, 3, "perturbed", ATTEMPTS)]
    #[case::always_late_and_wrong(ATTEMPTS, -1, "perturbed", ATTEMPTS)]
    fn only_a_perturbed_attempt_is_made_again(
        #[case] late_sessions: usize,
        #[case] expected: i32,
        #[case] verdict: &str,
        #[case] perturbed: usize,
    ) {
        let (results, attempts) = on_a_sleepy_machine(late_sessions, expected);
        assert_eq!(results[0].verdict.name(), verdict, "{}", results[0].message);
        assert_eq!(results[0].perturbed, perturbed);
        assert_eq!(attempts, (perturbed + 1).min(ATTEMPTS));
    }

    #[rstest]
    #[case::the_first(0, 0)]
    #[case::the_second(1, 0)]
    #[case::the_third(2, 50)]
    #[case::the_fourth(3, 100)]
    #[case::the_last(ATTEMPTS - 1, 3000)]
    #[case::no_end(1000, 3000)]
    fn rests_grow(#[case] perturbed: usize, #[case] milliseconds: u64) {
        assert_eq!(
            rest(perturbed, PATIENCE),
            Duration::from_millis(milliseconds)
        );
        assert_eq!(rest(perturbed, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn an_interrupted_attempt_is_no_result() {
        let (results, attempts) = on_a_sleepy_machine(usize::MAX, 3);
        assert_eq!((results.len(), attempts), (0, 3));
    }
}
