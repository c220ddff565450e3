//! What one thread hands to another that waits for it.
//!
//! The standard library's channel wakes who waits while it holds a lock of its own. Where the woken one runs at
//! once, as it does on a single processor, it waits for that lock, and the two take two turns more for nothing:
//! in virtual time, where turns are dear, most of what a call costs.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Both ends of a queue. Each end notices when the other one is gone.
pub(super) fn handover<T>() -> (Giver<T>, Taker<T>) {
    let shared = Arc::new(Shared(Mutex::new(Queue {
        items: VecDeque::new(),
        waiting: None,
        is_given_up: false,
    })));
    (Giver(Arc::clone(&shared)), Taker(shared))
}

struct Queue<T> {
    items: VecDeque<T>,
    /// Who is to be woken.
    waiting: Option<Thread>,
    /// The other end is gone.
    is_given_up: bool,
}

struct Shared<T>(Mutex<Queue<T>>);

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something about the queue and wakes who waits for that, with the lock given back.
    fn change(&self, change: impl FnOnce(&mut Queue<T>)) {
        let waiting = {
            let mut queue = self.lock();
            change(&mut queue);
            queue.waiting.take()
        };
        if let Some(thread) = waiting {
            thread.unpark();
        }
    }
}

/// Whatever is handed over, how much of it lies there is told.
macro_rules! tell_how_much {
    ($($end:ident),*) => {$(
        impl<T> fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let items = self.0.lock().items.len();
                f.debug_struct(stringify!($end)).field("items", &items).finish()
            }
        }
    )*};
}

tell_how_much!(Giver, Taker);

/// The end that gives.
pub(super) struct Giver<T>(Arc<Shared<T>>);

impl<T> Giver<T> {
    /// Hands something over; `false` if nobody takes it any more.
    pub(super) fn give(&self, item: T) -> bool {
        let mut is_taken = true;
        self.0.change(|queue| {
            is_taken = !queue.is_given_up;
            queue.items.push_back(item);
        });
        is_taken
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        self.0.change(|queue| queue.is_given_up = true);
    }
}

/// The end that takes.
pub(super) struct Taker<T>(Arc<Shared<T>>);

impl<T> Taker<T> {
    /// What is there already.
    ///
    /// # Errors
    /// If there is nothing, or never will be.
    pub(super) fn try_take(&self) -> Result<T, TryRecvError> {
        self.look(None)
    }

    /// The next thing, waiting for it; `None` when there will be none.
    pub(super) fn take(&self) -> Option<T> {
        loop {
            match self.look(Some(std::thread::current)) {
                Ok(item) => return Some(item),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => std::thread::park(),
            }
        }
    }

    /// The next thing, waiting for it at most so long. What is there already costs no look at the clock.
    ///
    /// # Errors
    /// If the time is over, or there will be none.
    pub(super) fn take_within(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        let mut end = None;
        loop {
            match self.look(Some(std::thread::current)) {
                Ok(item) => return Ok(item),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {}
            }
            let now = Instant::now();
            let end: Option<Instant> = *end.get_or_insert(now.checked_add(limit));
            let left = end.map_or(limit, |end| end.saturating_duration_since(now));
            if left.is_zero() {
                return Err(RecvTimeoutError::Timeout);
            }
            std::thread::park_timeout(left);
        }
    }

    fn look(&self, waiting: Option<fn() -> Thread>) -> Result<T, TryRecvError> {
        let mut queue = self.0.lock();
        match queue.items.pop_front() {
            Some(item) => Ok(item),
            None if queue.is_given_up => Err(TryRecvError::Disconnected),
            None => {
                queue.waiting = waiting.map(|current| current());
                Err(TryRecvError::Empty)
            }
        }
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        let unwanted = {
            let mut queue = self.0.lock();
            queue.is_given_up = true;
            std::mem::take(&mut queue.items)
        };
        drop(unwanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_taken_in_its_order_by_who_waits_and_who_does_not() {
        let (giver, taker) = handover();
        let (echo, echoed) = handover();
        let thread = std::thread::spawn(move || {
            while let Some(number) = taker.take() {
                echo.give(number);
            }
        });
        for number in 0..1000 {
            assert!(giver.give(number));
            if number % 3 == 0 {
                assert_eq!(echoed.take_within(Duration::from_secs(60)), Ok(number / 3));
            }
        }
        drop(giver);
        thread.join().unwrap();
        let rest: Vec<i32> = std::iter::from_fn(|| echoed.take()).collect();
        assert_eq!(rest.last(), Some(&999));
        assert!(rest.is_sorted());
    }

    #[test]
    fn each_end_notices_when_the_other_is_gone() {
        let (giver, taker) = handover::<()>();
        assert_eq!(taker.try_take(), Err(TryRecvError::Empty));
        assert_eq!(
            taker.take_within(Duration::ZERO),
            Err(RecvTimeoutError::Timeout)
        );
        drop(giver);
        assert_eq!(taker.try_take(), Err(TryRecvError::Disconnected));
        assert_eq!(taker.take(), None);
        assert_eq!(
            taker.take_within(Duration::MAX),
            Err(RecvTimeoutError::Disconnected)
        );
        let (giver, taker) = handover::<()>();
        drop(taker);
        assert!(!giver.give(()));
    }
}
