//! What a connection knows of its own start by Fast Open.

use alloc::boxed::Box;

use crate::socket::SocketId;
use crate::wire::fast_open::FastOpenOption;

/// What the SYN of an active open tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// It had the option, as an experiment or not.
    pub(crate) asked: Option<bool>,
    /// Bytes of data it carried.
    pub(crate) data: u32,
}

/// The part of a connection block that Fast Open needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct FastOpen {
    /// What the first SYN or SYN-ACK says. It is never sent again: what lost it may lose every
    /// segment that has it.
    pub(crate) option: Option<Box<FastOpenOption>>,
    /// The SYN waits for the first SEND.
    pub(crate) deferred: bool,
    /// An active open tried this, and has not heard how it went.
    pub(crate) attempt: Option<Attempt>,
    /// The SYN was sent again, without data and cookie.
    pub(crate) repeated: bool,
    /// The peer did not take all data of our SYN, and the rest has not left again.
    pub(crate) left_over: bool,
    /// Data on the SYN was taken: all of ours by the peer, or the peer's by us.
    pub(crate) data_taken: bool,
    /// A listener handed the connection out before the handshake ended.
    pub(crate) early: bool,
    /// The listener that counts the connection as under way.
    pub(crate) pending: Option<Box<SocketId>>,
}

impl FastOpen {
    /// Whether a SYN with data awaits its answer.
    pub(crate) fn syn_has_data(&self) -> bool {
        self.attempt.is_some_and(|attempt| attempt.data > 0)
    }
}
