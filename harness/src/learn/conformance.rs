//! Looks for a word to which a system does not answer as a hypothesis does: the Wp-method, and words at random.
//!
//! Where the Wp-method with a depth of *k* finds none, no machine of *k* states more than the hypothesis, or fewer, does
//! what the system does and is another one (Fujiwara et al., 1991). Every state is entered, every sequence of *k* inputs
//! and fewer is given there, and then each word of a set that tells all states apart; and behind one input more, those that
//! tell the state that must have been reached from all others.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::hypothesis::{Hypothesis, Separators};
use super::observations::Observations;
use super::system::{System, Trouble};

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// So many states more than were found are ruled out.
    pub depth: usize,
    /// So many words at random on top of that, which no guarantee comes of.
    pub random: u64,
    /// The same seed gives the same words.
    pub seed: u64,
}

/// A word to which the system does not answer like the hypothesis, if one was found.
///
/// # Errors
/// If the system is no machine, or fails.
pub fn counterexample<S: System>(
    observations: &mut Observations<'_, S>,
    hypothesis: &Hypothesis,
    effort: &Effort,
) -> Result<Option<Vec<usize>>, Trouble> {
    let separators = Separators::of(hypothesis);
    let mut search = Search {
        observations,
        hypothesis,
        separators: &separators,
    };
    // Of one state single inputs say nothing.
    let deepest = match hypothesis.access.len() {
        1 => effort.depth.max(1),
        _ => effort.depth,
    };
    for depth in 0..=deepest + 1 {
        let is_last = depth == deepest + 1;
        for state in 0..hypothesis.access.len() {
            let mut word = hypothesis.access[state].clone();
            if let Some(found) = search.behind(&mut word, state, depth, is_last)? {
                return Ok(Some(found));
            }
        }
    }
    search.at_random(effort)
}

struct Search<'a, 's, S> {
    observations: &'a mut Observations<'s, S>,
    hypothesis: &'a Hypothesis,
    separators: &'a Separators,
}

impl<S: System> Search<'_, '_, S> {
    /// All words of so many inputs behind this one, and what tells states apart behind them.
    fn behind(
        &mut self,
        word: &mut Vec<usize>,
        state: usize,
        depth: usize,
        is_last: bool,
    ) -> Result<Option<Vec<usize>>, Trouble> {
        if depth == 0 {
            return self.separated(word, state, is_last);
        }
        for input in 0..self.hypothesis.inputs() {
            word.push(input);
            let next = self.hypothesis.table[state][input].1;
            let found = self.behind(word, next, depth - 1, is_last)?;
            word.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// `of_state`: only the words that tell this state from the others.
    fn separated(
        &mut self,
        word: &[usize],
        state: usize,
        of_state: bool,
    ) -> Result<Option<Vec<usize>>, Trouble> {
        let separators = self.separators;
        let all = 0..separators.words.len();
        let places = match of_state {
            true => separators.of_state[state].clone(),
            false => all.collect(),
        };
        // One state alone is told from none, but what it gives is looked at all the same.
        let nothing = places.is_empty().then_some(Vec::new());
        let words = places.iter().map(|place| &separators.words[*place]);
        for separator in words.chain(&nothing) {
            let whole = [word, separator].concat();
            if self.differs(&whole)? {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }

    /// From a state drawn, inputs drawn, and a word that tells the state reached from others.
    fn at_random(&mut self, effort: &Effort) -> Result<Option<Vec<usize>>, Trouble> {
        let mut rng = Rng::with_seed(effort.seed);
        let (states, inputs) = (self.hypothesis.access.len(), self.hypothesis.inputs());
        if inputs == 0 {
            return Ok(None);
        }
        for _ in 0..effort.random {
            let mut word = self.hypothesis.access[rng.usize(0..states)].clone();
            for _ in 0..=effort.depth + 1 {
                word.push(rng.usize(0..inputs));
            }
            // Eight more on average.
            while rng.u8(0..9) > 0 {
                word.push(rng.usize(0..inputs));
            }
            let state = self.hypothesis.state(0, &word);
            if let Some(place) = rng.choice(&self.separators.of_state[state]) {
                word.extend_from_slice(&self.separators.words[*place]);
            }
            if self.differs(&word)? {
                return Ok(Some(word));
            }
        }
        Ok(None)
    }

    fn differs(&mut self, word: &[usize]) -> Result<bool, Trouble> {
        Ok(self.observations.answer(word)? != self.hypothesis.answer(0, word))
    }
}
