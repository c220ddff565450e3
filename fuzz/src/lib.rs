//! What the fuzz targets do with their input. The targets are one-line shims around these
//! functions, so that everything here is also run by plain `cargo test`, with seeded inputs.
//!
//! A finding is a panic whose message says what was expected.

mod header_parse;
#[cfg(test)]
mod seeds;
mod state_machine;

pub use header_parse::header_parse;
pub use state_machine::state_machine;
