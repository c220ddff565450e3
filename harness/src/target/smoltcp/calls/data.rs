//! `read`, `write` and their families.

use smoltcp::socket::tcp::{RecvError, SendError, State};

use crate::call::{Fd, Outcome, Output};
use crate::target::abi::msg;
use crate::target::errno::{ENOTCONN, EPIPE};
use crate::target::smoltcp::blocking::{Attempt, Progress, Stop};
use crate::target::smoltcp::host::Id;
use crate::target::smoltcp::kernel::Kernel;

const RECEIVE_FLAGS: i32 = msg::PEEK | msg::TRUNC | msg::DONTWAIT | msg::WAITALL | msg::NOSIGNAL;
const SEND_FLAGS: i32 = msg::DONTWAIT | msg::NOSIGNAL;

impl Kernel {
    pub(in crate::target::smoltcp) fn receive(
        &mut self,
        fd: Fd,
        len: usize,
        flags: i32,
        progress: &mut Progress,
    ) -> Attempt {
        self.socket_of(fd)?;
        check_flags(flags, RECEIVE_FLAGS)?;
        let id = self.connection(fd, ENOTCONN)?;
        if flags & msg::PEEK != 0 {
            progress.received.clear();
        }
        self.fill_from(fd, id, (len, flags), progress)?;
        let data = std::mem::take(&mut progress.received);
        let count = i64::try_from(data.len()).unwrap_or(i64::MAX);
        // tcp(7): MSG_TRUNC throws the bytes away instead of copying them.
        if flags & msg::TRUNC != 0 {
            return Ok(Outcome::ok(count));
        }
        Ok(Outcome::with(count, Output::Bytes(data)))
    }

    /// Reads until there is enough, the stream ends, or the call must wait.
    fn fill_from(
        &mut self,
        fd: Fd,
        id: Id,
        (len, flags): (usize, i32),
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let low_water = self.socket_of(fd)?.local.receive_low_water;
        let enough = if flags & msg::WAITALL != 0 {
            len
        } else {
            low_water.min(len)
        };
        let mut buffer = vec![0; len - progress.received.len()];
        let tcp = self.host.socket_mut(id).ok_or_else(lost)?;
        let got = if flags & msg::PEEK != 0 {
            tcp.peek(buffer.len()).map(|seen| {
                buffer[..seen.len()].copy_from_slice(seen);
                seen.len()
            })
        } else {
            tcp.recv_slice(&mut buffer)
        };
        let ended = got.is_err();
        progress
            .received
            .extend_from_slice(&buffer[..got.unwrap_or(0)]);
        // Reading may open the window, and the update belongs before what happens next.
        self.host.settle();
        let have = progress.received.len();
        if len == 0 || have >= enough && have > 0 {
            return Ok(());
        }
        if have > 0 && ended {
            return Ok(());
        }
        let socket = self.socket_of(fd)?;
        if socket.read_shut {
            return Ok(());
        }
        let (nonblocking, timeout) = (
            socket.nonblocking || flags & msg::DONTWAIT != 0,
            socket.local.receive_timeout,
        );
        if let Err(error) = got
            && let Some(result) = self.end_of_stream(id, error)
        {
            return result;
        }
        match progress.wait(self.host.now(), nonblocking, timeout) {
            Stop::Failed(_) if have > 0 => Ok(()),
            stop => Err(stop),
        }
    }

    /// What a read tells that finds the direction closed; `None` if it has not been open yet.
    fn end_of_stream(&mut self, id: Id, error: RecvError) -> Option<Result<(), Stop>> {
        if let Some(errno) = self.take_error(id) {
            return Some(Err(errno.into()));
        }
        match (error, self.host.state(id)) {
            (RecvError::InvalidState, State::SynSent | State::SynReceived) => None,
            (RecvError::Finished | RecvError::InvalidState, _) => Some(Ok(())),
        }
    }

    pub(in crate::target::smoltcp) fn send(
        &mut self,
        fd: Fd,
        data: &[u8],
        flags: i32,
        progress: &mut Progress,
    ) -> Attempt {
        self.socket_of(fd)?;
        check_flags(flags, SEND_FLAGS)?;
        // Linux answers EPIPE, not ENOTCONN, to a write on a socket that was never connected.
        let id = self.connection(fd, EPIPE)?;
        let tcp = self.host.socket_mut(id).ok_or_else(lost)?;
        match tcp.send_slice(&data[progress.sent..]) {
            Ok(count) => {
                self.host.settle();
                progress.sent += count;
                if progress.sent == data.len() {
                    return Ok(sent(progress));
                }
            }
            Err(SendError::InvalidState) => match self.host.state(id) {
                State::SynSent | State::SynReceived => {}
                _ if progress.sent > 0 => return Ok(sent(progress)),
                _ => return Err(self.take_error(id).unwrap_or(EPIPE).into()),
            },
        }
        let socket = self.socket_of(fd)?;
        let nonblocking = socket.nonblocking || flags & msg::DONTWAIT != 0;
        match progress.wait(self.host.now(), nonblocking, socket.local.send_timeout) {
            Stop::Failed(_) if progress.sent > 0 => Ok(sent(progress)),
            stop => Err(stop),
        }
    }
}

fn check_flags(flags: i32, understood: i32) -> Result<(), Stop> {
    let rest = flags & !understood;
    if rest == 0 {
        return Ok(());
    }
    Err(Stop::unsupported(
        format!("msg:{rest:#x}"),
        "smoltcp has nothing that this flag could mean",
    ))
}

fn sent(progress: &Progress) -> Outcome {
    Outcome::ok(i64::try_from(progress.sent).unwrap_or(i64::MAX))
}

fn lost() -> Stop {
    Stop::machine("a descriptor stands for a socket that smoltcp no longer has")
}
