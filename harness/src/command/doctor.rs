//! `tcpdrill doctor`: what this machine can do.

use std::io::Write;

use crate::exit::Exit;

use super::output::Output;

/// Prints what this machine offers, and what to do about what it does not.
pub(super) fn doctor() -> Exit {
    let privilege = crate::target::linux::prepare();
    let _ = write!(Output::Standard, "{}", crate::doctor::examine(&privilege));
    Exit::Success
}
