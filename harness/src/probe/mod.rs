//! Probes: what a linear script cannot say, such as samples of thousands and floods.
//!
//! A probe is Rust here, named and parameterised by a small `NAME.probe.toml` among the cases.

use crate::program::CaseHeader;
use crate::runner::{RunOutcome, RunSettings};
use crate::source::Source;
use crate::target::Target;
use crate::verdict::{CaseError, Verdict};

/// Title and covered requirements of a probe file, as far as they can be read.
pub fn header(_source: &Source) -> CaseHeader {
    CaseHeader::default()
}

/// Runs a probe.
pub fn run(source: &Source, _target: &dyn Target, _settings: &RunSettings) -> RunOutcome {
    let problem = format!("{}: no probe of that name", source.name());
    RunOutcome::unstarted(Verdict::Error(CaseError::Machine(problem)))
}

/// Mistakes of a probe file.
pub fn check(_source: &Source) -> Vec<String> {
    Vec::new()
}
