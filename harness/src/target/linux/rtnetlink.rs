//! What a session asks of the kernel's routing (rtnetlink(7)): links up, addresses, routes.

use std::net::IpAddr;

use super::netlink::Message;

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

/// Brings an interface up, with an MTU if one is given.
pub(super) fn link_up(index: u32, mtu: Option<u16>) -> Message {
    let up = libc::IFF_UP as u32;
    let mut message = Message::new(libc::RTM_NEWLINK, 0);
    message.put(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
    message.put(&index.to_ne_bytes());
    message.put(&up.to_ne_bytes());
    message.put(&up.to_ne_bytes());
    if let Some(mtu) = mtu {
        message.attribute(libc::IFLA_MTU, &u32::from(mtu).to_ne_bytes());
    }
    message
}

/// Keeps an Ethernet interface from looking for the hardware addresses of its neighbours.
pub(super) fn without_neighbours(index: u32) -> Message {
    let flag = libc::IFF_NOARP as u32;
    let mut message = Message::new(libc::RTM_NEWLINK, 0);
    message.put(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
    message.put(&index.to_ne_bytes());
    message.put(&flag.to_ne_bytes());
    message.put(&flag.to_ne_bytes());
    message
}

/// Has packets to an address delivered here though no interface has it.
pub(super) fn local_route(loopback: u32, address: IpAddr) -> Message {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let mut message = Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
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
    message
}

/// As [`route`], without the gateway.
pub(super) fn link_route(route: &Route) -> Message {
    let mut message = Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
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
    message
}

/// Gives an interface an address, without duplicate address detection.
pub(super) fn address(index: u32, address: IpAddr, prefix: u8) -> Message {
    let flags = libc::IFA_F_NODAD as u8;
    let mut message = Message::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
    message.put(&[family(address), prefix, flags, libc::RT_SCOPE_UNIVERSE]);
    message.put(&index.to_ne_bytes());
    message.attribute(libc::IFA_LOCAL, &octets(address));
    message.attribute(libc::IFA_ADDRESS, &octets(address));
    message
}

/// Adds a route through its gateway or replaces the one to the same prefix; `flags` as in rtnetlink(7).
pub(super) fn route(route: &Route, flags: u32) -> Message {
    let mut message = Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
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
        message.attribute(libc::RTA_METRICS, metric.bytes());
    }
    message
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
}
