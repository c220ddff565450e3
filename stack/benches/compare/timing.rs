//! Time, taken in turns. Only here is a clock read.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Instant;

/// What several contenders took, in nanoseconds, round by round.
pub struct Race {
    times: Vec<Vec<f64>>,
}

impl Race {
    /// Lets each contender run once a round, in turns, for `rounds` rounds after one that does not
    /// count. What a run answers is how many of the things it did that are counted.
    pub fn run(rounds: usize, contenders: &mut [&mut dyn FnMut() -> u64]) -> Race {
        let mut times = vec![Vec::new(); contenders.len()];
        for round in 0..=rounds {
            for (index, contender) in contenders.iter_mut().enumerate() {
                let (count, nanos) = timed(contender);
                if round > 0 {
                    times[index].push(nanos / count as f64);
                }
            }
        }
        Race { times }
    }

    /// The median time of one thing.
    pub fn median(&self, contender: usize) -> f64 {
        median(self.times[contender].clone())
    }

    /// The shortest time of one thing.
    pub fn least(&self, contender: usize) -> f64 {
        self.times[contender]
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
    }

    /// The median, over the rounds, of how many times longer `other` took than `one`.
    pub fn ratio(&self, one: usize, other: usize) -> f64 {
        let pairs = self.times[one].iter().zip(&self.times[other]);
        median(pairs.map(|(one, other)| other / one).collect())
    }
}

/// What `work` answers, and how many nanoseconds it took.
pub fn timed<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let begun = Instant::now();
    let result = work();
    (result, begun.elapsed().as_nanos() as f64)
}

/// The one in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
