//! What a controller asks of an agent, and what it is told.
//!
//! A connection carries one case: [`Request::Hello`] first, then one request and one answer at a
//! time. Its end, in good order or not, closes everything the case has made.
//!
//! The two machines' clocks are never compared. An agent says how long ago something was when it
//! sends the answer; the controller knows from when to when it waited for it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::call::{Call, Fd, Outcome};

/// The longest a request may wait for a call, in microseconds; a controller asks again.
pub const LONGEST_WAIT_US: u64 = 60_000_000;

/// A request of the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Who asks. Connections of one controller have one number; an agent serves one controller.
    Hello {
        /// Drawn at random by each run.
        controller: u64,
    },
    /// How the agent's machine reaches an address.
    Route {
        /// The address.
        remote: IpAddr,
    },
    /// Make a call that is expected to return at once.
    #[expect(missing_docs, reason = "the arguments of `Session::call`")]
    Call { call: Call, limit_us: u64 },
    /// Start a call that may block.
    #[expect(missing_docs, reason = "the argument of `Session::start_call`")]
    Start { call: Call },
    /// How the started call ended, waiting that long for it.
    #[expect(missing_docs, reason = "as of `Call`")]
    Finish { limit_us: u64 },
    /// Run a command of the script.
    #[expect(missing_docs, reason = "the argument of `Session::command`")]
    Command { command: String },
    /// What the kernel tells about a socket.
    #[expect(missing_docs, reason = "the argument of `Session::socket_info`")]
    Info { fd: Fd },
    /// The address at the other end of a socket.
    #[expect(missing_docs, reason = "the argument of `Session::peer`")]
    Peer { fd: Fd },
    /// Start a process that connects and waits.
    #[expect(missing_docs, reason = "the argument of `Session::start_process`")]
    StartProcess { peer: SocketAddr },
    /// End it with a signal.
    #[expect(missing_docs, reason = "the argument of `Session::end_process`")]
    EndProcess { signal: i32 },
    /// Whether the agent is still there.
    Ping,
    /// The case is over: reset and close everything, put settings back.
    Close,
}

/// The answer of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// To `Hello`.
    Welcome(System),
    /// To `Hello`: another controller is being served.
    Busy,
    /// To `Route`.
    Route {
        /// The machine's own address on that way.
        local: IpAddr,
        /// The MTU of the way in bytes, as the kernel has it now.
        mtu: u32,
    },
    /// The call has returned.
    Returned {
        /// How long ago it was made, in microseconds, rounded up.
        began_us: u64,
        /// How long ago it had returned, in microseconds, rounded down.
        ended_us: u64,
        /// What it gave.
        outcome: Outcome,
    },
    /// The call has not returned in time.
    Blocked,
    /// The call was started and is at rest: it sleeps or has returned.
    Started,
    /// The command has ended.
    #[expect(missing_docs, reason = "the fields of `CommandReport`")]
    Ran { status: Option<i32>, output: String },
    /// To `Info`.
    Info(BTreeMap<String, i64>),
    /// To `Peer`.
    Peer(Option<SocketAddr>),
    /// Done, nothing to tell.
    Done,
    /// The agent or its machine lacks something.
    #[expect(missing_docs, reason = "the fields of `TargetError::Unsupported`")]
    Unsupported { capability: String, reason: String },
    /// The agent or its machine failed.
    Failed(String),
}

/// The machine an agent runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Rust's name of the operating system: `linux`, `macos`, `freebsd` …
    pub os: String,
    /// The release of its kernel.
    pub release: String,
    /// Whether numbers in memory begin with their low end.
    pub little_endian: bool,
    /// Whether the agent runs commands.
    pub commands: bool,
}
