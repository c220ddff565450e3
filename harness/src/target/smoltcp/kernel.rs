//! The case's operating system: descriptors above, smoltcp below.

use std::collections::BTreeMap;
use std::net::IpAddr;

use smoltcp::socket::tcp::State;

use super::blocking::{Attempt, Progress, Stop};
use super::descriptors::{Socket, Stage, Table};
use super::host::{End, Host, Id, Options};
use crate::call::{Call, Errno, Fd, Outcome, Output};
use crate::target::errno::{EBADF, ECONNREFUSED, ECONNRESET, ETIMEDOUT};

/// Descriptors and the stack.
pub(super) struct Kernel {
    /// The stack and its clock.
    pub(super) host: Host,
    /// Open descriptors.
    pub(super) table: Table,
    /// The host's address.
    pub(super) address: IpAddr,
    /// What new sockets are told.
    pub(super) defaults: Options,
    /// Where the search for a free port starts.
    pub(super) port_hint: u64,
}

impl Kernel {
    /// Tries to carry a call out. What the stack sends meanwhile is in the host.
    pub(super) fn attempt(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        let result = self.dispatch(call, progress);
        self.host.settle();
        self.refresh();
        result
    }

    /// Looks at what every step may have changed.
    pub(super) fn refresh(&mut self) {
        self.refresh_pools();
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
            Call::Read { fd, len } => self.receive(*fd, *len, 0, progress),
            Call::Readv { fd, lens } => self.receive(*fd, lens.iter().sum(), 0, progress),
            // A connection-mode socket gives no address: recvfrom(2).
            Call::Recv { fd, len, flags } | Call::RecvFrom { fd, len, flags } => {
                self.receive(*fd, *len, *flags, progress)
            }
            Call::Write { fd, data } => self.send(*fd, data, 0, progress),
            Call::Writev { fd, data } => self.send(*fd, &data.concat(), 0, progress),
            // send(2): it ignores the address, too.
            Call::Send { fd, data, flags }
            | Call::SendTo {
                fd, data, flags, ..
            } => self.send(*fd, data, *flags, progress),
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
            Call::Poll {
                entries,
                timeout_ms,
            } => self.poll(entries, super::calls::milliseconds(*timeout_ms), progress),
            Call::Ppoll { entries, timeout } => self.poll(entries, *timeout, progress),
            Call::Select { sets, timeout, .. } => self.select(sets, *timeout, progress),
            Call::GetName { fd, peer } => self.name(*fd, *peer),
            Call::TcpInfo { fd } => {
                let members = self.info(*fd)?;
                Ok(Outcome::with(0, Output::Members(members)))
            }
            other => Err(Stop::unsupported(
                format!("call:{}", other.name()),
                "the smoltcp target has the usual calls on TCP sockets only",
            )),
        }
    }

    /// The socket behind a descriptor.
    pub(super) fn socket_of(&self, fd: Fd) -> Result<&Socket, Stop> {
        self.table.get(fd).ok_or(Stop::Failed(EBADF))
    }

    /// The same, to change it.
    pub(super) fn socket_of_mut(&mut self, fd: Fd) -> Result<&mut Socket, Stop> {
        self.table.get_mut(fd).ok_or(Stop::Failed(EBADF))
    }

    /// The connection behind a descriptor, or the errno for a socket that has none.
    pub(super) fn connection(&self, fd: Fd, without: Errno) -> Result<Id, Stop> {
        match self.socket_of(fd)?.stage {
            Stage::Connection(id, _) => Ok(id),
            Stage::Fresh | Stage::Listening(_) => Err(Stop::Failed(without)),
        }
    }

    /// What ended a connection, told once.
    pub(super) fn take_error(&mut self, id: Id) -> Option<Errno> {
        self.host.take_end(id).map(|end| match end {
            End::Refused => ECONNREFUSED,
            End::Reset => ECONNRESET,
            End::TimedOut => ETIMEDOUT,
        })
    }

    /// All of TCP_INFO that smoltcp tells.
    pub(super) fn info(&self, fd: Fd) -> Result<BTreeMap<String, i64>, Stop> {
        let state = match &self.socket_of(fd)?.stage {
            Stage::Fresh => State::Closed,
            Stage::Listening(_) => State::Listen,
            Stage::Connection(id, _) => self.host.state(*id),
        };
        Ok(BTreeMap::from([(
            "tcpi_state".to_owned(),
            state_number(state),
        )]))
    }
}

/// `TCP_ESTABLISHED` and its siblings.
fn state_number(state: State) -> i64 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}
