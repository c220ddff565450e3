//! The retransmission timer (RFC 6298 §5, RFC 9293 §3.8.1, §3.8.3).

use super::flight::{Delivered, Edge};
use super::{loss_probe, output, recovery, segments};
use crate::context::Context;
use crate::error::ConnectionError;
use crate::event::{Event, RetransmitCause};
use crate::path::{probe, too_big};
use crate::segment::{Head, SegmentRef};
use crate::seq::{SeqNum, SeqRange};
use crate::state::Origin;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;
use crate::user_timeout;
use core::time::Duration;

/// What the connection must do after its timer fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    GoOn,
    /// Give up.
    GiveUp,
}

/// Something that occupies sequence numbers left.
// REQ: RFC6298-9
pub(crate) fn on_sent(tcb: &mut Tcb, now: Instant) {
    if !tcb.timers.is_armed(Timer::Retransmit) {
        tcb.arm(Timer::Retransmit, now, tcb.snd.rtt.rto());
    }
    if !tcb.timers.is_armed(Timer::UserTimeout) {
        tcb.arm(Timer::UserTimeout, now, tcb.user_timeout());
    }
}

/// SND.UNA moved: the timer starts anew, or stops when nothing is outstanding.
// REQ: RFC6298-9
pub(crate) fn on_progress(tcb: &mut Tcb, restart: bool, now: Instant) {
    if mutant!(tcb.config, H04, !tcb.snd.in_flight(), true) {
        tcb.timers.disarm(Timer::Retransmit);
    } else if mutant!(tcb.config, H02, restart, false) {
        tcb.arm(Timer::Retransmit, now, tcb.snd.rtt.rto());
    }
    loss_probe::schedule(tcb, now);
    if tcb.snd.in_flight() || tcb.snd.unsent() {
        tcb.arm(Timer::UserTimeout, now, tcb.user_timeout());
    } else {
        tcb.timers.disarm(Timer::UserTimeout);
    }
}

/// Feeds the estimator when `ack` ends the timed round trip, or else by the echoed timestamp.
// REQ: RFC6298-6
// REQ: RFC6298-7
// REQ: RFC7323-19
// REQ: RFC9293-MUST-18
pub(crate) fn sample_rtt(tcb: &mut Tcb, segment: &SegmentRef<'_>, ack: SeqNum, now: Instant) {
    if tcb.snd.rtt.on_acked(ack, now).is_some() {
        tcb.snd.recovery.on_measured();
        return;
    }
    // Once something was sent twice only the peer's echo tells which copy it answers.
    if !tcb.snd.rtt.is_measuring()
        && let Some(elapsed) = echoed_round_trip(tcb, segment, now)
    {
        tcb.snd.rtt.sample(elapsed);
        tcb.snd.recovery.on_measured();
    }
}

/// Feeds the estimator with what this acknowledgment delivered, cumulatively or selectively.
pub(crate) fn sample_delivery(
    tcb: &mut Tcb,
    segment: &SegmentRef<'_>,
    delivered: &Delivered,
    advanced: bool,
    now: Instant,
) {
    let measured = delivered.sample(now);
    let echoed = || echoed_round_trip(tcb, segment, now).filter(|_| advanced);
    let Some(elapsed) = measured.or_else(echoed) else {
        return;
    };
    tcb.snd.rtt.sample_within(elapsed, tcb.snd.una, tcb.snd.nxt);
    tcb.snd.recovery.on_measured();
}

/// The round trip by TSecr, if it can be true: not longer than the connection has lasted.
fn echoed_round_trip(tcb: &Tcb, segment: &SegmentRef<'_>, now: Instant) -> Option<Duration> {
    tcb.negotiated.timestamps?;
    let echo = segment.options.timestamps?.echo;
    let elapsed = tcb.negotiated.timestamp_clock(now).wrapping_sub(echo);
    let elapsed = Duration::from_millis(u64::from(elapsed));
    (elapsed <= now.saturating_duration_since(tcb.opened_at) + Duration::from_millis(1))
        .then_some(elapsed)
}

/// The timer fired in a state that sends data.
// REQ: RFC6298-8
// REQ: RFC6298-10
// REQ: RFC6298-11
// REQ: RFC9293-MUST-19
pub(crate) fn on_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    if !tcb.snd.in_flight() {
        return;
    }
    let first = tcb.snd.retries == 0;
    tcb.snd.retries += 1;
    if mutant!(tcb.config, H05, true, false) {
        tcb.snd.rtt.on_retransmitted();
    }
    too_big::on_timeout(tcb, cx);
    probe::on_timeout(tcb, cx);
    // Everything outstanding counts as lost; it goes out again as the congestion window opens.
    recovery::on_timeout(tcb, first, cx.now);
    if cx.outbox.is_blocked() && !tcb.snd.syn_unacked() {
        // Nothing leaves, so that nothing is known of the path: no back-off.
        tcb.arm(Timer::Retransmit, cx.now, tcb.config.link_retry);
        return;
    }
    back_off(tcb, cx);
    report_trouble(tcb, cx);
    if tcb.snd.syn_unacked() {
        // A closed window may have kept everything else from leaving that would have started it.
        if !tcb.timers.is_armed(Timer::UserTimeout) {
            tcb.arm(Timer::UserTimeout, cx.now, tcb.user_timeout());
        }
        let mut segment = segments::syn_ack(tcb, None, cx.now);
        user_timeout::add_to_syn(tcb, &mut segment.options);
        resend_syn(tcb, segment, cx);
    } else {
        output::resend_first(tcb, RetransmitCause::Timeout, cx);
    }
    tcb.arm(Timer::Retransmit, cx.now, tcb.snd.rtt.rto());
}

fn back_off(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let doubles = mutant!(tcb.config, H01, true, false);
    if mutant!(
        tcb.config,
        H06,
        doubles,
        [doubles; 13][tcb.snd.retries as usize]
    ) {
        tcb.snd.rtt.back_off();
    }
    cx.event(Event::RtoFired {
        id: tcb.id,
        rto: tcb.snd.rtt.rto(),
    });
}

/// R1 is reached: the user may want to know.
// REQ: RFC9293-MUST-20
// REQ: RFC9293-SHLD-9
// REQ: RFC9293-SHLD-10
fn report_trouble(tcb: &mut Tcb, cx: &mut Context<'_>) {
    if tcb.snd.retries == tcb.config.r1 && tcb.options.report_soft_errors {
        tcb.user.soft_error = Some(ConnectionError::TimedOut);
        cx.event(Event::RetransmissionTrouble {
            id: tcb.id,
            count: tcb.snd.retries,
        });
    }
}

/// Sends the first SYN of an active OPEN and starts the timers behind it.
///
/// What Fast Open has put into the send buffer goes along, with its option.
pub(crate) fn start_syn(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let mut segment = segments::syn(tcb, cx.now);
    segment.options.fast_open = tcb.fast_open.take_option();
    user_timeout::add_to_syn(tcb, &mut segment.options);
    tcb.counters.on_sent(tcb.snd.buffer.len(), cx.now);
    let text = tcb.snd.buffer.slices(0, usize::MAX);
    segments::transmit_text(tcb, segment, text, cx);
    note_syn_sent(tcb, cx.now);
    if !tcb.snd.buffer.is_empty() {
        let text = SeqRange::with_len(tcb.snd.nxt, tcb.snd.buffer.len() as u32);
        let edge = Edge {
            push: true,
            ..Edge::default()
        };
        tcb.snd.flight.sent_with(text, edge, cx.now);
        tcb.snd.nxt = text.end;
        tcb.snd.max = text.end;
    }
    tcb.arm(Timer::Retransmit, cx.now, tcb.snd.rtt.rto());
    tcb.arm(Timer::HandshakeGiveUp, cx.now, syn_ladder(tcb));
}

/// When to give a SYN up. Where the first repeats follow each other without back-off, the last wait is
/// waited to its end.
fn syn_ladder(tcb: &Tcb) -> Duration {
    let give_up = tcb.syn_give_up();
    let linear = tcb.config.syn_linear_timeouts;
    if linear == 0 {
        return give_up;
    }
    let (mut end, mut wait, mut repeats) = (Duration::ZERO, tcb.snd.rtt.rto(), 0);
    while end < give_up {
        end += wait;
        repeats += 1;
        if repeats > linear {
            wait = (wait * 2).min(tcb.config.max_rto);
        }
    }
    end
}

/// Sends the first SYN-ACK and starts the ladder behind it.
// REQ: DOC-HS-12
pub(crate) fn start_syn_ack(tcb: &mut Tcb, origin: Origin, cx: &mut Context<'_>) {
    let fast_open = tcb.fast_open.take_option();
    let mut segment = segments::syn_ack(tcb, fast_open, cx.now);
    user_timeout::add_to_syn(tcb, &mut segment.options);
    tcb.counters.on_sent(0, cx.now);
    segments::transmit(tcb, segment, cx);
    segments::note_ack_sent(tcb);
    match origin {
        Origin::Passive { .. } | Origin::FastOpen => {
            note_syn_sent(tcb, cx.now);
            tcb.arm(Timer::Retransmit, cx.now, tcb.config.syn_ack_timeout);
        }
        // Our SYN was out already: its timers go on.
        Origin::Active => tcb.snd.rtt.on_retransmitted(),
    }
}

fn note_syn_sent(tcb: &mut Tcb, now: Instant) {
    tcb.snd.nxt = tcb.snd.iss + 1;
    tcb.snd.max = tcb.snd.nxt;
    tcb.snd.rtt.on_sent(tcb.snd.nxt, now);
}

/// The timer fired in SYN-SENT: the same SYN again, without the data and the option of Fast Open,
/// which may be what was in its way.
// REQ: RFC7413-11
pub(crate) fn on_syn_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    tcb.snd.retries += 1;
    if tcb.snd.retries > tcb.config.syn_linear_timeouts {
        back_off(tcb, cx);
    }
    report_trouble(tcb, cx);
    let mut segment = segments::syn(tcb, cx.now);
    user_timeout::add_to_syn(tcb, &mut segment.options);
    resend_syn(tcb, segment, cx);
    tcb.arm(Timer::Retransmit, cx.now, tcb.snd.rtt.rto());
}

/// A SYN with data did not fit the path: the plain one leaves at once, the timer goes on.
pub(crate) fn repeat_syn(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let mut segment = segments::syn(tcb, cx.now);
    user_timeout::add_to_syn(tcb, &mut segment.options);
    tcb.counters.on_sent(0, cx.now);
    segments::transmit(tcb, segment, cx);
    note_syn_again(tcb, RetransmitCause::LostFlight, cx);
}

/// The timer fired in SYN-RECEIVED. A passive entry climbs the ladder (by default again after 1, 2,
/// 4, 8, 16 s, given up 32 s later); a crossed active open goes on as its SYN would.
///
/// The SYN-ACK leaves without a cookie: only the first one had it.
// REQ: RFC7413-12
// REQ: DOC-HS-10
// REQ: DOC-HS-11
// REQ: DOC-HS-12
// REQ: DOC-HS-13
pub(crate) fn on_syn_ack_timeout(tcb: &mut Tcb, origin: Origin, cx: &mut Context<'_>) -> Verdict {
    let wait = match origin {
        Origin::Active => {
            tcb.snd.retries += 1;
            back_off(tcb, cx);
            tcb.snd.rtt.rto()
        }
        Origin::Passive { .. } | Origin::FastOpen => {
            if tcb.snd.retries >= tcb.config.syn_ack_retries {
                return Verdict::GiveUp;
            }
            // Data that left already waits for the SYN-ACK, and counts as lost like it.
            if !tcb.snd.flight.is_empty() {
                recovery::on_timeout(tcb, tcb.snd.retries == 0, cx.now);
            }
            tcb.snd.retries += 1;
            let factor = 1u32.checked_shl(tcb.snd.retries).unwrap_or(u32::MAX);
            tcb.config.syn_ack_timeout.saturating_mul(factor)
        }
    };
    let mut segment = segments::syn_ack(tcb, None, cx.now);
    user_timeout::add_to_syn(tcb, &mut segment.options);
    resend_syn(tcb, segment, cx);
    segments::note_ack_sent(tcb);
    tcb.arm(Timer::Retransmit, cx.now, wait);
    Verdict::GoOn
}

/// The peer repeated its SYN: the SYN-ACK goes out again, the ladder stays as it is.
pub(crate) fn repeat_syn_ack(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let mut segment = segments::syn_ack(tcb, None, cx.now);
    user_timeout::add_to_syn(tcb, &mut segment.options);
    tcb.counters.on_sent(0, cx.now);
    segments::transmit(tcb, segment, cx);
    note_syn_again(tcb, RetransmitCause::DuplicateSyn, cx);
}

fn resend_syn(tcb: &mut Tcb, segment: Head, cx: &mut Context<'_>) {
    segments::transmit(tcb, segment, cx);
    note_syn_again(tcb, RetransmitCause::Timeout, cx);
}

fn note_syn_again(tcb: &mut Tcb, cause: RetransmitCause, cx: &mut Context<'_>) {
    tcb.snd.rtt.on_retransmitted();
    tcb.counters.on_repeated(0);
    tcb.fast_open.repeated = true;
    cx.event(Event::Retransmitted {
        id: tcb.id,
        seq: tcb.snd.iss,
        len: 1,
        cause,
    });
}
