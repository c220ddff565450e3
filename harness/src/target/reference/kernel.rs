//! The case's operating system: descriptors above, the stack below.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tcpdrill_stack::{CallError, ConnectionError, Readiness, SocketId};

use super::blocking::{Attempt, Progress, Stop};
use super::commands::Remembered;
use super::descriptors::{Family, Stage, Table};
use super::engine::Engine;
use super::errno;
use super::files::Files;
use crate::call::{Call, Disposition, Errno, Fd, Outcome, Output};
use crate::program::IpVersion;

/// Descriptors, the stack, and what `sysctl` has set for the call interface.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The stack and its clock.
    pub(super) engine: Engine,
    /// Open descriptors.
    pub(super) table: Table,
    /// Pipes and files.
    pub(super) files: Files,
    /// Family of the case.
    pub(super) ip_version: IpVersion,
    /// `net.core.somaxconn`: longest backlog.
    pub(super) max_backlog: usize,
    /// What is done with each signal.
    pub(super) signals: BTreeMap<i32, Disposition>,
    /// Where the search for a port starts when `bind` is asked for port 0.
    pub(super) port_hint: u64,
    /// What commands have set, by the names of Linux.
    pub(super) settings: BTreeMap<String, String>,
    /// What the suites' helper remembers, by the path of the script that puts it back.
    pub(super) undo: BTreeMap<String, Remembered>,
}

impl Kernel {
    /// A kernel with nothing open.
    pub(super) fn new(engine: Engine, ip_version: IpVersion, seed: u64) -> Kernel {
        Kernel {
            engine,
            table: Table::default(),
            files: Files::default(),
            ip_version,
            max_backlog: 4096,
            signals: BTreeMap::new(),
            port_hint: seed,
            settings: BTreeMap::new(),
            undo: BTreeMap::new(),
        }
    }

    /// Tries to carry a call out. What the stack sends meanwhile is in the engine.
    pub(super) fn attempt(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        let result = self.dispatch(call, progress);
        self.engine.settle();
        self.refresh();
        result
    }

    /// Looks at what every step may have changed, so that nothing that comes and goes is missed.
    pub(super) fn refresh(&mut self) {
        self.refresh_error_queues();
        self.note_arrivals();
        self.refresh_epolls();
    }

    fn dispatch(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        match call {
            Call::Socket {
                domain,
                kind,
                protocol,
            } => self.socket(*domain, *kind, *protocol),
            Call::Bind { fd, address } => self.bind(*fd, *address),
            Call::Listen { fd, backlog } => self.listen(*fd, *backlog),
            Call::Accept { fd, flags } => self.accept(*fd, flags.unwrap_or(0), progress),
            Call::Connect { fd, address } => self.connect(*fd, *address, progress),
            Call::Read { .. }
            | Call::Readv { .. }
            | Call::Recv { .. }
            | Call::RecvFrom { .. }
            | Call::RecvMsg { .. } => self.receive_family(call, progress),
            Call::Write { .. }
            | Call::Writev { .. }
            | Call::Send { .. }
            | Call::SendTo { .. }
            | Call::SendMsg { .. } => self.send_family(call, progress),
            Call::Fcntl {
                fd,
                command,
                argument,
            } => self.fcntl(*fd, *command, *argument),
            Call::Ioctl {
                fd,
                request,
                argument,
            } => self.ioctl(*fd, *request, *argument),
            Call::Close { fd } => self.close(*fd, progress),
            Call::Shutdown { fd, how } => self.shutdown(*fd, *how),
            Call::GetSockOpt {
                fd,
                level,
                name,
                len,
            } => self.get_option(*fd, *level, *name, *len),
            Call::SetSockOpt {
                fd,
                level,
                name,
                value,
            } => self.set_option(*fd, *level, *name, value),
            Call::Poll { .. }
            | Call::Ppoll { .. }
            | Call::Select { .. }
            | Call::EpollCreate { .. }
            | Call::EpollCreate1 { .. }
            | Call::EpollCtl { .. }
            | Call::EpollWait { .. }
            | Call::EpollPwait { .. } => self.poll_family(call, progress),
            Call::WithNull { call, at } => self.with_null(call, at, progress),
            Call::Open { path, flags } => self.open(path, *flags),
            Call::Pipe => self.pipe(),
            Call::Splice { .. } | Call::SendFile { .. } => {
                let result = self.move_bytes(call, progress);
                if let Ok(outcome) = &result {
                    self.note_sent(call, outcome.result);
                }
                result
            }
            other => self.other_call(other),
        }
    }

    fn move_bytes(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        match call {
            Call::Splice {
                input,
                output,
                len,
                flags,
            } => self.splice((*input, *output), *len, *flags, progress),
            Call::SendFile {
                output,
                input,
                offset,
                len,
            } => self.send_file((*output, *input), *offset, *len, progress),
            other => Err(Stop::machine(format!("{} moves nothing", other.name()))),
        }
    }

    /// Calls about a descriptor as such, and those the target has not.
    fn other_call(&mut self, call: &Call) -> Attempt {
        match call {
            Call::GetName { fd, peer: false } => self.socket_name(*fd),
            Call::GetName { fd, peer: true } => self.peer_name(*fd),
            Call::Dup { fd, to, flags } => self.dup(*fd, *to, *flags),
            Call::TcpInfo { fd } => {
                let members = self.info(*fd)?;
                Ok(Outcome::with(0, Output::Members(members)))
            }
            Call::SigAction { .. } | Call::TgKill { .. } => {
                Err(Stop::machine("a signal is the session's business"))
            }
            other => Err(Stop::unsupported(
                format!("call:{}", other.name()),
                "the reference target has TCP sockets and epoll instances only",
            )),
        }
    }

    /// The connection behind a descriptor, or the errno for a socket that has none.
    pub(super) fn connection(&self, fd: Fd, without: Errno) -> Result<SocketId, Stop> {
        match self.table.socket(fd)?.stage {
            Stage::Connection(id, _) => Ok(id),
            Stage::Fresh | Stage::Listening(_) => Err(Stop::Failed(without)),
        }
    }

    /// What calls on a connection would find.
    pub(super) fn readiness(&self, id: SocketId) -> Readiness {
        self.engine.host().readiness(id)
    }

    /// Whether the packets of this socket are IPv6, as far as is known.
    pub(super) fn speaks_ipv6(&self, fd: Fd) -> bool {
        let Ok(socket) = self.table.socket(fd) else {
            return false;
        };
        socket.family == Family::Inet6 && self.ip_version == IpVersion::Ipv6
    }

    /// A connection's error as an errno.
    pub(super) fn errno_of(&self, fd: Fd, error: ConnectionError) -> Errno {
        errno::of_connection(error, self.speaks_ipv6(fd))
    }

    /// Takes the error that ended a connection.
    pub(super) fn take_error(&mut self, fd: Fd, id: SocketId) -> Option<Errno> {
        let error = self.engine.host_mut().take_error(id)?;
        Some(self.errno_of(fd, error))
    }

    /// What SO_ERROR tells: the error that ended the connection, else what a router last complained of,
    /// as in Linux. Repeated timeouts end nothing yet and are no answer to "did connect work".
    pub(super) fn take_reported_error(&mut self, fd: Fd, id: SocketId) -> Option<Errno> {
        if let Some(errno) = self.take_error(fd, id) {
            return Some(errno);
        }
        let soft = self.engine.host_mut().take_soft_error(id);
        let soft = soft.filter(|error| matches!(error, ConnectionError::Unreachable(_)))?;
        Some(self.errno_of(fd, soft))
    }

    /// The stack denies a socket the table holds: a fault of the harness or the stack, not an errno.
    pub(super) fn lost_socket(fd: Fd, error: CallError) -> Stop {
        Stop::machine(format!(
            "the reference stack no longer knows the socket behind descriptor {}: {error}",
            fd.0
        ))
    }
}

/// An IPv4-mapped address as the IPv4 address it stands for (RFC 4291 §2.5.5.2).
pub(super) fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}
