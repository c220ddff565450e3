//! The zoo: what the cases are worth, by how many historic defects of TCP stacks they find.
//!
//! Each defect is given to the reference stack alone, and the whole suite is run. A defect is killed if
//! a case fails that passes without it, and that case covers a rule which the defect breaks; what fails
//! besides says nothing about why.

mod explained;
mod hunt;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::program::IpVersion;
use crate::target::reference::Defect;
use crate::verdict::{CaseResult, Verdict};

pub use explained::{Explained, ExplainedError, Explanations, NotBuilt};
pub use hunt::{Hunt, Hunted, Trial};
pub use run::{Zoo, ZooError};

/// What became of a defect, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A case that covers a broken rule fails.
    Killed,
    /// Cases fail, but none that covers a broken rule.
    Accident,
    /// It made a difference that no case sees.
    Survived,
    /// Its place was reached, and it never made a difference there.
    NotTriggered,
    /// Its place was never reached.
    NotReached,
}

impl Fate {
    /// The name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Killed => "killed",
            Fate::Accident => "by accident",
            Fate::Survived => "survived",
            Fate::NotTriggered => "not triggered",
            Fate::NotReached => "not reached",
        }
    }
}

/// A case that fails with a defect, and not so without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Its name.
    pub case: String,
    /// Whether it covers a rule that the defect breaks.
    pub covers: bool,
    /// What it says.
    pub message: String,
}

/// What came of one defect.
#[derive(Clone, Debug)]
pub struct Row {
    /// The defect.
    pub defect: Defect,
    /// The profile it was given to.
    pub profile: String,
    /// How often its place was reached.
    pub reached: u64,
    /// How often it made a difference there.
    pub triggered: u64,
    /// The cases that fail, those first that cover a broken rule, in order of name.
    pub failing: Vec<Failing>,
    /// Why it is not killed, if that is known.
    pub explained: Option<Explained>,
    /// How long the suite took.
    pub time: Duration,
}

impl Row {
    /// What became of it.
    pub fn fate(&self) -> Fate {
        if self.killers().next().is_some() {
            Fate::Killed
        } else if !self.failing.is_empty() {
            Fate::Accident
        } else if self.triggered > 0 {
            Fate::Survived
        } else if self.reached > 0 {
            Fate::NotTriggered
        } else {
            Fate::NotReached
        }
    }

    /// The cases that fail and cover a broken rule.
    pub fn killers(&self) -> impl Iterator<Item = &Failing> {
        self.failing.iter().filter(|failing| failing.covers)
    }

    /// How many cases fail besides.
    pub fn others(&self) -> usize {
        self.failing.len() - self.killers().count()
    }

    /// What is wrong with this row: it should have been killed, or is killed after all.
    pub fn complaint(&self) -> Option<String> {
        let id = self.defect.id;
        match (self.fate(), &self.explained) {
            (Fate::Killed, None) => None,
            (Fate::Killed, Some(_)) => Some(format!(
                "{id} is killed and needs no explanation any more; take it off the list"
            )),
            (_, Some(_)) => None,
            (Fate::Accident, None) => Some(format!(
                "{id} fails cases, but none covers a rule it breaks ({})",
                self.defect.breaks.join(", ")
            )),
            (fate @ (Fate::Survived | Fate::NotTriggered | Fate::NotReached), None) => {
                Some(format!("{id} is not killed: {}", fate.name()))
            }
        }
    }
}

/// The verdicts of a clean stack.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    by_case: BTreeMap<(String, IpVersion), (&'static str, String)>,
}

impl Baseline {
    /// Of the results without a defect.
    pub fn new(results: &[CaseResult]) -> Baseline {
        let entry = |result: &CaseResult| {
            let key = (result.case.clone(), result.ip_version);
            (key, (result.verdict.name(), result.message.clone()))
        };
        Baseline {
            by_case: results.iter().map(entry).collect(),
        }
    }

    /// How many cases fail already.
    pub fn failing(&self) -> usize {
        let verdicts = self.by_case.values();
        verdicts.filter(|(name, _)| *name == "fail").count()
    }

    /// The cases that fail with a defect, and that did not say just this without it.
    pub fn compare(&self, results: &[CaseResult], breaks: &[&str]) -> Vec<Failing> {
        let mut failing: Vec<Failing> = results
            .iter()
            .filter(|result| self.is_news(result))
            .map(|result| Failing {
                case: result.case.clone(),
                covers: result.covers.iter().any(|id| breaks.contains(&id.as_str())),
                message: result.message.clone(),
            })
            .collect();
        failing.sort_by(|one, other| (!one.covers, &one.case).cmp(&(!other.covers, &other.case)));
        failing.dedup_by(|one, other| one.case == other.case);
        failing
    }

    /// A stack is blamed by a failure only, and by a deviation that is known but does not show.
    fn is_news(&self, result: &CaseResult) -> bool {
        let blames = match &result.verdict {
            Verdict::Fail(_) | Verdict::UnexpectedPass { .. } => true,
            Verdict::Pass
            | Verdict::Skip { .. }
            | Verdict::KnownDeviation { .. }
            | Verdict::Perturbed(_)
            | Verdict::Error(_) => false,
        };
        let key = (result.case.clone(), result.ip_version);
        let before = self.by_case.get(&key);
        let as_before = before.is_some_and(|(name, message)| {
            *name == result.verdict.name() && *message == result.message
        });
        blames && !as_before
    }
}

#[cfg(test)]
pub(crate) mod tests;
