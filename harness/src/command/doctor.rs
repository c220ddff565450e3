//! `tcpdrill doctor`: what this machine can do.

use crate::exit::Exit;

/// Prints what this machine offers, and what to do about what it does not.
pub(super) fn doctor() -> Exit {
    let privilege = crate::target::linux::prepare();
    print!("{}", crate::doctor::examine(&privilege));
    Exit::Success
}
