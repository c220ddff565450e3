//! Seventh check: the segment text (RFC 9293 §3.10.7.4).

use super::fin;
use crate::config::{Acknowledging, DataAfterClose};
use crate::context::Context;
use crate::ecn;
use crate::error::ConnectionError;
use crate::event::{Discard, Event};
use crate::recv::adaptive_ack::Arrival;
use crate::recv::{autotune, duplicate};
use crate::segment::SegmentRef;
use crate::seq::SeqRange;
use crate::state::{Check, Disposition};
use crate::tcb::Tcb;
use crate::time::Instant;

#[cfg(not(feature = "mutants"))]
use self::place as store;
#[cfg(feature = "mutants")]
use crate::mutants::wrong::reassembly::store;

/// ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2: takes the bytes that are new and fit the window, in order
/// or not.
pub(crate) fn process(tcb: &mut Tcb, segment: &SegmentRef<'_>, cx: &mut Context<'_>) -> Check {
    fin::note(tcb, segment);
    if segment.is_empty() {
        return Check::Continue(());
    }
    let start = segment.text_seq();
    let new_text =
        !segment.payload.is_empty() && (start + segment.payload.len() as u32).after(tcb.rcv.nxt);
    if new_text && tcb.user.detached {
        refuse_after_close(tcb, cx)?;
    }
    take(tcb, segment, cx.now);
    Check::Continue(())
}

/// Nobody will read this: say so, or throw it away.
// REQ: RFC9293-SHLD-3
// REQ: RFC9293-MAY-1
fn refuse_after_close(tcb: &Tcb, cx: &mut Context<'_>) -> Check {
    cx.event(Event::SegmentDropped {
        id: tcb.id,
        reason: Discard::TextAfterClose,
    });
    match tcb.config.data_after_close {
        DataAfterClose::Reset => {
            Check::Break(Disposition::AbortWithReset(ConnectionError::Aborted))
        }
        DataAfterClose::ResetAsUnknown => {
            Check::Break(Disposition::AbortAsUnknown(ConnectionError::Aborted))
        }
        DataAfterClose::Discard => Check::Continue(()),
    }
}

/// Trims the text to what is new and in the window, and puts it in its place.
// REQ: RFC9293-SM-09
// REQ: RFC9293-SHLD-31
fn take(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    duplicate::note(tcb, segment);
    ecn::on_text(tcb, segment);
    let nxt = tcb.rcv.nxt;
    // Nothing counts behind the window, nor behind the peer's FIN.
    let limit = tcb.rcv.fin.map_or(tcb.rcv.adv, |fin| fin.min(tcb.rcv.adv));
    let limit = mutant!(tcb.config, E08, limit, tcb.rcv.adv);
    let start = segment.text_seq().max(nxt);
    let last = segment.text_seq() + segment.payload.len() as u32;
    let end = mutant!(tcb.config, D07, last.min(limit), last);
    let end = mutant!(tcb.config, D03, end, {
        crate::mutants::wrong::receive::earlier(last, limit)
    });
    let had_holes = !tcb.rcv.buffer.islands().is_empty();
    let mut advanced = 0;
    if end.after(start) {
        advanced = store(tcb, segment, SeqRange::new(start, end));
        if tcb.user.detached {
            discard_readable(tcb);
        }
    }
    autotune::on_text(tcb, segment.payload.len(), segment.options.timestamps, now);
    let whole = segment.payload.len() as u32 == advanced;
    let plain = whole && advanced > 0 && !had_holes;
    let adaptive = tcb.config.acknowledging == Acknowledging::Adaptive;
    if plain || (adaptive && advanced > 0) {
        let flags = segment.flags;
        let shape = Shape {
            len: segment.payload.len() as u32,
            header: 20 + segment.options.len() as u32,
            flagged: flags.psh || flags.fin || flags.urg || flags.syn,
            push: flags.psh,
        };
        owe_acknowledgment(tcb, advanced, shape, now);
    }
    // A lone FIN in its place is the eighth check's matter, unless the window is closed to it.
    let lone_fin = adaptive && segment.payload.is_empty() && tcb.rcv.fin == Some(nxt);
    if !plain && !lone_fin && mutant!(tcb.config, F07, true, tcb.rcv.wnd() > 0) {
        // Old, out of order, filling a hole, or refused: the peer wants to know at once.
        // REQ: RFC5681-11
        // REQ: RFC5681-12
        if mutant!(tcb.config, H17, true, segment.payload.is_empty()) {
            tcb.rcv.ack.now();
        } else {
            tcb.rcv.ack.on_text(1, u32::from(tcb.rcv.mss.raw()));
        }
    }
}

/// Puts the part `new` of the text in its place; answers by how many bytes RCV.NXT advances.
pub(crate) fn place(tcb: &mut Tcb, segment: &SegmentRef<'_>, new: SeqRange) -> u32 {
    let (nxt, first) = (tcb.rcv.nxt, segment.text_seq());
    let skipped = first.span_to(new.start) as usize;
    let skipped = mutant!(tcb.config, E01, skipped, 0);
    let text = &segment.payload[skipped..skipped + new.len() as usize];
    let advanced = tcb.rcv.buffer.insert(nxt.span_to(new.start), text).advanced;
    tcb.rcv.nxt = mutant!(tcb.config, E05, nxt, first.min(nxt)) + advanced;
    tcb.rcv.highest = tcb.rcv.highest.max(new.end);
    advanced
}

/// What the rules for acknowledgments may want to know of a segment.
pub(super) struct Shape {
    /// Bytes of text.
    pub(super) len: u32,
    /// Bytes of the header, options included.
    pub(super) header: u32,
    /// It has a flag besides ACK.
    pub(super) flagged: bool,
    /// It has PSH.
    pub(super) push: bool,
}

/// A segment brought `advanced` bytes in order.
pub(super) fn owe_acknowledgment(tcb: &mut Tcb, advanced: u32, shape: Shape, now: Instant) {
    let mss = u32::from(tcb.rcv.mss.raw());
    if !tcb.rcv.ack.is_adaptive() {
        tcb.rcv.ack.on_text(advanced, mss);
        return;
    }
    let arrival = Arrival {
        len: shape.len,
        header: shape.header,
        usual_header: 20 + tcb.fixed_options_len() as u32,
        flagged: shape.flagged,
        push: shape.push,
        mss,
        window: tcb.rcv.wnd(),
        rto: tcb.snd.rtt.rto(),
        now,
    };
    tcb.rcv.ack.on_arrival(advanced, arrival, &tcb.config);
}

fn discard_readable(tcb: &mut Tcb) {
    let mut scratch = [0; 512];
    while tcb.rcv.buffer.read(&mut scratch) > 0 {}
}

/// CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT: there can be no text behind the peer's FIN.
// REQ: RFC9293-SM-38
pub(crate) fn ignore(tcb: &mut Tcb, segment: &SegmentRef<'_>, cx: &mut Context<'_>) {
    if !segment.is_empty() {
        cx.event(Event::SegmentDropped {
            id: tcb.id,
            reason: Discard::TextAfterFin,
        });
        tcb.rcv.ack.now();
        if mutant!(tcb.config, E08, false, !segment.payload.is_empty()) {
            take(tcb, segment, cx.now);
        }
    }
}
