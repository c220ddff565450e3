//! What RFC 9293 §3.10.7 and RFC 5961 make of a segment, as data: one table, and the one place that reads it.
//!
//! The generated family of cases and the fuzzer's oracle both judge by it; neither the stack nor its parser
//! has any part in it.

mod facts;
mod judge;
mod place;
mod segment;
mod table;
#[cfg(test)]
mod tests;

pub use facts::{AnotherSyn, Facts};
pub use judge::{Outcome, outcome};
pub use place::{Place, Trimmed};
pub use segment::{Flags, Segment, Stamp};
pub use table::{Is, Reply, Row, State, TABLE, Then};
