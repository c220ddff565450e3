//! A kernel that learns itself: one job, one kernel, one machine.

use std::time::Instant;

use super::VmTarget;
use super::kernel::Kernel;
use super::watchdog::Watchdog;
use super::worker::LOOK;
use crate::learn::study::Study;
use crate::learn::{Expense, Learned};
use crate::vm::protocol::{Job, Report};

/// Learns the kernel of a target.
///
/// # Errors
/// If it cannot be started, ends or hangs, or is no machine; with its last words.
pub fn study(
    target: &VmTarget,
    study: &Study,
    progress: &mut dyn FnMut(&Expense),
) -> Result<Learned, String> {
    let mut kernel = Kernel::boot(&target.kernel, &Job::Learn(study.clone()))?;
    let mut reports = kernel.reports()?;
    let mut watchdog = Watchdog::new(target.patience);
    let mut has_ended = false;
    let why = loop {
        match reports.next() {
            Ok(Some(Report::Ready)) => {}
            Ok(Some(Report::Learning { expense })) => progress(&expense),
            Ok(Some(Report::Learned(learned))) => return Ok(*learned),
            Ok(Some(Report::Refused { problem })) => return Err(problem),
            Ok(Some(Report::Began { .. } | Report::Ended { .. } | Report::Done)) => {
                break "the kernel tells of what it was not asked".to_owned();
            }
            Ok(None) if has_ended => break "the kernel has ended".to_owned(),
            Ok(None) => {
                // What it has said before its end is read once more.
                has_ended = kernel.ended().is_some();
                if watchdog.is_over(Instant::now()) {
                    let patience = target.patience.as_secs();
                    break format!("the kernel hangs: no word from it for {patience} s");
                }
                if !has_ended {
                    std::thread::sleep(LOOK);
                }
                continue;
            }
            Err(problem) => break problem.to_string(),
        }
        watchdog.news();
    };
    Err(format!("{why}{}", kernel.last_words()))
}
