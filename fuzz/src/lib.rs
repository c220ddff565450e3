//! What the fuzz targets do with their input. The targets are one-line shims around these
//! functions, so that everything here is also run by plain `cargo test`, with seeded inputs.
//!
//! A finding is a panic whose message says what was expected.

mod canary;
mod checksum;
mod differential;
mod header_parse;
mod header_roundtrip;
mod options;
mod script;
pub mod seeds;
mod state_machine;
mod two_hosts;

pub use canary::canary;
pub use checksum::checksum;
pub use differential::differential;
pub use header_parse::header_parse;
pub use header_roundtrip::header_roundtrip;
pub use options::options;
pub use script::script;
pub use state_machine::{mutate_events, state_machine};
pub use two_hosts::two_hosts;
