//! The build's own commands, run as `cargo xtask COMMAND`.
//!
//! - [`tidy`] checks the rules of the house that the compiler does not know.
//! - [`compare`] holds tcpdrill against packetdrill on scripts of the caller's.
//! - [`coverage`] tells which lines of the stack the tests and the cases reach.
//! - [`mutants`] changes the stack's code in one place at a time and tells who notices.
//! - [`sample`] draws covered requirements by lot.
//! - [`trace`] follows each requirement to the code that implements it and the cases that show it.
//!
//! `tidy` and `trace` work on a [`Repository`] read into memory, so that a test can hand in a small one.

mod case;
mod catalogue;
mod code;
pub mod compare;
pub mod coverage;
mod finding;
pub mod mutants;
mod repository;
pub mod sample;
pub mod tidy;
pub mod trace;

pub use finding::{Finding, Severity};
pub use repository::{Repository, SourceFile};
