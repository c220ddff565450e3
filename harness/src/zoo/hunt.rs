//! Fuzzing for each defect: how long it takes until an oracle says that something is wrong.
//!
//! A trial begins with nothing kept and ends with the first finding, or at its limit. What is found is the
//! defect's doing: without it nothing is found at all.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::fuzz::engine::{Engine, Settings};
use crate::target::reference::{Defect, Infected, ReferenceTarget};

/// How to look for a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hunt {
    /// Trials, each with a seed of its own, from 1 on.
    pub seeds: u64,
    /// More trials where all of the first were shorter than a minute.
    pub more_seeds: u64,
    /// A trial ends after this.
    pub limit: Duration,
    /// Events of an input at most.
    pub events: usize,
    /// Steered by the transitions seen.
    pub feedback: bool,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its seed.
    pub seed: u64,
    /// Seconds until the finding, or in all.
    pub seconds: f64,
    /// Events until then.
    pub events: u64,
    /// How often the defect's place was reached.
    pub reached: u64,
    /// How often it made a difference there.
    pub triggered: u64,
    /// The oracle that found it.
    pub oracle: Option<String>,
}

/// All trials of a defect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hunted {
    /// The defect.
    pub id: String,
    /// Whether transitions steered.
    pub feedback: bool,
    /// The trials, in order of their seeds.
    pub trials: Vec<Trial>,
}

/// Whoever is done in less is tried more often.
const SHORT: f64 = 60.0;

impl Hunt {
    /// Tries one defect; `None` if there is none of this name, or none is built in.
    pub fn for_defect(&self, defect: &Defect) -> Option<Hunted> {
        let mut trials = Vec::new();
        for seed in 1..=self.seeds {
            trials.push(self.trial(defect, seed)?);
        }
        let is_short = |trial: &Trial| trial.oracle.is_some() && trial.seconds < SHORT;
        if trials.iter().all(is_short) {
            for seed in self.seeds + 1..=self.seeds + self.more_seeds {
                trials.push(self.trial(defect, seed)?);
            }
        }
        Some(Hunted {
            id: defect.id.to_owned(),
            feedback: self.feedback,
            trials,
        })
    }

    fn trial(&self, defect: &Defect, seed: u64) -> Option<Trial> {
        let infected = Infected::with(ReferenceTarget::default(), defect.id)?;
        let settings = Settings {
            seed,
            most_events: self.events,
            feedback: self.feedback,
        };
        let mut engine = Engine::new(settings, infected.target.choices());
        let mut subject = infected.target.subject();
        let started = Instant::now();
        let mut oracle = None;
        while oracle.is_none() && started.elapsed() < self.limit {
            // The clock is asked now and then only.
            oracle = (0..64)
                .find_map(|_| engine.step(&mut subject))
                .map(|finding| finding.found.violation.oracle.name().to_owned());
        }
        Some(Trial {
            seed,
            seconds: started.elapsed().as_secs_f64(),
            events: engine.totals.events,
            reached: infected.reached(),
            triggered: infected.triggered(),
            oracle,
        })
    }
}

impl Hunted {
    /// How many trials have found it.
    pub fn found(&self) -> usize {
        let found = self.trials.iter().filter(|trial| trial.oracle.is_some());
        found.count()
    }

    /// The median time until it is found, in seconds; `None` if less than half of the trials have found it.
    /// A trial that was ended counts as longer than any other.
    pub fn median(&self) -> Option<f64> {
        let time = |trial: &Trial| match trial.oracle {
            Some(_) => trial.seconds,
            None => f64::INFINITY,
        };
        let mut times: Vec<f64> = self.trials.iter().map(time).collect();
        times.sort_by(f64::total_cmp);
        let lower = times.get(times.len().checked_sub(1)? / 2)?;
        let upper = times.get(times.len() / 2)?;
        Some(f64::midpoint(*lower, *upper)).filter(|median| median.is_finite())
    }

    /// Whether any trial has reached its place, and made a difference there.
    pub fn reached(&self) -> (bool, bool) {
        let any = |count: fn(&Trial) -> u64| self.trials.iter().any(|trial| count(trial) > 0);
        (any(|trial| trial.reached), any(|trial| trial.triggered))
    }

    /// The oracles that have found it, those first that did so more often.
    pub fn oracles(&self) -> Vec<&str> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for oracle in self
            .trials
            .iter()
            .filter_map(|trial| trial.oracle.as_deref())
        {
            match counts.iter_mut().find(|(name, _)| *name == oracle) {
                Some((_, count)) => *count += 1,
                None => counts.push((oracle, 1)),
            }
        }
        counts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        counts.into_iter().map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn hunted(times: &[(f64, bool)]) -> Hunted {
        let trial = |(seed, (seconds, is_found)): (u64, &(f64, bool))| Trial {
            seed,
            seconds: *seconds,
            events: 1,
            reached: 1,
            triggered: 0,
            oracle: is_found.then(|| "stream".to_owned()),
        };
        Hunted {
            id: "X01".to_owned(),
            feedback: true,
            trials: (1..).zip(times).map(trial).collect(),
        }
    }

    #[rstest]
    #[case(&[(1.0, true), (3.0, true), (2.0, true)], Some(2.0))]
    #[case(&[(1.0, true), (3.0, true)], Some(2.0))]
    #[case(&[(1.0, true), (9.0, false), (2.0, true)], Some(2.0))]
    #[case(&[(1.0, true), (9.0, false)], None)]
    #[case(&[(9.0, false), (9.0, false), (1.0, true)], None)]
    #[case(&[], None)]
    fn who_was_not_found_counts_as_longer_than_all(
        #[case] times: &[(f64, bool)],
        #[case] expected: Option<f64>,
    ) {
        assert_eq!(hunted(times).median(), expected);
    }

    #[test]
    fn what_was_reached_is_told_apart_from_what_made_a_difference() {
        let one = hunted(&[(1.0, true)]);
        assert_eq!(one.reached(), (true, false));
        assert_eq!((one.found(), one.oracles()), (1, vec!["stream"]));
    }
}
