//! Making segments out of a connection block, and what sending one means for it.

use alloc::vec::Vec;

use crate::context::Context;
use crate::ecn::{self, Codepoint};
use crate::event::Event;
use crate::recv::sack_blocks::sack_blocks;
use crate::recv::window;
use crate::segment::{Flags, Segment};
use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;
use crate::user_timeout;
use crate::window::WindowScale;
use crate::wire::options::{TcpOptions, Timestamps};
use crate::wire::signature::Signature;

/// A segment with the addresses and IP fields of the connection, and nothing else.
// REQ: RFC9293-MUST-45
// REQ: RFC9293-MUST-48
// REQ: RFC9293-MUST-49
pub(crate) fn blank(tcb: &Tcb, seq: SeqNum) -> Segment {
    Segment {
        seq,
        ttl: tcb.options.ttl.unwrap_or(tcb.config.ttl),
        // REQ: RFC9293-SHLD-22
        traffic_class: tcb.options.traffic_class & !ecn::MASK,
        ..Segment::new(tcb.local, tcb.remote)
    }
}

/// `<SEQ=ISS><CTL=SYN>`.
// REQ: RFC9293-MUST-14
// REQ: RFC9293-SHLD-5
// REQ: RFC7323-1
// REQ: RFC2018-1
pub(crate) fn syn(tcb: &Tcb, now: Instant) -> Segment {
    let config = &tcb.config;
    let asks_for_ecn = ecn::asks(tcb);
    Segment {
        flags: Flags {
            ece: asks_for_ecn,
            cwr: asks_for_ecn,
            ..Flags::SYN
        },
        wnd: window::for_syn(tcb),
        options: TcpOptions {
            mss: Some(tcb.rcv.mss),
            window_scale: config.window_scale.map(WindowScale::new),
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
pub(crate) fn syn_ack(tcb: &Tcb, now: Instant) -> Segment {
    Segment {
        // REQ: RFC3168-2
        flags: Flags {
            ece: tcb.ecn.in_use,
            ..Flags::SYN
        },
        ack: Some(tcb.rcv.nxt),
        wnd: window::for_syn_ack(tcb),
        options: TcpOptions {
            mss: Some(tcb.rcv.mss),
            window_scale: tcb.negotiated.scaling.then_some(tcb.negotiated.rcv_scale),
            sack_permitted: tcb.negotiated.sack,
            timestamps: timestamps(tcb, now),
            ..TcpOptions::NONE
        },
        ..blank(tcb, tcb.snd.iss)
    }
}

/// The options of every segment after the handshake.
// REQ: RFC7323-12
// REQ: RFC9293-MUST-65
pub(crate) fn options(tcb: &Tcb, now: Instant) -> TcpOptions {
    let mut options = TcpOptions {
        timestamps: timestamps(tcb, now),
        // It has its place before it is made.
        // REQ: RFC2385-6
        signature: tcb.md5.as_ref().map(|_| Signature::default()),
        user_timeout: user_timeout::due(tcb),
        ..TcpOptions::NONE
    };
    // REQ: RFC2018-3
    if tcb.negotiated.sack {
        options.sack = sack_blocks(
            tcb.rcv.nxt,
            tcb.rcv.duplicate,
            tcb.rcv.buffer.islands(),
            options.sack_capacity(),
        );
    }
    options
}

fn timestamps(tcb: &Tcb, now: Instant) -> Option<Timestamps> {
    tcb.negotiated.timestamps.map(|state| Timestamps {
        value: tcb.negotiated.timestamp_clock(now),
        echo: state.recent,
    })
}

/// Sends `<SEQ=seq><ACK=RCV.NXT><CTL=ACK>` with `flags` and `payload`: every segment but SYN and
/// RST leaves here. Without ECT: that is for new data, see [`send_marked`].
// REQ: RFC9293-SM-04
// REQ: RFC3168-4
// REQ: RFC3168-10
// REQ: RFC3168-11
// REQ: RFC3168-13
pub(crate) fn send(
    tcb: &mut Tcb,
    seq: SeqNum,
    flags: Flags,
    payload: Vec<u8>,
    cx: &mut Context<'_>,
) {
    send_marked(tcb, seq, flags, Codepoint::NotEct, payload, cx);
}

/// The same with an ECN codepoint.
pub(crate) fn send_marked(
    tcb: &mut Tcb,
    seq: SeqNum,
    mut flags: Flags,
    codepoint: Codepoint,
    payload: Vec<u8>,
    cx: &mut Context<'_>,
) {
    // REQ: RFC3168-7
    flags.ece = tcb.ecn.echo;
    let mut up = 0;
    // REQ: RFC9293-MUST-30
    // REQ: RFC9293-MUST-62
    if let Some(end) = tcb.snd.up
        && end.after(seq)
        && !payload.is_empty()
    {
        flags.urg = true;
        up = seq.span_to(end).min(u32::from(u16::MAX)) as u16;
    }
    let segment = Segment {
        ack: Some(tcb.rcv.nxt),
        flags,
        wnd: window::announce(tcb),
        up,
        options: options(tcb, cx.now),
        payload,
        traffic_class: tcb.options.traffic_class & !ecn::MASK | codepoint.bits(),
        ..blank(tcb, seq)
    };
    note_ack_sent(tcb);
    user_timeout::sent(tcb);
    transmit(tcb, segment, cx);
}

/// Sends a segment of the connection, signed where its peer has a key.
// REQ: RFC2385-1
pub(crate) fn transmit(tcb: &Tcb, mut segment: Segment, cx: &mut Context<'_>) {
    if let Some(key) = &tcb.md5 {
        key.sign(&mut segment);
    }
    cx.transmit(&segment);
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
    send(tcb, tcb.snd.nxt, Flags::NONE, Vec::new(), cx);
}

/// A challenge ACK, or its suppression when the budget is used up (RFC 5961 §7).
// REQ: RFC5961-11
pub(crate) fn send_challenge_ack(tcb: &mut Tcb, cx: &mut Context<'_>) {
    if tcb.challenge.permit(cx.now) {
        send_ack(tcb, cx);
        cx.event(Event::ChallengeAckSent { id: tcb.id });
    } else {
        cx.event(Event::ChallengeAckSuppressed { id: tcb.id });
    }
}

/// The reset of an ABORT, `<SEQ=SND.NXT><CTL=RST>`, with the ACK if so configured.
pub(crate) fn send_reset(tcb: &Tcb, cx: &mut Context<'_>) {
    let mut options = TcpOptions::NONE;
    // REQ: RFC7323-23
    if tcb.config.timestamp_on_reset {
        options.timestamps = timestamps(tcb, cx.now);
    }
    let with_ack = tcb.config.reset_carries_ack && tcb.rcv.syn_received;
    let segment = Segment {
        flags: Flags::RST,
        ack: with_ack.then_some(tcb.rcv.nxt),
        options,
        ..blank(tcb, tcb.snd.nxt)
    };
    transmit(tcb, segment, cx);
    cx.event(Event::ResetSent {
        local: tcb.local,
        remote: tcb.remote,
        id: Some(tcb.id),
    });
}
