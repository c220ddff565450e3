//! A session whose stack may break down: a panic of the stack fails its case, and nothing else.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::call::{Call, Fd};
use crate::target::{
    CallReport, CommandContext, CommandReport, Observed, Session, SessionSettings, TargetError,
};
use crate::time::{Moment, Time};

/// A session of a stack that runs in this process.
pub(in crate::target) trait InProcess: Session {
    /// A call into the session begins: what the stack does from here on is counted, so that one that
    /// comes to no end is found out.
    fn begin(&mut self);
}

/// A session that is let alone once it is broken.
pub(in crate::target) struct Guarded<S> {
    session: S,
    /// How it broke down.
    broken: Option<String>,
}

impl<S: InProcess> Guarded<S> {
    /// Makes the host.
    ///
    /// # Errors
    /// As `open`; [`TargetError::Stack`] if the stack panics already.
    pub(in crate::target) fn new(
        open: impl FnOnce(&SessionSettings) -> Result<S, TargetError>,
        settings: &SessionSettings,
    ) -> Result<Guarded<S>, TargetError> {
        let session = caught(|| open(settings))?;
        Ok(Guarded {
            session,
            broken: None,
        })
    }

    /// What `act` gives. Behind a broken state nothing more is asked of the session.
    fn with<T>(
        &mut self,
        act: impl FnOnce(&mut S) -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        if let Some(what) = &self.broken {
            return Err(TargetError::Stack(what.clone()));
        }
        let result = caught(|| {
            self.session.begin();
            act(&mut self.session)
        });
        if let Err(TargetError::Stack(what)) = &result {
            self.broken = Some(what.clone());
        }
        result
    }
}

/// Nothing looks at what unwinding has left: see [`Guarded::with`].
fn caught<T>(act: impl FnOnce() -> Result<T, TargetError>) -> Result<T, TargetError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let what = format!("the stack panicked: {}", text_of(panic.as_ref()));
        Err(TargetError::Stack(what))
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a text")
}

impl<S: InProcess> Session for Guarded<S> {
    fn start(&mut self) {
        self.session.start();
    }

    fn now(&mut self) -> Time {
        self.session.now()
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.with(|session| session.sleep_until(time))
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        self.with(|session| session.inject(datagram))
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        self.with(|session| session.next_packet(deadline))
    }

    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        self.with(|session| session.call(call, limit))
    }

    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        self.with(|session| session.start_call(call))
    }

    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        self.with(|session| session.finish_call(deadline))
    }

    fn prepare_commands(&mut self, context: &CommandContext) -> Result<(), TargetError> {
        self.with(|session| session.prepare_commands(context))
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        self.with(|session| session.command(command))
    }

    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        self.with(|session| session.socket_info(fd))
    }

    fn peer(&mut self, fd: Fd) -> Result<Option<SocketAddr>, TargetError> {
        self.with(|session| session.peer(fd))
    }

    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError> {
        self.with(|session| session.start_process(peer))
    }

    fn end_process(&mut self, signal: i32) -> Result<(), TargetError> {
        self.with(|session| session.end_process(signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ScriptOptions;
    use crate::runner::RunSettings;
    use crate::target::reference::{ReferenceSession, ReferenceTarget};

    fn guarded() -> Guarded<ReferenceSession> {
        let settings = RunSettings::default().session(&ScriptOptions::default());
        let target = ReferenceTarget::default();
        Guarded::new(|settings| target.session(settings), &settings.unwrap()).unwrap()
    }

    #[test]
    fn what_panicked_is_told_and_not_touched_again() {
        let mut session = guarded();
        let fell: Result<(), TargetError> = session.with(|_| panic!("no buffer of {} bytes", 7));
        let want = TargetError::Stack("the stack panicked: no buffer of 7 bytes".to_string());
        assert_eq!(fell.unwrap_err(), want);
        assert_eq!(session.sleep_until(Time::ZERO).unwrap_err(), want);
    }

    #[test]
    fn an_error_of_the_machine_breaks_nothing() {
        let mut session = guarded();
        let error = TargetError::Machine("full".to_string());
        let failed: Result<(), TargetError> = session.with(|_| Err(error.clone()));
        assert_eq!(failed.unwrap_err(), error);
        session.sleep_until(Time::ZERO).unwrap();
    }
}
