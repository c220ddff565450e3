//! What happened in each case, as text: where nothing is left to chance, two runs write the same.
//!
//! Sequence numbers are the script's. The stack's time stamps, which begin anywhere, are counted from the
//! first of them in the case; its `val`s, and what the peer echoes of them.

use std::fmt::Write as _;

use crate::trace::{Trace, TraceEntry, TraceEvent};
use crate::verdict::CaseResult;

/// A paragraph a result, in the suite's order: its name and verdict, and what happened.
pub fn render(results: &[CaseResult]) -> String {
    let mut text = String::new();
    for result in results {
        let (case, family, verdict) = (&result.case, result.ip_version, result.verdict.name());
        let _ = writeln!(text, "{case} ({}, {family}): {verdict}", result.target);
        for line in lines(&result.trace) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// What happened, in order: when, and what.
pub fn lines(trace: &Trace) -> Vec<String> {
    let mut first = None;
    let line = |entry: &TraceEntry| format!("{}  {}", entry.at, relative(entry, &mut first));
    trace.entries.iter().map(line).collect()
}

/// An entry with the stack's time stamps counted from `first`, which the first of them becomes.
fn relative(entry: &TraceEntry, first: &mut Option<u32>) -> String {
    let word = match &entry.what {
        TraceEvent::Sent(_) => "TS val ",
        TraceEvent::Injected(_) => " ecr ",
        TraceEvent::Call | TraceEvent::Note | TraceEvent::Printed => return entry.text.clone(),
    };
    let Some((before, rest)) = entry.text.split_once(word) else {
        return entry.text.clone();
    };
    let end = rest.find(|char: char| !char.is_ascii_digit());
    let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
    let Ok(number) = number.parse::<u32>() else {
        return entry.text.clone();
    };
    let first = match entry.what {
        TraceEvent::Sent(_) => *first.get_or_insert(number),
        _ => match *first {
            // A script may echo what was never sent, and zero where nothing is to be echoed.
            Some(first) if number != 0 => first,
            Some(_) | None => return entry.text.clone(),
        },
    };
    let since = number.wrapping_sub(first).cast_signed();
    format!("{before}{word}{since:+}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::time::Time;
    use crate::verdict::Verdict;

    fn run(base: u32) -> String {
        let mut result = samples::result("a/b", Verdict::Pass, "");
        let sent = |val: u32| format!("> S. 0:0(0) ack 1 <TS val {val} ecr 7,nop>");
        let entries = [
            (
                TraceEvent::Injected(Vec::new()),
                "< S 0:0(0) <TS val 7 ecr 0>".to_string(),
            ),
            (TraceEvent::Sent(Vec::new()), sent(base)),
            (TraceEvent::Sent(Vec::new()), sent(base.wrapping_add(12))),
            (
                TraceEvent::Injected(Vec::new()),
                format!("< . 1:1(0) <TS val 8 ecr {}>", base.wrapping_sub(1)),
            ),
            (TraceEvent::Call, "accept(…) = 4".to_string()),
        ];
        for (place, (what, text)) in entries.into_iter().enumerate() {
            let at = Time::from_micros(10 * i64::try_from(place).unwrap_or(0));
            result.trace.push(at, what, None, text);
        }
        render(&[result])
    }

    #[test]
    fn the_stack_s_time_stamps_count_from_the_first() {
        insta::assert_snapshot!(run(1000), @r"
        a/b (reference, ipv4): pass
            0.000000  < S 0:0(0) <TS val 7 ecr 0>
            0.000010  > S. 0:0(0) ack 1 <TS val +0 ecr 7,nop>
            0.000020  > S. 0:0(0) ack 1 <TS val +12 ecr 7,nop>
            0.000030  < . 1:1(0) <TS val 8 ecr -1>
            0.000040  accept(…) = 4
        ");
        assert_eq!(run(u32::MAX - 5), run(1000));
    }
}
