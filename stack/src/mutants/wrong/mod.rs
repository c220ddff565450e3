//! Defects that are more than a line, each beside what the right code had made of it.
//!
//! A defect that never came to an end ends here in a panic, as one that read beyond its memory does: a
//! stack that is only called cannot be stopped by its caller.

pub(crate) mod handshake;
pub(crate) mod header;
pub(crate) mod isn;
pub(crate) mod parsing;
pub(crate) mod reassembly;
pub(crate) mod receive;
pub(crate) mod send;
