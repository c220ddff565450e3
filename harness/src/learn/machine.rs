//! A Mealy machine: states, and what each input gives and leads to.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Where an input leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// What is given.
    pub output: String,
    /// The state behind it, by its place.
    pub to: usize,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the system calls it, with a number where it has several of that name.
    pub name: String,
    /// The shortest inputs that lead to it, by name.
    pub reached_by: Vec<String>,
    /// One for each input, in their order.
    pub transitions: Vec<Transition>,
}

/// A machine. Its first state is the one it begins in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The names of the inputs.
    pub inputs: Vec<String>,
    /// The states, the nearest first.
    pub states: Vec<State>,
}

impl Machine {
    /// The transition of a state.
    pub fn transition(&self, state: usize, input: usize) -> &Transition {
        &self.states[state].transitions[input]
    }

    /// How many transitions it has.
    pub fn transitions(&self) -> usize {
        self.states.len() * self.inputs.len()
    }

    /// What it gives, from its first state on.
    pub fn run(&self, word: &[usize]) -> Vec<&str> {
        let mut state = 0;
        let mut outputs = Vec::with_capacity(word.len());
        for input in word {
            let transition = self.transition(state, *input);
            outputs.push(transition.output.as_str());
            state = transition.to;
        }
        outputs
    }

    /// Whether what stands in a file is one: all places exist.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.states.is_empty() {
            return Err("it has no state".to_owned());
        }
        for state in &self.states {
            if state.transitions.len() != self.inputs.len() {
                return Err(format!("{} has not a transition an input", state.name));
            }
            let is_outside = |transition: &&Transition| transition.to >= self.states.len();
            if let Some(transition) = state.transitions.iter().find(is_outside) {
                return Err(format!("{} leads to state {}", state.name, transition.to));
            }
        }
        Ok(())
    }

    /// The same machine with its states in the order in which they are met, and named: `labels` has what each was
    /// called, by its place.
    pub fn in_order(&self, labels: &[Option<String>]) -> Machine {
        let mut reached: Vec<Option<Vec<usize>>> = vec![None; self.states.len()];
        let mut order = vec![0];
        let mut waiting = VecDeque::from([0]);
        reached[0] = Some(Vec::new());
        while let Some(state) = waiting.pop_front() {
            let access = reached[state].clone().unwrap_or_default();
            for (input, transition) in self.states[state].transitions.iter().enumerate() {
                if reached[transition.to].is_none() {
                    reached[transition.to] = Some([&access[..], &[input]].concat());
                    order.push(transition.to);
                    waiting.push_back(transition.to);
                }
            }
        }
        let mut places = vec![0; self.states.len()];
        for (place, state) in order.iter().enumerate() {
            places[*state] = place;
        }
        let names = names(&order, labels);
        let state = |(state, name): (&usize, String)| State {
            name,
            reached_by: (reached[*state].iter().flatten())
                .map(|input| self.inputs[*input].clone())
                .collect(),
            transitions: (self.states[*state].transitions.iter())
                .map(|transition| Transition {
                    to: places[transition.to],
                    ..transition.clone()
                })
                .collect(),
        };
        Machine {
            inputs: self.inputs.clone(),
            states: order.iter().zip(names).map(state).collect(),
        }
    }
}

/// Their labels, those that several have with a number.
fn names(order: &[usize], labels: &[Option<String>]) -> Vec<String> {
    let label = |state: &usize| labels.get(*state).cloned().flatten().unwrap_or("S".into());
    let all: Vec<String> = order.iter().map(label).collect();
    let mut seen: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    let mut names = Vec::with_capacity(all.len());
    for label in &all {
        let is_one = all.iter().filter(|other| *other == label).count() == 1;
        let number = seen.entry(label).or_default();
        *number += 1;
        names.push(match is_one {
            true => label.clone(),
            false => format!("{label} {number}"),
        });
    }
    names
}
