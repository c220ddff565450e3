//! Which entry of a trace a failure is about, for reports that show the trace and mark it.

use crate::source::Source;
use crate::trace::{Trace, TraceEntry, TraceEvent};
use crate::verdict::{CaseResult, Difference, Failure, Verdict};

/// Ends the text of a packet that no line of the script is about.
const FOREIGN: &str = "(another connection)";

/// The failure of a result, listed as known or not.
pub(crate) fn failure(verdict: &Verdict) -> Option<&Failure> {
    match verdict {
        Verdict::Fail(failure) | Verdict::KnownDeviation { failure, .. } => Some(failure),
        Verdict::Pass
        | Verdict::Skip { .. }
        | Verdict::UnexpectedPass { .. }
        | Verdict::Perturbed(_)
        | Verdict::Error(_) => None,
    }
}

/// The place in the trace of what differs; `None` if nothing does, or what differs is that
/// something did not come.
pub(crate) fn culprit(failure: &Failure, trace: &Trace) -> Option<usize> {
    let has = |field: &str| failure.differences.iter().any(|one| one.field == field);
    let last = |wanted: &dyn Fn(&TraceEntry) -> bool| trace.entries.iter().rposition(wanted);
    // A step begins with its time, a failure with what it is about.
    let on_line = |entry: &TraceEntry| match (entry.span, failure.span) {
        (Some(step), Some(found)) => step.start <= found.start && found.end <= step.end,
        (None, _) | (_, None) => false,
    };
    let sent = |entry: &TraceEntry| matches!(entry.what, TraceEvent::Sent(_));
    if has("missing") {
        return None;
    }
    let unclaimed =
        |entry: &TraceEntry| sent(entry) && entry.span.is_none() && !entry.text.ends_with(FOREIGN);
    if (has("surplus") && failure.code != SILENCE) || has("unreadable") {
        return last(&unclaimed);
    }
    last(&|entry| sent(entry) && on_line(entry))
        .or_else(|| last(&|entry| entry.what == TraceEvent::Call && on_line(entry)))
        .or_else(|| last(&on_line))
}

/// The code of a packet sent while a script wants silence: its line is the one that wants it.
const SILENCE: &str = "R010";

/// One entry of a trace as reports show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The entry.
    pub(crate) entry: &'a TraceEntry,
    /// The script line that caused or took it, counted from 1.
    pub(crate) line: Option<usize>,
    /// How it differs from that line; nothing if it does not.
    pub(crate) differences: &'a [Difference],
    /// Whether there are lines at all: probes have none.
    is_scripted: bool,
}

impl Shown<'_> {
    /// What became of a packet, in a few words; nothing if it is no packet.
    pub(crate) fn verdict(&self) -> String {
        match &self.entry.what {
            TraceEvent::Injected(_) => "played by tcpdrill".to_string(),
            TraceEvent::Sent(_) if !self.differences.is_empty() => {
                let all: Vec<String> = self.differences.iter().map(ToString::to_string).collect();
                format!("DIFFERS in {}", all.join("; "))
            }
            TraceEvent::Sent(_) if self.line.is_some() => "as written".to_string(),
            TraceEvent::Sent(_) if self.is_scripted => "on no line of the script".to_string(),
            TraceEvent::Sent(_) => "sent by the stack".to_string(),
            TraceEvent::Call | TraceEvent::Note | TraceEvent::Printed => String::new(),
        }
    }
}

/// The whole trace of a result, in order.
pub(crate) fn shown<'a>(
    result: &'a CaseResult,
    source: &'a Source,
) -> impl Iterator<Item = Shown<'a>> {
    let failure = failure(&result.verdict);
    let culprit = failure.and_then(|failure| culprit(failure, &result.trace));
    let is_scripted = result
        .trace
        .entries
        .iter()
        .any(|entry| entry.span.is_some());
    let entries = result.trace.entries.iter().enumerate();
    entries.map(move |(place, entry)| Shown {
        entry,
        line: entry.span.map(|span| source.line_of(span.start)),
        differences: match failure {
            Some(failure) if culprit == Some(place) => &failure.differences,
            Some(_) | None => &[],
        },
        is_scripted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::compare::difference;
    use crate::source::Span;
    use crate::time::Time;
    use rstest::rstest;

    const ONE: Span = Span::new(0, 1);
    const TWO: Span = Span::new(3, 5);

    fn trace() -> Trace {
        let mut trace = Trace::default();
        let sent = || TraceEvent::Sent(Vec::new());
        let mut push = |what, span, text: &str| {
            trace.push(Time::ZERO, what, span, text.to_string());
        };
        push(TraceEvent::Call, Some(ONE), "write(…) = 1");
        push(sent(), Some(Span::new(2, 5)), "> . 1:2(1) ack 1");
        push(sent(), None, "> . 2:3(1) ack 1");
        push(sent(), None, "> R 0:0(0)   (another connection)");
        trace
    }

    #[rstest]
    #[case::a_packet("R001", "ack", TWO, Some(1))]
    #[case::a_call("R004", "result", ONE, Some(0))]
    #[case::none_came("R002", "missing", TWO, None)]
    #[case::one_too_many("R003", "surplus", TWO, Some(2))]
    #[case::in_a_silence("R010", "surplus", TWO, Some(1))]
    fn what_differs_is_found(
        #[case] code: &'static str,
        #[case] field: &'static str,
        #[case] span: Span,
        #[case] want: Option<usize>,
    ) {
        let failure = Failure {
            code,
            message: String::new(),
            label: String::new(),
            span: Some(span),
            differences: vec![difference(field, "1", "2")],
            notes: Vec::new(),
            help: None,
        };
        assert_eq!(culprit(&failure, &trace()), want);
    }
}
