//! `getsockname` and `getpeername`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tcpdrill_stack::{SocketId, StateName};

use crate::call::{Fd, Outcome, Output};
use crate::target::reference::blocking::{Attempt, Stop};
use crate::target::reference::descriptors::{Family, Socket, Stage};
use crate::target::reference::errno::ENOTCONN;
use crate::target::reference::kernel::Kernel;

impl Kernel {
    pub(in crate::target::reference) fn socket_name(&self, fd: Fd) -> Attempt {
        let socket = self.table.socket(fd)?;
        let (ip, port) = match socket.stage {
            Stage::Fresh => socket.bound.unwrap_or((None, 0)),
            Stage::Listening(id) | Stage::Connection(id, _) => {
                let local = self.addresses_of(fd, id)?.0;
                (Some(local.ip()), local.port())
            }
        };
        let address = SocketAddr::new(in_family(socket, ip), port);
        Ok(Outcome::with(0, Output::Address(Some(address))))
    }

    pub(in crate::target::reference) fn peer_name(&self, fd: Fd) -> Attempt {
        let socket = self.table.socket(fd)?;
        let Stage::Connection(id, _) = socket.stage else {
            return Err(ENOTCONN.into());
        };
        // As Linux has it: nobody is there before the handshake and after the end.
        if matches!(
            self.engine.state(id),
            None | Some(StateName::SynSent | StateName::Closed | StateName::TimeWait)
        ) {
            return Err(ENOTCONN.into());
        }
        Ok(Outcome::with(0, Output::Address(self.peer_of(fd, id)?)))
    }

    /// The other side of a connection, in the family of its socket.
    pub(super) fn peer_of(&self, fd: Fd, id: SocketId) -> Result<Option<SocketAddr>, Stop> {
        let socket = self.table.socket(fd)?;
        let remote = self.addresses_of(fd, id)?.1;
        Ok(remote
            .map(|remote| SocketAddr::new(in_family(socket, Some(remote.ip())), remote.port())))
    }

    fn addresses_of(&self, fd: Fd, id: SocketId) -> Result<(SocketAddr, Option<SocketAddr>), Stop> {
        let status = self
            .engine
            .host()
            .status(id)
            .map_err(|error| Kernel::lost_socket(fd, error))?;
        Ok((status.local, status.remote))
    }
}

/// An address as a socket of this family shows it; `None` is any address.
fn in_family(socket: &Socket, ip: Option<IpAddr>) -> IpAddr {
    match (socket.family, ip) {
        (Family::Inet, None) => Ipv4Addr::UNSPECIFIED.into(),
        (Family::Inet6, None) => Ipv6Addr::UNSPECIFIED.into(),
        // An unspecified IPv4 address stands for both families on a socket that takes both.
        (Family::Inet6, Some(IpAddr::V4(ip))) if ip.is_unspecified() => {
            Ipv6Addr::UNSPECIFIED.into()
        }
        (Family::Inet6, Some(IpAddr::V4(ip))) => ip.to_ipv6_mapped().into(),
        (_, Some(ip)) => ip,
    }
}
