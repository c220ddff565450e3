//! Probes of initial sequence numbers.

pub(super) mod clock;
pub(super) mod sample;
pub(super) mod statistics;
pub(super) mod tuple;
