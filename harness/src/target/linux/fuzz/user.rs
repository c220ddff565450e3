//! The user of a fuzzed kernel: a listener at most, and a connection.

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage, accept4, bind,
    connect, listen, recv, send, setsockopt, shutdown, socket, sockopt,
};

use super::super::calls;
use crate::call::Output;
use crate::fuzz::input::Call;
use crate::fuzz::subject::{Answer, Plan};

/// More than an input can open.
const BACKLOG: i32 = 1_000;

/// Sockets, none of which ever blocks.
#[derive(Debug, Default)]
pub(super) struct User {
    plan: Option<Plan>,
    listener: Option<OwnedFd>,
    connection: Option<Connection>,
}

/// A socket that is connected, or about to be.
#[derive(Debug)]
struct Connection {
    fd: OwnedFd,
    /// What the kernel calls it, once somebody has asked: it does not change.
    cookie: Cell<Option<u64>>,
}

impl Connection {
    fn of(fd: OwnedFd) -> Connection {
        Connection {
            fd,
            cookie: Cell::new(None),
        }
    }
}

impl User {
    /// One who has done nothing yet.
    pub(super) fn of(plan: &Plan) -> User {
        User {
            plan: Some(*plan),
            ..User::default()
        }
    }

    /// Whether there is a listener.
    pub(super) fn listens(&self) -> bool {
        self.listener.is_some()
    }

    /// The listener, if the user could take a connection from it.
    pub(super) fn listener(&self) -> Option<BorrowedFd<'_>> {
        let listener = self.listener.as_ref().map(AsFd::as_fd);
        listener.filter(|_| self.connection.is_none())
    }

    /// Whether the user holds a connection that is closed: only then there can be another one between the same ends.
    pub(super) fn holds_dead(&self) -> bool {
        /// `TCP_CLOSE`, in the first byte of `struct tcp_info`.
        const CLOSED: u8 = 7;
        let Some(connection) = &self.connection else {
            return false;
        };
        let fd = connection.fd.as_raw_fd();
        match calls::get_option(fd, libc::SOL_TCP, libc::TCP_INFO, 1).output {
            Output::Bytes(bytes) => bytes.first() == Some(&CLOSED),
            _ => true,
        }
    }

    /// Closes everything, the connection with a reset.
    pub(super) fn leave(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = abortive(&connection.fd);
        }
        self.listener = None;
    }

    /// What the kernel calls the connection that the user holds.
    pub(super) fn cookie(&self) -> Option<u64> {
        let connection = self.connection.as_ref()?;
        if connection.cookie.get().is_none() {
            let fd = connection.fd.as_raw_fd();
            let told = calls::get_option(fd, libc::SOL_SOCKET, libc::SO_COOKIE, 8).output;
            if let Output::Bytes(bytes) = told {
                let cookie = u64::from_ne_bytes(bytes.try_into().ok()?);
                connection.cookie.set(Some(cookie));
            }
        }
        connection.cookie.get()
    }

    /// Makes a call.
    ///
    /// # Errors
    /// If the machine gives no socket; whatever TCP says is an answer.
    pub(super) fn call(
        &mut self,
        call: Call,
        text: &[u8],
        into: &mut Vec<u8>,
    ) -> Result<Answer, String> {
        match call {
            Call::Listen => self.listen(),
            Call::Connect => self.connect(),
            Call::Accept => Ok(self.accept()),
            Call::Send(_)
            | Call::Recv(_)
            | Call::Shutdown
            | Call::Close
            | Call::Abort
            | Call::NoDelay(_)
            | Call::KeepAlive(_) => Ok(self.on_connection(call, text, into)),
        }
    }

    fn listen(&mut self) -> Result<Answer, String> {
        if self.listener.is_some() {
            return Ok(Answer::Refused);
        }
        let socket = self.socket()?;
        let backlog = Backlog::new(BACKLOG).unwrap_or(Backlog::MAXCONN);
        listen(&socket, backlog).map_err(|errno| format!("listen: {errno}"))?;
        self.listener = Some(socket);
        Ok(Answer::Done)
    }

    fn connect(&mut self) -> Result<Answer, String> {
        if self.connection.is_some() {
            return Ok(Answer::Refused);
        }
        let (socket, peer) = (self.socket()?, self.plan()?.ends.peer);
        let peer = SockaddrStorage::from(std::net::SocketAddr::from(peer));
        match connect(socket.as_raw_fd(), &peer) {
            Ok(()) | Err(Errno::EINPROGRESS) => {
                self.connection = Some(Connection::of(socket));
                Ok(Answer::Done)
            }
            // There is such a connection already, that of the listener or one in TIME-WAIT.
            Err(Errno::EADDRNOTAVAIL | Errno::EADDRINUSE) => Ok(Answer::Refused),
            Err(errno) => Err(format!("connect: {errno}")),
        }
    }

    fn accept(&mut self) -> Answer {
        let (Some(listener), None) = (&self.listener, &self.connection) else {
            return Answer::Refused;
        };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let Ok(fd) = accept4(listener.as_raw_fd(), flags) else {
            return Answer::Refused;
        };
        // SAFETY: the kernel has just made this descriptor, and nobody else has it.
        self.connection = Some(Connection::of(unsafe { OwnedFd::from_raw_fd(fd) }));
        Answer::Done
    }

    fn on_connection(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        let Some(Connection { fd: socket, .. }) = &self.connection else {
            return Answer::Refused;
        };
        let fd = socket.as_raw_fd();
        match call {
            Call::Send(_) => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                send(fd, text, flags).map_or(Answer::Refused, Answer::Bytes)
            }
            Call::Recv(most) => receive(fd, most, into),
            Call::Shutdown => done(shutdown(fd, Shutdown::Write)),
            Call::Close => {
                self.connection = None;
                Answer::Done
            }
            Call::Abort => {
                let asked = abortive(socket);
                self.connection = None;
                done(asked)
            }
            Call::NoDelay(is_on) => done(setsockopt(socket, sockopt::TcpNoDelay, &is_on)),
            Call::KeepAlive(is_on) => done(setsockopt(socket, sockopt::KeepAlive, &is_on)),
            Call::Listen | Call::Connect | Call::Accept => Answer::Refused,
        }
    }

    fn plan(&self) -> Result<&Plan, String> {
        self.plan
            .as_ref()
            .ok_or_else(|| "nobody has begun".to_owned())
    }

    /// A socket at the subject's end.
    fn socket(&self) -> Result<OwnedFd, String> {
        let plan = self.plan()?;
        let family = match plan.ends.subject.0.is_ipv4() {
            true => AddressFamily::Inet,
            false => AddressFamily::Inet6,
        };
        let made = || -> Result<OwnedFd, Errno> {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let socket = socket(family, SockType::Stream, flags, None)?;
            setsockopt(&socket, sockopt::ReuseAddr, &true)?;
            // A listener and a connection that the user opens may have the same port.
            setsockopt(&socket, sockopt::ReusePort, &true)?;
            // The urgent pointer is a remark: the byte it names stays in the stream (RFC 9293 §3.8.5).
            setsockopt(&socket, sockopt::OobInline, &true)?;
            if let Some(bytes) = plan.receive_buffer {
                setsockopt(&socket, sockopt::RcvBuf, &(bytes as usize))?;
            }
            let here = SockaddrStorage::from(std::net::SocketAddr::from(plan.ends.subject));
            bind(socket.as_raw_fd(), &here)?;
            Ok(socket)
        };
        made().map_err(|errno| format!("no socket: {errno}"))
    }
}

fn receive(fd: i32, most: u16, into: &mut Vec<u8>) -> Answer {
    into.resize(most.into(), 0);
    let received = recv(fd, into, MsgFlags::MSG_DONTWAIT);
    into.truncate(received.unwrap_or(0));
    match received {
        Ok(0) if most > 0 => Answer::End,
        Ok(count) => Answer::Bytes(count),
        Err(_) => Answer::Refused,
    }
}

/// Has the next close reset the connection.
fn abortive(socket: &OwnedFd) -> Result<(), Errno> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(socket, sockopt::Linger, &linger)
}

fn done(result: Result<(), Errno>) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(_) => Answer::Refused,
    }
}
