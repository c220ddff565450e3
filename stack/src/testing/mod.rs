//! Simulated links, pairs of hosts, and a bench for one host: tools for tests and fuzzers.

pub mod bench;
pub mod netem;
pub mod pair;
pub mod simulation;
pub mod throughput;
