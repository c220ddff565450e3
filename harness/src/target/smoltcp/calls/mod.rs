//! The system calls, a file per group.

mod close;
mod control;
mod data;
mod listen;
mod open;
mod options;
mod poll;

pub(super) use control::is_known as is_known_request;
pub(super) use options::{control, is_known as is_known_option};
pub(super) use poll::milliseconds;
