//! A sans-I/O reference TCP for IPv4 and IPv6 that reads like RFC 9293.
//!
//! No sockets, no clock, no randomness of its own: datagrams, user calls and times go in, datagrams,
//! events and the next deadline come out. [`Host`] is the door; the same inputs, secret and seed give
//! byte-identical outputs.
//!
//! ```
//! use tcpdrill_stack::{Config, Host, Instant, Output, SocketOptions};
//!
//! let local = "192.0.2.1".parse().unwrap();
//! let mut host = Host::new(Config::default(), &[local], [7; 16], 1);
//! let now = Instant::from_secs(1);
//! let remote = "198.51.100.7:80".parse().unwrap();
//! host.open_active(now, (None, None), remote, SocketOptions::default()).unwrap();
//! let mut packets = 0;
//! let deadline = loop {
//!     match host.poll() {
//!         Output::Transmit(_datagram) => packets += 1,
//!         Output::Event(_event) => {}
//!         Output::Deadline(at) => break at,
//!     }
//! };
//! // One SYN is out, and it will be sent again in a second.
//! assert_eq!(packets, 1);
//! assert_eq!(deadline, Some(Instant::from_secs(2)));
//! ```
//!
//! # Where to read
//!
//! SEGMENT ARRIVES (RFC 9293 §3.10.7) is in `state/`, one file a state; the checks that states share
//! are in `input/`, one file a check. User calls (§3.10.1 to §3.10.6) are in `user_call/`, timeouts
//! (§3.10.8) in `send/` and `connection.rs`, the mechanisms of either direction in `send/` and
//! `recv/`. Choices that the RFC leaves, or that systems make differently, are settings in
//! [`config`]. A comment `REQ:` with a requirement's id stands above the branch that implements it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

/// `$right`, but in a host that carries the mutant `$wrong`; see [`mutants`].
#[cfg(feature = "mutants")]
macro_rules! mutant {
    ($config:expr, $id:ident, $right:expr, $wrong:expr) => {
        $config
            .mutant
            .choose(crate::mutants::Mutant::$id, $right, || $wrong)
    };
}

/// Without the feature `mutants` there are none.
#[cfg(not(feature = "mutants"))]
macro_rules! mutant {
    ($config:expr, $id:ident, $right:expr, $wrong:expr) => {{
        let _ = &$config;
        $right
    }};
}

pub mod challenge_ack;
pub mod config;
pub mod congestion;
mod connection;
mod context;
pub mod cookie;
pub mod counters;
mod demux;
pub mod ecn;
pub mod error;
pub mod event;
pub mod fast_open;
pub mod host;
mod icmp;
mod input;
pub mod invariant;
pub mod isn;
mod keyed_hash;
mod listener;
pub mod md5;
#[cfg(feature = "mutants")]
pub mod mutants;
mod outbox;
pub mod path;
pub mod ports;
pub mod profile;
pub mod recv;
mod ring;
pub mod rng;
pub mod segment;
pub mod send;
pub mod seq;
pub mod socket;
mod sockets;
pub mod state;
mod tcb;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod timers;
mod user_call;
pub mod user_timeout;
pub mod window;
pub mod wire;

pub use config::Config;
pub use error::{CallError, ConnectionError};
pub use event::Event;
pub use host::{Host, Output};
pub use profile::Profile;
pub use socket::{Readiness, SendFlags, SocketId, SocketOptions, Status};
pub use state::StateName;
pub use time::Instant;
