//! Simulated hosts over bad links: every byte arrives once and in order, both ways, and all comes to
//! an end.
//!
//! The simulation itself is `tcpdrill_stack::testing::simulation`; `docs/simulation.md` describes it.
//! A failing seed prints the command that shows it; a failing property prints its scenario, to be put
//! into a test of its own.

mod blackout;
mod properties;
mod regressions;
mod scenario;
mod seeds;
mod single_runs;
mod throughput;
