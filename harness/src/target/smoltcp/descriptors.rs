//! The descriptors of a case: TCP sockets, and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::host::{Id, Options};
use crate::call::Fd;

/// Lowest number given out: 0, 1 and 2 are a process's standard streams.
const FIRST: i32 = 3;

/// The family a socket was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `AF_INET`
    Inet,
    /// `AF_INET6`
    Inet6,
}

/// How far a `connect` has come, as `connect` itself sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A `connect` was started and no later one has told its end.
    Connecting,
    /// Told, or the socket came from `accept`.
    Connected,
}

/// What stands behind `listen`: smoltcp has no backlog, but a socket that listens becomes the
/// connection. So there are as many sockets as connections may wait to be accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    /// How many sockets.
    pub(super) size: usize,
    /// They listen, or are in SYN-RECEIVED.
    pub(super) waiting: Vec<Id>,
    /// Their handshake is done; `accept` takes the first.
    pub(super) ready: VecDeque<Id>,
}

/// What a socket is at present.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Neither listening nor connected, possibly bound.
    Fresh,
    /// Listening.
    Listening(Pool),
    /// It has or had a connection.
    Connection(Id, Link),
}

/// A TCP socket of the case's process.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    /// `AF_INET` or `AF_INET6`.
    pub(super) family: Family,
    /// `O_NONBLOCK`.
    pub(super) nonblocking: bool,
    /// `FD_CLOEXEC`
    pub(super) close_on_exec: bool,
    /// Address (`None`: any) and port it was bound to.
    pub(super) bound: Option<(Option<IpAddr>, u16)>,
    /// What it is.
    pub(super) stage: Stage,
    /// What smoltcp is told of.
    pub(super) options: Options,
    /// What only the call interface knows of.
    pub(super) local: LocalOptions,
    /// `SHUT_RD` was called.
    pub(super) read_shut: bool,
    /// `SHUT_WR` was called.
    pub(super) write_shut: bool,
}

/// Options that live above smoltcp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalOptions {
    /// `SO_KEEPALIVE`
    pub(super) keep_alive: bool,
    /// `TCP_KEEPIDLE`: how long a connection is silent before it is asked after.
    pub(super) keep_idle: Duration,
    /// `SO_LINGER`
    pub(super) linger: Option<Duration>,
    /// `SO_RCVTIMEO`; `None` waits for ever.
    pub(super) receive_timeout: Option<Duration>,
    /// `SO_SNDTIMEO`
    pub(super) send_timeout: Option<Duration>,
    /// `SO_RCVLOWAT`, at least 1.
    pub(super) receive_low_water: usize,
    /// `TCP_WINDOW_CLAMP`: the receive buffer is no larger.
    pub(super) window_clamp: Option<usize>,
    /// `SO_REUSEADDR`
    pub(super) reuse_address: bool,
    /// `IPV6_V6ONLY`
    pub(super) v6_only: bool,
}

/// Two hours: no less by default (RFC 9293 §3.8.4).
const KEEP_IDLE: Duration = Duration::from_secs(7200);

impl Socket {
    /// As `socket(2)` makes it.
    pub(super) fn new(family: Family, nonblocking: bool, options: Options) -> Socket {
        Socket {
            family,
            nonblocking,
            close_on_exec: false,
            bound: None,
            stage: Stage::Fresh,
            options,
            local: LocalOptions {
                keep_alive: false,
                keep_idle: KEEP_IDLE,
                linger: None,
                receive_timeout: None,
                send_timeout: None,
                receive_low_water: 1,
                window_clamp: None,
                reuse_address: false,
                v6_only: false,
            },
            read_shut: false,
            write_shut: false,
        }
    }

    /// The options for smoltcp, with what follows from several.
    pub(super) fn told(&self) -> Options {
        let mut options = self.options.clone();
        if let Some(clamp) = self.local.window_clamp {
            options.receive_buffer = options.receive_buffer.min(clamp);
        }
        options.keep_alive = self.local.keep_alive.then(|| self.local.keep_idle.into());
        options
    }

    /// An address as a socket of this family shows it; `None` is any address.
    pub(super) fn shown(&self, ip: Option<IpAddr>) -> IpAddr {
        match (self.family, ip) {
            (Family::Inet, None) => Ipv4Addr::UNSPECIFIED.into(),
            (Family::Inet6, None) => Ipv6Addr::UNSPECIFIED.into(),
            (Family::Inet6, Some(IpAddr::V4(ip))) => ip.to_ipv6_mapped().into(),
            (_, Some(ip)) => ip,
        }
    }
}

/// An IPv4-mapped address as the IPv4 address it stands for (RFC 4291 §2.5.5.2).
pub(super) fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

/// All open descriptors.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<Fd, Socket>);

impl Table {
    /// Opens the lowest free number.
    pub(super) fn insert(&mut self, socket: Socket) -> Fd {
        let mut free = FIRST;
        while self.0.contains_key(&Fd(free)) {
            free += 1;
        }
        self.0.insert(Fd(free), socket);
        Fd(free)
    }

    /// What a number stands for.
    pub(super) fn get(&self, fd: Fd) -> Option<&Socket> {
        self.0.get(&fd)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, fd: Fd) -> Option<&mut Socket> {
        self.0.get_mut(&fd)
    }

    /// Closes a number.
    pub(super) fn remove(&mut self, fd: Fd) -> Option<Socket> {
        self.0.remove(&fd)
    }

    /// Every open socket with its number.
    pub(super) fn all(&self) -> impl Iterator<Item = (Fd, &Socket)> {
        self.0.iter().map(|(fd, socket)| (*fd, socket))
    }
}
