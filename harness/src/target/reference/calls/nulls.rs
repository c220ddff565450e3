//! NULL where a buffer or value belongs: EFAULT, as soon as a byte would go there.

use crate::call::{Call, Fd, Outcome};
use crate::target::reference::abi::{epoll, level, msg};
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::{Object, Stage};
use crate::target::reference::errno::{EFAULT, EINVAL};
use crate::target::reference::kernel::Kernel;

impl Kernel {
    pub(in crate::target::reference) fn with_null(
        &mut self,
        call: &Call,
        at: &[usize],
        progress: &mut Progress,
    ) -> Attempt {
        let target = call.clone().fds_mut().first().map(|fd| **fd);
        let object = target.and_then(|fd| self.table.get(fd));
        if matches!(object, Some(Object::File(_) | Object::Pipe(_))) {
            return Err(Stop::unsupported(
                "pointer:later",
                "the reference target knows NULL in calls on sockets only",
            ));
        }
        match call {
            Call::Readv { .. }
            | Call::Writev { .. }
            | Call::SendMsg { .. }
            | Call::RecvMsg { .. }
                if at.first() != Some(&0) =>
            {
                Err(Stop::unsupported(
                    "pointer:later",
                    "the reference target knows NULL as the first buffer of a vector only",
                ))
            }
            Call::Write { data, .. } | Call::Send { data, .. } | Call::SendTo { data, .. }
                if data.is_empty() =>
            {
                self.send_family(call, progress)
            }
            Call::Write { .. }
            | Call::Send { .. }
            | Call::SendTo { .. }
            | Call::Writev { .. }
            | Call::SendMsg { .. } => self.send_null(call, progress),
            Call::Read { .. }
            | Call::Readv { .. }
            | Call::Recv { .. }
            | Call::RecvFrom { .. }
            | Call::RecvMsg { .. } => self.receive_null(call, progress),
            // Only EPOLL_CTL_DEL has no use for an event: epoll_ctl(2).
            Call::EpollCtl { operation, .. } if *operation != epoll::DEL => Err(EFAULT.into()),
            Call::EpollCtl { .. } => self.poll_family(call, progress),
            Call::SetSockOpt {
                level: level::SOCKET | level::TCP,
                value,
                ..
            } if value.len() < size_of::<i32>() => Err(EINVAL.into()),
            Call::SetSockOpt { .. } | Call::GetSockOpt { .. } => Err(EFAULT.into()),
            other => Err(Stop::machine(format!("{} has no buffer", other.name()))),
        }
    }

    /// A send that could take a byte fails for want of it; else it fails or sleeps as ever.
    fn send_null(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        let mut call = call.clone();
        if let Some(fd) = call.fds_mut().first().map(|fd| **fd) {
            if self.opens(fd, &call)? {
                return self.open_with_null(call, progress);
            }
            let socket = self.table.socket(fd)?;
            if let Some(id) = socket.id().filter(|_| !socket.write_shut) {
                let ready = self.readiness(id);
                if ready.connected && ready.writable && !ready.closed && !ready.error {
                    return Err(EFAULT.into());
                }
            }
        }
        self.send_family(&call, progress)
    }

    /// Whether a send would open the connection (RFC 7413).
    fn opens(&self, fd: Fd, call: &Call) -> Result<bool, Stop> {
        let flags = match call {
            Call::Send { flags, .. } | Call::SendTo { flags, .. } | Call::SendMsg { flags, .. } => {
                *flags
            }
            _ => 0,
        };
        let fresh = self.table.socket(fd)?.stage == Stage::Fresh;
        Ok(fresh && flags & msg::FASTOPEN != 0 || self.waits_for_data(fd)?.is_some())
    }

    /// The SYN leaves all the same, without data.
    fn open_with_null(&mut self, mut call: Call, progress: &mut Progress) -> Attempt {
        match &mut call {
            Call::Write { data, .. } | Call::Send { data, .. } | Call::SendTo { data, .. } => {
                data.clear();
            }
            Call::Writev { data, .. } | Call::SendMsg { data, .. } => data.clear(),
            _ => {}
        }
        match self.send_family(&call, progress) {
            Ok(_) => Err(EFAULT.into()),
            failed => failed,
        }
    }

    /// A look at what is there: one byte of it would fault.
    fn receive_null(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        let (fd, len, flags) = match call {
            Call::Read { fd, len } => (*fd, *len, 0),
            Call::Recv { fd, len, flags } | Call::RecvFrom { fd, len, flags } => {
                (*fd, *len, *flags)
            }
            Call::Readv { fd, lens } => (*fd, lens.iter().sum(), 0),
            Call::RecvMsg {
                fd, lens, flags, ..
            } => (*fd, lens.iter().sum(), *flags),
            other => return Err(Stop::machine(format!("{} does not read", other.name()))),
        };
        if flags & msg::TRUNC != 0 || len == 0 {
            return self.receive_family(call, progress);
        }
        let look = Call::Recv {
            fd,
            len,
            flags: flags & !msg::WAITALL | msg::PEEK,
        };
        match self.receive_family(&look, progress) {
            Ok(Outcome { result: 1.., .. }) => Err(EFAULT.into()),
            other => other,
        }
    }
}
