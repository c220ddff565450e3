//! Making segments out of a connection block, and what sending one means for it.

use core::ops::Range;

use crate::context::Context;
use crate::ecn::{self, Codepoint, Mode, accurate, negotiation};
use crate::event::Event;
use crate::recv::sack_blocks::sack_blocks;
use crate::recv::window;
use crate::segment::{Flags, Head, Segment};
use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;
use crate::user_timeout;
use crate::wire::fast_open::FastOpenOption;
use crate::wire::options::{TcpOptions, Timestamps};
use crate::wire::signature::Signature;
use crate::wire::usual::{Carrier, Usual};

/// A segment with the addresses and IP fields of the connection, and nothing else.
// REQ: RFC9293-MUST-45
// REQ: RFC9293-MUST-48
// REQ: RFC9293-MUST-49
pub(crate) fn blank(tcb: &Tcb, seq: SeqNum) -> Head {
    Segment {
        seq,
        ttl: tcb.options.ttl.unwrap_or(tcb.config.ttl),
        // REQ: RFC9293-SHLD-22
        traffic_class: tcb.options.traffic_class & !ecn::MASK,
        ..Head::head(tcb.local.into(), tcb.remote.into())
    }
}

/// `<SEQ=ISS><CTL=SYN>`.
// REQ: RFC9293-MUST-14
// REQ: RFC9293-SHLD-5
// REQ: RFC7323-1
// REQ: RFC2018-1
pub(crate) fn syn(tcb: &Tcb, now: Instant) -> Head {
    let config = &tcb.config;
    Segment {
        flags: Flags::SYN.with_ace(negotiation::on_syn(tcb)),
        wnd: window::for_syn(tcb),
        options: TcpOptions {
            mss: Some(tcb.rcv.mss),
            window_scale: tcb.offered_scale(),
            sack_permitted: config.sack,
            // REQ: RFC7323-11
            timestamps: tcb.wants_timestamps().then(|| Timestamps {
                value: tcb.negotiated.timestamp_clock(now),
                echo: 0,
            }),
            ..TcpOptions::NONE
        },
        ..blank(tcb, tcb.snd.iss)
    }
}

/// `<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>`, with the options that the peer's SYN offered.
// REQ: RFC9293-SM-10
// REQ: RFC7323-5
pub(crate) fn syn_ack(tcb: &mut Tcb, fast_open: Option<FastOpenOption>, now: Instant) -> Head {
    // REQ: RFC3168-2
    let flags = Flags::SYN.with_ace(negotiation::on_syn_ack(tcb));
    let mut options = TcpOptions {
        signature: signature_place(tcb),
        mss: Some(tcb.rcv.mss),
        window_scale: tcb.negotiated.scaling.then_some(tcb.negotiated.rcv_scale),
        sack_permitted: tcb.negotiated.sack,
        timestamps: timestamps(tcb, now),
        fast_open,
        ..TcpOptions::NONE
    };
    accurate::add_syn_ack_option(tcb, &mut options);
    let iss = mutant!(tcb.config, B18, tcb.snd.iss, {
        tcb.snd.iss + 64_000 * u32::from(tcb.snd.nxt != tcb.snd.iss)
    });
    Segment {
        flags,
        ack: Some(tcb.rcv.nxt),
        wnd: window::for_syn_ack(tcb),
        options,
        ..blank(tcb, iss)
    }
}

/// The options of every segment after the handshake.
// REQ: RFC7323-12
// REQ: RFC9293-MUST-65
pub(crate) fn options(tcb: &Tcb, now: Instant) -> TcpOptions {
    let mut options = TcpOptions {
        timestamps: timestamps(tcb, now),
        signature: signature_place(tcb),
        ..TcpOptions::NONE
    };
    let islands = tcb.rcv.buffer.islands();
    let blocks = match tcb.negotiated.sack {
        true => islands.len() + usize::from(tcb.rcv.duplicate.is_some()),
        false => 0,
    };
    accurate::add_option(tcb, &mut options, blocks);
    // REQ: RFC2018-3
    if blocks > 0 {
        let reported = sack_blocks(
            tcb.rcv.nxt,
            tcb.rcv.duplicate,
            islands,
            options.sack_capacity(),
        );
        options.sack = mutant!(tcb.config, D02, reported, {
            let stuck = |seq: SeqNum| SeqNum::new(tcb.rcv.nxt.raw().max(seq.raw()));
            let reported = reported.as_slice().iter();
            reported
                .map(|block| crate::seq::SeqRange::new(stuck(block.start), stuck(block.end)))
                .collect()
        });
    }
    user_timeout::add_if_due(tcb, &mut options);
    options
}

/// Bytes that the options of this moment take.
pub(crate) fn wire_options_len(tcb: &Tcb, now: Instant) -> usize {
    if has_something_to_report(tcb) {
        options(tcb, now).len()
    } else {
        tcb.fixed_options_len()
    }
}

/// Whether there may be more options than those of every segment.
fn has_something_to_report(tcb: &Tcb) -> bool {
    tcb.rcv.duplicate.is_some()
        || !tcb.rcv.buffer.islands().is_empty()
        || tcb.ecn.is_accurate()
        || user_timeout::due(tcb).is_some()
}

/// A signature has its place before it is made.
// REQ: RFC2385-6
fn signature_place(tcb: &Tcb) -> Option<Signature> {
    tcb.md5.as_ref().map(|_| Signature::default())
}

fn timestamps(tcb: &Tcb, now: Instant) -> Option<Timestamps> {
    tcb.negotiated.timestamps.map(|state| Timestamps {
        value: tcb.negotiated.timestamp_clock(now),
        echo: state.recent,
    })
}

/// Sends `<SEQ=seq><ACK=RCV.NXT><CTL=ACK>` with `flags` and the `text` at this place of the send
/// queue: every segment but SYN and RST leaves here. Without ECT: that is for new data, see [`send_marked`].
// REQ: RFC9293-SM-04
// REQ: RFC3168-4
// REQ: RFC3168-10
// REQ: RFC3168-11
// REQ: RFC3168-13
pub(crate) fn send(
    tcb: &mut Tcb,
    seq: SeqNum,
    flags: Flags,
    text: Range<usize>,
    cx: &mut Context<'_>,
) {
    send_marked(tcb, seq, flags, Codepoint::NotEct, text, cx);
}

/// The same with an ECN codepoint.
pub(crate) fn send_marked(
    tcb: &mut Tcb,
    seq: SeqNum,
    mut flags: Flags,
    codepoint: Codepoint,
    text: Range<usize>,
    cx: &mut Context<'_>,
) {
    if let Some(timestamps) = usual_timestamps(tcb, flags, codepoint, cx.now) {
        return send_usual(tcb, (seq, flags.psh), timestamps, text, cx);
    }
    let options = options(tcb, cx.now);
    let pure_ack = text.is_empty() && !flags.fin;
    ecn::stamp(tcb, &mut flags, pure_ack, &options);
    let mut up = 0;
    // REQ: RFC9293-MUST-30
    // REQ: RFC9293-MUST-62
    if let Some(end) = tcb.snd.up
        && end.after(seq)
        && !text.is_empty()
    {
        flags.urg = true;
        up = seq.span_to(end).min(u32::from(u16::MAX)) as u16;
    }
    let segment = Segment {
        ack: Some(tcb.rcv.nxt),
        flags,
        wnd: window::announce(tcb),
        up,
        options,
        traffic_class: tcb.options.traffic_class & !ecn::MASK | codepoint.bits(),
        ..blank(tcb, seq)
    };
    note_ack_sent(tcb);
    if !text.is_empty() {
        tcb.rcv.ack.on_text_sent(cx.now);
    }
    accurate::on_sent(tcb, &segment, text.len());
    tcb.counters.on_sent(text.len(), cx.now);
    user_timeout::on_sent(tcb, &segment.options);
    let text = tcb.snd.buffer.slices(text.start, text.len());
    transmit_text(tcb, segment, text, cx);
}

/// The options of a segment with these flags if it has the form that nearly all have: timestamps, and
/// nothing else is due.
fn usual_timestamps(
    tcb: &Tcb,
    flags: Flags,
    codepoint: Codepoint,
    now: Instant,
) -> Option<Timestamps> {
    let plain = Flags {
        psh: false,
        ..flags
    } == Flags::NONE
        && codepoint == Codepoint::NotEct;
    let due = has_something_to_report(tcb) || tcb.snd.up.is_some() || tcb.md5.is_some();
    if !plain || due || !matches!(tcb.ecn.mode, Mode::Off) {
        return None;
    }
    timestamps(tcb, now)
}

/// [`send_marked`] for such a segment: what is not due need not be looked at again.
fn send_usual(
    tcb: &mut Tcb,
    (seq, psh): (SeqNum, bool),
    timestamps: Timestamps,
    text: Range<usize>,
    cx: &mut Context<'_>,
) {
    let segment = Usual {
        seq,
        ack: tcb.rcv.nxt,
        psh,
        wnd: window::announce(tcb),
        timestamps,
    };
    note_ack_sent(tcb);
    if !text.is_empty() {
        tcb.rcv.ack.on_text_sent(cx.now);
    }
    tcb.counters.on_sent(text.len(), cx.now);
    let carrier = Carrier {
        src: &tcb.local.into(),
        dst: &tcb.remote.into(),
        ttl: tcb.options.ttl.unwrap_or(tcb.config.ttl),
        traffic_class: tcb.options.traffic_class & !ecn::MASK,
    };
    let text = tcb.snd.buffer.slices(text.start, text.len());
    cx.transmit_usual(&segment, carrier, text);
}

/// Sends a segment of the connection without text.
pub(crate) fn transmit(tcb: &Tcb, segment: Head, cx: &mut Context<'_>) {
    transmit_text(tcb, segment, [&[], &[]], cx);
}

/// Sends a segment of the connection, signed where its peer has a key.
// REQ: RFC2385-1
#[inline(always)]
pub(crate) fn transmit_text(tcb: &Tcb, mut segment: Head, text: [&[u8]; 2], cx: &mut Context<'_>) {
    if let Some(key) = &tcb.md5 {
        key.sign_around(&mut segment, text);
    }
    cx.transmit_text(&segment, text);
    #[cfg(feature = "mutants")]
    crate::mutants::wrong::send::misplace_last_byte(tcb, text, cx);
}

/// A segment with the present RCV.NXT left: nothing is owed any more.
// REQ: RFC9293-MUST-58
pub(crate) fn note_ack_sent(tcb: &mut Tcb) {
    tcb.rcv.ack.sent();
    // REQ: RFC2883-2
    tcb.rcv.duplicate = None;
    tcb.timers.disarm(Timer::DelayedAck);
    if let Some(state) = tcb.negotiated.timestamps.as_mut() {
        state.last_ack_sent = tcb.rcv.nxt;
    }
}

/// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
pub(crate) fn send_ack(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let seq = if tcb.fast_open.left_over {
        seq_before_left_over(tcb)
    } else {
        tcb.snd.nxt
    };
    send(tcb, seq, Flags::NONE, 0..0, cx);
}

/// Data that went with the SYN and was not taken counts as never sent until it leaves again: SND.NXT
/// would lie beyond a window that has no room for it, where no peer accepts anything (RFC 9293 §3.10.7.4).
// REQ: RFC7413-14
fn seq_before_left_over(tcb: &mut Tcb) -> SeqNum {
    let waiting = tcb.snd.flight.next_lost(u32::MAX);
    tcb.fast_open.left_over = waiting.is_some();
    waiting.map_or(tcb.snd.nxt, |waiting| waiting.start)
}

/// A challenge ACK, or its suppression when the budget is used up (RFC 5961 §7).
// REQ: RFC5961-11
pub(crate) fn send_challenge_ack(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let permitted = tcb.permits_challenge(cx.now);
    let permitted = mutant!(tcb.config, C05, permitted, {
        crate::mutants::wrong::send::permits_challenge(tcb, cx)
    });
    if mutant!(tcb.config, C08, permitted, true) {
        if mutant!(tcb.config, C10, true, false) {
            send_ack(tcb, cx);
        } else {
            send(tcb, tcb.snd.nxt - 1, Flags::NONE, 0..0, cx);
        }
        cx.event(Event::ChallengeAckSent { id: tcb.id });
    } else {
        cx.event(Event::ChallengeAckSuppressed { id: tcb.id });
    }
}

/// The reset of an ABORT, `<SEQ=SND.NXT><CTL=RST>`, with the ACK if so configured.
pub(crate) fn send_reset(tcb: &Tcb, cx: &mut Context<'_>) {
    let mut options = TcpOptions::NONE;
    // REQ: RFC7323-23
    if tcb.config.timestamp_on_abort {
        options.timestamps = timestamps(tcb, cx.now);
    }
    let with_ack = tcb.config.reset_carries_ack && tcb.rcv.syn_received;
    let mut flags = Flags::RST;
    if with_ack {
        ecn::stamp_reset(tcb, &mut flags);
    }
    let segment = Segment {
        flags,
        ack: with_ack.then_some(tcb.rcv.nxt),
        options,
        ..blank(tcb, tcb.snd.nxt)
    };
    transmit(tcb, segment, cx);
    cx.event(Event::ResetSent {
        local: tcb.local.into(),
        remote: tcb.remote.into(),
        id: Some(tcb.id),
    });
}
