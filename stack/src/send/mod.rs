//! The sender's mechanisms, one a file.

pub mod buffer;
pub mod rtt;
