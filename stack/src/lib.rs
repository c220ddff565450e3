//! A sans-I/O reference TCP for IPv4 and IPv6 that reads like RFC 9293.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod challenge_ack;
pub mod congestion;
pub mod cookie;
pub mod isn;
pub mod ports;
pub mod recv;
pub mod rng;
pub mod segment;
pub mod send;
pub mod seq;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod timers;
pub mod window;
pub mod wire;

mod keyed_hash;
