//! The wish to end a run early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The wish to end is looked for so often.
const STRETCH: Duration = Duration::from_millis(50);

/// A flag that whoever runs a suite raises to have it end: no further case begins, and the
/// results so far are what comes back. Copies share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks for the end. Nothing takes it back.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the end was asked for.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Sleeps for `time`, or until the end is asked for.
    pub(super) fn sleep(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.is_raised() {
                return;
            }
            std::thread::sleep(left.min(STRETCH));
        }
    }
}
