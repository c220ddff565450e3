//! A machine in a file, with what it is of and what is sure of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fuzz::subject::Micros;
use crate::learn::{Effort, Expense, Machine};

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// The stack, as `--diff` takes it.
    pub(super) stack: String,
    /// How hard another machine was looked for.
    pub(super) effort: Effort,
    /// What passed after every input, in microseconds.
    #[serde(default = "millisecond")]
    pub(super) moment: Micros,
    /// What it took.
    pub(super) expense: Expense,
    /// What was learned.
    pub(super) machine: Machine,
}

/// What passed before there was a choice.
fn millisecond() -> Micros {
    1_000
}

impl Saved {
    /// Reads one.
    ///
    /// # Errors
    /// If the file is none.
    pub(super) fn read(path: &Path) -> Result<Saved, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let saved: Saved =
            serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
        saved
            .machine
            .check()
            .map_err(|error| format!("{shown}: {error}"))?;
        Ok(saved)
    }

    /// As a file has it.
    ///
    /// # Errors
    /// Never, but for a fault of this program.
    pub(super) fn text(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }
}
