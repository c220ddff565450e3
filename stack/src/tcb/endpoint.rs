//! One end of a connection.

use core::net::{IpAddr, SocketAddr};

/// An address and a port (RFC 9293 §3.4: a "socket"). Unlike `SocketAddr` it keeps no flow label and
/// no scope of IPv6, which no segment names, and so takes 20 bytes instead of 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    address: IpAddr,
    port: u16,
}

impl Endpoint {
    /// Its address.
    pub(crate) const fn ip(self) -> IpAddr {
        self.address
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Endpoint {
        Endpoint {
            address: socket.ip(),
            port: socket.port(),
        }
    }
}

impl From<Endpoint> for SocketAddr {
    fn from(Endpoint { address, port }: Endpoint) -> SocketAddr {
        SocketAddr::new(address, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv6Addr, SocketAddrV6};

    #[test]
    fn what_no_segment_names_is_not_kept() {
        let plain = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
        let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 1, 2);
        let end = Endpoint::from(SocketAddr::from(scoped));
        assert_eq!((SocketAddr::from(end), end.ip()), (plain, plain.ip()));
        let v4: SocketAddr = "192.0.2.1:80".parse().unwrap();
        assert_eq!(SocketAddr::from(Endpoint::from(v4)), v4);
    }
}
