//! Historic defects that the reference stack can be given (feature `mutants`).

use super::ReferenceTarget;

/// A defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Its name: `C01`.
    pub id: &'static str,
    /// What is wrong.
    pub title: &'static str,
    /// Where it was found.
    pub source: &'static str,
    /// The ids of the rules that it breaks.
    pub breaks: &'static [&'static str],
}

/// All defects, by name; `None` where they are not built in.
pub fn defects() -> Option<Vec<Defect>> {
    built_in::defects()
}

/// A target whose hosts all have one defect.
#[derive(Clone, Debug)]
pub struct Infected {
    /// The target.
    pub target: ReferenceTarget,
    counts: built_in::Counts,
}

impl Infected {
    /// `target` with the defect of this name; `None` if there is none, or none is built in.
    pub fn with(target: ReferenceTarget, id: &str) -> Option<Infected> {
        built_in::infect(target, id)
    }

    /// How often its place was reached, in all hosts so far.
    pub fn reached(&self) -> u64 {
        built_in::reached(&self.counts)
    }

    /// How often it did something else there than what is right.
    pub fn triggered(&self) -> u64 {
        built_in::triggered(&self.counts)
    }
}

#[cfg(feature = "mutants")]
mod built_in {
    use tcpdrill_stack::mutants::{Infection, Mutant};

    use super::{Defect, Infected, ReferenceTarget};

    pub(super) type Counts = Infection;

    pub(super) fn defects() -> Option<Vec<Defect>> {
        let defect = |mutant: &Mutant| Defect {
            id: mutant.id(),
            title: mutant.title(),
            source: mutant.source(),
            breaks: mutant.breaks(),
        };
        Some(Mutant::ALL.iter().map(defect).collect())
    }

    pub(super) fn infect(mut target: ReferenceTarget, id: &str) -> Option<Infected> {
        let infection = Infection::with(id.parse().ok()?);
        target.config.mutant = infection.clone();
        Some(Infected {
            target,
            counts: infection,
        })
    }

    pub(super) fn reached(counts: &Counts) -> u64 {
        counts.reached()
    }

    pub(super) fn triggered(counts: &Counts) -> u64 {
        counts.triggered()
    }
}

#[cfg(not(feature = "mutants"))]
mod built_in {
    use super::{Defect, Infected, ReferenceTarget};

    /// There is none of which anything could be counted.
    pub(super) type Counts = std::convert::Infallible;

    pub(super) fn defects() -> Option<Vec<Defect>> {
        None
    }

    pub(super) fn infect(_: ReferenceTarget, _: &str) -> Option<Infected> {
        None
    }

    pub(super) fn reached(counts: &Counts) -> u64 {
        match *counts {}
    }

    pub(super) fn triggered(counts: &Counts) -> u64 {
        match *counts {}
    }
}
