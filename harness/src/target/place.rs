//! Where a case runs: addresses and ports, as far as a target has a say in them.

use std::any::Any;

use super::SessionSettings;
use crate::program::Program;

/// What is about to be run.
#[derive(Clone, Copy, Debug)]
pub enum Plan<'a> {
    /// A script.
    Script(&'a Program),
    /// A probe.
    Probe {
        /// Its name.
        name: &'a str,
        /// Whether a server that listens is all it needs of the machine under test.
        server_only: bool,
    },
}

/// The ports of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The stack's, where a script says `bind(…, ..., ...)`.
    pub bind: u16,
    /// The peer's, where a script says `connect(…, ..., ...)`.
    pub connect: u16,
    /// The peer's first, when it opens a connection; the next ones follow.
    pub first_remote: u16,
}

/// Where a case runs.
#[derive(Debug)]
pub struct Place {
    /// The host it wants, as it can be had.
    pub settings: SessionSettings,
    /// Its ports.
    pub ports: Ports,
    /// Given back to the target when the case is over, after its session was dropped.
    pub lease: Option<Box<dyn Any>>,
}
