//! A kernel that learns itself: one job, one kernel, one machine.

use std::ops::ControlFlow;

use super::VmTarget;
use super::follow::unasked;
use super::kernel::Kernel;
use crate::learn::study::Study;
use crate::learn::{Expense, Learned};
use crate::vm::protocol::{Job, Report};

/// Learns the kernel of a target.
///
/// # Errors
/// If it cannot be started, ends or hangs, with its last words; or if it is no machine.
pub fn study(
    target: &VmTarget,
    study: &Study,
    progress: &mut dyn FnMut(&Expense),
) -> Result<Learned, String> {
    let mut kernel = Kernel::boot(&target.kernel, &Job::Learn(study.clone()), 0)?;
    let hear = |report| match report {
        Report::Ready => ControlFlow::Continue(()),
        Report::Learning { expense } => {
            progress(&expense);
            ControlFlow::Continue(())
        }
        Report::Learned(learned) => ControlFlow::Break(Ok(Ok(*learned))),
        Report::Refused { problem } => ControlFlow::Break(Ok(Err(problem))),
        Report::Began { .. } | Report::Ended { .. } | Report::Done => unasked(),
    };
    match kernel.follow(target.patience, || false, hear)? {
        Some(learned) => learned,
        None => unreachable!("nothing ends the following but what is heard"),
    }
}
