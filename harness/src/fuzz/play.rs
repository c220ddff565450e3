//! Performs an input on a subject, and has everything judged.

mod acts;
mod arrival;
mod errors;
mod memory;
mod settling;

use super::damage::Damage;
use super::input::{Call, Event, Fields, Input, Opening, Setup};
use super::known::Known;
use super::ledger::Ledger;
use super::oracle::{
    Choices, Circumstances, Load, Oracle, Outgoing, PathMtu, Specification, Streams, Violation,
    Watch, census,
};
use super::packet::{ACK, SYN};
use super::segment::{Ends, Offer, PeerClock, Segment};
use super::sent::Sent;
use super::subject::{Answer, Micros, Plan, State, Subject, ends};
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
    path: PathMtu,
    load: Load,
    /// The peer's segments, the newest last.
    earlier: std::collections::VecDeque<Segment>,
    /// What the subject has sent since the last event.
    sent: Sent,
    datagram: Vec<u8>,
    text: Vec<u8>,
    received: Vec<u8>,
    /// When the user called last, his socket was the newest connection.
    is_users: bool,
    /// What has arrived last was taken, and nothing in it asks for an answer.
    asks_nothing: bool,
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
            keeps_alive: choices.always_keeps_alive,
            known: None,
            outgoing: Outgoing,
            streams: Streams::default(),
            choices,
            watch: Watch::default(),
            path: PathMtu::default(),
            load: Load::default(),
            earlier: std::collections::VecDeque::with_capacity(REMEMBERED),
            sent: Sent::default(),
            datagram: Vec::new(),
            text: Vec::new(),
            received: Vec::new(),
            is_users: false,
            asks_nothing: false,
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
            Event::Icmp(icmp) => self.error(&icmp)?,
            Event::Call(call) => self.call(call)?,
            Event::Wait(wait) => self.wait(wait)?,
        }
        if let Err(message) = self.subject.check() {
            return Err(Violation::of(Oracle::Invariant, message));
        }
        if self.played.events.is_multiple_of(memory::INTERVAL) {
            self.weigh()?;
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

    /// What the subject's profile chooses.
    pub(super) fn choices(&self) -> &Choices {
        &self.choices
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
