//! `socket`, `bind`, `listen`, `accept`, `connect`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tcpdrill_stack::{CallError, Host, Instant, SocketId, SocketOptions};

use crate::call::{Address, Fd, Outcome, Output};
use crate::target::reference::abi::family;
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::{Family, Link, Object, Socket, Stage};
use crate::target::reference::errno::{
    self, EADDRINUSE, EAFNOSUPPORT, EAGAIN, EALREADY, ECONNABORTED, EINPROGRESS, EINVAL, EISCONN,
    ENETUNREACH, EPROTONOSUPPORT,
};
use crate::target::reference::kernel::{Kernel, unmapped};

impl Kernel {
    pub(in crate::target::reference) fn socket(
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
                    "the reference target speaks AF_INET and AF_INET6 only",
                ));
            }
        };
        match kind & family::TYPE_MASK {
            family::STREAM => {}
            family::DGRAM => {
                return Err(Stop::unsupported(
                    "udp",
                    "the reference stack speaks TCP only",
                ));
            }
            family::RAW => {
                return Err(Stop::unsupported(
                    "raw",
                    "the reference stack speaks TCP only",
                ));
            }
            _ => return Err(EINVAL.into()),
        }
        if protocol != family::PROTOCOL_DEFAULT && protocol != family::PROTOCOL_TCP {
            return Err(EPROTONOSUPPORT.into());
        }
        let socket = Socket::new(domain, flags & family::NONBLOCK != 0);
        let close_on_exec = flags & family::CLOEXEC != 0;
        let fd = self
            .table
            .insert(Object::Socket(Box::new(socket)), close_on_exec);
        Ok(Outcome::ok(i64::from(fd.0)))
    }

    pub(in crate::target::reference) fn bind(&mut self, fd: Fd, address: Address) -> Attempt {
        let socket = self.table.socket(fd)?;
        if socket.stage != Stage::Fresh || socket.bound.is_some() {
            return Err(EINVAL.into());
        }
        let address = checked_address(socket, address)?;
        let ip = Some(address.ip()).filter(|ip| !ip.is_unspecified());
        // A v4 "any" inside an AF_INET6 socket is ::ffff:0.0.0.0: IPv4 only, as is AF_INET.
        let scope = match ip {
            Some(ip) => Some(ip),
            None if address.is_ipv4() => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            None if socket.local.v6_only => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            None => None,
        };
        let port = match address.port() {
            0 => self.free_port(fd, scope)?,
            port => {
                self.check_port(fd, scope, port)?;
                port
            }
        };
        self.table.socket_mut(fd)?.bound = Some((scope, port));
        Ok(Outcome::ok(0))
    }

    /// Whether this socket may take a port: neither the stack nor another bound socket objects.
    fn check_port(&self, fd: Fd, scope: Option<IpAddr>, port: u16) -> Result<(), Stop> {
        let socket = self.table.socket(fd)?;
        self.engine
            .host()
            .bind_check((scope, port), &socket.options)
            .map_err(|error| errno::of_open(error, false, false))?;
        // The stack learns of a bound socket only when it opens, so those are compared here.
        let own = self.table.description(fd);
        let clash = self.table.sockets().any(|(other, held)| {
            Some(other) != own
                && held.stage == Stage::Fresh
                && held
                    .bound
                    .is_some_and(|(ip, taken)| taken == port && overlap(ip, scope))
                && !(held.options.reuse_address && socket.options.reuse_address)
        });
        if clash {
            return Err(EADDRINUSE.into());
        }
        Ok(())
    }

    /// A port for `bind` to port 0 or `listen` without `bind`: the first free one from a seeded start.
    fn free_port(&mut self, fd: Fd, scope: Option<IpAddr>) -> Result<u16, Stop> {
        let range = self.engine.host().config().ephemeral_ports.clone();
        let (low, count) = (
            u64::from(*range.start()),
            u64::from(*range.end()) - u64::from(*range.start()) + 1,
        );
        for step in 0..count {
            let offset = self.port_hint.wrapping_add(step) % count;
            let port = u16::try_from(low + offset).unwrap_or(u16::MAX);
            match self.check_port(fd, scope, port) {
                Ok(()) => {
                    self.port_hint = offset + 1;
                    return Ok(port);
                }
                Err(Stop::Failed(EADDRINUSE)) => {}
                Err(other) => return Err(other),
            }
        }
        Err(EADDRINUSE.into())
    }

    pub(in crate::target::reference) fn listen(&mut self, fd: Fd, backlog: i32) -> Attempt {
        // A negative backlog is a huge one, as in the kernel's unsigned comparison.
        let backlog = usize::try_from(backlog)
            .unwrap_or(usize::MAX)
            .min(self.max_backlog);
        let socket = self.table.socket(fd)?;
        match socket.stage {
            Stage::Fresh => {}
            // A second listen only changes the backlog: listen(2).
            Stage::Listening(id) => {
                self.engine
                    .host_mut()
                    .set_backlog(id, backlog)
                    .map_err(|error| Kernel::lost_socket(fd, error))?;
                return Ok(Outcome::ok(0));
            }
            Stage::Connection(..) => return Err(EINVAL.into()),
        }
        let local = match socket.bound {
            Some(bound) => bound,
            None => {
                let scope =
                    (socket.family == Family::Inet).then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                (scope, self.free_port(fd, scope)?)
            }
        };
        let options = self.table.socket(fd)?.options.clone();
        let now = self.engine.now();
        let id = self
            .engine
            .host_mut()
            .open_passive(now, local, backlog, options)
            .map_err(|error| errno::of_open(error, false, false))?;
        let socket = self.table.socket_mut(fd)?;
        socket.bound = Some(local);
        socket.stage = Stage::Listening(id);
        Ok(Outcome::ok(0))
    }

    pub(in crate::target::reference) fn accept(
        &mut self,
        fd: Fd,
        flags: i32,
        progress: &Progress,
    ) -> Attempt {
        let socket = self.table.socket(fd)?;
        if flags & !(family::NONBLOCK | family::CLOEXEC) != 0 {
            return Err(EINVAL.into());
        }
        let Stage::Listening(listener) = socket.stage else {
            return Err(EINVAL.into());
        };
        let (nonblocking, timeout) = (socket.nonblocking, socket.local.receive_timeout);
        let now = self.engine.now();
        match self.engine.host_mut().accept(now, listener) {
            Ok(id) => {
                let listener = self.table.socket(fd)?;
                let child = listener.accepted(id, flags & family::NONBLOCK != 0);
                let close_on_exec = flags & family::CLOEXEC != 0;
                let fd = self
                    .table
                    .insert(Object::Socket(Box::new(child)), close_on_exec);
                let peer = self.peer_of(fd, id)?;
                Ok(Outcome::with(i64::from(fd.0), Output::Address(peer)))
            }
            Err(CallError::WouldBlock) => Err(progress.wait(now, nonblocking, timeout)),
            Err(error) => Err(Kernel::lost_socket(fd, error)),
        }
    }

    pub(in crate::target::reference) fn connect(
        &mut self,
        fd: Fd,
        address: Address,
        progress: &mut Progress,
    ) -> Attempt {
        let socket = self.table.socket(fd)?;
        if address == Address::Unspecified {
            return self.disconnect(fd);
        }
        let stage = socket.stage;
        let remote = checked_address(socket, address)?;
        let begun = !progress.connecting && stage == Stage::Fresh;
        let id = match stage {
            Stage::Listening(_) | Stage::Connection(_, Link::Connected) => {
                return Err(EISCONN.into());
            }
            Stage::Connection(id, Link::Connecting) => id,
            Stage::Fresh => {
                // A sleeping call whose socket another call has dissolved meanwhile.
                if progress.connecting {
                    return Err(ECONNABORTED.into());
                }
                let (id, done) = self.start_connect(fd, remote)?;
                if done {
                    return Ok(Outcome::ok(0));
                }
                id
            }
        };
        progress.connecting = true;
        self.await_connect(fd, id, begun, false, progress)
    }

    /// Opens by `open`, which gets the time, the local end as far as it is bound, and the options.
    pub(in crate::target::reference) fn begin_connect<T>(
        &mut self,
        fd: Fd,
        remote: SocketAddr,
        open: impl FnOnce(
            &mut Host,
            Instant,
            (Option<IpAddr>, Option<u16>),
            SocketOptions,
        ) -> Result<(SocketId, T), CallError>,
    ) -> Result<(SocketId, T), Stop> {
        let socket = self.table.socket(fd)?;
        let (ip, port) = match socket.bound {
            Some((ip, port)) => (ip.filter(|ip| !ip.is_unspecified()), Some(port)),
            None => (None, None),
        };
        let options = socket.options.clone();
        let now = self.engine.now();
        let (id, what) = open(self.engine.host_mut(), now, (ip, port), options)
            .map_err(|error| errno::of_open(error, true, remote.is_ipv6()))?;
        let socket = self.table.socket_mut(fd)?;
        socket.stage = Stage::Connection(id, Link::Connecting);
        socket.read_shut = false;
        socket.write_shut = false;
        Ok((id, what))
    }

    pub(in crate::target::reference) fn await_connect(
        &mut self,
        fd: Fd,
        id: SocketId,
        begun: bool,
        dont_wait: bool,
        progress: &Progress,
    ) -> Attempt {
        let ready = self.readiness(id);
        if ready.closed || ready.error {
            let errno = self.take_error(fd, id).unwrap_or(ECONNABORTED);
            self.release(id);
            self.table.socket_mut(fd)?.stage = Stage::Fresh;
            return Err(errno.into());
        }
        let socket = self.table.socket_mut(fd)?;
        if ready.connected {
            socket.stage = Stage::Connection(id, Link::Connected);
            return Ok(Outcome::ok(0));
        }
        let nonblocking = socket.nonblocking || dont_wait;
        let timeout = socket.local.send_timeout;
        match progress.wait(self.engine.now(), nonblocking, timeout) {
            // A connect that runs out of SO_SNDTIMEO has begun all the same: socket(7).
            Stop::Failed(EAGAIN) if begun || !nonblocking => Err(EINPROGRESS.into()),
            Stop::Failed(EAGAIN) => Err(EALREADY.into()),
            other => Err(other),
        }
    }

    /// `connect` to `AF_UNSPEC`: whatever the socket has is dissolved, it is as new.
    pub(in crate::target::reference) fn disconnect(&mut self, fd: Fd) -> Attempt {
        if let Some(id) = self.table.socket(fd)?.id() {
            self.release(id);
        }
        let socket = self.table.socket_mut(fd)?;
        socket.stage = Stage::Fresh;
        socket.read_shut = false;
        socket.write_shut = false;
        Ok(Outcome::ok(0))
    }

    /// Aborts a connection or ends a listener; the stack has forgotten the id afterwards.
    fn release(&mut self, id: SocketId) {
        let now = self.engine.now();
        // A socket the stack has already let go of needs nothing more.
        let _ = self.engine.host_mut().abort(now, id);
    }
}

/// The address of a call in the form the stack takes, checked against the socket's family.
pub(in crate::target::reference) fn checked_address(
    socket: &Socket,
    address: Address,
) -> Result<SocketAddr, Stop> {
    let address = match address {
        Address::Is(address) => address,
        Address::Unspecified => return Err(EAFNOSUPPORT.into()),
        Address::Default => {
            return Err(Stop::machine(
                "a call reached the reference target with its address not filled in",
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

/// Whether two local addresses (`None`: any of both families) can receive the same packet.
fn overlap(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    match (one, other) {
        (None, _) | (_, None) => true,
        (Some(one), Some(other)) => {
            one.is_ipv4() == other.is_ipv4()
                && (one == other || one.is_unspecified() || other.is_unspecified())
        }
    }
}
