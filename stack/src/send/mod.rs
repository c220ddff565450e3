//! The sender's mechanisms, one a file.

pub mod buffer;
pub(crate) mod bursts;
pub(crate) mod chunks;
pub mod flight;
pub(crate) mod keepalive;
pub(crate) mod loss_probe;
pub(crate) mod nagle;
pub(crate) mod output;
pub(crate) mod persist;
pub(crate) mod recovery;
pub(crate) mod retransmit;
pub mod rtt;
pub(crate) mod segments;
pub(crate) mod selective;
pub(crate) mod usage;
