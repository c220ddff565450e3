//! What is on the wire: IP, ICMP errors and TCP, read and written.
//!
//! Reading is total: any bytes give a value or a [`DropReason`], and never a panic.

pub mod accecn;
pub mod checksum;
pub mod drop_reason;
pub mod fast_open;
pub mod icmp;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod options;
pub mod signature;
pub mod tcp;
pub mod user_timeout;

mod read;
pub(crate) mod usual;
mod write;

pub use drop_reason::DropReason;
