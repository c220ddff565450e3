//! The sender's mechanisms, one a file.

pub(crate) mod autotune;
pub mod buffer;
pub(crate) mod bursts;
pub(crate) mod chunks;
pub mod flight;
pub(crate) mod keepalive;
pub(crate) mod limits;
pub(crate) mod loss_probe;
pub(crate) mod nagle;
pub(crate) mod output;
pub mod pacing;
pub(crate) mod persist;
pub(crate) mod recovery;
pub(crate) mod retransmit;
pub(crate) mod room;
pub mod rtt;
pub(crate) mod segments;
pub(crate) mod selective;
pub(crate) mod usage;
