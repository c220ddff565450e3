//! Two hosts joined by two simulated links, stepping from event to event.

use super::netem::{Impairments, Link, LinkCounters};
use crate::config::Config;
use crate::event::Event;
use crate::host::{Host, Output};
use crate::invariant::{self, Violation};
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::ip::IpVersion;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::A, Side::B];

    /// The other one.
    pub const fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }

    /// The address of this side.
    pub const fn address(self, version: IpVersion) -> IpAddr {
        let last = match self {
            Side::A => 1,
            Side::B => 2,
        };
        match version {
            IpVersion::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
            IpVersion::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last as u16)),
        }
    }
}

/// Something that happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When.
    pub at: Instant,
    /// At which host.
    pub side: Side,
    /// What.
    pub what: Happening,
}

/// What a trace records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The host sent a datagram.
    Sent(Vec<u8>),
    /// The host received a datagram, damaged or not.
    Received(Vec<u8>),
    /// The host reported an event.
    Event(Event),
}

/// Why a simulation cannot go on: always a defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairError {
    /// An invariant of a host does not hold.
    Violation {
        /// When it was seen.
        at: Instant,
        /// Whose.
        side: Side,
        /// Which.
        violation: Violation,
    },
    /// A host said more than [`Pair::MAX_OUTPUTS`] things at once.
    TooManyOutputs {
        /// When.
        at: Instant,
        /// Who.
        side: Side,
    },
    /// The simulation took more than [`Pair::MAX_STEPS`] steps.
    TooManySteps {
        /// How far it came.
        at: Instant,
    },
}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairError::Violation {
                at,
                side,
                violation,
            } => {
                write!(f, "at {} us host {side:?}: {violation}", at.as_micros())
            }
            PairError::TooManyOutputs { at, side } => {
                let max = Pair::MAX_OUTPUTS;
                write!(
                    f,
                    "at {} us host {side:?} sent more than {max} outputs",
                    at.as_micros()
                )
            }
            PairError::TooManySteps { at } => {
                let max = Pair::MAX_STEPS;
                write!(f, "no end after {max} steps, at {} us", at.as_micros())
            }
        }
    }
}

/// What [`Pair::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A datagram arrived or timers fired.
    Done,
    /// Nothing happens before the limit; the clock stands there now.
    ReachedLimit,
    /// Nothing is under way and no timer runs.
    Idle,
}

/// Two hosts, the links between them, and the time.
#[derive(Debug)]
pub struct Pair {
    hosts: [Host; 2],
    /// Indexed by the side that sends.
    links: [Link; 2],
    now: Instant,
    steps: usize,
    trace: Vec<TraceEntry>,
}

/// What distinguishes the two sides of a new [`Pair`], the first for [`Side::A`].
#[derive(Clone, Debug)]
pub struct Setup {
    /// The settings of each host.
    pub configs: [Config; 2],
    /// What happens to what each host sends.
    pub impairments: [Impairments; 2],
    /// The version of both addresses.
    pub version: IpVersion,
    /// The time at the start.
    pub start: Instant,
    /// Determines secrets, seeds and misfortunes.
    pub seed: u64,
}

impl Pair {
    /// More steps than any simulation needs.
    pub const MAX_STEPS: usize = 400_000;
    /// More outputs than a host may have after one input.
    pub const MAX_OUTPUTS: usize = 20_000;

    /// Two hosts that know nothing of each other yet.
    pub fn new(setup: Setup) -> Pair {
        let Setup {
            configs,
            impairments,
            version,
            start,
            seed,
        } = setup;
        let mut rng = Rng::new(seed);
        let links = impairments.map(|impairments| Link::new(impairments, rng.fork()));
        let mut sides = Side::BOTH.into_iter();
        let hosts = configs.map(|config| {
            let side = sides.next().unwrap_or(Side::B);
            let secret = Pair::secret(seed, side);
            Host::new(config, &[side.address(version)], secret, rng.next_u64())
        });
        Pair {
            hosts,
            links,
            now: start,
            steps: 0,
            trace: Vec::new(),
        }
    }

    /// The secret of a host in a pair made with `seed`, so that tests can foresee its ISNs.
    pub fn secret(seed: u64, side: Side) -> [u8; 16] {
        let mut rng = Rng::new(seed.rotate_left(17) ^ side as u64);
        let mut secret = [0; 16];
        secret.fill_with(|| rng.next_u32() as u8);
        secret
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// A host, to look at.
    pub const fn host(&self, side: Side) -> &Host {
        &self.hosts[side as usize]
    }

    /// Everything that happened so far.
    pub fn trace(&self) -> &[TraceEntry] {
        &self.trace
    }

    /// What happened on the link from `side` to the other.
    pub const fn counters(&self, side: Side) -> LinkCounters {
        self.links[side as usize].counters()
    }

    /// Changes what happens to what `side` sends from now on.
    pub const fn set_impairments(&mut self, side: Side, impairments: Impairments) {
        self.links[side as usize].set_impairments(impairments);
    }

    /// Does something to a host at the present time, then takes what it has to say.
    ///
    /// # Errors
    /// When the host broke a rule.
    pub fn act<R>(
        &mut self,
        side: Side,
        action: impl FnOnce(&mut Host, Instant) -> R,
    ) -> Result<R, PairError> {
        let result = action(&mut self.hosts[side as usize], self.now);
        self.drain(side)?;
        Ok(result)
    }

    /// Goes to the next arrival or timer, unless `limit` comes first. At one instant arrivals at
    /// B come first, then those at A, then A's timers, then B's.
    ///
    /// # Errors
    /// When a host broke a rule, or there have been too many steps.
    pub fn step(&mut self, limit: Option<Instant>) -> Result<Step, PairError> {
        let candidates = [
            self.links[0].next_arrival(),
            self.links[1].next_arrival(),
            self.hosts[0].poll_deadline(),
            self.hosts[1].poll_deadline(),
        ];
        let next = candidates.iter().copied().flatten().min();
        let Some(at) = next.filter(|at| limit.is_none_or(|limit| *at < limit)) else {
            let Some(limit) = limit else {
                return Ok(Step::Idle);
            };
            self.now = self.now.max(limit);
            return Ok(Step::ReachedLimit);
        };
        self.steps += 1;
        if self.steps > Pair::MAX_STEPS {
            return Err(PairError::TooManySteps { at: self.now });
        }
        self.now = self.now.max(at);
        let first_due = candidates.iter().position(|due| *due == Some(at));
        match first_due {
            Some(0) => self.deliver(Side::A)?,
            Some(1) => self.deliver(Side::B)?,
            Some(2) => self.act(Side::A, |host, now| host.timeout(now))?,
            _ => self.act(Side::B, |host, now| host.timeout(now))?,
        }
        Ok(Step::Done)
    }

    /// Hands the next datagram that `from` sent to the other side.
    fn deliver(&mut self, from: Side) -> Result<(), PairError> {
        let Some(datagram) = self.links[from as usize].receive(self.now) else {
            return Ok(());
        };
        let to = from.other();
        self.record(to, Happening::Received(datagram.clone()));
        self.act(to, |host, now| host.receive(now, &datagram))
    }

    fn drain(&mut self, side: Side) -> Result<(), PairError> {
        for _ in 0..Pair::MAX_OUTPUTS {
            match self.hosts[side as usize].poll() {
                Output::Transmit(datagram) => {
                    self.links[side as usize].send(self.now, &datagram);
                    self.record(side, Happening::Sent(datagram));
                }
                Output::Event(event) => self.record(side, Happening::Event(event)),
                Output::Deadline(_) => return self.check(side),
            }
        }
        let at = self.now;
        Err(PairError::TooManyOutputs { at, side })
    }

    fn check(&self, side: Side) -> Result<(), PairError> {
        invariant::check(self.host(side)).map_err(|violation| PairError::Violation {
            at: self.now,
            side,
            violation,
        })
    }

    fn record(&mut self, side: Side, what: Happening) {
        let at = self.now;
        self.trace.push(TraceEntry { at, side, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::SocketOptions;
    use core::net::SocketAddr;
    use core::time::Duration;

    fn quiet_pair() -> Pair {
        let delay = Duration::from_millis(5);
        let clean = Impairments {
            delay,
            ..Impairments::default()
        };
        Pair::new(Setup {
            configs: [Config::default(), Config::default()],
            impairments: [clean; 2],
            version: IpVersion::V4,
            start: Instant::from_secs(1),
            seed: 1,
        })
    }

    #[test]
    fn the_clock_goes_to_the_limit_or_the_next_event_and_no_further() {
        let mut pair = quiet_pair();
        assert_eq!(pair.step(None), Ok(Step::Idle));
        let limit = Instant::from_secs(2);
        assert_eq!(pair.step(Some(limit)), Ok(Step::ReachedLimit));
        assert_eq!(pair.now(), limit);

        let remote = SocketAddr::new(Side::B.address(IpVersion::V4), 80);
        let open = pair.act(Side::A, |host, now| {
            host.open_active(now, (None, None), remote, SocketOptions::default())
        });
        assert!(open.unwrap().is_ok());
        assert_eq!(pair.counters(Side::A).sent, 1);
        // The SYN arrives, and the reset that answers it.
        for millis in [2_005, 2_010] {
            assert_eq!(pair.step(None), Ok(Step::Done));
            assert_eq!(pair.now(), Instant::from_millis(millis));
        }
        assert_eq!(pair.step(None), Ok(Step::Idle));
        let received = |side| {
            let on_side =
                |e: &&TraceEntry| e.side == side && matches!(e.what, Happening::Received(_));
            pair.trace().iter().filter(on_side).count()
        };
        assert_eq!((received(Side::A), received(Side::B)), (1, 1));
    }

    #[test]
    fn the_sides_have_secrets_of_their_own() {
        assert_ne!(Pair::secret(1, Side::A), Pair::secret(1, Side::B));
        assert_ne!(Pair::secret(1, Side::A), Pair::secret(2, Side::A));
    }
}
