//! When a tail loss probe is due, and sending it (RFC 8985 §7).

use core::time::Duration;

use super::output;
use super::recovery::LossRecovery;
use super::recovery::tlp::Tlp;
use crate::context::Context;
use crate::event::Event;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// Something new was sent or acknowledged: the probe is due some time from now, but never later
/// than the retransmission timer.
// REQ: RFC8985-8
// REQ: RFC8985-9
// REQ: RFC8985-16
#[inline]
pub(crate) fn schedule(tcb: &mut Tcb, now: Instant) {
    let LossRecovery::RackTlp(rack_tlp) = &tcb.snd.recovery else {
        return;
    };
    // Until the SYN is acknowledged its own timer asks.
    if tcb.snd.syn_unacked() {
        return;
    }
    if !rack_tlp.wants_probe(&tcb.snd.flight) {
        tcb.timers.disarm(Timer::LossProbe);
        return;
    }
    let single = tcb.snd.flight.iter().nth(1).is_none();
    let wait = Tlp::timeout(tcb.snd.rtt.srtt(), single, tcb.config.tlp_max_ack_delay);
    let slack = if single {
        Duration::ZERO
    } else {
        tcb.config.timer_slack
    };
    let wait = wait + slack;
    let due = now + wait;
    let limit = tcb.timers.get(Timer::Retransmit).unwrap_or(due);
    tcb.timers.arm(Timer::LossProbe, due.min(limit));
}

/// The timer fired.
// REQ: RFC8985-12
pub(crate) fn on_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let LossRecovery::RackTlp(rack_tlp) = &tcb.snd.recovery else {
        return;
    };
    if !rack_tlp.wants_probe(&tcb.snd.flight) {
        return;
    }
    let Some(repeat) = output::send_probe(tcb, cx) else {
        return;
    };
    if let LossRecovery::RackTlp(rack_tlp) = &mut tcb.snd.recovery {
        rack_tlp.on_probe_sent(tcb.snd.nxt, repeat);
    }
    cx.event(Event::LossProbeSent { id: tcb.id });
    tcb.timers.disarm(Timer::LossProbe);
    tcb.arm(Timer::Retransmit, cx.now, tcb.snd.rtt.rto());
}
