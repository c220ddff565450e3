//! Explicit congestion notification: routers mark instead of dropping, the receiver tells of the
//! marks, the sender slows down.
//!
//! How it tells is agreed on in the handshake (`negotiation`): once a round trip, until the sender
//! says that it slowed down (`classic`, RFC 3168), or by counters in every segment (`accurate`, RFC
//! 9768).

pub(crate) mod accurate;
mod classic;
pub(crate) mod hold;
pub mod negotiation;

use alloc::boxed::Box;

use accurate::Accurate;
pub use accurate::{AccEcnConfig, AccEcnOptionUse, ace};
use classic::Classic;
use hold::Hold;

use crate::segment::{Flags, SegmentRef};
use crate::send::flight::Delivered;
use crate::seq::SeqNum;
use crate::socket::EcnStatus;
use crate::tcb::Tcb;
use crate::wire::options::TcpOptions;

/// The ECN field of a packet: the two low bits of the traffic class (RFC 3168 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codepoint {
    /// The sender does not understand marks.
    NotEct,
    /// It does, and wants few of them (RFC 9331).
    Ect1,
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
            Codepoint::Ect1 => 0b01,
            Codepoint::Ect0 => 0b10,
            Codepoint::Ce => 0b11,
        }
    }

    /// The codepoint in a traffic class.
    pub const fn of(traffic_class: u8) -> Codepoint {
        match traffic_class & MASK {
            0b00 => Codepoint::NotEct,
            0b01 => Codepoint::Ect1,
            0b10 => Codepoint::Ect0,
            _ => Codepoint::Ce,
        }
    }
}

/// A way of telling the sender of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feedback {
    /// That there were some, once a round trip (RFC 3168).
    Classic,
    /// How many (RFC 9768).
    Accurate,
}

/// What the handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing: no packet of ours may be marked.
    #[default]
    Off,
    Classic(Classic),
    Accurate(Box<Accurate>),
}

/// What is known of ECN on a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ecn {
    pub(crate) mode: Mode,
    /// The handshake showed that packets of ours must not be marked, whatever the mode: a router
    /// rewrites the field, or the peer may not be in the mode that we are in.
    pub(crate) no_ect: bool,
    /// That we slowed down. Few connections do, so there is none before.
    reduced: Option<Box<Reduced>>,
}

/// What is to be remembered of slowing down.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reduced {
    /// SND.NXT when we did so last: what is told of segments sent before is about the same marks.
    at: SeqNum,
    /// What marks of a window of one segment cost.
    hold: Option<Hold>,
}

impl Ecn {
    /// What the user may know.
    pub(crate) fn status(&self) -> EcnStatus {
        let sends_ect = !self.no_ect;
        match &self.mode {
            Mode::Off => EcnStatus::default(),
            Mode::Classic(_) => EcnStatus {
                feedback: Some(Feedback::Classic),
                sends_ect,
                ..EcnStatus::default()
            },
            Mode::Accurate(accurate) => EcnStatus {
                feedback: Some(Feedback::Accurate),
                sends_ect,
                received_marked: accurate.receiver.cep.wrapping_sub(ace::FIRST),
                delivered_marked: accurate.sender.cep.wrapping_sub(ace::FIRST),
                received_bytes: accurate.receiver.bytes,
                delivered_bytes: accurate.sender.bytes,
            },
        }
    }

    /// Whether marks are told of once a round trip (RFC 3168).
    pub(crate) fn is_classic(&self) -> bool {
        matches!(self.mode, Mode::Classic(_))
    }

    /// Whether marks are counted for the peer (RFC 9768).
    pub(crate) fn is_accurate(&self) -> bool {
        matches!(self.mode, Mode::Accurate(_))
    }

    pub(crate) fn accurate_mut(&mut self) -> Option<&mut Accurate> {
        match &mut self.mode {
            Mode::Accurate(accurate) => Some(accurate),
            Mode::Off | Mode::Classic(_) => None,
        }
    }
}

/// An acceptable packet of a synchronized connection arrived, whatever it carries.
// REQ: RFC9768-11
pub(crate) fn on_packet(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    if let Mode::Accurate(accurate) = &mut tcb.ecn.mode {
        accurate::on_packet(accurate, segment, &mut tcb.rcv.ack, &tcb.config.accecn);
    }
}

/// Text whose sequence number is acceptable arrived.
pub(crate) fn on_text(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    if let Mode::Classic(classic) = &mut tcb.ecn.mode
        && classic.on_text(segment)
    {
        tcb.rcv.ack.now();
    }
}

/// Whether an acknowledgment tells of marks of what we sent. `una` is SND.UNA before it.
pub(crate) fn tells_of_marks(
    tcb: &mut Tcb,
    segment: &SegmentRef<'_>,
    una: SeqNum,
    delivered: &Delivered,
) -> bool {
    match &mut tcb.ecn.mode {
        Mode::Off => false,
        Mode::Classic(_) => segment.flags.ece && !segment.flags.syn,
        Mode::Accurate(_) => accurate::take_feedback(tcb, segment, una, delivered),
    }
}

/// Whether marks that `una` tells of were not answered yet; if so, they are now. What tells of
/// everything up to where we slowed down tells nothing of what came behind: CWR, if there is one, is
/// with the segment behind that, so the peer may still be echoing.
// REQ: RFC3168-8
pub(crate) fn is_unanswered(tcb: &mut Tcb, una: SeqNum) -> bool {
    let reduced = tcb.ecn.reduced.as_deref();
    let answered = reduced.is_some_and(|reduced| una.at_or_before(reduced.at));
    if !answered {
        note_reduced(tcb);
    }
    !answered
}

/// The congestion window fell, for whatever reason: marks of what is in flight are answered with
/// it.
// REQ: RFC3168-9
pub(crate) fn note_reduced(tcb: &mut Tcb) {
    match &mut tcb.ecn.mode {
        Mode::Off => return,
        Mode::Classic(classic) => classic.note_reduced(),
        // Nobody waits for a word about it.
        // REQ: RFC9768-16
        Mode::Accurate(_) => {}
    }
    let at = tcb.snd.nxt;
    match &mut tcb.ecn.reduced {
        Some(reduced) => reduced.at = at,
        None => tcb.ecn.reduced = Some(Box::new(Reduced { at, hold: None })),
    }
}

/// What a segment with new data carries: the codepoint and whether it has CWR.
// REQ: RFC3168-3
// REQ: RFC3168-6
pub(crate) fn for_new_data(tcb: &mut Tcb) -> (Codepoint, bool) {
    let codepoint = match tcb.ecn.no_ect {
        true => Codepoint::NotEct,
        false => Codepoint::Ect0,
    };
    match &mut tcb.ecn.mode {
        Mode::Off => (Codepoint::NotEct, false),
        Mode::Classic(classic) => (codepoint, classic.take_cwr()),
        Mode::Accurate(_) => (codepoint, false),
    }
}

/// Puts into the flags of a segment without SYN what it tells of marks.
pub(crate) fn stamp(tcb: &mut Tcb, flags: &mut Flags, pure_ack: bool, options: &TcpOptions) {
    match &mut tcb.ecn.mode {
        Mode::Off => {}
        // REQ: RFC3168-7
        Mode::Classic(classic) => flags.ece = classic.echo(),
        Mode::Accurate(accurate) => {
            *flags = flags.with_ace(accurate.ace_to_send(pure_ack && options.sack.is_empty()));
        }
    }
}

/// The same for a RST with ACK: it carries the count, and echoes nothing.
pub(crate) fn stamp_reset(tcb: &Tcb, flags: &mut Flags) {
    if let Mode::Accurate(accurate) = &tcb.ecn.mode {
        *flags = flags.with_ace(ace::field(accurate.receiver.cep));
    }
}

/// Whether a pure acknowledgment of the SYN-ACK has to leave before anything else.
pub(crate) fn owes_handshake_ack(tcb: &Tcb) -> bool {
    matches!(&tcb.ecn.mode, Mode::Accurate(accurate) if accurate.handshake_ack.is_some())
}
