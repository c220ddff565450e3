//! Why a probe ended before its end: the stack failed it, or it could not be judged.

use crate::target::TargetError;
use crate::verdict::{CaseError, Difference, Failure, Verdict};

/// Codes of failures, see docs/probes.md.
pub(super) mod code {
    /// The stack sent something no conforming sender sends.
    pub(in crate::probe) const FAULTY_PACKET: &str = "P010";
    /// The stack did not answer where it must.
    pub(in crate::probe) const NO_ANSWER: &str = "P011";
    /// The stack answered where it must be silent.
    pub(in crate::probe) const UNEXPECTED_ANSWER: &str = "P012";
    /// The answer is of another kind, or its numbers are wrong.
    pub(in crate::probe) const WRONG_ANSWER: &str = "P013";
    /// A system call gave something else.
    pub(in crate::probe) const WRONG_CALL: &str = "P014";
    /// A statistical test on sequence numbers or ports failed.
    pub(in crate::probe) const NOT_RANDOM: &str = "P020";
    /// ISNs of one 4-tuple do not follow a clock.
    pub(in crate::probe) const NO_CLOCK: &str = "P021";
    /// What the stack keeps or sends is not within its bound.
    pub(in crate::probe) const OUT_OF_BOUND: &str = "P022";
    /// The stack panicked, or comes to no end.
    pub(in crate::probe) const BROKEN: &str = "P023";
}

/// An early end: the verdict it leads to.
#[derive(Debug)]
pub(super) struct Stop(Box<Verdict>);

impl Stop {
    /// An end with this verdict.
    pub(super) fn verdict(verdict: Verdict) -> Stop {
        Stop(Box::new(verdict))
    }

    /// The stack did something it must not do.
    pub(super) fn failed(code: &'static str, message: impl Into<String>) -> Stop {
        Stop::verdict(Verdict::Fail(Box::new(Failure {
            code,
            message: message.into(),
            label: String::new(),
            span: None,
            differences: Vec::new(),
            notes: Vec::new(),
            help: None,
        })))
    }

    /// The harness or the machine is at fault.
    pub(super) fn machine(what: impl Into<String>) -> Stop {
        Stop::verdict(Verdict::Error(CaseError::Machine(what.into())))
    }

    /// The same with what differs.
    #[must_use]
    pub(super) fn differs(
        self,
        field: &'static str,
        expected: impl ToString,
        actual: impl ToString,
    ) -> Stop {
        self.edit(|failure| {
            failure.differences.push(Difference {
                field,
                expected: expected.to_string(),
                actual: actual.to_string(),
            });
        })
    }

    /// The same with one more fact.
    #[must_use]
    pub(super) fn note(self, text: impl Into<String>) -> Stop {
        self.edit(|failure| failure.notes.push(text.into()))
    }

    /// The verdict.
    pub(super) fn into_verdict(self) -> Verdict {
        *self.0
    }

    fn edit(mut self, change: impl FnOnce(&mut Failure)) -> Stop {
        if let Verdict::Fail(failure) = self.0.as_mut() {
            change(failure);
        }
        self
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Stop {
        match error {
            TargetError::Unsupported { capability, reason } => {
                Stop::verdict(Verdict::Skip { capability, reason })
            }
            TargetError::Machine(what) => Stop::machine(what),
            TargetError::Stack(what) => Stop::failed(code::BROKEN, what),
            TargetError::Late(what) => Stop::verdict(Verdict::Perturbed(what)),
        }
    }
}
