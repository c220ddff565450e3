//! The user calls of RFC 9293 §3.9.1 and what each means in each state (§3.10.1 to §3.10.6), one
//! file a call.

mod abort;
mod close;
mod fast_open;
mod open;
mod receive;
mod send;
mod status;
