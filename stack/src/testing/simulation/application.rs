//! A user of one end of a connection: writes its stream, judges each byte of the other's, closes when
//! both are through.

use super::pattern::Pattern;
use super::plan::{Open, UserPlan};
use super::world::World;
use super::{Oracle, Trouble, UserReport};
use crate::error::{CallError, ConnectionError};
use crate::host::Host;
use crate::rng::Rng;
use crate::socket::{SendFlags, SocketId};
use crate::time::Instant;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// How far an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its time has not come, or no connection came out of the listener yet.
    Waiting,
    /// It holds its connection.
    Open(SocketId),
    /// It closed in order.
    Closed,
    /// It aborted, or was told of an error.
    Failed,
}

#[derive(Debug)]
pub(super) struct Application {
    pub(super) connection: usize,
    pub(super) side: usize,
    pub(super) host: usize,
    pub(super) plan: UserPlan,
    pub(super) stage: Stage,
    pub(super) error: Option<ConnectionError>,
    rng: Rng,
    pub(super) written: u64,
    pub(super) received: u64,
    write_after: Option<Instant>,
    read_after: Option<Instant>,
    shut: bool,
    end_of_stream: bool,
    ended_at: Option<Instant>,
}

impl Application {
    pub(super) fn new(
        connection: usize,
        side: usize,
        host: usize,
        plan: UserPlan,
        rng: Rng,
    ) -> Application {
        Application {
            connection,
            side,
            host,
            plan,
            stage: Stage::Waiting,
            error: None,
            rng,
            written: 0,
            received: 0,
            write_after: None,
            read_after: None,
            shut: false,
            end_of_stream: false,
            ended_at: None,
        }
    }

    /// How it fared.
    pub(super) fn report(&self) -> UserReport {
        UserReport {
            received: self.received,
            closed: self.stage == Stage::Closed,
            ended_at: self.ended_at,
            error: self.error,
        }
    }

    /// Nothing more comes from it.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Closed | Stage::Failed)
    }

    /// When it wants to look again, though nothing may have happened.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        if !matches!(self.stage, Stage::Open(_)) {
            return None;
        }
        [self.write_after, self.read_after]
            .into_iter()
            .flatten()
            .min()
    }

    fn stream(&self, side: usize) -> usize {
        2 * self.connection + side
    }

    fn pause(&mut self, longest: Duration, now: Instant) -> Option<Instant> {
        let micros = longest.as_micros() as u64;
        if micros == 0 || self.rng.chance(1, 4) {
            return None;
        }
        Some(now + Duration::from_micros(1 + self.rng.below(micros)))
    }

    /// Does all that can be done now. Answers how many calls did something.
    pub(super) fn run(&mut self, context: &mut Calls<'_>) -> Result<u32, Trouble> {
        let Stage::Open(id) = self.stage else {
            return Ok(0);
        };
        let now = context.now;
        self.write_after.take_if(|at| *at <= now);
        self.read_after.take_if(|at| *at <= now);
        let ready = context.host.readiness(id);
        let mut calls = 0;
        if ready.writable && self.write_after.is_none() && !self.shut {
            calls += self.write(id, context)?;
        }
        if self.is_over() {
            return Ok(calls);
        }
        if ready.readable && self.read_after.is_none() && !self.end_of_stream {
            calls += self.read(id, context)?;
        }
        if self.is_over() {
            return Ok(calls);
        }
        if self
            .plan
            .abort_after
            .is_some_and(|most| self.received >= most)
        {
            self.give_up(id, context)?;
            calls += 1;
        } else if self.shut && self.end_of_stream {
            let closed = context.host.close(context.now, id);
            self.done(closed, context)?;
            self.stage = Stage::Closed;
            calls += 1;
        }
        Ok(calls)
    }

    fn give_up(&mut self, id: SocketId, context: &mut Calls<'_>) -> Result<(), Trouble> {
        let aborted = context.host.abort(context.now, id);
        self.done(aborted, context)?;
        self.stage = Stage::Failed;
        Ok(())
    }

    fn write(&mut self, id: SocketId, context: &mut Calls<'_>) -> Result<u32, Trouble> {
        let mut calls = 0;
        while self.written < self.plan.length {
            let left = self.plan.length - self.written;
            let len = left.min(1 + self.rng.below(self.plan.chunk as u64));
            let data = context
                .pattern
                .slice(self.stream(self.side), self.written, len as usize);
            let flags = SendFlags::default();
            match context.host.send(context.now, id, data, flags) {
                Ok(taken) => self.written += taken as u64,
                Err(CallError::WouldBlock) => return Ok(calls),
                Err(error) => return self.failed(id, error, context).map(|()| calls),
            }
            calls += 1;
            self.write_after = self.pause(self.plan.write_pause, context.now);
            if self.write_after.is_some() {
                return Ok(calls);
            }
        }
        match context.host.shutdown_write(context.now, id) {
            Ok(()) => self.shut = true,
            Err(CallError::WouldBlock | CallError::NotConnected) => return Ok(calls),
            Err(error) => return self.failed(id, error, context).map(|()| calls),
        }
        Ok(calls + 1)
    }

    fn read(&mut self, id: SocketId, context: &mut Calls<'_>) -> Result<u32, Trouble> {
        let mut calls = 0;
        let mut room = [0; Pattern::MAX / 2];
        while !self.end_of_stream {
            let len = 1 + self.rng.below(self.plan.chunk as u64) as usize;
            match context.host.recv(context.now, id, &mut room[..len]) {
                Ok(0) => {
                    self.end_of_stream = true;
                    self.ended_at = Some(context.now);
                    self.check_end(context)?;
                }
                Ok(len) => self.take(&room[..len], context)?,
                Err(CallError::WouldBlock | CallError::NotConnected) => return Ok(calls),
                Err(error) => return self.failed(id, error, context).map(|()| calls),
            }
            calls += 1;
            context.reads += 1;
            self.read_after = self.pause(self.plan.read_pause, context.now);
            if self.read_after.is_some() {
                return Ok(calls);
            }
        }
        Ok(calls)
    }

    fn take(&mut self, bytes: &[u8], context: &Calls<'_>) -> Result<(), Trouble> {
        let stream = self.stream(1 - self.side);
        let position = self.received;
        self.received += bytes.len() as u64;
        if context.foreign || context.pattern.matches(stream, position, bytes) {
            return Ok(());
        }
        let found = format!("{} bytes at {position} are not what was sent", bytes.len());
        Err(self.trouble(Oracle::Stream, found))
    }

    fn check_end(&self, context: &Calls<'_>) -> Result<(), Trouble> {
        if context.foreign || self.received == context.peer_length {
            return Ok(());
        }
        let (found, expected) = (self.received, context.peer_length);
        let found = format!("the stream ended after {found} of {expected} bytes");
        Err(self.trouble(Oracle::Stream, found))
    }

    /// A call failed: the connection is broken, or the call had no reason to fail.
    fn failed(
        &mut self,
        id: SocketId,
        error: CallError,
        context: &mut Calls<'_>,
    ) -> Result<(), Trouble> {
        let CallError::Connection(error) = error else {
            let found = format!("a call failed with {error:?}");
            return Err(self.trouble(Oracle::Call, found));
        };
        self.error = Some(error);
        self.stage = Stage::Failed;
        let closed = context.host.close(context.now, id);
        self.done(closed, context)
    }

    fn done(&self, result: Result<(), CallError>, context: &Calls<'_>) -> Result<(), Trouble> {
        let _ = context;
        result.map_err(|error| self.trouble(Oracle::Call, format!("closing failed with {error:?}")))
    }

    fn trouble(&self, oracle: Oracle, found: String) -> Trouble {
        let (connection, side) = (self.connection, self.side);
        Trouble {
            oracle,
            host: Some(self.host),
            what: format!("connection {connection}, side {side}: {found}"),
        }
    }
}

/// What an application works with.
#[derive(Debug)]
pub(super) struct Calls<'a> {
    pub(super) host: &'a mut Host,
    pub(super) now: Instant,
    pub(super) pattern: &'a Pattern,
    /// Whether foreign bytes may have come into the stream, or it may end early.
    pub(super) foreign: bool,
    /// How much the peer writes.
    pub(super) peer_length: u64,
    /// RECEIVEs that took something.
    pub(super) reads: u64,
}

impl World {
    /// Opens a connection: the listener is there already, unless both sides open.
    pub(super) fn open(&mut self, connection: usize) -> Result<(), Trouble> {
        let plan = self.plan.connections[connection].clone();
        let sockets = self.plan.sockets(connection);
        let sides = if plan.open == Open::Crossing { 2 } else { 1 };
        for side in 0..sides {
            let (local, remote) = (sockets[side], sockets[1 - side]);
            let local = (Some(local.ip()), Some(local.port()));
            let user = &plan.users[side];
            let options = user.options.clone();
            let now = self.now;
            let first = user.length.min(3_000) as usize;
            let first = self.pattern.slice(2 * connection + side, 0, first);
            let host = &mut self.nodes[plan.hosts[side]].host;
            let opened = match plan.open {
                Open::Ordinary | Open::Crossing => host
                    .open_active(now, local, remote, options)
                    .map(|id| (id, 0)),
                Open::WithData => host.open_with_data(now, local, remote, options, first),
                Open::OnFirstSend => host
                    .open_on_first_send(now, local, remote, options)
                    .map(|(id, _)| (id, 0)),
            };
            let application = &mut self.applications[2 * connection + side];
            match opened {
                Ok((id, taken)) => {
                    application.stage = Stage::Open(id);
                    application.written = taken as u64;
                }
                Err(error) => {
                    let found = format!("OPEN failed with {error:?}");
                    return Err(application.trouble(Oracle::Call, found));
                }
            }
            self.after_input(plan.hosts[side])?;
        }
        Ok(())
    }

    /// Lets the applications of a host do what they can.
    pub(super) fn run_applications(&mut self, host: usize) -> Result<(), Trouble> {
        loop {
            let mut calls = self.accept(host)?;
            for index in 0..self.nodes[host].applications.len() {
                let which = self.nodes[host].applications[index];
                calls += self.run_application(which)?;
            }
            if calls == 0 {
                return Ok(());
            }
            self.drain(host)?;
        }
    }

    fn run_application(&mut self, which: usize) -> Result<u32, Trouble> {
        let (connection, side) = (which / 2, which % 2);
        let foreign = self.may_be_foreign(connection);
        let application = &mut self.applications[which];
        let mut calls = Calls {
            host: &mut self.nodes[application.host].host,
            now: self.now,
            pattern: &self.pattern,
            foreign,
            peer_length: self.plan.connections[connection].users[1 - side].length,
            reads: 0,
        };
        let done = application.run(&mut calls)?;
        let reads = calls.reads;
        let failed = application.stage == Stage::Failed && done > 0 || application.error.is_some();
        self.flows[connection].ways[side].acks.earn(reads);
        if done > 0 {
            self.flows[connection].last_progress = self.now;
        }
        if failed && self.applications[which].error.is_some() {
            self.judge_failure(which)?;
        }
        Ok(done)
    }

    fn accept(&mut self, host: usize) -> Result<u32, Trouble> {
        let Some(listener) = self.nodes[host].listener else {
            return Ok(0);
        };
        let mut accepted = 0;
        while self.nodes[host].host.readiness(listener).accept_ready {
            let node = &mut self.nodes[host];
            let Ok(id) = node.host.accept(self.now, listener) else {
                break;
            };
            accepted += 1;
            let remote = node.host.status(id).ok().and_then(|status| status.remote);
            let which = remote.and_then(|remote| self.connection_of(remote, host));
            let application = which.map(|connection| &mut self.applications[2 * connection + 1]);
            match application {
                Some(application) if application.stage == Stage::Waiting => {
                    application.stage = Stage::Open(id);
                }
                // An old SYN, or somebody else's: nobody talks to it.
                _ => {
                    let _ = self.nodes[host].host.abort(self.now, id);
                }
            }
        }
        Ok(accepted)
    }
}
