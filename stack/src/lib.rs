//! A sans-I/O reference TCP for IPv4 and IPv6 that reads like RFC 9293.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
