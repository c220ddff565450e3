//! The fuzzer itself: what it reads, what it reaches, and that it finds what is wrong.

use std::collections::BTreeSet;

use fastrand::Rng;
use proptest::prelude::*;
use rstest::rstest;

use super::engine::{Engine, Settings, play};
use super::input::{Call, Event, Fields, Input, Length, Opening, Setup, Wait};
use super::oracle::{Choices, Oracle};
use super::packet::{self, ACK, FIN, PSH, RST, SYN};
use super::play::Witness;
use super::script::Scribe;
use super::seed::from_trace;
use super::segment::{OptionBytes, Segment, write};
use super::shrink::shrink;
use super::subject::{Answer, Micros, Plan, State, Subject, ends};
use super::transcript::Transcript;
use crate::program::IpVersion;
use crate::runner::{self, RunOutcome, RunSettings};
use crate::script::{self, LoadContext};
use crate::source::Source;
use crate::target::reference::{ReferenceSubject, ReferenceTarget};
use crate::verdict::Verdict;
use crate::wire::{Transport, parse};

fn settings(seed: u64) -> Settings {
    Settings {
        seed,
        most_events: 48,
        feedback: true,
    }
}

fn reference() -> (ReferenceSubject, Choices) {
    let target = ReferenceTarget::default();
    (target.subject(), target.choices())
}

proptest! {
    /// What is written here is read here, and by the harness's own parser, alike.
    #[test]
    fn both_readers_agree(
        v6: bool,
        seq: u32,
        ack: u32,
        flags: u8,
        window: u16,
        urgent: u16,
        text in 0_u16..300,
        stamp in proptest::option::of(any::<(u32, u32)>()),
    ) {
        let mut options = OptionBytes::default();
        if let Some((value, echo)) = stamp {
            let mut option = vec![8, 10];
            option.extend(value.to_be_bytes());
            option.extend(echo.to_be_bytes());
            options.push(&option);
        }
        let segment = Segment { seq, ack, flags, window, urgent, text, options };
        let mut datagram = Vec::new();
        write(&segment, &ends(v6), &mut datagram);
        let read = packet::read(&datagram).unwrap();
        let parsed = parse(&datagram).unwrap();
        prop_assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
        let Transport::Tcp(tcp) = &parsed.packet.transport else { panic!("no TCP") };
        prop_assert_eq!(read.source, (parsed.packet.ip.source, tcp.source_port));
        prop_assert_eq!(read.destination, (parsed.packet.ip.destination, tcp.destination_port));
        prop_assert_eq!((read.seq, read.ack), (tcp.sequence, tcp.acknowledgment));
        prop_assert_eq!(u16::from(read.flags), tcp.flags.0);
        prop_assert_eq!((read.window, read.urgent), (tcp.window, tcp.urgent));
        prop_assert_eq!(read.text, &tcp.payload[..]);
        prop_assert_eq!(read.options.stamp, stamp);
    }

    /// Reading is total.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = packet::read(&bytes);
    }
}

#[derive(Default)]
struct States(BTreeSet<State>);

impl Witness for States {
    fn step(&mut self, _before: State, _event: &Event, after: State, _packets: usize) {
        self.0.insert(after);
    }
}

#[test]
fn noise_reaches_every_state() {
    let (mut subject, choices) = reference();
    let mut rng = Rng::with_seed(7);
    let mut states = States::default();
    for _ in 0..3_000 {
        let input = super::generate::input(&mut rng, 64);
        let result = play(&mut subject, &input, &mut states, choices);
        result.unwrap_or_else(|found| panic!("{}", found.violation));
    }
    let missing: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| !states.0.contains(state))
        .collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let told = || {
        let (mut subject, choices) = reference();
        let mut engine = Engine::new(settings(11), choices);
        for _ in 0..300 {
            assert!(engine.step(&mut subject).is_none());
        }
        let mut transcript = Transcript::default();
        for input in engine.kept() {
            let _ = play(&mut subject, input, &mut transcript, choices);
        }
        (transcript.text(), engine.totals.events)
    };
    assert_eq!(told(), told());
}

/// How a stack is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// It sends every packet twice.
    Twice,
    /// It never sends a RST.
    NoReset,
    /// It acknowledges one byte more than it has.
    AckBeyond,
    /// It hands the user a wrong byte.
    Byte,
    /// A packet's checksum is wrong.
    Checksum,
    /// It says that something is wrong with it.
    Invariant,
    /// It panics when it is called.
    Panic,
}

/// The reference with something wrong about it.
struct Broken {
    inner: ReferenceSubject,
    wrong: Wrong,
    again: Option<Vec<u8>>,
}

/// Changes a field and puts the checksum right again.
fn changed(datagram: &mut [u8], change: impl FnOnce(&mut Segment)) {
    let Ok(packet) = packet::read(datagram) else {
        return;
    };
    // Without options and text a segment is written whole.
    if !packet.text.is_empty() || packet.options != packet::Options::default() {
        return;
    }
    let mut segment = Segment {
        seq: packet.seq,
        ack: packet.ack,
        flags: packet.flags,
        window: packet.window,
        ..Segment::default()
    };
    change(&mut segment);
    let ends = super::segment::Ends {
        peer: packet.source,
        subject: packet.destination,
    };
    let mut new = Vec::new();
    write(&segment, &ends, &mut new);
    if new.len() == datagram.len() {
        datagram.copy_from_slice(&new);
    }
}

impl Subject for Broken {
    fn restart(&mut self, plan: &Plan) {
        self.again = None;
        self.inner.restart(plan);
    }
    fn now(&self) -> Micros {
        self.inner.now()
    }
    fn receive(&mut self, datagram: &[u8]) {
        self.inner.receive(datagram);
    }
    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        assert!(self.wrong != Wrong::Panic, "called");
        let answer = self.inner.call(call, text, into);
        if self.wrong == Wrong::Byte
            && let Some(byte) = into.last_mut()
        {
            *byte ^= 1;
        }
        answer
    }
    fn deadline(&self) -> Option<Micros> {
        self.inner.deadline()
    }
    fn advance(&mut self, to: Micros) {
        self.inner.advance(to);
    }
    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
        if let Some(again) = self.again.take() {
            *datagram = again;
            return true;
        }
        if !self.inner.next_packet(datagram) {
            return false;
        }
        let Ok(flags) = packet::read(datagram).map(|packet| packet.flags) else {
            return true;
        };
        match self.wrong {
            Wrong::Twice => self.again = Some(datagram.clone()),
            Wrong::NoReset if flags & RST != 0 => return self.next_packet(datagram),
            Wrong::AckBeyond if flags == ACK => {
                changed(datagram, |segment| {
                    segment.ack = segment.ack.wrapping_add(1)
                });
            }
            Wrong::Checksum => {
                if let Some(byte) = datagram.last_mut() {
                    *byte ^= 1;
                }
            }
            _ => {}
        }
        true
    }
    fn state(&self) -> Option<State> {
        self.inner.state()
    }
    fn check(&self) -> Result<(), String> {
        match self.wrong {
            Wrong::Invariant => Err("something".to_owned()),
            _ => self.inner.check(),
        }
    }
}

#[rstest]
#[case(Wrong::Twice, Oracle::Specification)]
#[case(Wrong::NoReset, Oracle::Specification)]
#[case(Wrong::AckBeyond, Oracle::Outgoing)]
#[case(Wrong::Byte, Oracle::Stream)]
#[case(Wrong::Checksum, Oracle::Outgoing)]
#[case(Wrong::Invariant, Oracle::Invariant)]
#[case(Wrong::Panic, Oracle::Panic)]
fn every_oracle_finds_what_is_wrong(#[case] wrong: Wrong, #[case] oracle: Oracle) {
    let (inner, choices) = reference();
    let mut broken = Broken {
        inner,
        wrong,
        again: None,
    };
    let mut engine = Engine::new(settings(3), choices);
    let finding = (0..2_000).find_map(|_| engine.step(&mut broken));
    let finding = finding.unwrap_or_else(|| panic!("{wrong:?} was not found"));
    assert_eq!(
        finding.found.violation.oracle, oracle,
        "{}",
        finding.found.violation
    );
    let small = shrink(&finding.input, &oracle, |input| {
        let result = play(&mut broken, input, &mut (), choices);
        result.err().map(|found| found.violation.oracle)
    });
    assert!(small.events.len() <= 4, "{small:?}");
}

#[test]
fn a_handshake_is_judged_and_passes() {
    let (mut subject, choices) = reference();
    let input = Input {
        setup: Setup {
            opening: Opening::Listening,
            ..Setup::default()
        },
        events: [
            Event::Segment(Fields::usual(SYN)),
            Event::Segment(Fields::usual(ACK)),
            Event::Call(Call::Accept),
        ]
        .map(Event::encode)
        .to_vec(),
    };
    let mut states = States::default();
    let played = play(&mut subject, &input, &mut states, choices).unwrap();
    assert!(played.events > 3 && played.judged > 2, "{played:?}");
    assert!(states.0.contains(&State::Established));
}

/// What a script does on the reference.
fn verdict(text: &str, v6: bool) -> Verdict {
    outcome(text, v6).verdict
}

/// The same with all that happened.
pub(super) fn outcome(text: &str, v6: bool) -> RunOutcome {
    let source = Source::new("finding.pkt", text);
    let target = ReferenceTarget::default();
    let ip_version = if v6 { IpVersion::Ipv6 } else { IpVersion::Ipv4 };
    let context = LoadContext {
        ip_version: Some(ip_version),
        ..runner::load_context(&target, &source)
    };
    let program = script::load(&source, &context);
    let program = program.unwrap_or_else(|found| panic!("{found:?}\n{text}"));
    let settings = RunSettings {
        ip_version,
        ..RunSettings::default()
    };
    runner::run(&program, &target, &settings)
}

/// Both sides send, and close.
fn conversation(opening: Opening, v6: bool, timestamps: bool) -> Input {
    let text = Fields {
        text: Length::Bytes(100),
        ..Fields::usual(ACK | PSH)
    };
    Input {
        setup: Setup {
            opening,
            v6,
            timestamps,
            isn: u32::MAX,
            ..Setup::default()
        },
        events: [
            Event::Segment(text),
            Event::Call(Call::Recv(u16::MAX)),
            Event::Call(Call::Send(3_000)),
            Event::Segment(Fields::usual(ACK)),
            Event::Wait(Wait::Timer),
            Event::Segment(Fields::usual(ACK | FIN)),
        ]
        .map(Event::encode)
        .to_vec(),
    }
}

/// The packets of a script's lines, without times and without SYNs, which have numbers of their own.
pub(super) fn packets(script: &str) -> Vec<String> {
    let lines = script.lines().filter_map(|line| line.split_once(' '));
    lines
        .map(|(_, line)| line.trim().to_owned())
        .filter(|line| line.starts_with(['<', '>']) && !line[1..].starts_with(" S"))
        .collect()
}

#[rstest]
fn the_trace_of_a_script_is_an_input_that_goes_the_same_way(
    #[values(Opening::Accepted, Opening::Connected)] opening: Opening,
    #[values(false, true)] v6: bool,
    #[values(false, true)] timestamps: bool,
) {
    let (mut subject, choices) = reference();
    let mut script = |input: &Input| {
        let mut scribe = Scribe::default();
        play(&mut subject, input, &mut scribe, choices).expect("nothing is found");
        scribe.script(&input.setup, None)
    };
    let before = script(&conversation(opening, v6, timestamps));
    let seed = from_trace(&outcome(&before, v6).trace).expect("it has segments");
    let after = packets(&script(&seed));
    // What ends a run of the fuzzer comes behind it.
    let before = packets(&before);
    assert_eq!(after[..before.len()], before);
    assert!(before.len() > 8, "{before:?}");
}

#[rstest]
fn a_run_written_as_a_script_goes_the_same_way(
    #[values(Opening::Accepted, Opening::Connected)] opening: Opening,
    #[values(false, true)] v6: bool,
    #[values(false, true)] timestamps: bool,
) {
    let (mut subject, choices) = reference();
    let input = conversation(opening, v6, timestamps);
    let mut scribe = Scribe::default();
    play(&mut subject, &input, &mut scribe, choices).unwrap();
    let text = scribe.script(&input.setup, None);
    let verdict = verdict(&text, v6);
    assert!(matches!(verdict, Verdict::Pass), "{verdict:?}\n{text}");
}

#[test]
fn a_finding_is_written_with_what_should_have_come() {
    let (inner, choices) = reference();
    let mut broken = Broken {
        inner,
        wrong: Wrong::NoReset,
        again: None,
    };
    let input = Input {
        setup: Setup {
            opening: Opening::Closed,
            ..Setup::default()
        },
        events: vec![Event::Segment(Fields::usual(SYN)).encode()],
    };
    let mut scribe = Scribe::default();
    let found = play(&mut broken, &input, &mut scribe, choices).unwrap_err();
    let text = scribe.script(&input.setup, Some(&found));
    insta::assert_snapshot!(text);
    // The reference is right.
    assert!(matches!(verdict(&text, false), Verdict::Pass));
}
