//! Kearns and Vazirani's learner: a tree of words that tell states apart, and counterexamples taken apart as Rivest and
//! Schapire do.
//!
//! Each inner node of the tree has a word, and a branch for each answer to it; each leaf is a state, known by the
//! inputs that lead to it. Whatever is new is *sifted*: asked the words from the root on until a leaf is reached, or a
//! branch that does not exist yet, which is a new state. A counterexample shows a transition that leads to a state
//! other than the one it was taken for; what is left of it behind that transition is the word that tells the two apart.

use std::collections::BTreeMap;

use super::hypothesis::Hypothesis;
use super::observations::{Observations, Output};
use super::system::{System, Trouble};

/// A node of the tree.
#[derive(Clone, Debug)]
enum Node {
    /// What a word behind the inputs gives decides.
    Inner {
        word: Vec<usize>,
        branches: BTreeMap<Vec<Output>, usize>,
    },
    Leaf(usize),
}

/// What is known of a system.
pub struct Learner<'o, 's, S> {
    observations: &'o mut Observations<'s, S>,
    tree: Vec<Node>,
    /// The leaf of each state.
    leaves: Vec<usize>,
    hypothesis: Hypothesis,
    most_states: usize,
}

impl<'o, 's, S: System> Learner<'o, 's, S> {
    /// Begins with one state; with a second one as soon as an input shows it.
    ///
    /// # Errors
    /// What the system does that no machine does, or more states than these.
    pub fn new(
        observations: &'o mut Observations<'s, S>,
        most_states: usize,
    ) -> Result<Self, Trouble> {
        let mut learner = Learner {
            observations,
            tree: vec![Node::Leaf(0)],
            leaves: vec![0],
            hypothesis: Hypothesis {
                access: vec![Vec::new()],
                table: Vec::new(),
            },
            most_states,
        };
        learner.complete()?;
        Ok(learner)
    }

    /// What it may be.
    pub fn hypothesis(&self) -> &Hypothesis {
        &self.hypothesis
    }

    /// What has been seen.
    pub fn observations(&mut self) -> &mut Observations<'s, S> {
        self.observations
    }

    /// Takes in a word to which the system does not answer as the hypothesis does, until it does.
    ///
    /// # Errors
    /// As [`Learner::new`].
    pub fn refine(&mut self, word: &[usize]) -> Result<(), Trouble> {
        loop {
            let answer = self.observations.answer(word)?;
            let expected = self.hypothesis.answer(0, word);
            let differs = answer.iter().zip(&expected).position(|(a, b)| a != b);
            let Some(last) = differs else {
                return Ok(());
            };
            self.take_apart(&word[..=last])?;
        }
    }

    /// A word that the tree has an answer for which the hypothesis does not give.
    ///
    /// # Errors
    /// As [`Learner::new`].
    pub fn inconsistency(&mut self) -> Result<Option<Vec<usize>>, Trouble> {
        let words: Vec<Vec<usize>> = (self.tree.iter())
            .filter_map(|node| match node {
                Node::Inner { word, .. } => Some(word.clone()),
                Node::Leaf(_) => None,
            })
            .collect();
        for state in 0..self.hypothesis.access.len() {
            for word in &words {
                let access = self.hypothesis.access[state].clone();
                let answer = self.observations.answer_behind(&access, word)?;
                if answer != self.hypothesis.answer(state, word) {
                    return Ok(Some([access, word.clone()].concat()));
                }
            }
        }
        Ok(None)
    }

    /// Adds a state: the last input of the word is answered wrongly, all others rightly. The shortest rest is looked for
    /// behind which hypothesis and system still agree from a state on, and do not one input before.
    fn take_apart(&mut self, word: &[usize]) -> Result<(), Trouble> {
        for index in (0..word.len()).rev() {
            let state = self.hypothesis.state(0, &word[..index]);
            let access = self.hypothesis.access[state].clone();
            let answer = self.observations.answer_behind(&access, &word[index..])?;
            if answer == self.hypothesis.answer(state, &word[index..]) {
                continue;
            }
            // Not at the last input: what a transition gives was asked.
            let wrong = self.hypothesis.table[state][word[index]].1;
            let new = [&access[..], &[word[index]]].concat();
            self.split(wrong, new, word[index + 1..].to_vec())?;
            return self.complete();
        }
        // The first one begins where the system does.
        Err(Trouble::Machine(
            "a counterexample cannot be taken apart: this is a fault of tcpdrill".to_owned(),
        ))
    }

    /// Makes two states of one: a word tells what `access` leads to from it.
    fn split(&mut self, state: usize, access: Vec<usize>, word: Vec<usize>) -> Result<(), Trouble> {
        let old = self.hypothesis.access[state].clone();
        let of_old = self.observations.answer_behind(&old, &word)?;
        let of_new = self.observations.answer_behind(&access, &word)?;
        let place = self.leaves[state];
        let new = self.add_state(access)?;
        let leaf = self.tree.len();
        self.tree.push(Node::Leaf(state));
        self.leaves[state] = leaf;
        let branches = BTreeMap::from([(of_old, leaf), (of_new, self.leaves[new])]);
        self.tree[place] = Node::Inner { word, branches };
        // What led to the old state may lead to the new one.
        for row in &mut self.hypothesis.table {
            for (_, next) in row {
                if *next == state {
                    *next = usize::MAX;
                }
            }
        }
        Ok(())
    }

    fn add_state(&mut self, access: Vec<usize>) -> Result<usize, Trouble> {
        let state = self.leaves.len();
        if state == self.most_states {
            return Err(Trouble::TooLarge(self.most_states));
        }
        self.leaves.push(self.tree.len());
        self.tree.push(Node::Leaf(state));
        self.hypothesis.access.push(access);
        Ok(state)
    }

    /// Finds out where every transition leads that is not known.
    fn complete(&mut self) -> Result<(), Trouble> {
        let inputs = self.observations.inputs().len();
        let mut state = 0;
        while state < self.hypothesis.access.len() {
            if self.hypothesis.table.len() == state {
                self.hypothesis.table.push(vec![(0, usize::MAX); inputs]);
            }
            for input in 0..inputs {
                if self.hypothesis.table[state][input].1 != usize::MAX {
                    continue;
                }
                let access = [&self.hypothesis.access[state][..], &[input]].concat();
                let answer = self.observations.answer(&access)?;
                let output = answer.last().copied().unwrap_or_default();
                let next = self.sift(access)?;
                self.hypothesis.table[state][input] = (output, next);
            }
            state += 1;
        }
        Ok(())
    }

    /// The state that these inputs lead to, as far as the tree can tell; a new one if it is like none.
    fn sift(&mut self, access: Vec<usize>) -> Result<usize, Trouble> {
        let mut place = 0;
        loop {
            let word = match &self.tree[place] {
                Node::Leaf(state) => return Ok(*state),
                Node::Inner { word, .. } => word.clone(),
            };
            let answer = self.observations.answer_behind(&access, &word)?;
            let Node::Inner { branches, .. } = &self.tree[place] else {
                continue;
            };
            if let Some(next) = branches.get(&answer) {
                place = *next;
                continue;
            }
            let new = self.add_state(access)?;
            let leaf = self.leaves[new];
            if let Node::Inner { branches, .. } = &mut self.tree[place] {
                branches.insert(answer, leaf);
            }
            return Ok(new);
        }
    }
}
