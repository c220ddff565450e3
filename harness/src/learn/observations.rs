//! All that was seen so far, as a tree of inputs: nothing is asked twice, and two answers to the same show.

use std::collections::HashMap;

use super::Expense;
use super::system::{System, Trouble};

/// An output, by its number.
pub(super) type Output = u32;

/// Stands for no node.
const NONE: u32 = u32::MAX;

/// What came of an input after the ones above it.
#[derive(Clone, Copy, Debug)]
struct Node {
    input: u32,
    output: Output,
    /// The first of those below.
    child: u32,
    /// The next of those beside it.
    sibling: u32,
}

/// A system with all that it has answered.
pub struct Observations<'a, S> {
    system: &'a mut S,
    inputs: Vec<String>,
    nodes: Vec<Node>,
    outputs: Vec<String>,
    numbers: HashMap<String, Output>,
    expense: Expense,
    progress: &'a mut dyn FnMut(&Expense),
}

/// How many times a system is begun anew between two words about it.
const NEWS: u64 = 256;

impl<'a, S: System> Observations<'a, S> {
    /// None so far. `inputs`: the names of what can be done.
    pub fn new(
        system: &'a mut S,
        inputs: &[String],
        progress: &'a mut dyn FnMut(&Expense),
    ) -> Self {
        let root = Node {
            input: 0,
            output: 0,
            child: NONE,
            sibling: NONE,
        };
        Observations {
            system,
            inputs: inputs.to_vec(),
            nodes: vec![root],
            outputs: Vec::new(),
            numbers: HashMap::new(),
            expense: Expense::default(),
            progress,
        }
    }

    /// The names of the inputs.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// The outputs that there were.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// What it took so far.
    pub fn expense(&self) -> Expense {
        self.expense
    }

    /// So many hypotheses there are.
    pub fn begins_hypothesis(&mut self, number: u64) {
        self.expense.hypotheses = number;
    }

    /// What comes of these inputs.
    ///
    /// # Errors
    /// If the system answers otherwise than it did, or fails.
    pub fn answer(&mut self, word: &[usize]) -> Result<Vec<Output>, Trouble> {
        match self.known(word) {
            Some(outputs) => Ok(outputs),
            None => self.ask(word),
        }
    }

    /// The same, of the inputs behind the first so many.
    ///
    /// # Errors
    /// As [`Observations::answer`].
    pub fn answer_behind(
        &mut self,
        prefix: &[usize],
        suffix: &[usize],
    ) -> Result<Vec<Output>, Trouble> {
        let word = [prefix, suffix].concat();
        let mut outputs = self.answer(&word)?;
        outputs.drain(..prefix.len());
        Ok(outputs)
    }

    /// What the system calls the state behind these inputs.
    ///
    /// # Errors
    /// As [`Observations::answer`].
    pub fn label(&mut self, word: &[usize]) -> Result<Option<String>, Trouble> {
        self.ask(word)?;
        Ok(self.system.label())
    }

    fn known(&self, word: &[usize]) -> Option<Vec<Output>> {
        let mut outputs = Vec::with_capacity(word.len());
        let mut at = 0;
        for input in word {
            at = self.below(at, *input)?;
            outputs.push(self.nodes[at].output);
        }
        Some(outputs)
    }

    fn below(&self, at: usize, input: usize) -> Option<usize> {
        let mut child = self.nodes[at].child;
        while child != NONE {
            let node = &self.nodes[child as usize];
            if node.input as usize == input {
                return Some(child as usize);
            }
            child = node.sibling;
        }
        None
    }

    fn ask(&mut self, word: &[usize]) -> Result<Vec<Output>, Trouble> {
        self.expense.queries += 1;
        if self.expense.queries.is_multiple_of(NEWS) {
            (self.progress)(&self.expense);
        }
        self.system.reset().map_err(Trouble::Machine)?;
        let mut outputs = Vec::with_capacity(word.len());
        let mut at = 0;
        let mut text = String::new();
        for (index, input) in word.iter().enumerate() {
            text.clear();
            self.expense.inputs += 1;
            let stepped = self.system.step(*input, &mut text);
            stepped.map_err(Trouble::Machine)?;
            let output = self.number(&text);
            outputs.push(output);
            at = match self.below(at, *input) {
                Some(next) if self.nodes[next].output == output => next,
                Some(_) => return Err(self.contradiction(&word[..=index], &outputs)),
                None => self.grow(at, *input, output),
            };
        }
        Ok(outputs)
    }

    fn number(&mut self, text: &str) -> Output {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // There are far fewer.
        let number = self.outputs.len() as Output;
        self.outputs.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn grow(&mut self, at: usize, input: usize, output: Output) -> usize {
        let new = self.nodes.len();
        self.nodes.push(Node {
            input: input as u32,
            output,
            child: NONE,
            sibling: self.nodes[at].child,
        });
        // Memory ends before the numbers do.
        self.nodes[at].child = new as u32;
        new
    }

    fn contradiction(&self, word: &[usize], outputs: &[Output]) -> Trouble {
        let name = |output: &Output| self.outputs[*output as usize].clone();
        let known = self.known(word).unwrap_or_default();
        Trouble::TwoAnswers {
            word: word
                .iter()
                .map(|input| self.inputs[*input].clone())
                .collect(),
            first: known.iter().map(name).collect(),
            second: outputs.iter().map(name).collect(),
        }
    }
}
