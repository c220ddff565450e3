//! Inputs from the traces of scripts: what cases do is where fuzzing begins.
//!
//! An input says less than a script: a segment comes out with the numbers, flags and about the length and window that it
//! had; what no event can say is left out.

use super::icmp::{self, Error, Flaw};
use super::input::{
    Call, Event, Fields, Icmp, Input, Length, MOST_EVENTS, Number, Opening, Setup, Wait, Window,
};
use super::ledger::Ledger;
use super::packet::{self, Packet, SYN};
use super::segment::{express, express_subjects};
use crate::time::Time;
use crate::trace::{Trace, TraceEvent};

/// Waits shorter than this are none.
const LEAST: i64 = 1_000;

/// Reads a trace.
#[derive(Debug)]
struct Reader {
    setup: Setup,
    ledger: Ledger,
    events: Vec<Event>,
    now: Time,
    /// The port of the subject and that of the peer.
    ports: Option<(u16, u16)>,
    /// The first OPEN is part of the setup.
    has_opened: bool,
}

/// The input that goes the way of this trace; `None` if nothing of it is the fuzzer's matter.
pub fn from_trace(trace: &Trace) -> Option<Input> {
    let first = trace
        .packets()
        .find_map(|(_, _, bytes)| packet::read(bytes).ok())?;
    let mut reader = Reader {
        setup: Setup {
            opening: Opening::Closed,
            v6: first.source.0.is_ipv6(),
            ..Setup::default()
        },
        ledger: Ledger::default(),
        events: Vec::new(),
        now: Time::ZERO,
        ports: None,
        has_opened: false,
    };
    for entry in &trace.entries {
        match &entry.what {
            TraceEvent::Injected(bytes) => {
                reader.pass(entry.at);
                match (packet::read(bytes), icmp::read(bytes)) {
                    (Ok(packet), _) => reader.arrived(&packet),
                    (_, Some(error)) => reader.error(&error),
                    _ => {}
                }
            }
            TraceEvent::Sent(bytes) => {
                if let Ok(packet) = packet::read(bytes) {
                    reader.ledger.sent(&packet);
                    reader.ports = Some((packet.source.1, packet.destination.1));
                }
            }
            TraceEvent::Call => {
                reader.pass(entry.at);
                reader.called(&entry.text);
            }
            TraceEvent::Note | TraceEvent::Printed => {}
        }
    }
    let has_segment = reader
        .events
        .iter()
        .any(|event| matches!(event, Event::Segment(_)));
    reader.events.truncate(MOST_EVENTS);
    has_segment.then(|| Input {
        setup: reader.setup,
        events: reader.events.into_iter().map(Event::encode).collect(),
    })
}

impl Reader {
    /// Time passes up to here.
    fn pass(&mut self, at: Time) {
        let micros = at.as_micros() - self.now.as_micros();
        if micros < LEAST {
            return;
        }
        self.now = at;
        let millis = micros / 1_000;
        let seconds = u8::try_from(millis / 1_000).unwrap_or(u8::MAX);
        self.events.push(Event::Wait(match u16::try_from(millis) {
            Ok(millis) => Wait::Millis(millis),
            Err(_) => Wait::Seconds(seconds),
        }));
    }

    fn arrived(&mut self, packet: &Packet<'_>) {
        let is_first = self.ledger.peer.first.is_none();
        if is_first && packet.has(SYN) {
            self.offer(packet);
        }
        let (seq, ack) = express(&self.ledger, packet.seq, packet.seq, packet.ack);
        let fields = Fields {
            // The first number is the setup's, whatever it was.
            seq: seq.unwrap_or(Number::NEXT),
            ack: ack.unwrap_or(Number::NEXT),
            sacks: packet.options.sack_count.min(3),
            text: self.length(packet),
            window: self.window(packet.window),
            ..Fields::usual(packet.flags)
        };
        self.events.push(Event::Segment(fields));
        self.ledger.arrived(packet, packet.has(SYN) && is_first);
    }

    /// An ICMP error, if an event can say it.
    fn error(&mut self, error: &icmp::Read<'_>) {
        let flaw = match error.quoted {
            _ if !error.is_sound => Flaw::Checksum,
            None => Flaw::Short,
            Some((own, peers, ..)) if self.ports.is_some_and(|ports| ports != (own, peers)) => {
                Flaw::PeersPort
            }
            Some(_) => Flaw::None,
        };
        let say = Error::say(error.kind, error.code, error.v6);
        let seq = match error.quoted {
            Some((_, _, seq, _)) => express_subjects(&self.ledger, seq),
            None => None,
        };
        // Of another connection's, or of none, it does not matter which.
        let is_free = matches!(flaw, Flaw::Short | Flaw::PeersPort);
        let seq = seq.or(is_free.then_some(Number::UNA));
        let (Some(kind), Some(seq)) = (say, seq) else {
            return;
        };
        self.events.push(Event::Icmp(Icmp {
            kind,
            mtu: error.mtu.unwrap_or(0),
            seq,
            quote: flaw.code(),
        }));
    }

    /// What the peer's SYN offers is the setup's.
    fn offer(&mut self, packet: &Packet<'_>) {
        let options = &packet.options;
        self.setup.mss = options
            .mss
            .filter(|mss| Setup::can_say_mss(*mss))
            .or(self.setup.mss);
        self.setup.window_scale = options.scale.filter(|scale| *scale <= 15);
        self.setup.sack = options.sack_permitted;
        self.setup.timestamps = options.stamp.is_some();
    }

    fn length(&self, packet: &Packet<'_>) -> Length {
        let full = usize::from(self.ledger.subject.mss.unwrap_or(536));
        match packet.text.len() {
            0 => Length::None,
            len if len == full + 1 => Length::Over,
            len if len >= full => Length::Full,
            len => Length::Bytes(u8::try_from(len).unwrap_or(u8::MAX)),
        }
    }

    fn window(&self, window: u16) -> Window {
        let last = match self.ledger.peer.first {
            Some(_) => self.ledger.peer.window,
            None => 20_000,
        };
        match window {
            0 => Window::Zero,
            1 => Window::One,
            window if window == last => Window::Same,
            window if window == last / 2 => Window::Half,
            window if u32::from(window) <= 1_460 => Window::Segment,
            window if window > last => Window::Most,
            _ => Window::Same,
        }
    }

    /// A call, as the trace writes it: `write(…) = 1000`.
    fn called(&mut self, text: &str) {
        let Some((name, rest)) = text.split_once('(') else {
            return;
        };
        let count = rest
            .split_once("= ")
            .and_then(|(_, result)| result.trim().parse().ok());
        let call = match name.trim() {
            "listen" => Call::Listen,
            "connect" => Call::Connect,
            "accept" => Call::Accept,
            "write" | "send" | "sendto" | "sendmsg" => Call::Send(count.unwrap_or(1_000)),
            "read" | "recv" | "recvfrom" | "recvmsg" => Call::Recv(count.unwrap_or(u16::MAX)),
            "shutdown" => Call::Shutdown,
            "close" => Call::Close,
            _ => return,
        };
        match (call, self.has_opened) {
            (Call::Listen, false) => self.setup.opening = Opening::Listening,
            (Call::Connect, false) => self.setup.opening = Opening::Connecting,
            (call, _) => self.events.push(Event::Call(call)),
        }
        self.has_opened |= matches!(call, Call::Listen | Call::Connect);
    }
}
