//! A stack on another machine: packets over a real interface, calls through an agent there.
//!
//! - `setup` finds out which addresses are whose, `keeper` keeps them, `greeting` whether a server listens; `played` and `pool` say which case plays which.
//! - `line` is the wire of one case: `filter` chooses frames, `offload` undoes what hardware would
//!   do, `frames` reads and writes them.
//! - `session` makes calls through an agent; `listening` has none and takes it that a server
//!   listens, and `assumed` says which scripts that is enough for.
//!
//! docs/wire.md describes its use.

mod options;

#[cfg(target_os = "linux")]
mod assumed;
#[cfg(target_os = "linux")]
mod commands;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
mod greeting;
#[cfg(target_os = "linux")]
mod keeper;
#[cfg(target_os = "linux")]
mod line;
#[cfg(target_os = "linux")]
mod listening;
#[cfg(target_os = "linux")]
mod offload;
#[cfg(target_os = "linux")]
mod played;
#[cfg(target_os = "linux")]
mod pool;
#[cfg(target_os = "linux")]
mod session;
#[cfg(target_os = "linux")]
mod setup;
#[cfg(target_os = "linux")]
mod wanted;

#[cfg(target_os = "linux")]
mod live;
#[cfg(not(target_os = "linux"))]
#[path = "stub.rs"]
mod live;

pub use live::WireTarget;
pub use options::{Calls, WireOptions};
