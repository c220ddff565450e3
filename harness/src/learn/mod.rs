//! Learns what a TCP stack is as a machine: states, and what each input gives and leads to.
//!
//! ```text
//!  stack ── concrete ── words ──► observations ──► learner ──► hypothesis
//!  (Subject)  inputs,  (asked)    (a tree, asked    (a tree of     │  ▲
//!             outputs              once only)       words)         ▼  │ counterexample
//!                                                              conformance ──► Machine ──► text, DOT, SVG, differences
//! ```
//!
//! - `concrete` makes segments, calls and waits of what the `alphabet` names, by a ledger of what was really said, and names
//!   what comes of them. It does so on any [`Subject`](crate::fuzz::subject::Subject) of the fuzzer.
//! - `learner` asks until it has a hypothesis, `conformance` looks for what refutes it, and says what it rules out if it finds nothing.
//! - `machine` is what comes out; `difference` has the shortest words that tell two of them apart.
//!
//! `observations`, `learner` and `conformance` know nothing of TCP; nothing here knows which stack it is.

pub mod alphabet;
pub mod concrete;
pub mod conformance;
pub mod difference;
pub mod draw;
mod hypothesis;
pub mod learner;
pub mod machine;
mod observations;
mod said;
pub mod script;
pub mod settings;
pub mod study;
pub mod system;
pub mod table;
#[cfg(test)]
mod tests;

pub use conformance::Effort;
pub use machine::Machine;
pub use system::{System, Trouble};

use hypothesis::Hypothesis;
use learner::Learner;
use observations::Observations;
use serde::{Deserialize, Serialize};

/// What it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expense {
    /// How often the system was begun anew.
    pub queries: u64,
    /// How many inputs it got.
    pub inputs: u64,
    /// Hypotheses, the last one among them.
    pub hypotheses: u64,
}

/// What was learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// The machine.
    pub machine: Machine,
    /// What it took.
    pub expense: Expense,
}

/// Learns a system that takes these inputs. `progress` is told now and then what it took so far.
///
/// # Errors
/// If it is no Mealy machine, has more states than these, or fails.
pub fn learn<S: System>(
    system: &mut S,
    inputs: &[String],
    effort: &Effort,
    most_states: usize,
    progress: &mut dyn FnMut(&Expense),
) -> Result<Learned, Trouble> {
    let mut observations = Observations::new(system, inputs, progress);
    let mut learner = Learner::new(&mut observations, most_states)?;
    let mut hypotheses = 1;
    loop {
        learner.observations().begins_hypothesis(hypotheses);
        let hypothesis = learner.hypothesis().clone();
        let word = match learner.inconsistency()? {
            Some(word) => Some(word),
            None => conformance::counterexample(learner.observations(), &hypothesis, effort)?,
        };
        let Some(word) = word else {
            break;
        };
        learner.refine(&word)?;
        hypotheses += 1;
    }
    let hypothesis = learner.hypothesis().clone();
    let expense = observations.expense();
    let labels = labels(&mut observations, &hypothesis)?;
    let outputs = observations.outputs();
    let state = |row: &Vec<(u32, usize)>| machine::State {
        name: String::new(),
        reached_by: Vec::new(),
        transitions: (row.iter())
            .map(|(output, to)| machine::Transition {
                output: outputs[*output as usize].clone(),
                to: *to,
            })
            .collect(),
    };
    let machine = Machine {
        inputs: inputs.to_vec(),
        states: hypothesis.table.iter().map(state).collect(),
    };
    Ok(Learned {
        machine: machine.in_order(&labels),
        expense,
    })
}

/// What the system calls each state: all that it is called behind some transition, for a state of the machine may be several
/// of the system that nothing told apart.
fn labels<S: System>(
    observations: &mut Observations<'_, S>,
    hypothesis: &Hypothesis,
) -> Result<Vec<Option<String>>, Trouble> {
    let mut labels = vec![Vec::new(); hypothesis.access.len()];
    let mut add = |state: usize, label: Option<String>| {
        let labels: &mut Vec<String> = &mut labels[state];
        let new = label.filter(|label| !labels.contains(label));
        labels.extend(new);
    };
    add(0, observations.label(&[])?);
    for (state, access) in hypothesis.access.iter().enumerate() {
        for input in 0..hypothesis.inputs() {
            let word = [&access[..], &[input]].concat();
            let label = observations.label(&word)?;
            add(hypothesis.table[state][input].1, label);
        }
    }
    let join = |labels: Vec<String>| (!labels.is_empty()).then(|| labels.join("|"));
    Ok(labels.into_iter().map(join).collect())
}
