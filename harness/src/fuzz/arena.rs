//! A stack that can be fuzzed, with all that has to be known about it.

use super::differential;
use super::engine::play_knowing;
use super::input::Input;
use super::known::Known;
use super::oracle::Choices;
use super::play::{Found, Played, Witness};
use super::subject::Subject;
use crate::target::Target;

/// What `tcpdrill fuzz` and `tcpdrill replay` need of a target. To fuzz another stack, implement this for its target
/// and name it in `command::fuzz`; nothing else asks which stack it is.
pub trait Arena: Sync {
    /// The stack, as it is fuzzed.
    type Subject: Subject;

    /// The same stack as scripts run on it: a finding is written as one.
    fn target(&self) -> &dyn Target;

    /// Gets what it needs of this machine, before the process has a second thread.
    ///
    /// # Errors
    /// What is missing.
    fn prepare(&self) -> Result<(), String> {
        Ok(())
    }

    /// A new one, for the calling thread. Each job has its own.
    ///
    /// # Errors
    /// What the machine lacks.
    fn subject(&self) -> Result<Self::Subject, String>;

    /// One to be compared with another stack: as far as it has settings for that, nothing is held back. Text and
    /// acknowledgments leave at once, so that what is said depends on what came and not on clocks.
    ///
    /// # Errors
    /// What the machine lacks.
    fn for_comparison(&self) -> Result<Self::Subject, String> {
        self.subject()
    }

    /// One to be learned as a machine: with these settings, by Linux's names, as far as it takes them, and
    /// nothing is rationed or put off.
    ///
    /// # Errors
    /// What the machine lacks.
    fn for_learning(&self, settings: &[(&str, &str)]) -> Result<Self::Subject, String>;

    /// What it chooses of what the specification leaves open.
    fn choices(&self) -> Choices;

    /// The deviations that were looked at already.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn known(&self) -> Result<Known, String> {
        Ok(Known::default())
    }

    /// Where it is known to part from the reference, event by event.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn differences(&self) -> Result<Known, String> {
        Ok(Known::default())
    }
}

/// What plays inputs and judges them.
pub trait Player {
    /// Plays one.
    ///
    /// # Errors
    /// What was found, known or not, and where.
    fn play<W: Witness>(&mut self, input: &Input, witness: &mut W) -> Result<Played, Box<Found>>;

    /// Whether time is the world's: see [`Subject::is_live`].
    fn is_live(&self) -> bool {
        false
    }
}

/// A way to fuzz: whose inputs are judged, and how.
pub trait Contest: Sync {
    /// What each job has.
    type Player: Player;

    /// The stack on which scripts of findings run.
    fn target(&self) -> &dyn Target;

    /// A new player.
    ///
    /// # Errors
    /// What the machine lacks.
    fn player(&self) -> Result<Self::Player, String>;

    /// What was found before.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn known(&self) -> Result<Known, String>;
}

/// One stack, judged by all oracles.
#[derive(Debug)]
pub struct Alone<'a, A>(pub &'a A);

/// See [`Alone`].
pub struct AlonePlayer<S> {
    subject: S,
    choices: Choices,
    known: Known,
}

impl<S: Subject> Player for AlonePlayer<S> {
    fn play<W: Witness>(&mut self, input: &Input, witness: &mut W) -> Result<Played, Box<Found>> {
        play_knowing(
            &mut self.subject,
            input,
            witness,
            (self.choices, &self.known),
        )
    }

    fn is_live(&self) -> bool {
        self.subject.is_live()
    }
}

impl<A: Arena> Contest for Alone<'_, A> {
    type Player = AlonePlayer<A::Subject>;

    fn target(&self) -> &dyn Target {
        self.0.target()
    }

    fn player(&self) -> Result<AlonePlayer<A::Subject>, String> {
        Ok(AlonePlayer {
            subject: self.0.subject()?,
            choices: self.0.choices(),
            known: self.0.known()?,
        })
    }

    fn known(&self) -> Result<Known, String> {
        self.0.known()
    }
}

/// Two stacks, each held against the other. Scripts show what the first one does, and run on the second.
#[derive(Debug)]
pub struct Against<'a, A, B> {
    /// The first one.
    pub one: &'a A,
    /// The second one, which knows where it parts from the first.
    pub other: &'a B,
}

/// See [`Against`].
pub struct AgainstPlayer<A, B> {
    one: A,
    other: B,
    known: Known,
}

impl<A: Subject, B: Subject> Player for AgainstPlayer<A, B> {
    fn play<W: Witness>(&mut self, input: &Input, witness: &mut W) -> Result<Played, Box<Found>> {
        differential::play(
            (&mut self.one, &mut self.other),
            input,
            &self.known,
            witness,
        )
    }
}

impl<A: Arena, B: Arena> Contest for Against<'_, A, B> {
    type Player = AgainstPlayer<A::Subject, B::Subject>;

    fn target(&self) -> &dyn Target {
        self.other.target()
    }

    fn player(&self) -> Result<AgainstPlayer<A::Subject, B::Subject>, String> {
        Ok(AgainstPlayer {
            one: self.one.for_comparison()?,
            other: self.other.for_comparison()?,
            known: self.other.differences()?,
        })
    }

    fn known(&self) -> Result<Known, String> {
        self.other.differences()
    }
}
