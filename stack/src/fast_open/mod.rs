//! TCP Fast Open (RFC 7413): data on a SYN, for peers that have shown who they are before.
//!
//! `keys` makes and judges the cookies of a server, `cache` is what a client remembers of servers,
//! `state` what a connection knows of its own start, `client` what an open puts on its SYN and reads
//! in the answer. What a listener does with a SYN is in `host/passive.rs`.

pub(crate) mod cache;
pub(crate) mod client;
mod keys;
mod state;

pub(crate) use keys::{Judgment, judge};
pub use keys::{Key, Keys};
pub(crate) use state::{Attempt, FastOpen};

use core::time::Duration;

/// What a host does with Fast Open. Nothing happens before a user asks for it as well: by
/// [`fast_open_queue`](crate::SocketOptions::fast_open_queue) on a listener, by
/// [`open_with_data`](crate::Host::open_with_data) and its relatives on a client.
// REQ: RFC7413-1
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FastOpenConfig {
    /// Opens may use it.
    pub client: bool,
    /// Listeners may use it.
    pub server: bool,
    /// Opens send data without a cookie, and ask for none (RFC 7413 §6.3 and Linux; only for
    /// networks without strangers).
    pub send_without_cookie: bool,
    /// Listeners take data without looking for a cookie, with the same warning.
    pub accept_without_cookie: bool,
    /// Listeners that do not ask take part as well, with their backlog as the queue: against RFC 7413
    /// §2 (RFC7413-1), for scripts that set 0x400 in `net.ipv4.tcp_fastopen`.
    pub every_listener: bool,
    /// What cookies are made with; `None` takes keys from the host's secret. A change affects the
    /// listeners there are as well, unless they have [keys of their
    /// own](crate::SocketOptions::fast_open_keys).
    pub keys: Option<Keys>,
    /// How long a connection that was reset before its handshake ended counts as one under way
    /// (RFC 7413 §5.1: a reset with a forged source must not make room for the next).
    pub reset_hold: Duration,
    /// How long a server that did not answer Fast Open well is opened the ordinary way (RFC 7413
    /// §4.1.3.1, RFC7413-7); `None` tries again at once, as Linux does.
    pub distrust: Option<Duration>,
    /// Most servers that are remembered; the one heard of longest ago goes first.
    pub remembered: usize,
}

impl Default for FastOpenConfig {
    fn default() -> FastOpenConfig {
        FastOpenConfig {
            client: true,
            server: true,
            send_without_cookie: false,
            accept_without_cookie: false,
            every_listener: false,
            keys: None,
            reset_hold: Duration::from_secs(60),
            distrust: Some(Duration::from_secs(3600)),
            remembered: 1024,
        }
    }
}
