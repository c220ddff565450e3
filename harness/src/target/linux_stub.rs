//! Stands in for the Linux target on other systems and says why it cannot run there.

use super::{Session, SessionSettings, Target, TargetError};
use crate::program::Capability;

const REASON: &str = "the linux target tests the kernel it runs on, and this is not Linux; use --target reference, or a Linux machine";

/// How the process came by its rights; never, here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {}

/// Always refuses.
///
/// # Errors
/// Always: why there is no Linux target here.
pub fn prepare() -> Result<Privilege, String> {
    Err(REASON.into())
}

/// Never called: there are no rights to have.
pub fn use_given_namespace(privilege: Privilege) {
    match privilege {}
}

/// Does nothing: a signal ends the process at once here.
pub fn raise_on_signals(_interrupt: &crate::suite::Interrupt) {}

/// How the harness is linked to the stack under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A TUN device.
    Tun,
    /// A pair of virtual Ethernet devices and a packet socket.
    Packet,
}

impl Link {
    /// Always refuses.
    ///
    /// # Errors
    /// Always: why there is no Linux target here.
    pub fn usable() -> Result<Link, String> {
        Err(REASON.into())
    }

    /// Always refuses.
    ///
    /// # Errors
    /// Always: why there is no Linux target here.
    pub fn try_out(self) -> Result<(), String> {
        Err(REASON.into())
    }
}

/// The running kernel, which is not Linux.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxTarget;

impl LinuxTarget {
    /// The running kernel, over this link.
    pub fn over(_link: Link) -> LinuxTarget {
        LinuxTarget
    }

    /// Always refuses.
    ///
    /// # Errors
    /// Always: why there is no Linux target here.
    pub fn available() -> Result<(), String> {
        Err(REASON.into())
    }
}

impl Target for LinuxTarget {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn defines(&self) -> Vec<String> {
        vec!["linux".into(), "Linux".into()]
    }

    fn lacks(&self, _capability: &Capability) -> Option<String> {
        Some(REASON.into())
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn open(&self, _settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Err(TargetError::Unsupported {
            capability: "linux".into(),
            reason: REASON.into(),
        })
    }
}
