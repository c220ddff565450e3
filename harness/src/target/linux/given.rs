//! The network namespace that the process was started in, for runners that made one for it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::net::if_::if_nameindex;
use nix::unistd::{Pid, getppid};

use super::LinuxTarget;
use super::privilege::Privilege;
use super::session::LinuxSession;
use crate::program::Capability;
use crate::target::{Session, SessionSettings, Target, TargetError};

/// The running kernel; the first case has the namespace the process was started in, so that who
/// watches that namespace sees its packets. All others have fresh ones: what the first one leaves
/// behind, a Fast Open cookie for one, is not theirs.
#[derive(Debug, Default)]
struct GivenNamespace {
    is_taken: AtomicBool,
}

/// The running kernel, on the namespace that the process was started in if somebody has made
/// it for this purpose: a process that this one descends from is in another, and there is nothing
/// but `lo` in it.
pub fn given_namespace(privilege: Privilege) -> Box<dyn Target> {
    if privilege == Privilege::Own && is_made_for_us() {
        Box::new(GivenNamespace::default())
    } else {
        Box::new(LinuxTarget)
    }
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

impl Target for GivenNamespace {
    fn name(&self) -> &'static str {
        LinuxTarget.name()
    }

    fn description(&self) -> String {
        LinuxTarget.description()
    }

    fn defines(&self) -> Vec<String> {
        LinuxTarget.defines()
    }

    fn lacks(&self, capability: &Capability) -> Option<String> {
        LinuxTarget.lacks(capability)
    }

    fn is_virtual(&self) -> bool {
        LinuxTarget.is_virtual()
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        if self.is_taken.swap(true, Ordering::Relaxed) {
            return LinuxTarget.open(settings);
        }
        Ok(Box::new(LinuxSession::open_here(settings)?))
    }
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
