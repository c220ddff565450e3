//! The specification: what may be sent at once in answer to a segment, and where the connection stands then.
//!
//! The table of `specification` decides; here is only what it needs to know of a connection (RCV.NXT,
//! SND.UNA, what waits out of order), and how packets are held against its answer.

mod answer;

use std::collections::VecDeque;

pub(in crate::fuzz) use answer::shown;

use super::{Oracle, Violation, Wanted};
use crate::fuzz::ledger::{Ledger, after};
use crate::fuzz::packet::{ACK, FIN, Packet, RST, SYN};
use crate::fuzz::subject::{Micros, State as Standing};
use crate::specification::{
    Facts, Flags, Is, Outcome, Place, Reply, Row, Segment, Stamp, State, Then, outcome,
};

/// What a profile chooses and the specification has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// See [`Facts`].
    pub facts: Facts,
    /// At most so many acknowledgments answer segments that are not taken (RFC 5961 §7) …
    pub challenges: usize,
    /// … within so many microseconds.
    pub challenge_period: Micros,
}

/// One connection, as its events have it.
#[derive(Clone, Debug)]
pub struct Specification {
    choices: Choices,
    /// IRS of the SYN that was taken.
    irs: u32,
    rcv_nxt: u32,
    snd_una: u32,
    max_snd_wnd: u32,
    /// The first number behind SND.WND; SND.WL1 and SND.WL2.
    snd_edge: u32,
    windowed_by: Option<(u32, u32)>,
    ts_recent: Option<u32>,
    /// Text behind a hole, as ranges of numbers; and the number of a FIN behind one.
    waiting: Vec<(u32, u32)>,
    fin_waiting: Option<u32>,
    /// The user listens.
    listens: bool,
    /// The user has closed his direction, and reads no longer.
    is_closed: bool,
    nobody_reads: bool,
    /// SYN-RECEIVED was reached by crossing SYNs.
    crossed: bool,
    /// Nothing has come that this does not decide.
    is_sure: bool,
    /// When acknowledgments answered what was not taken.
    challenged: VecDeque<Micros>,
}

/// What is expected of one segment.
#[derive(Debug)]
pub struct Expected {
    outcome: Outcome,
    /// What else may come of a SYN in TIME-WAIT: whether it is newer is told by more than its number
    /// (RFC 6191 §2), and a stack need not look.
    otherwise: Option<Outcome>,
    before: State,
    segment: Segment,
    /// The row that decided drops the segment, or ends the connection.
    is_final: bool,
    /// An acknowledgment may be withheld: there were enough.
    is_limited: bool,
    /// A number lies where nobody can say whether it is before or behind another.
    is_half_a_turn_away: bool,
    /// RCV.NXT and SND.NXT when the segment came.
    rcv_nxt: u32,
    snd_nxt: u32,
    /// The first number behind the peer's window, and SND.UNA.
    edge: u32,
    snd_una: u32,
    stamp: Option<u32>,
    /// Its timestamp may become TS.Recent.
    is_recent: bool,
    window: u32,
}

impl Expected {
    /// Whether the peer's SYN is taken, and its numbers count from there.
    pub fn takes_syn(&self) -> bool {
        let flags = self.segment.flags;
        let is_open = !matches!(self.outcome.state, State::Closed | State::Listen);
        let takes = |row: &&Row| matches!(row.then, Then::TakeSynAckInto(_) | Then::End(..));
        flags.syn && !flags.rst && is_open && self.outcome.rows.iter().any(takes)
    }

    /// It is not what was to be.
    fn violation(&self, what: String, wanted: Option<Wanted>) -> Violation {
        let rows = &self.outcome.rows;
        let places: Vec<String> = rows.iter().map(section).collect();
        let (state, places) = (self.before.title(), places.join(", "));
        let rules = rows.iter().flat_map(|row| row.rules.iter().copied());
        Violation {
            oracle: Oracle::Specification,
            rules: rules.collect(),
            message: format!("in {state}, by {places}: {what}"),
            wanted,
        }
    }

    /// Whether a segment without text may have this SEG.SEQ: SND.NXT, or what is not beyond the window
    /// where a probe or a window that has shrunk left it (§3.8.6.1).
    fn may_be_seq(&self, seq: u32) -> bool {
        let is_sent = !after(self.snd_una, seq) && !after(seq, self.snd_nxt);
        seq == self.snd_nxt || is_sent && !after(self.edge, self.snd_nxt)
    }
}

impl Specification {
    /// Of a connection that does not exist yet.
    pub fn new(choices: Choices) -> Specification {
        Specification {
            choices,
            irs: 0,
            rcv_nxt: 0,
            snd_una: 0,
            max_snd_wnd: 0,
            snd_edge: 0,
            windowed_by: None,
            ts_recent: None,
            waiting: Vec::new(),
            fin_waiting: None,
            listens: false,
            is_closed: false,
            nobody_reads: false,
            crossed: false,
            is_sure: true,
            challenged: VecDeque::new(),
        }
    }

    /// The user has closed his direction of the stream; `all`: and will not read the other.
    pub fn closed(&mut self, all: bool) {
        self.is_closed = true;
        self.nobody_reads |= all;
    }

    /// Something has come of which it is open what becomes of it: nothing is judged until the connection is over.
    pub fn doubt(&mut self) {
        self.is_sure = false;
    }

    /// The user listens from here on.
    pub fn listened(&mut self) {
        self.listens = true;
    }

    /// A new connection begins.
    pub fn forget(&mut self) {
        let listens = self.listens;
        *self = Specification::new(self.choices);
        self.listens = listens;
    }

    /// What must come of this segment, which arrives when the connection is in a state.
    pub fn expect(
        &self,
        packet: &Packet<'_>,
        standing: Standing,
        ledger: &Ledger,
        now: Micros,
    ) -> Expected {
        let state = self.state(standing);
        let segment = self.segment(packet, ledger);
        let place = self.place(state, ledger);
        let facts = self.choices.facts;
        let judged = outcome(state, place, &segment, facts);
        let reopens = state == State::TimeWait && judged.reply == Reply::SynAck;
        let deaf = Place {
            listens: false,
            ..place
        };
        let otherwise = reopens.then(|| outcome(state, deaf, &segment, facts));
        let outcome = judged;
        let last = outcome.rows.last().map(|row| row.then);
        // What the segment acknowledges was taken, and may have let text go.
        let has_gone_on = outcome
            .rows
            .iter()
            .any(|row| matches!(row.then, Then::TakeAck | Then::GoOn) && row.states.len() > 1)
            || is_handshake(state) && matches!(outcome.state, State::Established | State::FinWait1);
        let recent = |at: &&Micros| now.saturating_sub(**at) < self.choices.challenge_period;
        let is_scaled = !packet.has(SYN) && ledger.subject.scale.is_some();
        let scale = ledger.peer.scale.filter(|_| is_scaled).unwrap_or(0).min(14);
        Expected {
            is_final: matches!(last, Some(Then::Drop(_) | Then::End(..))) && !has_gone_on,
            otherwise,
            is_limited: self.challenged.iter().filter(recent).count() >= self.choices.challenges,
            before: state,
            is_half_a_turn_away: is_half_a_turn_away(state, &segment, &place),
            segment,
            rcv_nxt: match state {
                State::Closed | State::Listen | State::SynSent => outcome.place.rcv_nxt,
                _ => place.rcv_nxt,
            },
            snd_nxt: ledger.subject.next,
            edge: self.snd_edge,
            snd_una: place.snd_una,
            stamp: packet.options.stamp.map(|(value, _)| value),
            is_recent: !packet.has(RST | SYN)
                && ledger
                    .subject
                    .acked
                    .is_some_and(|acked| !after(packet.seq, acked)),
            window: u32::from(packet.window) << scale,
            outcome,
        }
    }

    fn state(&self, standing: Standing) -> State {
        match standing {
            Standing::Closed => State::Closed,
            Standing::Listen => State::Listen,
            Standing::SynSent => State::SynSent,
            Standing::SynReceived if self.crossed => State::SynReceivedActive,
            Standing::SynReceived => State::SynReceived,
            Standing::Established => State::Established,
            Standing::FinWait1 => State::FinWait1,
            Standing::FinWait2 => State::FinWait2,
            Standing::CloseWait => State::CloseWait,
            Standing::Closing => State::Closing,
            Standing::LastAck => State::LastAck,
            Standing::TimeWait => State::TimeWait,
        }
    }

    fn segment(&self, packet: &Packet<'_>, ledger: &Ledger) -> Segment {
        let stamp = match (
            ledger.has_timestamps(),
            packet.options.stamp,
            self.ts_recent,
        ) {
            // A SYN is of another incarnation, which has agreed on nothing.
            (true, None, _) if !packet.has(SYN) => Stamp::Missing,
            (true, Some((value, _)), Some(recent)) if after(recent, value) => Stamp::Old,
            (true, Some((value, _)), Some(recent)) if after(value, recent) && packet.has(SYN) => {
                Stamp::Newer
            }
            (false, Some(_), _) if packet.has(SYN) => Stamp::Newer,
            _ => Stamp::Usual,
        };
        Segment {
            flags: Flags {
                syn: packet.has(SYN),
                ack: packet.has(ACK),
                rst: packet.has(RST),
                fin: packet.has(FIN),
            },
            push: false,
            urgent: false,
            seq: packet.seq,
            ack: packet.ack,
            text: packet.text.len() as u32,
            stamp,
        }
    }

    fn place(&self, state: State, ledger: &Ledger) -> Place {
        let subject = &ledger.subject;
        let iss = subject.first.unwrap_or(0);
        let is_open = !matches!(state, State::Closed | State::Listen);
        // What was in a window once offered is taken (RFC 7323 §2.4).
        let offered = subject.largest_edge.wrapping_sub(self.rcv_nxt);
        Place {
            irs: self.irs,
            iss,
            fin_sent: subject.fin.is_some(),
            nobody_reads: self.nobody_reads,
            listens: self.listens,
            close_queued: self.is_closed,
            rcv_nxt: self.rcv_nxt,
            // What was offered before may have been used up by what was not acknowledged yet.
            rcv_wnd: match state {
                State::SynSent => subject.window.into(),
                _ if is_open && offered.cast_signed() > 0 => offered,
                _ => 0,
            },
            snd_una: match state {
                State::SynSent | State::SynReceived | State::SynReceivedActive => iss,
                _ => self.snd_una,
            },
            snd_nxt: subject.next,
            // What was never sent cannot have been acknowledged.
            max_snd_wnd: self
                .max_snd_wnd
                .min(self.snd_una.wrapping_sub(iss).saturating_sub(1)),
        }
    }

    /// Holds what was sent and the state that the subject tells against what was expected, and takes in
    /// what has become of the connection.
    ///
    /// # Errors
    /// What was not allowed.
    pub fn judge(
        &mut self,
        mut expected: Expected,
        sent: &[Packet<'_>],
        standing: Option<Standing>,
        now: Micros,
    ) -> Result<(), Violation> {
        if matches!(expected.before, State::Closed | State::Listen) {
            self.forget();
        }
        if !self.is_sure {
            if standing.is_none_or(|standing| is_same(standing, Standing::Closed)) {
                self.forget();
            }
            return Ok(());
        }
        let opens = sent.iter().any(|packet| packet.has(SYN));
        if let Some(otherwise) = expected.otherwise.take().filter(|_| !opens) {
            expected.outcome = otherwise;
        }
        let state = self.take(&expected);
        self.is_sure &= !expected.is_half_a_turn_away;
        if !self.is_sure {
            return Ok(());
        }
        if let Err(what) = self.replies(&expected, sent, now) {
            let wanted = self.wanted(&expected);
            return Err(expected.violation(what, wanted));
        }
        let wanted = standing_of(state);
        match standing {
            Some(found) if !is_same(found, wanted) => {
                let (found, name) = (found.name(), wanted.name());
                let what = format!("the state is {found} and should be {name}");
                Err(expected.violation(what, Some(Wanted::State(wanted))))
            }
            _ => Ok(()),
        }
    }

    /// What is to be sent, where that is one thing.
    fn wanted(&self, expected: &Expected) -> Option<Wanted> {
        let segment = &expected.segment;
        let (seq, ack) = (expected.snd_nxt, self.rcv_nxt_of(expected));
        Some(match expected.outcome.reply {
            Reply::Nothing if expected.is_final => Wanted::Nothing,
            Reply::Reset => Wanted::Reset { seq: segment.ack },
            Reply::ResetAck => Wanted::ResetAck {
                ack: segment.seq.wrapping_add(segment.seg_len()),
            },
            Reply::SynAck => Wanted::SynAck { ack },
            Reply::Ack if expected.is_final => Wanted::Ack { seq, ack },
            Reply::Abort => Wanted::Abort { seq, ack },
            Reply::Nothing | Reply::Ack | Reply::AckSoon => return None,
        })
    }

    /// RCV.NXT once the segment has been dealt with.
    fn rcv_nxt_of(&self, expected: &Expected) -> u32 {
        match expected.outcome.state {
            State::Closed | State::Listen => expected.outcome.place.rcv_nxt,
            _ => self.rcv_nxt,
        }
    }

    /// Takes in what has become of the connection, and gives the state that follows.
    fn take(&mut self, expected: &Expected) -> State {
        let Outcome { place, state, .. } = &expected.outcome;
        if matches!(state, State::Closed | State::Listen) {
            self.forget();
            return *state;
        }
        let rows = &expected.outcome.rows;
        let (is_closed, nobody_reads) = (self.is_closed, self.nobody_reads);
        if expected.takes_syn() && expected.before != State::SynReceivedActive {
            self.forget();
            self.crossed = *state == State::SynReceivedActive;
            self.ts_recent = expected.stamp;
            // A listener's connection is a new one.
            if expected.before == State::SynSent {
                (self.is_closed, self.nobody_reads) = (is_closed, nobody_reads);
            }
        }
        self.irs = place.irs;
        self.snd_una = place.snd_una;
        let is_dropped = rows
            .last()
            .is_some_and(|row| matches!(row.then, Then::Drop(_)));
        let is_acknowledging = rows
            .iter()
            .any(|row| matches!(row.then, Then::TakeAck | Then::GoOn));
        if is_dropped && !is_acknowledging {
            return *state;
        }
        self.max_snd_wnd = self.max_snd_wnd.max(expected.window);
        self.take_window(expected);
        if expected.is_recent
            && let (Some(recent), Some(stamp)) = (self.ts_recent, expected.stamp)
            && !after(recent, stamp)
        {
            self.ts_recent = Some(stamp);
        }
        // Nothing counts behind a FIN that has come.
        self.rcv_nxt = match self.fin_waiting {
            Some(fin) if after(place.rcv_nxt, fin) => fin,
            _ => place.rcv_nxt,
        };
        for row in rows {
            match row.when {
                [Is::TextBehindHole] => self.keep(expected),
                [Is::FinBehindHole] => self.keep_fin(expected),
                // Text was taken from behind this FIN: which of them counts is not decided here.
                [Is::FinInOrder] => {
                    let number = self.rcv_nxt.wrapping_sub(1);
                    let is_another = self.fin_waiting.is_some_and(|fin| fin != number);
                    self.is_sure &= self.waiting.is_empty() && !is_another;
                }
                _ => {}
            }
        }
        self.fill_up(*state)
    }

    /// SND.WND, unless an older segment tells it (§3.10.7.4, fifth).
    fn take_window(&mut self, expected: &Expected) {
        let (seq, ack) = (expected.segment.seq, expected.segment.ack);
        let is_newer = match self.windowed_by {
            None => true,
            Some((wl1, wl2)) => after(seq, wl1) || seq == wl1 && !after(wl2, ack),
        };
        let is_old = after(self.snd_una, ack);
        if is_newer && !is_old && expected.segment.flags.ack {
            self.windowed_by = Some((seq, ack));
            self.snd_edge = ack.wrapping_add(expected.window);
        }
    }

    /// Text behind a hole waits.
    fn keep(&mut self, expected: &Expected) {
        let segment = &expected.segment;
        let edge = self.rcv_nxt.wrapping_add(expected.outcome.place.rcv_wnd);
        let end = segment.seq.wrapping_add(segment.text);
        let end = if after(end, edge) { edge } else { end };
        self.waiting.push((segment.seq, end));
        self.is_sure &= self.fin_waiting.is_none_or(|fin| !after(end, fin));
    }

    /// So does a FIN. Two of them in different places are more than is decided here.
    fn keep_fin(&mut self, expected: &Expected) {
        let number = expected.segment.seq.wrapping_add(expected.segment.text);
        let is_another = self.fin_waiting.is_some_and(|fin| fin != number);
        let is_before_text = self.waiting.iter().any(|(_, end)| after(*end, number));
        self.is_sure &= !is_another && !is_before_text;
        self.fin_waiting = Some(number);
    }

    /// What waited behind a hole that is filled is taken, and the FIN at its end.
    fn fill_up(&mut self, state: State) -> State {
        while let Some(index) = self
            .waiting
            .iter()
            .position(|(start, _)| !after(*start, self.rcv_nxt))
        {
            let (_, end) = self.waiting.swap_remove(index);
            if after(end, self.rcv_nxt) {
                self.rcv_nxt = end;
            }
        }
        if self.fin_waiting != Some(self.rcv_nxt) {
            return state;
        }
        self.fin_waiting = None;
        self.rcv_nxt = self.rcv_nxt.wrapping_add(1);
        match state {
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            _ => State::CloseWait,
        }
    }
}

/// Whether our SYN is still to be acknowledged.
fn is_handshake(state: State) -> bool {
    matches!(
        state,
        State::SynSent | State::SynReceived | State::SynReceivedActive
    )
}

/// Serial arithmetic says nothing of two numbers that are half the sequence space apart (RFC 1982 §3.2).
fn is_half_a_turn_away(state: State, segment: &Segment, place: &Place) -> bool {
    let is_away =
        |one: u32, other: u32| one.wrapping_sub(other).wrapping_add(8_192) >> 14 == 1 << 17;
    let ends = [segment.seq, segment.seq.wrapping_add(segment.seg_len())];
    let of_receiver = [place.rcv_nxt, place.rcv_nxt.wrapping_add(place.rcv_wnd)];
    let of_sender = [place.snd_una, place.snd_nxt];
    let is_seq = ends
        .iter()
        .any(|end| of_receiver.iter().any(|number| is_away(*end, *number)));
    let has_numbers = !matches!(state, State::Closed | State::Listen);
    let is_seq = is_seq && state != State::SynSent;
    has_numbers && (is_seq || of_sender.iter().any(|number| is_away(segment.ack, *number)))
}

/// Where a row stands.
fn section(row: &&'static Row) -> String {
    match row.place.starts_with("RFC") {
        true => row.place.to_owned(),
        false => format!("RFC 9293 {}", row.place),
    }
}

fn standing_of(state: State) -> Standing {
    match state {
        State::Closed => Standing::Closed,
        State::Listen => Standing::Listen,
        State::SynSent => Standing::SynSent,
        State::SynReceived | State::SynReceivedActive => Standing::SynReceived,
        State::Established => Standing::Established,
        State::FinWait1 => Standing::FinWait1,
        State::FinWait2 => Standing::FinWait2,
        State::CloseWait => Standing::CloseWait,
        State::Closing => Standing::Closing,
        State::LastAck => Standing::LastAck,
        State::TimeWait => Standing::TimeWait,
    }
}

/// A connection that is over leaves a listener, if there is one.
fn is_same(one: Standing, other: Standing) -> bool {
    let is_over = |state| matches!(state, Standing::Closed | Standing::Listen);
    one == other || is_over(one) && is_over(other)
}
