//! What the user says about the two machines.

use std::net::IpAddr;

use crate::agent::secret::Secret;

/// Where the stack is and how it is reached.
#[derive(Clone, Debug)]
pub struct WireOptions {
    /// Who makes the calls.
    pub calls: Calls,
    /// The interface of this machine that packets go through.
    pub interface: String,
    /// Addresses of the stack, one a family at most; the agent knows its own.
    pub hosts: Vec<IpAddr>,
    /// First addresses to play, one a family at most; free ones are looked for otherwise.
    pub remote_ips: Vec<IpAddr>,
    /// How many addresses in a row to play in each family.
    pub remote_count: u8,
    /// Routers to a stack that is not in the interface's network, one a family at most.
    pub gateways: Vec<IpAddr>,
    /// Whether to use the interface's own hardware address instead of a made-up one.
    pub own_mac: bool,
    /// Whether floods may be sent.
    pub allow_flood: bool,
    /// Whether IPv4 and IPv6 are wanted.
    pub families: (bool, bool),
}

/// Who makes the calls of a script.
#[derive(Clone, Debug)]
pub enum Calls {
    /// An agent.
    Agent {
        /// Its `HOST:PORT`.
        address: String,
        /// The shared secret.
        secret: Secret,
    },
    /// Nobody: a server listens on the host, and that has to do.
    Nobody {
        /// Its port.
        port: u16,
        /// It neither reads nor writes nor closes.
        is_idle: bool,
        /// The host's operating system, if the user says: for `#ifdef` and known deviations.
        os: Option<String>,
    },
}
