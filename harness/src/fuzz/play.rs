//! Performs an input on a subject, and has everything judged.

use super::damage::{Damage, Effect};
use super::input::{Call, Event, Fields, Input, Opening, Setup, Wait};
use super::ledger::{Ledger, after};
use super::oracle::{Choices, Expected, Oracle, Outgoing, Specification, Streams, Violation};
use super::packet::{self, ACK, Packet, RST, SYN};
use super::segment::{self, Ends, Offer, PeerClock, Segment};
use super::sent::Sent;
use super::subject::{Answer, Micros, Plan, State, Subject, ends};
use super::text::user_byte;

/// Bytes of a small receive buffer, the smallest that SO_RCVBUF takes, and of an ordinary one.
const SMALL: u32 = 1_152;
const ORDINARY: u32 = 8_192;
/// How many of the peer's segments can be repeated.
const REMEMBERED: usize = 8;
/// Timers that may fire within one wait: a retransmission every 200 ms of a minute, and more than
/// enough others.
const MOST_TIMERS: usize = 2_000;
/// A wait is no longer than this.
const LONGEST_WAIT: Micros = 300_000_000;
/// Beside what text makes necessary, so many packets answer one event at most.
const MOST_REPLIES: usize = 8;

/// Bytes of the subject's receive buffer.
pub(super) fn buffer(setup: &Setup) -> u32 {
    match setup.small_buffer {
        true => SMALL,
        false => ORDINARY,
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Events performed, those that open and end the run among them.
    pub events: usize,
    /// Packets that the subject sent.
    pub packets: usize,
    /// Segments whose answer the specification judged.
    pub judged: usize,
}

/// Looks at a run while it goes on.
pub trait Witness {
    /// An event begins.
    fn event(&mut self, _index: usize, _event: &Event) {}
    /// A datagram arrives at the subject.
    fn arrived(&mut self, _at: Micros, _datagram: &[u8]) {}
    /// The subject has sent a datagram.
    fn sent(&mut self, _at: Micros, _datagram: &[u8]) {}
    /// The user has called.
    fn called(&mut self, _at: Micros, _call: Call, _answer: Answer) {}
    /// The subject went from one state to another, or stayed, and sent so many packets.
    fn step(&mut self, _before: State, _event: &Event, _after: State, _packets: usize) {}
}

/// Nobody looks.
impl Witness for () {}

/// Where a run was when something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What.
    pub violation: Violation,
    /// The index of the event; one beyond the last for what comes after all.
    pub event: usize,
}

/// A run.
pub struct Play<'a, S, W> {
    subject: &'a mut S,
    witness: &'a mut W,
    setup: Setup,
    ends: Ends,
    offer: Offer,
    ledger: Ledger,
    specification: Specification,
    outgoing: Outgoing,
    streams: Streams,
    /// The peer's segments, the newest last.
    earlier: std::collections::VecDeque<Segment>,
    /// What the subject has sent since the last event.
    sent: Sent,
    datagram: Vec<u8>,
    text: Vec<u8>,
    received: Vec<u8>,
    played: Played,
}

impl<'a, S: Subject, W: Witness> Play<'a, S, W> {
    /// A subject just switched on.
    pub fn new(subject: &'a mut S, witness: &'a mut W, setup: Setup, choices: Choices) -> Self {
        let ends = ends(setup.v6);
        subject.restart(&Plan {
            ends,
            receive_buffer: Some(buffer(&setup)),
            seed: setup.seed.into(),
        });
        Play {
            subject,
            witness,
            setup,
            ends,
            offer: Offer {
                mss: setup.mss,
                scale: setup.window_scale,
                sack: setup.sack,
                timestamps: setup.timestamps,
            },
            ledger: Ledger::default(),
            specification: Specification::new(choices),
            outgoing: Outgoing,
            streams: Streams::default(),
            earlier: std::collections::VecDeque::with_capacity(REMEMBERED),
            sent: Sent::default(),
            datagram: Vec::new(),
            text: Vec::new(),
            received: Vec::new(),
            played: Played::default(),
        }
    }

    /// Performs all of it.
    ///
    /// # Errors
    /// The first thing that must not be.
    pub fn run(mut self, input: &Input) -> Result<Played, Box<Found>> {
        let found = |violation: Violation, event: usize| Box::new(Found { violation, event });
        self.open().map_err(|violation| found(violation, 0))?;
        for (index, event) in input.events().enumerate() {
            self.witness.event(index, &event);
            self.perform(event)
                .map_err(|violation| found(violation, index))?;
        }
        let end = input.events.len();
        self.finish().map_err(|violation| found(violation, end))?;
        Ok(self.played)
    }

    /// Brings the connection to where the events begin.
    fn open(&mut self) -> Result<(), Violation> {
        match self.setup.opening {
            Opening::Closed => Ok(()),
            Opening::Listening => self.perform(Event::Call(Call::Listen)),
            Opening::Connecting => self.perform(Event::Call(Call::Connect)),
            Opening::Accepted => {
                self.perform(Event::Call(Call::Listen))?;
                self.perform(Event::Segment(Fields::usual(SYN)))?;
                self.perform(Event::Segment(Fields::usual(ACK)))?;
                self.perform(Event::Call(Call::Accept))
            }
            Opening::Connected => {
                self.perform(Event::Call(Call::Connect))?;
                self.perform(Event::Segment(Fields::usual(SYN | ACK)))
            }
        }
    }

    pub(super) fn perform(&mut self, event: Event) -> Result<(), Violation> {
        self.played.events += 1;
        let before = self.subject.state();
        match event {
            Event::Segment(fields) => {
                let clock = PeerClock { now: self.millis() };
                let segment =
                    Segment::of(&fields, &self.offer, &self.ledger, clock, self.setup.isn);
                self.arrive(segment, fields.damage.map(Damage::of))?;
            }
            Event::Repeat(back) => {
                let index = self.earlier.len().checked_sub(1 + usize::from(back));
                let segment = index.and_then(|index| self.earlier.get(index)).copied();
                if let Some(segment) = segment {
                    self.arrive(segment, None)?;
                }
            }
            Event::Stranger(fields) => self.stranger(&fields)?,
            Event::Icmp(_) => {}
            Event::Call(call) => self.call(call)?,
            Event::Wait(wait) => self.wait(wait)?,
        }
        if let Err(message) = self.subject.check() {
            return Err(Violation::of(Oracle::Invariant, message));
        }
        if let (Some(before), Some(after)) = (before, self.subject.state()) {
            self.witness.step(before, &event, after, self.sent.len());
        }
        Ok(())
    }

    pub(super) fn subject(&mut self) -> &mut S {
        self.subject
    }

    /// How far both streams are.
    pub(super) fn progress(&self) -> (u32, Option<u32>) {
        (self.ledger.subject.next, self.streams.next_read)
    }

    /// Bytes that the user has written and that were never sent.
    pub(super) fn left_over(&self) -> u32 {
        let sent = self.ledger.subject.first.map_or(0, |iss| {
            let fin = u32::from(self.ledger.subject.fin.is_some());
            self.ledger
                .subject
                .next
                .wrapping_sub(iss)
                .wrapping_sub(1 + fin)
        });
        self.streams.written.wrapping_sub(sent)
    }

    /// Whether the peer's next number is not below the highest that it has used.
    pub(super) fn can_still_offer_a_window(&self) -> bool {
        let next = self.ledger.subject.acked.unwrap_or(self.ledger.peer.next);
        !super::ledger::after(self.ledger.peer_top, next)
    }

    /// Whether all that was written has been sent.
    pub(super) fn has_sent_all(&self) -> bool {
        self.left_over() == 0
    }

    fn millis(&self) -> u32 {
        // Wraps, like the clock of the option.
        (self.subject.now() / 1_000) as u32
    }

    /// A segment of the peer arrives, damaged or not.
    fn arrive(&mut self, segment: Segment, damage: Option<Damage>) -> Result<(), Violation> {
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
                if let Ok(packet) = packet::read(datagram) {
                    self.ledger.arrived(&packet, false);
                }
                self.specification.doubt();
                self.witness.arrived(self.subject.now(), &bytes);
                self.subject.receive(&bytes);
                self.settle()
            }
        }
    }

    /// A datagram arrives that is to be dropped without a word.
    fn deliver_for_nothing(
        &mut self,
        datagram: &[u8],
        rules: &[&'static str],
    ) -> Result<(), Violation> {
        let before = self.subject.state();
        self.witness.arrived(self.subject.now(), datagram);
        self.subject.receive(datagram);
        self.settle()?;
        let after = self.subject.state();
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
        let (now, state) = (self.subject.now(), self.subject.state());
        let state = state.unwrap_or(State::Closed);
        let expected = self.specification.expect(&packet, state, &self.ledger, now);
        let takes_syn = expected.takes_syn();
        let is_new = takes_syn && matches!(state, State::Closed | State::Listen | State::TimeWait);
        let before = is_new.then(|| self.ledger.clone());
        if is_new {
            // A new connection may have the numbers of the one before.
            self.ledger.subject.first = None;
            if packet.has(SYN) {
                self.ledger.peer.first = None;
            }
        }
        self.ledger.arrived(&packet, takes_syn);
        let bytes = bytes.unwrap_or(datagram);
        self.witness.arrived(now, bytes);
        self.subject.receive(bytes);
        self.take();
        let sent = std::mem::take(&mut self.sent);
        let judged = self.answered(&packet, &sent, expected, before, now);
        self.sent = sent;
        let opens = judged?;
        if opens && !takes_syn {
            self.streams.doubt();
        }
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
        expected: Expected,
        before: Option<Ledger>,
        now: Micros,
    ) -> Result<bool, Violation> {
        let sent = sent.packets(self.ends)?;
        let opens = sent.iter().any(|sent| sent.has(SYN));
        if let Some(before) = before.filter(|_| !opens) {
            self.ledger = before;
        }
        let edge = self.ledger.subject.largest_edge;
        let has_offered = self.ledger.subject.acked.is_some();
        self.judge_each(Some(packet), &sent)?;
        self.played.judged += 1;
        let is_beyond = has_offered && !packet.has(SYN) && after(packet.end(), edge);
        if is_beyond && self.ledger.subject.largest_edge != edge {
            // What the ACK field let go told of a wider window, before the text was cut to it.
            self.specification.doubt();
        }
        self.specification
            .judge(expected, &sent, self.subject.state(), now)?;
        Ok(opens)
    }

    /// A segment from another port meets no connection.
    fn stranger(&mut self, fields: &Fields) -> Result<(), Violation> {
        let clock = PeerClock { now: self.millis() };
        let mut segment = Segment::of(fields, &self.offer, &self.ledger, clock, self.setup.isn);
        segment.flags &= !SYN;
        let mut ends = self.ends;
        ends.peer.1 += 1;
        let mut datagram = std::mem::take(&mut self.datagram);
        segment::write(&segment, &ends, &mut datagram);
        self.witness.arrived(self.subject.now(), &datagram);
        self.subject.receive(&datagram);
        self.datagram = datagram;
        self.take();
        Ok(())
    }

    /// Takes what the subject has sent.
    fn take(&mut self) {
        self.sent.clear();
        while self.subject.next_packet(self.sent.place()) {
            let at = self.subject.now();
            self.witness.sent(at, self.sent.keep());
        }
    }

    /// Takes what the subject has sent without having been sent anything, and judges each packet by itself.
    fn settle(&mut self) -> Result<(), Violation> {
        self.take();
        let sent = std::mem::take(&mut self.sent);
        let judged = sent
            .packets(self.ends)
            .and_then(|packets| self.judge_each(None, &packets));
        self.sent = sent;
        judged
    }

    /// Judges each of these packets by itself.
    fn judge_each(
        &mut self,
        cause: Option<&Packet<'_>>,
        sent: &[Packet<'_>],
    ) -> Result<(), Violation> {
        self.played.packets += sent.len();
        let waiting = self.streams.written as usize / 16;
        if sent.len() > MOST_REPLIES + waiting {
            let message = format!("{} packets at once", sent.len());
            return Err(Violation::of(Oracle::Storm, message));
        }
        let answers_rst = cause.is_some_and(|cause| cause.has(RST));
        for packet in sent {
            if packet.has(SYN) && self.ledger.subject.first != Some(packet.seq) {
                let next_read = self.streams.next_read;
                self.streams.begin(next_read);
            }
            self.outgoing.judge(packet, &self.ledger, answers_rst)?;
            if let Some(iss) = self.ledger.subject.first.filter(|_| !packet.has(RST)) {
                self.streams.sent(packet, iss)?;
            }
            self.ledger.sent(packet);
        }
        Ok(())
    }

    fn call(&mut self, call: Call) -> Result<(), Violation> {
        self.text.clear();
        if let Call::Send(length) = call {
            let from = self.streams.written;
            let bytes = (0..u32::from(length)).map(|n| user_byte(from.wrapping_add(n)));
            self.text.extend(bytes);
        }
        let is_users = self.subject.is_users().unwrap_or(true);
        let answer = self.subject.call(call, &self.text, &mut self.received);
        self.witness.called(self.subject.now(), call, answer);
        match (call, answer) {
            (Call::Send(length), Answer::Bytes(taken)) => {
                if taken > usize::from(length) {
                    let message = format!("SEND took {taken} bytes of {length}");
                    return Err(Violation::of(Oracle::Stream, message));
                }
                self.streams.written = self.streams.written.wrapping_add(taken as u32);
            }
            (Call::Listen, Answer::Done) => self.specification.listened(),
            (Call::Connect, Answer::Done) => {
                self.ledger = Ledger::default();
                self.specification.forget();
            }
            (Call::Close | Call::Abort, Answer::Done) if is_users => {
                self.specification.closed(true)
            }
            (Call::Shutdown, Answer::Done) if is_users => self.specification.closed(false),
            (Call::Recv(_), Answer::Bytes(_)) if is_users => {
                self.streams.delivered(&self.received)?
            }
            _ => {}
        }
        self.settle()
    }

    fn wait(&mut self, wait: Wait) -> Result<(), Violation> {
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
            let Some(due) = due else {
                self.subject.advance(until);
                return self.settle();
            };
            self.subject.advance(due);
            self.settle()?;
        }
        Err(Violation::of(
            Oracle::Storm,
            format!("more than {MOST_TIMERS} timers fire within one wait"),
        ))
    }
}

impl Fields {
    /// A segment of a well-behaved peer with these flags and without text.
    pub fn usual(flags: u8) -> Fields {
        let record = [0, flags, 0, 0, 0, 0, 0, 0];
        match Event::decode(record) {
            Event::Segment(fields) => fields,
            _ => unreachable!("a record of kind 0 is a segment"),
        }
    }
}
