//! Simulated links and pairs of hosts, for tests and fuzzers.

pub mod netem;
pub mod pair;
