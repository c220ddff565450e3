//! What must hold of whatever a stack does.
//!
//! Each file is one oracle. All of them look at packets as the harness reads them, and at what the events
//! were; only `invariant` and `memory` ask the stack about itself. None may ever be wrong about a right stack: what
//! a document leaves open is open here.

mod census;
mod choices;
pub(super) mod errors;
pub(super) mod memory;
mod outgoing;
mod reply;
mod stream;
mod watch;

use std::fmt;

use super::subject::State;

pub use census::census;
pub use choices::{Choices, Errors, Fate};
pub use errors::PathMtu;
pub use memory::Load;
pub use outgoing::Outgoing;
pub(super) use reply::shown;
pub use reply::{Expected, Specification};
pub use stream::Streams;
pub use watch::{Cause, Reaction, Standing, Watch};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who says so.
    pub oracle: Oracle,
    /// The rules that were broken, as far as the oracle knows.
    pub rules: Vec<&'static str>,
    /// What happened, and what should have.
    pub message: String,
    /// What should have been sent, where that is one thing.
    pub wanted: Option<Wanted>,
    /// What it was the wrong answer to, if it was one.
    pub cause: Option<Box<Judged>>,
    /// How the connection was.
    pub circumstances: Circumstances,
}

/// How a connection was when something was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Timestamps were agreed on.
    pub timestamps: bool,
    /// Some of what the user has written was never sent.
    pub unsent: bool,
}

/// A segment that the specification has judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The state of the connection when it came, as the RFC writes it.
    pub state: &'static str,
    /// Byte 13 of its header.
    pub flags: u8,
    /// It has text.
    pub text: bool,
    /// Where its numbers lie.
    pub place: Numbers,
    /// The rows of the specification's table that it met.
    pub places: Vec<&'static str>,
    /// What else is special about it: `edge` (SEG.SEQ lies right behind the window), `taken` (it lies below RCV.NXT, and
    /// its end not below the last acknowledgment), `iss` (SEG.ACK is our SYN's number), `wild-tsecr` (TSecr is of no TSval yet).
    pub marks: Vec<&'static str>,
}

/// Where the numbers of a segment lie, in a word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// SEG.SEQ and SEG.LEN against the window: `old`, `overlap` (its beginning is old), `next` (at RCV.NXT), `inside`,
    /// `over` (it ends behind the window), `cover` (it begins before the window and ends behind it), `probe` (text or
    /// FIN at RCV.NXT of a closed window), `outside`.
    pub seq: &'static str,
    /// SEG.ACK: `none`, `old`, `una` (SND.UNA), `new` or `beyond` (SND.NXT).
    pub ack: &'static str,
}

impl Numbers {
    /// Of a segment whose SEG.SEQ lies so far behind RCV.NXT, with this SEG.LEN and RCV.WND; SEG.ACK behind SND.UNA,
    /// if it has one, and SND.NXT behind SND.UNA.
    pub fn of((seq, len, window): (u32, u32, u32), ack: Option<u32>, in_flight: u32) -> Numbers {
        let [first, len, window] = [i64::from(seq.cast_signed()), len.into(), window.into()];
        let end = first + len;
        let seq = match first {
            0 if window == 0 && len > 0 => "probe",
            i64::MIN..0 if end > window => "cover",
            i64::MIN..0 if end > 0 => "overlap",
            i64::MIN..0 => "old",
            0 if end > window => "over",
            0 => "next",
            _ if first >= window => "outside",
            _ if end > window => "over",
            _ => "inside",
        };
        let ack = match ack.map(u32::cast_signed) {
            None => "none",
            Some(0) => "una",
            Some(i32::MIN..0) => "old",
            Some(ack) if ack.cast_unsigned() <= in_flight => "new",
            Some(_) => "beyond",
        };
        Numbers { seq, ack }
    }
}

/// What is to be sent at once, and nothing else; numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// `<SEQ=seq><CTL=RST>`
    Reset {
        /// SEG.SEQ.
        seq: u32,
    },
    /// `<SEQ=0><ACK=ack><CTL=RST,ACK>`
    ResetAck {
        /// SEG.ACK.
        ack: u32,
    },
    /// `<SEQ=ISS><ACK=ack><CTL=SYN,ACK>`
    SynAck {
        /// SEG.ACK.
        ack: u32,
    },
    /// `<SEQ=seq><ACK=ack><CTL=ACK>`
    Ack {
        /// SEG.SEQ.
        seq: u32,
        /// SEG.ACK.
        ack: u32,
    },
    /// `<SEQ=seq><ACK=ack><CTL=RST,ACK>`
    Abort {
        /// SEG.SEQ.
        seq: u32,
        /// SEG.ACK.
        ack: u32,
    },
    /// Whatever is right to send; but the state afterwards is this one.
    State(State),
}

/// The oracles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oracle {
    /// A packet is no well-formed segment, or breaks a rule for every segment sent.
    Outgoing,
    /// A reply, or the state behind it, is not among those allowed.
    Specification,
    /// More is sent than may be, or less than must be.
    Sending,
    /// An acknowledgment does not tell what it has to.
    Receiving,
    /// Initial sequence numbers can be guessed, or do not follow a clock.
    Isn,
    /// Something happens too early or too late.
    Timing,
    /// A byte stands in a wrong place.
    Stream,
    /// Packets without need, or without end.
    Storm,
    /// It does not come to rest, or does not go on with a peer that does its part.
    Liveness,
    /// It holds more memory than was given to it.
    Memory,
    /// It says itself that something is wrong.
    Invariant,
    /// It panicked.
    Panic,
    /// Another stack does something else.
    Differential,
}

impl Oracle {
    /// All of them.
    pub const ALL: [Oracle; 13] = [
        Oracle::Outgoing,
        Oracle::Specification,
        Oracle::Sending,
        Oracle::Receiving,
        Oracle::Isn,
        Oracle::Timing,
        Oracle::Stream,
        Oracle::Storm,
        Oracle::Liveness,
        Oracle::Memory,
        Oracle::Invariant,
        Oracle::Panic,
        Oracle::Differential,
    ];

    /// As reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Oracle::Outgoing => "outgoing",
            Oracle::Specification => "specification",
            Oracle::Sending => "sending",
            Oracle::Receiving => "receiving",
            Oracle::Isn => "isn",
            Oracle::Timing => "timing",
            Oracle::Stream => "stream",
            Oracle::Storm => "storm",
            Oracle::Liveness => "liveness",
            Oracle::Memory => "memory",
            Oracle::Invariant => "invariant",
            Oracle::Panic => "panic",
            Oracle::Differential => "differential",
        }
    }
}

impl Violation {
    /// What makes two of them the same finding: who says so, by which rules, and how the message begins, which
    /// has no numbers before its colon.
    pub fn kind(&self) -> String {
        let begin = self.message.split(':').next().unwrap_or_default();
        let begin: String = begin.chars().filter(|c| !c.is_ascii_digit()).collect();
        format!("{} {} {begin}", self.oracle.name(), self.rules.join(" "))
    }

    /// One of no rule in particular.
    pub fn of(oracle: Oracle, message: impl Into<String>) -> Violation {
        Violation {
            oracle,
            rules: Vec::new(),
            message: message.into(),
            wanted: None,
            cause: None,
            circumstances: Circumstances::default(),
        }
    }

    /// One of these rules.
    pub fn of_rules(
        oracle: Oracle,
        rules: &[&'static str],
        message: impl Into<String>,
    ) -> Violation {
        Violation {
            rules: rules.to_vec(),
            ..Violation::of(oracle, message)
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle.name(), self.message)?;
        if !self.rules.is_empty() {
            write!(f, " ({})", self.rules.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}
