//! What the stack's packets go over: a TUN device, or a pair of virtual Ethernet devices.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::netns;
use super::tun::Tun;
use super::veth::Veth;
use super::worker::Worker;
use crate::target::{SessionSettings, TargetError};

/// How the harness is linked to the stack under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// A TUN device.
    Tun,
    /// A pair of virtual Ethernet devices and a packet socket.
    Packet,
}

impl Link {
    /// The first that this machine has, found out once by trying: a TUN device if possible.
    ///
    /// # Errors
    /// What is missing and what to do about it, in one line.
    pub fn usable() -> Result<Link, String> {
        static ANSWER: OnceLock<Result<Link, String>> = OnceLock::new();
        ANSWER
            .get_or_init(|| {
                Link::Tun.try_out().map(|()| Link::Tun).or_else(|of_tun| {
                    match Link::Packet.try_out() {
                        Ok(()) => Ok(Link::Packet),
                        Err(_) => Err(of_tun),
                    }
                })
            })
            .clone()
    }

    /// Makes such a link in a namespace of its own and forgets it.
    ///
    /// # Errors
    /// What is missing and what to do about it, in one line.
    pub fn try_out(self) -> Result<(), String> {
        let tried = Worker::start(move || {
            netns::enter()?;
            match self {
                Link::Tun => Tun::open(None).map(drop),
                Link::Packet => Veth::open(1500, None).map(drop),
            }
        });
        tried.map(drop).map_err(|error| error.to_string())
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Link::Tun => "tun",
            Link::Packet => "packet",
        }
    }
}

/// A link, seen from the harness.
#[derive(Debug)]
pub(super) enum Cable {
    Tun(Tun),
    Veth(Veth),
}

impl Cable {
    /// Makes the link in the calling thread's namespace.
    pub(super) fn open(link: Link, settings: &SessionSettings) -> Result<Cable, TargetError> {
        match link {
            Link::Tun => Tun::open(settings.mss).map(Cable::Tun),
            Link::Packet => Veth::open(settings.mtu, settings.mss).map(Cable::Veth),
        }
    }

    /// Whether the stack's end is Ethernet, and has to be kept from looking for its neighbours.
    pub(super) fn is_ethernet(&self) -> bool {
        matches!(self, Cable::Veth(_))
    }

    /// Puts one IP datagram in front of the stack, which has dealt with it when this returns.
    pub(super) fn write(&self, datagram: &[u8]) -> Result<(), Errno> {
        match self {
            Cable::Tun(tun) => tun.write(datagram),
            Cable::Veth(veth) => veth.write(datagram),
        }
    }

    /// Takes so many packets that the stack sent out of the way, where they would pile up; or as many as there are.
    pub(super) fn discard_sent(&self, most: usize) {
        match self {
            Cable::Tun(tun) => tun.discard_sent(most),
            Cable::Veth(_) => {}
        }
    }

    /// Readable when there is something to discard.
    pub(super) fn waiting(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Cable::Tun(tun) => Some(tun.as_fd()),
            Cable::Veth(_) => None,
        }
    }
}
