//! Results for the tests of reports.

use std::time::Duration;

use crate::expect::compare::difference;
use crate::program::IpVersion;
use crate::source::{Source, Span};
use crate::time::Time;
use crate::trace::{Trace, TraceEvent};
use crate::verdict::{CaseError, CaseResult, Failure, Perturbation, Verdict};

/// A result on the reference over IPv4, with nothing else to it.
pub(crate) fn result(case: &str, verdict: Verdict, message: &str) -> CaseResult {
    CaseResult {
        case: case.to_string(),
        target: "reference".to_string(),
        ip_version: IpVersion::Ipv4,
        verdict,
        covers: Vec::new(),
        wall: Duration::from_millis(1),
        script_time: Duration::from_secs(1),
        perturbed: 0,
        trace: Trace::default(),
        message: message.to_string(),
    }
}

/// A failure on a span in one field.
pub(crate) fn failure(span: Option<Span>, field: &'static str, want: &str, got: &str) -> Failure {
    Failure {
        code: "R001",
        message: format!("the packet differs in {field}"),
        label: String::new(),
        span,
        differences: vec![difference(field, want, got)],
        notes: Vec::new(),
        help: None,
    }
}

/// One result of each verdict, with what is hard on formats: hash signs, backslashes, lines, escapes.
pub(crate) fn every_verdict() -> Vec<CaseResult> {
    let failure = || Box::new(failure(None, "ack", "1 # \"no\"", "2"));
    let known = Verdict::KnownDeviation {
        reason: "RFC1-1: older than #2".to_string(),
        failure: failure(),
    };
    let skip = Verdict::Skip {
        capability: "udp".to_string(),
        reason: "# none\nhere".to_string(),
    };
    let late = Verdict::Perturbed(Perturbation {
        span: Span::default(),
        what: "the harness was",
        late: Duration::from_millis(12),
        allowed: None,
    });
    let mut all = vec![
        result("ack/pass", Verdict::Pass, ""),
        result(
            "ack/fail #1\\",
            Verdict::Fail(failure()),
            "error[R001]: differs\n  --> x:1\n\n ...\n\u{1b}[31m\tok 1",
        ),
        result(
            "ack/known",
            known,
            "RFC1-1: older than #2\nerror[R001]: differs",
        ),
        result("close/skip", skip, "udp: none"),
        result(
            "reset/listed",
            Verdict::UnexpectedPass {
                reason: "r".to_string(),
            },
            "passes, but",
        ),
        result("reset/late", late, "the machine was late"),
        result(
            "top",
            Verdict::Error(CaseError::Machine("broken".to_string())),
            "broken",
        ),
    ];
    all[1].covers = vec!["RFC9293-MUST-8".to_string()];
    all
}

/// A script, and a result in which it failed at its last line in `field`.
pub(crate) fn failed(field: &'static str, want: &str, got: &str) -> (Source, CaseResult) {
    let text = "// title: A SYN is answered\n// covers: RFC9293-MUST-8\n// why: It begins a connection.\n\
                 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                +0 < S 0:0(0) win 20000 <mss 1000>\n\
                +0 > S. 0:0(0) ack 1 <...>\n\
                +1 < P. 1:1001(1000) ack 1 win 20000\n\
                +0 > . 1:1(0) ack 1001\n";
    let source = Source::new("a/one.pkt", text);
    let span = |part: &str| {
        let start = text.find(part).expect("a part of the script");
        Some(Span::new(start, start + part.len()))
    };
    let mut trace = Trace::default();
    let mut push = |seconds: i64, what, part, text: &str| {
        trace.push(
            Time::from_micros(seconds * 1_000_000),
            what,
            span(part),
            text.to_string(),
        );
    };
    let packet = |flags: u8| {
        let mut bytes = vec![
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 168, 0, 1,
        ];
        bytes.extend([
            0x1f, 0x90, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0, 9, 0, 0, 0, 0,
        ]);
        bytes
    };
    push(
        0,
        TraceEvent::Call,
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
        "socket(…) = 3",
    );
    push(
        0,
        TraceEvent::Injected(packet(0x02)),
        "+0 < S 0:0(0) win 20000 <mss 1000>",
        "< S 0:0(0) win 20000 <mss 1000>",
    );
    push(
        0,
        TraceEvent::Sent(packet(0x12)),
        "+0 > S. 0:0(0) ack 1 <...>",
        "> S. 0:0(0) ack 1 win 65535 <mss 1460>",
    );
    push(
        1,
        TraceEvent::Injected(packet(0x18)),
        "+1 < P. 1:1001(1000) ack 1 win 20000",
        "< P. 1:1001(1000) ack 1 win 20000",
    );
    let last = "+0 > . 1:1(0) ack 1001";
    push(
        1,
        TraceEvent::Sent(packet(0x10)),
        last,
        "> . 1:1(0) ack 501 win 64535",
    );
    let failure = failure(span("> . 1:1(0) ack 1001"), field, want, got);
    let message = format!("error[R001]: {}\n  --> a/one.pkt:8:1", failure.message);
    let mut result = result("a/one", Verdict::Fail(Box::new(failure)), &message);
    result.covers = vec!["RFC9293-MUST-8".to_string()];
    result.trace = trace;
    (source, result)
}
