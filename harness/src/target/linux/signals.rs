//! Signals for the thread of a blocking call.
//!
//! Dispositions belong to the whole process, in which other cases run. So the case's own signals are
//! kept in a table here, and what arrives at the thread is one of two signals that nobody else uses:
//! both have a handler that does nothing, one with SA_RESTART and one without. For the kernel, which
//! only looks at the handler's flags, that is the same (signal(7)).

use std::collections::BTreeMap;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::worker;
use crate::call::{Disposition, Errno as CallErrno, Outcome};
use crate::target::TargetError;

const LAST: i32 = 64;

/// What the case does with each signal; one that is not here ends a process.
#[derive(Debug, Default)]
pub(super) struct Signals {
    dispositions: BTreeMap<i32, Disposition>,
}

impl Signals {
    /// `sigaction`
    pub(super) fn set(&mut self, signal: i32, disposition: Disposition) -> Outcome {
        let caught = disposition != Disposition::Default;
        match signal {
            1..=LAST if !(caught && [libc::SIGKILL, libc::SIGSTOP].contains(&signal)) => {
                self.dispositions.insert(signal, disposition);
                Outcome::ok(0)
            }
            _ => failed(Errno::EINVAL),
        }
    }

    /// `tgkill` to the thread of the blocking call, if there is one.
    ///
    /// # Errors
    /// [`TargetError::Machine`] for a signal that would end the process.
    pub(super) fn send(&self, signal: i32, thread: Option<Pid>) -> Result<Outcome, TargetError> {
        if !(0..=LAST).contains(&signal) {
            return Ok(failed(Errno::EINVAL));
        }
        let Some(thread) = thread else {
            return Ok(failed(Errno::ESRCH));
        };
        match self.dispositions.get(&signal) {
            _ if signal == 0 => {}
            Some(Disposition::Handler { restart: false }) => worker::interrupt(thread),
            Some(Disposition::Handler { restart: true }) => worker::interrupt_restarting(thread),
            Some(Disposition::Ignore) => {}
            Some(Disposition::Default) | None => {
                return Err(TargetError::Machine(format!(
                    "signal {signal} has no handler and would end the process; set one with `sigaction`"
                )));
            }
        }
        Ok(Outcome::ok(0))
    }
}

fn failed(errno: Errno) -> Outcome {
    Outcome::failed(CallErrno(errno as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_signals_cannot_be_caught_and_some_do_not_exist() {
        let mut signals = Signals::default();
        let handler = Disposition::Handler { restart: false };
        for signal in [0, -1, 65, libc::SIGKILL, libc::SIGSTOP] {
            assert_eq!(
                signals.set(signal, handler),
                failed(Errno::EINVAL),
                "{signal}"
            );
        }
        assert_eq!(signals.set(libc::SIGUSR1, handler), Outcome::ok(0));
        assert_eq!(
            signals.set(libc::SIGKILL, Disposition::Default),
            Outcome::ok(0)
        );
    }

    #[test]
    fn a_signal_needs_a_thread_and_a_handler() {
        let mut signals = Signals::default();
        let me = Some(nix::unistd::gettid());
        assert_eq!(signals.send(10, None), Ok(failed(Errno::ESRCH)));
        assert_eq!(signals.send(65, me), Ok(failed(Errno::EINVAL)));
        assert_eq!(signals.send(0, me), Ok(Outcome::ok(0)));
        assert!(signals.send(10, me).is_err());
        signals.set(10, Disposition::Ignore);
        assert_eq!(signals.send(10, me), Ok(Outcome::ok(0)));
    }
}
