//! `tcpdrill doctor`: what this machine can do.

use std::io::{self, Write};

use crate::exit::Exit;

/// Prints what this machine offers, and what to do about what it does not.
pub(super) fn doctor() -> Exit {
    let privilege = crate::target::linux::prepare();
    // A reader such as `head` may close the pipe: nothing is lost then.
    let _ = write!(io::stdout(), "{}", crate::doctor::examine(&privilege));
    Exit::Success
}
