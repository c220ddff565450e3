//! A signal that ends a run ends it in good order: no case begins any more, those in flight are cut
//! short and their namespaces taken apart, and what is known so far is told.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::{SigSet, Signal};

use crate::suite::Interrupt;
use crate::target::TargetError;

/// What a user or a system ends a program with.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Signals so close together are one wish: `timeout` sends its own to the process and then to the
/// process group, and a service manager may do the same.
const ONE_WISH: Duration = Duration::from_millis(500);

/// Readable for ever once a signal has come, so that every session that waits wakes up.
static ALARM: OnceLock<EventFd> = OnceLock::new();

static COME: AtomicBool = AtomicBool::new(false);

/// Raises `interrupt` when a signal asks the process to end, instead of ending it at once. The
/// second such signal, half a second later or more, does end it at once.
///
/// Signals that were ignored when the program was started (`nohup`) stay ignored. Call it before
/// the process has threads that should not be disturbed: they inherit what is done here.
pub fn raise_on_signals(interrupt: &Interrupt) {
    let mut watched = SigSet::empty();
    ENDING
        .into_iter()
        .filter(|signal| !is_ignored(*signal))
        .for_each(|signal| watched.add(signal));
    let alarm = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
    // Without the one or the other signals end the process as they always did.
    let (Ok(alarm), Ok(())) = (alarm, watched.thread_block()) else {
        return;
    };
    if ALARM.set(alarm).is_err() {
        return;
    }
    let interrupt = interrupt.clone();
    let waiting = std::thread::Builder::new().name("tcpdrill-signals".into());
    let thread = waiting.spawn(move || {
        await_signal(watched);
        interrupt.raise();
        COME.store(true, Ordering::Relaxed);
        if let Some(alarm) = ALARM.get() {
            let _ = alarm.write(1);
        }
        let first = Instant::now();
        loop {
            await_signal(watched);
            if first.elapsed() >= ONE_WISH {
                std::process::exit(130);
            }
        }
    });
    if thread.is_err() {
        let _ = watched.thread_unblock();
    }
}

fn await_signal(watched: SigSet) {
    while let Err(Errno::EINTR) = watched.wait() {}
}

fn is_ignored(signal: Signal) -> bool {
    // SAFETY: all zeros is a valid `sigaction`; the call reads nothing and writes one of them.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let asked = libc::sigaction(signal as i32, std::ptr::null(), &raw mut action);
        asked == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// To be polled beside whatever a session waits for; `None` if nobody watches for signals.
pub(super) fn alarm() -> Option<BorrowedFd<'static>> {
    ALARM.get().map(AsFd::as_fd)
}

/// An error once a signal has come: whatever the session is about is over.
pub(super) fn check() -> Result<(), TargetError> {
    if has_come() {
        return Err(TargetError::Machine("interrupted by a signal".into()));
    }
    Ok(())
}

/// Whether a signal has come.
pub(super) fn has_come() -> bool {
    COME.load(Ordering::Relaxed)
}
