//! Stands in for the target on other systems and says why it cannot run there.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::exit::Exit;
use crate::learn::study::Study;
use crate::learn::{Expense, Learned};
use crate::program::Capability;
use crate::report::RunEvent;
use crate::suite::{Case, ExecuteSettings, KnownDeviations};
use crate::target::linux::Link;
use crate::target::{Session, SessionSettings, Target, TargetError};
use crate::verdict::CaseResult;

const REASON: &str =
    "a kernel that runs as a program (User Mode Linux) needs Linux; use --target reference";

/// A kernel that is an ordinary program, of which there is none here.
#[derive(Clone, Copy, Debug)]
pub enum VmTarget {}

impl VmTarget {
    /// Always refuses.
    ///
    /// # Errors
    /// Always: why there is no such kernel here.
    pub fn new(
        _kernel: &Path,
        _link: Option<Link>,
        _patience: Duration,
    ) -> Result<VmTarget, String> {
        Err(REASON.into())
    }
}

impl Target for VmTarget {
    fn name(&self) -> &'static str {
        match *self {}
    }

    fn defines(&self) -> Vec<String> {
        match *self {}
    }

    fn lacks(&self, _capability: &Capability) -> Option<String> {
        match *self {}
    }

    fn is_virtual(&self) -> bool {
        match *self {}
    }

    fn open(&self, _settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        match *self {}
    }
}

/// Never called: there is no target.
pub fn execute(
    _cases: &[&Case],
    target: &VmTarget,
    _known: &KnownDeviations,
    _settings: &ExecuteSettings,
    _observe: &mut dyn FnMut(&RunEvent<'_>),
) -> Vec<CaseResult> {
    match *target {}
}

/// Never called: there is no target.
///
/// # Errors
/// Never.
pub fn study(
    target: &VmTarget,
    _study: &Study,
    _progress: &mut dyn FnMut(&Expense),
) -> Result<Learned, String> {
    match *target {}
}

/// Nothing to do: there is no such kernel here.
pub fn guest_main() -> Exit {
    Exit::NothingRan
}

/// Always refuses.
pub fn start(_words: &[OsString]) -> String {
    REASON.into()
}
