//! Signals: what becomes of a call they interrupt (signal(7), "Interruption of system calls").

use crate::call::{Call, Disposition, Errno, Outcome};
use crate::target::TargetError;
use crate::target::reference::blocking::{Attempt, InFlight, Progress};
use crate::target::reference::errno::{EINTR, EINVAL, ESRCH};
use crate::target::reference::kernel::Kernel;

const LAST: i32 = 64;
const SIGKILL: i32 = 9;
const SIGSTOP: i32 = 19;

impl Kernel {
    /// `sigaction`
    pub(in crate::target::reference) fn set_signal(
        &mut self,
        signal: i32,
        disposition: Disposition,
    ) -> Result<Outcome, Errno> {
        let caught = disposition != Disposition::Default;
        if !(1..=LAST).contains(&signal) || caught && [SIGKILL, SIGSTOP].contains(&signal) {
            return Err(EINVAL);
        }
        self.signals.insert(signal, disposition);
        Ok(Outcome::ok(0))
    }

    /// `tgkill` to the thread of the call in flight: its result if the signal ends the call.
    ///
    /// # Errors
    /// The errno of `tgkill` itself, or a fault of the script.
    pub(in crate::target::reference) fn signal(
        &mut self,
        signal: i32,
        in_flight: &mut InFlight,
    ) -> Result<Result<Option<Attempt>, Errno>, TargetError> {
        if !(0..=LAST).contains(&signal) {
            return Ok(Err(EINVAL));
        }
        if matches!(in_flight, InFlight::Nothing) {
            return Ok(Err(ESRCH));
        }
        let restart = match self.signals.get(&signal) {
            _ if signal == 0 => return Ok(Ok(None)),
            Some(Disposition::Ignore) => return Ok(Ok(None)),
            Some(Disposition::Handler { restart }) => *restart,
            Some(Disposition::Default) | None => {
                return Err(TargetError::Machine(format!(
                    "signal {signal} has no handler and would end the process; set one with `sigaction`"
                )));
            }
        };
        let InFlight::Sleeping { call, progress, .. } = in_flight else {
            return Ok(Ok(None));
        };
        Ok(Ok(self.interrupted(call, progress, restart)))
    }

    /// The result of an interrupted call; `None` if it goes on.
    fn interrupted(
        &mut self,
        call: &Call,
        progress: &mut Progress,
        restart: bool,
    ) -> Option<Attempt> {
        if progress.sent > 0 {
            let sent = i64::try_from(progress.sent).unwrap_or(i64::MAX);
            self.note_sent(call, sent);
            return Some(Ok(Outcome::ok(sent)));
        }
        if !progress.received.is_empty() {
            return Some(self.received_so_far(call, progress));
        }
        match call {
            // The descriptor is closed all the same, and the connection goes on without it.
            Call::Close { .. } => Some(Ok(Outcome::ok(0))),
            call if restart && self.can_restart(call) => None,
            _ => Some(Err(EINTR.into())),
        }
    }

    /// Waiting for descriptors never restarts, nor does what has a time-out of its own.
    fn can_restart(&self, call: &Call) -> bool {
        let call = call.plain();
        let Some(fd) = call.clone().fds_mut().first().map(|fd| **fd) else {
            return false;
        };
        let Ok(socket) = self.table.socket(fd) else {
            return false;
        };
        match call {
            Call::Read { .. }
            | Call::Readv { .. }
            | Call::Recv { .. }
            | Call::RecvFrom { .. }
            | Call::RecvMsg { .. }
            | Call::Accept { .. } => socket.local.receive_timeout.is_none(),
            Call::Write { .. }
            | Call::Writev { .. }
            | Call::Send { .. }
            | Call::SendTo { .. }
            | Call::SendMsg { .. }
            | Call::Connect { .. } => socket.local.send_timeout.is_none(),
            _ => false,
        }
    }
}
