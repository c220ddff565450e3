//! Accurate ECN (RFC 9768): either side counts the marked packets that arrive and puts the count
//! into every segment, three bits of it into the flags (`ace`), more into an option.
//!
//! A connection is a `Receiver` of the peer's packets and a `Sender` of its own, the RFC's Data
//! Receiver and Data Sender.

pub mod ace;
pub(crate) mod receiver;
pub(crate) mod sender;
mod settings;

use receiver::Receiver;
use sender::{Report, Sender, Taken};
pub use settings::{AccEcnConfig, AccEcnOptionUse};

use super::negotiation::{decoded, encoded, is_mangled};
use super::{Codepoint, Mode};
use crate::recv::ack_policy::{AckPolicy, Owed};
use crate::segment::{Head, SegmentRef};
use crate::send::flight::Delivered;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;
use crate::wire::options::TcpOptions;

/// The SACK blocks that the option leaves room for (RFC 9768 §3.2.3.3).
// REQ: RFC9768-15
const BLOCKS_FIRST: usize = 2;

/// A connection whose two sides agreed on RFC 9768.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accurate {
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    /// We opened the connection, and the peer had not.
    pub(crate) is_client: bool,
    /// How the latest SYN arrived, which our SYN-ACK tells.
    pub(crate) syn_arrived_as: Codepoint,
    /// Our SYN-ACK has the option.
    pub(crate) syn_ack_has_option: bool,
    /// A mark on the SYN-ACK is in the count.
    pub(crate) syn_ack_counted: bool,
    /// How the SYN-ACK arrived, which the next pure ACK tells.
    pub(crate) handshake_ack: Option<Codepoint>,
    /// The handshake told of a mark.
    pub(crate) handshake_marked: bool,
    /// The flags of the segment at hand are no counter and were read.
    flags_are_read: bool,
    first_data: FirstData,
}

/// What became of the first data that left with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstData {
    Unsent,
    Out(SeqRange),
    Arrived,
}

impl Accurate {
    /// For the side that got the SYN.
    pub(crate) const fn of_server(syn_arrived_as: Codepoint) -> Accurate {
        Accurate {
            receiver: Receiver::new(false),
            sender: Sender::new(),
            is_client: false,
            syn_arrived_as,
            syn_ack_has_option: true,
            syn_ack_counted: false,
            handshake_ack: None,
            handshake_marked: false,
            flags_are_read: false,
            first_data: FirstData::Unsent,
        }
    }

    /// For the side that got this SYN-ACK.
    // REQ: RFC9768-9
    pub(super) fn of_client(
        syn_ack_arrived_as: Codepoint,
        syn_ack: &TcpOptions,
        rules: &AccEcnConfig,
    ) -> Accurate {
        let mut accurate = Accurate {
            receiver: Receiver::new(true),
            is_client: true,
            handshake_ack: Some(syn_ack_arrived_as),
            ..Accurate::of_server(Codepoint::NotEct)
        };
        if syn_ack_arrived_as == Codepoint::Ce {
            accurate.receiver.cep += 1;
            accurate.syn_ack_counted = true;
        }
        accurate.sender.expect_options(syn_ack.accecn, rules);
        accurate
    }

    /// The three flags of a segment that leaves now: the count, but on the pure ACK of a SYN-ACK how
    /// that arrived.
    // REQ: RFC9768-9
    // REQ: RFC9768-10
    pub(super) fn ace_to_send(&mut self, pure_ack: bool) -> u8 {
        match self.handshake_ack.filter(|_| pure_ack) {
            Some(codepoint) => {
                self.handshake_ack = None;
                encoded(codepoint)
            }
            None => ace::field(self.receiver.cep),
        }
    }
}

/// An acceptable packet arrived.
// REQ: RFC9768-11
pub(super) fn on_packet(
    accurate: &mut Accurate,
    segment: &SegmentRef<'_>,
    ack: &mut AckPolicy,
    rules: &AccEcnConfig,
) {
    accurate.flags_are_read = false;
    if segment.flags.syn {
        return;
    }
    let codepoint = Codepoint::of(segment.traffic_class);
    let len = segment.payload.len() as u32;
    let waits = len > 0 || ack.owed() != Owed::Nothing;
    if accurate.receiver.on_packet(codepoint, len, waits, rules) {
        ack.now();
    }
}

/// The peer acknowledges our SYN-ACK: with a pure ACK that tells how it arrived, or with one that
/// counts already (RFC 9768 §3.2.2.1, table 4).
// REQ: RFC9768-9
pub(crate) fn on_handshake_ack(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    let mss = tcb.snd.mss.raw();
    let (una, nxt) = (tcb.snd.una, tcb.snd.nxt);
    let Mode::Accurate(accurate) = &mut tcb.ecn.mode else {
        return;
    };
    let rules = &tcb.config.accecn;
    let option = segment.options.accecn;
    let said = segment.flags.ace();
    accurate.sender.expect_options(option, rules);
    accurate.flags_are_read = true;
    if !(segment.is_empty() && segment.options.sack.is_empty()) {
        let taken = accurate.sender.take(
            Report {
                ace: said,
                option,
                packets: 0,
                mss: u32::from(mss),
                una,
                nxt,
            },
            rules,
        );
        accurate.handshake_marked = taken.marked > 0 && accurate.sender.responds;
        tcb.ecn.no_ect |= taken.mangled;
        return;
    }
    if said == 0 {
        // The peer is not in accurate mode, or the path clears the flags.
        accurate.sender.responds = false;
        tcb.ecn.no_ect = true;
    }
    if let Some(arrived_as) = decoded(said) {
        // Ours was sent without ECT.
        tcb.ecn.no_ect |= is_mangled(Codepoint::NotEct, arrived_as);
        if arrived_as == Codepoint::Ce {
            accurate.sender.cep = accurate.sender.cep.wrapping_add(1);
            accurate.handshake_marked = true;
        }
    }
}

/// Whether an ACK tells of marks that count. One that a later one has overtaken tells nothing. `una`
/// is SND.UNA before it.
pub(super) fn take_feedback(
    tcb: &mut Tcb,
    segment: &SegmentRef<'_>,
    una: SeqNum,
    delivered: &Delivered,
) -> bool {
    let snd = &tcb.snd;
    let Mode::Accurate(accurate) = &mut tcb.ecn.mode else {
        return false;
    };
    if segment.flags.syn || core::mem::take(&mut accurate.flags_are_read) {
        return false;
    }
    if let FirstData::Out(range) = accurate.first_data
        && range.end.at_or_before(snd.una)
    {
        accurate.first_data = FirstData::Arrived;
    }
    let timestamp = segment
        .options
        .timestamps
        .map(|timestamps| timestamps.value);
    let newer = accurate.sender.is_newer(timestamp);
    let next = segment.ack == Some(una) && segment.seq.after(snd.wl1);
    if !(newer || next || snd.una != una || delivered.amount > 0) {
        return false;
    }
    let report = Report {
        ace: segment.flags.ace(),
        option: segment.options.accecn,
        packets: delivered.segments,
        mss: snd.congestion.smss(),
        una: snd.una,
        nxt: snd.nxt,
    };
    let Taken { marked, mangled } = accurate.sender.take(report, &tcb.config.accecn);
    tcb.ecn.no_ect |= mangled;
    marked > 0 && accurate.sender.responds
}

/// Puts the option into those of a segment that leaves now, if it is due, with `blocks` SACK blocks
/// to go along.
// REQ: RFC9768-15
pub(crate) fn add_option(tcb: &Tcb, options: &mut TcpOptions, blocks: usize) {
    let Mode::Accurate(accurate) = &tcb.ecn.mode else {
        return;
    };
    let rules = &tcb.config.accecn;
    if rules.option_answers && !accurate.sender.saw_option() {
        return;
    }
    let room = options.accecn_room(blocks.min(BLOCKS_FIRST));
    options.accecn = match accurate.handshake_ack {
        Some(_) => accurate.receiver.handshake_option(room, rules),
        None => accurate.receiver.option(room, tcb.snd.unsent(), rules),
    };
}

/// The same for a SYN-ACK. A repeated one goes without: the option may be what was in its way (RFC
/// 9768 §3.2.3.2.2).
pub(crate) fn add_syn_ack_option(tcb: &mut Tcb, options: &mut TcpOptions) {
    let repeated = tcb.snd.retries > 0;
    let Mode::Accurate(accurate) = &mut tcb.ecn.mode else {
        return;
    };
    if repeated || !accurate.syn_ack_has_option {
        accurate.receiver.blocked = true;
        return;
    }
    let room = options.accecn_room(0);
    options.accecn = accurate.receiver.handshake_option(room, &tcb.config.accecn);
}

/// A segment left.
pub(crate) fn on_sent(tcb: &mut Tcb, segment: &Head, text: usize) {
    let Mode::Accurate(accurate) = &mut tcb.ecn.mode else {
        return;
    };
    let data = text > 0;
    accurate.receiver.on_sent(segment.options.accecn, data);
    if data && segment.options.accecn.is_some() && accurate.first_data == FirstData::Unsent {
        accurate.first_data = FirstData::Out(SeqRange::with_len(segment.seq, text as u32));
    }
}

/// The segment at `seq` is about to be sent again. If it is the first that had the option, the
/// option may be what was in its way.
pub(crate) fn on_retransmission(tcb: &mut Tcb, seq: SeqNum) {
    if let Mode::Accurate(accurate) = &mut tcb.ecn.mode
        && let FirstData::Out(range) = accurate.first_data
        && range.contains(seq)
    {
        accurate.receiver.blocked = true;
    }
}

/// Whether the handshake told of a mark, once.
pub(crate) fn take_handshake_mark(tcb: &mut Tcb) -> bool {
    match &mut tcb.ecn.mode {
        Mode::Accurate(accurate) => core::mem::take(&mut accurate.handshake_marked),
        Mode::Off | Mode::Classic(_) => false,
    }
}
