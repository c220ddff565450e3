//! Path MTU discovery: by what routers say (RFC 1191, RFC 8201, with the checks of RFC 5927 §7), and
//! by probes of our own where they say nothing (RFC 4821, RFC 8899).
//!
//! `settings` has the choices, `cache` what a host remembers of destinations, `state` what a connection
//! knows of its path, `too_big` the reaction to ICMP, `search` the arithmetic of probing and `probe` its
//! place in a connection.
//!
//! All sizes named MTU are whole IP packets, all named MSS are without the fixed headers (RFC 9293
//! §3.7.1). IPv4 datagrams always leave with Don't Fragment set (RFC 1191 §3).

pub(crate) mod cache;
pub(crate) mod probe;
mod search;
mod settings;
mod state;
pub(crate) mod too_big;

pub use settings::{BelowMinimum, PathMtuConfig, Probing, TooBig};
pub(crate) use state::{Path, is_kept, refresh, resize};
