//! smoltcp as it is fuzzed: without descriptors, errno and blocking.
//!
//! What smoltcp cannot tell, and what is made of it here:
//!
//! - *Why a connection ended.* It says CLOSED and no more; the fuzzer does not ask.
//! - *Whether it is well.* It has no check of itself, so the oracle `invariant` only says when it comes to no end;
//!   debug assertions and panics are found like any other.
//! - *A backlog.* A socket that listens becomes the connection. Another one is put behind it, so that the host goes
//!   on listening; it is the last one always, since smoltcp gives a segment to the first socket that takes it.
//! - *Reading after CLOSE.* `close` ends one direction only, which RFC 9293 §3.9.1.4 has as well; see
//!   [`Facts::half_duplex_close`].
//! - *R2* (RFC 9293 §3.8.3). Unless its user sets a timeout it repeats for ever. The user here sets ten minutes.

use std::net::SocketAddr;

use smoltcp::socket::tcp::{CongestionControl, RecvError, State as TcpState};
use smoltcp::time::{Duration, Instant};

use super::SmoltcpTarget;
use super::clock::BOOT;
use super::host::{Host, Id, Options};
use crate::fuzz::arena::Arena;
use crate::fuzz::input::Call;
use crate::fuzz::known::Known;
use crate::fuzz::oracle::Choices;
use crate::fuzz::segment::Ends;
use crate::fuzz::subject::{Answer, Micros, Plan, State, Subject, ends};
use crate::specification::Facts;
use crate::target::Target;

/// Bytes of a datagram at most.
const MTU: u16 = 1_500;
/// How long the peer may be silent: longer than any wait of an input.
const R2: Duration = Duration::from_secs(600);
/// The same where it is learned: after one retransmission, and before another.
const LEARNED_R2: Duration = Duration::from_millis(2_500);
/// Between two keep-alives (RFC 9293 §3.8.4 has two hours; smoltcp leaves it to its user).
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The deviations of smoltcp that were looked at.
const KNOWN: &str = include_str!("../../fuzz/known/smoltcp.toml");
/// Those from the reference.
const DIFFERENCES: &str = include_str!("../../fuzz/known/differential.toml");

impl Arena for SmoltcpTarget {
    type Subject = SmoltcpSubject;

    fn target(&self) -> &dyn Target {
        self
    }

    fn subject(&self) -> Result<SmoltcpSubject, String> {
        Ok(SmoltcpSubject::new(Timing::Usual))
    }

    fn for_comparison(&self) -> Result<SmoltcpSubject, String> {
        Ok(SmoltcpSubject::new(Timing::AtOnce))
    }

    fn for_learning(&self, _: &[(&str, &str)]) -> Result<SmoltcpSubject, String> {
        let mut subject = SmoltcpSubject::new(Timing::AtOnce);
        subject.r2 = LEARNED_R2;
        Ok(subject)
    }

    fn choices(&self) -> Choices {
        Choices {
            facts: Facts {
                takes_syn_with_fin: false,
                takes_text_of_syn_ack: false,
                reopens_time_wait: false,
                half_duplex_close: false,
                takes_covering_segment: false,
                ..Facts::RFC
            },
            // `challenge_ack_reply`: one a second.
            challenges: 1,
            challenge_period: 1_000_000,
            // `RTTE_MIN_RTO` and `RTTE_INITIAL_RTO`.
            min_rto: 1_000_000,
            first_rto: 1_000_000,
            // `CLOSE_DELAY`, which is no 2 MSL: docs/smoltcp.md tells of it.
            time_wait: 10_000_000,
            ..Choices::RFC
        }
    }

    fn known(&self) -> Result<Known, String> {
        Known::read("known/smoltcp.toml", KNOWN)
    }

    fn differences(&self) -> Result<Known, String> {
        Known::read("known/differential.toml", DIFFERENCES)
    }
}

/// When it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timing {
    /// As the target has it.
    Usual,
    /// What can be sent is sent.
    AtOnce,
}

/// A host with one listener at most and one connection with the peer.
pub struct SmoltcpSubject {
    timing: Timing,
    r2: Duration,
    host: Host,
    ends: Ends,
    /// What sockets are made with.
    options: Options,
    /// Those that listen, or did when they were made, in the order in which smoltcp asks them.
    listening: Option<Vec<Id>>,
    /// The user's, and what he has told it.
    connection: Option<(Id, Options)>,
    /// The user has closed it: he may take another one.
    is_closed: bool,
    /// The connection with the peer that is newest, accepted or not.
    newest: Option<Id>,
    due: Option<Instant>,
    /// It comes to no end.
    broken: Option<String>,
}

impl SmoltcpSubject {
    fn new(timing: Timing) -> SmoltcpSubject {
        let plan = Plan {
            ends: ends(false),
            receive_buffer: None,
            seed: 0,
        };
        SmoltcpSubject {
            timing,
            r2: R2,
            host: host(&plan),
            ends: plan.ends,
            options: options(&plan, timing, R2),
            listening: None,
            connection: None,
            is_closed: false,
            newest: None,
            due: None,
            broken: None,
        }
    }

    /// To be done after every step: looks at what has become of the sockets, and goes on listening.
    fn settle(&mut self) {
        let has_begun =
            |id: &Id| !matches!(self.host.state(*id), TcpState::Closed | TcpState::Listen);
        if let Some(listening) = &self.listening {
            self.newest = listening.iter().copied().find(has_begun).or(self.newest);
            if !listening
                .iter()
                .any(|id| self.host.state(*id) == TcpState::Listen)
            {
                self.add_listener();
            }
        }
        self.due = self.host.deadline();
    }

    /// Puts a socket that listens behind all others; whether smoltcp lets it.
    fn add_listener(&mut self) -> bool {
        let id = self.host.open(&self.options);
        let port = self.ends.subject.1;
        let listens = self.host.listen(id, None, port).is_ok();
        self.listening.get_or_insert_default().push(id);
        listens
    }

    fn state_of_newest(&self) -> TcpState {
        self.newest
            .map_or(TcpState::Closed, |id| self.host.state(id))
    }

    /// Whether there is no connection with the peer that a new one would get in the way of.
    fn is_free(&self) -> bool {
        matches!(self.state_of_newest(), TcpState::Closed | TcpState::Listen)
    }

    /// Whether the user has a connection that he has not closed.
    fn is_busy(&self) -> bool {
        self.connection.is_some() && !self.is_closed
    }

    fn listen(&mut self) -> Answer {
        match self.listening {
            Some(_) => Answer::Refused,
            None => done(self.add_listener()),
        }
    }

    fn connect(&mut self) -> Answer {
        if self.is_busy() || !self.is_free() {
            return Answer::Refused;
        }
        // The connection stands in front of what listens.
        let listening = self.listening.is_some();
        for id in self.listening.take().unwrap_or_default() {
            self.host.close(id);
        }
        let id = self.host.open(&self.options);
        let local = (Some(self.ends.subject.0), self.ends.subject.1);
        let remote = SocketAddr::from(self.ends.peer);
        let opened = self.host.connect(id, remote, local);
        if listening {
            self.add_listener();
        }
        if opened.is_err() {
            return Answer::Refused;
        }
        self.take_over(id);
        self.newest = Some(id);
        Answer::Done
    }

    fn accept(&mut self) -> Answer {
        let listening = self.listening.as_deref().unwrap_or_default();
        let is_own = |id: &Id| self.connection.as_ref().is_some_and(|(own, _)| own == id);
        let ready = listening
            .iter()
            .copied()
            .find(|id| self.host.was_established(*id) && !is_own(id));
        let Some(id) = ready.filter(|_| !self.is_busy()) else {
            return Answer::Refused;
        };
        if let Some(listening) = &mut self.listening {
            listening.retain(|one| *one != id);
        }
        self.take_over(id);
        Answer::Done
    }

    /// This connection is the user's from here on.
    fn take_over(&mut self, id: Id) {
        self.connection = Some((id, self.options.clone()));
        self.is_closed = false;
    }

    fn on_connection(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        let Some((id, _)) = self.connection else {
            return Answer::Refused;
        };
        let state = self.host.state(id);
        match call {
            Call::Send(_) => self.send(id, text),
            Call::Recv(most) => self.recv(id, most, into),
            Call::Shutdown | Call::Close if self.is_closed => Answer::Refused,
            // Where there is no connection there is no half of one.
            Call::Shutdown if matches!(state, TcpState::Closed | TcpState::SynSent) => {
                Answer::Refused
            }
            Call::Shutdown => {
                self.host.close(id);
                Answer::Done
            }
            Call::Close => {
                self.host.close(id);
                self.is_closed = true;
                Answer::Done
            }
            Call::Abort => {
                self.host.abort(id);
                self.connection = None;
                Answer::Done
            }
            Call::NoDelay(nodelay) => self.set(|options| options.nagle = !nodelay),
            Call::KeepAlive(is_on) => {
                self.set(|options| options.keep_alive = is_on.then_some(KEEP_ALIVE))
            }
            Call::Listen | Call::Connect | Call::Accept => Answer::Refused,
        }
    }

    fn send(&mut self, id: Id, text: &[u8]) -> Answer {
        let Some(socket) = self.host.socket_mut(id) else {
            return Answer::Refused;
        };
        let sent = socket.send_slice(text);
        self.host.settle();
        sent.map_or(Answer::Refused, Answer::Bytes)
    }

    fn recv(&mut self, id: Id, most: u16, into: &mut Vec<u8>) -> Answer {
        let Some(socket) = self.host.socket_mut(id) else {
            return Answer::Refused;
        };
        into.resize(most.into(), 0);
        let received = socket.recv_slice(into);
        into.truncate(received.unwrap_or(0));
        // Reading may open the window.
        self.host.settle();
        match received {
            Ok(0) if most > 0 => Answer::Refused,
            Ok(count) => Answer::Bytes(count),
            Err(RecvError::Finished) => Answer::End,
            Err(RecvError::InvalidState) => Answer::Refused,
        }
    }

    fn set(&mut self, change: impl FnOnce(&mut Options)) -> Answer {
        let Some((id, options)) = &mut self.connection else {
            return Answer::Refused;
        };
        change(options);
        self.host.set(*id, options);
        self.host.settle();
        Answer::Done
    }
}

/// A host that was just switched on.
fn host(plan: &Plan) -> Host {
    let prefix = if plan.ends.subject.0.is_ipv4() {
        24
    } else {
        64
    };
    Host::new(
        MTU,
        plan.ends.subject.0,
        prefix,
        plan.ends.peer.0,
        plan.seed,
    )
}

fn options(plan: &Plan, timing: Timing, r2: Duration) -> Options {
    let usual = match timing {
        Timing::Usual => Options::default(),
        Timing::AtOnce => Options {
            nagle: false,
            ack_delay: None,
            control: CongestionControl::None,
            ..Options::default()
        },
    };
    Options {
        receive_buffer: plan
            .receive_buffer
            .map_or(usual.receive_buffer, |bytes| bytes as usize),
        timeout: Some(r2),
        ..usual
    }
}

fn done(is_done: bool) -> Answer {
    match is_done {
        true => Answer::Done,
        false => Answer::Refused,
    }
}

fn micros(instant: Instant) -> Micros {
    let since = instant.total_micros() - BOOT.total_micros();
    since.max(0).cast_unsigned()
}

fn instant(micros: Micros) -> Instant {
    Instant::from_micros(BOOT.total_micros().saturating_add_unsigned(micros))
}

impl Subject for SmoltcpSubject {
    fn restart(&mut self, plan: &Plan) {
        *self = SmoltcpSubject {
            timing: self.timing,
            r2: self.r2,
            host: host(plan),
            ends: plan.ends,
            options: options(plan, self.timing, self.r2),
            listening: None,
            connection: None,
            is_closed: false,
            newest: None,
            due: None,
            broken: None,
        };
    }

    fn now(&self) -> Micros {
        micros(self.host.now())
    }

    fn receive(&mut self, datagram: &[u8]) {
        self.host.begin();
        self.host.receive(datagram);
        self.settle();
    }

    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        into.clear();
        self.host.begin();
        let answer = match call {
            Call::Listen => self.listen(),
            Call::Connect => self.connect(),
            Call::Accept => self.accept(),
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
        self.due.map(micros)
    }

    fn advance(&mut self, to: Micros) {
        self.host.begin();
        if let Err(error) = self.host.advance(instant(to)) {
            self.broken = Some(error.to_string());
        }
        self.settle();
    }

    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
        let Some(packet) = self.host.take_packet() else {
            return false;
        };
        *datagram = packet.bytes;
        true
    }

    fn state(&self) -> Option<State> {
        Some(match self.state_of_newest() {
            TcpState::Closed | TcpState::Listen => match self.listening {
                Some(_) => State::Listen,
                None => State::Closed,
            },
            TcpState::SynSent => State::SynSent,
            TcpState::SynReceived => State::SynReceived,
            TcpState::Established => State::Established,
            TcpState::FinWait1 => State::FinWait1,
            TcpState::FinWait2 => State::FinWait2,
            TcpState::CloseWait => State::CloseWait,
            TcpState::Closing => State::Closing,
            TcpState::LastAck => State::LastAck,
            TcpState::TimeWait => State::TimeWait,
        })
    }

    fn is_users(&self) -> Option<bool> {
        let own = self.connection.as_ref().map(|(id, _)| *id);
        Some(own.is_some() && own == self.newest)
    }

    fn check(&self) -> Result<(), String> {
        self.broken.clone().map_or(Ok(()), Err)
    }
}
