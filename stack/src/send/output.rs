//! What leaves a connection after a step: data and FIN as far as the windows allow, else the
//! acknowledgment owed.

use super::bursts::{self, Held};
use super::flight::{Edge, Mark};
use super::nagle::{self, Candidate, Decision};
use super::recovery::{self, LossRecovery};
use super::{limits, loss_probe, pacing, persist, retransmit, room, segments};
use crate::config::{BurstRules, Segmentation};
use crate::context::Context;
use crate::ecn::{self, Codepoint, accurate};
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
pub(crate) enum Kind {
    /// It never was.
    New,
    /// It counts as lost.
    Lost,
    /// It may be lost (RFC 6675 §4, NextSeg() rules 3 and 4).
    Guess { rescue: bool },
    /// It never was, and asks in one packet whether so many bytes pass (RFC 4821).
    PathProbe { mtu: u16 },
}

impl Kind {
    /// Whether it never was sent.
    const fn is_new(&self) -> bool {
        matches!(self, Kind::New | Kind::PathProbe { .. })
    }
}

/// A stretch of the send queue that could leave in one segment, or in one burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) seq: SeqNum,
    /// Bytes; more than a segment takes leave in several.
    pub(crate) len: u32,
    pub(crate) kind: Kind,
    /// The FIN goes with it.
    pub(crate) fin: bool,
    /// PSH belongs on its end, whatever else decides about that.
    pub(crate) push: bool,
    /// A record ends with it.
    pub(crate) closed: bool,
}

/// How much is written before it is asked for: enough that the way here is worth it, and no more than
/// stays in the nearest cache until it is taken. In bytes of datagrams.
const BURST: usize = 16 << 10;

/// Sends what is due. `may_send` tells whether the state lets data and FIN out. True if there is more
/// to send as soon as this much is taken.
pub(crate) fn flush(tcb: &mut Tcb, may_send: bool, cx: &mut Context<'_>) -> bool {
    // A SYN-ACK that was lost comes first: nothing else leaves before it is acknowledged.
    if ecn::owes_handshake_ack(tcb) {
        // Only a pure ACK can tell how the SYN-ACK arrived.
        segments::send_ack(tcb, cx);
    }
    let syn_was_lost = tcb.snd.syn_unacked() && tcb.snd.retries > 0;
    if may_send && !syn_was_lost {
        if send_all(tcb, cx) {
            return true;
        }
        tcb.snd.override_sws = false;
        persist::update(tcb, cx.now);
    }
    limits::note(tcb, cx);
    room::update(tcb);
    acknowledge(tcb, cx);
    false
}

/// Sends what may leave. True if there is more to send as soon as this much is taken.
pub(crate) fn send_all(tcb: &mut Tcb, cx: &mut Context<'_>) -> bool {
    restart_after_idle(tcb, cx.now);
    path::refresh(tcb, cx);
    pacing::begin(tcb);
    tcb.path.refused = cx.outbox.is_blocked() && tcb.snd.unsent();
    if cx.outbox.is_blocked() {
        return false;
    }
    let Segmentation::Bursts(rules) = tcb.config.segmentation else {
        loop {
            let full = full_segment(tcb, cx);
            let Some(piece) = next_piece(tcb, full, cx) else {
                break;
            };
            if pacing::holds_back(tcb, cx.now) {
                break;
            }
            send_in_segments(tcb, &piece, full, RetransmitCause::LostFlight, cx);
            if cx.outbox.queued() >= BURST {
                return true;
            }
        }
        return false;
    };
    let full = full_segment(tcb, cx);
    while let Some(piece) = bursts::next_lost(tcb, rules, full, false) {
        if pacing::holds_back(tcb, cx.now) {
            break;
        }
        send_piece(tcb, piece, RetransmitCause::LostFlight, cx);
    }
    send_bursts(tcb, rules, full, usize::MAX, cx);
    bursts::watch_the_rest(tcb, cx);
    false
}

/// Sends the first burst of what was never sent, while the user still writes.
pub(crate) fn send_one(tcb: &mut Tcb, cx: &mut Context<'_>) {
    if cx.outbox.is_blocked() {
        return;
    }
    if let Segmentation::Bursts(rules) = tcb.config.segmentation {
        restart_after_idle(tcb, cx.now);
        path::refresh(tcb, cx);
        let full = full_segment(tcb, cx);
        send_bursts(tcb, rules, full, 1, cx);
    }
}

/// At most `count` bursts, and what that says of the congestion window.
fn send_bursts(tcb: &mut Tcb, rules: BurstRules, full: u32, count: usize, cx: &mut Context<'_>) {
    if !tcb.snd.unsent() {
        return;
    }
    if let Some(last) = tcb.snd.last_sent.filter(|_| tcb.snd.flight.is_empty()) {
        let pause = cx.now.saturating_duration_since(last);
        tcb.snd.congestion.on_pause(pause, cx.now);
    }
    let mut sent = 0;
    let mut limited = false;
    while sent < count {
        if pacing::holds_back(tcb, cx.now) {
            break;
        }
        let next = match path_probe(tcb, full, cx) {
            Ok(Some(probe)) => Ok(probe),
            Ok(None) => bursts::next_new(tcb, rules, full, false, cx),
            Err(held) => Err(held),
        };
        match next {
            Ok(piece) => send_piece(tcb, piece, RetransmitCause::LostFlight, cx),
            Err(held) => {
                limited = held == Held::ByCongestion;
                break;
            }
        }
        sent += 1;
    }
    let snd = &mut tcb.snd;
    limited |= snd.flight.segments_out() >= snd.congestion.segments();
    if sent > 0 || limited {
        let out = snd.flight.len() as u32;
        snd.usage.note(snd.una, snd.nxt, out, limited);
    }
}

/// What the congestion window was before a long silence says nothing about the path now.
// REQ: RFC5681-17
fn restart_after_idle(tcb: &mut Tcb, now: Instant) {
    let idle = tcb
        .snd
        .last_sent
        .is_some_and(|at| now > at + tcb.snd.rtt.rto());
    if idle && !tcb.snd.in_flight() && tcb.snd.unsent() {
        let silent = tcb
            .snd
            .last_sent
            .map(|at| now.saturating_duration_since(at));
        let timeouts =
            silent.unwrap_or_default().as_micros() / tcb.snd.rtt.rto().as_micros().max(1);
        tcb.snd.congestion.on_pause(silent.unwrap_or_default(), now);
        tcb.snd.congestion.on_idle(timeouts as u64);
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
            // REQ: RFC9293-MUST-40
            // REQ: RFC5681-18
            let (running, srtt) = (tcb.timers.get(Timer::DelayedAck), tcb.snd.rtt.srtt());
            let fixed = tcb.config.delayed_ack;
            let fixed = mutant!(tcb.config, H16, fixed, core::time::Duration::from_secs(1));
            match tcb.rcv.ack.due_at(running, fixed, srtt, cx.now) {
                Some(due) if !tcb.options.quick_ack => tcb.timers.arm(Timer::DelayedAck, due),
                Some(_) | None => segments::send_ack(tcb, cx),
            }
        }
    }
}

/// After RECEIVE made room: tells the peer, if that is news worth a segment.
pub(crate) fn update_window(tcb: &mut Tcb) {
    if mutant!(tcb.config, F11, window::update_is_due(tcb), false) {
        tcb.rcv.ack.now();
    }
}

/// The next segment that may leave now: what is lost first, then what is new.
// REQ: RFC6675-3
fn next_piece(tcb: &mut Tcb, full: u32, cx: &Context<'_>) -> Option<Piece> {
    let room = recovery::room(tcb);
    // The FIN has a number but no byte.
    if let Some(lost) = tcb.snd.flight.next_lost(full + 1) {
        return repeat(tcb, lost, full, room);
    }
    if let Some(probe) = path_probe(tcb, full, cx).ok()? {
        return Some(probe);
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
    let nothing = len == 0;
    let nothing = mutant!(tcb.config, F08, nothing, nothing && tcb.snd.wnd.bytes() > 0);
    if nothing || (seq != tcb.snd.una && len < full.min(waiting)) {
        return None;
    }
    let fin = seq + len == end && lost.end.after(end) && room > len;
    Some(Piece {
        seq,
        len,
        kind: Kind::Lost,
        fin,
        push: false,
        closed: false,
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
        push: false,
        closed: false,
    })
}

/// New data in a segment larger than what is known to pass, if it is time for one; an error while
/// what would leave instead has to wait for it.
#[inline]
fn path_probe(tcb: &mut Tcb, full: u32, cx: &Context<'_>) -> Result<Option<Piece>, Held> {
    if !tcb.path.is_searched() {
        return Ok(None);
    }
    let (seq, end) = (tcb.snd.nxt, tcb.snd.data_end());
    let offer = probe::Offer {
        waiting: if end.after(seq) { seq.span_to(end) } else { 0 },
        full,
        options_len: segments::options(tcb, cx.now).len(),
        room: recovery::room(tcb),
        window: window_room_at(tcb, seq),
    };
    match probe::next(tcb, offer, cx.now) {
        Next::NoProbe => Ok(None),
        Next::Wait => Err(Held::ByCongestion),
        Next::Send { len, mtu } => Ok(Some(Piece {
            seq,
            len,
            kind: Kind::PathProbe { mtu },
            fin: false,
            push: false,
            closed: false,
        })),
    }
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
        push: false,
        closed: false,
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
        push: false,
        closed: false,
    })
}

/// Payload bytes of a full segment with the options of this moment.
pub(crate) fn full_segment(tcb: &Tcb, cx: &Context<'_>) -> u32 {
    let full = tcb.effective_mss(segments::wire_options_len(tcb, cx.now)) as u32;
    match tcb.config.segmentation {
        Segmentation::Single => full,
        Segmentation::Bursts(_) => bursts::half_window(tcb, full),
    }
}

/// Sequence numbers from `seq` on that the peer's window leaves.
// REQ: RFC9293-MUST-34
// REQ: RFC7323-9
// REQ: RFC9293-SHLD-15
pub(crate) fn window_room_at(tcb: &Tcb, seq: SeqNum) -> u32 {
    let right = tcb.snd.data_start() + tcb.snd.wnd.bytes();
    let room = if mutant!(tcb.config, F01, right.after(seq), right != seq) {
        seq.span_to(right)
    } else {
        0
    };
    mutant!(tcb.config, F02, room, u32::MAX)
}

fn worth_sending(tcb: &mut Tcb, len: u32, full: u32, last: bool, cx: &Context<'_>) -> bool {
    if mutant!(tcb.config, F14, false, len < full && !last) {
        return false;
    }
    let snd = &tcb.snd;
    let decision = nagle::decide(Candidate {
        len,
        full,
        last,
        urgent_or_final: snd.fin_queued || snd.up.is_some_and(|up| up.after(snd.nxt)),
        outstanding: snd.nxt.after(snd.data_start()),
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

/// Sends a piece in as many segments as it takes.
fn send_piece(tcb: &mut Tcb, piece: Piece, cause: RetransmitCause, cx: &mut Context<'_>) {
    let full = full_segment(tcb, cx);
    send_in_segments(tcb, &piece, full, cause, cx);
}

/// Sends a piece in as many segments of `full` bytes as it takes. Of several the last one has PSH, so that
/// the peer need not wait for more.
#[inline]
fn send_in_segments(
    tcb: &mut Tcb,
    piece: &Piece,
    full: u32,
    cause: RetransmitCause,
    cx: &mut Context<'_>,
) {
    if piece.kind == Kind::New && piece.len != full && !piece.len.is_multiple_of(full) {
        tcb.snd.small_end = Some(piece.seq + piece.len);
    }
    // What asks for the path goes in one packet, whatever is known to pass.
    if piece.len <= full || matches!(piece.kind, Kind::PathProbe { .. }) {
        send_segment(tcb, piece, Place::Alone, cause, cx);
        return pacing::on_sent(tcb, piece.len, piece.len, cx.now);
    }
    let mut rest = *piece;
    while rest.len > full {
        let first = Piece {
            len: full,
            fin: false,
            push: false,
            closed: false,
            ..rest
        };
        send_segment(tcb, &first, Place::Joined, cause, cx);
        rest.seq += full;
        rest.len -= full;
    }
    send_segment(tcb, &rest, Place::LastOfSeveral, cause, cx);
    pacing::on_sent(tcb, piece.len, full, cx.now);
}

/// Where a segment stands in its burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Alone,
    /// The next one belongs to it.
    Joined,
    LastOfSeveral,
}

/// Sends a piece that fits in one segment.
fn send_segment(
    tcb: &mut Tcb,
    piece: &Piece,
    place: Place,
    cause: RetransmitCause,
    cx: &mut Context<'_>,
) {
    // The piece was just made: what is read of it later need not be waited for now.
    let &Piece {
        seq,
        len,
        ref kind,
        fin,
        ..
    } = piece;
    let offset = tcb.snd.data_start().span_to(seq) as usize;
    let text = offset..offset + len as usize;
    let ends_queue = seq + len == tcb.snd.data_end();
    // REQ: RFC9293-MUST-61
    // REQ: RFC9293-SHLD-27
    let by_queue = tcb.config.segmentation == Segmentation::Single
        && ((ends_queue && !tcb.snd.more_coming)
            || tcb.snd.buffer.ends_pushed(offset, len as usize));
    let psh = len > 0 && (piece.push || by_queue || place == Place::LastOfSeveral);
    let (codepoint, cwr) = if kind.is_new() && len > 0 {
        ecn::for_new_data(tcb)
    } else {
        accurate::on_retransmission(tcb, seq);
        (Codepoint::NotEct, false)
    };
    let flags = Flags {
        fin,
        psh,
        cwr,
        ..Flags::NONE
    };
    segments::send_marked(tcb, seq, flags, codepoint, text, cx);
    tcb.path.note_sent(len);
    let range = SeqRange::with_len(seq, len + u32::from(fin));
    if let Kind::PathProbe { mtu } = kind {
        probe::on_sent(tcb, range, *mtu, cx);
    }
    match kind {
        Kind::New | Kind::PathProbe { .. } => {
            let edge = Edge {
                push: piece.push,
                closed: piece.closed,
                joined: place == Place::Joined,
            };
            note_new(tcb, range, edge, cx.now);
        }
        Kind::Lost => note_again(tcb, range, false, cause, cx),
        Kind::Guess { rescue } => note_again(tcb, range, *rescue, cause, cx),
    }
    tcb.snd.last_sent = Some(cx.now);
    retransmit::on_sent(tcb, cx.now);
    // Never later than the timer that was just started.
    if kind.is_new() {
        loss_probe::schedule(tcb, cx.now);
    }
}

fn note_new(tcb: &mut Tcb, range: SeqRange, edge: Edge, now: Instant) {
    tcb.snd.rtt.on_sent(range.end, now);
    tcb.timers.disarm(Timer::SwsOverride);
    tcb.snd.flight.sent_with(range, edge, now);
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
    if mutant!(tcb.config, H05, true, false) {
        tcb.snd.rtt.on_retransmitted();
    }
    probe::on_retransmitted(tcb);
    tcb.counters.on_repeated(range.len());
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
    if cx.outbox.is_blocked() {
        return None;
    }
    let full = full_segment(tcb, cx);
    let new = match tcb.config.segmentation {
        Segmentation::Single => probe_of_new_data(tcb, full),
        Segmentation::Bursts(rules) => bursts::next_new(tcb, rules, full, true, cx).ok(),
    };
    if let Some(new) = new {
        send_piece(tcb, new, RetransmitCause::LossProbe, cx);
        return Some(false);
    }
    let last = *tcb.snd.flight.iter().next_back()?;
    let (edge, last) = (last.edge, last.range);
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
        push: edge.push,
        closed: edge.closed,
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
        push: false,
        closed: false,
    })
}

/// Sends the first of what counts as lost, whatever the congestion window says.
pub(crate) fn send_first_lost(tcb: &mut Tcb, cause: RetransmitCause, cx: &mut Context<'_>) {
    if cx.outbox.is_blocked() {
        return;
    }
    let full = full_segment(tcb, cx);
    if let Segmentation::Bursts(rules) = tcb.config.segmentation {
        if let Some(piece) = bursts::next_lost(tcb, rules, full, true) {
            send_piece(tcb, piece, cause, cx);
        }
        return;
    }
    if let Some(lost) = tcb.snd.flight.next_lost(full + 1)
        && let Some(piece) = repeat(tcb, lost, full, u32::MAX)
    {
        send_piece(tcb, piece, cause, cx);
    }
}

/// Sends the segment at SND.UNA again, whatever the congestion window says.
pub(crate) fn resend_first(tcb: &mut Tcb, cause: RetransmitCause, cx: &mut Context<'_>) {
    if cx.outbox.is_blocked() {
        return;
    }
    let seq = tcb.snd.una;
    let end = tcb.snd.data_end();
    if let Segmentation::Bursts(_) = tcb.config.segmentation
        && let Some(piece) = first_sent(tcb, full_segment(tcb, cx))
    {
        send_piece(tcb, piece, cause, cx);
        return;
    }
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
        push: false,
        closed: false,
    };
    send_piece(tcb, piece, cause, cx);
}

/// The first of what is in flight, in one segment and no more than left together.
fn first_sent(tcb: &Tcb, full: u32) -> Option<Piece> {
    let end = tcb.snd.data_end();
    let offered = tcb.snd.wnd.bytes().max(1);
    let most = full.min(offered);
    let mut whole: Option<(SeqRange, Edge)> = None;
    for sent in tcb.snd.flight.iter() {
        let Some((range, edge)) = &mut whole else {
            whole = Some((sent.range, sent.edge));
            continue;
        };
        let fits = range.start.span_to(sent.range.end.min(end)) <= most && !edge.closed;
        if !fits || sent.mark == Mark::Sacked {
            break;
        }
        (range.end, *edge) = (sent.range.end, sent.edge);
    }
    let (range, edge) = whole?;
    let data = if end.after(range.start) {
        range.start.span_to(range.end.min(end))
    } else {
        0
    };
    let len = data.min(most);
    let ends = len == data;
    Some(Piece {
        seq: range.start,
        len,
        kind: Kind::Lost,
        fin: ends && range.end.after(end),
        push: ends && edge.push,
        closed: ends && edge.closed,
    })
}

#[cfg(test)]
mod tests {
    use super::window_room_at;
    use crate::seq::SeqNum;
    use crate::socket::SendFlags;
    use crate::testing::bench::Bench;
    use rstest::rstest;

    /// ISS says nothing any more once half the sequence space lies between.
    #[rstest]
    #[case::half(1 << 31)]
    #[case::a_bit_more((1 << 31) + 100)]
    #[case::three_quarters(3 << 30)]
    #[case::all(0)]
    fn the_window_counts_from_una_beyond_2_gib(#[case] acked: u32) {
        let mut bench = Bench::new(Bench::plain_config());
        let conn = bench.accepted();
        let tcb = &mut bench.host.connection_mut(conn.id).unwrap().tcb;
        tcb.snd.iss = SeqNum::new(tcb.snd.una.raw().wrapping_sub(acked));
        tcb.snd.buffer.set_acknowledged(if acked == 0 {
            1 << 32
        } else {
            u64::from(acked) - 1
        });
        assert_eq!(window_room_at(tcb, tcb.snd.una), tcb.snd.wnd.bytes());
        let flags = SendFlags::default();
        assert_eq!(bench.host.send(bench.now, conn.id, b"more", flags), Ok(4));
        let sent = bench.drain();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].payload, b"more");
    }
}
