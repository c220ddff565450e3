//! What tells two machines apart: the shortest inputs to which they answer differently.

use std::collections::{BTreeSet, VecDeque};

use super::machine::Machine;

/// Inputs to whose last one two machines give different answers, and to the others the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The inputs, by name.
    pub word: Vec<String>,
    /// What both give before the last one.
    pub before: Vec<String>,
    /// Where each is then.
    pub states: [String; 2],
    /// What each gives.
    pub outputs: [String; 2],
}

/// The differences, the shortest ones first and so many at most: each of an input, in a state, with a pair of answers that
/// was not shown yet. Only inputs that both machines have are looked at.
///
/// # Errors
/// If they have none in common.
pub fn differences(one: &Machine, other: &Machine, most: usize) -> Result<Vec<Difference>, String> {
    let place = |name: &String| other.inputs.iter().position(|input| input == name);
    let common: Vec<(usize, usize)> = (one.inputs.iter().enumerate())
        .filter_map(|(input, name)| Some((input, place(name)?)))
        .collect();
    if common.is_empty() {
        return Err("the machines have no input in common".to_owned());
    }
    let mut found = Vec::new();
    let mut shown = BTreeSet::new();
    let mut seen = BTreeSet::from([(0, 0)]);
    let mut waiting = VecDeque::from([(0, 0, Vec::new())]);
    while let Some((a, b, word)) = waiting.pop_front() {
        for (left, right) in &common {
            let (first, second) = (one.transition(a, *left), other.transition(b, *right));
            let word = [&word[..], &[*left]].concat();
            if first.output == second.output {
                if seen.insert((first.to, second.to)) {
                    waiting.push_back((first.to, second.to, word));
                }
                continue;
            }
            let states = [&one.states[a].name, &other.states[b].name];
            let kind = (
                kind(states[0]).to_owned(),
                *left,
                first.output.clone(),
                second.output.clone(),
            );
            if shown.insert(kind) {
                let before = one.run(&word[..word.len() - 1]);
                found.push(Difference {
                    word: word
                        .iter()
                        .map(|input| one.inputs[*input].clone())
                        .collect(),
                    before: before.into_iter().map(str::to_owned).collect(),
                    states: states.map(String::clone),
                    outputs: [first.output.clone(), second.output.clone()],
                });
            }
            if found.len() == most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// A state's name without the number that it has among others of that name.
fn kind(name: &str) -> &str {
    match name.rsplit_once(' ') {
        Some((kind, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => kind,
        _ => name,
    }
}

impl Difference {
    /// As lines, the two machines being called these names.
    pub fn text(&self, names: [&str; 2]) -> String {
        let mut text = String::new();
        for (input, output) in self.word.iter().zip(&self.before) {
            text.push_str(&format!("  {input:<14} {output}\n"));
        }
        if let Some(input) = self.word.last() {
            text.push_str(&format!("  {input:<14}"));
        }
        let width = names.map(str::len).into_iter().max().unwrap_or(0);
        for ((name, state), output) in names.iter().zip(&self.states).zip(&self.outputs) {
            text.push_str(&format!("\n    {name:<width$}  in {state}: {output}"));
        }
        text
    }
}
