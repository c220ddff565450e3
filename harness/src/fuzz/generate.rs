//! Events drawn at random, most of which mean something.

use fastrand::Rng;

use super::input::{
    Anchor, Call, Event, Fields, Icmp, Input, Length, Number, Record, Setup, Stamp, Wait, Window,
};
use super::packet::{ACK, FIN, PSH, RST, SYN, URG};
use super::phrase;

/// An input of so many events at most, and at least one.
pub fn input(rng: &mut Rng, most: usize) -> Input {
    let setup = setup(rng);
    let count = rng.usize(1..=most.max(1));
    let mut events = Vec::with_capacity(count + 16);
    while events.len() < count {
        match rng.u8(0..8) {
            0 => phrase::add(rng, &mut events),
            _ => events.push(event(rng)),
        }
    }
    events.truncate(count);
    Input {
        setup,
        events: events.into_iter().map(Event::encode).collect(),
    }
}

/// Several events that mean something together, as their bytes.
pub fn phrase(rng: &mut Rng) -> Vec<Record> {
    let mut events = Vec::with_capacity(16);
    phrase::add(rng, &mut events);
    events.into_iter().map(Event::encode).collect()
}

/// A setup, all forms alike often.
pub fn setup(rng: &mut Rng) -> Setup {
    let mut record = [0; 8];
    rng.fill(&mut record);
    // Never a census: the engine begins with one.
    record[1] &= 7;
    Setup::decode(record)
}

/// An event, as its bytes.
pub fn record(rng: &mut Rng) -> Record {
    event(rng).encode()
}

/// An event.
pub fn event(rng: &mut Rng) -> Event {
    match rng.u8(0..100) {
        0..45 => Event::Segment(polite(rng)),
        45..65 => Event::Segment(odd(rng)),
        65..67 => Event::Stranger(odd(rng)),
        67..69 => Event::Repeat(rng.u8(0..4)),
        69 => Event::Icmp(error(rng)),
        70..88 => Event::Call(call(rng)),
        _ => Event::Wait(wait(rng)),
    }
}

/// A segment that a well-behaved peer could send.
fn polite(rng: &mut Rng) -> Fields {
    let flags = match rng.u8(0..20) {
        0..12 => ACK,
        12 | 13 => ACK | PSH,
        14 | 15 => ACK | FIN,
        16 => SYN,
        17 => SYN | ACK,
        18 => ACK | URG,
        _ => RST,
    };
    let text = match rng.u8(0..8) {
        0..4 => Length::None,
        4 | 5 => Length::Bytes([1, 2, 10, 100][rng.usize(0..4)]),
        6 => Length::Full,
        _ => Length::Window,
    };
    Fields {
        text: if flags & (SYN | RST) == 0 {
            text
        } else {
            Length::None
        },
        window: window(rng),
        sacks: if rng.u8(0..8) == 0 { rng.u8(1..4) } else { 0 },
        seq: match rng.u8(0..8) {
            0 => Number {
                anchor: Anchor::Una,
                offset: 0,
            },
            _ => Number::NEXT,
        },
        ack: match rng.u8(0..8) {
            0 => Number {
                anchor: Anchor::Una,
                offset: [0, 0, 1, 100][rng.usize(0..4)],
            },
            _ => Number::NEXT,
        },
        ..Fields::usual(flags)
    }
}

/// A segment with one thing or another that should not be.
fn odd(rng: &mut Rng) -> Fields {
    let mut fields = polite(rng);
    for _ in 0..rng.u8(1..3) {
        match rng.u8(0..8) {
            0 | 1 => fields.seq = number(rng),
            2 | 3 => fields.ack = number(rng),
            4 => fields.flags = rng.u8(..),
            5 => {
                fields.text = [
                    Length::Over,
                    Length::Window,
                    Length::Beyond,
                    Length::Bytes(255),
                ][rng.usize(0..4)];
            }
            6 => fields.stamp = [Stamp::Wrong, Stamp::Old, Stamp::Echo][rng.usize(0..3)],
            _ if rng.bool() => fields.damage = Some(rng.u8(..)),
            _ => fields.sacks = rng.u8(0..4),
        }
    }
    fields
}

/// MTUs: those of links, of RFC 1191 §7.1 and of borders; none, too small ones, and too large ones.
const MTUS: [u16; 16] = [
    0, 1, 67, 68, 296, 552, 576, 1_006, 1_279, 1_280, 1_300, 1_400, 1_492, 1_500, 1_501, 65_535,
];

/// An ICMP error, most often about something that is on its way.
pub(super) fn error(rng: &mut Rng) -> Icmp {
    let offset = match rng.u8(0..8) {
        0..5 => 0,
        5 => -1,
        _ => rng.i16(-3..=3),
    };
    let anchor = match rng.u8(0..8) {
        0..5 => Anchor::Una,
        5 | 6 => Anchor::Next,
        _ => Anchor::Segment,
    };
    Icmp {
        kind: rng.u8(..),
        mtu: match rng.u8(0..8) {
            0 => rng.u16(..),
            _ => MTUS[rng.usize(0..MTUS.len())],
        },
        seq: match rng.u8(0..8) {
            0 => number(rng),
            _ => Number { anchor, offset },
        },
        quote: match rng.u8(0..6) {
            0 => rng.u8(..),
            _ => rng.u8(0..11),
        },
    }
}

fn number(rng: &mut Rng) -> Number {
    let mut number = Number::decode(rng.u16(..));
    // Most of what goes wrong goes wrong by one.
    if rng.u8(0..4) != 0 {
        number.offset = rng.i16(-2..=2);
    }
    number
}

/// A window, most often that of before.
pub(super) fn window(rng: &mut Rng) -> Window {
    match rng.u8(0..10) {
        0 => Window::Zero,
        1 => Window::One,
        2 => Window::Half,
        3 => Window::Segment,
        4 => Window::Most,
        _ => Window::Same,
    }
}

fn call(rng: &mut Rng) -> Call {
    match rng.u8(0..20) {
        0 => Call::Listen,
        1 => Call::Connect,
        2 | 3 => Call::Accept,
        4..9 => Call::Send([1, 10, 100, 536, 1_460, 3_000, 10_000][rng.usize(0..7)]),
        9..14 => Call::Recv([1, 10, 100, 1_000, u16::MAX][rng.usize(0..5)]),
        14 => Call::Shutdown,
        15 | 16 => Call::Close,
        17 => Call::Abort,
        18 => Call::NoDelay(rng.bool()),
        _ => Call::KeepAlive(rng.bool()),
    }
}

fn wait(rng: &mut Rng) -> Wait {
    match rng.u8(0..8) {
        0..4 => Wait::Timer,
        4..7 => Wait::Millis([1, 10, 40, 200, 1_000][rng.usize(0..5)]),
        _ => Wait::Seconds([1, 3, 60, 125][rng.usize(0..4)]),
    }
}
