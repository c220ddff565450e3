//! Netlink: the requests a session needs to bring a link up, give it an address and a route, and
//! the messages that commands are made of.
//!
//! Written by hand because forking `ip` costs 10 ms a call and `ip` may not be installed.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// Nested attribute of a route that holds its metrics; the metric that names a congestion control.
const RTAX_CC_ALGO: u16 = 16;

/// The gateway is on the link, whatever the addresses say.
pub(super) const RTNH_F_ONLINK: u32 = 4;

/// A route to a prefix through a gateway.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Any address within the destination prefix.
    pub(super) destination: IpAddr,
    /// Length of the destination prefix in bits.
    pub(super) prefix: u8,
    /// Next hop, taken to be on the link.
    pub(super) gateway: IpAddr,
    /// Interface index.
    pub(super) index: u32,
    /// Congestion control for connections over this route.
    pub(super) congestion_control: Option<String>,
}

/// A netlink socket of the calling thread's network namespace.
#[derive(Debug)]
pub(super) struct Netlink {
    fd: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// For links, addresses, routes and queueing disciplines.
    pub(super) fn open() -> Result<Netlink, Errno> {
        Netlink::speaking(SockProtocol::NetlinkRoute)
    }

    pub(super) fn speaking(protocol: SockProtocol) -> Result<Netlink, Errno> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )?;
        Ok(Netlink { fd, sequence: 0 })
    }

    /// Brings an interface up, with an MTU if one is given.
    pub(super) fn link_up(&mut self, index: u32, mtu: Option<u16>) -> Result<(), Errno> {
        let up = libc::IFF_UP as u32;
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.put(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
        message.put(&index.to_ne_bytes());
        message.put(&up.to_ne_bytes());
        message.put(&up.to_ne_bytes());
        if let Some(mtu) = mtu {
            message.attribute(libc::IFLA_MTU, &u32::from(mtu).to_ne_bytes());
        }
        self.request(message)
    }

    /// Keeps an Ethernet interface from looking for the hardware addresses of its neighbours.
    pub(super) fn without_neighbours(&mut self, index: u32) -> Result<(), Errno> {
        let flag = libc::IFF_NOARP as u32;
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.put(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
        message.put(&index.to_ne_bytes());
        message.put(&flag.to_ne_bytes());
        message.put(&flag.to_ne_bytes());
        self.request(message)
    }

    /// Has packets to an address delivered here though no interface has it.
    pub(super) fn set_local_route(&mut self, loopback: u32, address: IpAddr) -> Result<(), Errno> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let mut message =
            Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
        message.put(&[family(address), bits, 0, 0]);
        message.put(&[
            libc::RT_TABLE_LOCAL,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_HOST,
            libc::RTN_LOCAL,
        ]);
        message.put(&0_u32.to_ne_bytes());
        message.attribute(libc::RTA_DST, &octets(address));
        message.attribute(libc::RTA_OIF, &loopback.to_ne_bytes());
        self.request(message)
    }

    /// As [`set_route`](Self::set_route), without the gateway.
    pub(super) fn set_link_route(&mut self, route: &Route) -> Result<(), Errno> {
        let mut message =
            Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
        message.put(&[family(route.destination), route.prefix, 0, 0]);
        message.put(&[
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_LINK,
            libc::RTN_UNICAST,
        ]);
        message.put(&0_u32.to_ne_bytes());
        let network = masked(&octets(route.destination), route.prefix);
        message.attribute(libc::RTA_DST, &network);
        message.attribute(libc::RTA_OIF, &route.index.to_ne_bytes());
        self.request(message)
    }

    /// Gives an interface an address, without duplicate address detection.
    pub(super) fn add_address(
        &mut self,
        index: u32,
        address: IpAddr,
        prefix: u8,
    ) -> Result<(), Errno> {
        let flags = libc::IFA_F_NODAD as u8;
        let mut message = Message::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
        message.put(&[family(address), prefix, flags, libc::RT_SCOPE_UNIVERSE]);
        message.put(&index.to_ne_bytes());
        message.attribute(libc::IFA_LOCAL, &octets(address));
        message.attribute(libc::IFA_ADDRESS, &octets(address));
        self.request(message)
    }

    /// Adds a route or replaces the one to the same prefix.
    ///
    /// The runners of packetdrill's scripts name the host's own address as the gateway. The kernel
    /// takes that if it may look for the gateway itself, but not as one that is on the link.
    pub(super) fn set_route(&mut self, route: &Route) -> Result<(), Errno> {
        match self.route_with(route, RTNH_F_ONLINK) {
            Err(Errno::EINVAL) => self.route_with(route, 0),
            other => other,
        }
    }

    fn route_with(&mut self, route: &Route, flags: u32) -> Result<(), Errno> {
        let mut message =
            Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
        message.put(&[family(route.destination), route.prefix, 0, 0]);
        message.put(&[
            libc::RT_TABLE_MAIN,
            libc::RTPROT_STATIC,
            libc::RT_SCOPE_UNIVERSE,
            libc::RTN_UNICAST,
        ]);
        message.put(&flags.to_ne_bytes());
        let network = masked(&octets(route.destination), route.prefix);
        message.attribute(libc::RTA_DST, &network);
        message.attribute(libc::RTA_GATEWAY, &octets(route.gateway));
        message.attribute(libc::RTA_OIF, &route.index.to_ne_bytes());
        if let Some(name) = &route.congestion_control {
            let mut metric = Message::bare();
            metric.attribute(RTAX_CC_ALGO, &[name.as_bytes(), &[0]].concat());
            message.attribute(libc::RTA_METRICS, &metric.bytes);
        }
        self.request(message)
    }

    /// Sends one request and waits for the kernel's acknowledgement, which always comes.
    pub(super) fn request(&mut self, message: Message) -> Result<(), Errno> {
        self.ask(message, |_| {})
    }

    /// As [`request`](Self::request), for questions: `answer` is given what comes before the
    /// acknowledgement.
    pub(super) fn ask(
        &mut self,
        message: Message,
        mut answer_is: impl FnMut(&[u8]),
    ) -> Result<(), Errno> {
        self.sequence += 1;
        let bytes = message.finish(self.sequence);
        send(self.fd.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let mut answer = [0; 4096];
        loop {
            let len = match recv(self.fd.as_raw_fd(), &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            if let Some(result) = acknowledgement(&answer[..len], self.sequence) {
                return result;
            }
            answer_is(&answer[..len]);
        }
    }
}

/// What an answer says about the request `sequence`, if it is the acknowledgement of it.
fn acknowledgement(answer: &[u8], sequence: u32) -> Option<Result<(), Errno>> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let answered = u32::from_ne_bytes(answer.get(8..12)?.try_into().ok()?);
    if i32::from(kind) != libc::NLMSG_ERROR || answered != sequence {
        return None;
    }
    let code = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    Some(if code == 0 {
        Ok(())
    } else {
        Err(Errno::from_raw(-code))
    })
}

/// A netlink message being built.
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(kind: u16, flags: i32) -> Message {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        let mut message = Message::bare();
        message.put(&0_u32.to_ne_bytes());
        message.put(&kind.to_ne_bytes());
        message.put(&flags.to_ne_bytes());
        message.put(&[0; 8]);
        message
    }

    /// Attributes only, to be nested in another message.
    pub(super) fn bare() -> Message {
        Message { bytes: Vec::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let len = 4 + value.len();
        self.put(&(len as u16).to_ne_bytes());
        self.put(&kind.to_ne_bytes());
        self.put(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let len = self.bytes.len() as u32;
        self.bytes[0..4].copy_from_slice(&len.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

pub(super) fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The first `prefix` bits of an address, the rest zero: the kernel refuses host bits in a route.
pub(super) fn masked(address: &[u8], prefix: u8) -> Vec<u8> {
    let mask = |at: usize| {
        let bits = usize::from(prefix).saturating_sub(at * 8).min(8);
        (0xff00_u16 >> bits) as u8
    };
    address
        .iter()
        .enumerate()
        .map(|(at, byte)| byte & mask(at))
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(24, [192, 0, 2, 0])]
    #[case(23, [192, 0, 2, 0])]
    #[case(20, [192, 0, 0, 0])]
    #[case(32, [192, 0, 2, 129])]
    #[case(0, [0, 0, 0, 0])]
    fn host_bits_are_cleared(#[case] prefix: u8, #[case] network: [u8; 4]) {
        assert_eq!(masked(&[192, 0, 2, 129], prefix), network);
    }

    #[test]
    fn attributes_are_padded_to_four_bytes() {
        let mut message = Message::bare();
        message.attribute(7, b"reno\0");
        assert_eq!(message.bytes.len(), 12);
        assert_eq!(message.bytes[0..2], 9_u16.to_ne_bytes());
    }

    #[test]
    fn only_the_answer_to_the_request_counts() {
        let mut answer = vec![0; 36];
        answer[4..6].copy_from_slice(&(libc::NLMSG_ERROR as u16).to_ne_bytes());
        answer[8..12].copy_from_slice(&7_u32.to_ne_bytes());
        answer[16..20].copy_from_slice(&(-libc::EPERM).to_ne_bytes());
        assert_eq!(acknowledgement(&answer, 6), None);
        assert_eq!(acknowledgement(&answer, 7), Some(Err(Errno::EPERM)));
        assert_eq!(acknowledgement(&answer[..18], 7), None);
    }
}
