//! Exit statuses, as documented in the README.

use std::process::ExitCode;

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
    /// A signal ended the run early.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::NothingRan => 3,
            Exit::Interrupted => 130,
        })
    }
}
