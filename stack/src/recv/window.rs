//! Which window to announce (RFC 9293 §3.8.6).

use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::window::{UnscaledWindow, Window, WindowScale};

/// The window field of our SYN or SYN-ACK: what the buffer holds, never scaled.
// REQ: RFC7323-4
pub(crate) fn for_syn(tcb: &Tcb) -> UnscaledWindow {
    let room = capacity(tcb).min(u32::from(u16::MAX));
    UnscaledWindow::new(room as u16)
}

/// The window field of our SYN-ACK: what was promised when the SYN came, less the text on it.
pub(crate) fn for_syn_ack(tcb: &Tcb) -> UnscaledWindow {
    Window::new(tcb.rcv.wnd()).unscale(WindowScale::ZERO)
}

/// The window field of any later segment; moves the announced right edge.
// REQ: RFC7323-6
pub(crate) fn announce(tcb: &mut Tcb) -> UnscaledWindow {
    let edge = next_edge(tcb);
    let scale = tcb.negotiated.rcv_scale;
    let wanted = Window::new(tcb.rcv.nxt.span_to(edge));
    let down = wanted.unscale(scale);
    let field = if (tcb.rcv.nxt + down.scale(scale).bytes()).before(tcb.rcv.adv) {
        round_up(tcb, down)
    } else {
        down
    };
    let announced = tcb.rcv.nxt + field.scale(scale).bytes();
    tcb.rcv.adv = tcb.rcv.adv.max(announced);
    field
}

/// Rounding down under the scale would take back what was announced. Rounding up offers less than
/// one unit more than the buffer holds, which is allowed once, not again and again.
// REQ: RFC9293-SHLD-14
fn round_up(tcb: &Tcb, down: UnscaledWindow) -> UnscaledWindow {
    let up = UnscaledWindow::new(down.raw().saturating_add(1));
    let unit = 1u32 << tcb.negotiated.rcv_scale.shift();
    let edge = tcb.rcv.nxt + up.scale(tcb.negotiated.rcv_scale).bytes();
    let bound = full_edge(tcb).max(tcb.rcv.adv) + unit;
    if edge.at_or_before(bound) && edge.at_or_before(full_edge(tcb) + unit) {
        up
    } else {
        down
    }
}

/// The right edge to announce next: all that the buffer holds if that is worth a segment, else what
/// stands.
// REQ: RFC9293-MUST-39
fn next_edge(tcb: &Tcb) -> SeqNum {
    let full = full_edge(tcb);
    let worth = worth_announcing(tcb);
    if full.signed_distance_to(tcb.rcv.adv) <= -(worth as i32) {
        full
    } else {
        let stands = tcb.rcv.adv.max(tcb.rcv.nxt);
        mutant!(tcb.config, F13, stands, {
            let islands = tcb.rcv.buffer.islands().iter();
            let held: u32 = islands.map(|island| island.end - island.start).sum();
            (stands - held).max(tcb.rcv.nxt)
        })
    }
}

/// RFC 9293 §3.8.6.2.2: the lesser of half the buffer and one segment. While the window opens
/// gradually, the buffer is what may be announced of it: it can have grown beyond that.
fn worth_announcing(tcb: &Tcb) -> u32 {
    let buffer = capacity(tcb).min(tcb.rcv.opened);
    let worth = (buffer / 2).min(u32::from(tcb.rcv.mss.raw())).max(1);
    mutant!(tcb.config, F12, worth, 1)
}

/// Where the right edge stands if everything the buffer holds is announced.
fn full_edge(tcb: &Tcb) -> SeqNum {
    let field_limit = u32::from(u16::MAX) << tcb.negotiated.rcv_scale.shift();
    let by_buffer = tcb.rcv.read_position() + capacity(tcb);
    by_buffer.min(tcb.rcv.nxt + field_limit.min(tcb.rcv.opened))
}

/// The largest window that the buffer and the user allow.
pub(super) fn capacity(tcb: &Tcb) -> u32 {
    let capacity = u32::try_from(tcb.rcv.capacity).unwrap_or(u32::MAX);
    capacity
        .min(tcb.options.window_clamp.unwrap_or(u32::MAX))
        .min(Window::MAX.bytes())
}

/// Whether the user's reading has made so much room that the peer should hear of it unasked: it can
/// send at least twice as much as before.
pub(crate) fn update_is_due(tcb: &Tcb) -> bool {
    if tcb.rcv.fin_received {
        return false;
    }
    let offered = tcb.rcv.wnd();
    let edge = next_edge(tcb);
    let possible = if edge.after(tcb.rcv.nxt) {
        tcb.rcv.nxt.span_to(edge)
    } else {
        0
    };
    possible >= offered.saturating_mul(2).max(1)
}
