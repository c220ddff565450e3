//! System calls as values: what a script asks for and what came of it.
//!
//! One vocabulary for every target. Numbers (levels, flags, errno) are Linux's,
//! as the symbol tables give them; a target translates if its own differ. They can be
//! written down, so that a call can be made on another machine.

use std::net::SocketAddr;

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

/// One control message of `recvmsg`.
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
        }
    }

    /// Every descriptor among the arguments, to be rewritten in place.
    pub fn fds_mut(&mut self) -> Vec<&mut Fd> {
        match self {
            Call::Socket { .. }
            | Call::EpollCreate { .. }
            | Call::Pipe
            | Call::Open { .. }
            | Call::CapSet { .. } => Vec::new(),
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
            | Call::SetSockOpt { fd, .. } => vec![fd],
            Call::Poll { entries, .. } => entries.iter_mut().map(|entry| &mut entry.fd).collect(),
            Call::EpollCtl { epoll, fd, .. } => vec![epoll, fd],
            Call::EpollWait { epoll, .. } => vec![epoll],
            Call::Splice { input, output, .. } | Call::SendFile { input, output, .. } => {
                vec![input, output]
            }
        }
    }

    /// Whether a result of zero or more is a new descriptor.
    pub fn makes_fd(&self) -> bool {
        matches!(
            self,
            Call::Socket { .. }
                | Call::Accept { .. }
                | Call::EpollCreate { .. }
                | Call::Open { .. }
        )
    }
}

/// What a call gave back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The return value; −1 on error.
    pub result: i64,
    /// Set exactly if the call failed.
    pub errno: Option<Errno>,
    /// What the call wrote through its pointers.
    pub output: Output,
}

impl Outcome {
    /// A call that succeeded with `result` and wrote nothing.
    pub fn ok(result: i64) -> Outcome {
        Outcome {
            result,
            errno: None,
            output: Output::None,
        }
    }

    /// A call that succeeded with `result` and wrote `output`.
    pub fn with(result: i64, output: Output) -> Outcome {
        Outcome {
            result,
            errno: None,
            output,
        }
    }

    /// A call that failed.
    pub fn failed(errno: Errno) -> Outcome {
        Outcome {
            result: -1,
            errno: Some(errno),
            output: Output::None,
        }
    }
}

/// What a call wrote through its pointers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Nothing.
    None,
    /// Bytes read, or an option's value (cut to its returned length).
    Bytes(Vec<u8>),
    /// The `int` an ioctl wrote.
    Int(i32),
    /// `revents` of each `poll` entry, in order.
    Poll(Vec<i16>),
    /// Events of `epoll_wait`: mask and user data.
    Epoll(Vec<(u32, u64)>),
    /// Both ends of a pipe: read end, write end.
    Pipe(Fd, Fd),
    /// What `recvmsg` gave.
    Message {
        /// The payload.
        data: Vec<u8>,
        /// `msg_flags`.
        flags: i32,
        /// Control messages, in order.
        control: Vec<ControlMessage>,
    },
}
