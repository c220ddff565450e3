//! Running the suite once for each defect.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::program::IpVersion;
use crate::suite::{Case, ExecuteSettings, KnownDeviations, KnownError, Origin, Suite, execute};
use crate::target::Target;
use crate::target::reference::{Defect, Infected, ReferenceTarget};
use crate::verdict::CaseResult;

use super::{Baseline, Explanations, Fate, Row};

/// The profiles a defect is given to: the second where no case kills it in the first.
const PROFILES: [&str; 2] = ["rfc9293", "linux"];

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum ZooError {
    /// There is no such profile.
    #[error("{0}")]
    Profile(String),
    /// A list of known deviations cannot be used.
    #[error(transparent)]
    Known(#[from] KnownError),
}

/// One profile without a defect.
struct Ground {
    target: ReferenceTarget,
    known: KnownDeviations,
    baseline: Baseline,
}

/// The cases, what they say without any defect, and what is explained.
pub struct Zoo<'a> {
    cases: Vec<&'a Case>,
    grounds: BTreeMap<String, Ground>,
    profiles: Vec<String>,
    explanations: &'a Explanations,
}

/// Families say the same of every defect with thousands of cases; it is the cases written by hand that
/// are measured.
fn is_written(case: &&Case) -> bool {
    case.origin != Origin::Generated
}

impl<'a> Zoo<'a> {
    /// Runs the suite once for each profile: `only`, or those that defects are tried on.
    ///
    /// # Errors
    /// If there is no such profile, or its known deviations cannot be used.
    pub fn new(
        suite: &'a Suite,
        only: Option<&str>,
        explanations: &'a Explanations,
    ) -> Result<Zoo<'a>, ZooError> {
        let profiles = only.map_or(PROFILES.to_vec(), |profile| vec![profile]);
        let mut zoo = Zoo {
            cases: suite.cases.iter().filter(is_written).collect(),
            grounds: BTreeMap::new(),
            profiles: profiles.into_iter().map(ToOwned::to_owned).collect(),
            explanations,
        };
        for profile in zoo.profiles.clone() {
            let target = ReferenceTarget::of_profile(&profile).map_err(ZooError::Profile)?;
            let known = suite.known(target.known())?.on(target.kernel().as_deref());
            let baseline = Baseline::new(&zoo.run(&target, &known));
            let ground = Ground {
                target,
                known,
                baseline,
            };
            zoo.grounds.insert(profile, ground);
        }
        Ok(zoo)
    }

    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.cases.len()
    }

    /// How many cases fail without any defect, over the profiles.
    pub fn failing_anyway(&self) -> usize {
        let grounds = self.grounds.values();
        grounds.map(|ground| ground.baseline.failing()).sum()
    }

    /// A row for each defect, in their order, whatever number of threads works on them.
    pub fn rows(
        &self,
        defects: &[Defect],
        jobs: usize,
        observe: &(dyn Fn(&Row) + Sync),
    ) -> Vec<Row> {
        let next = AtomicUsize::new(0);
        let rows = Mutex::new(BTreeMap::new());
        let work = || {
            while let Some((index, defect)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                defects.get(index).map(|defect| (index, defect))
            } {
                if let Some(row) = self.row(defect) {
                    observe(&row);
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    rows.insert(index, row);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..jobs.clamp(1, defects.len().max(1)) {
                scope.spawn(work);
            }
        });
        let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.into_values().collect()
    }

    /// What came of a defect on the first profile where it is killed, or where it came furthest.
    fn row(&self, defect: &Defect) -> Option<Row> {
        let mut best: Option<Row> = None;
        for profile in &self.profiles {
            let row = self.row_on(defect, profile)?;
            let is_better = best.as_ref().is_none_or(|best| row.fate() < best.fate());
            let spent = best
                .as_ref()
                .map_or_else(Default::default, |best| best.time);
            let time = spent + row.time;
            let kept = if is_better { Some(row) } else { best };
            best = kept.map(|row| Row { time, ..row });
            if best.as_ref().is_some_and(|row| row.fate() == Fate::Killed) {
                break;
            }
        }
        best
    }

    fn row_on(&self, defect: &Defect, profile: &str) -> Option<Row> {
        let ground = self.grounds.get(profile)?;
        let infected = Infected::with(ground.target.clone(), defect.id)?;
        let started = Instant::now();
        let results = self.run(&infected.target, &ground.known);
        Some(Row {
            defect: defect.clone(),
            profile: profile.to_owned(),
            reached: infected.reached(),
            triggered: infected.triggered(),
            failing: ground.baseline.compare(&results, defect.breaks),
            explained: self.explanations.of(defect.id).cloned(),
            time: started.elapsed(),
        })
    }

    fn run(&self, target: &ReferenceTarget, known: &KnownDeviations) -> Vec<CaseResult> {
        let settings = ExecuteSettings {
            ip_versions: vec![IpVersion::Ipv4],
            jobs: Some(1),
            ..ExecuteSettings::default()
        };
        execute(&self.cases, target, known, &settings, &mut |_| {})
    }
}
