//! SYN-SENT: our SYN is out, the peer's has not come.

use super::{Check, Disposition, Established, Origin, State, SynReceived};
use crate::config::SynData;
use crate::context::Context;
use crate::error::ConnectionError;
use crate::event::Discard;
use crate::input::{ack, handshake};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;

/// SYN-SENT. SEND is queued until ESTABLISHED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SynSent;

impl SynSent {
    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.3).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        // First: the ACK bit.
        let ack_acceptable = match check_ack(tcb, segment, cx.now) {
            Check::Continue(acceptable) => acceptable,
            Check::Break(refused) => {
                if refused != Disposition::DiscardAndReset(Discard::Paws) {
                    hasten_repeat(tcb, cx.now);
                }
                return Check::Break(refused);
            }
        };
        // Second: the RST bit.
        check_reset(segment, ack_acceptable)?;
        // Third, security and compartment, is not offered. Fourth: the SYN bit.
        let opens = mutant!(
            tcb.config,
            B09,
            segment.flags.syn,
            segment.flags.syn || ack_acceptable
        );
        if mutant!(tcb.config, B13, opens, opens && ack_acceptable) {
            return Check::Break(self.on_syn(tcb, segment, ack_acceptable, cx));
        }
        // Fifth: neither SYN nor RST.
        // REQ: RFC9293-SM-21
        Check::Break(Disposition::Discard(Discard::NeitherSynNorReset))
    }

    fn on_syn(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        ack_acceptable: bool,
        cx: &mut Context<'_>,
    ) -> Disposition {
        let fast_open = tcb.fast_open.attempt().is_some();
        handshake::take_syn(tcb, segment, cx.now);
        if ack_acceptable {
            // REQ: RFC9293-SM-11
            ack::of_syn(tcb, segment, segment.ack.unwrap_or(tcb.snd.una), cx);
            let (waits, window) = (tcb.snd.unsent(), tcb.rcv.wnd());
            let ack = &mut tcb.rcv.ack;
            ack.on_connected(waits, window, cx.now, &tcb.config);
            let next = State::Established(Established);
            return match tcb.config.syn_ack_data {
                SynData::Drop if !fast_open => Disposition::Enter(next),
                SynData::Drop | SynData::Queue => Disposition::Continue(next),
            };
        }
        // The SYNs crossed.
        // REQ: RFC9293-MUST-10
        // REQ: RFC9293-SM-13
        match tcb.config.syn_data {
            SynData::Drop => {}
            SynData::Queue => handshake::queue_text(tcb, segment),
        }
        Disposition::Enter(State::SynReceived(SynReceived {
            origin: Origin::Active,
        }))
    }
}

/// Whether SEG.ACK acknowledges our SYN; without an ACK bit it does not.
fn check_ack(tcb: &Tcb, segment: &SegmentRef<'_>, now: Instant) -> Check<bool> {
    let Some(ack) = segment.ack else {
        return Check::Continue(false);
    };
    // REQ: RFC9293-SM-19
    let too_old = mutant!(tcb.config, B10, ack.at_or_before(tcb.snd.iss), {
        crate::mutants::wrong::handshake::acknowledges_nothing(tcb.snd.iss, ack)
    });
    if too_old || ack.after(tcb.snd.nxt) {
        return Check::Break(if mutant!(tcb.config, B08, segment.flags.rst, true) {
            Disposition::Discard(Discard::Ack)
        } else {
            Disposition::DiscardAndReset(Discard::Ack)
        });
    }
    if !segment.flags.rst && tcb.config.check_syn_ack_echo && echoes_nothing_sent(tcb, segment, now)
    {
        return Check::Break(Disposition::DiscardAndReset(Discard::Paws));
    }
    Check::Continue(ack.after(tcb.snd.una))
}

/// The peer does not know of our SYN, but it is alive: the first repeat need not wait.
fn hasten_repeat(tcb: &mut Tcb, now: Instant) {
    if mutant!(tcb.config, B17, false, true) {
        tcb.timers.arm(Timer::Retransmit, now);
        return;
    }
    if let Some(wait) = tcb.config.syn_repeat_after_bad_ack
        && tcb.snd.retries == 0
    {
        tcb.arm(Timer::Retransmit, now, wait);
    }
}

/// Whether the segment echoes a timestamp that none of our SYNs had.
fn echoes_nothing_sent(tcb: &Tcb, segment: &SegmentRef<'_>, now: Instant) -> bool {
    let Some(theirs) = segment.options.timestamps.filter(|_| tcb.config.timestamps) else {
        return false;
    };
    let first = tcb.negotiated.timestamp_clock(tcb.opened_at);
    let last = tcb.negotiated.timestamp_clock(now);
    theirs.echo != 0 && theirs.echo.wrapping_sub(first) > last.wrapping_sub(first)
}

fn check_reset(segment: &SegmentRef<'_>, ack_acceptable: bool) -> Check {
    if !segment.flags.rst {
        return Check::Continue(());
    }
    // REQ: RFC9293-SM-20
    // REQ: RFC5961-5
    Check::Break(if ack_acceptable {
        Disposition::Abort(ConnectionError::Refused)
    } else {
        Disposition::Discard(Discard::Reset)
    })
}
