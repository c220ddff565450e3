//! Exit statuses, as documented in the README.

use std::process::ExitCode;

use crate::vm::kernel::bisect::Found;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything as expected.
    Success,
    /// At least one unexpected verdict.
    Unexpected,
    /// Wrong usage, or a script that does not parse.
    Usage,
    /// Nothing could run here.
    NothingRan,
    /// A revision of Linux of which `git bisect run` is to try another.
    Untestable,
    /// `git bisect run` is to stop.
    Abort,
    /// A signal ended the run early.
    Interrupted,
}

impl From<Found> for Exit {
    fn from(found: Found) -> Exit {
        match found {
            Found::Good => Exit::Success,
            Found::Bad => Exit::Unexpected,
            Found::Untestable => Exit::Untestable,
            Found::Abort => Exit::Abort,
            Found::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::NothingRan => 3,
            Exit::Untestable => 125,
            Exit::Abort => 128,
            Exit::Interrupted => 130,
        })
    }
}
