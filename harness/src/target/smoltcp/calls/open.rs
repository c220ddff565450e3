//! `socket`, `bind`, `connect`, `getsockname`, `getpeername`.

use std::net::{IpAddr, SocketAddr};

use smoltcp::socket::tcp::{ConnectError, State};

use crate::call::{Address, Fd, Outcome, Output};
use crate::target::abi::family;
use crate::target::errno::{
    EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, ECONNABORTED, EINPROGRESS, EINVAL,
    EISCONN, ENETUNREACH, ENOTCONN, EPROTONOSUPPORT,
};
use crate::target::smoltcp::blocking::{Attempt, Progress, Stop};
use crate::target::smoltcp::descriptors::{Family, Link, Socket, Stage, unmapped};
use crate::target::smoltcp::host::Id;
use crate::target::smoltcp::kernel::Kernel;

/// Dynamic ports: RFC 6335 §6.
const PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;

impl Kernel {
    pub(in crate::target::smoltcp) fn socket(
        &mut self,
        domain: i32,
        kind: i32,
        protocol: i32,
    ) -> Attempt {
        let flags = kind & !family::TYPE_MASK;
        if flags & !(family::NONBLOCK | family::CLOEXEC) != 0 {
            return Err(EINVAL.into());
        }
        let domain = match domain {
            family::INET => Family::Inet,
            family::INET6 => Family::Inet6,
            family::UNSPEC => return Err(EAFNOSUPPORT.into()),
            other => {
                return Err(Stop::unsupported(
                    format!("family:{other}"),
                    "the smoltcp target has AF_INET and AF_INET6 only",
                ));
            }
        };
        match kind & family::TYPE_MASK {
            family::STREAM => {}
            family::DGRAM => return Err(Stop::unsupported("udp", "the target runs TCP only")),
            family::RAW => return Err(Stop::unsupported("raw", "the target runs TCP only")),
            _ => return Err(EINVAL.into()),
        }
        if protocol != family::PROTOCOL_DEFAULT && protocol != family::PROTOCOL_TCP {
            return Err(EPROTONOSUPPORT.into());
        }
        let nonblocking = flags & family::NONBLOCK != 0;
        let mut socket = Socket::new(domain, nonblocking, self.defaults.clone());
        socket.close_on_exec = flags & family::CLOEXEC != 0;
        Ok(Outcome::ok(i64::from(self.table.insert(socket).0)))
    }

    pub(in crate::target::smoltcp) fn bind(&mut self, fd: Fd, address: Address) -> Attempt {
        let socket = self.socket_of(fd)?;
        if !matches!(socket.stage, Stage::Fresh) || socket.bound.is_some() {
            return Err(EINVAL.into());
        }
        let address = checked_address(socket, address)?;
        let ip = Some(address.ip()).filter(|ip| !ip.is_unspecified());
        if ip.is_some_and(|ip| ip != self.address) {
            return Err(EADDRNOTAVAIL.into());
        }
        let port = match address.port() {
            0 => self.free_port()?,
            port if self.is_taken(fd, port) => return Err(EADDRINUSE.into()),
            port => port,
        };
        self.socket_of_mut(fd)?.bound = Some((ip, port));
        Ok(Outcome::ok(0))
    }

    /// Whether another descriptor stands in the way of a port. smoltcp itself knows no such conflict.
    fn is_taken(&self, fd: Fd, port: u16) -> bool {
        let reuses = |socket: &Socket| {
            socket.local.reuse_address && !matches!(socket.stage, Stage::Listening(_))
        };
        let own = self
            .table
            .get(fd)
            .is_some_and(|own| own.local.reuse_address);
        // A connection outlives its descriptor: TIME-WAIT.
        if !own && self.host.has_connection_from(port) {
            return true;
        }
        self.table.all().any(|(other, held)| {
            other != fd
                && held.bound.is_some_and(|(_, taken)| taken == port)
                && !(own && reuses(held))
                && !matches!(held.stage, Stage::Connection(..))
        })
    }

    /// The first free port from a seeded start.
    pub(super) fn free_port(&mut self) -> Result<u16, Stop> {
        let count = u64::from(PORTS.end() - PORTS.start()) + 1;
        for step in 0..count {
            let offset = self.port_hint.wrapping_add(step) % count;
            let port = PORTS.start() + u16::try_from(offset).unwrap_or(0);
            let held = |socket: &Socket| socket.bound.is_some_and(|(_, taken)| taken == port);
            if !self.table.all().any(|(_, socket)| held(socket)) {
                self.port_hint = offset + 1;
                return Ok(port);
            }
        }
        Err(EADDRINUSE.into())
    }

    pub(in crate::target::smoltcp) fn connect(
        &mut self,
        fd: Fd,
        address: Address,
        progress: &mut Progress,
    ) -> Attempt {
        let socket = self.socket_of(fd)?;
        if address == Address::Unspecified {
            return self.disconnect(fd);
        }
        let remote = checked_address(socket, address)?;
        let mut begun = false;
        let id = match socket.stage {
            Stage::Listening(_) | Stage::Connection(_, Link::Connected) => {
                return Err(EISCONN.into());
            }
            Stage::Connection(id, Link::Connecting) => id,
            // A sleeping call whose socket another call has dissolved meanwhile.
            Stage::Fresh if progress.connecting => return Err(ECONNABORTED.into()),
            Stage::Fresh => {
                begun = true;
                self.start_connect(fd, remote)?
            }
        };
        progress.connecting = true;
        if self.host.was_established(id) {
            self.socket_of_mut(fd)?.stage = Stage::Connection(id, Link::Connected);
            return Ok(Outcome::ok(0));
        }
        if self.host.state(id) == State::Closed {
            let errno = self.take_error(id).unwrap_or(ECONNABORTED);
            self.host.release(id);
            self.socket_of_mut(fd)?.stage = Stage::Fresh;
            return Err(errno.into());
        }
        let socket = self.socket_of(fd)?;
        let (nonblocking, timeout) = (socket.nonblocking, socket.local.send_timeout);
        match progress.wait(self.host.now(), nonblocking, timeout) {
            // A connect that runs out of SO_SNDTIMEO has begun all the same: socket(7).
            Stop::Failed(EAGAIN) if begun || !nonblocking => Err(EINPROGRESS.into()),
            Stop::Failed(EAGAIN) => Err(EALREADY.into()),
            other => Err(other),
        }
    }

    fn start_connect(&mut self, fd: Fd, remote: SocketAddr) -> Result<Id, Stop> {
        let (ip, port) = match self.socket_of(fd)?.bound {
            Some(bound) => bound,
            None => (None, self.free_port()?),
        };
        let options = self.socket_of(fd)?.told();
        let id = self.host.open(&options);
        if let Err(error) = self.host.connect(id, remote, (ip, port)) {
            self.host.release(id);
            return Err(match error {
                ConnectError::Unaddressable => EADDRNOTAVAIL.into(),
                ConnectError::InvalidState => Stop::machine("a new socket is not closed"),
            });
        }
        let socket = self.socket_of_mut(fd)?;
        socket.bound = Some((ip, port));
        socket.stage = Stage::Connection(id, Link::Connecting);
        socket.read_shut = false;
        socket.write_shut = false;
        Ok(id)
    }

    /// `connect` to `AF_UNSPEC`: whatever the socket has is dissolved, it is as new.
    pub(super) fn disconnect(&mut self, fd: Fd) -> Attempt {
        let socket = self.socket_of_mut(fd)?;
        socket.read_shut = false;
        socket.write_shut = false;
        match std::mem::replace(&mut socket.stage, Stage::Fresh) {
            Stage::Fresh => {}
            Stage::Listening(pool) => self.drop_pool(&pool),
            Stage::Connection(id, _) => {
                self.host.abort(id);
                self.host.release(id);
            }
        }
        Ok(Outcome::ok(0))
    }

    /// `getsockname`, or with `peer` `getpeername`.
    pub(in crate::target::smoltcp) fn name(&self, fd: Fd, peer: bool) -> Attempt {
        let socket = self.socket_of(fd)?;
        let ends = match socket.stage {
            Stage::Connection(id, _) => self.host.socket(id),
            Stage::Fresh | Stage::Listening(_) => None,
        };
        let end = match peer {
            true => ends.filter(|tcp| !matches!(tcp.state(), State::SynSent | State::TimeWait)),
            false => ends,
        }
        .and_then(|tcp| {
            if peer {
                tcp.remote_endpoint()
            } else {
                tcp.local_endpoint()
            }
        });
        let (ip, port) = match end {
            Some(end) => (Some(IpAddr::from(end.addr)), end.port),
            None if peer => return Err(ENOTCONN.into()),
            None => socket.bound.unwrap_or((None, 0)),
        };
        let address = SocketAddr::new(socket.shown(ip), port);
        Ok(Outcome::with(0, Output::Address(Some(address))))
    }

    /// Address and port at the other end of a connection, as packets have it.
    pub(in crate::target::smoltcp) fn remote(&self, fd: Fd) -> Option<SocketAddr> {
        let Stage::Connection(id, _) = self.table.get(fd)?.stage else {
            return None;
        };
        let end = self.host.socket(id)?.remote_endpoint()?;
        Some(SocketAddr::new(end.addr.into(), end.port))
    }
}

/// The address of a call in the form the stack takes, checked against the socket's family.
fn checked_address(socket: &Socket, address: Address) -> Result<SocketAddr, Stop> {
    let address = match address {
        Address::Is(address) => address,
        Address::Unspecified => return Err(EAFNOSUPPORT.into()),
        Address::Default => {
            return Err(Stop::machine(
                "a call reached the smoltcp target with its address not filled in",
            ));
        }
    };
    match (socket.family, address) {
        (Family::Inet, SocketAddr::V6(_)) => return Err(EAFNOSUPPORT.into()),
        (Family::Inet6, SocketAddr::V4(_)) => return Err(EINVAL.into()),
        (Family::Inet, SocketAddr::V4(_)) | (Family::Inet6, SocketAddr::V6(_)) => {}
    }
    let ip = unmapped(address.ip());
    if socket.family == Family::Inet6 && ip.is_ipv4() && socket.local.v6_only {
        return Err(ENETUNREACH.into());
    }
    Ok(SocketAddr::new(ip, address.port()))
}
