//! `read`, `readv`, `recv`, `recvfrom`, `recvmsg`.

use tcpdrill_stack::{CallError, SocketId};

use crate::call::{Call, ControlMessage, Fd, Outcome, Output};
use crate::target::reference::abi::{control, level, msg};
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::Object;
use crate::target::reference::errno::{EAGAIN, EINVAL, ENOTCONN};
use crate::target::reference::error_queue::fit;
use crate::target::reference::kernel::Kernel;

const UNDERSTOOD: i32 = msg::OOB
    | msg::PEEK
    | msg::TRUNC
    | msg::DONTWAIT
    | msg::WAITALL
    | msg::NOSIGNAL
    | msg::CMSG_CLOEXEC;

impl Kernel {
    pub(in crate::target::reference) fn receive_family(
        &mut self,
        call: &Call,
        progress: &mut Progress,
    ) -> Attempt {
        match call {
            Call::Recv { fd, len, flags } | Call::RecvFrom { fd, len, flags }
                if flags & msg::ERRQUEUE != 0 =>
            {
                self.receive_notice(*fd, *len, *flags, 0)
                    .map(|outcome| Outcome::with(outcome.result, Output::Bytes(Vec::new())))
            }
            Call::RecvMsg {
                fd,
                lens,
                flags,
                control_len,
            } if flags & msg::ERRQUEUE != 0 => {
                self.receive_notice(*fd, lens.iter().sum(), *flags, *control_len)
            }
            Call::Read { fd, len } => self.read(*fd, *len, progress),
            Call::Readv { fd, lens } => self.read(*fd, lens.iter().sum(), progress),
            // A connection-mode socket gives no address: recvfrom(2).
            Call::Recv { fd, len, flags } | Call::RecvFrom { fd, len, flags } => {
                self.receive_bytes(*fd, *len, *flags, progress)
            }
            Call::RecvMsg {
                fd,
                lens,
                flags,
                control_len,
            } => {
                let outcome = self.receive_bytes(*fd, lens.iter().sum(), *flags, progress)?;
                self.as_message(*fd, outcome, *flags, *control_len)
            }
            other => Err(Stop::machine(format!("{} does not receive", other.name()))),
        }
    }

    fn read(&mut self, fd: Fd, len: usize, progress: &mut Progress) -> Attempt {
        match self.table.get(fd) {
            Some(Object::Epoll(_)) => return Err(EINVAL.into()),
            Some(Object::File(_) | Object::Pipe(_)) => return self.read_file(fd, len, progress),
            Some(Object::Socket(_)) | None => {}
        }
        self.table.socket(fd)?;
        if len == 0 {
            return Ok(Outcome::with(0, Output::Bytes(Vec::new())));
        }
        self.receive_bytes(fd, len, 0, progress)
    }

    fn receive_bytes(
        &mut self,
        fd: Fd,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Attempt {
        self.table.socket(fd)?;
        if flags & !UNDERSTOOD != 0 {
            return Err(unsupported_flag(flags & !UNDERSTOOD));
        }
        let id = self.connection(fd, ENOTCONN)?;
        if flags & msg::OOB != 0 {
            return self.receive_urgent(fd, id, len, flags);
        }
        let result = if flags & msg::PEEK != 0 {
            self.peek_stream(fd, id, len, flags, progress)
        } else {
            self.read_stream(fd, id, len, flags, progress)
        };
        result.map(|()| received(flags, progress))
    }

    /// What a call gives that has some bytes already and is interrupted.
    pub(in crate::target::reference) fn received_so_far(
        &mut self,
        call: &Call,
        progress: &mut Progress,
    ) -> Attempt {
        match call {
            Call::RecvMsg {
                fd,
                flags,
                control_len,
                ..
            } => self.as_message(*fd, received(*flags, progress), *flags, *control_len),
            Call::Recv { flags, .. } | Call::RecvFrom { flags, .. } => {
                Ok(received(*flags, progress))
            }
            _ => Ok(received(0, progress)),
        }
    }

    /// Reads into `progress.received` until there is enough, the stream ends, or the call must wait.
    pub(super) fn read_stream(
        &mut self,
        fd: Fd,
        id: SocketId,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let enough = self.enough(fd, len, flags)?;
        loop {
            let have = progress.received.len();
            if have >= enough.min(len) && (have > 0 || len == 0) {
                return Ok(());
            }
            if have > 0 && self.next_call_is_needed(fd, id)? {
                return Ok(());
            }
            let mut buffer = vec![0; len - have];
            let now = self.engine.now();
            let got = self.engine.host_mut().recv(now, id, &mut buffer);
            // Reading may open the window, and the update belongs before what happens next.
            self.engine.settle();
            match got {
                Ok(0) => return Ok(()),
                Ok(count) => progress
                    .received
                    .extend_from_slice(&buffer[..count.min(len - have)]),
                Err(_) if have > 0 && self.ends_early(fd, flags, progress) => return Ok(()),
                Err(error) => return self.nothing_to_read(fd, id, error, flags, progress),
            }
        }
    }

    fn peek_stream(
        &mut self,
        fd: Fd,
        id: SocketId,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let enough = self.enough(fd, len, flags)?;
        let mut buffer = vec![0; len];
        match self.engine.host().peek(id, &mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                progress.received = buffer;
                let more_may_come = count > 0 && !self.readiness(id).peer_closed;
                if count >= enough || !more_may_come || self.ends_early(fd, flags, progress) {
                    return Ok(());
                }
                let socket = self.table.socket(fd)?;
                let timeout = socket.local.receive_timeout;
                Err(progress.wait(self.engine.now(), false, timeout))
            }
            Err(error) => self.nothing_to_read(fd, id, error, flags, progress),
        }
    }

    /// Fewest bytes that let a call return: all with MSG_WAITALL, else SO_RCVLOWAT.
    fn enough(&self, fd: Fd, len: usize, flags: i32) -> Result<usize, Stop> {
        let low_water = self.table.socket(fd)?.local.receive_low_water;
        Ok(if flags & msg::WAITALL != 0 {
            len
        } else {
            low_water.min(len)
        })
    }

    /// Whether what comes next is not for a call that has bytes already: the error that ended the stream, or
    /// what stands behind the urgent mark.
    fn next_call_is_needed(&self, fd: Fd, id: SocketId) -> Result<bool, Stop> {
        let inline = self.table.socket(fd)?.options.urgent_inline;
        Ok(self.engine.host().status(id).is_ok_and(|status| {
            status.error.is_some() || (!inline && status.urgent_ahead == Some(1))
        }))
    }

    /// Whether a call that has some bytes, but fewer than it waits for, returns them now.
    fn ends_early(&self, fd: Fd, flags: i32, progress: &Progress) -> bool {
        let Ok(socket) = self.table.socket(fd) else {
            return true;
        };
        let nonblocking = socket.nonblocking || flags & msg::DONTWAIT != 0;
        let timeout = socket.local.receive_timeout;
        socket.read_shut
            || matches!(
                progress.wait(self.engine.now(), nonblocking, timeout),
                Stop::Failed(_)
            )
    }

    /// What a read does for which the stack has no bytes.
    fn nothing_to_read(
        &mut self,
        fd: Fd,
        id: SocketId,
        error: CallError,
        flags: i32,
        progress: &Progress,
    ) -> Result<(), Stop> {
        let socket = self.table.socket(fd)?;
        let ready = self.readiness(id);
        match error {
            CallError::Connection(error) => {
                // Told now; SO_ERROR has nothing more to tell.
                let _ = self.engine.host_mut().take_error(id);
                Err(self.errno_of(fd, error).into())
            }
            CallError::WouldBlock if socket.read_shut => Ok(()),
            // After the end of a connection there is nothing to wait for: end of stream.
            CallError::NotConnected | CallError::Closing if ready.closed => {
                match self.take_error(fd, id) {
                    Some(errno) => Err(errno.into()),
                    None => Ok(()),
                }
            }
            CallError::WouldBlock | CallError::NotConnected => {
                let nonblocking = socket.nonblocking || flags & msg::DONTWAIT != 0;
                Err(progress.wait(self.engine.now(), nonblocking, socket.local.receive_timeout))
            }
            CallError::Closing => Err(ENOTCONN.into()),
            other => Err(Kernel::lost_socket(fd, other)),
        }
    }

    /// MSG_OOB: never blocks.
    fn receive_urgent(&mut self, fd: Fd, id: SocketId, len: usize, flags: i32) -> Attempt {
        let now = self.engine.now();
        let byte = if flags & msg::PEEK != 0 {
            self.engine.host().peek_urgent(id)
        } else {
            self.engine.host_mut().recv_urgent(now, id)
        };
        match byte {
            Ok(_) if len == 0 => Ok(Outcome::with(0, Output::Bytes(Vec::new()))),
            Ok(byte) => Ok(Outcome::with(1, Output::Bytes(vec![byte]))),
            Err(CallError::WouldBlock) => {
                let ready = self.readiness(id);
                if ready.closed || ready.peer_closed {
                    Ok(Outcome::with(0, Output::Bytes(Vec::new())))
                } else {
                    Err(EAGAIN.into())
                }
            }
            Err(CallError::InvalidArgument | CallError::NotConnected | CallError::Closing) => {
                Err(EINVAL.into())
            }
            Err(CallError::Connection(error)) => Err(self.errno_of(fd, error).into()),
            Err(other) => Err(Kernel::lost_socket(fd, other)),
        }
    }

    /// `recvmsg`: the bytes with flags and control messages around them.
    fn as_message(&mut self, fd: Fd, outcome: Outcome, flags: i32, control_len: usize) -> Attempt {
        let mut out_flags = flags & msg::CMSG_CLOEXEC;
        if flags & msg::OOB != 0 && outcome.result > 0 {
            out_flags |= msg::OOB;
        }
        let data = match outcome.output {
            Output::Bytes(data) => data,
            _ => Vec::new(),
        };
        let mut messages = Vec::new();
        let takes = flags & (msg::PEEK | msg::OOB) == 0 && outcome.result > 0;
        if let Some(stamp) = takes.then(|| self.arrival_stamp(fd)).flatten() {
            messages.push(stamp);
        }
        if self.table.socket(fd)?.local.report_inq {
            messages.push(ControlMessage {
                level: level::TCP,
                kind: control::TCP_CM_INQ,
                data: self.inq_hint(fd)?.to_ne_bytes().to_vec(),
            });
        }
        let (messages, cut) = fit(messages, control_len);
        if cut {
            out_flags |= msg::CTRUNC;
        }
        Ok(Outcome::with(
            outcome.result,
            Output::Message {
                data,
                flags: out_flags,
                control: messages,
                address: None,
            },
        ))
    }

    /// TCP_CM_INQ: bytes still to be read; at least 1 after the peer's FIN, so that the end is read too.
    fn inq_hint(&self, fd: Fd) -> Result<i32, Stop> {
        let id = self.connection(fd, ENOTCONN)?;
        let queued = self
            .engine
            .host()
            .status(id)
            .map_or(0, |status| status.recv_queued);
        let queued = i32::try_from(queued).unwrap_or(i32::MAX);
        Ok(if queued == 0 && self.readiness(id).peer_closed {
            1
        } else {
            queued
        })
    }
}

/// The end of a call that has read.
fn received(flags: i32, progress: &mut Progress) -> Outcome {
    let data = std::mem::take(&mut progress.received);
    let count = i64::try_from(data.len()).unwrap_or(i64::MAX);
    // tcp(7): MSG_TRUNC throws the bytes away instead of copying them.
    if flags & msg::TRUNC != 0 {
        Outcome::ok(count)
    } else {
        Outcome::with(count, Output::Bytes(data))
    }
}

fn unsupported_flag(flags: i32) -> Stop {
    Stop::unsupported(
        format!("msg:{flags:#x}"),
        "the reference target does not know this receive flag",
    )
}
