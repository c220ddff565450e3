//! What `-v` shows: packets and calls in order, in packetdrill's words.

use std::io::{self, Write};

use crate::source::Source;
use crate::trace::{Trace, TraceEntry, TraceEvent};

/// Shows everything that happened, on standard output.
pub(super) fn show(source: &Source, trace: &Trace) {
    for line in lines(source, trace) {
        super::super::say(&line);
    }
}

/// Shows what commands have printed, on standard error.
pub(super) fn show_printed(trace: &Trace) {
    let printed = |entry: &&TraceEntry| entry.what == TraceEvent::Printed;
    for entry in trace.entries.iter().filter(printed) {
        // Whoever closed standard error does not want to know.
        let _ = writeln!(io::stderr(), "{}", entry.text);
    }
}

fn lines(source: &Source, trace: &Trace) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &trace.entries {
        let (at, text) = (entry.at.to_string(), entry.text.as_str());
        let packet = text.trim_start_matches(['<', '>']).trim_start();
        let line = match entry.what {
            TraceEvent::Injected(_) => format!("inbound injected packet: {at:>9} {packet}"),
            TraceEvent::Sent(_) => format!("outbound sniffed packet: {at:>9} {packet}"),
            TraceEvent::Call => match entry.span {
                Some(span) => {
                    let call = source.slice(span);
                    let name = call.split('(').next().unwrap_or_default();
                    format!("{name} syscall: {at}")
                }
                None => format!("{text}: {at}"),
            },
            TraceEvent::Note => format!("{text}: {at}"),
            // Shown with `-v` or without.
            TraceEvent::Printed => continue,
        };
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;
    use crate::time::Time;

    #[test]
    fn packets_and_calls_are_shown_in_order() {
        let source = Source::new("x", "0 listen(3, 1) = 0\n");
        let mut trace = Trace::default();
        let mut push = |micros, what, span, text: &str| {
            trace.push(Time::from_micros(micros), what, span, text.to_string());
        };
        push(5, TraceEvent::Call, Some(Span::new(2, 18)), "listen");
        push(
            9,
            TraceEvent::Injected(Vec::new()),
            None,
            "< S 0:0(0) win 1",
        );
        push(12, TraceEvent::Sent(Vec::new()), None, "> S. 0:0(0) ack 1");
        push(15, TraceEvent::Note, None, "`true`");
        push(15, TraceEvent::Printed, None, "a line");
        assert_eq!(
            lines(&source, &trace),
            [
                "listen syscall: 0.000005",
                "inbound injected packet:  0.000009 S 0:0(0) win 1",
                "outbound sniffed packet:  0.000012 S. 0:0(0) ack 1",
                "`true`: 0.000015",
            ]
        );
    }
}
