//! ICMP errors about segments of the subject, and what comes of them.

use super::{Play, Witness};
use crate::fuzz::icmp::Error;
use crate::fuzz::input::Icmp;
use crate::fuzz::oracle::errors::{self, Due, Stand};
use crate::fuzz::oracle::{Cause, Violation};
use crate::fuzz::segment;
use crate::fuzz::sent::Sent;
use crate::fuzz::subject::{State, Subject};

impl<S: Subject, W: Witness> Play<'_, S, W> {
    /// An ICMP error arrives, if the subject takes any.
    pub(super) fn error(&mut self, event: &Icmp) -> Result<(), Violation> {
        let Some(state) = self.subject.state().filter(|_| self.subject.takes_errors()) else {
            return Ok(());
        };
        let seq = segment::of_subject(event.seq, &self.ledger);
        let error = Error::of(event, self.setup.v6, seq, self.path.length_of(seq));
        let mut datagram = std::mem::take(&mut self.datagram);
        error.write(&self.ends, &mut datagram);
        self.witness.arrived(self.subject.now(), &datagram);
        self.subject.receive(&datagram);
        self.datagram = datagram;
        self.take();
        let sent = std::mem::take(&mut self.sent);
        let judged = self.judge_error(&error, state, &sent);
        self.sent = sent;
        judged
    }

    fn judge_error(&mut self, error: &Error, before: State, sent: &Sent) -> Result<(), Violation> {
        let packets = sent.packets(self.ends)?;
        let standing = self.specification.standing();
        let ledger = self.ledger.clone();
        let stand = Stand {
            state: before,
            snd_una: standing.map(|standing| standing.snd_una),
            ledger: &ledger,
            v6: self.setup.v6,
            now: self.subject.now(),
        };
        let due = errors::due(error, &stand, &self.choices);
        let after = self.subject.state().unwrap_or(before);
        errors::judge(due, (&stand, after), &packets, &self.choices)?;
        if due == Due::Shorter {
            let edge = standing.and_then(|standing| standing.snd_edge);
            self.path.least(&packets, edge, &stand, &self.choices)?;
            self.path.told(error.mtu, &stand, &self.choices);
        }
        self.judge_each(None, &packets)?;
        let is_over = matches!(after, State::Closed | State::Listen);
        if is_over && before != after {
            self.specification.forget();
            self.track.doubt();
        }
        let cause = match due {
            Due::Shorter => Cause::TooBig,
            _ => Cause::Error,
        };
        self.watch(cause, before, &packets)
    }
}
