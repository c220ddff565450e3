//! A sans-I/O reference TCP for IPv4 and IPv6 that reads like RFC 9293.
//!
//! No sockets, no clock, no randomness of its own: datagrams, user calls and times go in,
//! datagrams, events and the next deadline come out. [`Host`] is the door.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod challenge_ack;
pub mod config;
pub mod congestion;
mod connection;
mod context;
pub mod cookie;
mod demux;
pub mod error;
pub mod event;
pub mod host;
mod icmp;
mod input;
pub mod invariant;
pub mod isn;
mod keyed_hash;
mod listener;
pub mod ports;
pub mod recv;
pub mod rng;
pub mod segment;
pub mod send;
pub mod seq;
pub mod socket;
pub mod state;
mod tcb;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod timers;
mod user_call;
pub mod window;
pub mod wire;

pub use config::Config;
pub use error::{CallError, ConnectionError};
pub use event::Event;
pub use host::{Host, Output};
pub use socket::{Readiness, SendFlags, SocketId, SocketOptions, Status};
pub use state::StateName;
pub use time::Instant;
