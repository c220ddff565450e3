//! Probes of initial sequence numbers.

pub(super) mod clock;
pub(super) mod sample;
mod statistics;
pub(super) mod tuple;
