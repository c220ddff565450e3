//! System calls as values: what a script asks for and what came of it.
//!
//! One vocabulary for every target. Numbers (levels, flags, errno) are Linux's,
//! as the symbol tables give them; a target translates if its own differ. They can be
//! written down, so that a call can be made on another machine.

mod outcome;

use std::net::SocketAddr;
use std::time::Duration;

pub use outcome::{Outcome, Output};

use serde::{Deserialize, Serialize};

/// A file descriptor: the script's label in a program, the target's own number
/// once the runner has bound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fd(pub i32);

/// An errno value with Linux's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Errno(pub i32);

/// The address argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// `...`: the runner puts the configured address here before the call is made.
    Default,
    /// `AF_UNSPEC`: dissolve the association.
    Unspecified,
    /// A real address.
    Is(SocketAddr),
}

/// One entry of `poll`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollEntry {
    /// The descriptor asked about.
    pub fd: Fd,
    /// Events asked for (`POLLIN` …).
    pub events: i16,
}

/// What a process does with a signal that it has asked to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disposition {
    /// `...`: a handler that does nothing; the call it interrupts ends with EINTR, or, with
    /// `restart` (SA_RESTART), goes on where signal(7) lets it.
    #[expect(missing_docs, reason = "named after the flag")]
    Handler { restart: bool },
    /// `SIG_IGN`
    Ignore,
    /// `SIG_DFL`
    Default,
}

/// One control message of `sendmsg` or `recvmsg`.
///
/// Time stamps that a session hands out (`SCM_TIMESTAMPING`, two words a stamp: seconds and
/// nanoseconds) count from the session's own zero; a stamp that was not taken is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlMessage {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// `CMSG_DATA`, in the machine's byte order.
    pub data: Vec<u8>,
}

/// A system call with all its arguments.
///
/// Buffers to send carry their bytes; buffers to fill carry only their length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields carry the names of the manual pages"
)]
pub enum Call {
    Socket {
        domain: i32,
        kind: i32,
        protocol: i32,
    },
    Bind {
        fd: Fd,
        address: Address,
    },
    Listen {
        fd: Fd,
        backlog: i32,
    },
    /// `flags` is `None` for `accept`, the flags word for `accept4`.
    Accept {
        fd: Fd,
        flags: Option<i32>,
    },
    Connect {
        fd: Fd,
        address: Address,
    },
    Read {
        fd: Fd,
        len: usize,
    },
    Readv {
        fd: Fd,
        lens: Vec<usize>,
    },
    Recv {
        fd: Fd,
        len: usize,
        flags: i32,
    },
    RecvFrom {
        fd: Fd,
        len: usize,
        flags: i32,
    },
    /// `control_len`: bytes of room for control messages.
    RecvMsg {
        fd: Fd,
        lens: Vec<usize>,
        flags: i32,
        control_len: usize,
    },
    Write {
        fd: Fd,
        data: Vec<u8>,
    },
    Writev {
        fd: Fd,
        data: Vec<Vec<u8>>,
    },
    Send {
        fd: Fd,
        data: Vec<u8>,
        flags: i32,
    },
    SendTo {
        fd: Fd,
        data: Vec<u8>,
        flags: i32,
        address: Address,
    },
    SendMsg {
        fd: Fd,
        data: Vec<Vec<u8>>,
        flags: i32,
        address: Option<Address>,
        control: Vec<ControlMessage>,
    },
    Fcntl {
        fd: Fd,
        command: i32,
        argument: Option<i64>,
    },
    /// `argument`: `None` no third argument, otherwise a pointer to an `int` (its value on entry).
    Ioctl {
        fd: Fd,
        request: u64,
        argument: Option<i32>,
    },
    Close {
        fd: Fd,
    },
    Shutdown {
        fd: Fd,
        how: i32,
    },
    GetSockOpt {
        fd: Fd,
        level: i32,
        name: i32,
        len: u32,
    },
    SetSockOpt {
        fd: Fd,
        level: i32,
        name: i32,
        value: Vec<u8>,
    },
    Poll {
        entries: Vec<PollEntry>,
        timeout_ms: i32,
    },
    EpollCreate {
        size: i32,
    },
    EpollCtl {
        epoll: Fd,
        operation: i32,
        fd: Fd,
        events: u32,
        data: u64,
    },
    EpollWait {
        epoll: Fd,
        max_events: i32,
        timeout_ms: i32,
    },
    Pipe,
    Splice {
        input: Fd,
        output: Fd,
        len: usize,
        flags: u32,
    },
    Open {
        path: String,
        flags: i32,
    },
    SendFile {
        output: Fd,
        input: Fd,
        offset: i64,
        len: usize,
    },
    CapSet {
        set: i32,
        capability: i32,
        action: i32,
    },
    /// The address of this side, or with `peer` of the other.
    GetName {
        fd: Fd,
        peer: bool,
    },
    /// `dup` without `to`, `dup2` with it, `dup3` with `flags` as well. `to` may be a descriptor
    /// that is not open: then any free number is taken.
    Dup {
        fd: Fd,
        to: Option<Fd>,
        flags: Option<i32>,
    },
    /// `timeout` of `None` waits for ever.
    Ppoll {
        entries: Vec<PollEntry>,
        timeout: Option<Duration>,
    },
    /// `sets`: to read, to write, exceptional. `precise` is `pselect`.
    Select {
        sets: [Vec<Fd>; 3],
        timeout: Option<Duration>,
        precise: bool,
    },
    EpollCreate1 {
        flags: i32,
    },
    EpollPwait {
        epoll: Fd,
        max_events: i32,
        timeout_ms: i32,
    },
    EventFd {
        initial: u32,
        flags: i32,
    },
    /// `getsockopt` of TCP_INFO, its members by name.
    TcpInfo {
        fd: Fd,
    },
    SigAction {
        signal: i32,
        disposition: Disposition,
    },
    /// A signal for the thread whose blocking call is in flight.
    TgKill {
        signal: i32,
    },
    /// `call` with NULL in place of its buffer or value; of the pieces of a vector, those at `at`.
    WithNull {
        call: Box<Call>,
        at: Vec<usize>,
    },
}

impl Call {
    /// The name scripts use.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Socket { .. } => "socket",
            Call::Bind { .. } => "bind",
            Call::Listen { .. } => "listen",
            Call::Accept { flags: None, .. } => "accept",
            Call::Accept { flags: Some(_), .. } => "accept4",
            Call::Connect { .. } => "connect",
            Call::Read { .. } => "read",
            Call::Readv { .. } => "readv",
            Call::Recv { .. } => "recv",
            Call::RecvFrom { .. } => "recvfrom",
            Call::RecvMsg { .. } => "recvmsg",
            Call::Write { .. } => "write",
            Call::Writev { .. } => "writev",
            Call::Send { .. } => "send",
            Call::SendTo { .. } => "sendto",
            Call::SendMsg { .. } => "sendmsg",
            Call::Fcntl { .. } => "fcntl",
            Call::Ioctl { .. } => "ioctl",
            Call::Close { .. } => "close",
            Call::Shutdown { .. } => "shutdown",
            Call::GetSockOpt { .. } => "getsockopt",
            Call::SetSockOpt { .. } => "setsockopt",
            Call::Poll { .. } => "poll",
            Call::EpollCreate { .. } => "epoll_create",
            Call::EpollCtl { .. } => "epoll_ctl",
            Call::EpollWait { .. } => "epoll_wait",
            Call::Pipe => "pipe",
            Call::Splice { .. } => "splice",
            Call::Open { .. } => "open",
            Call::SendFile { .. } => "sendfile",
            Call::CapSet { .. } => "cap_set",
            Call::GetName { peer: false, .. } => "getsockname",
            Call::GetName { peer: true, .. } => "getpeername",
            Call::Dup { to: None, .. } => "dup",
            Call::Dup { flags: None, .. } => "dup2",
            Call::Dup { .. } => "dup3",
            Call::Ppoll { .. } => "ppoll",
            Call::Select { precise: false, .. } => "select",
            Call::Select { precise: true, .. } => "pselect",
            Call::EpollCreate1 { .. } => "epoll_create1",
            Call::EpollPwait { .. } => "epoll_pwait",
            Call::EventFd { .. } => "eventfd",
            Call::TcpInfo { .. } => "getsockopt",
            Call::SigAction { .. } => "sigaction",
            Call::TgKill { .. } => "tgkill",
            Call::WithNull { call, .. } => call.name(),
        }
    }

    /// The call itself, whether or not it has NULL in place of its buffer.
    pub fn plain(&self) -> &Call {
        match self {
            Call::WithNull { call, .. } => call.plain(),
            call => call,
        }
    }

    /// As [`plain`](Call::plain), to change it.
    pub fn plain_mut(&mut self) -> &mut Call {
        match self {
            Call::WithNull { call, .. } => call.plain_mut(),
            call => call,
        }
    }

    /// Every descriptor among the arguments, to be rewritten in place.
    pub fn fds_mut(&mut self) -> Vec<&mut Fd> {
        match self {
            Call::Socket { .. }
            | Call::EpollCreate { .. }
            | Call::Pipe
            | Call::Open { .. }
            | Call::CapSet { .. }
            | Call::EpollCreate1 { .. }
            | Call::EventFd { .. }
            | Call::SigAction { .. }
            | Call::TgKill { .. } => Vec::new(),
            Call::Bind { fd, .. }
            | Call::Listen { fd, .. }
            | Call::Accept { fd, .. }
            | Call::Connect { fd, .. }
            | Call::Read { fd, .. }
            | Call::Readv { fd, .. }
            | Call::Recv { fd, .. }
            | Call::RecvFrom { fd, .. }
            | Call::RecvMsg { fd, .. }
            | Call::Write { fd, .. }
            | Call::Writev { fd, .. }
            | Call::Send { fd, .. }
            | Call::SendTo { fd, .. }
            | Call::SendMsg { fd, .. }
            | Call::Fcntl { fd, .. }
            | Call::Ioctl { fd, .. }
            | Call::Close { fd }
            | Call::Shutdown { fd, .. }
            | Call::GetSockOpt { fd, .. }
            | Call::SetSockOpt { fd, .. }
            | Call::GetName { fd, .. }
            | Call::TcpInfo { fd } => vec![fd],
            Call::Dup { fd, to, .. } => std::iter::once(fd).chain(to).collect(),
            Call::Poll { entries, .. } | Call::Ppoll { entries, .. } => {
                entries.iter_mut().map(|entry| &mut entry.fd).collect()
            }
            Call::Select { sets, .. } => sets.iter_mut().flatten().collect(),
            Call::EpollCtl { epoll, fd, .. } => vec![epoll, fd],
            Call::EpollWait { epoll, .. } | Call::EpollPwait { epoll, .. } => vec![epoll],
            Call::Splice { input, output, .. } | Call::SendFile { input, output, .. } => {
                vec![input, output]
            }
            Call::WithNull { call, .. } => call.fds_mut(),
        }
    }

    /// Whether a result of zero or more is a new descriptor.
    pub fn makes_fd(&self) -> bool {
        const F_DUPFD: i32 = 0;
        const F_DUPFD_CLOEXEC: i32 = 1030;
        matches!(
            self,
            Call::Socket { .. }
                | Call::Accept { .. }
                | Call::EpollCreate { .. }
                | Call::EpollCreate1 { .. }
                | Call::Open { .. }
                | Call::Dup { .. }
                | Call::EventFd { .. }
                | Call::Fcntl {
                    command: F_DUPFD | F_DUPFD_CLOEXEC,
                    ..
                }
        )
    }
}
