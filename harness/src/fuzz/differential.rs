//! The same events for two stacks, compared by what both send and where they stand.
//!
//! The peer says to both the same: a segment is made for the first stack, from what that one has really sent, and its
//! acknowledgment is moved by the distance of the two initial sequence numbers for the second. What is compared after each event:
//! the state, resets, SYNs, whether and what is acknowledged, how far the stream was sent, whether the window is closed,
//! and what the user is given. Times are not, nor options, sizes of segments and of windows: these are free.

mod side;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::damage::{Damage, Effect};
use super::input::{Call, Event, Fields, Input, Opening, Setup, Wait};
use super::known::Known;
use super::ledger::{Ledger, after};
use super::oracle::{Judged, Numbers, Oracle, Violation};
use super::packet::{self, ACK, FIN, SYN};
use super::play::{Found, Played, Witness, buffer};
use super::segment::{self, Ends, Offer, PeerClock, Segment};
use super::subject::{Answer, Micros, Plan, State, Subject, ends};
use super::text::Stream;
use side::{Said, Side};

/// Earlier segments of the peer that can be repeated.
const REMEMBERED: usize = 8;
/// A wait is no longer than this.
const LONGEST_WAIT: Micros = 300_000_000;

/// Two stacks in the same run.
struct Pair<'a, A, B, W> {
    one: Side<'a, A>,
    other: Side<'a, B>,
    witness: &'a mut W,
    known: &'a Known,
    setup: Setup,
    ends: Ends,
    offer: Offer,
    /// For one and for the other.
    earlier: VecDeque<(Segment, Segment)>,
    /// What the timestamp of the last segment is: `usual`, `missing` or `old`.
    stamp: &'static str,
    /// Bytes that the user has written on this connection.
    written: u32,
    played: Played,
}

/// Plays an input on both; a panic of one is a finding like any other. The witness sees the first one. Where an entry
/// of the list says that they part without a sign, the input ends.
///
/// # Errors
/// Where they first part, or what else was found.
pub fn play<A: Subject, B: Subject, W: Witness>(
    stacks: (&mut A, &mut B),
    input: &Input,
    known: &Known,
    witness: &mut W,
) -> Result<Played, Box<Found>> {
    let run = || Pair::new(stacks, input.setup, known, witness).run(input);
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let owned = panic.downcast_ref::<String>().map(String::as_str);
        let text = owned.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Box::new(Found {
            violation: Violation::of(Oracle::Panic, text.unwrap_or("without a text")),
            event: 0,
        }))
    })
}

impl<'a, A: Subject, B: Subject, W: Witness> Pair<'a, A, B, W> {
    fn new(
        (one, other): (&'a mut A, &'a mut B),
        setup: Setup,
        known: &'a Known,
        witness: &'a mut W,
    ) -> Self {
        let ends = ends(setup.v6);
        let plan = Plan {
            ends,
            receive_buffer: Some(buffer(&setup)),
            seed: setup.seed.into(),
        };
        Pair {
            one: Side::new(one, &plan),
            other: Side::new(other, &plan),
            witness,
            known,
            setup,
            ends,
            offer: Offer {
                mss: setup.mss,
                scale: setup.window_scale,
                sack: setup.sack,
                timestamps: setup.timestamps,
            },
            earlier: VecDeque::with_capacity(REMEMBERED),
            stamp: "usual",
            written: 0,
            played: Played::default(),
        }
    }

    fn run(mut self, input: &Input) -> Result<Played, Box<Found>> {
        let found = |violation: Violation, event: usize| Box::new(Found { violation, event });
        self.open().map_err(|violation| found(violation, 0))?;
        for (index, event) in input.events().enumerate() {
            self.witness.event(index, &event);
            self.perform(event)
                .map_err(|violation| found(violation, index))?;
        }
        Ok(self.played)
    }

    fn open(&mut self) -> Result<(), Violation> {
        let opening: &[Event] = match self.setup.opening {
            // A census is of one stack.
            Opening::Closed | Opening::Census => &[],
            Opening::Listening => &[Event::Call(Call::Listen)],
            Opening::Connecting => &[Event::Call(Call::Connect)],
            Opening::Accepted => &[
                Event::Call(Call::Listen),
                Event::Segment(Fields::usual(SYN)),
                Event::Segment(Fields::usual(ACK)),
                Event::Call(Call::Accept),
            ],
            Opening::Connected => &[
                Event::Call(Call::Connect),
                Event::Segment(Fields::usual(SYN | ACK)),
            ],
        };
        opening.iter().try_for_each(|event| self.perform(*event))
    }

    fn perform(&mut self, event: Event) -> Result<(), Violation> {
        self.played.events += 1;
        let before = self.one.state();
        let iss = self.initial();
        match event {
            Event::Segment(fields) => {
                let segments = self.segments(&fields);
                if self.earlier.len() == REMEMBERED {
                    self.earlier.pop_front();
                }
                self.earlier.push_back(segments);
                self.arrive(segments, fields.damage.map(Damage::of))?;
            }
            Event::Repeat(back) => {
                let index = self.earlier.len().checked_sub(1 + usize::from(back));
                if let Some(segments) = index.and_then(|index| self.earlier.get(index)) {
                    self.arrive(*segments, None)?;
                }
            }
            Event::Stranger(fields) => self.stranger(&fields)?,
            Event::Call(call) => self.call(call)?,
            Event::Wait(wait) => self.wait(wait)?,
            Event::Icmp(_) => {}
        }
        // Earlier segments acknowledge another connection, each in its own numbers.
        if self.initial() != iss {
            self.earlier.clear();
        }
        self.witness.step(before, &event, self.one.state(), 0);
        Ok(())
    }

    /// Both initial sequence numbers.
    fn initial(&self) -> [Option<u32>; 2] {
        [
            self.one.ledger.subject.first,
            self.other.ledger.subject.first,
        ]
    }

    /// The segment of an event, for one and for the other.
    fn segments(&self, fields: &Fields) -> (Segment, Segment) {
        let now = (self.one.subject.now() / 1_000) as u32;
        let of = |ledger: &Ledger| {
            Segment::of(
                fields,
                &self.offer,
                ledger,
                PeerClock { now },
                self.setup.isn,
            )
        };
        let (first, second) = (of(&self.one.ledger), of(&self.other.ledger));
        let iss = |ledger: &Ledger| ledger.subject.first.unwrap_or(0);
        let apart = iss(&self.other.ledger).wrapping_sub(iss(&self.one.ledger));
        let second = Segment {
            ack: first.ack.wrapping_add(apart),
            // Timestamps are its own.
            options: second.options,
            ..first
        };
        (first, second)
    }

    fn arrive(
        &mut self,
        (first, second): (Segment, Segment),
        damage: Option<Damage>,
    ) -> Result<(), Violation> {
        let effect = damage.map_or(Effect::None, |damage| damage.effect().0);
        if effect == Effect::Open {
            return Ok(());
        }
        self.stamp = self.stamp_of(&first);
        let cause = self.cause(&first);
        let states = (self.one.state(), self.other.state());
        self.one.arrive(&first, &self.ends, damage);
        self.witness
            .arrived(self.one.subject.now(), &self.one.datagram);
        self.other.arrive(&second, &self.ends, damage);
        let counts = effect == Effect::None;
        let one = self.one.take(
            self.ends,
            counts.then_some((&first, states.0)),
            self.witness,
        )?;
        let other = self
            .other
            .take(self.ends, counts.then_some((&second, states.1)), &mut ())?;
        let name = if counts { "a segment" } else { "a damaged one" };
        self.compare((&one, &other), true, name, Some(cause.clone()))?;
        match counts {
            true => self.end_quietly(cause, one.acked.is_some()),
            false => Ok(()),
        }
    }

    /// Ends the input where the two are known to part after such a segment, and nothing shows it.
    fn end_quietly(&self, cause: Judged, is_answered: bool) -> Result<(), Violation> {
        if !self.known.has_quiet() {
            return Ok(());
        }
        let quiet = self.apart("what is kept", "a segment", "nothing shows", Some(cause));
        match self
            .known
            .explains_quietly(&quiet, &self.setup, is_answered)
        {
            true => Err(quiet),
            false => Ok(()),
        }
    }

    /// What the timestamp of a segment is.
    fn stamp_of(&self, segment: &Segment) -> &'static str {
        let ledger = &self.one.ledger;
        let mut datagram = Vec::new();
        segment::write(segment, &self.ends, &mut datagram);
        let found = packet::read(&datagram)
            .ok()
            .and_then(|packet| packet.options.stamp);
        match (ledger.has_timestamps(), found, ledger.peer.stamp) {
            (true, None, _) => "missing",
            (true, Some((value, _)), Some(last)) if after(last, value) => "old",
            _ => "usual",
        }
    }

    /// Where a segment lies, as the first stack's ledger has it.
    fn cause(&self, segment: &Segment) -> Judged {
        let (subject, peer) = (&self.one.ledger.subject, &self.one.ledger.peer);
        let rcv_nxt = subject.acked.unwrap_or(0);
        let snd_una = peer.acked.or(subject.first).unwrap_or(0);
        let flags = segment.flags;
        let len =
            u32::from(segment.text) + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        Judged {
            marks: Vec::new(),
            state: self.one.state().name(),
            flags,
            text: segment.text > 0,
            place: Numbers::of(
                (
                    segment.seq.wrapping_sub(rcv_nxt),
                    len,
                    subject.largest_edge.wrapping_sub(rcv_nxt),
                ),
                (flags & ACK != 0).then(|| segment.ack.wrapping_sub(snd_una)),
                subject.next.wrapping_sub(snd_una),
            ),
            places: Vec::new(),
        }
    }

    fn stranger(&mut self, fields: &Fields) -> Result<(), Violation> {
        let (mut first, mut second) = self.segments(fields);
        first.flags &= !SYN;
        second.flags &= !SYN;
        let mut ends = self.ends;
        ends.peer.1 += 1;
        self.one.arrive(&first, &ends, None);
        self.witness
            .arrived(self.one.subject.now(), &self.one.datagram);
        self.other.arrive(&second, &ends, None);
        let one = self.one.take(ends, None, self.witness)?;
        let other = self.other.take(ends, None, &mut ())?;
        let cause = self.cause(&first);
        self.compare((&one, &other), true, "a stranger's segment", Some(cause))
    }

    fn call(&mut self, call: Call) -> Result<(), Violation> {
        // What decides when something is sent is the same on both from the start; and of CLOSE, the half that all have.
        let call = match call {
            Call::NoDelay(_) | Call::KeepAlive(_) => return Ok(()),
            // Before there is a connection there is no half of one.
            Call::Close | Call::Shutdown if self.one.state() == State::SynSent => Call::Close,
            Call::Close => Call::Shutdown,
            call => call,
        };
        let text: &[u8] = match call {
            Call::Send(length) => Stream::User.text(self.written, length.into()),
            _ => &[],
        };
        let first = self.one.subject.call(call, text, &mut self.one.received);
        self.witness.called(self.one.subject.now(), call, first);
        let second = self
            .other
            .subject
            .call(call, text, &mut self.other.received);
        if let (Call::Connect, Answer::Done) = (call, first) {
            self.written = 0;
        }
        if let (Call::Send(_), Answer::Bytes(count)) = (call, first) {
            self.written = self.written.wrapping_add(count as u32);
        }
        let name = name(call);
        if answer(call, first) != answer(call, second) {
            let what = format!("{first:?} and {second:?}");
            return Err(self.apart("the answer", name, &what, None));
        }
        let is_text = matches!(first, Answer::Bytes(_));
        if is_text && self.one.received != self.other.received {
            return Err(self.apart("the text", name, "other bytes are delivered", None));
        }
        if let (Call::Connect, Answer::Done) = (call, first) {
            self.one.ledger = Ledger::default();
            self.other.ledger = Ledger::default();
        }
        let one = self.one.take(self.ends, None, self.witness)?;
        let other = self.other.take(self.ends, None, &mut ())?;
        self.compare((&one, &other), matches!(call, Call::Send(_)), name, None)
    }

    fn wait(&mut self, wait: Wait) -> Result<(), Violation> {
        let now = self.one.subject.now();
        let until = match wait {
            Wait::Millis(count) => now + Micros::from(count) * 1_000,
            Wait::Seconds(count) => now + Micros::from(count) * 1_000_000,
            Wait::Timer => {
                let deadline = self.one.subject.deadline();
                deadline
                    .unwrap_or(now + 1_000_000)
                    .clamp(now, now + LONGEST_WAIT)
            }
        };
        self.one.wait(until);
        self.other.wait(until);
        let one = self.one.take(self.ends, None, self.witness)?;
        let other = self.other.take(self.ends, None, &mut ())?;
        // When something is sent again is free.
        let one = Said {
            syns: other.syns.clone(),
            ..one
        };
        self.compare((&one, &other), false, "a wait", None)
    }

    /// Compares what both have said after an event; `sends`: and how far they have come.
    fn compare(
        &mut self,
        (one, other): (&Said, &Said),
        sends: bool,
        after: &str,
        cause: Option<Judged>,
    ) -> Result<(), Violation> {
        self.played.packets += one.resets.len() + one.syns.len();
        self.played.judged += 1;
        let (first, second) = (self.one.state(), self.other.state());
        let what = if first != second {
            (
                "the state",
                format!("{} and {}", first.name(), second.name()),
            )
        } else if one.resets != other.resets {
            ("resets", format!("{:?} and {:?}", one.resets, other.resets))
        } else if one.syns != other.syns {
            ("SYNs", format!("{:?} and {:?}", one.syns, other.syns))
        } else if sends && cause.is_some() && one.acked != other.acked {
            let has_more_room =
                one.acked.is_some() && other.acked.is_some() && one.edge != other.edge;
            // Where one has offered more, it may take more.
            let what = if has_more_room {
                "what the window holds"
            } else {
                "SEG.ACK"
            };
            (what, format!("{:?} and {:?}", one.acked, other.acked))
        } else if sends && one.next != other.next {
            ("SND.NXT", format!("{} and {}", one.next, other.next))
        } else if sends
            && one.acked.is_some()
            && other.acked.is_some()
            && one.is_shut != other.is_shut
        {
            (
                "the window",
                format!("closed: {} and {}", one.is_shut, other.is_shut),
            )
        } else {
            return Ok(());
        };
        Err(self.apart(what.0, after, &what.1, cause))
    }

    fn apart(&self, what: &str, after: &str, how: &str, cause: Option<Judged>) -> Violation {
        let state = match &cause {
            Some(cause) => format!(
                " in {}, SEG.SEQ {}, SEG.ACK {}, timestamp {}",
                cause.state, cause.place.seq, cause.place.ack, self.stamp
            ),
            None => format!(" in {}", self.one.state().name()),
        };
        Violation {
            cause: cause.map(Box::new),
            ..Violation::of(
                Oracle::Differential,
                format!("{what} after {after}{state}: {how}"),
            )
        }
    }
}

/// What an answer comes to: what was done, or how many bytes there are. Whether a call that does nothing is an error
/// is free.
fn answer(call: Call, answer: Answer) -> usize {
    match (call, answer) {
        (_, Answer::Bytes(count)) => count,
        (Call::Listen | Call::Connect | Call::Accept, Answer::Done) => 1,
        _ => 0,
    }
}

/// The name of a call.
fn name(call: Call) -> &'static str {
    match call {
        Call::Listen => "LISTEN",
        Call::Connect => "OPEN",
        Call::Accept => "ACCEPT",
        Call::Send(_) => "SEND",
        Call::Recv(_) => "RECEIVE",
        Call::Shutdown | Call::Close => "CLOSE",
        Call::Abort => "ABORT",
        Call::NoDelay(_) | Call::KeepAlive(_) => "an option",
    }
}
