//! How far the jobs are.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::fuzz::engine::Engine;

/// What one job has done.
#[derive(Debug, Default)]
struct Job {
    runs: AtomicU64,
    events: AtomicU64,
    packets: AtomicU64,
    judged: AtomicU64,
    transitions: AtomicUsize,
    kept: AtomicUsize,
}

/// What all of them have.
#[derive(Debug)]
pub(super) struct Progress {
    jobs: Vec<Job>,
    running: AtomicUsize,
    findings: AtomicUsize,
}

impl Progress {
    pub(super) fn new(jobs: usize) -> Progress {
        Progress {
            jobs: (0..jobs).map(|_| Job::default()).collect(),
            running: AtomicUsize::new(jobs),
            findings: AtomicUsize::new(0),
        }
    }

    /// A job tells how far it is.
    pub(super) fn note(&self, number: usize, engine: &Engine) {
        let job = &self.jobs[number];
        job.runs.store(engine.totals.runs, Relaxed);
        job.events.store(engine.totals.events, Relaxed);
        job.packets.store(engine.totals.packets, Relaxed);
        job.judged.store(engine.totals.judged, Relaxed);
        job.transitions
            .store(engine.coverage.transitions(), Relaxed);
        job.kept.store(engine.kept().len(), Relaxed);
    }

    /// A job has ended.
    pub(super) fn ended(&self) {
        self.running.fetch_sub(1, Relaxed);
    }

    /// Something of a new kind was found.
    pub(super) fn found(&self) {
        self.findings.fetch_add(1, Relaxed);
    }

    /// Shows a line on standard error until all jobs have ended, if somebody looks.
    pub(super) fn show(&self, started: Instant) {
        let is_seen = std::io::stderr().is_terminal();
        let mut shown = Instant::now();
        while self.running.load(Relaxed) > 0 {
            std::thread::sleep(Duration::from_millis(20));
            if is_seen && shown.elapsed() >= Duration::from_secs(1) {
                shown = Instant::now();
                let _ = write!(std::io::stderr(), "\r{}\x1b[K", self.line(started));
            }
        }
        if is_seen {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    /// What was done so far.
    pub(super) fn line(&self, started: Instant) -> String {
        let sum = |part: fn(&Job) -> &AtomicU64| -> u64 {
            self.jobs.iter().map(|job| part(job).load(Relaxed)).sum()
        };
        let most = |part: fn(&Job) -> &AtomicUsize| {
            let all = self.jobs.iter().map(|job| part(job).load(Relaxed));
            all.max().unwrap_or(0)
        };
        let (events, seconds) = (sum(|job| &job.events), started.elapsed().as_secs_f64());
        format!(
            "{} inputs, {events} events, {} packets, {} answers judged in {seconds:.1} s: {:.0} events/s; \
             {} transitions covered, {} inputs kept; {} findings",
            sum(|job| &job.runs),
            sum(|job| &job.packets),
            sum(|job| &job.judged),
            events as f64 / seconds.max(1e-6),
            most(|job| &job.transitions),
            most(|job| &job.kept),
            self.findings.load(Relaxed),
        )
    }
}
