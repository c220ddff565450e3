//! Failures as diagnostics on the script's own line.

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};
use crate::trace::{Trace, TraceEvent};
use crate::verdict::Failure;

/// How many packets a message shows at most.
const MOST_PACKETS: usize = 12;

/// How many lines that commands have printed.
const MOST_PRINTED: usize = 6;

/// A failure as a diagnostic.
pub fn diagnostic(failure: &Failure, source: &Source) -> Diagnostic {
    let span = failure.span.unwrap_or(Span::new(0, 0));
    let mut diagnostic = Diagnostic::error(failure.code, source, span, failure.message.clone())
        .label(failure.label.clone());
    diagnostic.notes.clone_from(&failure.notes);
    diagnostic.help.clone_from(&failure.help);
    diagnostic
}

/// What commands have printed so far that did not fail, with the lines they stand on.
pub(super) fn printed_so_far(trace: &Trace, source: &Source) -> Option<String> {
    let printed: Vec<String> = trace
        .entries
        .iter()
        .filter(|entry| entry.what == TraceEvent::Printed)
        .map(|entry| {
            let line = entry.span.map_or(0, |span| source.line_of(span.start));
            format!("line {line}: {}", entry.text)
        })
        .collect();
    let more = printed.len().saturating_sub(MOST_PRINTED);
    let mut lines = vec!["commands have printed:".to_string()];
    lines.extend(
        printed
            .iter()
            .take(MOST_PRINTED)
            .map(|line| format!("    {line}")),
    );
    if more > 0 {
        lines.push(format!("    and {more} lines more"));
    }
    (!printed.is_empty()).then(|| lines.join("\n"))
}

/// The packets seen so far, one line each, oldest first, with the script lines they belong to.
pub(super) fn packets_so_far(trace: &Trace, source: &Source) -> Vec<String> {
    let mut trace = trace.clone();
    trace.sort();
    let packets: Vec<String> = trace
        .entries
        .iter()
        .filter(|entry| matches!(entry.what, TraceEvent::Injected(_) | TraceEvent::Sent(_)))
        .map(|entry| {
            let line = entry.span.map_or(String::new(), |span| {
                format!("   (line {})", source.line_of(span.start))
            });
            format!("{:>12}  {}{line}", entry.at.to_string(), entry.text)
        })
        .collect();
    if packets.is_empty() {
        return vec!["no packet was seen".to_string()];
    }
    let skipped = packets.len().saturating_sub(MOST_PACKETS);
    let mut lines = vec!["packets so far:".to_string()];
    if skipped > 0 {
        lines.push(format!("{:>12}  {skipped} earlier packets", "…"));
    }
    lines.extend(packets.into_iter().skip(skipped));
    vec![lines.join("\n")]
}
