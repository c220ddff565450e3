//! The runner against a stack that says exactly what a test tells it to.

mod ip;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::call::{Call, Errno, Fd, Outcome, Output};
use crate::expect::payload::{Direction, bytes_at};
use crate::program::{Capability, IpVersion, Program};
use crate::script::{self, LoadContext};
use crate::source::Source;
use crate::target::{
    CallReport, CommandReport, Observed, Session, SessionSettings, Target, TargetError, Tick,
};
use crate::time::{Moment, Time};
use crate::verdict::Verdict;
use crate::wire::{IpFields, Packet, TcpFlags, TcpOption, TcpSegment, Transport};

use super::{RunSettings, run};

mod commands;
mod flow;
mod lateness;
mod tcp;
mod undecided;

const ISN: u32 = 5_000_000;
const ACK: u16 = 0x10;
const SYN_ACK: u16 = 0x12;
const PSH_ACK: u16 = 0x18;

/// What the canned stack does: replies to each injected packet in turn, results of each call in turn.
#[derive(Clone, Default)]
struct Canned {
    replies: Vec<Vec<(u64, TcpSegment)>>,
    outcomes: Vec<Outcome>,
    /// The completion of a blocking call, microseconds after the start of the script.
    completes_at: Option<i64>,
}

struct CannedSession {
    script: Canned,
    settings: SessionSettings,
    now: Time,
    injected: usize,
    calls: usize,
    outbox: VecDeque<Observed>,
}

impl Target for Canned {
    fn name(&self) -> &'static str {
        "canned"
    }
    fn defines(&self) -> Vec<String> {
        Vec::new()
    }
    fn lacks(&self, capability: &Capability) -> Option<String> {
        (capability.0 == "udp").then(|| "this stack speaks TCP only".to_string())
    }
    fn is_virtual(&self) -> bool {
        true
    }
    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(CannedSession {
            script: self.clone(),
            settings: settings.clone(),
            now: Time::ZERO,
            injected: 0,
            calls: 0,
            outbox: VecDeque::new(),
        }))
    }
}

impl CannedSession {
    fn next_outcome(&mut self, call: &Call) -> Outcome {
        let default = match call {
            Call::Socket { .. } => 3,
            Call::Accept { .. } => 4,
            Call::Write { data, .. } => data.len() as i64,
            _ => 0,
        };
        let canned = self.script.outcomes.get(self.calls).cloned();
        self.calls += 1;
        canned.unwrap_or(Outcome::ok(default))
    }
}

impl Session for CannedSession {
    fn start(&mut self) {}
    fn now(&mut self) -> Time {
        self.now
    }
    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.now = self.now.max(time);
        Ok(())
    }
    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let port = u16::from_be_bytes([datagram[20], datagram[21]]);
        for (delay, segment) in self
            .script
            .replies
            .get(self.injected)
            .cloned()
            .unwrap_or_default()
        {
            let segment = TcpSegment {
                destination_port: port,
                ..segment
            };
            let ip = IpFields {
                source: self.settings.local_ip,
                destination: self.settings.remote_ip,
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            };
            let bytes = Packet {
                ip,
                transport: Transport::Tcp(segment),
            }
            .build()
            .unwrap();
            self.outbox.push_back(Observed {
                at: self.now + Duration::from_micros(delay),
                bytes,
            });
        }
        self.injected += 1;
        Ok(Moment::at(self.now))
    }
    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        match self.outbox.front() {
            Some(observed) if observed.at <= deadline => {
                self.now = self.now.max(observed.at);
                Ok(self.outbox.pop_front())
            }
            Some(_) | None => {
                self.now = self.now.max(deadline);
                Ok(None)
            }
        }
    }
    fn call(&mut self, call: &Call, _limit: Duration) -> Result<CallReport, TargetError> {
        let outcome = self.next_outcome(call);
        Ok(CallReport::Returned {
            moment: Moment::at(self.now),
            outcome,
        })
    }
    fn start_call(&mut self, _call: &Call) -> Result<Moment, TargetError> {
        Ok(Moment::at(self.now))
    }
    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        match self.script.completes_at.map(Time::from_micros) {
            Some(at) if at <= deadline => {
                self.now = self.now.max(at);
                Ok(CallReport::Returned {
                    moment: Moment {
                        start: Time::ZERO,
                        end: at,
                    },
                    outcome: Outcome::ok(4),
                })
            }
            Some(_) | None => Ok(CallReport::Blocked),
        }
    }
    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        let status = Some(i32::from(command != "true"));
        Ok(CommandReport {
            status,
            output: "it broke".to_string(),
        })
    }
    fn socket_info(&mut self, _fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        Ok([
            ("tcpi_state".to_string(), 7),
            ("tcpi_unacked".to_string(), 3),
        ]
        .into())
    }
}

fn segment(flags: u16, sequence: u32, acknowledgment: u32, payload: &[u8]) -> TcpSegment {
    TcpSegment {
        source_port: 8080,
        destination_port: 0,
        sequence,
        acknowledgment,
        flags: TcpFlags(flags),
        reserved: 0,
        window: 64_000,
        urgent: 0,
        options: Vec::new(),
        payload: payload.to_vec(),
    }
}

fn syn_ack() -> Vec<(u64, TcpSegment)> {
    let options = vec![TcpOption::MaximumSegmentSize(1460)];
    vec![(
        0,
        TcpSegment {
            options,
            ..segment(SYN_ACK, ISN, 1, &[])
        },
    )]
}

/// Runs `text` after a listening socket and a SYN that the canned stack has answered.
/// The script read, if it is right.
pub(super) fn program(text: &str) -> Program {
    let source = Source::new("case.pkt", text);
    let context = LoadContext {
        ip_version: Some(IpVersion::Ipv4),
        ..LoadContext::default()
    };
    script::load(&source, &context).unwrap_or_else(|found| {
        let shown: Vec<String> = found
            .iter()
            .map(|diagnostic| {
                crate::diagnostic::render::render(
                    diagnostic,
                    crate::diagnostic::render::Color::Never,
                )
            })
            .collect();
        panic!("{}", shown.join("\n"))
    })
}

fn run_text(text: &str, target: &dyn Target) -> (Verdict, String) {
    let program = program(text);
    let outcome = run(&program, target, &RunSettings::default());
    let message = crate::report::message(&outcome.verdict, &program.source);
    (outcome.verdict, message)
}

const OPEN: &str = " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
";

fn after_handshake(rest: &str, replies: Vec<(u64, TcpSegment)>) -> (Verdict, String) {
    let canned = Canned {
        replies: vec![syn_ack(), replies],
        ..Canned::default()
    };
    run_text(&format!("{OPEN}{rest}"), &canned)
}

#[test]
fn a_stack_that_does_as_written_passes() {
    let replies = vec![(1_000, segment(ACK, ISN + 1, 11, &[]))];
    let (verdict, message) = after_handshake(
        "+.1 < P. 1:11(10) ack 1 win 20000\n+.001 > . 1:1(0) ack 11\n",
        replies,
    );
    assert_eq!(verdict.name(), "pass", "{message}");
}

#[test]
fn every_differing_field_is_reported_at_once() {
    let wrong = TcpSegment {
        urgent: 3,
        window: 10,
        options: vec![
            TcpOption::NoOperation,
            TcpOption::NoOperation,
            TcpOption::SackPermitted,
        ],
        ..segment(PSH_ACK, ISN + 2, 7, &[0; 4])
    };
    let (_, message) = after_handshake(
        "+.1 < P. 1:11(10) ack 1 win 20000\n+.001 > . 1:1(0) ack 11 win 20\n",
        vec![(40_000, wrong)],
    );
    insta::assert_snapshot!(message);
}

#[test]
fn a_packet_that_never_comes_is_reported_with_what_did() {
    let (_, message) = after_handshake(
        "+.1 < P. 1:11(10) ack 1 win 20000\n+.001 > . 1:1(0) ack 11\n",
        vec![],
    );
    insta::assert_snapshot!(message);
}

#[test]
fn a_packet_too_late_differs_in_time_only() {
    let (_, message) = after_handshake(
        "+.1 < P. 1:11(10) ack 1 win 20000\n+.040 > . 1:1(0) ack 11\n",
        vec![(46_000, segment(ACK, ISN + 1, 11, &[]))],
    );
    insta::assert_snapshot!(message);
}

#[test]
fn a_surplus_packet_fails_unless_the_case_does_not_care() {
    let replies = vec![(0, segment(ACK, ISN + 1, 11, &[]))];
    let script = "+.1 < P. 1:11(10) ack 1 win 20000\n+.1 bind(3, ..., ...) = 0\n";
    let (verdict, message) = after_handshake(script, replies.clone());
    assert_eq!(verdict.name(), "fail");
    insta::assert_snapshot!(message);
    let canned = Canned {
        replies: vec![syn_ack(), replies],
        ..Canned::default()
    };
    let (verdict, _) = run_text(&format!("// surplus: ignore\n{OPEN}{script}"), &canned);
    assert_eq!(verdict.name(), "pass");
}

#[test]
fn segments_in_a_row_make_the_one_written() {
    let replies = vec![
        (0, segment(ACK, ISN + 1, 1, &[0; 1000])),
        (0, segment(ACK, ISN + 1001, 1, &[0; 1000])),
        (0, segment(PSH_ACK, ISN + 2001, 1, &[0; 500])),
    ];
    let line = "+.1 < . 1:1(0) ack 1 win 20000\n+0 > P. 1:2501(2500) ack 1\n";
    let (verdict, message) = after_handshake(line, replies.clone());
    assert_eq!(verdict.name(), "pass", "{message}");
    let canned = Canned {
        replies: vec![syn_ack(), replies],
        ..Canned::default()
    };
    let (verdict, _) = run_text(&format!("--strict_segments\n{OPEN}{line}"), &canned);
    assert_eq!(verdict.name(), "fail");
}

#[test]
fn segments_that_do_not_join_are_not_made_one() {
    let replies = vec![
        (0, segment(ACK, ISN + 1, 1, &[0; 1000])),
        (0, segment(ACK, ISN + 901, 1, &[0; 1000])),
    ];
    let (verdict, message) = after_handshake(
        "+.1 < . 1:1(0) ack 1 win 20000\n+0 > . 1:2001(2000) ack 1\n",
        replies,
    );
    assert_eq!(verdict.name(), "fail");
    assert!(message.contains("differs in length"), "{message}");
}

/// What merging must not hide: each of these stands in the first of two pieces.
#[test]
fn every_piece_of_a_merged_packet_is_judged() {
    let first = || segment(ACK, ISN + 1, 1, &[0; 1000]);
    let stamp = TcpOption::Timestamps {
        value: 1,
        echo_reply: 0,
    };
    let options = vec![TcpOption::NoOperation, TcpOption::NoOperation, stamp];
    let pieces = [
        (first(), ""),
        (
            TcpSegment {
                acknowledgment: 4_000_000,
                ..first()
            },
            "ack",
        ),
        (
            TcpSegment {
                window: 0,
                ..first()
            },
            "window",
        ),
        (TcpSegment { options, ..first() }, "options"),
        (
            TcpSegment {
                urgent: 77,
                ..first()
            },
            "urgent",
        ),
        (
            TcpSegment {
                reserved: 7,
                ..first()
            },
            "reserved",
        ),
        (segment(ACK | 1, ISN + 1, 1, &[0; 1000]), "flags"),
    ];
    let line = "+.1 < . 1:1(0) ack 1 win 20000\n+0 > P. 1:2001(2000) ack 1 win 64000\n";
    for (piece, field) in pieces {
        let second = segment(PSH_ACK, ISN + 1001, 1, &[0; 1000]);
        let (verdict, message) = after_handshake(line, vec![(0, piece), (0, second)]);
        match verdict {
            Verdict::Fail(failure) => assert_eq!(failure.differences[0].field, field, "{message}"),
            verdict => assert_eq!((verdict.name(), field), ("pass", ""), "{message}"),
        }
    }
}

#[test]
fn a_merged_packet_is_early_if_its_first_piece_is() {
    let pieces = vec![
        (0, segment(ACK, ISN + 1, 1, &[0; 1000])),
        (1_000_000, segment(PSH_ACK, ISN + 1001, 1, &[0; 1000])),
    ];
    let line = "+.1 < . 1:1(0) ack 1 win 20000\n+1 > P. 1:2001(2000) ack 1\n";
    let (verdict, message) = after_handshake(line, pieces);
    assert_eq!(verdict.name(), "fail");
    assert!(message.contains("1s too early"), "{message}");
}

#[test]
fn an_answer_from_a_wrong_address_is_a_difference() {
    let source = Source::new("case.pkt", OPEN);
    let context = LoadContext {
        ip_version: Some(IpVersion::Ipv4),
        ..LoadContext::default()
    };
    let program = script::load(&source, &context).unwrap_or_else(|_| panic!("the script reads"));
    let readdressed = Damaging(
        Canned {
            replies: vec![syn_ack()],
            ..Canned::default()
        },
        readdress,
    );
    let Verdict::Fail(failure) = run(&program, &readdressed, &RunSettings::default()).verdict
    else {
        panic!("passed")
    };
    assert_eq!(failure.differences[0].field, "source");
}

fn readdress(bytes: &mut Vec<u8>) {
    let mut packet = crate::wire::parse(bytes).unwrap().packet;
    packet.ip.source = "10.9.9.9".parse().unwrap();
    *bytes = packet.build().unwrap();
}

#[expect(clippy::ptr_arg, reason = "one signature for all kinds of damage")]
fn damage_checksum(bytes: &mut Vec<u8>) {
    // The checksum field itself: the contents stay as expected.
    bytes[20 + 17] ^= 1;
}

#[test]
fn stale_payload_is_told_from_the_stream_that_belongs_there() {
    let header = "// covers: RFC9293-MUST-2\n";
    let line = "+.1 < . 1:1(0) ack 1 win 20000\n+0 > P. 1:101(100) ack 1\n";
    for (offset, verdict) in [(0, "pass"), (7, "fail")] {
        let bytes = bytes_at(Direction::FromStack, offset, 100);
        let replies = vec![syn_ack(), vec![(0, segment(PSH_ACK, ISN + 1, 1, &bytes))]];
        let canned = Canned {
            replies,
            ..Canned::default()
        };
        let (seen, message) = run_text(&format!("{header}{OPEN}{line}"), &canned);
        assert_eq!(seen.name(), verdict, "{message}");
        assert_eq!(
            message.contains("stream's bytes +7"),
            offset == 7,
            "{message}"
        );
    }
}

#[test]
fn what_read_returns_is_held_against_the_stream() {
    let script = format!(
        "// covers: RFC9293-MUST-2\n{OPEN}+0 accept(3, ..., ...) = 4\n+0 read(4, ..., 9) = 9\n"
    );
    for (offset, verdict) in [(0, "pass"), (1, "fail")] {
        let data = bytes_at(Direction::ToStack, offset, 9);
        let mut outcomes = vec![
            Outcome::ok(3),
            Outcome::ok(0),
            Outcome::ok(0),
            Outcome::ok(9),
        ];
        outcomes.push(Outcome::with(9, Output::Bytes(data)));
        let canned = Canned {
            replies: vec![syn_ack()],
            outcomes,
            ..Canned::default()
        };
        let (seen, message) = run_text(&script, &canned);
        assert_eq!(seen.name(), verdict, "{message}");
    }
}

#[test]
fn a_wrong_result_names_result_and_errno() {
    let outcomes = vec![Outcome::ok(3), Outcome::failed(Errno(98))];
    let canned = Canned {
        outcomes,
        ..Canned::default()
    };
    let (_, message) = run_text(OPEN, &canned);
    insta::assert_snapshot!(message);
}

#[test]
fn a_blocking_call_must_return_at_its_time() {
    let script = " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 listen(3, 1) = 0
+.1...0.3 accept(3, ..., ...) = 4
+.4 `true`
";
    // Both times count from the same point, so the call lasts 0.2 s.
    for (at, verdict) in [
        (300_000, "pass"),
        (200_000, "fail"),
        (400_000, "fail"),
        (900_000, "fail"),
    ] {
        let canned = Canned {
            completes_at: Some(at),
            ..Canned::default()
        };
        let (seen, message) = run_text(script, &canned);
        assert_eq!(seen.name(), verdict, "at {at}: {message}");
    }
}

#[test]
fn a_missing_capability_is_a_skip_before_anything_runs() {
    let (verdict, message) = run_text(
        " 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n",
        &Canned::default(),
    );
    assert_eq!(verdict.name(), "skip");
    assert_eq!(message, "udp: this stack speaks TCP only");
}

#[test]
fn a_command_that_fails_and_an_assertion_that_breaks_fail_the_case() {
    let (_, command) = run_text(" 0 `false`\n", &Canned::default());
    let socket = " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
    let assertion = format!("{socket}+0 %{{ assert tcpi_unacked == 2, tcpi_state }}%\n");
    let (_, assertion) = run_text(&assertion, &Canned::default());
    insta::assert_snapshot!(format!("{command}\n{assertion}"));
}

#[test]
fn a_damaged_checksum_is_a_difference() {
    let source = Source::new("case.pkt", OPEN);
    let context = LoadContext {
        ip_version: Some(IpVersion::Ipv4),
        ..LoadContext::default()
    };
    let program = script::load(&source, &context).unwrap_or_else(|_| panic!("the script reads"));
    let damaging = Damaging(
        Canned {
            replies: vec![syn_ack()],
            ..Canned::default()
        },
        damage_checksum,
    );
    let outcome = run(&program, &damaging, &RunSettings::default());
    let Verdict::Fail(failure) = outcome.verdict else {
        panic!("{:?}", outcome.verdict)
    };
    assert_eq!(failure.differences[0].field, "checksum");
}

/// A canned stack whose packets are damaged on the way out.
struct Damaging(Canned, fn(&mut Vec<u8>));

struct DamagingSession(Box<dyn Session>, fn(&mut Vec<u8>));

impl Target for Damaging {
    fn name(&self) -> &'static str {
        "damaging"
    }
    fn defines(&self) -> Vec<String> {
        Vec::new()
    }
    fn lacks(&self, capability: &Capability) -> Option<String> {
        self.0.lacks(capability)
    }
    fn is_virtual(&self) -> bool {
        true
    }
    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(DamagingSession(self.0.open(settings)?, self.1)))
    }
}

impl Session for DamagingSession {
    fn start(&mut self) {}
    fn now(&mut self) -> Time {
        self.0.now()
    }
    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.0.sleep_until(time)
    }
    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        self.0.inject(datagram)
    }
    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        let mut observed = self.0.next_packet(deadline)?;
        if let Some(observed) = &mut observed {
            self.1(&mut observed.bytes);
        }
        Ok(observed)
    }
    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        self.0.call(call, limit)
    }
    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        self.0.start_call(call)
    }
    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        self.0.finish_call(deadline)
    }
    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        self.0.command(command)
    }
    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        self.0.socket_info(fd)
    }
}
