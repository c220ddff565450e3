//! ICMP errors among the events, and bounds of memory: what the oracles find, and what they leave alone.

use rstest::rstest;

use super::engine::{Engine, Settings, play};
use super::icmp;
use super::input::{
    Anchor, Call, Event, Fields, Icmp, Input, Length, Number, Opening, Setup, Window,
};
use super::oracle::Oracle;
use super::packet::{self, ACK};
use super::script::Scribe;
use super::seed::from_trace;
use super::segment::{Ends, Segment, write};
use super::subject::{Answer, Micros, Plan, State, Subject};
use crate::target::reference::{ReferenceSubject, ReferenceTarget};
use crate::verdict::Verdict;

/// How a stack is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// It does not look at the number that an error quotes.
    AnyNumber,
    /// Any error ends the connection.
    Ends,
    /// It answers an error.
    Answers,
    /// It goes on to send as it did when a router says that less fits.
    Deaf,
    /// It believes any MTU, by sending everything again byte by byte.
    Tiny,
    /// It keeps a little of every packet.
    Keeps,
    /// It does not give back what it had for a connection.
    KeepsConnections,
    /// It holds a large buffer for each connection.
    Hoards,
}

/// The reference with something wrong about it.
struct Broken {
    inner: ReferenceSubject,
    wrong: Wrong,
    /// SEG.SEQ of the last text.
    last: Option<u32>,
    packets: usize,
    syns: usize,
    answer: Option<Vec<u8>>,
    /// Text, to be sent again.
    text: Option<Vec<u8>>,
}

impl Broken {
    fn new(inner: ReferenceSubject, wrong: Wrong) -> Broken {
        Broken {
            inner,
            wrong,
            last: None,
            packets: 0,
            syns: 0,
            answer: None,
            text: None,
        }
    }

    /// An error arrives.
    fn error(&mut self, datagram: &[u8], read: icmp::Read<'_>) {
        let is_too_big = read.mtu.is_some();
        match self.wrong {
            Wrong::AnyNumber => {
                let mut datagram = datagram.to_vec();
                if let (Some(seq), Some(_)) = (self.last, read.quoted) {
                    quote(&mut datagram, read.v6, seq);
                }
                self.inner.receive(&datagram);
            }
            Wrong::Ends => drop(self.inner.call(Call::Abort, &[], &mut Vec::new())),
            Wrong::Answers => {
                self.answer = self.text.take();
                self.inner.receive(datagram);
            }
            Wrong::Deaf if is_too_big => {}
            Wrong::Tiny if is_too_big && read.is_sound => {
                self.answer = self.text.take().map(cut);
            }
            _ => self.inner.receive(datagram),
        }
    }
}

/// Puts another number into the quote of an error, and the checksums right.
fn quote(datagram: &mut [u8], v6: bool, seq: u32) {
    let (outer, inner) = if v6 { (40, 40) } else { (20, 20) };
    let place = outer + 8 + inner + 4;
    // The sum changes by as much as the number does.
    let old = u32::from_be_bytes(datagram[place..place + 4].try_into().unwrap());
    datagram[place..place + 4].copy_from_slice(&seq.to_be_bytes());
    let words = |number: u32| u64::from(number >> 16) + u64::from(number & 0xffff);
    let sum = u16::from_be_bytes([datagram[outer + 2], datagram[outer + 3]]);
    let mut sum = u64::from(!sum) + words(!old) + words(seq);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    datagram[outer + 2..outer + 4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// A segment of one byte in the place of another.
fn cut(datagram: Vec<u8>) -> Vec<u8> {
    let Ok(packet) = packet::read(&datagram) else {
        return datagram;
    };
    let segment = Segment {
        seq: packet.seq,
        ack: packet.ack,
        flags: packet.flags,
        window: packet.window,
        text: 1,
        ..Segment::default()
    };
    let ends = Ends {
        peer: packet.source,
        subject: packet.destination,
    };
    let mut short = Vec::new();
    write(&segment, &ends, &mut short);
    short
}

impl Subject for Broken {
    fn restart(&mut self, plan: &Plan) {
        (self.last, self.answer, self.text) = (None, None, None);
        (self.packets, self.syns) = (0, 0);
        self.inner.restart(plan);
    }
    fn now(&self) -> Micros {
        self.inner.now()
    }
    fn receive(&mut self, datagram: &[u8]) {
        match icmp::read(datagram) {
            Some(read) => self.error(datagram, read),
            None => self.inner.receive(datagram),
        }
    }
    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        self.inner.call(call, text, into)
    }
    fn deadline(&self) -> Option<Micros> {
        self.inner.deadline()
    }
    fn advance(&mut self, to: Micros) {
        self.inner.advance(to);
    }
    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
        if let Some(answer) = self.answer.take() {
            *datagram = answer;
            return true;
        }
        if !self.inner.next_packet(datagram) {
            return false;
        }
        if let Ok(packet) = packet::read(datagram) {
            self.packets += 1;
            self.syns += usize::from(packet.has(packet::SYN));
            if !packet.text.is_empty() {
                self.last = Some(packet.seq);
                self.text = Some(datagram.clone());
            }
        }
        true
    }
    fn state(&self) -> Option<State> {
        self.inner.state()
    }
    fn is_users(&self) -> Option<bool> {
        self.inner.is_users()
    }
    fn takes_errors(&self) -> bool {
        true
    }
    fn memory(&self) -> Option<usize> {
        let extra = match self.wrong {
            Wrong::Keeps => self.packets * 500,
            Wrong::KeepsConnections => self.syns * 5_000,
            Wrong::Hoards if !matches!(self.state(), Some(State::Closed | State::Listen)) => {
                100_000
            }
            _ => 0,
        };
        self.inner.memory().map(|held| held + extra)
    }
    fn check(&self) -> Result<(), String> {
        self.inner.check()
    }
}

/// The first thing that is found within so many inputs.
fn search(broken: &mut impl Subject, profile: &str, inputs: usize) -> Option<(Oracle, String)> {
    let settings = Settings {
        seed: 5,
        most_events: 48,
        feedback: true,
    };
    let choices = ReferenceTarget::of_profile(profile).unwrap().choices();
    let mut engine = Engine::new(settings, choices);
    let finding = (0..inputs).find_map(|_| engine.step(broken))?;
    let violation = finding.found.violation;
    Some((violation.oracle, violation.to_string()))
}

#[rstest]
#[case(Wrong::AnyNumber, "rfc9293", Oracle::Specification)]
#[case(Wrong::AnyNumber, "linux", Oracle::Specification)]
#[case(Wrong::Ends, "linux", Oracle::Specification)]
#[case(Wrong::Ends, "freebsd", Oracle::Specification)]
#[case(Wrong::Answers, "rfc9293", Oracle::Specification)]
#[case(Wrong::Deaf, "rfc9293", Oracle::Outgoing)]
#[case(Wrong::Deaf, "linux", Oracle::Outgoing)]
#[case(Wrong::Deaf, "freebsd", Oracle::Outgoing)]
#[case(Wrong::Tiny, "linux", Oracle::Specification)]
#[case(Wrong::Keeps, "rfc9293", Oracle::Memory)]
#[case(Wrong::KeepsConnections, "linux", Oracle::Memory)]
#[case(Wrong::Hoards, "rfc9293", Oracle::Memory)]
fn what_is_wrong_is_found(#[case] wrong: Wrong, #[case] profile: &str, #[case] oracle: Oracle) {
    let target = ReferenceTarget::of_profile(profile).unwrap();
    let found = search(&mut Broken::new(target.subject(), wrong), profile, 5_000);
    let (by, message) = found.expect("nothing is found");
    assert_eq!(by, oracle, "{message}");
}

/// What was taken for a defect of a right stack.
#[rstest]
#[case::rtt_of_what_was_told_selectively(
    "linux",
    "01041c16050193d8b804562900000000e000000000000000e0000000\
00000000e0000000000000000010000001200807"
)]
#[case::timer_at_the_first_partial_acknowledgment_only(
    "freebsd",
    "01040311010333c3b804a22100000000001000000020\
00000010000000200000001000000020000000100000ffff000ae00000000000000000100000ffff000a"
)]
fn a_right_stack_is_not_accused(#[case] profile: &str, #[case] input: &str) {
    let digits = input.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let input = Input::decode(&digits.map(byte).collect::<Vec<u8>>());
    let target = ReferenceTarget::of_profile(profile).unwrap();
    let played = play(&mut target.subject(), &input, &mut (), target.choices());
    assert!(played.is_ok(), "{}", played.unwrap_err().violation);
}

/// Each of these errors is about text in flight, or nearly.
fn under_errors(v6: bool) -> Input {
    let error = |kind: u8, mtu: u16, seq: Number, quote: u8| {
        Event::Icmp(Icmp {
            kind,
            mtu,
            seq,
            quote,
        })
    };
    let last = Number {
        anchor: Anchor::Next,
        offset: -1,
    };
    let open = Fields {
        window: Window::Most,
        ..Fields::usual(ACK)
    };
    let text = Fields {
        text: Length::Bytes(100),
        ..Fields::usual(ACK)
    };
    let events = [
        Event::Call(Call::Send(3_000)),
        // Host unreachable; source quench or a hidden code; time exceeded.
        error(7, 0, Number::UNA, 0),
        error(12, 0, last, 8),
        error(13, 0, Number::UNA, 0),
        error(0, 1_300, Number::NEXT, 0),
        error(9, 0, Number::UNA, 13),
        error(0, 1_300, Number::UNA, 15),
        error(0, 1_300, Number::UNA, 12),
        error(0, 1_300, Number::UNA, 0),
        Event::Segment(open),
        Event::Call(Call::Send(3_000)),
        error(0, 1_400, Number::UNA, 9),
        Event::Segment(text),
        Event::Segment(open),
    ];
    Input {
        setup: Setup {
            opening: Opening::Accepted,
            v6,
            ..Setup::default()
        },
        events: events.map(Event::encode).to_vec(),
    }
}

#[rstest]
fn errors_are_written_as_a_script_and_read_again(#[values(false, true)] v6: bool) {
    let target = ReferenceTarget::default();
    let script = |input: &Input| {
        let mut scribe = Scribe::default();
        let played = play(&mut target.subject(), input, &mut scribe, target.choices());
        played.unwrap_or_else(|found| panic!("{}", found.violation));
        scribe.script(&input.setup, None)
    };
    let before = script(&under_errors(v6));
    let outcome = super::tests::outcome(&before, v6);
    assert!(
        matches!(outcome.verdict, Verdict::Pass),
        "{:?}\n{before}",
        outcome.verdict
    );
    let after = script(&from_trace(&outcome.trace).expect("it has segments"));
    let (before, after) = (
        super::tests::packets(&before),
        super::tests::packets(&after),
    );
    let errors = before.iter().filter(|line| line.starts_with("< icmp"));
    assert_eq!(errors.count(), 9, "{before:#?}");
    let shrunk = |line: &&String| line.contains("(1248)") || line.contains("(1228)");
    assert!(before.iter().any(|line| shrunk(&line)), "{before:#?}");
    assert_eq!(after[..before.len()], before);
}

/// A stack whose user wants none of them gets none.
#[test]
fn who_takes_no_errors_gets_none() {
    struct Deaf(Broken, usize);
    impl Subject for Deaf {
        fn restart(&mut self, plan: &Plan) {
            self.0.restart(plan);
        }
        fn now(&self) -> Micros {
            self.0.now()
        }
        fn receive(&mut self, datagram: &[u8]) {
            self.1 += usize::from(icmp::read(datagram).is_some());
            self.0.receive(datagram);
        }
        fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
            self.0.call(call, text, into)
        }
        fn deadline(&self) -> Option<Micros> {
            self.0.deadline()
        }
        fn advance(&mut self, to: Micros) {
            self.0.advance(to);
        }
        fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
            self.0.next_packet(datagram)
        }
        fn state(&self) -> Option<State> {
            self.0.state()
        }
        fn check(&self) -> Result<(), String> {
            self.0.check()
        }
    }
    let target = ReferenceTarget::default();
    let mut deaf = Deaf(Broken::new(target.subject(), Wrong::Ends), 0);
    play(&mut deaf, &under_errors(false), &mut (), target.choices()).expect("nothing is found");
    assert_eq!(deaf.1, 0);
}
