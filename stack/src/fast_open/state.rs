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

/// What only matters until the handshake is over.
#[derive(Debug, Clone, Default)]
struct Opening {
    option: Option<FastOpenOption>,
    attempt: Option<Attempt>,
    listener: Option<SocketId>,
}

/// The part of a connection block that Fast Open needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct FastOpen {
    /// There is none unless the handshake under way uses Fast Open.
    opening: Option<Box<Opening>>,
    /// The SYN waits for the first SEND.
    pub(crate) deferred: bool,
    /// The SYN was sent again, without data and cookie.
    pub(crate) repeated: bool,
    /// The peer did not take all data of our SYN, and the rest has not left again.
    pub(crate) left_over: bool,
    /// Data on the SYN was taken: all of ours by the peer, or the peer's by us.
    pub(crate) data_taken: bool,
    /// A listener handed the connection out before the handshake ended.
    pub(crate) early: bool,
}

impl FastOpen {
    /// The first SYN or SYN-ACK has this option.
    pub(crate) fn set_option(&mut self, option: FastOpenOption) {
        self.opening().option = Some(option);
    }

    /// What the first SYN or SYN-ACK says. It is never sent again: what lost it may lose every
    /// segment that has it.
    pub(crate) fn take_option(&mut self) -> Option<FastOpenOption> {
        self.take(|opening| opening.option.take())
    }

    /// An active open tries this.
    pub(crate) fn set_attempt(&mut self, attempt: Attempt) {
        self.opening().attempt = Some(attempt);
    }

    /// What an active open tried and has not heard about.
    pub(crate) fn attempt(&self) -> Option<Attempt> {
        self.opening.as_deref()?.attempt
    }

    /// The same, now that it is known how it went.
    pub(crate) fn take_attempt(&mut self) -> Option<Attempt> {
        self.take(|opening| opening.attempt.take())
    }

    /// Whether a SYN with data awaits its answer.
    pub(crate) fn syn_has_data(&self) -> bool {
        self.attempt().is_some_and(|attempt| attempt.data > 0)
    }

    /// `listener` counts the connection as under way.
    pub(crate) fn set_pending(&mut self, listener: SocketId) {
        self.opening().listener = Some(listener);
    }

    /// The listener that counts the connection as under way.
    pub(crate) fn pending(&self) -> Option<SocketId> {
        self.opening.as_deref()?.listener
    }

    /// The same, which does so no longer.
    pub(crate) fn take_pending(&mut self) -> Option<SocketId> {
        self.take(|opening| opening.listener.take())
    }

    fn opening(&mut self) -> &mut Opening {
        self.opening.get_or_insert_default()
    }

    /// Takes a part. With the last one the memory goes.
    fn take<T>(&mut self, part: impl FnOnce(&mut Opening) -> Option<T>) -> Option<T> {
        let opening = self.opening.as_deref_mut()?;
        let taken = part(opening);
        if let Opening {
            option: None,
            attempt: None,
            listener: None,
        } = opening
        {
            self.opening = None;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_a_handshake_that_is_over() {
        let mut fast_open = FastOpen::default();
        let attempt = Attempt {
            asked: Some(false),
            data: 3,
        };
        let listener = SocketId::new(1, 0);
        fast_open.set_attempt(attempt);
        fast_open.set_pending(listener);
        assert!(fast_open.syn_has_data());
        assert_eq!(fast_open.take_attempt(), Some(attempt));
        assert_eq!(
            (fast_open.attempt(), fast_open.take_attempt()),
            (None, None)
        );
        assert_eq!(fast_open.pending(), Some(listener));
        assert_eq!(fast_open.take_pending(), Some(listener));
        assert!(fast_open.opening.is_none());
    }
}
