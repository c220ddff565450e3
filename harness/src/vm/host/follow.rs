//! A kernel's reports, heard as they come until there is enough or the kernel is lost.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::kernel::Kernel;
use super::watchdog::Watchdog;
use crate::vm::protocol::Report;

/// How often a kernel's reports are looked for.
const LOOK: Duration = Duration::from_millis(2);

/// Why a kernel's job goes no further.
const UNASKED: &str = "the kernel tells of what it was not asked";

/// What a report leads to: the next one, what was to be had, or why the kernel is not worth following.
pub(super) type Heard<T> = ControlFlow<Result<T, String>>;

/// A report that this job cannot have.
pub(super) fn unasked<T>() -> Heard<T> {
    ControlFlow::Break(Err(UNASKED.to_owned()))
}

impl Kernel {
    /// Has `hear` every report until it ends that, or nothing until `is_over` says that the run is to end.
    ///
    /// # Errors
    /// If the kernel ends, says nothing for `patience`, or what it says is not what was asked; with its last words.
    pub(super) fn follow<T>(
        &mut self,
        patience: Duration,
        is_over: impl Fn() -> bool,
        mut hear: impl FnMut(Report) -> Heard<T>,
    ) -> Result<Option<T>, String> {
        let mut watchdog = Watchdog::new(patience);
        let mut has_ended = false;
        let why = loop {
            if is_over() {
                return Ok(None);
            }
            match self.reports.next() {
                Ok(Some(report)) => match hear(report) {
                    ControlFlow::Continue(()) => watchdog.news(),
                    ControlFlow::Break(Ok(enough)) => return Ok(Some(enough)),
                    ControlFlow::Break(Err(why)) => break why,
                },
                Ok(None) if has_ended => break "the kernel has ended".to_owned(),
                Ok(None) => {
                    // What it has said before its end is read once more.
                    has_ended = self.ended().is_some();
                    if watchdog.is_over(Instant::now()) {
                        let patience = patience.as_secs();
                        break format!("the kernel hangs: no word from it for {patience} s");
                    }
                    if !has_ended {
                        std::thread::sleep(LOOK);
                    }
                }
                Err(problem) => break problem.to_string(),
            }
        };
        Err(format!("{why}{}", self.last_words()))
    }
}
