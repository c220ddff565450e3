//! The receiver's mechanisms, one a file.

pub mod ack_policy;
pub mod adaptive_ack;
pub mod assembler;
pub mod buffer;
pub(crate) mod duplicate;
pub mod sack_blocks;
pub(crate) mod window;
