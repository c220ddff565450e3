//! What is to be learned of a stack, and doing so: here, or inside a kernel.

use serde::{Deserialize, Serialize};

use super::alphabet;
use super::concrete::Concrete;
use super::settings::SETTINGS;
use super::{Effort, Expense, Learned, learn};
use crate::fuzz::arena::Arena;
use crate::fuzz::subject::Micros;

/// What is to be learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Study {
    /// The names of the inputs.
    pub inputs: Vec<String>,
    /// How hard to look.
    pub effort: Effort,
    /// More states than these are an error.
    pub most_states: usize,
    /// What passes after every input.
    pub moment: Micros,
}

impl Study {
    /// Learns a stack.
    ///
    /// # Errors
    /// If an input does not exist, the machine lacks something, or the stack is no Mealy machine.
    pub fn of<A: Arena>(
        &self,
        arena: &A,
        progress: &mut dyn FnMut(&Expense),
    ) -> Result<Learned, String> {
        let symbols = alphabet::of_names(self.inputs.iter().map(String::as_str))?;
        let mut subject = arena.for_learning(&SETTINGS)?;
        let mut nobody = ();
        let mut system = Concrete::new(&mut subject, &mut nobody, &symbols, self.moment);
        let learned = learn(
            &mut system,
            &self.inputs,
            &self.effort,
            self.most_states,
            progress,
        );
        learned.map_err(|trouble| trouble.to_string())
    }
}
