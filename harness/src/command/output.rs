//! Standard output that does not lose results unnoticed.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use crate::exit::Exit;

/// Why something could not be written to standard output, once that has happened.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Where a command's own text goes. Writing never fails: a reader such as `head` may close the
/// pipe, and the command then goes on without it, for its exit status and its files still count;
/// anything else that goes wrong is remembered for [`settle`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Output {
    /// Standard output.
    #[default]
    Standard,
    /// Standard error, when standard output is for something else.
    Error,
}

impl Output {
    /// Writes a line.
    pub(super) fn say(mut self, line: &dyn Display) {
        let _ = writeln!(self, "{line}");
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Standard => note(io::stdout().write_all(bytes)),
            // Whoever closed standard error does not want to know.
            Output::Error => drop(io::stderr().write_all(bytes)),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if *self == Output::Standard {
            note(io::stdout().flush());
        }
        Ok(())
    }
}

fn note(result: io::Result<()>) {
    if let Err(problem) = result
        && problem.kind() != ErrorKind::BrokenPipe
    {
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert_with(|| problem.to_string());
    }
}

/// The exit status of a command, or another if part of what it said is lost.
pub(super) fn settle(exit: Exit) -> Exit {
    let _ = Output::Standard.flush();
    let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner).take();
    match lost {
        None => exit,
        Some(problem) => {
            let problem = format!("cannot write to standard output: {problem}; results are lost");
            super::complain("error", &problem);
            Exit::Usage
        }
    }
}
