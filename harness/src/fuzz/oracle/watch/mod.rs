//! Watches a connection over time: what a single answer does not show.
//!
//! After each event the [`Watch`] is shown what happened and where the connection stands by the specification's
//! reckoning. Where that reckoning is in doubt, nothing is judged and everything begins anew.

mod calls;
mod receiving;
mod sending;
mod timers;

use super::{Choices, Violation};
use crate::fuzz::input::Call;
use crate::fuzz::ledger::Ledger;
use crate::fuzz::packet::Packet;
use crate::fuzz::subject::{Answer, Micros, State};

/// Where a connection stands by the specification's reckoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// RCV.NXT.
    pub rcv_nxt: u32,
    /// SND.UNA.
    pub snd_una: u32,
    /// SND.UNA + SND.WND, once a window was told.
    pub snd_edge: Option<u32>,
    /// The largest SND.WND so far.
    pub max_snd_wnd: u32,
    /// TS.Recent.
    pub ts_recent: Option<u32>,
    /// Text waits behind a hole.
    pub has_gap: bool,
    /// The peer's FIN was taken.
    pub has_ended: bool,
}

/// What has set the subject to work.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// A segment of the peer.
    Arrival(&'a Packet<'a>),
    /// The user.
    Call(Call, Answer),
    /// Time.
    Timer,
    /// An ICMP error that changes nothing but perhaps the state.
    Error,
    /// One that says that what is in flight was too big.
    TooBig,
}

/// An event and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Reaction<'a> {
    /// What it was.
    pub cause: Cause<'a>,
    /// When.
    pub now: Micros,
    /// The state before.
    pub before: State,
    /// The state after.
    pub after: State,
    /// What was sent at once.
    pub sent: &'a [Packet<'a>],
    /// What both sides have said, this included.
    pub ledger: &'a Ledger,
    /// Where the connection stands now.
    pub standing: Standing,
    /// Bytes that the user has written and that were never sent.
    pub unsent: u32,
    /// Bytes that have come in order and that the user has not read.
    pub unread: u32,
    /// Bytes of the receive buffer.
    pub buffer: u32,
    /// The user's socket is this connection.
    pub is_users: bool,
    /// What has arrived was taken, and nothing in it asks for an answer.
    pub asks_nothing: bool,
}

impl Reaction<'_> {
    /// Whether both SYNs were acknowledged and nobody has given up.
    fn is_open(&self) -> bool {
        !matches!(
            self.after,
            State::Closed | State::Listen | State::SynSent | State::SynReceived
        )
    }

    /// SND.NXT.
    fn snd_nxt(&self) -> u32 {
        self.ledger.subject.next
    }

    /// Whether selective acknowledgments were agreed on.
    fn has_selective(&self) -> bool {
        self.ledger.subject.sack && self.ledger.peer.sack
    }

    /// The most that a segment to the peer holds: not more than its MSS, nor less than what everybody takes.
    fn smss(&self) -> u32 {
        u32::from(self.ledger.peer.mss.unwrap_or(1_220)).clamp(536, 1_460)
    }
}

/// All that is remembered.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// ISS of the connection that is watched.
    iss: Option<u32>,
    sending: sending::Sending,
    receiving: receiving::Receiving,
    timers: timers::Timers,
    calls: calls::Calls,
}

impl Watch {
    /// Looks at what has happened.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn judge(&mut self, reaction: &Reaction<'_>, choices: &Choices) -> Result<(), Violation> {
        // A new connection may even have the numbers of the one before.
        if self.iss != reaction.ledger.subject.first || calls::is_over(reaction.before) {
            let calls = self.calls;
            *self = Watch {
                iss: reaction.ledger.subject.first,
                calls,
                ..Watch::default()
            };
        }
        self.calls.judge(reaction, choices)?;
        self.timers.judge(reaction, choices)?;
        self.sending.judge(reaction, choices)?;
        self.receiving.judge(reaction)
    }

    /// It is open where the connection stands: what was remembered of it is worth nothing.
    pub fn doubt(&mut self) {
        *self = Watch::default();
    }
}
