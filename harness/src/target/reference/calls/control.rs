//! `fcntl` and `ioctl`.

use tcpdrill_stack::{SocketId, StateName};

use crate::call::{Fd, Outcome, Output};
use crate::target::reference::abi::{file, request};
use crate::target::reference::blocking::{Attempt, Stop};
use crate::target::reference::descriptors::{Object, Stage};
use crate::target::reference::errno::{EBADF, EINVAL, ENOTTY};
use crate::target::reference::kernel::Kernel;

/// Whether `ioctl` knows this request.
pub(in crate::target::reference) fn is_known(number: u64) -> bool {
    matches!(
        number,
        request::SIOCINQ
            | request::SIOCOUTQ
            | request::SIOCOUTQNSD
            | request::SIOCATMARK
            | request::FIONBIO
    )
}

impl Kernel {
    pub(in crate::target::reference) fn fcntl(
        &mut self,
        fd: Fd,
        command: i32,
        argument: Option<i64>,
    ) -> Attempt {
        let Some(object) = self.table.get(fd) else {
            return Err(EBADF.into());
        };
        let is_socket = matches!(object, Object::Socket(_));
        let argument = argument.unwrap_or(0);
        match command {
            file::DUPFD | file::DUPFD_CLOEXEC => {
                let Ok(least @ 0..) = i32::try_from(argument) else {
                    return Err(EINVAL.into());
                };
                let copy = self.table.copy(fd, least, command == file::DUPFD_CLOEXEC);
                match copy {
                    Some(copy) => Ok(Outcome::ok(i64::from(copy.0))),
                    None => Err(EBADF.into()),
                }
            }
            file::GETFD => {
                let flag = self.table.close_on_exec(fd).is_some_and(|flag| *flag);
                Ok(Outcome::ok(if flag { file::CLOEXEC } else { 0 }))
            }
            file::SETFD => {
                if let Some(flag) = self.table.close_on_exec(fd) {
                    *flag = argument & file::CLOEXEC != 0;
                }
                Ok(Outcome::ok(0))
            }
            file::GETFL | file::SETFL if !is_socket => Err(Stop::unsupported(
                "call:fcntl",
                "the reference target has status flags on sockets only",
            )),
            file::GETFL if self.table.socket(fd)?.nonblocking => {
                Ok(Outcome::ok(file::RDWR | file::NONBLOCK))
            }
            file::GETFL => Ok(Outcome::ok(file::RDWR)),
            file::SETFL => {
                self.table.socket_mut(fd)?.nonblocking = argument & file::NONBLOCK != 0;
                Ok(Outcome::ok(0))
            }
            other => Err(Stop::unsupported(
                format!("fcntl:{other}"),
                "the reference target knows F_GETFL, F_SETFL, F_GETFD, F_SETFD and F_DUPFD",
            )),
        }
    }

    pub(in crate::target::reference) fn ioctl(
        &mut self,
        fd: Fd,
        number: u64,
        argument: Option<i32>,
    ) -> Attempt {
        match self.table.get(fd) {
            None => return Err(EBADF.into()),
            Some(Object::Epoll(_)) => return Err(ENOTTY.into()),
            Some(Object::File(_) | Object::Pipe(_)) => {
                return Err(Stop::unsupported(
                    format!("ioctl:{number:#06x}"),
                    "the reference target has requests for sockets only",
                ));
            }
            Some(Object::Socket(_)) => {}
        }
        if !is_known(number) {
            return Err(Stop::unsupported(
                format!("ioctl:{number:#06x}"),
                "the reference target does not know this request",
            ));
        }
        if number == request::FIONBIO {
            self.table.socket_mut(fd)?.nonblocking = argument.unwrap_or(0) != 0;
            return Ok(Outcome::ok(0));
        }
        let answer = match (self.table.socket(fd)?.stage, number) {
            (Stage::Connection(id, _), _) => self.query(fd, id, number)?,
            // tcp(7): the queue lengths of a listener are EINVAL.
            (Stage::Listening(_), request::SIOCATMARK) | (Stage::Fresh, _) => 0,
            (Stage::Listening(_), _) => return Err(EINVAL.into()),
        };
        Ok(Outcome::with(0, Output::Int(answer)))
    }

    fn query(&self, fd: Fd, id: SocketId, number: u64) -> Result<i32, Stop> {
        let status = self
            .engine
            .host()
            .status(id)
            .map_err(|error| Kernel::lost_socket(fd, error))?;
        if matches!(status.state, StateName::SynSent | StateName::SynReceived) {
            return Ok(0);
        }
        let inline = self.table.socket(fd)?.options.urgent_inline;
        let answer = match number {
            request::SIOCINQ => {
                // Out of line, what can be read in one go ends at the urgent byte.
                let to_mark = status
                    .urgent_ahead
                    .filter(|ahead| !inline && *ahead > 1)
                    .map_or(usize::MAX, |ahead| ahead as usize - 1);
                status.recv_queued.min(to_mark)
            }
            request::SIOCOUTQ => status.send_queued,
            request::SIOCOUTQNSD => status.send_unsent,
            _ => usize::from(status.urgent_ahead == Some(1)),
        };
        Ok(i32::try_from(answer).unwrap_or(i32::MAX))
    }
}
