//! Fuzzing a TCP stack: events, what is known of both sides, oracles, and how findings become scripts.
//!
//! See ARCHITECTURE.md, "How stacks are fuzzed".

pub mod arena;
pub mod corpus;
pub mod damage;
pub mod differential;
mod ending;
pub mod engine;
#[cfg(test)]
mod error_tests;
pub mod feedback;
pub mod generate;
pub mod icmp;
pub mod input;
pub mod known;
pub mod ledger;
pub mod mutate;
pub mod oracle;
pub mod packet;
mod phrase;
pub mod play;
#[cfg(test)]
mod profile_tests;
pub mod script;
pub mod seed;
pub mod segment;
pub(crate) mod sent;
pub mod shrink;
pub mod subject;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub mod tracking;
#[cfg(test)]
mod tracking_tests;
pub mod transcript;
