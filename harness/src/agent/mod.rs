//! The agent: makes a script's system calls on the machine under test, for a controller elsewhere.
//!
//! - `secret` and `handshake` let nobody in who does not know the shared secret.
//! - `channel` carries messages that nobody on the way can change, repeat or make up.
//! - `protocol` is what is said: calls and their outcomes.
//! - `server` and `conversation` are the agent's side, `client` is the controller's.
//! - `machine` is what the agent needs of its operating system.
//!
//! docs/wire.md describes all of it.

pub mod channel;
pub mod client;
mod conversation;
pub mod handshake;
pub mod machine;
pub mod protocol;
pub mod secret;
pub mod server;
mod timed;
