//! What the subject sends, taken and judged.

use super::{MOST_REPLIES, Play, Witness, buffer};
use crate::fuzz::ledger::after;
use crate::fuzz::oracle::{Cause, Oracle, Reaction, Violation};
use crate::fuzz::packet::{Packet, RST, SYN};
use crate::fuzz::subject::{State, Subject};

impl<S: Subject, W: Witness> Play<'_, S, W> {
    /// Takes what the subject has sent.
    pub(super) fn take(&mut self) {
        self.sent.clear();
        while self.subject.next_packet(self.sent.place()) {
            let at = self.subject.now();
            self.witness.sent(at, self.sent.keep());
        }
    }

    /// Takes what the subject has sent without having been sent anything, and judges it: by what the cause was
    /// and the state before, if it had one.
    pub(super) fn settle(&mut self, cause: Option<(Cause<'_>, State)>) -> Result<(), Violation> {
        self.take();
        let sent = std::mem::take(&mut self.sent);
        let judged = sent.packets(self.ends).and_then(|packets| {
            self.judge_each(None, &packets)?;
            match cause {
                Some((cause, before)) => self.watch(cause, before, &packets),
                None => Ok(()),
            }
        });
        self.sent = sent;
        judged
    }

    /// Judges what has come of something by all that came before.
    pub(super) fn watch(
        &mut self,
        cause: Cause<'_>,
        before: State,
        sent: &[Packet<'_>],
    ) -> Result<(), Violation> {
        if self.subject.is_live() {
            // When something is due, and how much at a time, is not judged where timers cannot be moved.
            return Ok(());
        }
        let standing = self.specification.standing();
        let (Some(standing), Some(after)) = (standing, self.subject.state()) else {
            self.watch.doubt();
            return Ok(());
        };
        let read = self.streams.next_read.unwrap_or(standing.rcv_nxt);
        let fin = u32::from(standing.has_ended);
        let reaction = Reaction {
            cause,
            now: self.subject.now(),
            before,
            after,
            sent,
            ledger: &self.ledger,
            standing,
            unsent: self.left_over(),
            unread: standing.rcv_nxt.wrapping_sub(read).wrapping_sub(fin),
            buffer: buffer(&self.setup),
            is_users: self.is_users,
            asks_nothing: self.asks_nothing,
        };
        self.watch.judge(&reaction, &self.choices)
    }

    /// Judges each of these packets by itself.
    pub(super) fn judge_each(
        &mut self,
        cause: Option<&Packet<'_>>,
        sent: &[Packet<'_>],
    ) -> Result<(), Violation> {
        self.played.packets += sent.len();
        // As many as there are segments of the smallest size that is worth a limit.
        let least = self.setup.mss.map_or(16, |mss| mss.clamp(1, 16));
        let waiting = self.streams.written as usize / usize::from(least);
        if sent.len() > MOST_REPLIES + waiting {
            let message = format!("{} packets at once", sent.len());
            return Err(Violation::of(Oracle::Storm, message));
        }
        for packet in sent {
            if packet.has(SYN) && self.ledger.subject.first != Some(packet.seq) {
                let next_read = self.streams.next_read;
                self.streams.begin(next_read);
                self.path.begin();
                self.load.sent = 0;
            }
            self.outgoing.judge(packet, &self.ledger, cause)?;
            let is_of_stream = !packet.has(RST) && !self.is_keep_alive(packet);
            if let Some(iss) = self.ledger.subject.first.filter(|_| is_of_stream) {
                self.streams.sent(packet, iss)?;
            }
            self.ledger.sent(packet);
            self.path.sent(packet, self.subject.now())?;
            self.load_on(packet);
            if let Some(has) = &mut self.peer_has
                && !packet.has(SYN | RST)
                && !after(packet.seq, *has)
                && after(packet.end(), *has)
            {
                *has = packet.end();
            }
        }
        Ok(())
    }

    /// Whether its text may be the one byte of no meaning that a keep-alive has: it lies right before SND.NXT (RFC 9293
    /// §3.8.4), or was acknowledged already.
    pub(super) fn is_keep_alive(&self, packet: &Packet<'_>) -> bool {
        if !self.keeps_alive || packet.text.len() != 1 {
            return false;
        }
        let end = packet.end();
        let snd_una = self.specification.standing().map(|it| it.snd_una);
        end == self.ledger.subject.next
            || Some(end) == self.ledger.peer.acked
            || Some(end) == snd_una
    }
}
