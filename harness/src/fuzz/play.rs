//! Performs an input on a subject, and has everything judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::damage::{Damage, Effect};
use super::input::{Call, Event, Fields, Input, Opening, Setup, Wait};
use super::known::Known;
use super::ledger::{Ledger, after};
use super::oracle::{
    Cause, Choices, Circumstances, Expected, Oracle, Outgoing, Reaction, Specification, Streams,
    Violation, Watch, census,
};
use super::packet::{self, ACK, Packet, RST, SYN};
use super::segment::{self, Ends, Offer, PeerClock, Segment};
use super::sent::Sent;
use super::subject::{Answer, Micros, Plan, State, Subject, ends};
use super::text::Stream;
use super::tracking::Track;

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
/// The peer's clock at the start, in milliseconds, where time is real.
const LIVE_CLOCK: u32 = 10_000_000;
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
    /// For a subject that does not tell its state.
    track: Track,
    half_duplex_close: bool,
    /// The user has asked for keep-alives.
    keeps_alive: bool,
    known: Option<&'a Known>,
    outgoing: Outgoing,
    streams: Streams,
    choices: Choices,
    watch: Watch,
    /// The peer's segments, the newest last.
    earlier: std::collections::VecDeque<Segment>,
    /// What the subject has sent since the last event.
    sent: Sent,
    datagram: Vec<u8>,
    text: Vec<u8>,
    received: Vec<u8>,
    /// When the user called last, his socket was the newest connection.
    is_users: bool,
    /// What a forgetful peer has: up to this number.
    peer_has: Option<u32>,
    /// Nothing that follows can be judged.
    is_lost: bool,
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
            track: Track::default(),
            half_duplex_close: choices.facts.half_duplex_close,
            keeps_alive: false,
            known: None,
            outgoing: Outgoing,
            streams: Streams::default(),
            choices,
            watch: Watch::default(),
            earlier: std::collections::VecDeque::with_capacity(REMEMBERED),
            sent: Sent::default(),
            datagram: Vec::new(),
            text: Vec::new(),
            received: Vec::new(),
            is_users: false,
            peer_has: None,
            is_lost: false,
            played: Played::default(),
        }
    }

    /// Ends where one of these deviations is met that does not show.
    pub fn knowing(self, known: &'a Known) -> Self {
        Play {
            known: Some(known).filter(|known| known.has_quiet()),
            ..self
        }
    }

    /// Performs all of it.
    ///
    /// # Errors
    /// The first thing that must not be.
    pub fn run(mut self, input: &Input) -> Result<Played, Box<Found>> {
        if self.setup.opening == Opening::Census {
            self.played.events = 1;
            let taken = census(self.subject, self.ends, self.choices.isn_tick);
            return taken.map_or_else(
                |violation| Err(self.found(violation, 0)),
                |()| Ok(self.played),
            );
        }
        self.open().map_err(|violation| self.found(violation, 0))?;
        for (index, event) in input.events().enumerate() {
            self.witness.event(index, &event);
            self.perform(event)
                .map_err(|violation| self.found(violation, index))?;
            if self.is_lost {
                return Ok(self.played);
            }
        }
        let end = input.events.len();
        self.finish()
            .map_err(|violation| self.found(violation, end))?;
        Ok(self.played)
    }

    /// How things were when this was found.
    fn as_found(&self, violation: Violation) -> Violation {
        Violation {
            circumstances: Circumstances {
                timestamps: self.ledger.has_timestamps(),
                unsent: self.left_over() > 0,
            },
            ..violation
        }
    }

    fn found(&self, violation: Violation, event: usize) -> Box<Found> {
        let violation = self.as_found(violation);
        Box::new(Found { violation, event })
    }

    /// Brings the connection to where the events begin.
    fn open(&mut self) -> Result<(), Violation> {
        match self.setup.opening {
            Opening::Closed | Opening::Census => Ok(()),
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
        if self.subject.is_live() {
            // What comes of a timer is no answer to what follows.
            self.settle(None)?;
        }
        let before = self.standing();
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
        let is_quiet = self
            .specification
            .has_acknowledged(self.ledger.subject.next)
            && self.has_sent_all()
            && !self.keeps_alive;
        self.track.passed(self.subject.now(), is_quiet);
        if let (Some(before), Some(after)) = (before, self.standing()) {
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

    /// SND.NXT of the subject.
    pub(super) fn snd_nxt(&self) -> u32 {
        self.ledger.subject.next
    }

    /// Whether the peer forgets from here on, if the setup says so.
    pub(super) fn begins_to_forget(&mut self) -> bool {
        self.peer_has = self.ledger.peer.acked.filter(|_| self.setup.forgets);
        self.peer_has.is_some()
    }

    /// The peer gets everything again.
    pub(super) fn ends_to_forget(&mut self) {
        self.peer_has = None;
    }

    /// Up to where a forgetful peer has what was sent.
    pub(super) fn peer_has(&self) -> Option<u32> {
        self.peer_has
    }

    /// A forgetful peer tells how far it is.
    pub(super) fn acknowledge_what_has_come(&mut self) -> Result<(), Violation> {
        let fields = Fields {
            window: super::input::Window::Most,
            ..Fields::usual(ACK)
        };
        let clock = PeerClock { now: self.millis() };
        let isn = self.setup.isn;
        let mut segment = Segment::of(&fields, &self.offer, &self.ledger, clock, isn);
        segment.seq = self.ledger.subject.acked.unwrap_or(segment.seq);
        segment.ack = self.peer_has.unwrap_or(segment.ack);
        self.arrive(segment, None)
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

    /// The state as the subject tells it or, if it does not, as far as it is known.
    pub(super) fn standing(&self) -> Option<State> {
        self.subject.state().or_else(|| self.track.state())
    }

    /// The same; if nobody knows, the connection may be over.
    fn state(&self) -> State {
        self.standing().unwrap_or(self.track.over())
    }

    /// Whether the user's socket is the connection that there is.
    fn users(&self) -> Option<bool> {
        self.subject.is_users().or_else(|| self.track.is_users())
    }

    /// Nothing is judged until the connection is over.
    fn doubt(&mut self) {
        self.specification.doubt();
        self.track.doubt();
    }

    /// The peer's clock. Where time is real, runs are short: it does not begin at zero there, which some stacks take
    /// for no timestamp.
    fn millis(&self) -> u32 {
        let start = match self.subject.is_live() {
            true => LIVE_CLOCK,
            false => 0,
        };
        // Wraps, like the clock of the option.
        (self.subject.now() / 1_000) as u32 + start
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
        let judged = self.answered(&packet, &sent, expected, before, (state, now));
        self.sent = sent;
        let opens = judged?;
        // The SYN lies half the sequence space away, and was taken: nobody can say what counts from here on.
        self.is_lost |= opens && !takes_syn;
        if opens && !takes_syn {
            self.track.doubt();
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
        expected: Expected,
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
    fn stranger(&mut self, fields: &Fields) -> Result<(), Violation> {
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

    /// Takes what the subject has sent.
    fn take(&mut self) {
        self.sent.clear();
        while self.subject.next_packet(self.sent.place()) {
            let at = self.subject.now();
            self.witness.sent(at, self.sent.keep());
        }
    }

    /// Takes what the subject has sent without having been sent anything, and judges it: by what the cause was
    /// and the state before, if it had one.
    fn settle(&mut self, cause: Option<(Cause<'_>, State)>) -> Result<(), Violation> {
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
    fn watch(
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
        };
        self.watch.judge(&reaction, &self.choices)
    }

    /// Judges each of these packets by itself.
    fn judge_each(
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
            }
            self.outgoing.judge(packet, &self.ledger, cause)?;
            let is_of_stream = !packet.has(RST) && !self.is_keep_alive(packet);
            if let Some(iss) = self.ledger.subject.first.filter(|_| is_of_stream) {
                self.streams.sent(packet, iss)?;
            }
            self.ledger.sent(packet);
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
    fn is_keep_alive(&self, packet: &Packet<'_>) -> bool {
        let end = packet.end();
        let is_old = end == self.ledger.subject.next || Some(end) == self.ledger.peer.acked;
        self.keeps_alive && packet.text.len() == 1 && is_old
    }

    fn call(&mut self, call: Call) -> Result<(), Violation> {
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
