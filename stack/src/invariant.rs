//! What must hold of a host between two steps.

use crate::host::Host;
use core::fmt;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an invariant does not hold")
    }
}

/// Placeholder until the branch of the state machine brings the real one.
pub fn check(_host: &Host) -> Result<(), Violation> {
    Ok(())
}
