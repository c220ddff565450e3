//! System calls of a probe: every socket is non-blocking.

use std::net::SocketAddr;
use std::time::Duration;

use crate::call::{Address, Call, Errno, Fd, Outcome, Output};
use crate::program::IpVersion;
use crate::target::CallReport;
use crate::trace::TraceEvent;

use super::kit::Wire;
use super::stop::{Stop, code};

// Linux's numbers, as `call` has them.
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;
const SOCK_STREAM: i32 = 1;
const IPPROTO_TCP: i32 = 6;
const SOL_SOCKET: i32 = 1;
const SO_REUSEADDR: i32 = 2;
const F_SETFL: i32 = 4;
const O_NONBLOCK: i64 = 0o4000;
pub(super) const EAGAIN: Errno = Errno(11);
const EINPROGRESS: Errno = Errno(115);

/// How long a call may take that cannot block.
const LIMIT: Duration = Duration::from_secs(10);
/// How often a socket is looked at that a segment has just made ready.
const LOOKS: usize = 20;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

impl Wire<'_> {
    /// Makes a call and gives what came of it.
    pub(super) fn call(&mut self, call: &Call) -> Result<Outcome, Stop> {
        match self.session.call(call, LIMIT)? {
            CallReport::Returned { moment, outcome } => {
                let end = match outcome.errno {
                    Some(Errno(number)) => format!("-1 (errno {number})"),
                    None => outcome.result.to_string(),
                };
                let text = format!("{}(…) = {end}", call.name());
                self.record(moment.start, TraceEvent::Call, text);
                Ok(outcome)
            }
            CallReport::Blocked => {
                let message = format!("{} did not return within {LIMIT:?}", call.name());
                Err(Stop::failed(code::WRONG_CALL, message))
            }
        }
    }

    /// Makes a call that has to succeed.
    pub(super) fn must(&mut self, call: &Call) -> Result<Outcome, Stop> {
        let outcome = self.call(call)?;
        match outcome.errno {
            None => Ok(outcome),
            Some(errno) => Err(wrong_call(call.name(), "success", errno)),
        }
    }

    /// A new non-blocking TCP socket.
    pub(super) fn socket(&mut self) -> Result<Fd, Stop> {
        let domain = match self.settings().ip_version {
            IpVersion::Ipv4 => AF_INET,
            IpVersion::Ipv6 | IpVersion::Ipv4MappedIpv6 => AF_INET6,
        };
        let made = self.must(&Call::Socket {
            domain,
            kind: SOCK_STREAM,
            protocol: IPPROTO_TCP,
        })?;
        let fd = fd_of(&made)?;
        self.set_nonblocking(fd)?;
        Ok(fd)
    }

    fn set_nonblocking(&mut self, fd: Fd) -> Result<(), Stop> {
        let call = Call::Fcntl {
            fd,
            command: F_SETFL,
            argument: Some(O_NONBLOCK),
        };
        self.must(&call).map(|_| ())
    }

    /// A socket bound to a local port, which may be in use elsewhere.
    pub(super) fn bound_socket(&mut self, port: u16) -> Result<Fd, Stop> {
        let fd = self.socket()?;
        self.must(&Call::SetSockOpt {
            fd,
            level: SOL_SOCKET,
            name: SO_REUSEADDR,
            value: 1_i32.to_ne_bytes().to_vec(),
        })?;
        let address = Address::Is(self.socket_address(self.local(port)));
        self.must(&Call::Bind { fd, address })?;
        Ok(fd)
    }

    /// A listening socket.
    pub(super) fn listen(&mut self, port: u16, backlog: i32) -> Result<Fd, Stop> {
        let fd = self.bound_socket(port)?;
        self.must(&Call::Listen { fd, backlog })?;
        Ok(fd)
    }

    /// Starts a connection; its SYN is under way when this returns.
    pub(super) fn start_connect(&mut self, fd: Fd, to: SocketAddr) -> Result<(), Stop> {
        let address = Address::Is(self.socket_address(to));
        let outcome = self.call(&Call::Connect { fd, address })?;
        match outcome.errno {
            Some(EINPROGRESS) => Ok(()),
            Some(errno) => Err(wrong_call("connect", "EINPROGRESS", errno)),
            None => Err(wrong_call("connect", "EINPROGRESS", Errno(0))),
        }
    }

    /// A connection that is ready to be accepted, or `None`.
    pub(super) fn accept_now(&mut self, listener: Fd) -> Result<Option<Fd>, Stop> {
        let call = Call::Accept {
            fd: listener,
            flags: None,
        };
        let outcome = self.call(&call)?;
        match outcome.errno {
            None => {
                let fd = fd_of(&outcome)?;
                self.set_nonblocking(fd)?;
                Ok(Some(fd))
            }
            Some(EAGAIN) => Ok(None),
            Some(errno) => Err(wrong_call("accept", "a connection or EAGAIN", errno)),
        }
    }

    /// A connection whose last segment has just been sent.
    pub(super) fn accept(&mut self, listener: Fd) -> Result<Fd, Stop> {
        for _ in 0..LOOKS {
            if let Some(fd) = self.accept_now(listener)? {
                return Ok(fd);
            }
            self.wait(PAUSE)?;
        }
        Err(wrong_call("accept", "a connection", EAGAIN))
    }

    /// What is there to be read: `None` for nothing yet, empty for the end of the stream.
    pub(super) fn read_now(&mut self, fd: Fd) -> Result<Option<Vec<u8>>, Stop> {
        let outcome = self.call(&Call::Read { fd, len: 65_536 })?;
        match (outcome.errno, outcome.output) {
            (None, Output::Bytes(bytes)) => Ok(Some(bytes)),
            (None, _) => Ok(Some(Vec::new())),
            (Some(EAGAIN), _) => Ok(None),
            (Some(errno), _) => Err(wrong_call("read", "data or EAGAIN", errno)),
        }
    }

    /// Nothing may be there to be read, nor the end of the stream.
    pub(super) fn read_nothing(&mut self, fd: Fd, after: &str) -> Result<(), Stop> {
        match self.read_now(fd)? {
            None => Ok(()),
            Some(bytes) => {
                let message = format!("read after {after}");
                Err(Stop::failed(code::WRONG_CALL, message).differs(
                    "result",
                    "-1 EAGAIN",
                    bytes.len(),
                ))
            }
        }
    }

    /// Exactly these bytes have to be there, now or within a moment.
    pub(super) fn read_exactly(&mut self, fd: Fd, expected: &[u8]) -> Result<(), Stop> {
        let mut got = Vec::new();
        for _ in 0..LOOKS {
            match self.read_now(fd)? {
                Some(bytes) if bytes.is_empty() => break,
                Some(bytes) => got.extend(bytes),
                None => self.wait(PAUSE)?,
            }
            if got.len() >= expected.len() {
                break;
            }
        }
        if got == expected {
            return Ok(());
        }
        Err(
            Stop::failed(code::WRONG_CALL, "read gave other bytes than were sent").differs(
                "data",
                format!("{} bytes {}", expected.len(), start_of(expected)),
                format!("{} bytes {}", got.len(), start_of(&got)),
            ),
        )
    }

    /// Writes all of it, which the send buffer has to take.
    pub(super) fn write(&mut self, fd: Fd, data: &[u8]) -> Result<(), Stop> {
        let data = data.to_vec();
        let len = data.len();
        let outcome = self.must(&Call::Write { fd, data })?;
        if outcome.result == len as i64 {
            return Ok(());
        }
        let stop = Stop::failed(code::WRONG_CALL, "write took only a part");
        Err(stop.differs("result", len, outcome.result))
    }

    /// Closes a descriptor.
    pub(super) fn close(&mut self, fd: Fd) -> Result<(), Stop> {
        self.must(&Call::Close { fd }).map(|_| ())
    }
}

fn fd_of(outcome: &Outcome) -> Result<Fd, Stop> {
    i32::try_from(outcome.result)
        .map(Fd)
        .map_err(|_| Stop::machine(format!("{} is no descriptor", outcome.result)))
}

fn wrong_call(name: &str, expected: &str, errno: Errno) -> Stop {
    Stop::failed(code::WRONG_CALL, format!("{name} gave something else")).differs(
        "errno",
        expected,
        format!("errno {}", errno.0),
    )
}

/// The first bytes of a buffer, in hexadecimal.
fn start_of(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    shown.join(" ")
}
