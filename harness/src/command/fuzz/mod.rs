//! `tcpdrill fuzz`: events drawn at random, until the time is over.

mod finding;
mod progress;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::FuzzArgs;
use crate::exit::Exit;
use crate::fuzz::engine::{Engine, Finding, Settings};
use crate::target::reference::ReferenceTarget;

use progress::Progress;

/// When a job ends.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    Runs(u64),
}

/// What all jobs share.
struct Shared {
    progress: Progress,
    /// Findings, each of a kind of its own.
    findings: Mutex<Vec<Finding>>,
    /// So many are enough.
    most: usize,
}

/// Fuzzes, and says what came of it.
pub(super) fn fuzz(args: &FuzzArgs) -> Exit {
    match run(args) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn run(args: &FuzzArgs) -> Result<Exit, String> {
    let target = ReferenceTarget::default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(processors, usize::from);
    let started = Instant::now();
    let until = match args.runs {
        Some(runs) => Until::Runs(runs),
        None => Until::Time(started + Duration::from_secs(args.seconds)),
    };
    let shared = Shared {
        progress: Progress::new(jobs),
        findings: Mutex::new(Vec::new()),
        most: args.findings.into(),
    };
    super::zoo::quiet();
    std::thread::scope(|scope| {
        for number in 0..jobs {
            let settings = Settings {
                seed: args.seed.wrapping_mul(1 << 20).wrapping_add(number as u64),
                most_events: args.events.into(),
                feedback: !args.no_feedback,
            };
            let (target, shared) = (&target, &shared);
            scope.spawn(move || {
                job(target, settings, until, number, shared);
                shared.progress.ended();
            });
        }
        shared.progress.show(started);
    });
    let output = super::output::Output::default();
    output.say(&shared.progress.line(started));
    let findings = shared
        .findings
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    for (number, finding) in findings.iter().enumerate() {
        finding::tell(&target, finding, number + 1, args)?;
    }
    Ok(match findings.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    })
}

fn job(target: &ReferenceTarget, settings: Settings, until: Until, number: usize, shared: &Shared) {
    let mut engine = Engine::new(settings, target.choices());
    let mut subject = target.subject();
    loop {
        // The clock is asked now and then only.
        if engine.totals.runs.is_multiple_of(64) {
            shared.progress.note(number, &engine);
            if shared.is_enough() {
                break;
            }
        }
        let is_over = match until {
            Until::Time(end) => engine.totals.runs.is_multiple_of(64) && Instant::now() >= end,
            Until::Runs(runs) => engine.totals.runs >= runs,
        };
        if is_over {
            break;
        }
        if let Some(finding) = engine.step(&mut subject) {
            shared.found(finding);
        }
    }
    shared.progress.note(number, &engine);
}

impl Shared {
    fn found(&self, finding: Finding) {
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = finding.found.violation.kind();
        let is_known = findings
            .iter()
            .any(|known| known.found.violation.kind() == kind);
        if !is_known && findings.len() < self.most {
            findings.push(finding);
            self.progress.found();
        }
    }

    fn is_enough(&self) -> bool {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.len() >= self.most
    }
}
