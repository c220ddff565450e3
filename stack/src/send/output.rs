//! What leaves a connection after a step: data and FIN as far as the windows allow, else the
//! acknowledgment owed.

use super::nagle::{self, Candidate, Decision};
use super::recovery::{self, LossRecovery};
use super::{loss_probe, persist, retransmit, segments};
use crate::context::Context;
use crate::ecn::{self, Codepoint};
use crate::event::{Event, RetransmitCause};
use crate::path;
use crate::path::probe::{self, Next};
use crate::recv::ack_policy::Owed;
use crate::recv::window;
use crate::segment::Flags;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// Why a piece is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It never was.
    New,
    /// It counts as lost.
    Lost,
    /// It may be lost (RFC 6675 §4, NextSeg() rules 3 and 4).
    Guess { rescue: bool },
}

/// A stretch of the send queue that could leave in one segment.
#[derive(Debug, Clone, Copy)]
struct Piece {
    seq: SeqNum,
    len: u32,
    kind: Kind,
    /// The FIN goes with it.
    fin: bool,
}

/// Sends what is due. `may_send` tells whether the state lets data and FIN out.
pub(crate) fn flush(tcb: &mut Tcb, may_send: bool, cx: &mut Context<'_>) {
    // A SYN-ACK that was lost comes first: nothing else leaves before it is acknowledged.
    let syn_was_lost = tcb.snd.syn_unacked() && tcb.snd.retries > 0;
    if may_send && !syn_was_lost {
        restart_after_idle(tcb, cx.now);
        path::refresh(tcb, cx);
        while let Some(piece) = next_piece(tcb, cx) {
            send_piece(tcb, piece, RetransmitCause::LostFlight, cx);
        }
        tcb.snd.override_sws = false;
        persist::update(tcb, cx.now);
    }
    acknowledge(tcb, cx);
}

/// What the congestion window was before a long silence says nothing about the path now.
// REQ: RFC5681-17
fn restart_after_idle(tcb: &mut Tcb, now: Instant) {
    let Some(last_sent) = tcb.snd.last_sent else {
        return;
    };
    let (pause, rto) = (now.saturating_duration_since(last_sent), tcb.snd.rtt.rto());
    if pause > rto && !tcb.snd.in_flight() && tcb.snd.unsent() {
        tcb.snd.congestion.on_idle(pause, rto);
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

/// The next segment that may leave now: what is lost first, then what is new.
// REQ: RFC6675-3
fn next_piece(tcb: &mut Tcb, cx: &mut Context<'_>) -> Option<Piece> {
    let full = full_segment(tcb, cx);
    let room = recovery::room(tcb);
    // The FIN has a number but no byte.
    if let Some(lost) = tcb.snd.flight.next_lost(full + 1) {
        return repeat(tcb, lost, full, room);
    }
    if tcb.path.is_searched() {
        match path_probe(tcb, full, room, cx) {
            Next::NoProbe => {}
            Next::Wait => return None,
            Next::Send(len) => {
                return Some(Piece {
                    seq: tcb.snd.nxt,
                    len,
                    kind: Kind::New,
                    fin: false,
                });
            }
        }
    }
    new_piece(tcb, full, room, cx).or_else(|| speculative_piece(tcb, full, room))
}

/// As much of what is lost as fits in one segment.
fn repeat(tcb: &Tcb, lost: SeqRange, full: u32, room: u32) -> Option<Piece> {
    let end = tcb.snd.data_end();
    let seq = lost.start;
    let room = room.min(window_room_at(tcb, seq));
    if seq.at_or_after(end) {
        return bare_fin(tcb, seq, true, room);
    }
    let waiting = seq.span_to(lost.end.min(end));
    let len = waiting.min(full).min(room);
    // A fragment of a segment is not worth sending again: its time comes with the next ACK.
    if len == 0 || (seq != tcb.snd.una && len < full.min(waiting)) {
        return None;
    }
    let fin = seq + len == end && lost.end.after(end) && room > len;
    Some(Piece {
        seq,
        len,
        kind: Kind::Lost,
        fin,
    })
}

/// As much as fits in one segment of what was never sent.
fn new_piece(tcb: &mut Tcb, full: u32, room: u32, cx: &Context<'_>) -> Option<Piece> {
    let seq = tcb.snd.nxt;
    let end = tcb.snd.data_end();
    let room = room.min(window_room_at(tcb, seq));
    if seq.at_or_after(end) {
        return bare_fin(tcb, seq, false, room);
    }
    let waiting = seq.span_to(end);
    let len = waiting.min(full).min(room);
    let last = len == waiting;
    if len == 0 || !worth_sending(tcb, len, full, last, cx) {
        return None;
    }
    Some(Piece {
        seq,
        len,
        kind: Kind::New,
        fin: last && tcb.snd.fin_queued && room > len,
    })
}

/// New data in a segment larger than what is known to pass, if it is time for one.
fn path_probe(tcb: &mut Tcb, full: u32, room: u32, cx: &mut Context<'_>) -> Next {
    let (seq, end) = (tcb.snd.nxt, tcb.snd.data_end());
    let offer = probe::Offer {
        seq,
        waiting: if end.after(seq) { seq.span_to(end) } else { 0 },
        full,
        options_len: segments::options(tcb, cx.now).len(),
        room,
        window: window_room_at(tcb, seq),
    };
    probe::next(tcb, offer, cx)
}

/// What SACK recovery sends when nothing is lost and nothing is new.
fn speculative_piece(tcb: &Tcb, full: u32, room: u32) -> Option<Piece> {
    let LossRecovery::Sack(sack) = &tcb.snd.recovery else {
        return None;
    };
    let guess = sack.speculative(&tcb.snd.flight, full)?;
    let end = tcb.snd.data_end();
    let room = room.min(window_room_at(tcb, guess.range.start));
    let data_end = guess.range.end.min(end);
    let len = if data_end.after(guess.range.start) {
        guess.range.start.span_to(data_end)
    } else {
        0
    };
    (room >= guess.range.len()).then_some(Piece {
        seq: guess.range.start,
        len,
        kind: Kind::Guess {
            rescue: guess.rescue,
        },
        fin: guess.range.end.after(end),
    })
}

/// The FIN alone, when all data before it has left.
fn bare_fin(tcb: &Tcb, seq: SeqNum, again: bool, room: u32) -> Option<Piece> {
    let due = tcb.snd.fin_queued && !tcb.snd.fin_acknowledged && seq == tcb.snd.data_end();
    (due && room > 0).then_some(Piece {
        seq,
        len: 0,
        kind: if again { Kind::Lost } else { Kind::New },
        fin: true,
    })
}

/// Payload bytes of a full segment with the options of this moment.
pub(crate) fn full_segment(tcb: &Tcb, cx: &Context<'_>) -> u32 {
    tcb.effective_mss(segments::options(tcb, cx.now).len()) as u32
}

/// Sequence numbers from `seq` on that the peer's window leaves.
// REQ: RFC9293-MUST-34
// REQ: RFC7323-9
// REQ: RFC9293-SHLD-15
fn window_room_at(tcb: &Tcb, seq: SeqNum) -> u32 {
    let right = tcb.snd.una.max(tcb.snd.iss + 1) + tcb.snd.wnd.bytes();
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
        outstanding: snd.max.after(snd.data_start()),
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
        kind,
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
    let (codepoint, cwr) = if kind == Kind::New && len > 0 {
        ecn::for_new_data(tcb)
    } else {
        (Codepoint::NotEct, false)
    };
    let flags = Flags {
        fin,
        psh,
        cwr,
        ..Flags::NONE
    };
    segments::send_marked(tcb, seq, flags, codepoint, payload, cx);
    tcb.path.note_sent(len);
    let range = SeqRange::with_len(seq, len + u32::from(fin));
    match kind {
        Kind::New => {
            note_new(tcb, range, cx.now);
            loss_probe::schedule(tcb, cx.now);
        }
        Kind::Lost => note_again(tcb, range, false, cause, cx),
        Kind::Guess { rescue } => note_again(tcb, range, rescue, cause, cx),
    }
    tcb.snd.last_sent = Some(cx.now);
    retransmit::on_sent(tcb, cx.now);
}

fn note_new(tcb: &mut Tcb, range: SeqRange, now: Instant) {
    tcb.snd.rtt.on_sent(range.end, now);
    tcb.timers.disarm(Timer::SwsOverride);
    tcb.snd.flight.sent(range, now);
    tcb.snd.recovery.on_sent(range);
    tcb.snd.nxt = range.end;
    tcb.snd.max = tcb.snd.max.max(range.end);
}

fn note_again(
    tcb: &mut Tcb,
    range: SeqRange,
    rescue: bool,
    cause: RetransmitCause,
    cx: &mut Context<'_>,
) {
    tcb.snd.rtt.on_retransmitted();
    probe::on_retransmitted(tcb);
    tcb.snd.retransmitted += 1;
    tcb.snd.flight.sent_again(range, cx.now);
    tcb.snd.recovery.on_sent_again(range, rescue);
    let timestamp = tcb.negotiated.timestamps.is_some();
    let timestamp = timestamp.then(|| tcb.negotiated.timestamp_clock(cx.now));
    if let Some(undo) = &mut tcb.snd.undo {
        undo.on_sent_again(range.len(), timestamp);
    }
    cx.event(Event::Retransmitted {
        id: tcb.id,
        seq: range.start,
        len: range.len(),
        cause,
    });
}

/// The probe of RFC 8985 §7.3, whatever the congestion window says: the next new segment if there
/// is one that the peer's window takes, else the last one once more. Answers whether it was that.
// REQ: RFC8985-11
pub(crate) fn send_probe(tcb: &mut Tcb, cx: &mut Context<'_>) -> Option<bool> {
    let full = full_segment(tcb, cx);
    if let Some(new) = probe_of_new_data(tcb, full) {
        send_piece(tcb, new, RetransmitCause::LossProbe, cx);
        return Some(false);
    }
    let last = tcb.snd.flight.iter().next_back()?.range;
    let end = tcb.snd.data_end();
    let data_end = last.end.min(end);
    let len = if data_end.after(last.start) {
        last.start.span_to(data_end).min(full)
    } else {
        0
    };
    let piece = Piece {
        seq: data_end - len,
        len,
        kind: Kind::Guess { rescue: true },
        fin: last.end.after(end),
    };
    send_piece(tcb, piece, RetransmitCause::LossProbe, cx);
    Some(true)
}

fn probe_of_new_data(tcb: &Tcb, full: u32) -> Option<Piece> {
    let seq = tcb.snd.nxt;
    let end = tcb.snd.data_end();
    let room = window_room_at(tcb, seq);
    let waiting = if end.after(seq) { seq.span_to(end) } else { 0 };
    let len = waiting.min(full).min(room);
    let fin = len == waiting && tcb.snd.fin_queued && !tcb.snd.fin_sent() && room > len;
    (len > 0 || fin).then_some(Piece {
        seq,
        len,
        kind: Kind::New,
        fin,
    })
}

/// Sends the first of what counts as lost, whatever the congestion window says.
pub(crate) fn send_first_lost(tcb: &mut Tcb, cause: RetransmitCause, cx: &mut Context<'_>) {
    let full = full_segment(tcb, cx);
    if let Some(lost) = tcb.snd.flight.next_lost(full + 1)
        && let Some(piece) = repeat(tcb, lost, full, u32::MAX)
    {
        send_piece(tcb, piece, cause, cx);
    }
}

/// Sends the segment at SND.UNA again, whatever the congestion window says.
pub(crate) fn resend_first(tcb: &mut Tcb, cause: RetransmitCause, cx: &mut Context<'_>) {
    let seq = tcb.snd.una;
    let end = tcb.snd.data_end();
    let data = if end.after(seq) { seq.span_to(end) } else { 0 };
    let sent = seq.span_to(tcb.snd.nxt);
    // Data and FIN that were never sent do not travel with a retransmission, nor does what a
    // shrunken window excludes.
    // REQ: RFC9293-SHLD-16
    let offered = tcb.snd.wnd.bytes().max(1);
    let len = data.min(full_segment(tcb, cx)).min(sent).min(offered);
    let fin = tcb.snd.fin_sent() && !tcb.snd.fin_acknowledged && seq + len == end;
    if len == 0 && !fin {
        return;
    }
    let kind = Kind::Lost;
    let piece = Piece {
        seq,
        len,
        kind,
        fin,
    };
    send_piece(tcb, piece, cause, cx);
}
