//! What arrives: a segment of the peer, whole or damaged, or one of somebody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Play, REMEMBERED, Witness};
use crate::fuzz::damage::{Damage, Effect};
use crate::fuzz::input::Fields;
use crate::fuzz::known::Known;
use crate::fuzz::ledger::{Ledger, after};
use crate::fuzz::oracle::{Cause, Expected, Oracle, Violation};
use crate::fuzz::packet::{self, Packet, SYN};
use crate::fuzz::segment::{self, Ends, PeerClock, Segment};
use crate::fuzz::sent::Sent;
use crate::fuzz::subject::{Micros, State, Subject};

impl<S: Subject, W: Witness> Play<'_, S, W> {
    /// A segment of the peer arrives, damaged or not.
    pub(super) fn arrive(
        &mut self,
        segment: Segment,
        damage: Option<Damage>,
    ) -> Result<(), Violation> {
        if self.earlier.len() == REMEMBERED {
            self.earlier.pop_front();
        }
        self.earlier.push_back(segment);
        let mut datagram = std::mem::take(&mut self.datagram);
        let judged = match damage {
            None => {
                segment::write(&segment, &self.ends, &mut datagram);
                self.deliver(&datagram, None)
            }
            Some(damage) => self.arrive_damaged(segment, damage, &mut datagram),
        };
        self.datagram = datagram;
        judged
    }

    fn arrive_damaged(
        &mut self,
        segment: Segment,
        damage: Damage,
        datagram: &mut Vec<u8>,
    ) -> Result<(), Violation> {
        let mut damaged = segment;
        damage.put_into(&mut damaged);
        // Where there was no room for it, nothing is wrong.
        segment::write(&damaged, &self.ends, datagram);
        let mut bytes = datagram.clone();
        damage.put_onto(&mut bytes);
        let (effect, rules) = damage.effect();
        match effect {
            Effect::Dropped => self.deliver_for_nothing(&bytes, rules),
            Effect::None => self.deliver(datagram, Some(&bytes)),
            // A SYN would leave open which connection there is.
            Effect::Open if segment.flags & SYN != 0 => Ok(()),
            Effect::Open => {
                segment::write(&segment, &self.ends, datagram);
                let whole = packet::read(datagram).ok();
                if let Some(packet) = &whole {
                    self.ledger.arrived(packet, false);
                }
                self.doubt();
                self.witness.arrived(self.subject.now(), &bytes);
                self.subject.receive(&bytes);
                self.take();
                let sent = std::mem::take(&mut self.sent);
                let judged = sent.packets(self.ends);
                let judged = judged.and_then(|packets| self.judge_each(whole.as_ref(), &packets));
                self.sent = sent;
                judged
            }
        }
    }

    /// A datagram arrives that is to be dropped without a word.
    fn deliver_for_nothing(
        &mut self,
        datagram: &[u8],
        rules: &[&'static str],
    ) -> Result<(), Violation> {
        let before = self.standing();
        self.witness.arrived(self.subject.now(), datagram);
        self.subject.receive(datagram);
        self.settle(None)?;
        let after = self.standing();
        let what = match self.sent.len() {
            0 if before == after => return Ok(()),
            0 => "it changes the state",
            _ => "it is answered",
        };
        let message = format!("a damaged datagram is not dropped: {what}");
        Err(Violation::of_rules(Oracle::Specification, rules, message))
    }

    /// A datagram arrives, as other bytes where those count like it.
    fn deliver(&mut self, datagram: &[u8], bytes: Option<&[u8]>) -> Result<(), Violation> {
        // What this harness writes, it reads.
        let Ok(packet) = packet::read(datagram) else {
            return Ok(());
        };
        let (now, state) = (self.subject.now(), self.state());
        let mut expected = self.specification.expect(&packet, state, &self.ledger, now);
        let takes_syn = expected.takes_syn();
        let may_draw_syn = expected.may_draw_syn();
        let is_new = takes_syn && matches!(state, State::Closed | State::Listen | State::TimeWait);
        let before = is_new.then(|| self.ledger.clone());
        if is_new {
            // A new connection may have the numbers of the one before.
            self.ledger.subject.first = None;
            if packet.has(SYN) {
                self.ledger.peer.first = None;
            }
        }
        self.load.sent += usize::from(packet.options.sack_count);
        self.path.heard(&packet);
        let fin = self.ledger.peer.fin;
        self.ledger.arrived(&packet, takes_syn);
        let bytes = bytes.unwrap_or(datagram);
        self.witness.arrived(now, bytes);
        self.subject.receive(bytes);
        self.take();
        let sent = std::mem::take(&mut self.sent);
        let judged = self.answered(&packet, &sent, &mut expected, before, (state, now));
        self.sent = sent;
        let opens = judged?;
        // The SYN lies half the sequence space away, and was taken: nobody can say what counts from here on.
        self.is_lost |= opens && !may_draw_syn;
        if opens && !may_draw_syn {
            self.track.doubt();
        }
        // Where its stream ends, if it goes on behind the end, only the specification could say.
        let goes_on = fin.is_some_and(|fin| after(packet.end(), fin.wrapping_add(1)));
        self.is_lost |= goes_on && !self.specification.is_sure();
        if takes_syn && (opens || !is_new) {
            self.streams.next_read = self.ledger.peer.first.map(|irs| irs.wrapping_add(1));
        }
        Ok(())
    }

    /// Judges what was sent at once in answer to a segment; whether a SYN was among it. `before`: the ledger
    /// as it was, where the segment may have begun another connection.
    fn answered(
        &mut self,
        packet: &Packet<'_>,
        sent: &Sent,
        expected: &mut Expected,
        before: Option<Ledger>,
        (state, now): (State, Micros),
    ) -> Result<bool, Violation> {
        let sent = sent.packets(self.ends)?;
        let opens = sent.iter().any(|sent| sent.has(SYN));
        let first = |ledger: &Ledger| ledger.subject.first;
        let iss = first(before.as_ref().unwrap_or(&self.ledger));
        let is_known = self.standing().is_some();
        if !is_known && packet.has(SYN) && self.track.may_take_syn(packet, &sent, iss) {
            self.is_lost = true;
            return Ok(false);
        }
        if let Some(before) = before.filter(|_| !opens) {
            self.ledger = before;
        }
        self.asks_nothing = expected.asks_nothing();
        let quiet = self.known.map(|_| self.as_found(expected.quiet()));
        let edge = self.ledger.subject.largest_edge;
        let has_offered = self.ledger.subject.acked.is_some();
        self.judge_each(Some(packet), &sent)?;
        let is_beyond = has_offered && !packet.has(SYN) && after(packet.end(), edge);
        if is_beyond && self.ledger.subject.largest_edge != edge {
            // What the ACK field let go told of a wider window, before the text was cut to it.
            self.doubt();
        }
        self.follow(packet, expected, &sent, iss, now)?;
        if let Some(quiet) = quiet {
            self.end_quietly(quiet, !sent.is_empty())?;
        }
        self.watch(Cause::Arrival(packet), state, &sent)?;
        Ok(opens)
    }

    /// Holds the answer against the specification, where that knows what was due.
    fn follow(
        &mut self,
        packet: &Packet<'_>,
        expected: &mut Expected,
        sent: &[Packet<'_>],
        iss: Option<u32>,
        now: Micros,
    ) -> Result<(), Violation> {
        let told = self.subject.state();
        let is_known = told.or(self.track.state()).is_some();
        if !is_known && !self.track.shows_none(packet, sent, iss) {
            return Ok(());
        }
        self.played.judged += 1;
        let opens = expected.begins() && sent.iter().any(|packet| packet.has(SYN));
        match self.specification.judge(expected, sent, told, now)? {
            Some(state) => self.track.follow(state, opens, now),
            None => self.track.doubt(),
        }
        self.is_lost |= self.specification.leaves_stream_open();
        Ok(())
    }

    /// Ends a run whose deviations are known where it goes on unlike the model and does not show it.
    fn end_quietly(&self, quiet: Violation, is_answered: bool) -> Result<(), Violation> {
        let explains = |known: &Known| known.explains_quietly(&quiet, &self.setup, is_answered);
        if self.known.is_some_and(explains) {
            return Err(quiet);
        }
        match self.specification.is_sure() {
            true => Ok(()),
            false => Err(Violation::of(
                Oracle::Specification,
                "what follows is not decided",
            )),
        }
    }

    /// A segment from another port meets no connection; a SYN from an address that nobody can have is dropped.
    pub(super) fn stranger(&mut self, fields: &Fields) -> Result<(), Violation> {
        let clock = PeerClock { now: self.millis() };
        let isn = self.setup.isn;
        let mut segment = Segment::of(fields, &self.offer, &self.ledger, clock, isn);
        let mut ends = self.ends;
        let forged = fields.damage.and_then(|code| forged(code, &ends));
        match forged {
            Some(source) => {
                ends.peer = source;
                segment.flags = SYN;
            }
            None => {
                ends.peer.1 += 1;
                segment.flags &= !SYN;
            }
        }
        let mut datagram = std::mem::take(&mut self.datagram);
        segment::write(&segment, &ends, &mut datagram);
        let judged = match forged {
            Some(_) => self.deliver_for_nothing(&datagram, &["RFC9293-MUST-63"]),
            None => {
                self.witness.arrived(self.subject.now(), &datagram);
                self.subject.receive(&datagram);
                self.take();
                Ok(())
            }
        };
        self.datagram = datagram;
        judged
    }
}

/// An address and port that no SYN can come from (RFC 9293 §3.9.2.3): the subject's own, the unspecified one, or
/// a group's.
fn forged(code: u8, ends: &Ends) -> Option<(IpAddr, u16)> {
    let pick = |v4: Ipv4Addr, v6: Ipv6Addr| -> IpAddr {
        match ends.subject.0 {
            IpAddr::V4(_) => v4.into(),
            IpAddr::V6(_) => v6.into(),
        }
    };
    let all_hosts = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    match code % 4 {
        0 => None,
        1 => Some(ends.subject),
        2 => Some((
            pick(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
            ends.peer.1,
        )),
        _ => Some((pick(Ipv4Addr::new(224, 0, 0, 1), all_hosts), ends.peer.1)),
    }
}
