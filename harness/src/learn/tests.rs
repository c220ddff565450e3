//! Machines at random are learned as they are; what is no machine is told.

use proptest::prelude::*;
use rstest::rstest;

use super::conformance::Effort;
use super::machine::{Machine, State, Transition};
use super::system::{System, Trouble};
use super::{Learned, learn};

/// A machine that is played.
struct Played {
    machine: Machine,
    state: usize,
}

impl System for Played {
    fn reset(&mut self) -> Result<(), String> {
        self.state = 0;
        Ok(())
    }

    fn step(&mut self, input: usize, output: &mut String) -> Result<(), String> {
        let transition = self.machine.transition(self.state, input);
        output.push_str(&transition.output);
        self.state = transition.to;
        Ok(())
    }
}

/// A machine of these rows: for each input the output and the next state.
fn machine(rows: &[Vec<(u8, usize)>]) -> Machine {
    let count = rows.len();
    let state = |row: &Vec<(u8, usize)>| State {
        name: String::new(),
        reached_by: Vec::new(),
        transitions: (row.iter())
            .map(|(output, to)| Transition {
                output: output.to_string(),
                to: to % count,
            })
            .collect(),
    };
    let inputs = rows.first().map_or(0, Vec::len);
    Machine {
        inputs: (0..inputs).map(|input| format!("i{input}")).collect(),
        states: rows.iter().map(state).collect(),
    }
}

fn effort(depth: usize) -> Effort {
    Effort {
        depth,
        random: 0,
        seed: 1,
    }
}

fn learned(machine: &Machine, effort: &Effort) -> Result<Learned, Trouble> {
    let mut system = Played {
        machine: machine.clone(),
        state: 0,
    };
    learn(&mut system, &machine.inputs, effort, 1_000, &mut |_| {})
}

/// Pairs of states that can be reached together from the first ones, all alike in what they give.
fn are_the_same(one: &Machine, other: &Machine) -> bool {
    let mut seen = std::collections::BTreeSet::from([(0, 0)]);
    let mut waiting = vec![(0, 0)];
    while let Some((a, b)) = waiting.pop() {
        for input in 0..one.inputs.len() {
            let (left, right) = (one.transition(a, input), other.transition(b, input));
            if left.output != right.output {
                return false;
            }
            if seen.insert((left.to, right.to)) {
                waiting.push((left.to, right.to));
            }
        }
    }
    true
}

/// How many different states it has that can be reached (by partition, another way than the learner's).
fn size(machine: &Machine) -> usize {
    let ordered = machine.in_order(&[]);
    let count = ordered.states.len();
    let mut classes = vec![0; count];
    loop {
        let key = |state: usize| {
            let row = ordered.states[state].transitions.iter();
            let row: Vec<(&str, usize)> = row
                .map(|transition| (transition.output.as_str(), classes[transition.to]))
                .collect();
            (classes[state], row)
        };
        let keys: Vec<_> = (0..count).map(key).collect();
        let mut different = keys.clone();
        different.sort();
        different.dedup();
        let next: Vec<usize> = (keys.iter())
            .map(|key| different.binary_search(key).unwrap())
            .collect();
        let before = classes
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len();
        if different.len() == before {
            return before;
        }
        classes = next;
    }
}

fn rows() -> impl Strategy<Value = Vec<Vec<(u8, usize)>>> {
    (1..=20_usize, 1..=5_usize).prop_flat_map(|(states, inputs)| {
        let row = proptest::collection::vec((0..2_u8, 0..states), inputs);
        proptest::collection::vec(row, states)
    })
}

/// Always the same ones: a machine may have a secret as deep as a lock's, and a test must not depend on luck.
#[rstest]
fn machines_at_random_are_learned_as_they_are(#[values(0, 1, 2, 3)] hundred: u64) {
    for seed in hundred * 50..(hundred + 1) * 50 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (states, inputs) = (rng.usize(1..=20), rng.usize(1..=5));
        let rows: Vec<Vec<(u8, usize)>> = (0..states)
            .map(|_| {
                (0..inputs)
                    .map(|_| (rng.u8(0..2), rng.usize(0..states)))
                    .collect()
            })
            .collect();
        let machine = machine(&rows);
        let effort = Effort {
            random: 1_000,
            ..effort(1)
        };
        let learned = learned(&machine, &effort).unwrap();
        assert!(are_the_same(&machine, &learned.machine), "{seed}");
        assert_eq!(learned.machine.states.len(), size(&machine), "{seed}");
        for state in &learned.machine.states {
            let word: Vec<usize> = (state.reached_by.iter())
                .map(|name| {
                    machine
                        .inputs
                        .iter()
                        .position(|input| input == name)
                        .unwrap()
                })
                .collect();
            assert_eq!(machine.run(&word), learned.machine.run(&word), "{seed}");
        }
    }
}

proptest! {
    /// What the guarantee says: whatever is found is right, or has at least so many states fewer.
    #[test]
    fn who_is_wrong_is_wrong_by_more_than_the_depth(rows in rows(), depth in 0..2_usize) {
        let machine = machine(&rows);
        let learned = learned(&machine, &effort(depth)).unwrap();
        let is_right = are_the_same(&machine, &learned.machine);
        prop_assert!(is_right || size(&machine) > learned.machine.states.len() + depth);
    }
}

/// A lock that opens after `b` so many times, and tells nothing before.
fn lock(turns: usize) -> Machine {
    let row = |state: usize| match state == turns {
        true => vec![(0, 0), (1, state)],
        false => vec![(0, 0), (0, state + 1)],
    };
    machine(&(0..=turns).map(row).collect::<Vec<_>>())
}

#[rstest]
#[case::within(1, 1, 2)]
#[case::beyond(2, 1, 1)]
#[case::deeper(2, 2, 3)]
fn a_lock_is_opened_as_deep_as_was_said(
    #[case] turns: usize,
    #[case] depth: usize,
    #[case] states: usize,
) {
    let learned = learned(&lock(turns), &effort(depth)).unwrap();
    assert_eq!(learned.machine.states.len(), states);
}

#[test]
fn nothing_is_asked_twice() {
    let machine = lock(4);
    let mut system = Played {
        machine: machine.clone(),
        state: 0,
    };
    let mut progress = |_: &super::Expense| {};
    let mut observations =
        super::observations::Observations::new(&mut system, &machine.inputs, &mut progress);
    let first = observations.answer(&[1, 1, 1, 1, 1]).unwrap();
    assert_eq!(observations.answer(&[1, 1, 1, 1, 1]).unwrap(), first);
    assert_eq!(observations.answer(&[1, 1]).unwrap(), first[..2]);
    let expense = observations.expense();
    assert_eq!((expense.queries, expense.inputs), (1, 5));
    assert_ne!(first[3], first[4]);
}

#[test]
fn a_machine_may_be_too_large() {
    let machine = lock(4);
    let mut system = Played {
        machine: machine.clone(),
        state: 0,
    };
    let trouble = learn(&mut system, &machine.inputs, &effort(4), 3, &mut |_| {});
    assert_eq!(trouble.unwrap_err(), Trouble::TooLarge(3));
}

/// Says something else every seventh time.
struct Moody {
    count: u64,
}

impl System for Moody {
    fn reset(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn step(&mut self, input: usize, output: &mut String) -> Result<(), String> {
        self.count += 1;
        output.push_str(match (self.count % 7, input) {
            (0, 1) => "tails",
            _ => "heads",
        });
        Ok(())
    }
}

#[test]
fn two_answers_to_the_same_are_told_with_both() {
    let inputs = ["wait".to_owned(), "toss".to_owned()];
    let mut system = Moody { count: 0 };
    let trouble = learn(&mut system, &inputs, &effort(2), 10, &mut |_| {}).unwrap_err();
    insta::assert_snapshot!(trouble, @r"
    the same inputs have two answers, so this is no Mealy machine:
      toss             heads, and another time tails
    ");
}

#[test]
fn the_shortest_differences_come_first_and_each_once() {
    // After one turn the second one opens, after two the first one.
    let (one, other) = (lock(2), lock(1));
    let found = super::difference::differences(&one, &other, 10).unwrap();
    let words: Vec<&[String]> = found.iter().map(|one| &one.word[..]).collect();
    assert_eq!(words, [&["i1", "i1"]]);
    assert_eq!(found[0].outputs, ["0", "1"].map(str::to_owned));
    assert_eq!(
        super::difference::differences(&one, &one, 10),
        Ok(Vec::new())
    );
    let strange = Machine {
        inputs: vec!["x".to_owned(), "y".to_owned()],
        ..one.clone()
    };
    assert!(super::difference::differences(&one, &strange, 10).is_err());
}

#[test]
fn a_file_that_is_no_machine_is_refused() {
    let right = lock(2);
    assert_eq!(right.check(), Ok(()));
    let mut wrong = right.clone();
    wrong.states[1].transitions[0].to = 3;
    assert!(wrong.check().is_err());
    let mut wrong = right.clone();
    wrong.states[0].transitions.pop();
    assert!(wrong.check().is_err());
    assert!(Machine::default().check().is_err());
}
