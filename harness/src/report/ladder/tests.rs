use super::*;
use crate::report::samples;
use crate::time::Time;
use crate::trace::TraceEvent;
use crate::verdict::Verdict;

/// The diagram as text that is well-formed XML.
fn drawn(source: &Source, result: &CaseResult) -> String {
    let text = ladder(result, source).expect("a diagram").into_string();
    roxmltree::Document::parse(&text).expect("well-formed");
    // A line an element is easier to read in a snapshot.
    text.replace("><", ">\n<")
}

#[test]
fn a_failure_is_drawn_with_its_field_marked() {
    let (source, result) = samples::failed("ack", "1001", "501");
    insta::assert_snapshot!(drawn(&source, &result));
}

#[test]
fn a_packet_that_did_not_come_is_drawn_broken() {
    let (source, mut result) = samples::failed("missing", "> . 1:1(0) ack 1001", "nothing");
    result.trace.entries.pop();
    let text = drawn(&source, &result);
    assert!(text.contains("class=\"arrow bad none\""), "{text}");
    assert!(text.contains("≠ this packet did not come"), "{text}");
    assert!(text.contains(">never<"), "{text}");
}

#[test]
fn each_field_is_marked_where_it_stands() {
    for (field, mark) in [
        ("flags", "<tspan class=\"bad\">.</tspan> 1:1(0)"),
        ("seq", "<tspan class=\"bad\">1:1(0)</tspan>"),
        ("window", "<tspan class=\"bad\">win 64535</tspan>"),
        ("time", "<text class=\"bad\" x=\"84\""),
    ] {
        let (source, result) = samples::failed(field, "a", "b");
        let text = drawn(&source, &result);
        assert_eq!(text.matches(mark).count(), 1, "{field}: {text}");
    }
}

#[test]
fn a_wrong_result_is_marked_at_its_call() {
    let (source, mut result) = samples::failed("result", "3", "4");
    if let Verdict::Fail(failure) = &mut result.verdict {
        failure.span = result.trace.entries[0].span;
    }
    let text = drawn(&source, &result);
    assert!(text.contains("<circle class=\"bad\""), "{text}");
    assert!(text.contains("≠ result: expected 3, got 4"), "{text}");
    assert!(!text.contains("arrow bad"), "{text}");
}

#[test]
fn a_long_trace_is_cut_and_what_differs_stays() {
    let (source, mut result) = samples::failed("ack", "1001", "501");
    let more = |at: i64| crate::trace::TraceEntry {
        at: Time::from_micros(at),
        what: TraceEvent::Sent(vec![0x45; 40]),
        span: None,
        text: format!("> . {at}:{at}(0) ack 1"),
    };
    result
        .trace
        .entries
        .extend((2_000_000..2_000_500).map(more));
    let text = drawn(&source, &result);
    // 505 events, of which 50 at each end are kept; what differs is the fifth.
    assert!(
        text.contains("405 events left out, 405 of them packets"),
        "{text}"
    );
    assert!(text.contains("≠ ack: expected 1001, got 501"));
    let culprit = result.trace.entries.remove(4);
    result.trace.entries.insert(250, culprit);
    let text = drawn(&source, &result);
    assert_eq!(text.matches(" events left out").count(), 2);
    assert!(text.contains("≠ ack: expected 1001, got 501"));
}

#[test]
fn nothing_that_happened_is_no_picture() {
    let source = Source::new("x", "");
    assert!(ladder(&samples::result("x", Verdict::Pass, ""), &source).is_none());
}

#[test]
fn markup_and_controls_are_text() {
    let (_, mut result) = samples::failed("ack", "</tspan><script>", "\u{1b}[0m&amp;\"'");
    let hostile = "+0 > . 1:1(0) ack 1001 // </svg><script>alert(1)</script>\u{0}\u{202e}\u{ffff}";
    let source = Source::new("<b>.pkt", hostile);
    result.case = "<script>alert(1)</script>".to_string();
    for entry in &mut result.trace.entries {
        entry.span = Some(crate::source::Span::new(0, hostile.len()));
        entry.text = format!("> . 1:1(0) ack 1 \"{hostile}\"");
    }
    let text = drawn(&source, &result);
    assert!(!text.contains("<script"), "{text}");
    assert_eq!(text.matches("</svg>").count(), 1);
}
