//! The router in the middle: who gets what, and what is too big.

use super::plan::{self, address};
use super::world::World;
use crate::wire::checksum::{Checksum, checksum};
use crate::wire::icmp::IcmpKind;
use crate::wire::ip::{self, IpHeader, IpVersion, PROTOCOL_ICMP, PROTOCOL_ICMPV6};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// The router's own host number.
pub(super) const ROUTER: usize = 253;
/// Bytes of an offending datagram that an ICMP error quotes.
const QUOTE: usize = 64;

impl World {
    /// Takes a datagram from a host to where it is going.
    pub(super) fn route(&mut self, from: usize, mut datagram: Vec<u8>) {
        let Some((src, dst)) = sockets(&datagram) else {
            return;
        };
        let to = plan::host_at(dst.ip()).filter(|host| *host < self.nodes.len());
        // Replies to addresses that are nobody's end here.
        let Some(to) = to else {
            return;
        };
        let of = self.side_of(src, dst);
        if let Some((connection, _)) = of {
            self.interfere(connection, &mut datagram);
        }
        let link_mtu = self.nodes[to].link_mtu;
        let arrives = if datagram.len() > usize::from(link_mtu) {
            let kind = IcmpKind::PacketTooBig {
                mtu: link_mtu.into(),
            };
            let error = icmp_error(self.plan.version, kind, src.ip(), &datagram);
            self.nodes[from].link.send(self.now, &error);
            false
        } else {
            self.nodes[to].link.send(self.now, &datagram) > 0
        };
        if let Some((connection, _)) = of.filter(|_| !arrives) {
            self.flows[connection].on_lost();
        }
    }
}

/// Both ends of a TCP datagram without options in its IP header.
fn sockets(datagram: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let packet = ip::parse(datagram).ok()?;
    let ports = packet.payload.get(..4)?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    Some((
        SocketAddr::new(packet.header.src, port(0)),
        SocketAddr::new(packet.header.dst, port(2)),
    ))
}

/// An ICMP error from the router about `datagram`, which `to` sent.
pub(super) fn icmp_error(
    version: IpVersion,
    kind: IcmpKind,
    to: IpAddr,
    datagram: &[u8],
) -> Vec<u8> {
    let (raw_type, code, rest): (u8, u8, u32) = match (version, kind) {
        (IpVersion::V4, IcmpKind::PacketTooBig { mtu }) => (3, 4, mtu),
        (IpVersion::V6, IcmpKind::PacketTooBig { mtu }) => (2, 0, mtu),
        (IpVersion::V4, IcmpKind::PortUnreachable) => (3, 3, 0),
        (IpVersion::V6, IcmpKind::PortUnreachable) => (1, 4, 0),
        (IpVersion::V4, _) => (3, 1, 0),
        (IpVersion::V6, _) => (1, 3, 0),
    };
    let router = address(version, ROUTER);
    let mut message = Vec::from([raw_type, code, 0, 0]);
    message.extend_from_slice(&rest.to_be_bytes());
    message.extend_from_slice(&datagram[..datagram.len().min(QUOTE)]);
    let (protocol, sum) = match version {
        IpVersion::V4 => (PROTOCOL_ICMP, checksum(&message)),
        IpVersion::V6 => {
            let mut sum = Checksum::new();
            sum.add_pseudo_header(router, to, PROTOCOL_ICMPV6, message.len() as u32);
            sum.add(&message);
            (PROTOCOL_ICMPV6, sum.finish())
        }
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = IpHeader {
        src: router,
        dst: to,
        ttl: 64,
        traffic_class: 0,
        flow_label: 0,
    };
    ip::emit(&header, protocol, &message)
}
