//! Cases that must have the machine to themselves.
//!
//! A command that changes what all programs of a machine share would change it for the other cases
//! as well. So every session is [`beside_others`] while it lasts, and one with such a command is
//! [`alone`].

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Present {
    beside: usize,
    alone: bool,
    /// How many wait for a change: mostly nobody, and telling nobody costs a call of the system.
    waiting: usize,
}

static PRESENT: Mutex<Present> = Mutex::new(Present {
    beside: 0,
    alone: false,
    waiting: 0,
});
static CHANGED: Condvar = Condvar::new();

/// Dropping it lets the others go on.
#[derive(Debug)]
pub(super) struct Presence {
    alone: bool,
}

/// Waits until no case is alone.
///
/// A case that waits to be alone holds nobody up: a thread may have several sessions at a time. It
/// comes last, when the others are through.
pub(super) fn beside_others() -> Presence {
    let mut present = changed_until(|present| !present.alone);
    present.beside += 1;
    Presence { alone: false }
}

/// Waits until there is no other case. The thread must hold no [`Presence`].
pub(super) fn alone() -> Presence {
    let mut present = changed_until(|present| !present.alone && present.beside == 0);
    present.alone = true;
    Presence { alone: true }
}

impl Presence {
    /// Whether it is the only one.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut present = present();
        if self.alone {
            present.alone = false;
        } else {
            present.beside -= 1;
        }
        let is_awaited = present.waiting > 0;
        drop(present);
        if is_awaited {
            CHANGED.notify_all();
        }
    }
}

fn changed_until(is_so: impl Fn(&Present) -> bool) -> MutexGuard<'static, Present> {
    let mut present = present();
    while !is_so(&present) {
        present.waiting += 1;
        present = CHANGED
            .wait(present)
            .unwrap_or_else(PoisonError::into_inner);
        present.waiting -= 1;
    }
    present
}

fn present() -> MutexGuard<'static, Present> {
    PRESENT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn whoever_is_alone_meets_nobody() {
        static OTHERS: AtomicU32 = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for number in 0..8 {
                scope.spawn(move || {
                    for _ in 0..200 {
                        if number < 2 {
                            let presence = alone();
                            assert!(presence.is_alone());
                            assert_eq!(OTHERS.load(Ordering::SeqCst), 0);
                        } else {
                            let presence = beside_others();
                            assert!(!presence.is_alone());
                            OTHERS.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            OTHERS.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
    }
}
