//! The namespace of a fuzzed kernel, and its wire.

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use smallvec::SmallVec;

use super::super::netlink::Netlink;
use super::super::rtnetlink;
use super::super::survivor::{self, Legacy};
use super::super::tun::{self, Tun};
use super::super::{device, netns, sysctl};
use crate::script::command::{Change, Link, Route};
use crate::target::TargetError;

/// The loopback interface is the first of every namespace.
const LOOPBACK: u32 = 1;

/// See rtnetlink(7).
const RTAX_QUICKACK: u16 = 15;

/// What keeps one input from another, and the answers from being rationed: name, value.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.ipv4.tcp_invalid_ratelimit", "0"),
    ("net.ipv4.tcp_challenge_ack_limit", "2147483647"),
    ("net.ipv4.tcp_comp_sack_nr", "0"),
    ("net.ipv4.tcp_syncookies", "0"),
    ("net.ipv4.tcp_max_syn_backlog", "1024"),
    ("net.core.somaxconn", "1024"),
    ("net.ipv4.tcp_fastopen", "0"),
    ("net.ipv4.tcp_ecn", "0"),
];

/// Packets that the device holds: text in the smallest segments is sent at once, and nobody reads meanwhile.
const QUEUE: u32 = 16_384;

/// The longest datagram.
const MOST: usize = 65_535;

/// What ended a wait before its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Woken {
    pub(super) by_packet: bool,
    pub(super) by_listener: bool,
}

impl Woken {
    pub(super) fn any(self) -> bool {
        self.by_packet || self.by_listener
    }
}

/// A namespace with a TUN device that has addresses of both families.
#[derive(Debug)]
pub(super) struct Host {
    tun: Tun,
    /// What is read, before it is as long as it is.
    buffer: Vec<u8>,
    _legacy: Option<Legacy>,
}

impl Host {
    /// Moves the calling thread into it.
    pub(super) fn enter(addresses: &[IpAddr]) -> Result<Host, TargetError> {
        netns::leave()?;
        let legacy = survivor::look_after();
        netns::set_defaults();
        for (name, value) in SETTINGS {
            // A kernel that lacks one has not what it switches off; a finding that comes of it is told.
            let _ = sysctl::write(name, value);
        }
        let tun = Tun::open(None)?;
        let failed = |what: &str, errno: Errno| {
            TargetError::Machine(format!("the fuzzed host cannot be set up: {what}: {errno}"))
        };
        let index = if_nametoindex(tun::NAME).map_err(|errno| failed("tun0", errno))?;
        let mut netlink = Netlink::open().map_err(|errno| failed("rtnetlink", errno))?;
        for index in [LOOPBACK, index] {
            let up = netlink.request(rtnetlink::link_up(index, None));
            up.map_err(|errno| failed("a link cannot be brought up", errno))?;
        }
        let queue = Link {
            device: tun::NAME.to_owned(),
            queue: Some(QUEUE),
            ..Link::default()
        };
        if device::link(&queue).status != 0 {
            let reason = "tun0 cannot have a longer queue";
            return Err(TargetError::Machine(reason.to_owned()));
        }
        for address in addresses {
            let prefix = if address.is_ipv4() { 24 } else { 64 };
            let added = netlink.request(rtnetlink::address(index, *address, prefix));
            added.map_err(|errno| failed(&format!("tun0 cannot have {address}"), errno))?;
            if let IpAddr::V6(address) = address {
                netns::wait_for_local_route(*address)?;
            }
        }
        Ok(Host {
            tun,
            buffer: vec![0; MOST],
            _legacy: legacy,
        })
    }

    /// Puts a datagram in front of the kernel, which has dealt with it afterwards.
    pub(super) fn write(&self, datagram: &[u8]) -> Result<(), String> {
        match self.tun.write(datagram) {
            // What has no header never reaches TCP.
            Ok(()) | Err(Errno::EINVAL) => Ok(()),
            Err(errno) => Err(format!("tun0 takes no datagram: {errno}")),
        }
    }

    /// The next datagram that the kernel has sent, without its own housekeeping.
    pub(super) fn read(&mut self, datagram: &mut Vec<u8>) -> Result<bool, String> {
        loop {
            let len = match self.tun.read(&mut self.buffer) {
                Ok(len) => len,
                Err(Errno::EAGAIN) => return Ok(false),
                Err(errno) => return Err(format!("tun0 cannot be read: {errno}")),
            };
            let read = &self.buffer[..len];
            if is_tcp(read) {
                datagram.clear();
                datagram.extend_from_slice(read);
                return Ok(true);
            }
        }
    }

    /// Sleeps until the kernel has sent something, there is a connection to accept, or so long.
    pub(super) fn wait(
        &self,
        length: Duration,
        listener: Option<BorrowedFd<'_>>,
    ) -> Result<Woken, String> {
        let fds = [Some(self.tun.as_fd()), listener];
        let entry = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut entries: SmallVec<[PollFd<'_>; 2]> = fds.into_iter().flatten().map(entry).collect();
        match ppoll(&mut entries, Some(TimeSpec::from_duration(length)), None) {
            Ok(_) => {
                let is_ready = |at: usize| entries.get(at).and_then(PollFd::any).unwrap_or(false);
                Ok(Woken {
                    by_packet: is_ready(0),
                    by_listener: is_ready(1),
                })
            }
            // Who looks will see.
            Err(Errno::EINTR) => Ok(Woken {
                by_packet: true,
                by_listener: listener.is_some(),
            }),
            Err(errno) => Err(format!("tun0 cannot be waited for: {errno}")),
        }
    }

    /// Has no acknowledgment delayed to this network.
    pub(super) fn acknowledge_at_once(&self, network: (IpAddr, u8)) -> Result<(), String> {
        let route = Route {
            change: Change::Replace,
            destination: network,
            gateway: None,
            onlink: false,
            device: tun::NAME.to_owned(),
            metrics: vec![(RTAX_QUICKACK, 1)],
            locks: 0,
            congestion_control: None,
        };
        match device::route(&route, None).status {
            0 => Ok(()),
            _ => Err("the route to the peer cannot be changed".to_owned()),
        }
    }

    /// Forgets what the kernel has sent.
    pub(super) fn discard(&self) {
        self.tun.discard_sent(usize::MAX);
    }
}

/// Whether it is TCP: a namespace also sends of itself, to multicast groups.
fn is_tcp(datagram: &[u8]) -> bool {
    match datagram.first().map(|byte| byte >> 4) {
        Some(4) => datagram.get(9) == Some(&6),
        Some(6) => datagram.get(6) == Some(&6),
        _ => false,
    }
}
