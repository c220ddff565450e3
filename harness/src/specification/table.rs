//! SEGMENT ARRIVES as a table: RFC 9293 §3.10.7 from top to bottom, with what RFC 5961 adds in its
//! place. The first row that stops a segment decides; rows that do not stop it add what they do.

use State::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
    SynReceivedActive, SynSent, TimeWait,
};

/// The eleven states; SYN-RECEIVED twice, since it matters how it was reached (MUST-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum State {
    Closed,
    Listen,
    SynSent,
    /// By a passive open.
    SynReceived,
    /// By an active open whose SYN crossed the peer's.
    SynReceivedActive,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl State {
    /// All of them.
    pub const ALL: [State; 12] = [
        Closed,
        Listen,
        SynSent,
        SynReceived,
        SynReceivedActive,
        Established,
        FinWait1,
        FinWait2,
        CloseWait,
        Closing,
        LastAck,
        TimeWait,
    ];

    /// As the RFC writes it.
    pub fn title(self) -> &'static str {
        match self {
            Closed => "CLOSED",
            Listen => "LISTEN",
            SynSent => "SYN-SENT",
            SynReceived => "SYN-RECEIVED",
            SynReceivedActive => "SYN-RECEIVED after crossing SYNs",
            Established => "ESTABLISHED",
            FinWait1 => "FIN-WAIT-1",
            FinWait2 => "FIN-WAIT-2",
            CloseWait => "CLOSE-WAIT",
            Closing => "CLOSING",
            LastAck => "LAST-ACK",
            TimeWait => "TIME-WAIT",
        }
    }

    /// As names of cases have it.
    pub fn folder(self) -> &'static str {
        match self {
            Closed => "closed",
            Listen => "listen",
            SynSent => "syn-sent",
            SynReceived => "syn-received",
            SynReceivedActive => "syn-received-active",
            Established => "established",
            FinWait1 => "fin-wait-1",
            FinWait2 => "fin-wait-2",
            CloseWait => "close-wait",
            Closing => "closing",
            LastAck => "last-ack",
            TimeWait => "time-wait",
        }
    }
}

/// What a row asks of a segment. Names as in the RFC; "ours" is the stack's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum Is {
    Rst,
    NoRst,
    Syn,
    Ack,
    NoAck,
    /// Fails the test of §3.4, table 6.
    Unacceptable,
    /// Text or a FIN at RCV.NXT, while RCV.WND is zero.
    ProbesWindow,
    /// SEG.SEQ alone is not in the window.
    OutsideWindow,
    /// SEG.SEQ is not RCV.NXT.
    NotAtRcvNxt,
    /// SEG.SEQ is the number of the peer's SYN.
    AtIrs,
    /// RCV.NXT < SEG.SEQ; see `Facts` for RCV.NXT itself.
    Newer,
    /// SEG.ACK < SND.UNA - MAX.SND.WND.
    AckTooOld,
    /// SEG.ACK > SND.NXT.
    AckBeyond,
    /// SND.UNA < SEG.ACK =< SND.NXT.
    AckNew,
    /// Not that.
    AckNotNew,
    /// SEG.ACK = SND.NXT where our FIN is the last that was sent.
    AcksOurFin,
    /// Not that.
    AcksNotOurFin,
    /// Text within the window that begins at RCV.NXT or before.
    TextInOrder,
    /// Text within the window behind a hole.
    TextBehindHole,
    /// FIN within the window with nothing missing before.
    FinInOrder,
    /// FIN within the window behind a hole.
    FinBehindHole,
    /// Text or FIN within the window.
    TextOrFin,
    /// Anything but an ACK at RCV.NXT with nothing else.
    NotAsExpected,
    /// New text, and nobody who will read it.
    NobodyReads,
    /// See `Facts`.
    AbortsAsUnknown,
    /// Timestamps were agreed on, and this has none.
    StampMissing,
    /// TSval < TS.Recent.
    StampOld,
    /// See `Facts`.
    TimeWaitAnswers,
    /// See `Facts`.
    SynWithFinRefused,
    /// See `Facts`.
    TextOfSynAckLeft,
    /// See `Facts`.
    TextBehindFinUnanswered,
    /// See `Facts`.
    SynAckRepeated,
    /// See `Facts`.
    AnotherSynResets,
    /// See `Facts`.
    AnotherSynRepeats,
    /// See `Facts`.
    RstIgnored,
    /// TSecr was never sent; see `Facts`.
    EchoWild,
}

/// What is sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nothing,
    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
    Ack,
    /// The same, but it may be delayed.
    AckSoon,
    /// `<SEQ=SEG.ACK><CTL=RST>`.
    Reset,
    /// `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`.
    ResetAck,
    /// `<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>`.
    SynAck,
    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`.
    Abort,
}

impl Reply {
    /// This, unless nothing was to be sent yet.
    pub fn or(self, other: Reply) -> Reply {
        match self {
            Reply::Nothing => other,
            said => said,
        }
    }
}

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The segment is done with.
    Drop(Reply),
    /// The segment is done with, and this state follows.
    End(Reply, State),
    /// Nothing; goes on.
    GoOn,
    /// SND.UNA = SEG.ACK; goes on.
    TakeAck,
    /// SND.UNA = SEG.ACK, this state follows; goes on.
    TakeAckInto(State),
    /// RCV.NXT = SEG.SEQ + 1, SND.UNA = SEG.ACK, this state follows; goes on.
    TakeSynAckInto(State),
    /// RCV.NXT passes the text; goes on.
    TakeText,
    /// An acknowledgment is due; goes on.
    Answer,
    /// RCV.NXT passes the FIN, which is acknowledged, and this state follows.
    TakeFinInto(State),
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// Where it stands: a section of RFC 9293, unless it says otherwise, and the step.
    pub place: &'static str,
    /// In any of these.
    pub states: &'static [State],
    /// All of these.
    pub when: &'static [Is],
    /// What it does.
    pub then: Then,
    /// Rules of the catalogue.
    pub rules: &'static [&'static str],
    /// `states` as bits, by their places in the enumeration.
    bits: u16,
}

const fn row(
    place: &'static str,
    states: &'static [State],
    when: &'static [Is],
    then: Then,
    rules: &'static [&'static str],
) -> Row {
    let mut bits = 0;
    let mut index = 0;
    while index < states.len() {
        bits |= 1 << states[index] as u16;
        index += 1;
    }
    Row {
        place,
        states,
        when,
        then,
        rules,
        bits,
    }
}

/// Both kinds of SYN-RECEIVED.
const SYN_RECEIVED: &[State] = &[SynReceived, SynReceivedActive];
/// From ESTABLISHED on.
const SYNCHRONIZED: &[State] = &[
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
];
/// All of §3.10.7.4.
const OTHERWISE: &[State] = &[
    SynReceived,
    SynReceivedActive,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
];
/// The peer's FIN is still to come.
const RECEIVING: &[State] = &[Established, FinWait1, FinWait2];
/// It was taken.
const AFTER_FIN: &[State] = &[CloseWait, Closing, LastAck, TimeWait];

/// The table.
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    row("3.10.7.1",        &[Closed], &[Is::Rst],               Then::Drop(Reply::Nothing),  &["RFC9293-SM-18"]),
    row("3.10.7.1",        &[Closed], &[Is::NoAck],             Then::Drop(Reply::ResetAck), &["RFC9293-SM-16"]),
    row("3.10.7.1",        &[Closed], &[Is::Ack],               Then::Drop(Reply::Reset),    &["RFC9293-SM-17"]),

    row("3.10.7.2 first",  &[Listen], &[Is::Rst],               Then::Drop(Reply::Nothing),  &["RFC9293-SM-14"]),
    row("3.10.7.2 second", &[Listen], &[Is::Ack],               Then::Drop(Reply::Reset),    &["RFC9293-SM-15"]),
    row("3.10.7.2 third",  &[Listen], &[Is::Syn, Is::SynWithFinRefused], Then::Drop(Reply::Nothing), &[]),
    row("3.10.7.2 third",  &[Listen], &[Is::Syn],               Then::End(Reply::SynAck, SynReceived), &["RFC9293-SM-10"]),
    row("3.10.7.2 fourth", &[Listen], &[],                      Then::Drop(Reply::Nothing),  &["RFC9293-SM-39"]),

    row("3.10.7.3 first",  &[SynSent], &[Is::Ack, Is::AckNotNew, Is::Rst], Then::Drop(Reply::Nothing), &["RFC9293-SM-20", "RFC5961-5"]),
    row("3.10.7.3 first",  &[SynSent], &[Is::Ack, Is::AckNotNew], Then::Drop(Reply::Reset),  &["RFC9293-SM-19"]),
    row("3.10.7.3 first",  &[SynSent], &[Is::Ack, Is::NoRst, Is::EchoWild], Then::Drop(Reply::Reset), &[]),
    row("3.10.7.3 second", &[SynSent], &[Is::Rst, Is::Ack],     Then::End(Reply::Nothing, Closed), &["RFC9293-SM-20"]),
    row("3.10.7.3 second", &[SynSent], &[Is::Rst],              Then::Drop(Reply::Nothing),  &["RFC9293-SM-20", "RFC5961-5"]),
    row("3.10.7.3 fourth", &[SynSent], &[Is::Syn, Is::Ack, Is::TextOfSynAckLeft], Then::End(Reply::Ack, Established), &["RFC9293-SM-11"]),
    row("3.10.7.3 fourth", &[SynSent], &[Is::Syn, Is::Ack],     Then::TakeSynAckInto(Established), &["RFC9293-SM-11"]),
    row("3.10.7.3 fourth", &[SynSent], &[Is::Syn],              Then::End(Reply::SynAck, SynReceivedActive), &["RFC9293-MUST-10"]),
    row("3.10.7.3 fifth",  &[SynSent], &[],                     Then::Drop(Reply::Nothing),  &["RFC9293-SM-21"]),

    // What the two crossing SYN-ACKs of a simultaneous open are for (figure 7), although their numbers are old.
    row("3.5",             &[SynReceivedActive], &[Is::NoRst, Is::Syn, Is::AtIrs, Is::Ack, Is::AckNew], Then::End(Reply::Ack, Established), &["RFC9293-MUST-10"]),
    row("3.6.1",           &[TimeWait], &[Is::NoRst, Is::NoAck, Is::Syn, Is::Newer, Is::SynWithFinRefused], Then::End(Reply::Nothing, Listen), &[]),
    row("3.6.1",           &[TimeWait], &[Is::NoRst, Is::NoAck, Is::Syn, Is::Newer], Then::End(Reply::SynAck, SynReceived), &["RFC9293-MAY-2"]),
    row("3.6.1",           &[TimeWait], &[Is::NoRst, Is::NoAck, Is::Syn], Then::GoOn, &["RFC9293-MAY-2"]),

    // In front of the test of SEG.SEQ.
    row("RFC 7323 3.2",    OTHERWISE, &[Is::NoRst, Is::StampMissing], Then::Drop(Reply::Nothing), &["RFC7323-13", "RFC7323-14"]),
    row("RFC 7323 5.3",    OTHERWISE, &[Is::NoRst, Is::StampOld], Then::Drop(Reply::Ack),  &["RFC7323-20", "RFC7323-21"]),

    row("3.10.7.4 first",  OTHERWISE, &[Is::Rst, Is::OutsideWindow], Then::Drop(Reply::Nothing), &["RFC5961-1"]),
    row("3.10.7.4 first",  SYN_RECEIVED, &[Is::NoRst, Is::Syn, Is::NoAck, Is::AtIrs, Is::SynAckRepeated], Then::Drop(Reply::SynAck), &[]),
    row("3.10.7.4 first",  SYN_RECEIVED, &[Is::NoRst, Is::Syn, Is::NoAck, Is::AtIrs], Then::Drop(Reply::Ack), &["RFC9293-SM-25"]),
    row("3.10.7.4 first",  OTHERWISE, &[Is::NoRst, Is::Syn, Is::Unacceptable], Then::Drop(Reply::Ack), &["RFC9293-SM-08", "RFC5961-6"]),
    row("3.10.7.4 first",  OTHERWISE, &[Is::NoRst, Is::Unacceptable], Then::Drop(Reply::Ack), &["RFC9293-SM-07", "RFC9293-SM-08"]),

    row("3.10.7.4 first",  OTHERWISE, &[Is::NoRst, Is::ProbesWindow], Then::Answer,          &["RFC9293-MUST-66", "RFC9293-SM-52"]),

    row("RFC 1337 3",      &[TimeWait], &[Is::Rst, Is::RstIgnored], Then::Drop(Reply::Nothing), &["RFC1337-1"]),
    row("3.10.7.4 second", OTHERWISE, &[Is::Rst, Is::NotAtRcvNxt], Then::Drop(Reply::Ack),    &["RFC5961-3", "RFC5961-4"]),
    row("3.10.7.4 second", &[SynReceived], &[Is::Rst],          Then::End(Reply::Nothing, Listen), &["RFC9293-SM-23"]),
    row("3.10.7.4 second", &[SynReceivedActive], &[Is::Rst],    Then::End(Reply::Nothing, Closed), &["RFC5961-2"]),
    row("3.10.7.4 second", &[Established, FinWait1, FinWait2, CloseWait], &[Is::Rst], Then::End(Reply::Nothing, Closed), &["RFC5961-2", "RFC9293-SM-46"]),
    row("3.10.7.4 second", &[Closing, LastAck], &[Is::Rst],     Then::End(Reply::Nothing, Closed), &["RFC5961-2"]),
    row("3.10.7.4 second", &[TimeWait], &[Is::Rst],             Then::End(Reply::Nothing, Closed), &["RFC9293-SM-42"]),

    row("3.10.7.4 fourth", &[SynReceived], &[Is::Syn, Is::AnotherSynRepeats], Then::Drop(Reply::SynAck), &[]),
    row("3.10.7.4 fourth", &[SynReceived], &[Is::Syn, Is::Ack, Is::AnotherSynResets], Then::End(Reply::Reset, Listen), &[]),
    row("3.10.7.4 fourth", &[SynReceived], &[Is::Syn, Is::AnotherSynResets], Then::End(Reply::ResetAck, Listen), &[]),
    row("3.10.7.4 fourth", &[SynReceived], &[Is::Syn],          Then::End(Reply::Nothing, Listen), &["RFC9293-SM-24"]),
    row("3.10.7.4 fourth", OTHERWISE, &[Is::Syn],               Then::Drop(Reply::Ack),      &["RFC5961-6", "RFC5961-7"]),

    row("3.10.7.4 fifth",  OTHERWISE, &[Is::NoAck],             Then::Drop(Reply::Nothing),  &["RFC9293-SM-28"]),
    row("3.10.7.4 fifth",  SYN_RECEIVED, &[Is::AckNotNew],      Then::Drop(Reply::Reset),    &["RFC9293-SM-22"]),
    row("3.10.7.4 fifth",  SYN_RECEIVED, &[Is::AckNew],         Then::TakeAckInto(Established), &["RFC9293-SM-22"]),
    row("3.10.7.4 fifth",  &[TimeWait], &[Is::NotAsExpected, Is::TimeWaitAnswers], Then::Drop(Reply::Ack), &["RFC9293-SM-41"]),
    row("RFC 5961 5.2",    SYNCHRONIZED, &[Is::AckTooOld],      Then::Drop(Reply::Ack),      &["RFC5961-9", "RFC5961-10", "RFC9293-MAY-12"]),
    row("3.10.7.4 fifth",  SYNCHRONIZED, &[Is::AckBeyond],      Then::Drop(Reply::Ack),      &["RFC9293-SM-26"]),
    row("3.10.7.4 fifth",  SYNCHRONIZED, &[Is::AckNotNew],      Then::GoOn,                  &["RFC9293-SM-27"]),
    row("3.10.7.4 fifth",  &[FinWait1], &[Is::AcksNotOurFin],   Then::GoOn,                  &["RFC9293-SM-31"]),
    row("3.10.7.4 fifth",  &[Closing], &[Is::AcksNotOurFin],    Then::GoOn,                  &["RFC9293-SM-33"]),
    row("3.10.7.4 fifth",  &[LastAck], &[Is::AcksNotOurFin],    Then::GoOn,                  &["RFC9293-SM-35"]),
    row("3.10.7.4 fifth",  &[FinWait1], &[Is::AcksOurFin],      Then::TakeAckInto(FinWait2), &["RFC9293-SM-31"]),
    row("3.10.7.4 fifth",  &[Closing], &[Is::AcksOurFin],       Then::TakeAckInto(TimeWait), &["RFC9293-SM-33"]),
    row("3.10.7.4 fifth",  &[LastAck], &[Is::AcksOurFin],       Then::End(Reply::Nothing, Closed), &["RFC9293-SM-35"]),
    row("3.10.7.4 fifth",  SYNCHRONIZED, &[Is::AckNew],         Then::TakeAck,               &["RFC9293-SM-51"]),

    row("3.10.7.4 seventh", AFTER_FIN, &[Is::TextOrFin, Is::TextBehindFinUnanswered], Then::Drop(Reply::Nothing), &["RFC9293-SM-38"]),
    row("3.10.7.4 seventh", AFTER_FIN, &[Is::TextOrFin],        Then::Drop(Reply::Ack),      &["RFC9293-SM-38"]),
    row("3.6.1",           RECEIVING, &[Is::NobodyReads, Is::AbortsAsUnknown], Then::End(Reply::Reset, Closed), &["RFC9293-SHLD-3"]),
    row("3.6.1",           RECEIVING, &[Is::NobodyReads],       Then::End(Reply::Abort, Closed), &["RFC9293-SHLD-3"]),
    row("3.10.7.4 seventh", RECEIVING, &[Is::TextInOrder],      Then::TakeText,              &["RFC9293-SM-09"]),
    row("3.10.7.4 seventh", RECEIVING, &[Is::TextBehindHole],   Then::Answer,                &["RFC9293-SHLD-31", "RFC5681-11"]),

    row("3.10.7.4 eighth", &[Established], &[Is::FinInOrder],   Then::TakeFinInto(CloseWait), &["RFC9293-SM-30"]),
    row("3.10.7.4 eighth", &[FinWait1], &[Is::FinInOrder],      Then::TakeFinInto(Closing),  &["RFC9293-SM-33"]),
    row("3.10.7.4 eighth", &[FinWait2], &[Is::FinInOrder],      Then::TakeFinInto(TimeWait), &["RFC9293-SM-32"]),
    row("3.10.7.4 eighth", RECEIVING, &[Is::FinBehindHole],     Then::Answer,                &["RFC9293-SM-40"]),
];

/// For each state the places of its rows in the table, as bits.
static PLACES: [u128; 12] = {
    assert!(TABLE.len() <= 128);
    let mut places = [0; 12];
    let mut row = 0;
    while row < TABLE.len() {
        let mut state = 0;
        while state < places.len() {
            if TABLE[row].bits & 1 << state != 0 {
                places[state] |= 1 << row;
            }
            state += 1;
        }
        row += 1;
    }
    places
};

/// The first row for a state from a place of the table on, and the place behind it.
pub(super) fn next_row(state: State, from: usize) -> Option<(&'static Row, usize)> {
    let rest = PLACES[state as usize].checked_shr(from as u32)?;
    let place = from + rest.trailing_zeros() as usize;
    TABLE.get(place).map(|row| (row, place + 1))
}

/// The place of the first row of a section.
pub(super) fn first_at(section: &str) -> usize {
    let is_there = |row: &Row| row.place == section;
    TABLE.iter().position(is_there).unwrap_or(TABLE.len())
}
