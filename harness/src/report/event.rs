//! All that reporters see of a run.

use crate::diagnostic::render::{Color, render, render_first};
use crate::runner;
use crate::source::Source;
use crate::verdict::{CaseError, CaseResult, Verdict};

/// Something that happened in a run.
#[derive(Clone, Copy, Debug)]
pub enum RunEvent<'a> {
    /// Cases are about to run.
    Started {
        /// The target's name.
        target: &'a str,
        /// How many results there will be.
        total: usize,
    },
    /// An attempt that the machine perturbed; it is made again.
    Perturbed {
        /// The case and its family.
        case: &'a str,
        /// Where the machine was late, and how much.
        why: &'a str,
    },
    /// Nothing happened for a while.
    Waiting,
    /// One result.
    Finished {
        /// It.
        result: &'a CaseResult,
    },
}

/// What a verdict has to say, in plain text; empty for a pass.
pub fn message(verdict: &Verdict, source: &Source) -> String {
    let failure = |failure| render(&runner::diagnostic(failure, source), Color::Never);
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail(found) => failure(found),
        Verdict::Skip { capability, reason } => format!("{capability}: {reason}"),
        Verdict::KnownDeviation {
            reason,
            failure: found,
        } => {
            format!("{reason}\n{}", failure(found))
        }
        Verdict::UnexpectedPass { reason } => {
            format!("passes, but is listed as a known deviation ({reason}); take it off the list")
        }
        Verdict::Perturbed(found) => {
            let line = source.line_of(found.span.start);
            let name = source.name();
            format!(
                "the machine was late in every attempt; in the last, on line {line} of {name}, {found}\n\
                 run it again on a quieter machine or with fewer `--jobs`; `tcpdrill doctor` says what keeps the machine from being punctual"
            )
        }
        Verdict::Error(CaseError::Machine(problem) | CaseError::Unreadable(problem)) => {
            problem.clone()
        }
        Verdict::Error(CaseError::Script(diagnostics)) => {
            render_first(diagnostics, Color::Never).join("\n")
        }
    }
}
