//! How a run ends: with a peer that does its part, and time.
//!
//! A peer that fills every gap, acknowledges everything and closes leaves a stack no reason to wait for
//! anything: what the user has written has to arrive, and after that no timer may run for ever.

use super::input::{Anchor, Call, Event, Fields, Length, Number, Wait};
use super::oracle::{Oracle, Violation};
use super::packet::{ACK, FIN};
use super::play::{Play, Witness};
use super::subject::{State, Subject};

/// Rounds in which the peer acknowledges what there is; each may open a window by a segment only.
const ROUNDS: usize = 400;
/// The same of a subject whose time cannot be moved: whether it goes on for ever cannot be told.
const LIVE_ROUNDS: usize = 12;
/// Timers that a sender may need for what is lost, once it has begun to send that again: acknowledgments drive it.
const STALLS: usize = 8;
/// Timers until a host alone gives up everything: keep-alives and retransmissions of all it has.
const TIMERS: usize = 2_000;

/// The first number not acknowledged: where a gap begins.
const GAP: Number = Number {
    anchor: Anchor::Una,
    offset: 0,
};

impl<S: Subject, W: Witness> Play<'_, S, W> {
    /// Lets both ends come to an end.
    ///
    /// # Errors
    /// If they do not, or something else is found on the way.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        if !self.subject().is_live() && self.begins_to_forget() {
            self.remember()?;
        }
        self.cooperate()?;
        self.perform(Event::Call(Call::Close))?;
        let fin = Fields {
            seq: GAP,
            ..Fields::usual(ACK | FIN)
        };
        for _ in 0..4 {
            self.perform(Event::Segment(fin))?;
            self.perform(Event::Wait(Wait::Timer))?;
        }
        self.come_to_rest()?;
        self.leave_nothing()
    }

    /// The peer has lost what it had not acknowledged, and acknowledges what it gets from now on, in order. All of it
    /// has to come again.
    fn remember(&mut self) -> Result<(), Violation> {
        let first = self.peer_has();
        let mut stalls = 0;
        for _ in 0..ROUNDS {
            let before = self.peer_has();
            if !self.is_open() || before == Some(self.snd_nxt()) {
                break;
            }
            self.acknowledge_what_has_come()?;
            if self.peer_has() == before {
                stalls += usize::from(before != first);
                self.perform(Event::Wait(Wait::Timer))?;
            }
        }
        // Who finds losses by time takes nothing for lost that has not been out for a round trip, and before the peer forgot a
        // round trip may have been longer than a timeout is now (RFC 8985 §6.3).
        let is_told = !self.choices().finds_losses_by_time;
        if stalls > STALLS && is_told && self.can_still_offer_a_window() {
            self.ends_to_forget();
            return Err(Violation::of_rules(
                Oracle::Liveness,
                &["RFC2018-13"],
                format!("what the peer has lost is sent again by timeouts only: {stalls} of them"),
            ));
        }
        let has = self.peer_has();
        self.ends_to_forget();
        // Of a connection that may be over nobody can say why it does not go on.
        if self.standing().is_none() {
            return Ok(());
        }
        let (is_done, has_begun) = (has == Some(self.snd_nxt()), has != first);
        // Who had given up before anything came again had waited long enough.
        if is_done || !has_begun || !self.can_still_offer_a_window() {
            return Ok(());
        }
        Err(Violation::of_rules(
            Oracle::Liveness,
            &["RFC2018-13", "RFC9293-SM-36"],
            format!(
                "what the peer has lost is not sent again: {} bytes are missing",
                self.snd_nxt().wrapping_sub(has.unwrap_or_default())
            ),
        ))
    }

    /// The peer does its part until nothing is left to be sent or read.
    fn cooperate(&mut self) -> Result<(), Violation> {
        self.perform(Event::Call(Call::Accept))?;
        let is_live = self.subject().is_live();
        let rounds = if is_live { LIVE_ROUNDS } else { ROUNDS };
        for _ in 0..rounds {
            if !self.is_open() {
                return Ok(());
            }
            let before = self.progress();
            self.perform(Event::Segment(Fields {
                seq: GAP,
                text: Length::Full,
                window: super::input::Window::Most,
                ..Fields::usual(ACK)
            }))?;
            self.perform(Event::Call(Call::Recv(u16::MAX)))?;
            if self.has_sent_all() {
                return Ok(());
            }
            // What comes keeps a reader busy, and a sender may have to wait (RFC 3168 §6.1.2).
            if self.progress().0 == before.0 {
                self.perform(Event::Wait(Wait::Timer))?;
            }
        }
        // Windows are taken from no segment below the highest so far: not the stack's fault.
        let may_offer = self.can_still_offer_a_window();
        match is_live || self.has_sent_all() || !self.is_open() || !may_offer {
            true => Ok(()),
            false => Err(Violation::of(
                Oracle::Liveness,
                format!(
                    "after {ROUNDS} rounds with a peer that acknowledges everything, {} bytes of those written were never sent",
                    self.left_over()
                ),
            )),
        }
    }

    /// Time passes until no timer runs.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        for _ in 0..TIMERS {
            if self.subject().deadline().is_none() {
                return Ok(());
            }
            self.perform(Event::Wait(Wait::Timer))?;
        }
        Err(Violation::of(
            Oracle::Liveness,
            format!("timers still run after {TIMERS} of them, with nobody there"),
        ))
    }

    fn is_open(&mut self) -> bool {
        matches!(
            self.standing(),
            Some(State::Established | State::CloseWait | State::FinWait1 | State::LastAck)
        )
    }
}
