//! In virtual time, where a call of the system costs more than anything else: what need not be asked again until
//! something is done.

use std::cell::Cell;

use super::super::virtual_time;
use super::diag::Seen;
use crate::fuzz::subject::Micros;

/// What is known while time stands still. On a live kernel nothing is.
#[derive(Debug, Default)]
pub(super) struct Still {
    pub(super) now: Known<Micros>,
    pub(super) seen: Known<Seen>,
    pub(super) queue: Cell<Queue>,
    /// Whether there is a connection to accept.
    acceptable: Known<bool>,
}

/// What is known of the packets that the kernel has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nothing.
    #[default]
    Unknown,
    /// One was read; there may be more.
    Begun,
    /// All were read.
    Empty,
}

impl Still {
    /// To be called before something is done that the kernel may answer.
    pub(super) fn stir(&self) {
        self.seen.forget();
        self.acceptable.forget();
        self.queue.set(Queue::Unknown);
    }

    /// Time has passed: to this moment without a packet, or it is not known how long.
    pub(super) fn pass(&self, quietly_until: Option<Micros>) {
        self.stir();
        self.now.forget();
        if let Some(moment) = quietly_until
            && virtual_time::rules()
        {
            self.now.0.set(Some(moment));
            self.queue.set(Queue::Empty);
        }
    }

    /// Whether there is nothing to accept, for sure.
    pub(super) fn has_none_to_accept(&self) -> bool {
        self.acceptable.0.get() == Some(false)
    }

    /// Whether to look for something to accept while waiting: it is not known, and asking costs nothing.
    pub(super) fn may_accept(&self) -> bool {
        virtual_time::rules() && self.acceptable.0.get().is_none()
    }

    /// Somebody has looked.
    pub(super) fn can_accept(&self, can: bool) {
        self.acceptable.0.set(virtual_time::rules().then_some(can));
    }

    /// The next packet was read, or there was none.
    pub(super) fn has_read(&self, is_one: bool) {
        if virtual_time::rules() {
            self.queue.set(match is_one {
                true => Queue::Begun,
                false => Queue::Empty,
            });
        }
    }
}

/// Something that stays as it is while nothing is done.
#[derive(Debug)]
pub(super) struct Known<T: Copy>(Cell<Option<T>>);

impl<T: Copy> Default for Known<T> {
    fn default() -> Known<T> {
        Known(Cell::new(None))
    }
}

impl<T: Copy> Known<T> {
    /// What is known, or what a look shows.
    pub(super) fn get_or<E>(&self, look: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let seen = look()?;
        self.0.set(virtual_time::rules().then_some(seen));
        Ok(seen)
    }

    fn forget(&self) {
        self.0.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_live_kernel_every_question_is_asked() {
        let still = Still::default();
        for now in [1, 2] {
            assert_eq!(still.now.get_or(|| Ok::<_, ()>(now)), Ok(now));
        }
        assert_eq!(still.now.get_or(|| Err(7)), Err(7));
        still.has_read(false);
        still.pass(Some(3));
        still.can_accept(false);
        assert_eq!(still.queue.get(), Queue::Unknown);
        assert!(!still.has_none_to_accept() && !still.may_accept());
        assert_eq!(still.now.get_or(|| Ok::<_, ()>(4)), Ok(4));
    }
}
