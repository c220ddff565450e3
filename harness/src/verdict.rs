//! What came of running a case: the seven verdicts, and why.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::program::IpVersion;
use crate::source::Span;
use crate::trace::Trace;
use crate::words::Word;

/// The judgement on one case, target and IP version. The seven are never mixed up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// The stack did what the script says.
    Pass,
    /// The stack did something else.
    Fail(Box<Failure>),
    /// The case could not run here: something is missing.
    Skip {
        /// The missing capability's name.
        capability: String,
        /// Why it is missing.
        reason: String,
    },
    /// The stack did something else, exactly as listed in the target's known deviations.
    KnownDeviation {
        /// The reason from the list.
        reason: String,
        /// What differed.
        failure: Box<Failure>,
    },
    /// The case is listed as a known deviation but passed.
    UnexpectedPass {
        /// The reason from the list.
        reason: String,
    },
    /// The machine was later than a judgement allows, in every attempt; nothing is said about the stack.
    Perturbed(Perturbation),
    /// The harness, the machine or the script file is at fault; nothing is said about the stack.
    Error(CaseError),
}

impl Verdict {
    /// The name in JSON and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Skip { .. } => "skip",
            Verdict::KnownDeviation { .. } => "known_deviation",
            Verdict::UnexpectedPass { .. } => "unexpected_pass",
            Verdict::Perturbed(_) => "perturbed",
            Verdict::Error(_) => "error",
        }
    }

    /// Whether a run with this verdict went as it should.
    pub fn is_expected(&self) -> bool {
        match self {
            Verdict::Pass | Verdict::Skip { .. } | Verdict::KnownDeviation { .. } => true,
            Verdict::Fail(_)
            | Verdict::UnexpectedPass { .. }
            | Verdict::Perturbed(_)
            | Verdict::Error(_) => false,
        }
    }
}

/// What of the machine made an attempt worthless for judging, as measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perturbation {
    /// The script line it happened on.
    pub span: Span,
    /// What was late, as the subject of a sentence.
    #[serde(deserialize_with = "crate::words::read")]
    pub what: Word,
    /// How late.
    pub late: Duration,
    /// How late it may be at most; `None` if it is late by little, but what was found depends on it.
    pub allowed: Option<Duration>,
}

impl fmt::Display for Perturbation {
    /// `the harness was 0.012000 s late (at most 0.004000 s are allowed)`, or
    /// `the harness was 0.000600 s late (what was found depends on it)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.6} s late ", self.what, self.late.as_secs_f64())?;
        match self.allowed {
            Some(allowed) => write!(f, "(at most {:.6} s are allowed)", allowed.as_secs_f64()),
            None => f.write_str("(what was found depends on it)"),
        }
    }
}

/// Why a case could not be judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CaseError {
    /// The script does not parse or check.
    Script(Vec<Diagnostic>),
    /// The script's file cannot be read, or is not text.
    Unreadable(String),
    /// The machine or the harness failed.
    Machine(String),
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Stable name: `time`, `flags`, `seq`, `length`, `ack`, `window`, `urgent`, `options`, `payload`,
    /// `checksum`, `ip`, `source`, `reserved`, `ports`, `ttl`, `tos`, `ecn`, `flowlabel`, `ip_version`, `protocol`, `icmp_type`, `icmp_code`,
    /// `missing`, `surplus` and `unreadable` (a packet), `result`, `blocked` (a call that did not return),
    /// `errno`, `output`, `data`, `peer` (of what `accept` gave), `assert`, `status`, `broken` (the stack panicked
    /// or came to no end), or a probe's own.
    #[serde(deserialize_with = "crate::words::read")]
    pub field: Word,
    /// What the script says.
    pub expected: String,
    /// What was seen.
    pub actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, got {}",
            self.field, self.expected, self.actual
        )
    }
}

/// Why a case failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code, `R…` (see docs/diagnostics.md) or a probe's `P…`.
    #[serde(deserialize_with = "crate::words::read")]
    pub code: Word,
    /// One line: what happened.
    pub message: String,
    /// A few words under the underlined line; may be empty.
    pub label: String,
    /// The script line it happened on; `None` for probes.
    pub span: Option<Span>,
    /// Every field that differs.
    pub differences: Vec<Difference>,
    /// Further facts, a line each: what was expected and seen in the script's notation, what the clock said.
    pub notes: Vec<String>,
    /// What to look at or do, if there is something to say.
    pub help: Option<String>,
}

/// The result of one case on one target in one IP version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseResult {
    /// Name: path below the suite's root without extension, `handshake/passive-open`.
    pub case: String,
    /// Target name.
    pub target: String,
    /// Family it ran on.
    pub ip_version: IpVersion,
    /// The judgement.
    pub verdict: Verdict,
    /// Requirement ids the case covers.
    pub covers: Vec<String>,
    /// Real time taken.
    pub wall: Duration,
    /// Time on the case's own clock.
    pub script_time: Duration,
    /// Attempts set aside because the machine was late in them.
    pub perturbed: usize,
    /// Everything that happened, in order.
    pub trace: Trace,
    /// The failure rendered for people (and JSON's `message`); empty for a pass.
    pub message: String,
}
