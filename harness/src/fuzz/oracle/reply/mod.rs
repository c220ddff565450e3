//! The specification: what may be sent at once in answer to a segment, and where the connection stands then.
//!
//! The table of `specification` decides; here is only what it needs to know of a connection (RCV.NXT,
//! SND.UNA, what waits out of order), and how packets are held against its answer.

mod answer;
mod track;
mod undecided;

use std::collections::VecDeque;

pub(in crate::fuzz) use answer::shown;

use super::{Choices, Circumstances, Judged, Numbers, Oracle, Standing, Violation, Wanted};
use crate::fuzz::ledger::{Ledger, after};
use crate::fuzz::packet::{ACK, FIN, Packet, RST, SYN};
use crate::fuzz::subject::{Micros, State as Named};
use crate::specification::{
    Flags, Outcome, Place, Reply, Row, Segment, Stamp, State, Then, outcome,
};

/// One connection, as its events have it.
#[derive(Clone, Debug)]
pub struct Specification {
    choices: Choices,
    /// IRS of the SYN that was taken.
    irs: u32,
    rcv_nxt: u32,
    snd_una: u32,
    max_snd_wnd: u32,
    /// The largest window that was taken: whether MAX.SND.WND counts others is open.
    max_taken: u32,
    /// The first number behind SND.WND; SND.WL1 and SND.WL2.
    snd_edge: u32,
    windowed_by: Option<(u32, u32)>,
    ts_recent: Option<u32>,
    /// Text behind a hole, as ranges of numbers; and the number of a FIN behind one.
    waiting: Vec<(u32, u32)>,
    fin_waiting: Option<u32>,
    /// The peer has ended its stream in two places, or has gone on behind its end.
    ends_twice: bool,
    /// The peer's FIN was taken.
    has_ended: bool,
    /// The user listens.
    listens: bool,
    /// The user has closed his direction, and reads no longer.
    is_closed: bool,
    nobody_reads: bool,
    /// SYN-RECEIVED was reached by crossing SYNs.
    crossed: bool,
    /// Nothing has come that this does not decide.
    is_sure: bool,
    /// When acknowledgments answered segments without text, and whether it is certain that such a segment was not
    /// to be taken.
    challenged: VecDeque<(Micros, bool)>,
}

/// What is expected of one segment.
#[derive(Debug)]
pub struct Expected {
    outcome: Outcome,
    /// What else may come of a SYN in TIME-WAIT: whether it is newer is told by more than its number
    /// (RFC 6191 §2), and a stack need not look.
    otherwise: Option<Box<Outcome>>,
    before: State,
    segment: Segment,
    /// Byte 13 of its header.
    flags: u8,
    numbers: Numbers,
    marks: Vec<&'static str>,
    /// The row that decided drops the segment, or ends the connection.
    is_final: bool,
    /// So many acknowledgments like the one that is due were sent lately, perhaps and for certain; `None` where it is
    /// owed however many there were.
    challenged: Option<(usize, usize)>,
    /// The documents do not say what becomes of it.
    is_undecided: bool,
    /// Nobody can say how much of it is taken.
    is_cut: bool,
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

    /// Whether a SYN may answer it: of a new connection, or the one of this once more.
    pub fn may_draw_syn(&self) -> bool {
        self.takes_syn() || self.outcome.reply == Reply::SynAck
    }

    /// Whether a connection begins with it, if a SYN answers it.
    pub fn begins(&self) -> bool {
        matches!(self.before, State::Closed | State::Listen | State::TimeWait)
    }

    /// It is known that the segment goes another way, although the answer does not show it.
    pub fn quiet(&self) -> Violation {
        self.violation("it goes another way unseen".to_owned(), None)
    }

    /// Whether the segment is taken, and nothing in it asks for an answer.
    pub fn asks_nothing(&self) -> bool {
        self.outcome.reply == Reply::Nothing && !self.is_final && self.segment.seg_len() == 0
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
            circumstances: Circumstances::default(),
            cause: Some(Box::new(Judged {
                state,
                flags: self.flags,
                text: self.segment.text > 0,
                place: self.numbers,
                places: rows.iter().map(|row| row.place).collect(),
                marks: self.marks.clone(),
            })),
        }
    }

    /// Whether a segment without text may have this SEG.SEQ: SND.NXT, or what is not beyond the window
    /// where a probe or a window that has shrunk left it (§3.8.6.1).
    fn may_be_seq(&self, seq: u32) -> bool {
        let is_sent = !after(self.snd_una, seq) && !after(seq, self.snd_nxt);
        // A byte that probed does not count as sent yet, even when the window has opened a little since.
        let is_before_probe = self.snd_nxt.wrapping_sub(seq) <= 1;
        seq == self.snd_nxt || is_sent && (is_before_probe || !after(self.edge, self.snd_nxt))
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
            max_taken: 0,
            snd_edge: 0,
            windowed_by: None,
            ts_recent: None,
            waiting: Vec::new(),
            fin_waiting: None,
            ends_twice: false,
            has_ended: false,
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

    /// Where the connection stands; `None` where that is open.
    pub fn standing(&self) -> Option<Standing> {
        self.is_sure.then_some(Standing {
            rcv_nxt: self.rcv_nxt,
            snd_una: self.snd_una,
            snd_edge: self.windowed_by.map(|_| self.snd_edge),
            max_snd_wnd: self.max_snd_wnd,
            ts_recent: self.ts_recent,
            has_gap: !self.waiting.is_empty() && !self.nobody_reads,
            has_ended: self.has_ended,
        })
    }

    /// Whether what follows is decided.
    pub fn is_sure(&self) -> bool {
        self.is_sure
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
        standing: Named,
        ledger: &Ledger,
        now: Micros,
    ) -> Expected {
        let state = self.state(standing);
        let segment = self.segment(packet, ledger);
        let place = self.place(state, ledger);
        let facts = self.choices.facts;
        let judged = outcome(state, place, &segment, facts);
        let reopens = state == State::TimeWait && judged.rows.last().is_some_and(opens_anew);
        let deaf = Place {
            listens: false,
            ..place
        };
        let otherwise = reopens.then(|| Box::new(outcome(state, deaf, &segment, facts)));
        let outcome = judged;
        let last = outcome.rows.last().map(|row| row.then);
        // What the segment acknowledges was taken, and may have let text go.
        let has_gone_on = outcome
            .rows
            .iter()
            .any(|row| matches!(row.then, Then::TakeAck | Then::GoOn) && row.states.len() > 1)
            || is_handshake(state) && matches!(outcome.state, State::Established | State::FinWait1);
        let is_scaled = !packet.has(SYN) && ledger.subject.scale.is_some();
        let scale = ledger.peer.scale.filter(|_| is_scaled).unwrap_or(0).min(14);
        Expected {
            is_final: matches!(last, Some(Then::Drop(_) | Then::End(..))) && !has_gone_on,
            otherwise,
            challenged: is_challenge(&segment).then(|| self.challenged_lately(now)),
            before: state,
            is_undecided: undecided::is_half_a_turn_away(state, &segment, &place)
                || undecided::is_age_unknown(&segment, &place, self.max_taken),
            is_cut: !facts.cuts_to_window && undecided::is_cut(state, &segment, &place),
            marks: marks(packet, &place, ledger),
            segment,
            flags: packet.flags,
            numbers: Numbers::of(
                (
                    segment.seq.wrapping_sub(place.rcv_nxt),
                    segment.seg_len(),
                    place.rcv_wnd,
                ),
                packet
                    .has(ACK)
                    .then(|| segment.ack.wrapping_sub(place.snd_una)),
                place.snd_nxt.wrapping_sub(place.snd_una),
            ),
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

    fn state(&self, standing: Named) -> State {
        match standing {
            Named::Closed => State::Closed,
            Named::Listen => State::Listen,
            Named::SynSent => State::SynSent,
            Named::SynReceived if self.crossed => State::SynReceivedActive,
            Named::SynReceived => State::SynReceived,
            Named::Established => State::Established,
            Named::FinWait1 => State::FinWait1,
            Named::FinWait2 => State::FinWait2,
            Named::CloseWait => State::CloseWait,
            Named::Closing => State::Closing,
            Named::LastAck => State::LastAck,
            Named::TimeWait => State::TimeWait,
        }
    }

    fn segment(&self, packet: &Packet<'_>, ledger: &Ledger) -> Segment {
        let stamp = match (
            ledger.has_timestamps(),
            packet.options.stamp,
            self.ts_recent,
        ) {
            // A SYN is of another incarnation, which has agreed on nothing.
            (true, None, _) if !packet.has(SYN) && self.choices.facts.drops_unstamped => {
                Stamp::Missing
            }
            (true, Some((value, _)), Some(recent)) if after(recent, value) => Stamp::Old,
            (true, Some((value, _)), Some(recent)) if after(value, recent) && packet.has(SYN) => {
                Stamp::Newer
            }
            (false, Some((_, echo)), None) if ledger.subject.has_never_stamped(echo) => Stamp::Wild,
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

    /// Holds what was sent and the state that the subject tells, if it does, against what was expected, and takes in
    /// what has become of the connection; gives the state that follows, unless that is in doubt.
    ///
    /// # Errors
    /// What was not allowed.
    pub fn judge(
        &mut self,
        expected: &mut Expected,
        sent: &[Packet<'_>],
        standing: Option<Named>,
        now: Micros,
    ) -> Result<Option<Named>, Violation> {
        if matches!(expected.before, State::Closed | State::Listen) {
            self.forget();
        }
        if !self.is_sure {
            if standing.is_some_and(|standing| is_same(standing, Named::Closed)) {
                self.forget();
            }
            return Ok(standing);
        }
        let opens = sent.iter().any(|packet| packet.has(SYN));
        if let Some(otherwise) = expected.otherwise.take().filter(|_| !opens) {
            // One that opens nothing is refused, too, and leaves a listener.
            let is_silent = sent.is_empty() && standing != Some(Named::TimeWait);
            if expected.outcome.reply == Reply::SynAck || !is_silent {
                expected.outcome = *otherwise;
            }
        }
        let state = self.take(expected);
        self.dispute(expected.is_cut);
        self.is_sure &= !expected.is_undecided;
        if !self.is_sure {
            return Ok(standing);
        }
        if let Err(what) = self.replies(expected, sent, now) {
            let wanted = self.wanted(expected);
            return Err(expected.violation(what, wanted));
        }
        let wanted = standing_of(state);
        match standing {
            Some(found) if !is_same(found, wanted) => {
                let (found, name) = (found.name(), wanted.name());
                let what = format!("the state is {found} and should be {name}");
                Err(expected.violation(what, Some(Wanted::State(wanted))))
            }
            // Some of it may have come to light only now.
            _ if !self.is_sure => Ok(standing),
            _ => Ok(Some(wanted)),
        }
    }

    /// Whether all of this is acknowledged, of a connection that is open.
    pub fn has_acknowledged(&self, snd_nxt: u32) -> bool {
        self.snd_una == snd_nxt
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
}

/// Whether a limit may hold for the acknowledgment that this draws (RFC 5961 §7): text and FINs are owed one.
fn is_challenge(segment: &Segment) -> bool {
    let Flags { syn, rst, .. } = segment.flags;
    syn || rst || segment.seg_len() == 0
}

/// Whether a row ends TIME-WAIT for the sake of a new connection.
fn opens_anew(row: &&Row) -> bool {
    let for_another = [State::SynReceived, State::Listen];
    matches!(row.then, Then::End(_, state) if row.place == "3.6.1" && for_another.contains(&state))
}

/// Whether our SYN is still to be acknowledged.
fn is_handshake(state: State) -> bool {
    matches!(
        state,
        State::SynSent | State::SynReceived | State::SynReceivedActive
    )
}

/// See `Judged`.
fn marks(packet: &Packet<'_>, place: &Place, ledger: &Ledger) -> Vec<&'static str> {
    let edge = place.rcv_nxt.wrapping_add(place.rcv_wnd);
    let acked = ledger.subject.acked.unwrap_or(place.rcv_nxt);
    let is_taken = after(place.rcv_nxt, packet.seq) && !after(acked, packet.end());
    let is_wild = match (packet.options.stamp, ledger.subject.stamp) {
        (Some((_, echo)), Some(last)) => after(echo, last),
        _ => false,
    };
    let marks = [
        (place.rcv_wnd > 0 && packet.seq == edge, "edge"),
        (is_taken, "taken"),
        (packet.has(ACK) && packet.ack == place.iss, "iss"),
        (is_wild, "wild-tsecr"),
    ];
    let set = marks.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, mark)| mark).collect()
}

/// Where a row stands.
fn section(row: &&'static Row) -> String {
    match row.place.starts_with("RFC") {
        true => row.place.to_owned(),
        false => format!("RFC 9293 {}", row.place),
    }
}

fn standing_of(state: State) -> Named {
    match state {
        State::Closed => Named::Closed,
        State::Listen => Named::Listen,
        State::SynSent => Named::SynSent,
        State::SynReceived | State::SynReceivedActive => Named::SynReceived,
        State::Established => Named::Established,
        State::FinWait1 => Named::FinWait1,
        State::FinWait2 => Named::FinWait2,
        State::CloseWait => Named::CloseWait,
        State::Closing => Named::Closing,
        State::LastAck => Named::LastAck,
        State::TimeWait => Named::TimeWait,
    }
}

/// A connection that is over leaves a listener, if there is one.
fn is_same(one: Named, other: Named) -> bool {
    let is_over = |state| matches!(state, Named::Closed | Named::Listen);
    one == other || is_over(one) && is_over(other)
}
