//! The reference stack as it is fuzzed: without descriptors, errno and blocking.

use std::net::SocketAddr;
use std::time::Duration;

use tcpdrill_stack::config::{Acknowledging, InitialWindow, TimeWaitSyn};
use tcpdrill_stack::{
    Config, Event, Host, Instant, Output, SendFlags, SocketId, SocketOptions, StateName, invariant,
};

use super::{ReferenceTarget, choices};
use crate::fuzz::arena::Arena;
use crate::fuzz::input::Call;
use crate::fuzz::oracle::Choices;
use crate::fuzz::segment::Ends;
use crate::fuzz::subject::{Answer, Micros, Plan, State, Subject};
use crate::target::Target;

/// The stack's clock when it is switched on.
const BOOT: Instant = Instant::from_micros(1_000_000_000);

/// A host with one listener at most and one connection with the peer.
#[derive(Debug)]
pub struct ReferenceSubject {
    config: Config,
    host: Host,
    now: Instant,
    ends: Ends,
    listener: Option<SocketId>,
    connection: Option<SocketId>,
    /// The connection with the peer that is newest, accepted or not, and its state.
    newest: Option<(SocketId, StateName)>,
    packets: std::collections::VecDeque<Vec<u8>>,
    /// Where the user receives.
    room: Box<[u8]>,
    /// It had something to say without end.
    overflowed: bool,
}

/// More than an input can open: a full queue is nothing that the specification knows of.
const BACKLOG: usize = 1_000;

/// More packets and events than this after one step are without end.
const MOST: usize = 10_000;

impl ReferenceTarget {
    /// What its profile chooses of what the specification leaves open.
    pub fn choices(&self) -> Choices {
        choices::of(self.profile)
    }

    /// What is fuzzed of it.
    pub fn subject(&self) -> ReferenceSubject {
        let ends = crate::fuzz::subject::ends(false);
        ReferenceSubject {
            config: self.config.clone(),
            host: Host::new(self.config.clone(), &[ends.subject.0], [0; 16], 0),
            now: BOOT,
            ends,
            listener: None,
            connection: None,
            newest: None,
            packets: std::collections::VecDeque::new(),
            room: vec![0; usize::from(u16::MAX)].into(),
            overflowed: false,
        }
    }
}

impl Arena for ReferenceTarget {
    type Subject = ReferenceSubject;

    fn target(&self) -> &dyn Target {
        self
    }

    fn subject(&self) -> Result<ReferenceSubject, String> {
        Ok(self.subject())
    }

    fn for_comparison(&self) -> Result<ReferenceSubject, String> {
        let mut target = self.clone();
        let config = &mut target.config;
        config.delayed_ack = Duration::ZERO;
        config.nagle = false;
        // A window of so few bytes has no scale, and is not rounded.
        config.window_scale = Some(0);
        config.congestion.initial_window = InitialWindow::Segments(100_000);
        config.challenge_ack_limit = 1;
        config.challenge_ack_interval = Duration::from_secs(1);
        config.time_wait_syn = TimeWaitSyn::Refuse;
        config.msl = Duration::from_secs(5);
        config.send_buffer = 65_536;
        Ok(target.subject())
    }

    fn for_learning(&self, settings: &[(&str, &str)]) -> Result<ReferenceSubject, String> {
        let mut target = self.clone();
        target.config.acknowledging = Acknowledging::EverySecond;
        target.config.delayed_ack = Duration::ZERO;
        target.config.nagle = false;
        for (name, value) in settings {
            // A name that this stack has no mechanism for asks for nothing that it does.
            super::sysctl::set_in(&mut target.config, name, value);
        }
        Ok(target.subject())
    }

    fn choices(&self) -> Choices {
        self.choices()
    }
}

impl ReferenceSubject {
    /// Takes all that the host has to say.
    fn settle(&mut self) {
        for _ in 0..MOST {
            match self.host.poll() {
                Output::Transmit(datagram) => self.packets.push_back(datagram),
                Output::Event(Event::StateChanged {
                    to: StateName::Listen,
                    ..
                }) => {}
                Output::Event(Event::StateChanged { id, .. }) if Some(id) == self.listener => {}
                Output::Event(Event::StateChanged { id, to, .. }) => {
                    let is_older = self.newest.is_some_and(|(newest, state)| {
                        newest != id && state != StateName::Closed && to == StateName::Closed
                    });
                    if !is_older {
                        self.newest = Some((id, to));
                    }
                }
                Output::Event(_) => {}
                Output::Deadline(_) => return,
            }
        }
        self.overflowed = true;
    }

    fn peer(&self) -> SocketAddr {
        self.ends.peer.into()
    }

    fn listen(&mut self) -> Answer {
        if self.listener.is_some() {
            return Answer::Refused;
        }
        let options = SocketOptions {
            reuse_address: true,
            ..SocketOptions::default()
        };
        let local = (None, self.ends.subject.1);
        let opened = self.host.open_passive(self.now, local, BACKLOG, options);
        self.listener = opened.ok();
        done(self.listener.is_some())
    }

    fn connect(&mut self) -> Answer {
        if self.connection.is_some() {
            return Answer::Refused;
        }
        let options = SocketOptions {
            reuse_address: true,
            ..SocketOptions::default()
        };
        let local = (Some(self.ends.subject.0), Some(self.ends.subject.1));
        let remote = self.peer();
        let opened = self.host.open_active(self.now, local, remote, options);
        self.connection = opened.ok();
        done(self.connection.is_some())
    }

    fn recv(&mut self, id: SocketId, most: u16, into: &mut Vec<u8>) -> Answer {
        let room = &mut self.room[..most.into()];
        match self.host.recv(self.now, id, room) {
            Ok(0) if most > 0 => Answer::End,
            Ok(count) => {
                into.extend_from_slice(&room[..count]);
                Answer::Bytes(count)
            }
            Err(_) => Answer::Refused,
        }
    }

    fn on_connection(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        let Some(id) = self.connection else {
            return Answer::Refused;
        };
        let now = self.now;
        match call {
            Call::Send(_) => {
                let sent = self.host.send(now, id, text, SendFlags::default());
                sent.map_or(Answer::Refused, Answer::Bytes)
            }
            Call::Recv(most) => self.recv(id, most, into),
            Call::Shutdown => done(self.host.shutdown_write(now, id).is_ok()),
            Call::Close => {
                self.connection = None;
                done(self.host.close(now, id).is_ok())
            }
            Call::Abort => {
                self.connection = None;
                done(self.host.abort(now, id).is_ok())
            }
            Call::NoDelay(nodelay) => self.set(id, |options| options.nodelay = nodelay),
            Call::KeepAlive(keepalive) => self.set(id, |options| options.keepalive = keepalive),
            Call::Listen | Call::Connect | Call::Accept => Answer::Refused,
        }
    }

    fn set(&mut self, id: SocketId, change: impl FnOnce(&mut SocketOptions)) -> Answer {
        let Ok(mut options) = self.host.options(id) else {
            return Answer::Refused;
        };
        change(&mut options);
        done(self.host.set_options(id, options).is_ok())
    }
}

fn done(is_done: bool) -> Answer {
    match is_done {
        true => Answer::Done,
        false => Answer::Refused,
    }
}

fn instant(micros: Micros) -> Instant {
    Instant::from_micros(BOOT.as_micros().saturating_add(micros))
}

impl Subject for ReferenceSubject {
    fn restart(&mut self, plan: &Plan) {
        let mut config = self.config.clone();
        if let Some(bytes) = plan.receive_buffer {
            config.recv_buffer = bytes as usize;
        }
        self.host = Host::new(config, &[plan.ends.subject.0], [42; 16], plan.seed);
        self.now = BOOT;
        self.ends = plan.ends;
        self.listener = None;
        self.connection = None;
        self.newest = None;
        self.packets.clear();
        self.overflowed = false;
    }

    fn now(&self) -> Micros {
        self.now.as_micros() - BOOT.as_micros()
    }

    fn receive(&mut self, datagram: &[u8]) {
        self.host.receive(self.now, datagram);
        self.settle();
    }

    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        into.clear();
        let answer = match call {
            Call::Listen => self.listen(),
            Call::Connect => self.connect(),
            Call::Accept => {
                if let (Some(listener), None) = (self.listener, self.connection) {
                    self.connection = self.host.accept(self.now, listener).ok();
                    done(self.connection.is_some())
                } else {
                    Answer::Refused
                }
            }
            Call::Send(_)
            | Call::Recv(_)
            | Call::Shutdown
            | Call::Close
            | Call::Abort
            | Call::NoDelay(_)
            | Call::KeepAlive(_) => self.on_connection(call, text, into),
        };
        self.settle();
        answer
    }

    fn deadline(&self) -> Option<Micros> {
        let deadline = self.host.poll_deadline()?;
        Some(deadline.as_micros().saturating_sub(BOOT.as_micros()))
    }

    fn advance(&mut self, to: Micros) {
        self.now = self.now.max(instant(to));
        if self.host.poll_deadline().is_some_and(|due| due <= self.now) {
            self.host.timeout(self.now);
            self.settle();
        }
    }

    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
        let Some(packet) = self.packets.pop_front() else {
            return false;
        };
        let used = std::mem::replace(datagram, packet);
        if used.capacity() > 0 {
            self.host.recycle(used);
        }
        true
    }

    fn state(&self) -> Option<State> {
        let state = self.newest.map(|(_, state)| state);
        let is_over = state.is_none_or(|state| state == StateName::Closed);
        Some(match state {
            _ if is_over && self.listener.is_some() => State::Listen,
            None | Some(StateName::Closed) => State::Closed,
            Some(StateName::Listen) => State::Listen,
            Some(StateName::SynSent) => State::SynSent,
            Some(StateName::SynReceived) => State::SynReceived,
            Some(StateName::Established) => State::Established,
            Some(StateName::FinWait1) => State::FinWait1,
            Some(StateName::FinWait2) => State::FinWait2,
            Some(StateName::CloseWait) => State::CloseWait,
            Some(StateName::Closing) => State::Closing,
            Some(StateName::LastAck) => State::LastAck,
            Some(StateName::TimeWait) => State::TimeWait,
        })
    }

    fn is_users(&self) -> Option<bool> {
        let newest = self.newest.map(|(id, _)| id);
        Some(self.connection.is_some() && self.connection == newest)
    }

    fn takes_errors(&self) -> bool {
        true
    }

    fn memory(&self) -> Option<usize> {
        Some(self.host.held())
    }

    fn check(&self) -> Result<(), String> {
        if self.overflowed {
            return Err(format!(
                "it sends without end: more than {MOST} packets and events"
            ));
        }
        invariant::check(&self.host).map_err(|violation| violation.to_string())
    }
}
