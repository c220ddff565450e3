//! A sans-I/O reference TCP for IPv4 and IPv6 that reads like RFC 9293.
//!
//! No sockets, no clock, no randomness of its own: datagrams, user calls and times go in, datagrams, events and the next
//! deadline come out. [`Host`] is the door.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
pub mod error;
pub mod event;
pub mod host;
pub mod seq;
pub mod socket;
pub mod state;
pub mod time;

pub use config::Config;
pub use error::{CallError, ConnectionError};
pub use event::Event;
pub use host::{Host, Output};
pub use socket::{Readiness, SendFlags, SocketId, SocketOptions, Status};
pub use state::StateName;
pub use time::Instant;
