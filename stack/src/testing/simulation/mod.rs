//! Deterministic simulation: hosts, a network that goes wrong, users, attackers, and judges of all of
//! it, from one number.
//!
//! [`Plan::from_seed`] draws what a run will be, [`run`] carries it out. The same seed does the same,
//! byte for byte. `docs/simulation.md` says what goes wrong and what is judged.

mod application;
mod attacker;
mod budget;
mod draw;
mod feature;
mod flow;
mod observe;
mod packet_rules;
mod pattern;
mod plan;
mod ranges;
mod router;
mod trace;
mod world;

pub use feature::{Feature, FeatureSet};
pub use pattern::Pattern;
pub use plan::{
    Attack, AttackKind, ConnectionPlan, Disturbance, FIRST_CLIENT_PORT, HostPlan, Open, Plan,
    SERVER_PORT, UserPlan,
};
pub use trace::{Entry, show};

use crate::error::ConnectionError;
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use application::Application;
use core::fmt;
use core::time::Duration;
use trace::Trace;
use world::World;

/// Who found something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oracle {
    /// A user got other bytes than were sent, or the end too early.
    Stream,
    /// A transfer between users who cooperate does not end.
    Liveness,
    /// A connection broke that had no reason to.
    Failure,
    /// More packets than anything asked for.
    Storm,
    /// More memory than the connections need, or some that is left behind.
    Memory,
    /// [`invariant::check`](crate::invariant::check).
    Invariant,
    /// A packet that must not be sent.
    Packet,
    /// A packet sent too early, or too much at once.
    Pace,
    /// A call failed that must not.
    Call,
}

impl Oracle {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Oracle::Stream => "stream",
            Oracle::Liveness => "liveness",
            Oracle::Failure => "failure",
            Oracle::Storm => "storm",
            Oracle::Memory => "memory",
            Oracle::Invariant => "invariant",
            Oracle::Packet => "packet",
            Oracle::Pace => "pace",
            Oracle::Call => "call",
        }
    }
}

/// What an oracle found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which oracle.
    pub oracle: Oracle,
    /// At which host, if at one.
    pub host: Option<usize>,
    /// In words.
    pub what: String,
}

impl Trouble {
    fn new(oracle: Oracle, host: Option<usize>, what: String) -> Trouble {
        Trouble { oracle, host, what }
    }
}

/// What an oracle found, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Instant,
    /// What.
    pub trouble: Trouble,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trouble { oracle, host, what } = &self.trouble;
        write!(f, "{}", oracle.name())?;
        if let Some(host) = host {
            write!(f, " at host {host}")?;
        }
        write!(f, ": {what}")
    }
}

/// What a run was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The first thing found wrong, if anything; the run ended there.
    pub violation: Option<Violation>,
    /// How long it lasted in virtual time.
    pub lasted: Duration,
    /// Steps taken.
    pub steps: u64,
    /// Packets that hosts sent.
    pub packets: u64,
    /// Equal for runs that did the same.
    pub hash: u64,
    /// How each user fared, the client's of each connection before the server's.
    pub users: Vec<UserReport>,
    /// Everything that happened, if it was recorded.
    pub entries: Vec<Entry>,
}

/// How a user fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserReport {
    /// How much he received.
    pub received: u64,
    /// He got the end of the stream, had sent all of his own, and closed.
    pub closed: bool,
    /// When he read the end of the stream.
    pub ended_at: Option<Instant>,
    /// What he was told went wrong.
    pub error: Option<ConnectionError>,
}

/// Carries out a plan. `record` keeps all that happened.
pub fn run(plan: Plan, record: bool) -> Report {
    let start = plan.start;
    let mut world = World::new(plan, Trace::new(record));
    let violation = world.run().err();
    Report {
        violation,
        lasted: world.now.saturating_duration_since(start),
        steps: world.steps(),
        packets: world.packets,
        hash: world.trace.hash(),
        users: world.applications.iter().map(Application::report).collect(),
        entries: world.trace.into_entries(),
    }
}
