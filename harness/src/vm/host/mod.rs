//! The host's side: kernels are started, fed, followed, watched, and started anew.

mod batch;
mod console;
mod folder;
mod follow;
mod kernel;
mod study;
mod tail;
mod watchdog;
mod worker;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::program::Capability;
use crate::report::RunEvent;
use crate::suite::{Case, ExecuteSettings, KnownDeviations};
use crate::target::linux::Link;
use crate::target::{Session, SessionSettings, Target, TargetError};
use crate::verdict::CaseResult;

pub use kernel::start;
pub use study::study;
use worker::{News, Worker};

/// How often a run says that it is still waiting.
const WAITING: Duration = Duration::from_millis(100);

/// A kernel that is an ordinary program.
#[derive(Clone, Debug)]
pub struct VmTarget {
    kernel: PathBuf,
    release: String,
    link: Option<Link>,
    patience: Duration,
}

impl VmTarget {
    /// The kernel in this file. One that says nothing for longer than `patience` hangs.
    ///
    /// # Errors
    /// If it cannot be started, or does not say its version; in one line.
    pub fn new(kernel: &Path, link: Option<Link>, patience: Duration) -> Result<VmTarget, String> {
        let kernel = std::path::absolute(kernel).map_err(|error| error.to_string())?;
        let release = kernel::release(&kernel)?;
        folder::sweep();
        Ok(VmTarget {
            kernel,
            release,
            link,
            patience,
        })
    }
}

impl Target for VmTarget {
    fn name(&self) -> &'static str {
        "linux-vm"
    }

    fn description(&self) -> String {
        let (release, path) = (&self.release, self.kernel.display());
        format!("Linux {release} in virtual time ({path})")
    }

    fn defines(&self) -> Vec<String> {
        vec!["linux".into(), "Linux".into()]
    }

    fn kernel(&self) -> Option<String> {
        Some(self.release.clone())
    }

    fn lacks(&self, _capability: &Capability) -> Option<String> {
        // Inside, the same question is put to the kernel itself.
        None
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn known(&self) -> &str {
        "linux"
    }

    fn open(&self, _settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Err(TargetError::Unsupported {
            capability: "session".into(),
            reason: "cases run inside the kernel, not one by one from outside; use `tcpdrill run`"
                .into(),
        })
    }
}

/// Runs cases on fresh kernels, as [`crate::suite::execute`] does on other targets.
pub fn execute(
    cases: &[&Case],
    target: &VmTarget,
    known: &KnownDeviations,
    settings: &ExecuteSettings,
    observe: &mut dyn FnMut(&RunEvent<'_>),
) -> Vec<CaseResult> {
    let batches = batch::cut(cases, settings);
    let total = batches.iter().map(Vec::len).sum();
    observe(&RunEvent::Started {
        target: target.name(),
        total,
    });
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let kernels = settings.jobs.unwrap_or(processors).min(batches.len());
    let queue = Mutex::new(VecDeque::from(batches));
    let (sender, news) = channel();
    let mut results = Vec::with_capacity(total);
    std::thread::scope(|scope| {
        // So that two runs of one kernel each do not both choose the first processor.
        let first = std::process::id() as usize % processors;
        for number in 0..kernels.max(1) {
            let worker = Worker {
                target,
                settings,
                queue: &queue,
                news: sender.clone(),
                processor: first + number,
            };
            scope.spawn(move || worker.work());
        }
        drop(sender);
        loop {
            match news.recv_timeout(WAITING) {
                Ok(News { unit, result }) => {
                    let result = judged(&unit.case, *result, target, known);
                    observe(&RunEvent::Finished { result: &result });
                    results.push(result);
                }
                Err(RecvTimeoutError::Timeout) => observe(&RunEvent::Waiting),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    results.sort_by(|a, b| (&a.case, a.ip_version).cmp(&(&b.case, b.ip_version)));
    results
}

/// A result as the kernel gave it, held against the list.
fn judged(
    case: &Case,
    result: CaseResult,
    target: &VmTarget,
    known: &KnownDeviations,
) -> CaseResult {
    let source = case.source();
    let verdict = known.judge(&case.name, result.ip_version, source, result.verdict);
    CaseResult {
        target: target.name().to_string(),
        message: crate::report::message(&verdict, source),
        verdict,
        ..result
    }
}
