//! Failures of packet lines, in words.

use crate::expect::compare::difference;
use crate::expect::show;
use crate::program::{BodyPattern, PacketPattern, Step};
use crate::source::Span;
use crate::target::Observed;
use crate::trace::TraceEvent;
use crate::verdict::{Difference, Failure};

use super::outbound::{ANY_TIME, PATIENCE, Seen, payload_len};
use super::schedule::Due;
use super::{Run, Stop};

impl Run<'_> {
    pub(super) fn mismatch(
        &self,
        pattern: &PacketPattern,
        seen: &Seen,
        due: Due,
        differences: Vec<Difference>,
    ) -> Stop {
        let fields: Vec<&str> = differences.iter().map(|found| found.field).collect();
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let only_time = fields == ["time"];
        let mut notes = vec![
            format!(
                "expected: {:>10}  {}",
                due.show(),
                show::packet(pattern, false)
            ),
            format!(
                "got:      {:>10}  {}",
                seen.observed.at.to_string(),
                show::packet(&seen.pattern, false)
            ),
        ];
        if lines.len() > 2 {
            notes.push(format!("differences:\n    {}", lines.join("\n    ")));
        }
        self.fail(Failure {
            code: if only_time { "R007" } else { "R001" },
            message: if only_time {
                "the packet came at the wrong time".to_string()
            } else {
                format!("the packet differs in {}", list(&fields))
            },
            label: match lines.as_slice() {
                [] | [_] | [_, _] => lines.join("; "),
                [first, ..] => format!("{first}; and more, below"),
            },
            span: Some(pattern.span),
            differences,
            notes,
            help: None,
        })
    }

    /// The same under `--non_fatal=packet`: a line of the trace for each difference.
    pub(super) fn warn_of(&mut self, seen: &Seen, step: &Step, differences: &[Difference]) {
        for found in differences {
            let text = format!("warning: {found}");
            let at = seen.observed.at;
            self.trace.push(at, TraceEvent::Note, Some(step.span), text);
        }
    }

    /// The stack broke down while this line was worked on.
    pub(super) fn located(&self, stop: Stop, span: Span) -> Stop {
        match stop {
            Stop::Broken(what) => self.fail(broken(what, Some(span))),
            other => other,
        }
    }

    pub(super) fn missing(&self, pattern: &PacketPattern, due: Due) -> Stop {
        let wanted = show::packet(pattern, false);
        let until = match due.latest {
            Some(latest) => latest + self.tolerance.for_gap(due.gap) + PATIENCE,
            None => due.earliest + ANY_TIME,
        };
        self.fail(Failure {
            code: "R002",
            message: "the stack did not send this packet".to_string(),
            label: format!("nothing came until {until}"),
            span: Some(pattern.span),
            differences: vec![difference("missing", wanted, "nothing")],
            notes: vec![format!("it was due at {}", due.show())],
            help: None,
        })
    }

    pub(super) fn split_wrong(&self, pattern: &PacketPattern, first: &Seen, next: &Seen) -> Stop {
        let BodyPattern::Tcp(want) = &pattern.body else {
            return Stop::Machine("only TCP segments are merged".to_string());
        };
        let got = payload_len(&first.parsed);
        self.fail(Failure {
            code: "R001",
            message: "the packet differs in length".to_string(),
            label: format!(
                "expected {} bytes, got {got} and then another packet",
                want.len
            ),
            span: Some(pattern.span),
            differences: vec![difference("length", want.len.to_string(), got.to_string())],
            notes: vec![
                format!("expected:  {}", show::packet(pattern, false)),
                format!("got:       {}", show::packet(&first.pattern, false)),
                format!("and then:  {}", show::packet(&next.pattern, false)),
            ],
            help: None,
        })
    }

    pub(super) fn unreadable(
        &mut self,
        observed: Observed,
        problem: &str,
        expected: Option<&PacketPattern>,
    ) -> Stop {
        let text = format!("> unreadable: {problem}");
        self.trace
            .push(observed.at, TraceEvent::Sent(observed.bytes), None, text);
        self.fail(Failure {
            code: "R009",
            message: "the stack sent a packet that cannot be read".to_string(),
            label: problem.to_string(),
            span: expected.map(|pattern| pattern.span),
            differences: vec![difference("unreadable", "a well-formed packet", problem)],
            notes: Vec::new(),
            help: None,
        })
    }

    /// A packet was left over at the end.
    pub(super) fn surplus_failure(&self, seen: &Seen) -> Stop {
        let got = self.tagged(show::packet(&seen.pattern, false));
        let last = self.program.steps.last().map(|step| step.span);
        self.fail(Failure {
            code: "R003",
            message: "the stack sent a packet that the script does not mention".to_string(),
            label: format!("after this, at {}: {got}", seen.observed.at),
            span: last,
            differences: vec![difference("surplus", "nothing more", got)],
            notes: Vec::new(),
            help: Some(
                "write the packet as a `>` line, or say `// surplus: ignore` in the header"
                    .to_string(),
            ),
        })
    }
}

/// The stack under test fell over, or comes to no end.
pub(super) fn broken(what: String, span: Option<Span>) -> Failure {
    Failure {
        code: "R011",
        message: "the stack broke down".to_string(),
        differences: vec![difference("broken", "a stack that goes on", &what)],
        label: what,
        span,
        notes: Vec::new(),
        help: None,
    }
}

/// `ack`, `ack and window`, `flags, ack and window`.
fn list(fields: &[&str]) -> String {
    match fields {
        [] => String::new(),
        [only] => (*only).to_string(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
