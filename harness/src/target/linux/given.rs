//! The network namespace that the process was started in, for runners that made one for it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::net::if_::if_nameindex;
use nix::unistd::{Pid, getppid};

use super::privilege::Privilege;

/// Whether the next case takes the namespace that the process was started in.
static WAITING: AtomicBool = AtomicBool::new(false);

/// Gives the next case the namespace that the process was started in, so that who watches that
/// namespace sees its packets. All others have fresh ones as ever: what the first one leaves
/// behind, a Fast Open cookie for one, is not theirs.
///
/// Does nothing unless somebody has made that namespace for this purpose: a process that this one
/// descends from is in another, and there is nothing but `lo` in it.
pub fn use_given_namespace(privilege: Privilege) {
    if privilege == Privilege::Own && is_made_for_us() {
        WAITING.store(true, Ordering::Relaxed);
    }
}

/// Whether the calling thread is to stay in the namespace it is in; once only.
pub(super) fn take() -> bool {
    WAITING.swap(false, Ordering::Relaxed)
}

fn is_made_for_us() -> bool {
    let only_loopback = if_nameindex().is_ok_and(|interfaces| {
        interfaces
            .iter()
            .all(|interface| interface.name().to_bytes() == b"lo")
    });
    let Ok(own) = fs::read_link("/proc/self/ns/net") else {
        return false;
    };
    let ancestors = std::iter::successors(Some(getppid()), |process| parent(*process));
    only_loopback
        && ancestors
            .filter_map(|process| fs::read_link(format!("/proc/{process}/ns/net")).ok())
            .any(|namespace| namespace != own)
}

/// The parent of a process; none for the first, and for one that may not be looked at.
fn parent(process: Pid) -> Option<Pid> {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    parent_in(&status)
}

/// The name of the program, in brackets, may hold anything: the last bracket ends it. Behind it
/// stand the state and the parent.
fn parent_in(status: &str) -> Option<Pid> {
    let (_, behind) = status.rsplit_once(')')?;
    let parent = behind.split_whitespace().nth(1)?.parse().ok()?;
    (parent > 0).then(|| Pid::from_raw(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_behind_the_state() {
        assert_eq!(parent_in("7 (a) b) S 42 7 7 0"), Some(Pid::from_raw(42)));
        assert_eq!(parent_in("1 (init) S 0 1 1 0"), None);
        assert_eq!(parent_in("7 (a"), None);
    }
}
