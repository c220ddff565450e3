//! How many of which verdict, and what that means for the exit status.

use std::time::Duration;

use serde::Serialize;

use crate::verdict::{CaseError, CaseResult, Verdict};

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "named after the verdicts")]
pub struct Summary {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub known_deviations: usize,
    pub unexpected_passes: usize,
    /// Runs in which the machine was late in every attempt.
    pub perturbed: usize,
    pub errors: usize,
    /// Attempts that were set aside because the machine was late, in all runs.
    pub perturbed_attempts: usize,
    /// Whether a signal ended the run before every case had its turn.
    pub interrupted: bool,
    pub wall_ms: u64,
    /// Runs of which at least one attempt was set aside.
    #[serde(skip)]
    pub runs_again: usize,
    /// Errors that are the script's own.
    #[serde(skip)]
    pub script_errors: usize,
}

impl Summary {
    /// Counts results that took `wall` in all.
    pub fn of(results: &[CaseResult], wall: Duration) -> Summary {
        let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        let mut summary = Summary {
            wall_ms,
            ..Summary::default()
        };
        for result in results {
            summary.perturbed_attempts += result.perturbed;
            summary.runs_again += usize::from(result.perturbed > 0);
            match &result.verdict {
                Verdict::Pass => summary.passed += 1,
                Verdict::Fail(_) => summary.failed += 1,
                Verdict::Skip { .. } => summary.skipped += 1,
                Verdict::KnownDeviation { .. } => summary.known_deviations += 1,
                Verdict::UnexpectedPass { .. } => summary.unexpected_passes += 1,
                Verdict::Perturbed(_) => summary.perturbed += 1,
                Verdict::Error(error) => {
                    summary.errors += 1;
                    summary.script_errors += usize::from(match error {
                        CaseError::Script(_) | CaseError::Unreadable(_) => true,
                        CaseError::Machine(_) => false,
                    });
                }
            }
        }
        summary
    }

    /// Results that are not as they should be.
    pub fn unexpected(&self) -> usize {
        self.failed + self.unexpected_passes + self.perturbed + self.errors
    }

    /// Results that say something about the target.
    pub fn judged(&self) -> usize {
        self.passed + self.failed + self.known_deviations + self.unexpected_passes
    }
}
