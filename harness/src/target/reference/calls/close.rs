//! `close` and `shutdown`.

use std::time::Duration;

use tcpdrill_stack::{CallError, SocketId, StateName};

use crate::call::{Fd, Outcome};
use crate::target::reference::abi::{family, shut};
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::{Object, Socket, Stage};
use crate::target::reference::errno::{EBADF, EINVAL, ENOTCONN};
use crate::target::reference::kernel::Kernel;

impl Kernel {
    pub(in crate::target::reference) fn close(
        &mut self,
        fd: Fd,
        progress: &mut Progress,
    ) -> Attempt {
        if progress.lingering.is_none() {
            progress.lingering = match self.table.remove(fd) {
                None => return Err(EBADF.into()),
                // Another descriptor holds the connection open.
                Some(None | Some(Object::Epoll(_) | Object::File(_) | Object::Pipe(_))) => None,
                Some(Some(Object::Socket(socket))) => self.let_go(fd, &socket)?,
            };
            self.engine.settle();
        }
        match progress.lingering {
            // SO_LINGER with a time: sleeps while data or FIN are unacknowledged; running out is no error.
            Some((id, length))
                if self.still_sending(id) && self.engine.now() < progress.started + length =>
            {
                Err(Stop::Sleep(Some(progress.started + length)))
            }
            Some(_) | None => Ok(Outcome::ok(0)),
        }
    }

    /// CLOSE or ABORT towards the stack. Gives the connection and the time to linger, if asked for.
    fn let_go(&mut self, fd: Fd, socket: &Socket) -> Result<Option<(SocketId, Duration)>, Stop> {
        let now = self.engine.now();
        let host = self.engine.host_mut();
        match socket.stage {
            Stage::Fresh => Ok(None),
            Stage::Listening(id) => {
                host.close(now, id)
                    .map_err(|error| Kernel::lost_socket(fd, error))?;
                Ok(None)
            }
            Stage::Connection(id, _) => {
                let result = match socket.options.linger {
                    Some(length) if length.is_zero() => host.abort(now, id),
                    _ => host.close(now, id),
                };
                result.map_err(|error| Kernel::lost_socket(fd, error))?;
                Ok(socket.options.linger.map(|length| (id, length)))
            }
        }
    }

    /// `dup`, `dup2` and `dup3`. A `to` that is not open gets a number that is free.
    pub(in crate::target::reference) fn dup(
        &mut self,
        fd: Fd,
        to: Option<Fd>,
        flags: Option<i32>,
    ) -> Attempt {
        if self.table.get(fd).is_none() || to.is_some_and(|to| to.0 < 0) {
            return Err(EBADF.into());
        }
        if let Some(flags) = flags
            && (to == Some(fd) || flags & !family::CLOEXEC != 0)
        {
            return Err(EINVAL.into());
        }
        let close_on_exec = flags.unwrap_or(0) & family::CLOEXEC != 0;
        let copy = match to {
            Some(to) if to == fd => Some(fd),
            Some(to) if self.table.get(to).is_some() => {
                if let Some(Some(Object::Socket(socket))) = self.table.remove(to) {
                    self.let_go(to, &socket)?;
                }
                self.table.copy_to(fd, to, close_on_exec)
            }
            Some(_) | None => self.table.copy(fd, 0, close_on_exec),
        };
        match copy {
            Some(copy) => Ok(Outcome::ok(i64::from(copy.0))),
            None => Err(EBADF.into()),
        }
    }

    fn still_sending(&self, id: SocketId) -> bool {
        matches!(
            self.engine.state(id),
            Some(StateName::FinWait1 | StateName::Closing | StateName::LastAck)
        )
    }

    pub(in crate::target::reference) fn shutdown(&mut self, fd: Fd, how: i32) -> Attempt {
        let stage = self.table.socket(fd)?.stage;
        if !(shut::RD..=shut::RDWR).contains(&how) {
            return Err(EINVAL.into());
        }
        let (reading, writing) = (how != shut::WR, how != shut::RD);
        match stage {
            Stage::Fresh => Err(ENOTCONN.into()),
            // Linux: ending the reading side of a listener stops it; the writing side means nothing.
            Stage::Listening(_) if reading => self.disconnect(fd),
            Stage::Listening(_) => Ok(Outcome::ok(0)),
            Stage::Connection(id, _) => {
                match self.engine.state(id) {
                    // Linux keeps TIME-WAIT apart from the socket, which is closed by then.
                    None | Some(StateName::Closed | StateName::TimeWait) => Err(ENOTCONN.into()),
                    Some(StateName::SynSent) => self.disconnect(fd),
                    Some(_) => self.shutdown_connection(fd, id, reading, writing),
                }
            }
        }
    }

    fn shutdown_connection(
        &mut self,
        fd: Fd,
        id: SocketId,
        reading: bool,
        writing: bool,
    ) -> Attempt {
        if writing {
            let now = self.engine.now();
            match self.engine.host_mut().shutdown_write(now, id) {
                Ok(()) | Err(CallError::Closing) => {}
                Err(CallError::NotConnected | CallError::InvalidState) => {
                    return Err(ENOTCONN.into());
                }
                Err(CallError::Connection(error)) => return Err(self.errno_of(fd, error).into()),
                Err(other) => return Err(Kernel::lost_socket(fd, other)),
            }
        }
        let socket = self.table.socket_mut(fd)?;
        socket.read_shut |= reading;
        socket.write_shut |= writing;
        Ok(Outcome::ok(0))
    }
}
