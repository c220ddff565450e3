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
//! site was reached and how often the two differed.

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicU64, Ordering};

macro_rules! mutants {
    ($($id:ident $title:literal, $broken:literal;)*) => {
        /// A defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $(#[doc = $title] $id,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Mutant] = &[$(Mutant::$id,)*];

            /// Its name.
            pub const fn id(self) -> &'static str {
                match self { $(Mutant::$id => stringify!($id),)* }
            }

            /// What is wrong.
            pub const fn title(self) -> &'static str {
                match self { $(Mutant::$id => $title,)* }
            }

            /// The rule that it breaks.
            pub const fn broken_rule(self) -> &'static str {
                match self { $(Mutant::$id => $broken,)* }
            }
        }
    };
}

mutants! {
    A07 "An MSS of 0 is believed", "RFC 9293 §3.7.1";
    C01 "Any RST in the window ends the connection", "RFC 5961 §3.2";
    C08 "Acknowledgments of acknowledgments have no limit", "RFC 5961 §7";
    C13 "An acknowledgment of what was sent before the ISN is accepted", "RFC 5961 §5.2";
    D02 "The edges of SACK blocks do not wrap", "RFC 2018 §3, RFC 9293 §3.4";
    D07 "Text behind the right edge of the window is taken", "RFC 9293 §3.10.7.4";
    E06 "A FIN counts before the gap ahead of it is filled", "RFC 9293 §3.10.7.4";
    F03 "A closed window is not probed", "RFC 9293 §3.8.6.1";
    F13 "Text out of order makes the right edge of the window go back", "RFC 9293 §3.8.6";
    G03 "LAST-ACK is left by any acknowledgment", "RFC 9293 §3.10.7.4";
    H01 "The retransmission timeout does not double", "RFC 6298 §5.5";
    H04 "An acknowledgment of a part stops the retransmission timer", "RFC 6298 §5.2";
    H09 "A timeout leaves the congestion window as it was", "RFC 5681 §3.1";
    H11 "Each acknowledgment opens the window by a segment, however little it acknowledges", "RFC 5681 §3.1, RFC 3465";
    I07 "A timestamp is remembered of a segment that is not acceptable", "RFC 7323 §5.3";
}

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
                let wrong = wrong();
                counts.reached.fetch_add(1, Ordering::Relaxed);
                let differs = u64::from(wrong != right);
                counts.triggered.fetch_add(differs, Ordering::Relaxed);
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
