//! The virtual clock, and the one thing in smoltcp that asks for the time by itself.
//!
//! smoltcp takes the values of RFC 7323's timestamps from a plain function. So the time stands where a
//! function finds it: each thread has its own, and [`show`] sets it before the stack is entered.

use std::cell::Cell;

use smoltcp::time::Instant;

/// The stack's clock when a session is made. Not zero, so that timestamps are not either.
pub(super) const BOOT: Instant = Instant::from_micros_const(1_000_000_000);

thread_local! {
    static SHOWN: Cell<u32> = const { Cell::new(0) };
}

/// Lets [`tsval`] tell this time, on this thread.
pub(super) fn show(now: Instant) {
    // The clock of timestamps goes round: RFC 7323 §5.4.
    SHOWN.set(now.total_millis() as u32);
}

/// TSval: milliseconds, within the bounds of RFC 7323 §5.4.
pub(super) fn tsval() -> u32 {
    SHOWN.get()
}
