//! Code blocks: one namespace for all blocks of a script, evaluated here, or by Python if need be.

use std::collections::BTreeMap;

use super::python::{self, Answer, Python};
use super::{PYTHON, Run, Stop};
use crate::program::Step;
use crate::program::code::{self, CodeBlock, Names, Trouble, Value};
use crate::source::Span;
use crate::target::Starter;
use crate::trace::TraceEvent;
use crate::verdict::Failure;

/// How a block ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checked {
    /// Every assertion held. What was printed.
    Held(Vec<String>),
    /// An assertion did not hold.
    Broken {
        /// The assertion.
        span: Span,
        /// Each name in the condition and its value.
        values: Vec<(String, String)>,
        /// The message after the comma.
        message: Option<String>,
    },
    /// The block raised an exception: where, and what it says.
    Raised(Span, String),
    /// It takes Python, and there is none: why.
    NoPython(String),
    /// Python did not do its part.
    Machine(String),
}

/// The namespace of a script's blocks.
#[derive(Debug)]
pub(super) struct Scope {
    names: Names,
    starter: Starter,
    python: Option<Python>,
}

impl Scope {
    /// The constants, and nothing else. `starter` starts Python.
    pub(super) fn new(starter: Starter) -> Scope {
        let names = crate::symbols::code_constants()
            .filter_map(|name| {
                let number = crate::symbols::code_constant(name)?;
                Some((name.to_string(), Value::Int(number.into())))
            })
            .collect();
        Scope {
            names,
            starter,
            python: None,
        }
    }

    /// Takes over a snapshot. Its members are unsigned; those of 64 bits come as their bits.
    pub(super) fn update(&mut self, snapshot: BTreeMap<String, i64>) {
        let values = snapshot
            .into_iter()
            .map(|(name, bits)| (name, Value::Int(i128::from(bits.cast_unsigned()))));
        self.names.extend(values);
    }

    /// Starts Python if one of these blocks takes it, so that its start takes none of the script's
    /// time. Should that fail, the block says so.
    pub(super) fn prepare<'a>(&mut self, mut blocks: impl Iterator<Item = &'a CodeBlock>) {
        if blocks.any(|block| block.statements.is_none()) {
            self.python = Python::start(self.starter).ok();
        }
    }

    /// Runs one block.
    pub(super) fn run(&mut self, block: &CodeBlock) -> Checked {
        let Some(statements) = &block.statements else {
            return self.by_python(block, "the block takes Python");
        };
        let mut names = self.names.clone();
        let mut printed = Vec::new();
        match code::run(statements, &mut names, &mut printed) {
            Ok(None) => {
                self.names = names;
                Checked::Held(printed)
            }
            Ok(Some(broken)) => Checked::Broken {
                span: broken.span,
                values: broken.values,
                message: broken.message,
            },
            // A name may stand for what Python alone can hold.
            Err(Trouble::Raised(_)) if self.python.is_some() => self.by_python(block, ""),
            Err(Trouble::Raised(what)) => Checked::Raised(block.span, what),
            // Nothing has been done: names are taken over at the end only.
            Err(Trouble::Beyond(what)) => {
                self.by_python(block, &format!("the block takes Python, for {what}"))
            }
        }
    }

    /// Whether a block that is evaluated here would hold if some names had other values. Nothing is
    /// taken over.
    pub(super) fn would_hold(&self, block: &CodeBlock, others: &Names) -> Option<bool> {
        let statements = block.statements.as_ref()?;
        let mut names = self.names.clone();
        names.extend(others.clone());
        let broken = code::run(statements, &mut names, &mut Vec::new()).ok()?;
        Some(broken.is_none())
    }

    /// The number that a name stands for, if it is one.
    pub(super) fn number(&self, name: &str) -> Option<i128> {
        match self.names.get(name)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn by_python(&mut self, block: &CodeBlock, why: &str) -> Checked {
        let python = match &mut self.python {
            Some(python) => python,
            none => match Python::start(self.starter) {
                Ok(python) => none.insert(python),
                Err(reason) => return Checked::NoPython(format!("{why}; {reason}")),
            },
        };
        match python.run(&python::laid_out(&block.text), &self.names) {
            Ok(Answer::Held { printed, names }) => {
                self.names = names;
                Checked::Held(printed)
            }
            Ok(Answer::Broken {
                lines,
                values,
                message,
            }) => Checked::Broken {
                span: python::span_of_lines(block, lines),
                values,
                message,
            },
            Ok(Answer::Raised { line, what }) => {
                let lines = (line, line);
                Checked::Raised(python::span_of_lines(block, lines), what)
            }
            Err(problem) => {
                self.python = None;
                Checked::Machine(problem)
            }
        }
    }
}

impl Run<'_> {
    /// Runs a block on a snapshot of the socket under test.
    pub(super) fn check(&mut self, step: &Step, block: &CodeBlock) -> Result<(), Stop> {
        let at = self.session.now();
        if let Some(subject) = self.subject {
            let info = self.session.socket_info(self.descriptors.live(subject))?;
            self.scope.update(info);
        }
        let taken = self.session.now();
        self.acted(taken)?;
        let failure = |code, message: &str, label, span, difference| Failure {
            code,
            message: message.to_string(),
            label,
            span: Some(span),
            differences: vec![difference],
            notes: Vec::new(),
            help: None,
        };
        let others = self.other_outcomes(block);
        let checked = self.scope.run(block);
        let took = self.session.now().saturating_since(taken);
        self.commanded(step, took);
        self.decide_check(block, &checked, &others)?;
        match checked {
            Checked::Held(printed) => {
                for line in printed {
                    self.trace.push(at, TraceEvent::Note, None, line);
                }
                Ok(())
            }
            Checked::Broken {
                span,
                values,
                message,
            } => {
                let values = shown(&values);
                let label = message.unwrap_or_else(|| "does not hold".to_string());
                let difference =
                    crate::expect::compare::difference("assert", "true", values.clone());
                let message = "the assertion does not hold";
                let mut failure = failure("R005", message, label, span, difference);
                failure.notes.push(format!("at {at}: {values}"));
                Err(self.fail(failure))
            }
            Checked::Raised(span, what) => {
                let difference = crate::expect::compare::difference("assert", "true", what.clone());
                let message = "the code block raises an exception";
                let code = crate::diagnostic::code::CODE_RAISES;
                Err(self.script_error(failure(code, message, what, span, difference)))
            }
            Checked::NoPython(reason) => Err(Stop::Unsupported {
                capability: PYTHON.to_string(),
                reason,
            }),
            Checked::Machine(problem) => Err(Stop::Machine(problem)),
        }
    }
}

/// `name = value` of each, with commas between.
pub(super) fn shown(values: &[(String, String)]) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    values.join(", ")
}

#[cfg(test)]
mod tests;
