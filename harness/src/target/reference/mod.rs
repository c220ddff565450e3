//! The reference target: the project's own TCP in virtual time.
//!
//! The only part of the harness that knows the stack. Waiting costs nothing: the clock jumps from one
//! deadline to the next, and the same script and seed give the same bytes at the same microseconds.
//! Descriptors, blocking, errno and readiness follow Linux's manual pages; everything on the wire
//! is the stack's doing.

mod arrivals;
mod blocking;
mod calls;
mod capability;
mod choices;
mod commands;
mod defects;
mod descriptors;
mod engine;
mod errno;
mod error_queue;
mod fast_open;
mod files;
mod info;
mod kernel;
mod md5;
mod process;
mod profiles;
mod programs;
mod queue;
mod session;
mod subject;
mod sysctl;

#[cfg(test)]
mod tests;

use tcpdrill_stack::{Config, Profile};

use super::{Session, SessionSettings, Target, TargetError, abi, guarded};
use crate::program::Capability;

pub use defects::{Defect, Infected, defects};
pub use profiles::{ProfileSetting, profile_settings};
pub use session::ReferenceSession;
pub use subject::ReferenceSubject;

/// The reference stack as a target, with one set of settings for every case.
#[derive(Clone, Debug, Default)]
pub struct ReferenceTarget {
    profile: Profile,
    config: Config,
}

impl ReferenceTarget {
    /// A target whose hosts start from the settings of `profile`; the MTU is taken from each case's
    /// settings.
    pub fn new(profile: Profile) -> ReferenceTarget {
        ReferenceTarget {
            profile,
            config: profile.config(),
        }
    }

    /// A target by the name of its profile.
    ///
    /// # Errors
    /// What names there are, if no profile has this one.
    pub fn of_profile(name: &str) -> Result<ReferenceTarget, String> {
        let profile = name.parse::<Profile>().map_err(|error| error.to_string())?;
        Ok(ReferenceTarget::new(profile))
    }

    /// The names of all profiles, the default first.
    pub fn profiles() -> impl Iterator<Item = &'static str> {
        Profile::ALL.into_iter().map(Profile::name)
    }

    /// As [`Target::open`], with the concrete type.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the addresses or the MTU make no host.
    pub fn session(&self, settings: &SessionSettings) -> Result<ReferenceSession, TargetError> {
        ReferenceSession::new(self.config.clone(), settings)
    }
}

impl Target for ReferenceTarget {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn description(&self) -> String {
        match self.profile {
            Profile::Rfc9293 => "the reference stack (RFC 9293, in virtual time)".to_owned(),
            profile => format!("the reference stack (profile {profile}, in virtual time)"),
        }
    }

    fn defines(&self) -> Vec<String> {
        vec!["reference".to_owned(), self.profile.name().to_owned()]
    }

    fn profile(&self) -> String {
        self.profile.name().to_owned()
    }

    fn known(&self) -> &str {
        match self.profile {
            Profile::Rfc9293 => "reference",
            Profile::Linux => "reference-linux",
            Profile::Freebsd => "reference-freebsd",
        }
    }

    fn lacks(&self, capability: &Capability) -> Option<String> {
        capability::lacks(&capability.0)
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        let session = guarded::Guarded::new(|settings| self.session(settings), settings)?;
        Ok(Box::new(session))
    }
}
