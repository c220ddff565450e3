//! One of the two stacks, and what it has said.

use crate::fuzz::damage::Damage;
use crate::fuzz::ledger::Ledger;
use crate::fuzz::oracle::Violation;
use crate::fuzz::packet::{self, ACK, Packet, RST, SYN};
use crate::fuzz::play::Witness;
use crate::fuzz::segment::{self, Ends, Segment};
use crate::fuzz::sent::Sent;
use crate::fuzz::subject::{Micros, Plan, State, Subject};

/// Timers that fire within one wait at most.
const MOST_TIMERS: usize = 2_000;

/// What one stack has said in answer to an event; numbers count from its own SYN and the peer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// With ACK or not, SEG.SEQ, SEG.ACK.
    pub(super) resets: Vec<(bool, u32, u32)>,
    /// With ACK or not, SEG.ACK.
    pub(super) syns: Vec<(bool, u32)>,
    /// SEG.ACK of the last segment that has one.
    pub(super) acked: Option<u32>,
    /// That segment's window is closed.
    pub(super) is_shut: bool,
    /// SND.NXT, over all so far.
    pub(super) next: u32,
    /// The largest right edge of the window offered before this.
    pub(super) edge: u32,
}

/// One of the two.
pub(super) struct Side<'a, S> {
    pub(super) subject: &'a mut S,
    pub(super) ledger: Ledger,
    sent: Sent,
    pub(super) datagram: Vec<u8>,
    pub(super) received: Vec<u8>,
}

impl<'a, S: Subject> Side<'a, S> {
    pub(super) fn new(subject: &'a mut S, plan: &Plan) -> Self {
        subject.restart(plan);
        Side {
            subject,
            ledger: Ledger::default(),
            sent: Sent::default(),
            datagram: Vec::new(),
            received: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.subject.state().unwrap_or(State::Closed)
    }

    /// A segment arrives from `ends`, damaged or not.
    pub(super) fn arrive(&mut self, segment: &Segment, ends: &Ends, damage: Option<Damage>) {
        let mut written = *segment;
        if let Some(damage) = damage {
            damage.put_into(&mut written);
        }
        segment::write(&written, ends, &mut self.datagram);
        if let Some(damage) = damage {
            damage.put_onto(&mut self.datagram);
        }
        self.subject.receive(&self.datagram);
    }

    /// Takes what was sent in answer to an event. `arrived`: the peer's segment, if the event was one that counts,
    /// and the state before.
    pub(super) fn take(
        &mut self,
        ends: Ends,
        arrived: Option<(&Segment, State)>,
        witness: &mut impl Witness,
    ) -> Result<Said, Violation> {
        self.sent.clear();
        while self.subject.next_packet(self.sent.place()) {
            let at = self.subject.now();
            witness.sent(at, self.sent.keep());
        }
        let sent = std::mem::take(&mut self.sent);
        let said = self.read(&sent.packets(ends)?, ends, arrived);
        self.sent = sent;
        Ok(said)
    }

    fn read(
        &mut self,
        packets: &[Packet<'_>],
        ends: Ends,
        arrived: Option<(&Segment, State)>,
    ) -> Said {
        if let Some((segment, before)) = arrived {
            segment::write(segment, &ends, &mut self.datagram);
            if let Ok(packet) = packet::read(&self.datagram) {
                let begins = begins(&packet, before, packets);
                if begins && before != State::SynSent {
                    // A new connection may have the numbers of the one before.
                    self.ledger.subject.first = None;
                    self.ledger.peer.first = None;
                }
                self.ledger.arrived(&packet, begins);
            }
        }
        let irs = self.ledger.peer.first.unwrap_or(0);
        let mut said = Said {
            edge: self.ledger.subject.largest_edge.wrapping_sub(irs),
            ..Said::default()
        };
        for packet in packets {
            self.ledger.sent(packet);
            let iss = self.ledger.subject.first.unwrap_or(0);
            let irs = self.ledger.peer.first.unwrap_or(0);
            let ack = match packet.has(ACK) {
                true => packet.ack.wrapping_sub(irs),
                false => 0,
            };
            if packet.has(RST) {
                // `<SEQ=0>` with ACK is said by those who know nothing of the connection.
                let is_unknown = packet.seq == 0 && packet.has(ACK);
                let seq = if is_unknown {
                    0
                } else {
                    packet.seq.wrapping_sub(iss)
                };
                said.resets.push((packet.has(ACK), seq, ack));
                continue;
            }
            if packet.has(SYN) {
                said.syns.push((packet.has(ACK), ack));
            }
            if packet.has(ACK) {
                said.acked = Some(ack);
                said.is_shut = packet.window == 0;
            }
        }
        let iss = self.ledger.subject.first.unwrap_or(0);
        said.next = self.ledger.subject.next.wrapping_sub(iss);
        said
    }

    /// Time passes; all that is due on the way is done.
    pub(super) fn wait(&mut self, until: Micros) {
        for _ in 0..MOST_TIMERS {
            match self.subject.deadline().filter(|due| *due <= until) {
                Some(due) => self.subject.advance(due),
                None => break,
            }
        }
        self.subject.advance(until);
    }
}

/// Whether a SYN has begun a connection: it is acknowledged.
fn begins(packet: &Packet<'_>, before: State, replies: &[Packet<'_>]) -> bool {
    let may_begin = match before {
        State::Closed | State::Listen | State::SynSent => true,
        State::TimeWait => replies.iter().any(|reply| reply.has(SYN)),
        _ => false,
    };
    let acknowledges = |reply: &Packet<'_>| {
        let above = reply.ack.wrapping_sub(packet.seq).wrapping_sub(1);
        reply.has(ACK) && !reply.has(RST) && above < packet.end().wrapping_sub(packet.seq)
    };
    packet.has(SYN) && !packet.has(RST) && may_begin && replies.iter().any(acknowledges)
}
