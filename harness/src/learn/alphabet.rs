//! What can be done to a stack, by names that do not depend on numbers.

use crate::fuzz::input::{Anchor, Call, Fields, Length, Number};
use crate::fuzz::packet::{ACK, FIN, RST, SYN};
use crate::fuzz::subject::Micros;

/// How far behind RCV.NXT a segment begins that lies in the window and not at its edge.
const INSIDE: i16 = 1_000;

/// How long `wait` lets a stack be silent: longer than any wait of the states, 2 MSL of four minutes among them.
pub const LONGEST: Micros = 300_000_000;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The peer sends this segment.
    Segment(Fields),
    /// The peer sends its FIN: again, if it was acknowledged already.
    Fin,
    /// The peer acknowledges all but the FIN.
    AllButFin,
    /// The user calls.
    Call(Call),
    /// Time passes, until the stack says something or so much of it is over.
    Wait(Micros),
}

/// One thing that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: &'static str,
    /// What it is, for people.
    pub meaning: &'static str,
    /// What is done.
    pub action: Action,
}

/// Everything that can be done.
pub fn all() -> Vec<Symbol> {
    [segments(), strays(), calls(), waits()].concat()
}

fn symbol(name: &'static str, meaning: &'static str, action: Action) -> Symbol {
    Symbol {
        name,
        meaning,
        action,
    }
}

fn segment(name: &'static str, meaning: &'static str, fields: Fields) -> Symbol {
    symbol(name, meaning, Action::Segment(fields))
}

/// What a peer sends who does his part.
fn segments() -> Vec<Symbol> {
    let syn = syn(Anchor::First, 0);
    let syn_ack = Fields {
        flags: SYN | ACK,
        ..syn
    };
    vec![
        segment(
            "SYN",
            "a SYN: the one of the connection, if there was one",
            syn,
        ),
        segment("SYN+ACK", "the same with an ACK of all", syn_ack),
        segment("ACK", "at RCV.NXT, of all that was sent", usual(ACK)),
        symbol("FIN+ACK", "at RCV.NXT, or the FIN again", Action::Fin),
        segment("RST", "at RCV.NXT, without ACK", usual(RST)),
        segment(
            "RST+ACK",
            "at RCV.NXT, with an ACK of all",
            usual(RST | ACK),
        ),
        segment(
            "DATA",
            "a byte at RCV.NXT, with an ACK of all",
            text(Anchor::Una, 0),
        ),
        symbol(
            "ACK-but-FIN",
            "an ACK of all but the stack's FIN",
            Action::AllButFin,
        ),
    ]
}

/// What comes from nowhere.
fn strays() -> Vec<Symbol> {
    let beyond = Fields {
        ack: number(Anchor::Next, INSIDE),
        ..usual(ACK)
    };
    let reset = Fields {
        seq: number(Anchor::Una, INSIDE),
        ..usual(RST)
    };
    let old = text(Anchor::First, 0);
    vec![
        segment("ACK-beyond", "an ACK of what was never sent", beyond),
        segment(
            "SYN-in-window",
            "a SYN inside the window",
            syn(Anchor::Una, INSIDE),
        ),
        segment(
            "RST-in-window",
            "a RST inside the window, not at RCV.NXT",
            reset,
        ),
        segment("OLD-DATA", "a byte in the place of the peer's SYN", old),
    ]
}

/// What the user does.
fn calls() -> Vec<Symbol> {
    let call = |name, meaning, call| symbol(name, meaning, Action::Call(call));
    let sent = "SEND of a byte; only where the last one was acknowledged";
    vec![
        call("LISTEN", "OPEN, passive", Call::Listen),
        call("CONNECT", "OPEN, active", Call::Connect),
        call("SEND", sent, Call::Send(1)),
        call("RECEIVE", "RECEIVE of all there is", Call::Recv(u16::MAX)),
        call(
            "SHUTDOWN",
            "the end of what is sent, not of what is received",
            Call::Shutdown,
        ),
        call("CLOSE", "CLOSE", Call::Close),
        call("ABORT", "ABORT", Call::Abort),
    ]
}

fn waits() -> Vec<Symbol> {
    let long = "until the stack says something, or five minutes are over";
    let short = "until the stack says something, or a second is over";
    vec![
        symbol("wait", long, Action::Wait(LONGEST)),
        symbol("wait-1s", short, Action::Wait(1_000_000)),
    ]
}

/// The alphabets that have names.
pub const NAMED: [(&str, &[&str]); 2] = [
    (
        "small",
        &[
            "SYN", "SYN+ACK", "ACK", "FIN+ACK", "RST", "LISTEN", "CONNECT", "CLOSE", "wait",
        ],
    ),
    (
        "full",
        &[
            "SYN",
            "SYN+ACK",
            "ACK",
            "FIN+ACK",
            "RST",
            "RST+ACK",
            "DATA",
            "ACK-but-FIN",
            "ACK-beyond",
            "SYN-in-window",
            "RST-in-window",
            "OLD-DATA",
            "LISTEN",
            "CONNECT",
            "SEND",
            "RECEIVE",
            "SHUTDOWN",
            "CLOSE",
            "ABORT",
            "wait",
        ],
    ),
];

/// The symbols of these names.
///
/// # Errors
/// The first name that is none.
pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<Symbol>, String> {
    let all = all();
    let find = |name: &str| {
        let symbol = all.iter().find(|symbol| symbol.name == name).copied();
        symbol.ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|symbol| symbol.name).collect();
            format!("`{name}` is no input; these are: {}", names.join(", "))
        })
    };
    names.into_iter().map(find).collect()
}

fn number(anchor: Anchor, offset: i16) -> Number {
    Number { anchor, offset }
}

/// A segment at the number that the stack has told to expect.
pub(super) fn usual(flags: u8) -> Fields {
    Fields {
        seq: number(Anchor::Una, 0),
        ..Fields::usual(flags)
    }
}

pub(super) fn fin() -> Fields {
    usual(FIN | ACK)
}

fn syn(anchor: Anchor, offset: i16) -> Fields {
    Fields {
        seq: number(anchor, offset),
        ..usual(SYN)
    }
}

fn text(anchor: Anchor, offset: i16) -> Fields {
    Fields {
        seq: number(anchor, offset),
        text: Length::Bytes(1),
        ..usual(ACK)
    }
}
