//! Calls that cannot finish yet.
//!
//! Every call is an attempt: it ends, or says that it would sleep and until when at the latest. The session
//! tries again after every step of virtual time.

use std::time::Duration;

use smoltcp::time::Instant;

use super::host::Id;
use crate::call::{Call, Errno, Outcome};
use crate::target::TargetError;
use crate::target::errno::EAGAIN;

/// Why an attempt did not give a result.
#[derive(Debug)]
pub(super) enum Stop {
    /// The call failed with this errno.
    Failed(Errno),
    /// It sleeps until something happens, or until this point at the latest.
    Sleep(Option<Instant>),
    /// The target cannot do what was asked, or is broken.
    Target(TargetError),
}

impl Stop {
    /// A capability smoltcp lacks.
    pub(super) fn unsupported(capability: impl Into<String>, reason: impl Into<String>) -> Stop {
        Stop::Target(TargetError::Unsupported {
            capability: capability.into(),
            reason: reason.into(),
        })
    }

    /// A fault of the harness.
    pub(super) fn machine(text: impl Into<String>) -> Stop {
        Stop::Target(TargetError::Machine(text.into()))
    }
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Stop {
        Stop::Failed(errno)
    }
}

/// The result of one attempt.
pub(super) type Attempt = Result<Outcome, Stop>;

/// What a call has done in earlier attempts.
#[derive(Debug)]
pub(super) struct Progress {
    /// When it was made.
    pub(super) started: Instant,
    /// Bytes already taken by the send buffer.
    pub(super) sent: usize,
    /// Bytes already read.
    pub(super) received: Vec<u8>,
    /// `connect`: the SYN is out, this call waits for the answer.
    pub(super) connecting: bool,
    /// `close` with SO_LINGER: the connection whose last bytes it waits for, and how long.
    pub(super) lingering: Option<(Id, Duration)>,
}

impl Progress {
    /// A call made at `started`.
    pub(super) fn new(started: Instant) -> Progress {
        Progress {
            started,
            sent: 0,
            received: Vec::new(),
            connecting: false,
            lingering: None,
        }
    }

    /// What a call does that finds nothing to do: EAGAIN on a non-blocking socket or after its
    /// SO_RCVTIMEO or SO_SNDTIMEO, sleep otherwise.
    pub(super) fn wait(&self, now: Instant, nonblocking: bool, timeout: Option<Duration>) -> Stop {
        if nonblocking {
            return Stop::Failed(EAGAIN);
        }
        match timeout.map(|timeout| self.started + timeout.into()) {
            Some(end) if now >= end => Stop::Failed(EAGAIN),
            end => Stop::Sleep(end),
        }
    }
}

/// The call started with `start_call`.
#[derive(Debug)]
pub(super) enum InFlight {
    /// None.
    Nothing,
    /// It sleeps.
    Sleeping {
        /// The call.
        call: Call,
        /// What it has done.
        progress: Progress,
        /// When it wakes by itself.
        until: Option<Instant>,
    },
    /// It returned, or the target could not do it; nobody has asked yet.
    Ended {
        /// When it was made.
        started: Instant,
        /// When it ended.
        ended: Instant,
        /// How it ended.
        result: Result<Outcome, TargetError>,
    },
}
