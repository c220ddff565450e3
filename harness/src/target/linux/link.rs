//! An Ethernet interface through a packet socket: frames in with the kernel's time stamps, frames out.
//!
//! Two things the kernel does behind the wire are undone by whoever reads the frames, with what the
//! `virtio_net_hdr` in front of each one tells: checksums left to the hardware, and segments that
//! are cut later or were joined already.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use super::clock::{self, Clock, Nanos};
use super::ending;
use super::packet_socket::{self, BUFFER_BYTES, Instruction};
use super::priority;
use super::watch::Watch;
use super::wheel::{self, Wheels};
use crate::target::TargetError;
use crate::time::{Moment, Time};

/// Length of `struct virtio_net_hdr`.
pub(in crate::target) const OFFLOAD: usize = 10;

/// A hardware address.
pub(in crate::target) type Mac = [u8; 6];

/// What is known about an interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::target) struct Interface {
    /// Its name.
    pub(in crate::target) name: String,
    index: u32,
    /// Its own hardware address.
    pub(in crate::target) mac: Mac,
    /// Its MTU in bytes.
    pub(in crate::target) mtu: u32,
    /// Its addresses with their prefix lengths.
    pub(in crate::target) addresses: Vec<(IpAddr, u8)>,
}

nix::ioctl_read_bad!(interface_mtu, libc::SIOCGIFMTU, libc::ifreq);

impl Interface {
    /// The interface of this name.
    ///
    /// # Errors
    /// If there is none, or it is no Ethernet interface.
    pub(in crate::target) fn named(name: &str) -> Result<Interface, String> {
        let index = if_nametoindex(name)
            .map_err(|errno| format!("there is no interface `{name}` ({errno})"))?;
        let mut mac = None;
        let mut addresses = Vec::new();
        let all =
            getifaddrs().map_err(|errno| format!("the interfaces cannot be listed ({errno})"))?;
        for entry in all.filter(|entry| entry.interface_name == name) {
            let Some(address) = entry.address else {
                continue;
            };
            if let Some(link) = address.as_link_addr() {
                mac = link.addr();
            }
            let ip = |storage: &nix::sys::socket::SockaddrStorage| {
                let four = storage.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
                four.or_else(|| storage.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
            };
            if let (Some(address), Some(mask)) = (ip(&address), entry.netmask.as_ref().and_then(ip))
            {
                addresses.push((address, prefix_of(mask)));
            }
        }
        let mac = mac.filter(|mac| *mac != [0; 6]).ok_or_else(|| {
            format!("`{name}` has no hardware address: it is no Ethernet interface")
        })?;
        Ok(Interface {
            name: name.to_string(),
            index,
            mac,
            mtu: mtu(name)?,
            addresses,
        })
    }

    /// Whether this machine passes on packets that come in here and are for others.
    pub(in crate::target) fn forwards(&self) -> bool {
        ["ipv4", "ipv6"].iter().any(|family| {
            let path = format!("/proc/sys/net/{family}/conf/{}/forwarding", self.name);
            std::fs::read_to_string(path).is_ok_and(|value| value.trim() != "0")
        })
    }
}

fn prefix_of(mask: IpAddr) -> u8 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).leading_ones() as u8,
        IpAddr::V6(mask) => u128::from(mask).leading_ones() as u8,
    }
}

fn mtu(name: &str) -> Result<u32, String> {
    let any = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .map_err(|errno| format!("no socket ({errno})"))?;
    // SAFETY: `ifreq` is plain data for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
        *place = byte as libc::c_char;
    }
    // SAFETY: the kernel reads the name, which ends in a zero, and writes one `int` into the union.
    let result = unsafe { interface_mtu(any.as_raw_fd(), &raw mut request) };
    result.map_err(|errno| format!("the MTU of `{name}` cannot be had ({errno})"))?;
    // SAFETY: the kernel has just written this member.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    u32::try_from(mtu).map_err(|_| format!("`{name}` has an MTU of {mtu}"))
}

/// A frame that was heard.
#[derive(Clone, Debug)]
pub(in crate::target) struct Frame {
    /// When, by the kernel's stamp.
    pub(in crate::target) at: Time,
    /// The `virtio_net_hdr` and the frame behind it.
    pub(in crate::target) bytes: Vec<u8>,
    /// A program of this machine has sent it.
    pub(in crate::target) is_outgoing: bool,
}

/// One case's view of an interface. Dropping it leaves nothing behind.
#[derive(Debug)]
pub(in crate::target) struct Link {
    fd: OwnedFd,
    clock: Clock,
    name: String,
    buffer: Vec<u8>,
    control: Vec<u8>,
    watch: Arc<Watch>,
    wheels: &'static Wheels,
}

impl Link {
    /// Hears what passes `filter` on an interface, be it on its way in or, from others, out. With `promiscuous`, frames to hardware addresses that are not the interface's are heard, too,
    /// as long as the link is open.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] without the right to packet sockets.
    pub(in crate::target) fn open(
        interface: &Interface,
        filter: &[Instruction],
        promiscuous: bool,
    ) -> Result<Link, TargetError> {
        clock::set_exact_timers();
        let failed = |what: &str, errno: Errno| {
            TargetError::Machine(format!(
                "the packet socket on {} cannot be set up: {what}: {errno}",
                interface.name
            ))
        };
        // Protocol 0 hears nothing until it is bound, so that no frame comes before the filter.
        let fd = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )
        .map_err(|errno| match errno {
            Errno::EPERM | Errno::EACCES => TargetError::Unsupported {
                capability: "packet socket".into(),
                reason: "this user may not open one: run as root, or with CAP_NET_RAW".into(),
            },
            errno => failed("socket", errno),
        })?;
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)
            .map_err(|errno| failed("SO_TIMESTAMPNS", errno))?;
        if setsockopt(&fd, sockopt::RcvBufForce, &BUFFER_BYTES).is_err() {
            // Not allowed to everybody; what the machine grants has to do.
            let _ = setsockopt(&fd, sockopt::RcvBuf, &BUFFER_BYTES);
        }
        set(&fd, libc::PACKET_VNET_HDR, &1_i32)
            .map_err(|errno| failed("PACKET_VNET_HDR", errno))?;
        packet_socket::attach(&fd, filter).map_err(|errno| failed("filter", errno))?;
        if promiscuous {
            let membership = libc::packet_mreq {
                mr_ifindex: interface.index as i32,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set(&fd, libc::PACKET_ADD_MEMBERSHIP, &membership)
                .map_err(|errno| failed("promiscuous mode", errno))?;
        }
        packet_socket::bind(&fd, interface.index).map_err(|errno| failed("bind", errno))?;
        Ok(Link {
            fd,
            clock: Clock::new(),
            name: interface.name.clone(),
            buffer: vec![0; 1 << 17],
            control: nix::cmsg_space!(TimeSpec),
            watch: Watch::shared(),
            wheels: Wheels::shared(),
        })
    }

    /// Gives the calling thread, which runs the case, real-time priority if that is allowed, and a place.
    pub(in crate::target) fn be_punctual(&self) {
        wheel::run_on(&self.wheels.best());
        priority::urgent();
    }

    /// Takes it back: taking a case apart is work, and nobody waits for it.
    pub(in crate::target) fn be_at_ease(&self) {
        priority::ordinary();
        wheel::run_on(&self.wheels.all());
    }

    /// How long a processor of this machine stood still, or did not look at its timers, between
    /// two times.
    pub(in crate::target) fn held_up(&self, from: Time, to: Time) -> Duration {
        let (from, to) = (self.clock.instant(from), self.clock.instant(to));
        let longest =
            self.watch
                .held_up(from, to)
                .max(self.wheels.held_up(&self.wheels.all(), from, to));
        Duration::from_nanos(u64::try_from(longest).unwrap_or(0))
    }

    /// An error once a signal has asked the process to end.
    pub(in crate::target) fn check(&self) -> Result<(), TargetError> {
        ending::check()
    }

    /// Makes now the clock's zero; gives by how many microseconds earlier stamps are too late.
    pub(in crate::target) fn start_clock(&mut self) -> i64 {
        let before = self.clock;
        self.clock = Clock::new();
        before.time(self.clock.instant(Time::ZERO)).as_micros()
    }

    /// The current time.
    pub(in crate::target) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Sends a frame and says when it went out.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if it is longer than the interface takes.
    pub(in crate::target) fn send(&self, frame: &[u8]) -> Result<Moment, TargetError> {
        let start = clock::monotonic_nanos();
        let parts = [IoSlice::new(&[0; OFFLOAD]), IoSlice::new(frame)];
        let fd = self.fd.as_raw_fd();
        loop {
            match sendmsg::<()>(fd, &parts, &[], MsgFlags::empty(), None) {
                Ok(_) => break,
                // The interface's queue is full; it empties by itself.
                Err(Errno::EINTR | Errno::EAGAIN | Errno::ENOBUFS) => {}
                Err(Errno::EMSGSIZE) => {
                    return Err(TargetError::Unsupported {
                        capability: "mtu".into(),
                        reason: format!(
                            "a packet of {} bytes does not go through {}",
                            frame.len().saturating_sub(14),
                            self.name
                        ),
                    });
                }
                Err(errno) => {
                    return Err(TargetError::Machine(format!(
                        "a frame of {} bytes could not be sent on {}: {errno}",
                        frame.len(),
                        self.name
                    )));
                }
            }
        }
        Ok(self.clock.moment(start, clock::monotonic_nanos()))
    }

    /// The next frame that is waiting, if any.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the socket failed.
    pub(in crate::target) fn receive(&mut self) -> Result<Option<Frame>, TargetError> {
        loop {
            let mut parts = [IoSliceMut::new(&mut self.buffer)];
            let message = match recvmsg::<LinkAddr>(
                self.fd.as_raw_fd(),
                &mut parts,
                Some(&mut self.control),
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(message) => message,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => continue,
                Err(errno) => {
                    return Err(TargetError::Machine(format!(
                        "reading the packet socket on {} failed: {errno}",
                        self.name
                    )));
                }
            };
            let len = message.bytes;
            let from = message.address;
            let stamp =
                message
                    .cmsgs()
                    .ok()
                    .into_iter()
                    .flatten()
                    .find_map(|control| match control {
                        ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
                        _ => None,
                    });
            let Some(stamp) = stamp else {
                return Err(TargetError::Machine(
                    "the kernel gave a frame without a time stamp".into(),
                ));
            };
            return Ok(Some(Frame {
                at: self.clock.time_of_stamp(stamp),
                bytes: self.buffer[..len].to_vec(),
                is_outgoing: from.is_some_and(|from| from.pkttype() == libc::PACKET_OUTGOING),
            }));
        }
    }

    /// Waits until a frame has come, `also` is readable, a signal asks the process to end, or
    /// shortly before `until`. Says whether `also` is readable.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if waiting failed.
    pub(in crate::target) fn wait(
        &self,
        until: Time,
        also: Option<&TcpStream>,
    ) -> Result<bool, TargetError> {
        /// Below this, sleeping is more exact than polling.
        const SHORT: Nanos = 100_000;
        let remaining = self.clock.instant(until) - clock::monotonic_nanos();
        if remaining <= 0 && also.is_none() {
            return Ok(false);
        }
        let wait = if remaining < SHORT {
            TimeSpec::new(0, remaining.max(0) as _)
        } else {
            TimeSpec::from(clock::poll_wait(remaining))
        };
        let mut list = vec![PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        list.extend(also.map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)));
        // Readable for ever once the signal has come; what is still waited for then is the end.
        let alarm = ending::alarm().filter(|_| !ending::has_come());
        list.extend(alarm.map(|alarm| PollFd::new(alarm, PollFlags::POLLIN)));
        match ppoll(&mut list, Some(wait), None) {
            Ok(_) => Ok(also.is_some() && list.get(1).is_some_and(readable)),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(TargetError::Machine(format!(
                "waiting for a packet on {} failed: {errno}",
                self.name
            ))),
        }
    }

    /// How many frames were lost since the last time because nobody read them in time.
    pub(in crate::target) fn lost(&self) -> u32 {
        packet_socket::lost(&self.fd)
    }
}

fn readable(fd: &PollFd<'_>) -> bool {
    fd.revents().is_some_and(|events| !events.is_empty())
}

/// Sets an option of the packet socket to a value of the type the kernel has for it.
fn set<T>(fd: &impl AsFd, name: i32, value: &T) -> Result<(), Errno> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of a value of that size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_ethernet_interface_is_refused_with_the_reason() {
        let none = Interface::named("no-such-if0").unwrap_err();
        assert!(none.contains("there is no interface"), "{none}");
        let loopback = Interface::named("lo").unwrap_err();
        assert!(loopback.contains("no Ethernet interface"), "{loopback}");
    }
}
