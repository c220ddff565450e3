//! The network namespace that the process was started in, for runners that made one for it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::net::if_::if_nameindex;

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
/// it for this purpose: it is not the one of process 1, and there is nothing but `lo` in it.
pub fn given_namespace(privilege: Privilege) -> Box<dyn Target> {
    if privilege == Privilege::Own && is_made_for_us() {
        Box::new(GivenNamespace::default())
    } else {
        Box::new(LinuxTarget)
    }
}

fn is_made_for_us() -> bool {
    let (Ok(first), Ok(own)) = (
        fs::read_link("/proc/1/ns/net"),
        fs::read_link("/proc/self/ns/net"),
    ) else {
        return false;
    };
    let only_loopback = if_nameindex().is_ok_and(|interfaces| {
        interfaces
            .iter()
            .all(|interface| interface.name().to_bytes() == b"lo")
    });
    first != own && only_loopback
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
