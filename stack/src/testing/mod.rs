//! Tools for tests, behind the feature `testing`: simulated links, pairs of hosts, single hosts on a bench.

pub mod bench;
pub mod netem;
pub mod pair;
