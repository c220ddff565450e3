//! Stands in for the Linux target on other systems and says why it cannot run there.

use serde::{Deserialize, Serialize};

use super::{Session, SessionSettings, Target, TargetError};
use crate::fuzz::arena::Arena;
use crate::fuzz::input::Call;
use crate::fuzz::oracle::Choices;
use crate::fuzz::subject::{Answer, Micros, Plan, State, Subject};
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

/// Starts a program: there are no cases here whose descriptors it could copy.
pub(crate) fn spawn(command: &mut std::process::Command) -> std::io::Result<std::process::Child> {
    command.spawn()
}

/// How the harness is linked to the stack under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The kernel as it is fuzzed; never, here.
#[derive(Debug)]
pub enum LinuxSubject {}

impl Arena for LinuxTarget {
    type Subject = LinuxSubject;

    fn target(&self) -> &dyn Target {
        self
    }

    fn prepare(&self) -> Result<(), String> {
        Err(REASON.into())
    }

    fn subject(&self) -> Result<LinuxSubject, String> {
        Err(REASON.into())
    }

    fn for_learning(&self, _: &[(&str, &str)]) -> Result<LinuxSubject, String> {
        Err(REASON.into())
    }

    fn choices(&self) -> Choices {
        Choices::RFC
    }
}

impl Subject for LinuxSubject {
    fn restart(&mut self, _plan: &Plan) {
        match *self {}
    }

    fn now(&self) -> Micros {
        match *self {}
    }

    fn receive(&mut self, _datagram: &[u8]) {
        match *self {}
    }

    fn call(&mut self, _call: Call, _text: &[u8], _into: &mut Vec<u8>) -> Answer {
        match *self {}
    }

    fn deadline(&self) -> Option<Micros> {
        match *self {}
    }

    fn advance(&mut self, _to: Micros) {
        match *self {}
    }

    fn next_packet(&mut self, _datagram: &mut Vec<u8>) -> bool {
        match *self {}
    }

    fn state(&self) -> Option<State> {
        match *self {}
    }

    fn check(&self) -> Result<(), String> {
        match *self {}
    }
}
