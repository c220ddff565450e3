//! What leaves in one go where something below the sender cuts it into segments (segmentation
//! offload): how large a burst may be, and when a small one waits to become larger.
//!
//! The RFCs speak of segments; how many of them leave together, and which of them has PSH, they leave
//! free (RFC 9293 §3.8.6.2.1 and §3.9.1.2 bound it). The rules are Linux's.

use core::time::Duration;

use super::chunks::Chunk;
use super::output::{Kind, Piece, full_segment};
use super::recovery;
use crate::config::BurstRules;
use crate::context::Context;
use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::timers::Timer;

/// What stops a sender from sending more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The congestion window is used up, or will be by what waits.
    ByCongestion,
    /// The peer's window, the user, or nothing to send.
    Otherwise,
}

/// A write after which nothing was written for so long is sent as it is.
const RECENT: Duration = Duration::from_millis(1);

/// The least that counts as half a window: what any path carries (RFC 791), less a TCP header.
const LEAST_HALF: u32 = 48;

/// Half of what the peer can take at most: the other half is on its way meanwhile (RFC 9293
/// §3.8.6.2.1).
pub(crate) fn half_window(tcb: &Tcb, size: u32) -> u32 {
    let largest = tcb.snd.max_wnd.bytes();
    let bound = if largest > 536 { largest / 2 } else { largest };
    match bound {
        0 => size,
        bound => size.min(bound.max(LEAST_HALF)),
    }
}

/// How many bytes a full chunk of the send queue has: as many whole segments as fit in half of the
/// peer's window.
pub(crate) fn chunk_size(tcb: &Tcb, rules: BurstRules, full: u32) -> u32 {
    let full = full.max(1);
    (half_window(tcb, rules.most_bytes) / full).max(1) * full
}

/// How many segments may leave in one burst: a millisecond's worth at the rate the connection has,
/// more where the round trip is short.
pub(crate) fn most_segments(tcb: &Tcb, rules: BurstRules, full: u32) -> u32 {
    let congestion = &tcb.snd.congestion;
    let ratio = if congestion.cwnd() < congestion.ssthresh() / 2 {
        rules.slow_start_percent
    } else {
        rules.avoidance_percent
    };
    let srtt = tcb.snd.rtt.srtt();
    let micros = |time: Duration| (time.as_micros() as u64).max(1);
    let segments = u64::from(congestion.segments()).max(tcb.snd.flight.len() as u64);
    let window = segments * u64::from(full) * u64::from(ratio) / 100;
    let rate = window * 1_000_000 / srtt.map_or(1, micros);
    let round_trip = tcb.snd.recovery.min_rtt().or(srtt).map_or(0, micros);
    let shift = round_trip >> rules.round_trip_log.min(63);
    let most = u64::from(rules.most_bytes);
    let near = if shift < 32 { most >> shift } else { 0 };
    let bytes = ((rate >> 10) + near).min(most);
    (bytes as u32 / full.max(1)).max(rules.least_segments)
}

/// Segments that the congestion window still lets into the network.
fn quota(tcb: &Tcb) -> u32 {
    let congestion = &tcb.snd.congestion;
    let allowance = congestion.segments() + recovery::extra_segments(tcb);
    allowance.saturating_sub(tcb.snd.flight.segments_out())
}

/// What counts as lost and goes out again next.
pub(crate) fn next_lost(tcb: &Tcb, rules: BurstRules, full: u32, forced: bool) -> Option<Piece> {
    let least = u32::from(forced);
    let most = quota(tcb).max(least).min(most_segments(tcb, rules, full));
    let (range, edge) = tcb.snd.flight.next_lost_burst(most, full)?;
    let end = tcb.snd.data_end();
    let window = super::output::window_room_at(tcb, range.start);
    let data = if end.after(range.start) {
        range.start.span_to(range.end.min(end))
    } else {
        0
    };
    let mut len = data.min(most * full);
    if len > window {
        len = if window >= full {
            window / full * full
        } else {
            window
        };
    }
    let whole = range.start + len == range.end.min(end);
    let fin = range.end.after(end) && range.start + len == end;
    (len > 0 || fin).then_some(Piece {
        seq: range.start,
        len,
        kind: Kind::Lost,
        fin,
        push: whole && edge.push,
        closed: whole && edge.closed,
    })
}

/// What was never sent and goes out next, or why nothing does. `forced` is for a probe, which the
/// congestion window does not stop.
pub(crate) fn next_new(
    tcb: &mut Tcb,
    rules: BurstRules,
    full: u32,
    forced: bool,
    cx: &Context<'_>,
) -> Result<Piece, Held> {
    let nxt = tcb.snd.nxt;
    tcb.snd.chunks.sent_to(nxt);
    let end = tcb.snd.data_end();
    let fin_due = tcb.snd.fin_queued && !tcb.snd.fin_sent();
    if !end.after(nxt) && !fin_due {
        return Err(Held::Otherwise);
    }
    let left = quota(tcb).max(u32::from(forced));
    if left == 0 {
        return Err(Held::ByCongestion);
    }
    let most = most_segments(tcb, rules, full);
    // Two bursts should be on their way, so that one is acknowledged while the other travels.
    let half = (tcb.snd.congestion.segments() / 2).max(1);
    let quota = left.min(half).min(most);
    let room = super::output::window_room_at(tcb, nxt);
    if !end.after(nxt) {
        return if room > 0 {
            Ok(fin_alone(nxt))
        } else {
            Err(Held::Otherwise)
        };
    }
    let chunk = first_chunk(tcb, nxt, end, quota * full);
    let len = nxt.span_to(chunk.end);
    let last = chunk.end == end;
    let fin = last && fin_due;
    if room < len.min(full) + u32::from(fin && len < full) {
        return narrow(tcb, nxt, len, room, full);
    }
    let segments = len.div_ceil(full);
    if segments == 1 && last && held_back(tcb, len, full) {
        return narrow(tcb, nxt, len, room, full);
    }
    if segments > 1 && !forced {
        wait_for_more(tcb, rules, (len, last, chunk), (room, left, most), cx.now)?;
    }
    let limit = limit(tcb, (len, last), room, quota, full);
    let len = len.min(limit);
    let whole = nxt + len == chunk.end;
    Ok(Piece {
        seq: nxt,
        len,
        kind: Kind::New,
        fin: fin && whole && room > len,
        push: whole && chunk.push,
        closed: whole && chunk.closed,
    })
}

fn fin_alone(seq: SeqNum) -> Piece {
    Piece {
        seq,
        len: 0,
        kind: Kind::New,
        fin: true,
        push: false,
        closed: false,
    }
}

/// The chunk at SND.NXT, filled up to `wanted` bytes from those behind it.
fn first_chunk(tcb: &mut Tcb, nxt: SeqNum, end: SeqNum, wanted: u32) -> Chunk {
    let whole = Chunk {
        end,
        push: true,
        closed: false,
    };
    // What went out with a SYN and has to go again is in no chunk.
    let Some(first) = tcb.snd.chunks.first() else {
        return whole;
    };
    let missing = wanted.saturating_sub(nxt.span_to(first.end));
    if missing > 0 {
        tcb.snd.chunks.grow_first(missing);
    }
    tcb.snd.chunks.first().unwrap_or(whole)
}

/// Nagle's algorithm as Minshall amended it: only a short segment that is not acknowledged holds
/// another back.
fn held_back(tcb: &Tcb, len: u32, full: u32) -> bool {
    let snd = &tcb.snd;
    let urgent = snd.up.is_some_and(|up| up.after(snd.nxt));
    if len >= full || snd.fin_queued || urgent || snd.push_once {
        return false;
    }
    nagle_holds(tcb)
}

fn nagle_holds(tcb: &Tcb) -> bool {
    let snd = &tcb.snd;
    if tcb.options.cork || snd.more_coming {
        return true;
    }
    let small_is_out = snd.small_end.is_some_and(|end| end.after(snd.una));
    tcb.config.nagle && !tcb.options.nodelay && !snd.flight.is_empty() && small_is_out
}

/// Nothing is outstanding that would bring an acknowledgment: after a while what fits goes out all
/// the same.
// REQ: RFC9293-SHLD-28
fn narrow(tcb: &mut Tcb, seq: SeqNum, len: u32, room: u32, full: u32) -> Result<Piece, Held> {
    if !tcb.snd.override_sws || room == 0 {
        return Err(Held::Otherwise);
    }
    let len = len.min(full).min(room);
    tcb.snd.override_sws = false;
    Ok(Piece {
        seq,
        len,
        kind: Kind::New,
        fin: false,
        push: true,
        closed: false,
    })
}

/// Whether a burst that could be larger waits for the next acknowledgment.
fn wait_for_more(
    tcb: &Tcb,
    rules: BurstRules,
    (len, last, chunk): (u32, bool, Chunk),
    (send_window, left, most): (u32, u32, u32),
    now: crate::time::Instant,
) -> Result<(), Held> {
    let snd = &tcb.snd;
    let recent = snd.last_sent.is_some_and(|at| now < at + RECENT);
    if snd.recovery.in_recovery() || !recent {
        return Ok(());
    }
    let smss = snd.congestion.smss();
    let congestion_window = left * smss;
    let limit = send_window.min(congestion_window);
    let in_queue = !last && limit >= len;
    if limit >= most * smss || in_queue {
        return Ok(());
    }
    let window = snd.wnd.bytes().min(snd.congestion.segments() * smss);
    let enough = match rules.window_divisor {
        0 => limit > 3 * smss,
        divisor => limit >= window / divisor,
    };
    let Some(oldest) = snd.flight.iter().next().filter(|_| !enough) else {
        return Ok(());
    };
    let srtt = snd.rtt.srtt().unwrap_or_default();
    let expected = oldest.sent_at + srtt;
    if expected > now + (srtt / 2).min(RECENT) {
        return Ok(());
    }
    if congestion_window < send_window {
        if congestion_window <= len {
            return Err(Held::ByCongestion);
        }
    } else if send_window <= len {
        return Err(Held::Otherwise);
    }
    if snd.fin_queued && last || chunk.closed {
        return Ok(());
    }
    Err(Held::Otherwise)
}

/// How many bytes of the chunk go in one burst: whole segments, and the rest of the queue if Nagle
/// has nothing against it.
fn limit(tcb: &Tcb, (len, last): (u32, bool), room: u32, quota: u32, full: u32) -> u32 {
    let urgent = tcb.snd.up.is_some_and(|up| up.after(tcb.snd.nxt));
    if urgent || len <= full {
        return full;
    }
    let most = quota * full;
    let needed = len.min(room);
    if most <= needed || (most <= room && !last) {
        return most;
    }
    let rest = needed % full;
    let off = tcb.snd.push_once || tcb.snd.fin_queued;
    if rest != 0 && !off && nagle_holds(tcb) {
        return needed - rest;
    }
    needed
}

/// After everything that could leave has left: if nothing is outstanding and something waits, a timer
/// sees to it.
pub(crate) fn watch_the_rest(tcb: &mut Tcb, cx: &Context<'_>) {
    let waits = tcb.snd.unsent() && tcb.snd.flight.is_empty() && tcb.snd.wnd.bytes() > 0;
    if waits && !tcb.timers.is_armed(Timer::SwsOverride) {
        tcb.arm(Timer::SwsOverride, cx.now, tcb.snd.rtt.rto());
    }
    if !waits {
        tcb.timers.disarm(Timer::SwsOverride);
    }
}

/// Takes `data` into the queue, sending as it fills up. Answers how much was taken.
pub(crate) fn enqueue(
    tcb: &mut Tcb,
    rules: BurstRules,
    data: &[u8],
    more: bool,
    cx: &mut Context<'_>,
    send_on: bool,
) -> usize {
    let full = full_segment(tcb, cx);
    let mut taken = 0;
    tcb.snd.push_once = false;
    while taken < data.len() {
        let room = (data.len() - taken).min(tcb.snd.buffer.free());
        if room == 0 {
            break;
        }
        let goal = chunk_size(tcb, rules, full);
        let (nxt, end) = (tcb.snd.nxt.max(tcb.snd.data_start()), tcb.snd.data_end());
        let piece = tcb
            .snd
            .chunks
            .append(nxt, end, room as u32, goal, taken == 0);
        tcb.snd
            .buffer
            .write(&data[taken..taken + piece as usize], false);
        taken += piece as usize;
        if taken < data.len() && send_on {
            send_while_writing(tcb, cx);
        }
    }
    let whole = taken == data.len();
    if taken > 0 && (!more || !whole || is_far_behind_push(tcb)) {
        mark_push(tcb);
    }
    taken
}

/// A full chunk is in the queue and more comes: it is pushed if that did not happen for long, or its
/// first burst leaves.
fn send_while_writing(tcb: &mut Tcb, cx: &mut Context<'_>) {
    if is_far_behind_push(tcb) {
        mark_push(tcb);
        super::output::send_all(tcb, cx);
    } else if tcb.snd.chunks.len() == 1 {
        super::output::send_one(tcb, cx);
    }
}

fn is_far_behind_push(tcb: &Tcb) -> bool {
    let pushed = tcb.snd.pushed_end.unwrap_or(tcb.snd.iss + 1);
    tcb.snd
        .data_end()
        .after(pushed + tcb.snd.max_wnd.bytes() / 2)
}

fn mark_push(tcb: &mut Tcb) {
    tcb.snd.chunks.push();
    tcb.snd.pushed_end = Some(tcb.snd.data_end());
}
