//! Keep-alive probes (RFC 9293 §3.8.4).

use core::time::Duration;

use super::retransmit::Verdict;
use super::segments;
use crate::context::Context;
use crate::event::Event;
use crate::segment::Flags;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;
use crate::user_timeout;

fn idle(tcb: &Tcb) -> Duration {
    // REQ: RFC9293-MUST-27
    let idle = tcb
        .options
        .keepalive_idle
        .unwrap_or(tcb.config.keepalive.idle);
    // A connection that both want to survive a long silence must not end by a shorter one.
    // REQ: RFC5482-7
    if user_timeout::is_adopted(tcb) {
        idle.max(tcb.user_timeout() + Duration::from_secs(1))
    } else {
        idle
    }
}

fn interval(tcb: &Tcb) -> Duration {
    tcb.options
        .keepalive_interval
        .unwrap_or(tcb.config.keepalive.interval)
}

fn probes(tcb: &Tcb) -> u32 {
    tcb.options
        .keepalive_probes
        .unwrap_or(tcb.config.keepalive.probes)
}

/// Starts the idle time anew, or stops watching if the option is off.
// REQ: RFC9293-MUST-24
// REQ: RFC9293-MUST-25
pub(crate) fn restart(tcb: &mut Tcb, now: Instant) {
    let wanted = tcb.options.keepalive || tcb.config.keepalive.always;
    if wanted && tcb.user.was_established {
        tcb.timers.arm(Timer::KeepAlive, now + idle(tcb));
    } else {
        tcb.timers.disarm(Timer::KeepAlive);
    }
    tcb.keepalive_probes_sent = 0;
}

/// The peer was heard of.
// REQ: RFC9293-MUST-26
pub(crate) fn heard(tcb: &mut Tcb, now: Instant) {
    tcb.last_heard = now;
    if tcb.timers.is_armed(Timer::KeepAlive) {
        restart(tcb, now);
    }
}

/// The timer fired: a probe, unless something outstanding asks the same question already.
// REQ: RFC9293-MUST-26
// REQ: RFC9293-MUST-29
pub(crate) fn on_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) -> Verdict {
    if tcb.snd.in_flight() || tcb.snd.unsent() {
        restart(tcb, cx.now);
        return Verdict::GoOn;
    }
    if tcb.keepalive_probes_sent >= probes(tcb) {
        return Verdict::GiveUp;
    }
    tcb.keepalive_probes_sent += 1;
    // A sequence number the peer already has makes it answer; no data is needed.
    // REQ: RFC9293-SHLD-12
    segments::send(tcb, tcb.snd.nxt - 1, Flags::NONE, 0..0, cx);
    cx.event(Event::KeepAliveProbeSent { id: tcb.id });
    tcb.arm(Timer::KeepAlive, cx.now, interval(tcb));
    Verdict::GoOn
}
