//! What leaves a connection after a step: data and FIN as far as the windows allow, else the acknowledgment owed.

use super::nagle::{self, Candidate, Decision};
use super::{persist, retransmit, segments};
use crate::context::Context;
use crate::event::{Event, RetransmitCause};
use crate::recv::ack_policy::Owed;
use crate::recv::window;
use crate::segment::Flags;
use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// A stretch of the send queue that could leave in one segment.
#[derive(Debug, Clone, Copy)]
struct Piece {
    seq: SeqNum,
    len: u32,
    /// It was sent before.
    again: bool,
    /// The FIN goes with it.
    fin: bool,
}

/// Sends what is due. `may_send` tells whether the state lets data and FIN out.
pub(crate) fn flush(tcb: &mut Tcb, may_send: bool, cx: &mut Context<'_>) {
    if may_send {
        restart_after_idle(tcb, cx.now);
        while let Some(piece) = next_piece(tcb, cx) {
            send_piece(tcb, piece, RetransmitCause::AfterTimeout, cx);
        }
        tcb.snd.override_sws = false;
        persist::update(tcb, cx.now);
    }
    acknowledge(tcb, cx);
}

/// What the congestion window was before a long silence says nothing about the path now.
// REQ: RFC5681-17
fn restart_after_idle(tcb: &mut Tcb, now: Instant) {
    let idle = tcb
        .snd
        .last_sent
        .is_some_and(|at| now > at + tcb.snd.rtt.rto());
    if idle && !tcb.snd.in_flight() && tcb.snd.unsent() {
        tcb.snd.congestion.on_idle();
        tcb.snd.last_sent = None;
    }
}

/// The acknowledgment owed, if no segment took it along.
// REQ: RFC9293-MUST-58
// REQ: RFC9293-MUST-59
// REQ: RFC5681-20
fn acknowledge(tcb: &mut Tcb, cx: &mut Context<'_>) {
    match tcb.rcv.ack.owed() {
        Owed::Nothing => {}
        Owed::Now => segments::send_ack(tcb, cx),
        Owed::Soon => {
            let delay = tcb.config.delayed_ack;
            // REQ: RFC9293-MUST-40
            // REQ: RFC5681-18
            if delay.is_zero() || tcb.options.quick_ack {
                segments::send_ack(tcb, cx);
            } else if !tcb.timers.is_armed(Timer::DelayedAck) {
                tcb.arm(Timer::DelayedAck, cx.now, delay);
            }
        }
    }
}

/// After RECEIVE made room: tells the peer, if that is news worth a segment.
pub(crate) fn update_window(tcb: &mut Tcb) {
    if window::update_is_due(tcb) {
        tcb.rcv.ack.now();
    }
}

/// The next segment that may leave now.
fn next_piece(tcb: &mut Tcb, cx: &Context<'_>) -> Option<Piece> {
    let seq = tcb.snd.resend.unwrap_or(tcb.snd.nxt);
    let again = seq.before(tcb.snd.nxt);
    let end = tcb.snd.data_end();
    let full = full_segment(tcb, cx);
    // REQ: RFC5681-1
    let room = room_at(tcb, seq);
    if seq.at_or_after(end) {
        return bare_fin(tcb, seq, again, room);
    }
    let waiting = seq.span_to(end);
    let len = waiting.min(full).min(room);
    if len == 0 {
        return None;
    }
    let last = len == waiting;
    // In the middle of a repeat a fragment of a segment is not worth sending either: its time comes with the next ACK.
    if again && seq != tcb.snd.una && len < full && len < seq.span_to(tcb.snd.nxt.min(end)) {
        return None;
    }
    if !again && !worth_sending(tcb, len, full, last, cx) {
        return None;
    }
    let fin = last && tcb.snd.fin_queued && room > len;
    Some(Piece {
        seq,
        len,
        again,
        fin,
    })
}

/// The FIN alone, when all data before it has left.
fn bare_fin(tcb: &Tcb, seq: SeqNum, again: bool, room: u32) -> Option<Piece> {
    let due = tcb.snd.fin_queued && !tcb.snd.fin_acknowledged && seq == tcb.snd.data_end();
    (due && room > 0).then_some(Piece {
        seq,
        len: 0,
        again,
        fin: true,
    })
}

/// Payload bytes of a full segment with the options of this moment.
pub(crate) fn full_segment(tcb: &Tcb, cx: &Context<'_>) -> u32 {
    tcb.effective_mss(segments::options(tcb, cx.now).len()) as u32
}

/// Sequence numbers from `seq` on that the peer's window and the congestion window leave.
// REQ: RFC9293-MUST-34
// REQ: RFC7323-9
// REQ: RFC9293-SHLD-15
fn room_at(tcb: &Tcb, seq: SeqNum) -> u32 {
    let snd = &tcb.snd;
    let right = snd.una + snd.wnd.bytes().min(snd.congestion.send_allowance());
    if right.after(seq) {
        seq.span_to(right)
    } else {
        0
    }
}

fn worth_sending(tcb: &mut Tcb, len: u32, full: u32, last: bool, cx: &Context<'_>) -> bool {
    let snd = &tcb.snd;
    let decision = nagle::decide(Candidate {
        len,
        full,
        last,
        urgent_or_final: snd.fin_queued || snd.up.is_some_and(|up| up.after(snd.nxt)),
        outstanding: snd.in_flight(),
        max_wnd: snd.max_wnd.bytes(),
        nagle: tcb.config.nagle && !tcb.options.nodelay,
        corked: tcb.options.cork || snd.more_coming,
        overridden: snd.override_sws,
    });
    match decision {
        Decision::Send => true,
        Decision::WaitForAck => false,
        Decision::WaitForOverride => {
            if !tcb.timers.is_armed(Timer::SwsOverride) {
                tcb.arm(Timer::SwsOverride, cx.now, tcb.config.sws_override);
            }
            false
        }
    }
}

fn send_piece(tcb: &mut Tcb, piece: Piece, cause: RetransmitCause, cx: &mut Context<'_>) {
    let Piece {
        seq,
        len,
        again,
        fin,
    } = piece;
    let offset = tcb.snd.data_start().span_to(seq) as usize;
    let payload = tcb.snd.buffer.copy(offset, len as usize);
    let ends_queue = seq + len == tcb.snd.data_end();
    // REQ: RFC9293-MUST-61
    // REQ: RFC9293-SHLD-27
    let psh = len > 0
        && ((ends_queue && !tcb.snd.more_coming)
            || tcb.snd.buffer.ends_pushed(offset, len as usize));
    let flags = Flags {
        fin,
        psh,
        ..Flags::NONE
    };
    segments::send(tcb, seq, flags, payload, cx);
    let sequence_len = len + u32::from(fin);
    if again {
        tcb.snd.rtt.on_retransmitted();
        tcb.snd.retransmitted += 1;
        cx.event(Event::Retransmitted {
            id: tcb.id,
            seq,
            len: sequence_len,
            cause,
        });
    }
    let end = seq + sequence_len;
    if !again {
        tcb.snd.rtt.on_sent(end, cx.now);
    }
    tcb.snd.last_sent = Some(cx.now);
    if end.after(tcb.snd.nxt) {
        tcb.snd.nxt = end;
        tcb.snd.max = tcb.snd.max.max(end);
    }
    if tcb.snd.resend.is_some() {
        tcb.snd.resend = Some(end).filter(|at| at.before(tcb.snd.nxt));
    }
    retransmit::on_sent(tcb, cx.now);
}

/// Sends the segment at SND.UNA again, whatever the congestion window says. Answers where it ended.
pub(crate) fn resend_first(tcb: &mut Tcb, cause: RetransmitCause, cx: &mut Context<'_>) -> SeqNum {
    let seq = tcb.snd.una;
    let end = tcb.snd.data_end();
    let data = if end.after(seq) { seq.span_to(end) } else { 0 };
    let sent = seq.span_to(tcb.snd.max);
    // Data and FIN that were never sent do not travel with a retransmission, nor does what a shrunken window excludes.
    // REQ: RFC9293-SHLD-16
    let offered = tcb.snd.wnd.bytes().max(1);
    let len = data.min(full_segment(tcb, cx)).min(sent).min(offered);
    let fin = tcb.snd.fin_sent() && !tcb.snd.fin_acknowledged && seq + len == end;
    if len == 0 && !fin {
        return seq;
    }
    let resend = tcb.snd.resend.take();
    send_piece(
        tcb,
        Piece {
            seq,
            len,
            again: true,
            fin,
        },
        cause,
        cx,
    );
    tcb.snd.resend = resend;
    seq + len + u32::from(fin)
}
