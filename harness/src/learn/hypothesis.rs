//! What the system may be, by all that was seen: states by number, outputs by number.

use super::observations::Output;

/// A machine of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hypothesis {
    /// Inputs that lead to each state.
    pub access: Vec<Vec<usize>>,
    /// For each state and input: the output and the next state.
    pub table: Vec<Vec<(Output, usize)>>,
}

impl Hypothesis {
    /// The state behind these inputs.
    pub fn state(&self, from: usize, word: &[usize]) -> usize {
        word.iter()
            .fold(from, |state, input| self.table[state][*input].1)
    }

    /// What it gives.
    pub fn answer(&self, from: usize, word: &[usize]) -> Vec<Output> {
        let mut state = from;
        let step = |input: &usize| {
            let (output, next) = self.table[state][*input];
            state = next;
            output
        };
        word.iter().map(step).collect()
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.table.first().map_or(0, Vec::len)
    }
}

/// Short words that tell states apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Separators {
    /// All of them.
    pub(super) words: Vec<Vec<usize>>,
    /// For each state those that tell it from every other, by their places.
    pub(super) of_state: Vec<Vec<usize>>,
}

/// States that are not told apart yet.
#[derive(Clone, Debug, Default)]
struct Block {
    states: Vec<usize>,
    /// The words that have made it, by their places.
    path: Vec<usize>,
}

/// States in blocks, and the words that part these.
struct Partition<'a> {
    machine: &'a Hypothesis,
    blocks: Vec<Block>,
    /// The block of each state.
    block_of: Vec<usize>,
    words: Vec<Vec<usize>>,
}

impl Separators {
    /// Those of a machine in which no two states are the same. Blocks of states are split by what an input gives,
    /// and then by where it leads, until each has one state (Moore).
    pub(super) fn of(machine: &Hypothesis) -> Separators {
        let count = machine.table.len();
        let mut partition = Partition {
            machine,
            blocks: vec![Block {
                states: (0..count).collect(),
                path: Vec::new(),
            }],
            block_of: vec![0; count],
            words: Vec::new(),
        };
        for longest in 1..=count {
            while partition.split(longest) {}
        }
        let path = |block: &usize| partition.blocks[*block].path.clone();
        Separators {
            of_state: partition.block_of.iter().map(path).collect(),
            words: partition.words,
        }
    }
}

impl Partition<'_> {
    /// Splits all blocks once that a word of this length at most splits; whether there was one.
    fn split(&mut self, longest: usize) -> bool {
        let mut has_split = false;
        for place in 0..self.blocks.len() {
            if let Some(word) = self.word(place, longest) {
                self.part(place, word);
                has_split = true;
            }
        }
        has_split
    }

    /// A word of this length at most that splits a block: an input, and behind it a word that is known already.
    fn word(&self, place: usize, longest: usize) -> Option<Vec<usize>> {
        let (first, rest) = self.blocks[place].states.split_first()?;
        let mut best: Option<(usize, &[usize])> = None;
        for input in 0..self.machine.inputs() {
            let (output, next) = self.machine.table[*first][input];
            for state in rest {
                let (other_output, other) = self.machine.table[*state][input];
                if output != other_output {
                    return Some(vec![input]);
                }
                let tail = self.apart(next, other);
                if let Some(tail) = tail.filter(|tail| tail.len() < longest)
                    && best.is_none_or(|(_, best)| best.len() > tail.len())
                {
                    best = Some((input, tail));
                }
            }
        }
        best.map(|(input, tail)| [&[input], tail].concat())
    }

    /// The word that has parted two states: the last one that both have on their paths.
    fn apart(&self, one: usize, other: usize) -> Option<&[usize]> {
        let (one, other) = (self.block_of[one], self.block_of[other]);
        if one == other {
            return None;
        }
        let common = self.blocks[one].path.iter().zip(&self.blocks[other].path);
        let last = common.take_while(|(a, b)| a == b).last()?.0;
        self.words.get(*last).map(Vec::as_slice)
    }

    fn part(&mut self, place: usize, word: Vec<usize>) {
        let mut parts: Vec<(Vec<Output>, Block)> = Vec::new();
        let mut block = std::mem::take(&mut self.blocks[place]);
        block.path.push(self.words.len());
        for state in block.states {
            let outputs = self.machine.answer(state, &word);
            match parts.iter_mut().find(|(key, _)| *key == outputs) {
                Some((_, part)) => part.states.push(state),
                None => {
                    let path = block.path.clone();
                    parts.push((
                        outputs,
                        Block {
                            states: vec![state],
                            path,
                        },
                    ));
                }
            }
        }
        self.words.push(word);
        for (index, (_, part)) in parts.into_iter().enumerate() {
            let target = if index == 0 { place } else { self.blocks.len() };
            for state in &part.states {
                self.block_of[*state] = target;
            }
            match index {
                0 => self.blocks[place] = part,
                _ => self.blocks.push(part),
            }
        }
    }
}
