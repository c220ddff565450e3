//! Makes of names what is done to a stack, and names of what it does.
//!
//! Segments count from what the stack has really told: they begin at the number that it acknowledged last and acknowledge
//! all that it has sent, or lie beside that as their names say. Nothing here asks the stack for its variables.
//!
//! The user is a simple one. He takes a connection from his listener as soon as there is one, in place of a dead one
//! that he still holds, and he sends a byte only when the one before was acknowledged: queues are no states.

use super::alphabet::{self, Action, Symbol};
use super::said;
use super::system::System;
use crate::fuzz::input::{Call, Fields};
use crate::fuzz::ledger::Ledger;
use crate::fuzz::packet::{self, ACK, Packet, RST, SYN};
use crate::fuzz::play::Witness;
use crate::fuzz::segment::{self, Offer, PeerClock, Segment};
use crate::fuzz::sent::Sent;
use crate::fuzz::subject::{Answer, Micros, Plan, State, Subject, ends};
use crate::fuzz::text::Stream;

/// The peer's first number.
pub(super) const ISN: u32 = 1_000_000;

/// What the peer says of itself: no options beside the one that all have.
const OFFER: Offer = Offer {
    mss: Some(1_460),
    scale: None,
    sack: false,
    timestamps: false,
};

/// Packets at once that are without end.
const MOST: usize = 1_000;

/// A stack, and a peer and a user who do what they are told by name.
pub struct Concrete<'a, S, W> {
    subject: &'a mut S,
    witness: &'a mut W,
    symbols: Vec<Symbol>,
    /// What passes with every input, so that nothing happens twice at the same time: initial sequence numbers follow
    /// the clock.
    moment: Micros,
    plan: Plan,
    ledger: Ledger,
    sent: Sent,
    datagram: Vec<u8>,
    received: Vec<u8>,
    listens: bool,
    holds: bool,
    /// Bytes that SEND has taken on this connection.
    written: u32,
}

impl<'a, S: Subject, W: Witness> Concrete<'a, S, W> {
    /// To be reset first. The witness sees all that happens. A `moment` passes with every input.
    pub fn new(subject: &'a mut S, witness: &'a mut W, symbols: &[Symbol], moment: Micros) -> Self {
        Concrete {
            subject,
            witness,
            symbols: symbols.to_vec(),
            moment,
            plan: Plan {
                ends: ends(false),
                receive_buffer: None,
                seed: 1,
            },
            ledger: Ledger::default(),
            sent: Sent::default(),
            datagram: Vec::new(),
            received: Vec::new(),
            listens: false,
            holds: false,
            written: 0,
        }
    }

    fn segment(&mut self, fields: &Fields, output: &mut String) {
        let segment = self.made(fields);
        self.arrive(segment, output);
    }

    fn made(&self, fields: &Fields) -> Segment {
        // There are no timestamps.
        let clock = PeerClock { now: 0 };
        Segment::of(fields, &OFFER, &self.ledger, clock, ISN)
    }

    fn arrive(&mut self, segment: Segment, output: &mut String) {
        let mut datagram = std::mem::take(&mut self.datagram);
        segment::write(&segment, &self.plan.ends, &mut datagram);
        self.witness.arrived(self.subject.now(), &datagram);
        self.subject.receive(&datagram);
        // What this harness writes, it reads.
        if let Ok(cause) = packet::read(&datagram) {
            if !cause.has(SYN) {
                self.ledger.arrived(&cause, false);
            }
            self.take(0);
            self.hear(Some(&cause), output);
        }
        self.datagram = datagram;
    }

    /// The FIN of the peer, where it was before if it was acknowledged already.
    fn fin(&mut self, output: &mut String) {
        let mut segment = self.made(&alphabet::fin());
        let acked = self.ledger.subject.acked;
        if let Some(fin) = self.ledger.peer.fin
            && acked == Some(fin.wrapping_add(1))
        {
            segment.seq = fin;
        }
        self.arrive(segment, output);
    }

    fn all_but_fin(&mut self, output: &mut String) {
        let mut segment = self.made(&alphabet::usual(ACK));
        segment.ack = self.ledger.subject.fin.unwrap_or(segment.ack);
        self.arrive(segment, output);
    }

    /// Takes what the stack sends at once; if that is nothing, what it sends next by some time, and all with it. Then a
    /// moment passes.
    fn take(&mut self, patience: Micros) {
        self.sent.clear();
        if patience > 0 {
            let now = self.subject.now();
            while self.take_one(now) {}
            if self.sent.len() == 0 && self.take_one(now + patience) {
                let now = self.subject.now();
                while self.take_one(now) {}
            }
        }
        let moment = self.subject.now() + self.moment;
        while self.take_one(moment) {}
    }

    /// Takes the next packet, if it is sent by this time.
    fn take_one(&mut self, until: Micros) -> bool {
        let is_one =
            self.sent.len() < MOST && self.subject.next_packet_by(until, self.sent.place());
        if is_one {
            let at = self.subject.now();
            self.witness.sent(at, self.sent.keep());
        }
        is_one
    }

    /// Names what was sent, and takes it into the ledger.
    fn hear(&mut self, cause: Option<&Packet<'_>>, output: &mut String) {
        let sent = std::mem::take(&mut self.sent);
        match sent.packets(self.plan.ends) {
            Ok(packets) => {
                for packet in &packets {
                    said::describe(packet, cause, &self.ledger, output);
                    self.note(packet, cause);
                }
            }
            Err(violation) => {
                output.push_str("a broken packet: ");
                output.push_str(&violation.message);
            }
        }
        self.sent = sent;
    }

    fn note(&mut self, packet: &Packet<'_>, cause: Option<&Packet<'_>>) {
        if packet.has(RST) {
            return;
        }
        if packet.has(SYN) && self.ledger.subject.first != Some(packet.seq) {
            self.ledger = Ledger::default();
            self.written = 0;
        }
        if let Some(syn) = cause.filter(|cause| cause.has(SYN))
            && packet.has(ACK)
            && packet.ack == syn.end()
            && self.ledger.peer.first != Some(syn.seq)
        {
            self.ledger.arrived(syn, true);
        }
        self.ledger.sent(packet);
    }

    fn call(&mut self, call: Call, output: &mut String) {
        if matches!(call, Call::Send(_)) && self.is_busy() {
            output.push_str("not now");
            return;
        }
        let answer = self.make(call);
        output.push_str(match answer {
            Answer::Done => "ok",
            Answer::Bytes(0) => "nothing",
            Answer::Bytes(_) => match call {
                Call::Recv(_) => "text",
                _ => "ok",
            },
            Answer::End => "end",
            Answer::Refused => "refused",
        });
        self.take(0);
        self.hear(None, output);
    }

    fn make(&mut self, call: Call) -> Answer {
        let text: &[u8] = match call {
            Call::Send(length) => Stream::User.text(self.written, length.into()),
            _ => &[],
        };
        let answer = self.subject.call(call, text, &mut self.received);
        self.witness.called(self.subject.now(), call, answer);
        match (call, answer) {
            (Call::Send(_), Answer::Bytes(count)) => {
                self.written = self.written.wrapping_add(count as u32);
            }
            (Call::Listen, Answer::Done) => self.listens = true,
            (Call::Connect | Call::Accept, Answer::Done) => self.holds = true,
            (Call::Close | Call::Abort, Answer::Done) => self.holds = false,
            _ => {}
        }
        answer
    }

    /// Whether a byte of the user's is still on its way, and the connection alive.
    fn is_busy(&self) -> bool {
        let is_over = matches!(self.subject.state(), Some(State::Closed | State::Listen));
        let acked = self.ledger.subject.first.zip(self.ledger.peer.acked);
        let acked = acked.map_or(0, |(iss, ack)| {
            let fin = self.ledger.subject.fin;
            let has_fin = fin.is_some_and(|fin| ack == fin.wrapping_add(1));
            ack.wrapping_sub(iss).saturating_sub(1 + u32::from(has_fin))
        });
        self.written > acked && !is_over
    }

    /// Takes the connection that waits at the listener, if one does.
    fn accept(&mut self, output: &mut String) {
        let is_another = self.holds && self.subject.is_users() == Some(false);
        let is_free = !self.holds;
        if !self.listens || !(is_free || is_another) {
            return;
        }
        let is_open = is_another && self.has_open();
        if is_open {
            // There is one pair of ends: the connection that he holds is dead.
            self.make(Call::Close);
        }
        if (is_free || is_open) && self.make(Call::Accept) == Answer::Done {
            output.push_str(if output.is_empty() {
                "accepted"
            } else {
                ", accepted"
            });
        }
    }

    /// Whether there is a connection that the peers agree on, or did.
    fn has_open(&self) -> bool {
        !matches!(
            self.subject.state(),
            Some(State::Closed | State::Listen | State::SynSent | State::SynReceived)
        )
    }

    fn wait(&mut self, length: Micros, output: &mut String) {
        self.take(length);
        self.hear(None, output);
    }
}

impl<S: Subject, W: Witness> System for Concrete<'_, S, W> {
    fn reset(&mut self) -> Result<(), String> {
        self.subject.restart(&self.plan);
        self.ledger = Ledger::default();
        self.listens = false;
        self.holds = false;
        self.written = 0;
        self.subject.check()
    }

    fn step(&mut self, input: usize, output: &mut String) -> Result<(), String> {
        match self.symbols[input].action {
            Action::Segment(fields) => self.segment(&fields, output),
            Action::Fin => self.fin(output),
            Action::AllButFin => self.all_but_fin(output),
            Action::Call(call) => self.call(call, output),
            Action::Wait(length) => self.wait(length, output),
        }
        self.accept(output);
        if output.is_empty() {
            output.push('-');
        }
        self.subject.check()
    }

    fn label(&self) -> Option<String> {
        self.subject.state().map(|state| state.name().to_owned())
    }
}
