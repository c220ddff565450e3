//! What the subject holds memory for, and how much that is.

use super::{Play, Witness, buffer};
use crate::fuzz::input::Call;
use crate::fuzz::oracle::{Violation, memory};
use crate::fuzz::packet::{Packet, SYN};
use crate::fuzz::subject::{Answer, State, Subject};

/// Memory is looked at after so many events: what grows is still there then.
pub(super) const INTERVAL: usize = 16;

impl<S: Subject, W: Witness> Play<'_, S, W> {
    /// The subject has sent a packet, for which it has to keep something.
    pub(super) fn load_on(&mut self, packet: &Packet<'_>) {
        self.load.connections += usize::from(packet.has(SYN));
        self.load.sent += 1;
        let read = self.streams.next_read;
        let edge = self.ledger.subject.largest_edge;
        // Before the peer's SYN was taken there is no window; behind the end of the stream there is nothing to read.
        let room = read.map_or(0, |read| edge.wrapping_sub(read).cast_signed());
        self.load.room = self.load.room.max(room.max(0).cast_unsigned() as usize);
    }

    /// Looks at how much memory the subject holds.
    pub(super) fn weigh(&self) -> Result<(), Violation> {
        let Some(held) = self.subject.memory() else {
            return Ok(());
        };
        // A window is told in units of its scale.
        let scale = self.ledger.subject.scale.unwrap_or(0).min(14);
        let room = self.load.room.max(buffer(&self.setup) as usize);
        let load = memory::Load {
            are_over: matches!(self.standing(), Some(State::Closed | State::Listen)),
            room: room + (1 << scale),
            written: self.streams.written as usize,
            ..self.load
        };
        memory::judge(held, &load, &self.choices)
    }

    /// All is over: the user takes and ends whatever connections are still there for him, and nothing is left.
    pub(in crate::fuzz) fn leave_nothing(&mut self) -> Result<(), Violation> {
        if self.subject.memory().is_none() {
            return Ok(());
        }
        self.weigh()?;
        for _ in 0..self.load.connections {
            if self.subject.call(Call::Accept, &[], &mut self.received) == Answer::Refused {
                break;
            }
            self.subject.call(Call::Abort, &[], &mut self.received);
        }
        self.take();
        let held = self.subject.memory().unwrap_or_default();
        memory::judge_rest(held, &self.load)
    }
}
