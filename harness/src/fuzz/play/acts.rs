//! What the user does, and time.

use super::{LONGEST_WAIT, MOST_TIMERS, Play, Witness};
use crate::fuzz::input::{Call, Wait};
use crate::fuzz::ledger::Ledger;
use crate::fuzz::oracle::{Cause, Oracle, Violation};
use crate::fuzz::packet::{Packet, RST};
use crate::fuzz::subject::{Answer, Micros, Subject};
use crate::fuzz::text::Stream;

impl<S: Subject, W: Witness> Play<'_, S, W> {
    pub(super) fn call(&mut self, call: Call) -> Result<(), Violation> {
        self.text.clear();
        if let Call::Send(length) = call {
            let text = Stream::User.text(self.streams.written, length.into());
            self.text.extend(text);
        }
        let before = self.state();
        let is_users = self.users();
        self.is_users = is_users == Some(true);
        let answer = self.subject.call(call, &self.text, &mut self.received);
        self.witness.called(self.subject.now(), call, answer);
        self.load.calls += 1;
        match (call, answer) {
            (Call::Send(length), Answer::Bytes(taken)) => {
                if taken > usize::from(length) {
                    let message = format!("SEND took {taken} bytes of {length}");
                    return Err(Violation::of(Oracle::Stream, message));
                }
                self.streams.written = self.streams.written.wrapping_add(taken as u32);
            }
            (Call::KeepAlive(true), Answer::Done) => self.keeps_alive = true,
            (Call::Listen, Answer::Done) => self.specification.listened(),
            (Call::Connect, Answer::Done) => {
                self.load.connections += 1;
                self.ledger = Ledger::default();
                self.specification.forget();
            }
            (Call::Close | Call::Abort | Call::Shutdown, Answer::Done) => match is_users {
                Some(true) => {
                    let is_deaf = call != Call::Shutdown && self.half_duplex_close;
                    self.specification.closed(is_deaf);
                }
                Some(false) => {}
                None => self.doubt(),
            },
            (Call::Recv(_), Answer::Bytes(_)) if is_users == Some(true) => {
                self.streams.delivered(&self.received)?
            }
            _ => {}
        }
        self.settle(Some((Cause::Call(call, answer), before)))?;
        if answer != Answer::Refused {
            let sent = self.sent.packets(self.ends)?;
            let now = self.subject.now();
            self.track.called(call, is_users, &sent, now);
        }
        Ok(())
    }

    pub(super) fn wait(&mut self, wait: Wait) -> Result<(), Violation> {
        let now = self.subject.now();
        let until = match wait {
            Wait::Millis(count) => now + Micros::from(count) * 1_000,
            Wait::Seconds(count) => now + Micros::from(count) * 1_000_000,
            Wait::Timer => {
                let deadline = self.subject.deadline().unwrap_or(now + 1_000_000);
                deadline.clamp(now, now + LONGEST_WAIT)
            }
        };
        for _ in 0..MOST_TIMERS {
            let due = self.subject.deadline().filter(|due| *due <= until);
            let before = self.state();
            self.subject.advance(due.unwrap_or(until));
            self.settle(Some((Cause::Timer, before)))?;
            let has_reset = |packets: Vec<Packet<'_>>| packets.iter().any(|packet| packet.has(RST));
            if has_reset(self.sent.packets(self.ends)?) {
                // It has given up; of which connection, the RST alone does not say.
                self.track.doubt();
            }
            if due.is_none() {
                return Ok(());
            }
        }
        Err(Violation::of(
            Oracle::Storm,
            format!("more than {MOST_TIMERS} timers fire within one wait"),
        ))
    }
}
