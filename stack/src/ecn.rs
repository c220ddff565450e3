//! Explicit congestion notification (RFC 3168): routers mark instead of dropping, the receiver
//! echoes the mark, the sender slows down and says so.

use crate::config::EcnUse;
use crate::segment::SegmentRef;
use crate::seq::SeqNum;
use crate::tcb::Tcb;

/// The ECN field of a packet: the two low bits of the traffic class (RFC 3168 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codepoint {
    /// The sender does not understand marks.
    NotEct,
    /// It does.
    Ect0,
    /// A router marked the packet.
    Ce,
}

/// The bits of the traffic class that hold it.
pub(crate) const MASK: u8 = 0b11;

impl Codepoint {
    /// The bits.
    pub const fn bits(self) -> u8 {
        match self {
            Codepoint::NotEct => 0b00,
            Codepoint::Ect0 => 0b10,
            Codepoint::Ce => 0b11,
        }
    }
}

/// What is known of ECN on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ecn {
    /// Both sides agreed on it.
    pub(crate) in_use: bool,
    /// A mark came and the peer has not said yet that it slowed down: every ACK says so.
    pub(crate) echo: bool,
    /// A mark came at some time.
    pub(crate) seen: bool,
    /// The next new segment tells the peer that we slowed down.
    pub(crate) cwr_due: bool,
    /// SND.NXT when we did last: echoes of what was sent before are about the same marks.
    pub(crate) reduced_at: Option<SeqNum>,
}

/// Whether the first SYN of an active open asks for ECN. A repeat does not: some path may not let
/// it through (RFC 3168 §6.1.1.1).
// REQ: RFC3168-14
pub(crate) fn asks(tcb: &Tcb) -> bool {
    tcb.config.ecn == EcnUse::Request && tcb.snd.retries == 0
}

/// Takes what the peer's SYN or SYN-ACK says of ECN.
// REQ: RFC3168-1
// REQ: RFC3168-2
// REQ: RFC3168-5
pub(crate) fn negotiate(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    let (ece, cwr) = (segment.flags.ece, segment.flags.cwr);
    tcb.ecn.in_use = match segment.ack {
        None => ece && cwr && tcb.config.ecn != EcnUse::Off,
        Some(_) => ece && !cwr && asks(tcb),
    };
}

/// A segment whose sequence number is acceptable arrived: its mark, and the peer's answer to ours.
// REQ: RFC3168-7
// REQ: RFC3168-12
pub(crate) fn on_segment(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    if !tcb.ecn.in_use {
        return;
    }
    if segment.flags.cwr {
        tcb.ecn.echo = false;
    }
    if segment.traffic_class & MASK == Codepoint::Ce.bits() && !segment.payload.is_empty() {
        // The sender should know soon; later marks tell him nothing new.
        if !tcb.ecn.echo {
            tcb.rcv.ack.now();
        }
        tcb.ecn.echo = true;
        tcb.ecn.seen = true;
    }
}

/// Whether an acknowledgment tells of marks that we have not answered yet; if so, they are now.
// REQ: RFC3168-8
pub(crate) fn take_echo(tcb: &mut Tcb, segment: &SegmentRef<'_>, una: SeqNum) -> bool {
    if !tcb.ecn.in_use || !segment.flags.ece || segment.flags.syn {
        return false;
    }
    if tcb
        .ecn
        .reduced_at
        .is_some_and(|reduced_at| una.before(reduced_at))
    {
        return false;
    }
    note_reduced(tcb);
    true
}

/// The congestion window fell, for whatever reason: the peer hears of it with the next new segment,
/// and marks of what is in flight are answered with it.
// REQ: RFC3168-9
pub(crate) fn note_reduced(tcb: &mut Tcb) {
    if tcb.ecn.in_use {
        tcb.ecn.cwr_due = true;
        tcb.ecn.reduced_at = Some(tcb.snd.nxt);
    }
}

/// What a segment with new data carries: the codepoint and whether it has CWR.
// REQ: RFC3168-3
// REQ: RFC3168-6
pub(crate) fn for_new_data(tcb: &mut Tcb) -> (Codepoint, bool) {
    if !tcb.ecn.in_use {
        return (Codepoint::NotEct, false);
    }
    (Codepoint::Ect0, core::mem::take(&mut tcb.ecn.cwr_due))
}
