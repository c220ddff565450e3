//! The stack and its clock.

use std::collections::{BTreeMap, VecDeque};

use tcpdrill_stack::seq::SeqRange;
use tcpdrill_stack::{Event, Host, Instant, Output, SocketId, StateName};

use super::programs::HostCounters;
use crate::target::{Observed, TargetError};
use crate::time::Time;

/// The stack's clock when a session is made. Not zero, so that timestamps derived from it are not either.
const BOOT: Instant = Instant::from_micros(1_000_000_000);

/// Steps within one wait, and packets and events after one step, after which the stack is taken to
/// come to no end. No case has a tenth of it.
const MOST_WORK: u32 = 100_000;

/// A host, the virtual time it lives in, and what it has sent.
#[derive(Debug)]
pub(super) struct Engine {
    host: Host,
    now: Instant,
    /// Zero of the case's clock.
    origin: Instant,
    sent: VecDeque<Observed>,
    /// Last known state of every connection that is not closed.
    states: BTreeMap<SocketId, StateName>,
    /// Steps since the last call into the session.
    steps: u32,
    /// The stack had something to say without end.
    overflowed: bool,
    /// What was sent again and nobody has looked at.
    pub(super) repeats: Vec<(SocketId, SeqRange)>,
    /// What has happened on the host, for `nstat`.
    pub(super) counters: HostCounters,
}

impl Engine {
    /// A host just switched on.
    pub(super) fn new(host: Host) -> Engine {
        Engine {
            host,
            now: BOOT,
            origin: BOOT,
            sent: VecDeque::new(),
            states: BTreeMap::new(),
            steps: 0,
            overflowed: false,
            repeats: Vec::new(),
            counters: HostCounters::default(),
        }
    }

    /// Makes the current moment the case's zero.
    pub(super) fn start(&mut self) {
        self.origin = self.now;
    }

    /// The stack.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// The stack, to call it; [`settle`](Self::settle) afterwards.
    pub(super) fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// The current moment on the stack's clock.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// A moment of the stack's clock on the case's clock.
    pub(super) fn time_of(&self, instant: Instant) -> Time {
        let since = i128::from(instant.as_micros()) - i128::from(self.origin.as_micros());
        Time::from_micros(i64::try_from(since).unwrap_or(i64::MAX / 4))
    }

    /// The current moment on the case's clock.
    pub(super) fn time(&self) -> Time {
        self.time_of(self.now)
    }

    /// A moment of the case's clock on the stack's, not before the clock's own zero.
    pub(super) fn instant_of(&self, time: Time) -> Instant {
        let micros = i128::from(self.origin.as_micros()) + i128::from(time.as_micros());
        Instant::from_micros(u64::try_from(micros.max(0)).unwrap_or(u64::MAX))
    }

    /// The oldest packet nobody has taken.
    pub(super) fn take_packet(&mut self) -> Option<Observed> {
        self.sent.pop_front()
    }

    /// Whether a packet waits to be taken.
    pub(super) fn has_packet(&self) -> bool {
        !self.sent.is_empty()
    }

    /// The state of a connection, also after its socket was let go; `None` once it is closed.
    pub(super) fn state(&self, id: SocketId) -> Option<StateName> {
        self.states.get(&id).copied()
    }

    /// Whether any connection is not closed.
    pub(super) fn has_connections(&self) -> bool {
        !self.states.is_empty()
    }

    /// Takes everything the stack has to say. To be called after every call into it.
    pub(super) fn settle(&mut self) {
        let at = self.time();
        for _ in 0..MOST_WORK {
            match self.host.poll() {
                Output::Transmit(bytes) => self.sent.push_back(Observed { at, bytes }),
                Output::Event(Event::StateChanged { id, to, .. }) => {
                    if to == StateName::Closed {
                        self.states.remove(&id);
                    } else {
                        self.states.insert(id, to);
                    }
                }
                Output::Event(event) => {
                    self.counters.note(&event);
                    if let Event::Retransmitted { id, seq, len, .. } = event {
                        self.repeats.push((id, SeqRange::with_len(seq, len)));
                    }
                }
                Output::Deadline(_) => return,
            }
        }
        self.overflowed = true;
    }

    /// A call into the session begins: what the stack does from here on is counted.
    pub(super) fn begin(&mut self) {
        self.steps = 0;
    }

    /// One datagram arrives now.
    pub(super) fn receive(&mut self, datagram: &[u8]) {
        self.host.receive(self.now, datagram);
        self.settle();
    }

    /// When the stack wants to be woken.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.host.poll_deadline()
    }

    /// Moves the clock to `to` (never back) and fires what is due there.
    ///
    /// # Errors
    /// [`TargetError::Stack`] if the stack does more than any case asks of it.
    pub(super) fn advance(&mut self, to: Instant) -> Result<(), TargetError> {
        self.now = self.now.max(to);
        self.steps += 1;
        if self.overflowed {
            return Err(TargetError::Stack(format!(
                "the stack sends without end: {MOST_WORK} packets and events at {}, and more to come",
                self.time()
            )));
        }
        if self.steps > MOST_WORK {
            return Err(TargetError::Stack(format!(
                "the stack comes to no end: {MOST_WORK} timeouts within one wait, at {}",
                self.time()
            )));
        }
        if self.deadline().is_some_and(|at| at <= self.now) {
            self.host.timeout(self.now);
            self.settle();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use tcpdrill_stack::Config;

    #[test]
    fn work_is_bounded_within_one_wait_and_not_over_several() {
        let address = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))];
        let mut engine = Engine::new(Host::new(Config::default(), &address, [0; 16], 0));
        for _ in 0..3 {
            engine.begin();
            for _ in 0..MOST_WORK {
                engine.advance(BOOT).unwrap();
            }
        }
        let error = engine.advance(BOOT).unwrap_err().to_string();
        assert!(
            error.starts_with("the stack comes to no end: 100000 timeouts"),
            "{error}"
        );
    }
}
