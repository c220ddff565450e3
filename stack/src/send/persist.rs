//! The persist timer and zero-window probes (RFC 9293 §3.8.6.1).

use core::time::Duration;

use super::segments;
use crate::config::WindowProbe;
use crate::context::Context;
use crate::event::Event;
use crate::segment::Flags;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// Whether only a wider window would let us go on, or a link that takes something again.
fn is_blocked(tcb: &Tcb) -> bool {
    // Nobody can answer a probe before the handshake has ended.
    let window = tcb.snd.wnd.bytes() == 0 && (tcb.snd.unsent() || tcb.snd.in_flight());
    (window && !tcb.snd.syn_unacked()) || waits_for_link(tcb)
}

/// Whether nothing is out because the link did not take what is to be sent: no timer but this one would
/// try again.
pub(crate) fn waits_for_link(tcb: &Tcb) -> bool {
    let snd = &tcb.snd;
    tcb.path.refused && !snd.syn_unacked() && snd.unsent() && !snd.in_flight()
}

/// The wait before the next probe: the RTO with its back-off, within the limits of the settings.
fn interval(tcb: &Tcb) -> Duration {
    let rto = tcb.snd.rtt.rto();
    rto.max(tcb.config.persist_min).min(tcb.config.persist_max)
}

/// After every step that may have opened or closed the window: exactly one of the retransmission
/// and the persist timer watches what is left to send.
// REQ: RFC9293-MUST-35
// REQ: RFC9293-MUST-36
pub(crate) fn update(tcb: &mut Tcb, now: Instant) {
    if is_blocked(tcb) {
        tcb.timers.disarm(Timer::Retransmit);
        tcb.timers.disarm(Timer::Reordering);
        tcb.timers.disarm(Timer::LossProbe);
        tcb.timers.disarm(Timer::SwsOverride);
        let armed = tcb.timers.is_armed(Timer::Persist);
        if !mutant!(tcb.config, F03, armed, true) {
            // REQ: RFC9293-SHLD-29
            tcb.arm(Timer::Persist, now, interval(tcb));
        }
        return;
    }
    if tcb.timers.disarm(Timer::Persist) && tcb.snd.in_flight() {
        tcb.arm(Timer::Retransmit, now, tcb.snd.rtt.rto());
        watch(tcb, now);
    }
}

/// Both sides have closed, the peer first or at the same time.
#[cfg(feature = "mutants")]
fn in_last_ack(tcb: &Tcb) -> bool {
    tcb.rcv.fin_received && tcb.snd.fin_queued
}

/// Something was asked, or tried: the user waits no longer than agreed for what comes of it.
fn watch(tcb: &mut Tcb, now: Instant) {
    if mutant!(tcb.config, G04, false, in_last_ack(tcb)) {
        tcb.timers.disarm(Timer::UserTimeout);
        return;
    }
    if !tcb.timers.is_armed(Timer::UserTimeout) {
        tcb.arm(Timer::UserTimeout, now, tcb.user_timeout());
    }
}

/// An acceptable ACK arrived. While the window is closed it proves the peer alive, and patience begins
/// with the next probe, however long that waits; once it is open again, what the peer had no room for
/// goes out at once.
pub(crate) fn on_ack(tcb: &mut Tcb) {
    if is_blocked(tcb) {
        // REQ: RFC9293-MUST-37
        // REQ: RFC6429-1
        // REQ: RFC9293-SHLD-17
        tcb.timers.disarm(Timer::UserTimeout);
        return;
    }
    if tcb.snd.probes > 0 {
        tcb.snd.probes = 0;
        tcb.snd.rtt.end_back_off();
        // The probe's byte was refused, or everything from SND.UNA on was. SND.MAX stays: the peer may
        // have taken the byte from another probe, and what says so can be still to come.
        tcb.snd.flight.mark_all_lost();
    }
}

/// The timer fired: one byte of what comes next, or the FIN, asks for the window.
// REQ: RFC9293-MUST-36
// REQ: RFC9293-SHLD-30
pub(crate) fn on_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    if !is_blocked(tcb) {
        return;
    }
    if cx.outbox.is_blocked() {
        tcb.snd.probes = tcb.snd.probes.saturating_add(1);
        watch(tcb, cx.now);
        tcb.arm(Timer::Persist, cx.now, tcb.config.link_retry);
        return;
    }
    if waits_for_link(tcb) {
        // What waits leaves after this step.
        tcb.snd.probes = 0;
        return;
    }
    if tcb.config.window_probe == WindowProbe::OldSequence {
        segments::send(tcb, tcb.snd.una - 1, Flags::NONE, 0..0, cx);
        note_probe(tcb, cx);
        return;
    }
    let seq = tcb.snd.una;
    let queued = tcb.snd.buffer.len();
    let flags = if queued == 0 {
        Flags::FIN
    } else {
        Flags {
            psh: queued == 1,
            ..Flags::NONE
        }
    };
    let text = mutant!(tcb.config, F06, 0..queued.min(1), 0..0);
    let text = mutant!(tcb.config, F04, text, {
        let sent = (seq.span_to(tcb.snd.nxt) as usize).min(queued.saturating_sub(1));
        sent..queued.min(sent + 1)
    });
    segments::send(tcb, seq, flags, text, cx);
    // REQ: RFC6298-6
    tcb.snd.rtt.on_retransmitted();
    tcb.snd.max = tcb.snd.max.max(seq + 1);
    note_probe(tcb, cx);
}

fn note_probe(tcb: &mut Tcb, cx: &mut Context<'_>) {
    cx.event(Event::WindowProbeSent { id: tcb.id });
    tcb.snd.probes = tcb.snd.probes.saturating_add(1);
    tcb.snd.rtt.back_off();
    watch(tcb, cx.now);
    tcb.arm(Timer::Persist, cx.now, interval(tcb));
}
