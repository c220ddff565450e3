//! The smoltcp target: a TCP stack of other people's making, in this process and in virtual time.
//!
//! smoltcp is a library without sockets API, clock or threads. Here it has a wire of two queues
//! (`device`), a clock that goes from one of its deadlines to the next (`host`), and above it the calls
//! that a script makes (`kernel`, `calls`). Nothing of it is changed; what it lacks is a skip, what it
//! does against a rule is in `known/smoltcp.toml`. docs/smoltcp.md.

mod blocking;
mod calls;
mod capability;
mod clock;
mod commands;
mod descriptors;
mod device;
mod host;
mod kernel;
mod session;
mod subject;
#[cfg(test)]
mod tests;

pub use subject::SmoltcpSubject;

use super::{Session, SessionSettings, Target, TargetError, guarded::Guarded};
use crate::program::Capability;

/// smoltcp as a target.
#[derive(Clone, Copy, Debug, Default)]
pub struct SmoltcpTarget;

impl Target for SmoltcpTarget {
    fn name(&self) -> &'static str {
        "smoltcp"
    }

    fn description(&self) -> String {
        "smoltcp 0.13 (in virtual time)".to_owned()
    }

    fn defines(&self) -> Vec<String> {
        vec!["smoltcp".to_owned()]
    }

    fn lacks(&self, capability: &Capability) -> Option<String> {
        capability::lacks(&capability.0)
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn has_own_option_layout(&self) -> bool {
        true
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        let session = Guarded::new(session::SmoltcpSession::new, settings)?;
        Ok(Box::new(session))
    }
}
