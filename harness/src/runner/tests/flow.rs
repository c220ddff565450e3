//! Time, options and the choice of a connection, here and as packetdrill has them.

use rstest::rstest;

use super::*;
use crate::program::ScriptOptions;
use crate::runner::RunOutcome;
use crate::target::reference::ReferenceTarget;
use crate::verdict::Failure;

pub(super) fn outcome(text: &str, target: &dyn Target, settings: RunSettings) -> RunOutcome {
    let source = Source::new("case.pkt", text);
    let context = LoadContext {
        ip_version: Some(IpVersion::Ipv4),
        drop_in: settings.drop_in,
        ..LoadContext::default()
    };
    let program = script::load(&source, &context).unwrap_or_else(|found| panic!("{found:#?}"));
    run(&program, target, &settings)
}

/// The verdict's name, or the fields that differ, first as tcpdrill judges, then as packetdrill.
fn both(text: &str, target: &dyn Target) -> [String; 2] {
    [false, true].map(|drop_in| {
        let settings = RunSettings {
            drop_in,
            ..RunSettings::default()
        };
        match outcome(text, target, settings).verdict {
            Verdict::Fail(failure) => fields(&failure),
            other => other.name().to_string(),
        }
    })
}

fn fields(failure: &Failure) -> String {
    let fields = failure.differences.iter().map(|found| found.field);
    fields.collect::<Vec<_>>().join(" ")
}

#[test]
fn packetdrills_tolerance_grows_with_what_the_event_before_could_have_taken() {
    let canned = Canned {
        replies: vec![
            syn_ack(),
            vec![
                (900_000, segment(PSH_ACK, ISN + 1, 1, &[0; 10])),
                (1_050_000, segment(PSH_ACK, ISN + 11, 1, &[0; 10])),
            ],
        ],
        ..Canned::default()
    };
    let text = format!(
        "{OPEN}+0 < . 1:1(0) ack 1 win 20000\n+0~+1 > P. 1:11(10) ack 1\n+.1 > P. 11:21(10) ack 1\n"
    );
    assert_eq!(both(&text, &canned), ["time", "pass"]);
}

/// When the call in flight comes back, and what the lines behind it say.
#[rstest]
#[case::another_call_beside_it(300_000, "+0...0.3 accept(3, ..., ...) = 4\n+0 close(3) = 0\n", ["pass", "time"])]
#[case::another_call_behind_it(300_000, "+0...0.3 accept(3, ..., ...) = 4\n+.3 close(3) = 0\n", ["pass", "pass"])]
#[case::a_call_a_second_later(2_000_000, "+0...2 accept(3, ..., ...) = 4\n+1 close(3) = 0\n+1 close(3) = 0\n", ["pass", "pass"])]
#[case::another_blocking_one(2_000_000, "+0...2 accept(3, ..., ...) = 4\n+.1...0.5 read(4, ..., 10) = 0\n", ["time", "blocked"])]
#[case::the_end_soon_enough(900_000, "+0...0.9 accept(3, ..., ...) = 4\n", ["pass", "pass"])]
#[case::the_end_too_soon(2_000_000, "+0...2 accept(3, ..., ...) = 4\n", ["pass", "blocked"])]
#[case::too_early(300_000, "+0...0.5 accept(3, ..., ...) = 4\n", ["time", "time"])]
#[case::counted_from_the_event_before(300_000, "+.1...0.3 accept(3, ..., ...) = 4\n", ["pass", "pass"])]
#[case::counted_from_its_own_start(400_000, "+.1...0.3 accept(3, ..., ...) = 4\n", ["time", "time"])]
#[case::beside_a_command(300_000, "+0...0.3 accept(3, ..., ...) = 4\n+0 `true`\n", ["pass", "pass"])]
fn a_blocking_call_and_what_stands_behind_it(
    #[case] completes_at: i64,
    #[case] rest: &str,
    #[case] expected: [&str; 2],
) {
    let canned = Canned {
        completes_at: Some(completes_at),
        ..Canned::default()
    };
    let text = format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n{rest}");
    assert_eq!(both(&text, &canned), expected);
}

/// What the stack has sent is what the call waits for.
#[test]
fn a_call_that_does_not_return_shows_what_was_sent_meanwhile() {
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0...0.5 connect(3, ..., ...) = 0\n";
    let target = ReferenceTarget::default();
    let outcome = outcome(text, &target, RunSettings::default());
    let Verdict::Fail(failure) = &outcome.verdict else {
        panic!("{:?}", outcome.verdict);
    };
    assert_eq!(failure.message, "connect() did not return");
    let notes = failure.notes.join("\n");
    assert!(notes.contains("> S 0:0(0) win"), "{notes}");
    assert!(outcome.trace.packets().count() >= 1);
}

/// Which connection unnamed lines mean, on the reference.
#[rstest]
#[case::listen_on_the_listener_again("+0 listen(3, 5) = 0\n+0 < S 0:0(0) win 20000 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n", ["pass", "flags seq ack window options"])]
#[case::a_new_socket("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 7\n+0 write(4, ..., 9) = 9\n", ["pass", "pass"])]
#[case::unread("+0 write(4, ..., 9) = 9\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 7\n", ["surplus", "pass"])]
#[case::unread_at_the_end("+0 write(4, ..., 9) = 9\n", ["surplus", "pass"])]
fn the_socket_made_last_is_under_test(#[case] rest: &str, #[case] expected: [&str; 2]) {
    let open = format!("{OPEN}+.1 < . 1:1(0) ack 1 win 20000\n+0 accept(3, ..., ...) = 4\n");
    let judged = both(&format!("{open}{rest}"), &ReferenceTarget::default());
    assert_eq!(judged[0], expected[0]);
    // What differs from a line that means another packet is of no interest.
    assert_eq!(judged[1] == "pass", expected[1] == "pass", "{}", judged[1]);
}

#[rstest]
#[case("--init_scripts=true\n", "pass")]
#[case("--init_scripts=\"true,false\"\n", "error")]
fn init_scripts_run_before_the_script(#[case] line: &str, #[case] verdict: &str) {
    let text = format!("{line}0 `true`\n");
    let settings = RunSettings::default();
    let outcome = outcome(&text, &Canned::default(), settings);
    assert_eq!(outcome.verdict.name(), verdict);
    let first = outcome.trace.entries.first().map(|entry| &*entry.text);
    assert_eq!(first, Some("`true`"));
}

#[rstest]
#[case::of_the_script("--mss=1000\n", ScriptOptions::default(), Some("option:mss"))]
#[case::of_the_command_line("", ScriptOptions { mss: Some(1000), ..ScriptOptions::default() }, Some("option:mss"))]
#[case::any_ip("", ScriptOptions { is_anyip: true, ..ScriptOptions::default() }, Some("option:is_anyip"))]
#[case::a_speed_makes_no_difference_here("--speed=1000\n", ScriptOptions::default(), None)]
fn what_an_option_asks_of_the_target_may_be_missing(
    #[case] line: &str,
    #[case] overrides: ScriptOptions,
    #[case] missing: Option<&str>,
) {
    let settings = RunSettings {
        overrides,
        ..RunSettings::default()
    };
    let text = format!("{line}0 `true`\n");
    match outcome(&text, &ReferenceTarget::default(), settings).verdict {
        Verdict::Skip { capability, .. } => assert_eq!(Some(&*capability), missing),
        other => assert_eq!((other.name(), missing), ("pass", None)),
    }
}

#[test]
fn options_of_the_command_line_act_like_lines_of_the_script() {
    let pieces = vec![
        (0, segment(PSH_ACK, ISN + 1, 1, &[0; 10])),
        (0, segment(PSH_ACK, ISN + 11, 1, &[0; 10])),
    ];
    let canned = Canned {
        replies: vec![syn_ack(), pieces],
        ..Canned::default()
    };
    let text = format!("{OPEN}+0 < . 1:1(0) ack 1 win 20000\n+0 > P. 1:21(20) ack 1\n");
    for (strict_segments, verdict) in [(false, "pass"), (true, "fail")] {
        let overrides = ScriptOptions {
            strict_segments,
            ..ScriptOptions::default()
        };
        let settings = RunSettings {
            overrides,
            ..RunSettings::default()
        };
        assert_eq!(outcome(&text, &canned, settings).verdict.name(), verdict);
    }
}

#[test]
fn mismatches_that_are_not_fatal_are_notes() {
    let canned = Canned {
        replies: vec![syn_ack()],
        ..Canned::default()
    };
    let text = format!(
        "--non_fatal=packet\n{}",
        OPEN.replace("ack 1 <...>", "ack 2 <mss 9>")
    );
    let outcome = outcome(&text, &canned, RunSettings::default());
    assert_eq!(outcome.verdict.name(), "pass");
    let notes = outcome.trace.entries.iter();
    let notes: Vec<&str> = notes
        .map(|entry| &*entry.text)
        .filter(|text| text.starts_with("warning: "))
        .collect();
    assert_eq!(
        notes,
        [
            "warning: ack: expected 2, got 1",
            "warning: options: expected <mss 9>, got <mss 1460>"
        ]
    );
}

/// A reply from this port of the stack.
fn from_port(port: u16, segment: TcpSegment) -> TcpSegment {
    TcpSegment {
        source_port: port,
        ..segment
    }
}

#[test]
fn what_an_old_connection_sends_again_does_not_begin_a_new_one() {
    const SYN: u16 = 0x02;
    const FIN_ACK: u16 = 0x11;
    // The first packet that is put in front of the stack draws all that it ever sends.
    let sent = vec![
        (0, from_port(40_000, segment(FIN_ACK, ISN + 1, 1, &[]))),
        (
            300_000,
            from_port(40_000, segment(FIN_ACK, ISN + 1, 1, &[])),
        ),
        (400_000, from_port(40_001, segment(SYN, 77, 0, &[]))),
    ];
    let canned = Canned {
        replies: vec![sent],
        ..Canned::default()
    };
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                +0 < 8080 > 40000 . 1:1(0) ack 1 win 1000\n\
                +0 connect(3, ..., ...) = 0\n\
                * > F. 5000001:5000001(0) ack 1\n\
                +.2 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                +0 connect(3, ..., ...) = 0\n\
                +.2 > S 0:0(0)\n";
    let settings = RunSettings::default();
    let outcome = outcome(text, &canned, settings);
    let message = crate::report::message(&outcome.verdict, &Source::new("case.pkt", text));
    assert_eq!(outcome.verdict.name(), "pass", "{message}");
}
