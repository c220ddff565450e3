//! Stands in for the wire target on other systems and says why it cannot run there.

use super::WireOptions;
use crate::program::Capability;
use crate::target::{Session, SessionSettings, Target, TargetError};

const REASON: &str = "the wire target plays the peer through Linux packet sockets, and this is not Linux; run the controller on a Linux machine";

/// The wire, which this system does not offer.
#[derive(Clone, Debug)]
pub struct WireTarget(());

impl WireTarget {
    /// Always refuses.
    ///
    /// # Errors
    /// Always: why there is no wire target here.
    pub fn new(_options: &WireOptions) -> Result<WireTarget, String> {
        Err(REASON.into())
    }
}

impl Target for WireTarget {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn defines(&self) -> Vec<String> {
        vec!["wire".into()]
    }

    fn lacks(&self, _capability: &Capability) -> Option<String> {
        Some(REASON.into())
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn open(&self, _settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Err(TargetError::Unsupported {
            capability: "wire".into(),
            reason: REASON.into(),
        })
    }
}
