//! A machine as text.

use std::fmt::Write;

use super::machine::Machine;

/// Each state with what leads to it, and its transitions; inputs that do and lead to the same stand together.
pub fn text(machine: &Machine) -> String {
    let mut text = String::new();
    for (place, state) in machine.states.iter().enumerate() {
        let reached = match state.reached_by.is_empty() {
            true => "the beginning".to_owned(),
            false => format!("after {}", state.reached_by.join(" ")),
        };
        let _ = writeln!(text, "{} ({reached})", state.name);
        for group in groups(machine, place) {
            let to = match group.to == place {
                true => String::new(),
                false => format!(" => {}", machine.states[group.to].name),
            };
            let inputs = group.inputs.join(" ");
            let _ = writeln!(text, "  {inputs:<24} / {}{to}", group.output);
        }
    }
    text
}

/// Inputs of one state that give the same and lead to the same.
pub(super) struct Group<'a> {
    pub(super) inputs: Vec<&'a str>,
    pub(super) output: &'a str,
    pub(super) to: usize,
}

/// Those of a state, in the order of their first inputs.
pub(super) fn groups(machine: &Machine, place: usize) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let transitions = machine.states[place].transitions.iter();
    for (input, transition) in machine.inputs.iter().zip(transitions) {
        let is_same =
            |group: &&mut Group<'_>| group.output == transition.output && group.to == transition.to;
        match groups.iter_mut().find(is_same) {
            Some(group) => group.inputs.push(input),
            None => groups.push(Group {
                inputs: vec![input],
                output: &transition.output,
                to: transition.to,
            }),
        }
    }
    groups
}
