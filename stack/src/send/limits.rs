//! What a connection waits for that has something to send, for STATUS.

use super::{output, recovery};
use crate::context::Context;
use crate::counters::Limit;
use crate::tcb::Tcb;

/// Notes what holds from now on. To be called when everything that may leave has left.
pub(crate) fn note(tcb: &mut Tcb, cx: &Context<'_>) {
    let limit = present(tcb, cx);
    tcb.counters.set_limit(limit, cx.now);
}

fn present(tcb: &Tcb, cx: &Context<'_>) -> Limit {
    let snd = &tcb.snd;
    let end = snd.data_end();
    let unsent = if end.after(snd.nxt) {
        snd.nxt.span_to(end)
    } else {
        0
    };
    // A SYN by itself is nothing that the user wants sent.
    let bare_syn = snd.syn_unacked() && snd.buffer.is_empty();
    if unsent == 0 && (bare_syn || !snd.in_flight()) {
        return Limit::Idle;
    }
    let room = recovery::room(tcb);
    if unsent == 0 {
        let starved = tcb.user.wants_room && room > 0;
        return if starved {
            Limit::SendBuffer
        } else {
            Limit::Network
        };
    }
    let segment = unsent.min(output::full_segment(tcb, cx));
    let window = output::window_room_at(tcb, snd.nxt);
    if window < segment && room >= segment {
        Limit::ReceiveWindow
    } else {
        Limit::Network
    }
}
