//! What a run will be: who talks to whom, over what, and what goes wrong when.

use super::feature::FeatureSet;
use crate::config::Config;
use crate::socket::SocketOptions;
use crate::testing::netem::Impairments;
use crate::time::Instant;
use crate::wire::ip::IpVersion;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

/// The port on which hosts listen.
pub const SERVER_PORT: u16 = 80;
/// The client's port of the first connection; the others follow.
pub const FIRST_CLIENT_PORT: u16 = 10_000;

/// Everything that determines a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Determines secrets, misfortunes and what attackers guess.
    pub seed: u64,
    /// What the plan was made with; the run itself looks at a few only.
    pub features: FeatureSet,
    /// The version of all addresses.
    pub version: IpVersion,
    /// The time at the start.
    pub start: Instant,
    /// The hosts.
    pub hosts: Vec<HostPlan>,
    /// The connections among them.
    pub connections: Vec<ConnectionPlan>,
    /// What changes on the way, earliest first.
    pub disturbances: Vec<(Instant, Disturbance)>,
    /// Who interferes.
    pub attacks: Vec<Attack>,
    /// Once nothing is disturbed any more, nobody who is not through stands still for longer.
    pub patience: Duration,
}

/// One host and its link.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// Its settings.
    pub config: Config,
    /// What happens to datagrams on their way to it.
    pub impairments: Impairments,
    /// The largest datagram its link carries; the router answers a larger one with an ICMP error.
    pub link_mtu: u16,
    /// It takes all that has arrived before it answers.
    pub batching: bool,
    /// Most connections its listener keeps for `accept`.
    pub backlog: usize,
    /// Options of its listener.
    pub listener_options: SocketOptions,
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// With a SYN.
    Ordinary,
    /// With data on the SYN (RFC 7413).
    WithData,
    /// The same by the first SEND.
    OnFirstSend,
    /// Both sides at once.
    Crossing,
}

/// One connection. Side 0 is the client, side 1 the server.
#[derive(Clone, Debug)]
pub struct ConnectionPlan {
    /// The host of each side.
    pub hosts: [usize; 2],
    /// When it is opened.
    pub start: Instant,
    /// How.
    pub open: Open,
    /// What each side does.
    pub users: [UserPlan; 2],
}

/// What a user does with his end.
#[derive(Clone, Debug, Default)]
pub struct UserPlan {
    /// Length of the stream that he writes.
    pub length: u64,
    /// Most bytes of one SEND, and of one RECEIVE.
    pub chunk: usize,
    /// Longest pause after a SEND; zero never pauses.
    pub write_pause: Duration,
    /// Longest pause after a RECEIVE; zero never pauses.
    pub read_pause: Duration,
    /// He aborts once so many bytes have come to him.
    pub abort_after: Option<u64>,
    /// His socket's options.
    pub options: SocketOptions,
}

/// Something that changes.
#[derive(Clone, Debug)]
pub enum Disturbance {
    /// The way to a host becomes this.
    Impair {
        /// The host.
        host: usize,
        /// From now on.
        impairments: Impairments,
    },
    /// The way to a host carries datagrams up to this.
    Mtu {
        /// The host.
        host: usize,
        /// Bytes.
        mtu: u16,
    },
    /// A host does nothing.
    Stall {
        /// The host.
        host: usize,
        /// For so long.
        time: Duration,
    },
}

/// What an attacker does, each time a datagram of the connection passes and the dice say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    /// The connection.
    pub connection: usize,
    /// What.
    pub kind: AttackKind,
    /// In how many of 1000 datagrams.
    pub rate: u16,
    /// How often at most.
    pub times: u16,
}

/// The attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackKind {
    /// Blind: addresses and ports are known, numbers are guessed, and the guess is wrong as RFC 5961
    /// means it.
    OffPath,
    /// SYNs from addresses that are nobody's.
    SynFlood,
    /// A RST with the right number.
    Reset,
    /// Text that the sender never wrote, where the receiver waits for text.
    Data,
    /// Text that was sent already, cut another way, some of it with more behind the window.
    Repeats,
    /// MSS, scale, SACK-permitted and timestamps of a SYN are changed or gone.
    Options,
}

impl AttackKind {
    /// Whether the connection may fail, or show foreign bytes.
    pub const fn is_harmful(self) -> bool {
        matches!(self, AttackKind::Reset | AttackKind::Data)
    }
}

impl Plan {
    /// The address of a host.
    pub fn address(&self, host: usize) -> IpAddr {
        address(self.version, host)
    }

    /// The two ends of a connection, the client's first.
    pub fn sockets(&self, connection: usize) -> [SocketAddr; 2] {
        let plan = &self.connections[connection];
        let server_port = match plan.open {
            Open::Crossing => FIRST_CLIENT_PORT + connection as u16,
            Open::Ordinary | Open::WithData | Open::OnFirstSend => SERVER_PORT,
        };
        [
            SocketAddr::new(
                self.address(plan.hosts[0]),
                FIRST_CLIENT_PORT + connection as u16,
            ),
            SocketAddr::new(self.address(plan.hosts[1]), server_port),
        ]
    }

    /// When nothing changes any more.
    pub fn settled_at(&self) -> Instant {
        let starts = self.connections.iter().map(|connection| connection.start);
        let stalls = self.disturbances.iter().map(|(at, what)| match what {
            Disturbance::Stall { time, .. } => *at + *time,
            Disturbance::Impair { .. } | Disturbance::Mtu { .. } => *at,
        });
        starts.chain(stalls).max().unwrap_or(self.start)
    }
}

/// The address of a host.
pub(super) fn address(version: IpVersion, host: usize) -> IpAddr {
    let last = host as u8 + 1;
    match version {
        IpVersion::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
        IpVersion::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into())),
    }
}

/// The host with this address.
pub(super) fn host_at(address: IpAddr) -> Option<usize> {
    let last = match address {
        IpAddr::V4(v4) if v4.octets()[..3] == [192, 0, 2] => v4.octets()[3],
        IpAddr::V6(v6) if v6.segments()[..7] == [0x2001, 0xdb8, 0, 0, 0, 0, 0] => v6.octets()[15],
        IpAddr::V4(_) | IpAddr::V6(_) => return None,
    };
    usize::from(last).checked_sub(1)
}
