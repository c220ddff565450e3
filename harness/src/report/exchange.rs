//! What a failure was, and the packets and calls that led to it: the part of a JSON report that other
//! reports show as evidence.

use serde::{Deserialize, Serialize};

use crate::source::Source;
use crate::time::Time;
use crate::trace::TraceEvent;
use crate::verdict::CaseResult;

use super::evidence::{self, Shown};

/// Steps kept of the beginning of a trace.
const FIRST: usize = 10;
/// Steps kept of its end, and around what differs.
const LAST: usize = 30;

/// The evidence of a failure, listed as known or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Exchange {
    /// The failure's code.
    pub code: String,
    /// The script line it happened on; none for probes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// That line's text.
    #[serde(default)]
    pub written: String,
    /// Every field that differs.
    pub differences: Vec<Differing>,
    /// What happened, in order. Of a long trace the beginning and the end.
    pub steps: Vec<ExchangeStep>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Differing {
    /// Its name, as in lists of known deviations.
    pub field: String,
    /// What the script says.
    pub expected: String,
    /// What was seen.
    pub got: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ExchangeStep {
    /// Microseconds on the case's own clock.
    pub at_us: i64,
    /// Who did it.
    pub by: By,
    /// The packet in the script's notation, or the call and its result.
    pub text: String,
    /// The script line that caused or took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Whether it is what differs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub differs: bool,
    /// How many steps before this one are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The peer that the harness plays: a packet.
    Peer,
    /// The stack under test: a packet.
    Stack,
    /// The application that the harness plays: a call.
    Call,
    /// The harness: a command, or what one has printed.
    Note,
}

impl Exchange {
    /// That of a result; none if it did not fail.
    pub fn of(result: &CaseResult, source: &Source) -> Option<Exchange> {
        let failure = evidence::failure(&result.verdict)?;
        let line = failure.span.map(|span| source.line_of(span.start));
        let differences = failure.differences.iter().map(|one| Differing {
            field: one.field.to_string(),
            expected: one.expected.clone(),
            got: one.actual.clone(),
        });
        Some(Exchange {
            code: failure.code.to_string(),
            line,
            written: line.map_or(String::new(), |line| {
                source.line_text(line).trim().to_string()
            }),
            differences: differences.collect(),
            steps: steps(&evidence::shown(result, source).collect::<Vec<_>>()),
        })
    }
}

fn steps(all: &[Shown<'_>]) -> Vec<ExchangeStep> {
    let differs = |shown: &Shown<'_>| !shown.differences.is_empty();
    let culprit = all.iter().position(differs).unwrap_or(all.len());
    // What came long after what differs says nothing about it.
    let end = all.len().min(culprit.saturating_add(FIRST));
    let mut steps = Vec::new();
    let mut left_out = 0;
    for (place, shown) in all[..end].iter().enumerate() {
        if place >= FIRST && place + LAST < end {
            left_out += 1;
            continue;
        }
        let entry = shown.entry;
        steps.push(ExchangeStep {
            at_us: entry.at.as_micros(),
            by: match &entry.what {
                TraceEvent::Injected(_) => By::Peer,
                TraceEvent::Sent(_) => By::Stack,
                TraceEvent::Call => By::Call,
                TraceEvent::Note | TraceEvent::Printed => By::Note,
            },
            text: entry.text.clone(),
            line: shown.line,
            differs: differs(shown),
            left_out: std::mem::take(&mut left_out),
        });
    }
    steps
}

impl ExchangeStep {
    /// One line for people: `    0.100000  > . 1:1(0) ack 2   (line 12)`.
    pub fn shown(&self) -> String {
        let mark = if self.differs { "≠" } else { " " };
        let at = Time::from_micros(self.at_us).to_string();
        let line = self
            .line
            .map_or(String::new(), |line| format!("   (line {line})"));
        format!("{mark} {at:>12}  {}{line}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_failure_has_its_steps_and_is_read_back() {
        let (source, result) = samples::failed("ack", "1001", "501");
        let exchange = Exchange::of(&result, &source).expect("a failure");
        let text = serde_json::to_string_pretty(&exchange).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Exchange>(&text).expect("itself"),
            exchange
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn of_a_long_one_the_middle_is_left_out() {
        let (source, mut result) = samples::failed("ack", "1001", "501");
        let first = result.trace.entries[0].clone();
        for _ in 0..100 {
            result.trace.entries.insert(1, first.clone());
        }
        let steps = Exchange::of(&result, &source).expect("a failure").steps;
        assert_eq!(steps.len(), FIRST + LAST);
        assert_eq!(steps[FIRST].left_out, 105 - FIRST - LAST);
        assert!(steps.last().is_some_and(|step| step.differs));
    }
}
