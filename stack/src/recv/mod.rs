//! The receiver's mechanisms, one a file.

pub mod assembler;
pub mod buffer;
pub mod sack_blocks;
