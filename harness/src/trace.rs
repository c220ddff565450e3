//! Everything that happened while a case ran, in order.

use serde::{Deserialize, Serialize};

use crate::source::Span;
use crate::time::Time;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// When, on the case's clock.
    pub at: Time,
    /// What.
    pub what: TraceEvent,
    /// The script line that caused or took it, if any.
    pub span: Option<Span>,
    /// One line for people, in the script's notation.
    pub text: String,
}

/// The kinds of things that happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceEvent {
    /// The harness put this datagram in front of the stack.
    Injected(Vec<u8>),
    /// The stack sent this datagram.
    Sent(Vec<u8>),
    /// A system call was made and returned, or is in flight.
    Call,
    /// A command, a check, a print, a note of the runner.
    Note,
    /// What a command that succeeded has printed.
    Printed,
}

/// A case's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The entries, oldest first.
    pub entries: Vec<TraceEntry>,
}

impl Trace {
    /// Adds one entry.
    pub fn push(&mut self, at: Time, what: TraceEvent, span: Option<Span>, text: String) {
        self.entries.push(TraceEntry {
            at,
            what,
            span,
            text,
        });
    }

    /// Puts the entries in order of time. They are recorded when they are looked at, and a
    /// packet may have waited.
    pub fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.at);
    }

    /// The packets, in order: time, whether the stack sent it, bytes.
    pub fn packets(&self) -> impl Iterator<Item = (Time, bool, &[u8])> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            TraceEvent::Injected(bytes) => Some((entry.at, false, bytes.as_slice())),
            TraceEvent::Sent(bytes) => Some((entry.at, true, bytes.as_slice())),
            TraceEvent::Call | TraceEvent::Note | TraceEvent::Printed => None,
        })
    }
}
