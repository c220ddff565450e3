//! The running kernel as it is fuzzed: one namespace with a TUN device for all inputs, one connection an input.
//!
//! - `host` is the namespace; the thread that fuzzes lives in it.
//! - `diag` asks the kernel's socket diagnosis for the state of the connection, whoever holds it, and ends it.
//! - `user` has the sockets.
//!
//! The kernel has dealt with a datagram when the write to the TUN device returns, so what waits in the device then is
//! the answer to it. Time is real: waits are cut short, most inputs see no timer.

mod diag;
mod host;
mod still;
mod user;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::LinuxTarget;
use super::cable::Link;
use super::{ending, sysctl};
use crate::fuzz::arena::Arena;
use crate::fuzz::input::Call;
use crate::fuzz::known::Known;
use crate::fuzz::oracle::Choices;
use crate::fuzz::segment::Ends;
use crate::fuzz::subject::{Answer, Micros, Plan, State, Subject};
use crate::specification::Facts;
use crate::target::{Target, TargetError};
use diag::{Diagnosis, Seen};
use host::Host;
use still::{Queue, Still};
use user::User;

/// Deviations of this kernel that were looked at.
const KNOWN: &str = include_str!("../../../fuzz/known/linux.toml");

/// The subject's network.
const PREFIX: (IpAddr, u8) = (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 0)), 24);

/// More challenge ACKs than an input can ask for.
const UNLIMITED: usize = 1 << 20;

/// How long an input's waits are at most: most inputs are hasty, some see a delayed acknowledgment, few a
/// retransmission. Which one it is follows from its seed.
const HASTY: Duration = Duration::from_micros(100);
const PATIENT: Duration = Duration::from_millis(50);
const MOST_PATIENT: Duration = Duration::from_millis(300);

/// An input waits so often at most as long as it may.
const WAITS: u32 = 4;

/// What came of the last input goes on for so many looks at most.
const ROUNDS: usize = 8;

/// The kernel of this machine, in a namespace that the calling thread has entered.
#[derive(Debug)]
pub struct LinuxSubject {
    user: User,
    diagnosis: Diagnosis,
    host: Host,
    ends: Ends,
    started: Instant,
    still: Still,
    patience: Duration,
    /// How much the input may still wait in all.
    left: Duration,
    /// There may be a connection that nobody holds: the user has closed one, and one that is half open outlives its
    /// listener.
    has_orphan: bool,
    /// The connection that was seen last, accepted or not.
    newest: Option<u64>,
    /// What went wrong with the machine, and not with TCP.
    trouble: Option<String>,
}

impl Arena for LinuxTarget {
    type Subject = LinuxSubject;

    fn target(&self) -> &dyn Target {
        self
    }

    fn prepare(&self) -> Result<(), String> {
        super::prepare()?;
        Link::Tun.try_out()
    }

    fn subject(&self) -> Result<LinuxSubject, String> {
        LinuxSubject::enter().map_err(|error| error.to_string())
    }

    fn for_learning(&self, settings: &[(&str, &str)]) -> Result<LinuxSubject, String> {
        let subject = LinuxSubject::enter().map_err(|error| error.to_string())?;
        for (name, value) in settings {
            // A kernel that lacks one has not what it sets.
            let _ = sysctl::write(name, value);
        }
        subject.host.acknowledge_at_once(PREFIX)?;
        Ok(subject)
    }

    fn choices(&self) -> Choices {
        Choices {
            facts: Facts {
                takes_syn_at_rcv_nxt: false,
                takes_syn_with_fin: false,
                takes_text_of_syn_ack: false,
                aborts_as_unknown: true,
                cuts_to_window: false,
                waiting_fin_ends: false,
                drops_unstamped: false,
                window_follows_seq: false,
                answers_text_behind_fin: false,
                ..Facts::RFC
            },
            // `host` switches the limits off; timers are not judged.
            challenges: UNLIMITED,
            ..Choices::RFC
        }
    }

    fn known(&self) -> Result<Known, String> {
        Known::read("known/linux.toml", KNOWN)
    }
}

impl LinuxSubject {
    /// Moves the calling thread into a namespace with a TUN device, for good.
    ///
    /// # Errors
    /// What this machine lacks.
    pub fn enter() -> Result<LinuxSubject, TargetError> {
        let ends = crate::fuzz::subject::ends(false);
        let v6 = crate::fuzz::subject::ends(true);
        Ok(LinuxSubject {
            host: Host::enter(&[ends.subject.0, v6.subject.0])?,
            diagnosis: Diagnosis::open()?,
            user: User::default(),
            ends,
            started: Instant::now(),
            still: Still::default(),
            patience: HASTY,
            left: HASTY,
            has_orphan: true,
            newest: None,
            trouble: None,
        })
    }

    fn note<T>(&mut self, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(trouble) => {
                self.trouble.get_or_insert(trouble);
                None
            }
        }
    }

    /// The connection with the peer as the kernel has it now, or its listener.
    fn seen(&self) -> Result<Seen, String> {
        self.still.seen.get_or(|| self.diagnosis.look(&self.ends))
    }

    /// Notes which connection is the newest: one that has ended is told of no more.
    fn remember(&mut self) {
        let seen = self.seen();
        if let Some(seen) = self.note(seen)
            && !matches!(seen.state, State::Closed | State::Listen)
        {
            self.newest = Some(seen.cookie);
        }
    }

    /// Nothing of the input before is left.
    fn clean_up(&mut self) -> Result<(), String> {
        self.user.leave();
        self.still.stir();
        for _ in 0..ROUNDS {
            if !self.has_orphan || !self.diagnosis.end(&self.ends)? {
                self.has_orphan = false;
                self.host.discard();
                return Ok(());
            }
        }
        Err("a connection of the input before cannot be ended".to_owned())
    }
}

impl Subject for LinuxSubject {
    fn restart(&mut self, plan: &Plan) {
        let cleaned = self.clean_up();
        self.trouble = None;
        self.note(cleaned);
        if self.ends != plan.ends {
            self.ends = plan.ends;
            // A run that ended in a panic may have left the other family's.
            let cleaned = self.clean_up();
            self.note(cleaned);
        }
        self.user = User::of(plan);
        self.newest = None;
        self.started = Instant::now();
        self.still.pass(Some(0));
        self.patience = match plan.seed % 256 {
            255 => MOST_PATIENT,
            seed if seed % 16 == 15 => PATIENT,
            _ => HASTY,
        };
        self.left = self.patience * WAITS;
    }

    fn now(&self) -> Micros {
        let look = || Micros::try_from(self.started.elapsed().as_micros());
        self.still.now.get_or(look).unwrap_or(Micros::MAX)
    }

    fn receive(&mut self, datagram: &[u8]) {
        self.still.stir();
        let written = self.host.write(datagram);
        self.note(written);
        // Connections that nobody has accepted yet are none of the user's, and without a listener there are none.
        if self.user.listens() && self.user.holds_dead() {
            self.remember();
        }
    }

    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        into.clear();
        if matches!(call, Call::Accept) && self.still.has_none_to_accept() {
            return Answer::Refused;
        }
        self.has_orphan |= matches!(call, Call::Close | Call::Shutdown | Call::Listen);
        self.still.stir();
        let answer = self.user.call(call, text, into);
        let answer = self.note(answer).unwrap_or(Answer::Refused);
        if matches!(call, Call::Connect | Call::Accept) && answer == Answer::Done {
            self.remember();
        }
        answer
    }

    fn deadline(&self) -> Option<Micros> {
        None
    }

    fn advance(&mut self, to: Micros) {
        let wanted = Duration::from_micros(to.saturating_sub(self.now()));
        let wait = wanted.min(self.patience).min(self.left);
        self.left -= wait;
        std::thread::sleep(wait);
        self.still.pass(None);
        if ending::has_come() {
            self.trouble.get_or_insert("interrupted".to_owned());
        }
    }

    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
        if self.still.queue.get() == Queue::Empty {
            return false;
        }
        let read = self.host.read(datagram);
        let is_one = self.note(read).unwrap_or(false);
        self.still.has_read(is_one);
        is_one
    }

    /// Waits as long as it is asked to: who learns has to.
    fn next_packet_by(&mut self, until: Micros, datagram: &mut Vec<u8>) -> bool {
        while self.trouble.is_none() {
            let left = until.saturating_sub(self.now());
            // Whether there is another one, waiting tells as well.
            let is_known = left > 0 && self.still.queue.get() == Queue::Begun;
            if !is_known && self.next_packet(datagram) {
                return true;
            }
            if left == 0 {
                break;
            }
            let listener = self.user.listener().filter(|_| self.still.may_accept());
            let is_asked = listener.is_some();
            let waited = self.host.wait(Duration::from_micros(left), listener);
            let woken = self.note(waited).unwrap_or_default();
            self.still.pass((!woken.any()).then_some(until));
            if !woken.by_packet {
                self.still.has_read(false);
            }
            if is_asked {
                self.still.can_accept(woken.by_listener);
            }
            if ending::has_come() {
                self.trouble.get_or_insert("interrupted".to_owned());
            }
        }
        false
    }

    fn state(&self) -> Option<State> {
        self.seen().ok().map(|seen| seen.state)
    }

    fn is_users(&self) -> Option<bool> {
        let cookie = self.user.cookie();
        Some(cookie.is_some() && cookie == self.newest)
    }

    fn check(&self) -> Result<(), String> {
        let trouble = |trouble: &String| format!("the machine, not TCP: {trouble}");
        self.trouble
            .as_ref()
            .map_or(Ok(()), |text| Err(trouble(text)))
    }

    fn is_live(&self) -> bool {
        true
    }
}

impl Drop for LinuxSubject {
    fn drop(&mut self) {
        // Not interesting: whoever is left is ended with the namespace.
        let _ = self.clean_up();
    }
}
