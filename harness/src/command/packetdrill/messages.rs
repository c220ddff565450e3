//! Failures in the shape of packetdrill's messages, with the harness's own diagnosis behind them.
//!
//! The first line is for those who read packetdrill's output by program; it has the file, the line
//! and the kind of failure as packetdrill gives them.

use crate::diagnostic::code;
use crate::diagnostic::render::{Color, render_first};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Source, Span};
use crate::verdict::{CaseError, CaseResult, Difference, Failure, Verdict};

/// What is wrong with a script that cannot be read.
pub(super) fn unreadable(path: &str, diagnostics: &[Diagnostic]) -> String {
    let errors = |one: &&Diagnostic| one.severity == Severity::Error;
    let Some(first) = diagnostics.iter().find(errors) else {
        return format!("{path}: the script cannot be read");
    };
    let own = render_first(diagnostics, Color::Never).join("\n");
    format!("{}\n{own}", script_line(path, first))
}

/// Why a script did not pass.
pub(super) fn of(path: &str, source: &Source, result: &CaseResult) -> String {
    let first = match &result.verdict {
        Verdict::Fail(failure) | Verdict::KnownDeviation { failure, .. } => {
            failed(path, source, failure)
        }
        Verdict::Error(CaseError::Script(diagnostics)) => match diagnostics.first() {
            Some(first) if first.code == "R006" => set_up(path, first),
            Some(first) => script_line(path, first),
            None => format!("{path}: error"),
        },
        Verdict::Error(CaseError::Machine(_) | CaseError::Unreadable(_)) => {
            format!("{path}: error: the script could not be judged")
        }
        Verdict::Perturbed(_) => {
            format!("{path}: error: the machine was too late to judge the script")
        }
        Verdict::Skip { .. } => format!("{path}: error: the script cannot run here"),
        Verdict::Pass | Verdict::UnexpectedPass { .. } => String::new(),
    };
    format!("{first}\n{}", result.message)
}

/// A mistake in the script. What packetdrill finds only when it comes to the line, a wrong call
/// for one, keeps the name it has there.
fn script_line(path: &str, found: &Diagnostic) -> String {
    let source = &found.source;
    let (span, message) = (found.primary.span, &found.message);
    let at = place(path, source, span);
    match found.code {
        code::OPTION_NAME => {
            let name = source.slice(span).trim_start_matches('-');
            format!("{path}: option '{name}' unknown")
        }
        code::OPTION_VALUE => format!("{path}: {message}"),
        code::FIRST_TIME => format!("{at}: first event should be at time 0"),
        code::TIME_BACKWARDS => format!("{at}: time goes backward in script"),
        code::CALL_NAME => {
            let name = source.slice(span);
            format!("{at}: runtime error in {name} call: Unknown system call: '{name}'")
        }
        code::SYMBOL | code::ERRNO => {
            let word = source.slice(span);
            let call = call_around(source, span);
            format!("{at}: runtime error in {call} call: unknown symbol: '{word}'")
        }
        code::ARGUMENT_COUNT | code::ARGUMENT_TYPE => {
            let call = call_around(source, span);
            format!("{at}: runtime error in {call} call: {message}")
        }
        "R008" => format!("{at}: error handling packet: {message}"),
        id if id.starts_with('S') => {
            let token = source.slice(span).lines().next().unwrap_or_default();
            format!("{at}: parse error at '{token}': syntax error")
        }
        _ => format!("{at}: semantic error: {message}"),
    }
}

/// The command before the first event, or behind the last one.
fn set_up(path: &str, found: &Diagnostic) -> String {
    let before = &found.source.text()[..found.primary.span.start.min(found.source.text().len())];
    let is_first = !before.lines().any(|line| {
        line.trim_start()
            .starts_with(|c: char| c.is_ascii_digit() || "+*.".contains(c))
    });
    let which = if is_first { "init" } else { "cleanup" };
    let status = found.primary.text.trim_start_matches("ended with ");
    format!("{path}: error executing {which} command: non-zero status {status}")
}

fn failed(path: &str, source: &Source, failure: &Failure) -> String {
    let span = failure.span.unwrap_or_default();
    let at = place(path, source, span);
    let is_packet = source.slice(span).starts_with(['<', '>']);
    match failure.code {
        "R001" | "R003" | "R009" => packet(&at, failure),
        "R002" => format!("{at}: error handling packet: Timed out waiting for packet"),
        "R004" => {
            let call = name_of(source.slice(span));
            let problem = match failure.differences.as_slice() {
                [one, ..] => told(one),
                [] => failure.message.clone(),
            };
            format!("{at}: runtime error in {call} call: {problem}")
        }
        "R005" => format!(
            "{at}: error in Python code\nAssertionError: {}\n{path}: error executing code",
            failure.label
        ),
        "R006" => {
            let command = source.slice(span);
            let command = command.find('`').map_or(command, |start| &command[start..]);
            let command = command.trim_matches('`');
            let status = failure.differences.first();
            let status = status.map_or("", |status| status.actual.as_str());
            format!("{at}: error executing `{command}` command: non-zero status {status}")
        }
        "R007" if is_packet => packet(&at, failure),
        "R007" => format!("{at}: {}", timing("event", failure)),
        _ => format!("{at}: error: {}", failure.message),
    }
}

fn packet(at: &str, failure: &Failure) -> String {
    let problem = match failure.differences.as_slice() {
        [one] if one.field == "time" => timing("outbound packet", failure),
        [one, ..] => field(one),
        [] => failure.message.clone(),
    };
    let mut lines = vec![format!("{at}: error handling packet: {problem}")];
    for (ours, theirs) in [("expected:", "script packet:"), ("got:", "actual packet:")] {
        let mut notes = failure.notes.iter();
        let packet = notes.find_map(|note| note.strip_prefix(ours));
        lines.extend(packet.map(|packet| format!("{theirs} {}", as_theirs(packet.trim_start()))));
    }
    lines.join("\n")
}

/// `0.1  > S. 0:0(0) <...>` without arrow and `<...>`.
fn as_theirs(packet: &str) -> String {
    let (time, packet) = packet.split_once("  ").unwrap_or(("", packet));
    let packet = packet.trim_start_matches(['<', '>', ' ']);
    format!("{time:>9} {}", packet.trim_end_matches("<...>"))
}

/// A field that differs, under packetdrill's name for it.
fn field(difference: &Difference) -> String {
    let name = match difference.field {
        "seq" => "tcp_seq",
        "ack" => "tcp_ack_seq",
        "window" => "tcp_window",
        "urgent" => "tcp_urg_ptr",
        "flags" => "tcp_flags",
        "ecn" => "ip_ecn",
        "reserved" => "tcp_reserved_bits",
        "length" => return payload(difference),
        "options" => return "bad outbound TCP options".to_string(),
        "payload" => return "incorrect outbound data payload".to_string(),
        "surplus" => return format!("unexpected packet: {}", difference.actual),
        other => other,
    };
    let hex = |value: &str| match value.parse::<u32>() {
        Ok(number) => format!("{number} ({number:#x})"),
        Err(_) => value.to_string(),
    };
    let (expected, actual) = (hex(&difference.expected), hex(&difference.actual));
    format!("live packet field {name}: expected: {expected} vs actual: {actual}")
}

fn payload(difference: &Difference) -> String {
    let (expected, actual) = (&difference.expected, &difference.actual);
    format!("live packet payload: expected {expected} bytes vs actual {actual} bytes")
}

/// A result of a call that differs.
fn told(difference: &Difference) -> String {
    let (expected, actual) = (&difference.expected, &difference.actual);
    match difference.field {
        "result" => format!("Expected result {expected} but got {actual}"),
        "errno" => format!("Expected errno {expected} but got {actual}"),
        field => format!("Bad {field}: expected {expected} but got {actual}"),
    }
}

fn timing(what: &str, failure: &Failure) -> String {
    let found = failure.differences.iter().find(|one| one.field == "time");
    let Some(found) = found else {
        return format!("timing error: {}", failure.label);
    };
    let happened = found.actual.split(" (").next().unwrap_or_default();
    let expected = match found.expected.split_once('~') {
        Some((from, to)) => format!("in time range {from}~{to} sec"),
        None => format!("at {} sec", found.expected),
    };
    format!("timing error: expected {what} {expected} but happened at {happened} sec")
}

fn place(path: &str, source: &Source, span: Span) -> String {
    format!("{path}:{}", source.line_of(span.start))
}

/// The name of the call that a place lies in: the first word before a bracket on its line.
fn call_around(source: &Source, span: Span) -> &str {
    let line = source.line_text(source.line_of(span.start));
    let before = line.split('(').next().unwrap_or_default();
    name_of(before.split_whitespace().last().unwrap_or_default())
}

fn name_of(call: &str) -> &str {
    call.split('(').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::compare::difference;
    use crate::script::{LoadContext, check_only};
    use rstest::rstest;

    #[rstest]
    #[case::token("+0 bind(3, = 0\n", "x.pkt:2: parse error at '=': syntax error")]
    #[case::bracket("+0 listen(3, 1 = 0\n", "x.pkt:2: parse error at '=': syntax error")]
    #[case::call(
        "+0 foo(3) = 0\n",
        "x.pkt:2: runtime error in foo call: Unknown system call: 'foo'"
    )]
    #[case::symbol(
        "+0 setsockopt(3, SOL_SOCKET, SO_FOOO, [1], 4) = 0\n",
        "x.pkt:2: runtime error in setsockopt call: unknown symbol: 'SO_FOOO'"
    )]
    #[case::meaning("+0 < S 0:0(0) <mss 1000>\n", "x.pkt:2: semantic error: ")]
    fn a_mistake_has_packetdrills_first_line(#[case] line: &str, #[case] want: &str) {
        let text = format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n{line}");
        let found = check_only(&Source::new("x.pkt", text), &LoadContext::default());
        let shown = unreadable("x.pkt", &found);
        assert!(shown.starts_with(want), "{shown}");
    }

    #[rstest]
    #[case("--nope=3\n0 close(3) = 0\n", "x.pkt: option 'nope' unknown")]
    #[case("1 close(3) = 0\n", "x.pkt:1: first event should be at time 0")]
    #[case(
        "0 close(3) = 0\n1 close(3) = 0\n.5 close(3) = 0\n",
        "x.pkt:3: time goes backward in script"
    )]
    fn a_mistake_of_the_whole_script_too(#[case] text: &str, #[case] want: &str) {
        let found = check_only(&Source::new("x.pkt", text), &LoadContext::default());
        let shown = unreadable("x.pkt", &found);
        assert!(shown.starts_with(want), "{shown}");
    }

    fn failure(code: &'static str, text: &str, found: Difference) -> String {
        let source = Source::new("x.pkt", format!("\n{text}\n"));
        let notes = ["expected:   0.5  S. 0:0(0)", "got:    0.1  S. 0:0(0)"];
        let failure = Failure {
            code,
            message: "message".to_string(),
            label: "label".to_string(),
            span: Some(Span::new(1, 1 + text.len())),
            differences: vec![found],
            notes: notes.iter().map(ToString::to_string).collect(),
            help: None,
        };
        failed("x.pkt", &source, &failure)
    }

    #[test]
    fn a_failure_has_packetdrills_first_lines() {
        let packet = "> . 1:1(0) ack 2";
        let early = "0.000103 (437.5ms too early)";
        let shown = [
            failure("R001", packet, difference("ack", "2", "1")),
            failure("R001", packet, difference("flags", "S.", "S")),
            failure("R001", packet, difference("length", "10", "0")),
            failure("R001", packet, difference("options", "<nop>", "<eol>")),
            failure("R002", packet, difference("missing", "x", "nothing")),
            failure("R007", packet, difference("time", "0.500090", early)),
            failure(
                "R007",
                packet,
                difference("time", "0.500000~0.600000", early),
            ),
            failure(
                "R004",
                "listen(3, 1) = -1 EINVAL",
                difference("result", "-1", "0"),
            ),
            failure(
                "R007",
                "read(4, ..., 1) = 0",
                difference("time", "0.300000", "0.100000"),
            ),
            failure(
                "R005",
                "assert tcpi_rtt == 1",
                difference("assert", "true", "x"),
            ),
            failure("R006", "+0 `false`", difference("status", "0", "1")),
        ];
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn a_command_around_the_events_is_called_by_its_place() {
        let text = "--mtu=1500\n`false`\n0 close(3) = 0\n`true`\n";
        let source = Source::new("x.pkt", text);
        let at = |start: usize| {
            Diagnostic::error("R006", &source, Span::new(start, start + 6), "m")
                .label("ended with 1")
        };
        let shown = [set_up("x.pkt", &at(11)), set_up("x.pkt", &at(34))];
        assert_eq!(
            shown,
            [
                "x.pkt: error executing init command: non-zero status 1",
                "x.pkt: error executing cleanup command: non-zero status 1"
            ]
        );
    }
}
