//! The system calls, a file per group.

mod close;
mod control;
mod file;
mod name;
mod nulls;
mod open;
mod options;
mod poll;
mod receive;
mod send;
mod signal;

pub(super) use crate::target::values::read_int;
pub(super) use control::is_known as is_known_request;
pub(super) use open::checked_address;
pub(super) use options::is_known as is_known_option;
