//! `write`, `writev`, `send`, `sendto`, `sendmsg`.

use tcpdrill_stack::{CallError, SocketId};

use crate::call::{Call, Fd, Outcome};
use crate::target::reference::abi::msg;
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::Object;
use crate::target::reference::errno::{EINVAL, EPIPE};
use crate::target::reference::fast_open::send_flags;
use crate::target::reference::kernel::Kernel;

const UNDERSTOOD: i32 =
    msg::OOB | msg::DONTWAIT | msg::EOR | msg::NOSIGNAL | msg::MORE | msg::ZEROCOPY | msg::FASTOPEN;

impl Kernel {
    pub(in crate::target::reference) fn send_family(
        &mut self,
        call: &Call,
        progress: &mut Progress,
    ) -> Attempt {
        let result = self.send_call(call, progress);
        if let Ok(outcome) = &result {
            self.note_sent(call, outcome.result);
        }
        result
    }

    fn send_call(&mut self, call: &Call, progress: &mut Progress) -> Attempt {
        match call {
            Call::Write { fd, data } => self.write(*fd, data, progress),
            Call::Writev { fd, data } => self.write(*fd, &data.concat(), progress),
            Call::Send { fd, data, flags } if flags & msg::FASTOPEN != 0 => {
                self.send_fast_open(*fd, data, *flags, None, progress)
            }
            Call::SendTo {
                fd,
                data,
                flags,
                address,
            } if flags & msg::FASTOPEN != 0 => {
                self.send_fast_open(*fd, data, *flags, Some(*address), progress)
            }
            Call::SendMsg {
                fd,
                data,
                flags,
                address,
                ..
            } if flags & msg::FASTOPEN != 0 => {
                self.send_fast_open(*fd, &data.concat(), *flags, *address, progress)
            }
            // send(2): a connection-mode socket ignores the address.
            Call::Send { fd, data, flags }
            | Call::SendTo {
                fd, data, flags, ..
            } => self.send_bytes(*fd, data, *flags, progress),
            Call::SendMsg {
                fd, data, flags, ..
            } => {
                let cuts = self.cuts(*fd, data, *flags)?;
                self.send_pieces(*fd, (&data.concat(), &cuts), *flags, progress)
            }
            other => Err(Stop::machine(format!("{} does not send", other.name()))),
        }
    }

    fn write(&mut self, fd: Fd, data: &[u8], progress: &mut Progress) -> Attempt {
        match self.table.get(fd) {
            Some(Object::Epoll(_)) => Err(EINVAL.into()),
            Some(Object::File(_) | Object::Pipe(_)) => self.write_file(fd, data, progress),
            Some(Object::Socket(_)) | None => self.send_bytes(fd, data, 0, progress),
        }
    }

    /// Where a send without copies begins a new packet: a packet refers to so many buffers at most.
    fn cuts(&self, fd: Fd, data: &[Vec<u8>], flags: i32) -> Result<Vec<usize>, Stop> {
        /// Linux's MAX_SKB_FRAGS.
        const MOST: usize = 17;
        let socket = self.table.socket(fd)?;
        if flags & msg::ZEROCOPY == 0 || !socket.local.zero_copy {
            return Ok(Vec::new());
        }
        let mut end = 0;
        let mut ends = Vec::new();
        for piece in data.iter().filter(|piece| !piece.is_empty()) {
            end += piece.len();
            ends.push(end);
        }
        Ok(ends
            .chunks_exact(MOST)
            .map(|group| group[MOST - 1])
            .collect())
    }

    pub(in crate::target::reference) fn send_bytes(
        &mut self,
        fd: Fd,
        data: &[u8],
        flags: i32,
        progress: &mut Progress,
    ) -> Attempt {
        self.send_pieces(fd, (data, &[]), flags, progress)
    }

    /// Sends `data`, which is cut at these places.
    fn send_pieces(
        &mut self,
        fd: Fd,
        (data, cuts): (&[u8], &[usize]),
        flags: i32,
        progress: &mut Progress,
    ) -> Attempt {
        self.table.socket(fd)?;
        if flags & !UNDERSTOOD != 0 {
            return Err(unsupported_flag(flags & !UNDERSTOOD));
        }
        // Linux answers EPIPE, not ENOTCONN, to a write on a socket that was never connected.
        let id = self.connection(fd, EPIPE)?;
        if progress.connecting {
            return self.send_rest(fd, id, false, (data, flags), progress);
        }
        if self.waits_for_data(fd)?.is_some() {
            return self.send_first(fd, id, (data, flags), progress);
        }
        loop {
            let ready = self.readiness(id);
            // A connection handed out before its handshake has ended takes data all the same.
            let early = ready.writable && !self.table.socket(fd)?.write_shut;
            if !ready.connected && !ready.closed && !ready.error && !early {
                return self.cannot_send_yet(fd, flags, progress);
            }
            if self.table.socket(fd)?.write_shut {
                return self.broken_pipe(fd, id, progress);
            }
            if progress.full && !ready.writable {
                return self.cannot_send_yet(fd, flags, progress);
            }
            let now = self.engine.now();
            let cut = cuts.iter().copied().find(|cut| *cut > progress.sent);
            let cut = cut.filter(|cut| *cut < data.len());
            let rest = &data[progress.sent..cut.unwrap_or(data.len())];
            let mut send_flags = send_flags(flags);
            send_flags.end_of_record |= cut.is_some();
            let taken = self.engine.host_mut().send(now, id, rest, send_flags);
            self.engine.settle();
            match taken {
                Ok(count) => {
                    progress.sent += count.min(rest.len());
                    if progress.sent == data.len() {
                        return Ok(sent(progress));
                    }
                    if count == 0 {
                        return self.cannot_send_yet(fd, flags, progress);
                    }
                }
                Err(CallError::WouldBlock) => return self.cannot_send_yet(fd, flags, progress),
                Err(CallError::Connection(_)) if progress.sent > 0 => return Ok(sent(progress)),
                Err(CallError::Connection(error)) => {
                    let _ = self.engine.host_mut().take_error(id);
                    return Err(self.errno_of(fd, error).into());
                }
                Err(CallError::NotConnected | CallError::Closing | CallError::InvalidState) => {
                    return self.broken_pipe(fd, id, progress);
                }
                Err(other) => return Err(Kernel::lost_socket(fd, other)),
            }
        }
    }

    /// No room, or no connection yet.
    fn cannot_send_yet(&self, fd: Fd, flags: i32, progress: &mut Progress) -> Attempt {
        progress.full = true;
        let socket = self.table.socket(fd)?;
        let nonblocking = socket.nonblocking || flags & msg::DONTWAIT != 0;
        match progress.wait(self.engine.now(), nonblocking, socket.local.send_timeout) {
            Stop::Failed(_) if progress.sent > 0 => Ok(sent(progress)),
            stop => Err(stop),
        }
    }

    /// Our direction is closed: what was sent counts, then the connection's error, then EPIPE.
    fn broken_pipe(&mut self, fd: Fd, id: SocketId, progress: &Progress) -> Attempt {
        if progress.sent > 0 {
            return Ok(sent(progress));
        }
        Err(self.take_error(fd, id).unwrap_or(EPIPE).into())
    }
}

fn sent(progress: &Progress) -> Outcome {
    Outcome::ok(i64::try_from(progress.sent).unwrap_or(i64::MAX))
}

fn unsupported_flag(flags: i32) -> Stop {
    Stop::unsupported(
        format!("msg:{flags:#x}"),
        "the reference target does not know this send flag",
    )
}
