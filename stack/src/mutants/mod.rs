//! Historic defects of other stacks, to be switched on in a host: what the project's own tests are
//! worth is how many of them they find.
//!
//! Without the feature `mutants` nothing of this is compiled. With it a [`Config`](crate::Config)
//! carries at most one mutant, in [`Config::mutant`](crate::Config), so that hosts of one process may
//! differ; `Config::default` carries none. At its site in the code a mutant is written
//!
//! ```ignore
//! mutant!(tcb.config, C01, right, wrong)
//! ```
//!
//! which is `right`, but in a host with that mutant `wrong`, and there it is counted how often the
//! site was reached and how often the two differed. What they are, where each was found and which rule
//! it breaks stands in `table.rs`. `tcpdrill zoo` holds the conformance cases against them
//! (docs/suite-quality.md), `simulate --mutant` the simulation (docs/simulation.md).

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicU64, Ordering};

mod table;
pub(crate) mod wrong;

pub use table::Mutant;

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// There is no mutant of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownMutant;

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(id: &str) -> Result<Mutant, UnknownMutant> {
        let mut all = Mutant::ALL.iter();
        all.find(|mutant| mutant.id() == id)
            .copied()
            .ok_or(UnknownMutant)
    }
}

/// How far a mutant got, in all hosts that share the [`Infection`].
#[derive(Debug, Default)]
struct Counts {
    reached: AtomicU64,
    triggered: AtomicU64,
}

/// The mutant that a host carries, if any. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Infection(Option<(Mutant, Arc<Counts>)>);

/// Two are equal if they carry the same mutant.
impl PartialEq for Infection {
    fn eq(&self, other: &Infection) -> bool {
        self.mutant() == other.mutant()
    }
}

impl Eq for Infection {}

impl Infection {
    /// With `mutant`, and nothing counted yet.
    pub fn with(mutant: Mutant) -> Infection {
        Infection(Some((mutant, Arc::default())))
    }

    /// The mutant.
    pub fn mutant(&self) -> Option<Mutant> {
        self.0.as_ref().map(|(mutant, _)| *mutant)
    }

    /// How often its site was reached.
    pub fn reached(&self) -> u64 {
        let counts = self.0.as_ref();
        counts.map_or(0, |(_, counts)| counts.reached.load(Ordering::Relaxed))
    }

    /// How often it did something else than what is right.
    pub fn triggered(&self) -> u64 {
        let counts = self.0.as_ref();
        counts.map_or(0, |(_, counts)| counts.triggered.load(Ordering::Relaxed))
    }

    /// `right`, or in a host with this mutant `wrong`. Both are made there.
    #[inline]
    pub(crate) fn choose<T: PartialEq>(
        &self,
        mutant: Mutant,
        right: T,
        wrong: impl FnOnce() -> T,
    ) -> T {
        match &self.0 {
            Some((carried, counts)) if *carried == mutant => {
                counts.reached.fetch_add(1, Ordering::Relaxed);
                // A defect that panics has made a difference.
                counts.triggered.fetch_add(1, Ordering::Relaxed);
                let wrong = wrong();
                let same = u64::from(wrong == right);
                counts.triggered.fetch_sub(same, Ordering::Relaxed);
                wrong
            }
            _ => right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_mutant() {
        for mutant in Mutant::ALL {
            assert_eq!(mutant.id().parse(), Ok(*mutant));
        }
        assert_eq!("Z99".parse::<Mutant>(), Err(UnknownMutant));
    }

    #[test]
    fn only_the_mutant_carried_changes_anything_and_it_is_counted() {
        let none = Infection::default();
        assert_eq!(none.choose(Mutant::C01, 1, || 2), 1);
        let carrier = Infection::with(Mutant::C01);
        let clone = carrier.clone();
        assert_eq!(clone.choose(Mutant::C13, 1, || 2), 1);
        assert_eq!((carrier.reached(), carrier.triggered()), (0, 0));
        assert_eq!(clone.choose(Mutant::C01, 1, || 2), 2);
        assert_eq!(clone.choose(Mutant::C01, 2, || 2), 2);
        assert_eq!((carrier.reached(), carrier.triggered()), (2, 1));
    }
}
