//! Several events in a row that mean something together: what single ones, drawn each for itself, hardly ever are.

use fastrand::Rng;

use super::generate;
use super::input::{Anchor, Call, Event, Fields, Length, Number, Wait, Window};
use super::packet::{ACK, FIN, SYN};

/// Adds one of them, all alike often.
pub(super) fn add(rng: &mut Rng, events: &mut Vec<Event>) {
    match rng.u8(0..9) {
        0 => again_and_again(rng, events),
        1 => timers(rng, events),
        2 => bulk(rng, events),
        3 => holes(rng, events),
        4 => farewell(rng, events),
        5 => closed_window(rng, events),
        6 => full_buffer(rng, events),
        7 => narrow_path(rng, events),
        _ => duplicates(rng, events),
    }
}

fn segment(flags: u8) -> Fields {
    Fields::usual(flags)
}

/// Any event, up to sixteen times.
fn again_and_again(rng: &mut Rng, events: &mut Vec<Event>) {
    let event = generate::event(rng);
    events.extend(std::iter::repeat_n(event, rng.usize(2..=16)));
}

/// Something to wait for, and one timer after the other.
fn timers(rng: &mut Rng, events: &mut Vec<Event>) {
    if rng.bool() {
        events.push(Event::Call(Call::Send(rng.u16(1..3_000))));
    }
    let count = rng.usize(2..=16);
    events.extend(std::iter::repeat_n(Event::Wait(Wait::Timer), count));
}

/// Much is sent, and acknowledged bit by bit.
fn bulk(rng: &mut Rng, events: &mut Vec<Event>) {
    events.push(Event::Call(Call::Send(20_000)));
    let step = [1, 1, 100, 536, 1_460, 2_920][rng.usize(0..6)];
    for _ in 0..rng.usize(2..=12) {
        let ack = Number {
            anchor: Anchor::Una,
            offset: step,
        };
        events.push(Event::Segment(Fields {
            ack,
            window: Window::Most,
            ..segment(ACK)
        }));
    }
}

/// Text with gaps in it, the later ones first or not, and perhaps what fills them.
fn holes(rng: &mut Rng, events: &mut Vec<Event>) {
    let step = [10, 100, 200][rng.usize(0..3)];
    let length = Length::Bytes([10, 100][rng.usize(0..2)]);
    let mut places: Vec<i16> = (1..=rng.i16(2..=12)).collect();
    if rng.bool() {
        rng.shuffle(&mut places);
    }
    if rng.bool() {
        places.extend(0..rng.i16(1..=12));
    }
    events.extend(places.into_iter().map(|place| {
        let seq = Number {
            anchor: Anchor::Una,
            offset: place * step,
        };
        Event::Segment(Fields {
            seq,
            text: length,
            ..segment(ACK)
        })
    }));
}

/// Both directions end, and whoever comes then.
fn farewell(rng: &mut Rng, events: &mut Vec<Event>) {
    let call = [Call::Shutdown, Call::Close][rng.usize(0..2)];
    let fin = Event::Segment(segment(ACK | FIN));
    match rng.u8(0..3) {
        0 => events.extend([fin, Event::Call(call), Event::Segment(segment(ACK))]),
        1 => events.extend([Event::Call(call), Event::Segment(segment(ACK)), fin]),
        _ => events.extend([Event::Call(call), fin]),
    }
    match rng.u8(0..4) {
        0 => events.push(Event::Call(Call::Close)),
        1 => events.push(Event::Wait(Wait::Seconds([1, 60, 200][rng.usize(0..3)]))),
        2 => events.push(fin),
        _ => {}
    }
    if rng.bool() {
        let mut syn = segment(SYN);
        syn.seq.anchor = [Anchor::Next, Anchor::First, Anchor::Zero][rng.usize(0..3)];
        syn.seq.offset = rng.i16(-3..=3);
        events.push(Event::Segment(syn));
    }
}

/// The peer's window closes with text out or waiting, and opens again perhaps.
fn closed_window(rng: &mut Rng, events: &mut Vec<Event>) {
    let closing = Event::Segment(Fields {
        window: [Window::Zero, Window::One, Window::Half][rng.usize(0..3)],
        ack: Number {
            anchor: [Anchor::Next, Anchor::Una][rng.usize(0..2)],
            offset: 0,
        },
        ..segment(ACK)
    });
    let send = Event::Call(Call::Send([1, 100, 3_000][rng.usize(0..3)]));
    match rng.bool() {
        true => events.extend([send, closing]),
        false => events.extend([closing, send]),
    }
    let count = rng.usize(0..=4);
    events.extend(std::iter::repeat_n(Event::Wait(Wait::Timer), count));
    events.push(Event::Segment(Fields {
        window: generate::window(rng),
        ..segment(ACK)
    }));
}

/// More comes than is read, until the window is closed; then some is read.
fn full_buffer(rng: &mut Rng, events: &mut Vec<Event>) {
    for _ in 0..rng.usize(1..=4) {
        events.push(Event::Segment(Fields {
            text: Length::Window,
            ..segment(ACK)
        }));
    }
    for _ in 0..rng.usize(1..=4) {
        let count = [1, 100, 600, 1_460, u16::MAX][rng.usize(0..5)];
        events.push(Event::Call(Call::Recv(count)));
    }
}

/// Text is out, and routers have something to say about it; perhaps it is acknowledged, and more follows.
fn narrow_path(rng: &mut Rng, events: &mut Vec<Event>) {
    let send = Event::Call(Call::Send([100, 3_000, 10_000][rng.usize(0..3)]));
    events.push(send);
    for _ in 0..rng.usize(1..=4) {
        events.push(Event::Icmp(generate::error(rng)));
        match rng.u8(0..4) {
            0 => events.push(Event::Wait(Wait::Timer)),
            1 => events.push(Event::Segment(Fields {
                window: Window::Most,
                ..segment(ACK)
            })),
            2 => events.push(send),
            _ => {}
        }
    }
    events.push(Event::Segment(segment(ACK)));
}

/// The same acknowledgment again and again, with text out.
fn duplicates(rng: &mut Rng, events: &mut Vec<Event>) {
    events.push(Event::Call(Call::Send(rng.u16(1_000..12_000))));
    let una = Number {
        anchor: Anchor::Una,
        offset: 0,
    };
    for _ in 0..rng.usize(2..=6) {
        let mut fields = Fields {
            ack: una,
            ..segment(ACK)
        };
        match rng.u8(0..4) {
            0 => fields.sacks = rng.u8(1..4),
            1 => fields.text = Length::Bytes(1),
            2 => fields.window = generate::window(rng),
            _ => {}
        }
        events.push(Event::Segment(fields));
    }
    if rng.bool() {
        events.push(Event::Wait(Wait::Timer));
    }
}
