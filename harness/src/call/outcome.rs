//! What came of a call: its result, and what it wrote.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{ControlMessage, Errno, Fd};

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
    /// Bytes read and the address they came from, if there is one.
    #[expect(missing_docs, reason = "said above")]
    Received {
        data: Vec<u8>,
        address: Option<SocketAddr>,
    },
    /// An address: of this side or the other, or of who was accepted.
    Address(Option<SocketAddr>),
    /// The members of a structure by name, such as `tcpi_state`.
    Members(BTreeMap<String, i64>),
    /// The `int` an ioctl wrote.
    Int(i32),
    /// `revents` of each `poll` entry, in order.
    Poll(Vec<i16>),
    /// Which descriptors of each set of `select` are ready, in their order.
    Select([Vec<bool>; 3]),
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
        /// `msg_name`: where the bytes came from, if a place for it was given.
        address: Option<SocketAddr>,
    },
}

impl Output {
    /// The bytes that were read, whatever came with them.
    pub fn data(&self) -> Option<&[u8]> {
        match self {
            Output::Bytes(data) | Output::Received { data, .. } | Output::Message { data, .. } => {
                Some(data)
            }
            _ => None,
        }
    }
}
