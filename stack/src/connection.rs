//! A connection: a state and a block, and the one place where the state changes.

use crate::config::ReceivedOnError;
use crate::context::Context;
use crate::demux::Tuple;
use crate::ecn::negotiation;
use crate::error::ConnectionError;
use crate::event::{AbandonCause, Discard, Event};
use crate::fast_open::client;
use crate::recv::duplicate;
use crate::segment::{Head, SegmentRef};
use crate::send::retransmit::Verdict;
use crate::send::{keepalive, loss_probe, output, persist, recovery, retransmit, segments};
use crate::state::{Closed, Disposition, FinWait1, Origin, State, SynReceived, TimeWait, closed};
use crate::tcb::Tcb;
use crate::timers::Timer;

/// A connection, from its first SYN to CLOSED.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) state: State,
    pub(crate) tcb: Tcb,
}

/// What a segment did that reaches beyond its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Aftermath {
    /// Nothing.
    #[default]
    Settled,
    /// The segment is a SYN for a new incarnation; this one is over.
    Reincarnate,
}

impl Connection {
    /// A connection in CLOSED, about to be opened.
    pub(crate) fn new(tcb: Tcb) -> Self {
        Self {
            state: State::Closed(Closed),
            tcb,
        }
    }

    /// Its ends, the local one first.
    pub(crate) fn tuple(&self) -> Tuple {
        (self.tcb.local.into(), self.tcb.remote.into())
    }

    /// The only place where the state changes.
    pub(crate) fn transition(&mut self, to: State, cx: &mut Context<'_>) {
        cx.event(Event::StateChanged {
            id: self.tcb.id,
            from: self.state.name(),
            to: to.name(),
        });
        self.state = to;
        let tcb = &mut self.tcb;
        match self.state {
            State::Closed(_) => {
                tcb.timers.disarm_all();
                tcb.snd.release();
            }
            State::TimeWait(_) => {
                tcb.timers.disarm_all();
                tcb.snd.release();
                TimeWait::start_timer(tcb, cx.now);
            }
            State::FinWait2(_) => {
                persist::update(tcb, cx.now);
                self.limit_fin_wait_2(cx);
            }
            // The user closed while the handshake was still under way (RFC 9293 §3.10.4,
            // SYN-RECEIVED).
            State::Established(_) if tcb.snd.fin_queued => {
                self.transition(State::FinWait1(FinWait1), cx);
            }
            State::Established(_)
            | State::SynSent(_)
            | State::SynReceived(_)
            | State::FinWait1(_)
            | State::CloseWait(_)
            | State::Closing(_)
            | State::LastAck(_) => {}
        }
    }

    /// Once the user has let go, nobody would end a wait for a FIN that never comes.
    pub(crate) fn limit_fin_wait_2(&mut self, cx: &Context<'_>) {
        let detached = mutant!(self.tcb.config, G10, self.tcb.user.detached, true);
        if detached && let Some(limit) = self.tcb.config.fin_wait_2_timeout {
            self.tcb.arm(Timer::FinWait2, cx.now, limit);
        }
    }

    /// SEGMENT ARRIVES (RFC 9293 §3.10.7).
    pub(crate) fn on_segment(
        &mut self,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Aftermath {
        let len = segment.payload.len();
        (self.tcb.counters).on_received(len, segment.ack.is_some(), cx.now);
        let mut disposition = self.state.on_segment(&mut self.tcb, segment, cx);
        // A segment that opens and closes passes at most ESTABLISHED, FIN-WAIT-1 and FIN-WAIT-2.
        while let Disposition::Continue(next) = disposition {
            self.transition(next, cx);
            disposition = self.state.on_text(&mut self.tcb, segment, cx);
        }
        self.carry_out(disposition, segment, cx)
    }

    fn carry_out(
        &mut self,
        disposition: Disposition,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Aftermath {
        match disposition {
            // `Continue` was followed to its end by the caller.
            Disposition::Stay | Disposition::Continue(_) => {}
            Disposition::Discard(reason) => self.report_drop(reason, cx),
            Disposition::DiscardAndAck(reason) => {
                self.report_drop(reason, cx);
                self.answer_unacceptable(segment, cx);
            }
            Disposition::ChallengeAck(reason) => {
                self.report_drop(reason, cx);
                negotiation::on_repeated_syn_ack(&mut self.tcb, segment);
                segments::send_challenge_ack(&mut self.tcb, cx);
                negotiation::forget_syn_ack(&mut self.tcb);
            }
            Disposition::DiscardAndReset(reason) => {
                self.report_drop(reason, cx);
                self.answer_with_reset(segment, cx);
            }
            Disposition::RepeatSynAck => retransmit::repeat_syn_ack(&mut self.tcb, cx),
            Disposition::Enter(next) => self.enter(next, cx),
            Disposition::ReturnToListen { cause, reset } => {
                if reset {
                    send_answer(&self.tcb, closed::answer(segment, &self.tcb.config), cx);
                }
                self.abandon(cause, cx);
            }
            Disposition::Abort(error) => self.fail(error, cx),
            Disposition::AbortWithReset(error) => {
                segments::send_reset(&self.tcb, cx);
                self.fail(error, cx);
            }
            Disposition::AbortAsUnknown(error) => {
                self.answer_with_reset(segment, cx);
                self.fail(error, cx);
            }
            Disposition::Close => self.transition(State::Closed(Closed), cx),
            Disposition::Reincarnate => {
                self.transition(State::Closed(Closed), cx);
                return Aftermath::Reincarnate;
            }
        }
        Aftermath::Settled
    }

    fn enter(&mut self, next: State, cx: &mut Context<'_>) {
        let crossed = match next {
            State::SynReceived(SynReceived { origin }) => Some(origin),
            State::Closed(_)
            | State::SynSent(_)
            | State::Established(_)
            | State::FinWait1(_)
            | State::FinWait2(_)
            | State::CloseWait(_)
            | State::Closing(_)
            | State::LastAck(_)
            | State::TimeWait(_) => None,
        };
        self.transition(next, cx);
        if let Some(origin) = crossed {
            retransmit::start_syn_ack(&mut self.tcb, origin, cx);
        }
    }

    fn report_drop(&self, reason: Discard, cx: &mut Context<'_>) {
        cx.event(Event::SegmentDropped {
            id: self.tcb.id,
            reason,
        });
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`. Who sent text or a FIN is owed it; who sent a bare
    /// ACK gets it within the challenge budget, for his answer may be unacceptable again.
    fn answer_unacceptable(&mut self, segment: &SegmentRef<'_>, cx: &mut Context<'_>) {
        if mutant!(self.tcb.config, G11, false, {
            matches!(self.state, State::CloseWait(_) | State::LastAck(_))
        }) {
            return;
        }
        if mutant!(self.tcb.config, C06, segment.is_empty(), true) {
            segments::send_challenge_ack(&mut self.tcb, cx);
        } else {
            duplicate::note(&mut self.tcb, segment);
            segments::send_ack(&mut self.tcb, cx);
        }
    }

    fn answer_with_reset(&self, segment: &SegmentRef<'_>, cx: &mut Context<'_>) {
        let reset = closed::reset_for_ack(segment, &self.tcb.config);
        send_answer(&self.tcb, reset, cx);
    }

    /// The connection ends with an error: queues are flushed, the user is told.
    // REQ: RFC9293-SM-46
    pub(crate) fn fail(&mut self, error: ConnectionError, cx: &mut Context<'_>) {
        match self.tcb.config.received_on_error {
            ReceivedOnError::Flush => self.tcb.rcv.buffer.clear(),
            ReceivedOnError::Keep => {}
        }
        client::on_failure(&mut self.tcb, error, cx);
        self.tcb.user.error = Some(error);
        cx.event(Event::ConnectionAborted {
            id: self.tcb.id,
            error,
        });
        self.transition(State::Closed(Closed), cx);
    }

    /// A half-open passive connection goes without a word to the user.
    pub(crate) fn abandon(&mut self, cause: AbandonCause, cx: &mut Context<'_>) {
        if let State::SynReceived(SynReceived {
            origin: Origin::Passive { listener },
        }) = self.state
        {
            cx.event(Event::HandshakeAbandoned {
                listener,
                id: self.tcb.id,
                cause,
            });
        }
        self.transition(State::Closed(Closed), cx);
    }

    /// A timer fired (RFC 9293 §3.10.8).
    pub(crate) fn on_timer(&mut self, timer: Timer, cx: &mut Context<'_>) {
        let tcb = &mut self.tcb;
        match timer {
            Timer::Retransmit => self.on_retransmit_timer(cx),
            Timer::Reordering => recovery::on_reordering_timeout(tcb, cx),
            Timer::LossProbe => loss_probe::on_timeout(tcb, cx),
            Timer::Persist => persist::on_timeout(tcb, cx),
            Timer::DelayedAck => tcb.rcv.ack.on_delay_over(tcb.snd.rtt.rto()),
            Timer::SwsOverride => tcb.snd.override_sws = true,
            // The flush behind every step sends what is due.
            Timer::Pacing => {}
            Timer::KeepAlive => {
                if keepalive::on_timeout(tcb, cx) == Verdict::GiveUp {
                    segments::send_reset(tcb, cx);
                    self.fail(ConnectionError::TimedOut, cx);
                }
            }
            // USER TIMEOUT: no reset, the peer may be long gone.
            Timer::HandshakeGiveUp | Timer::UserTimeout => {
                self.fail(ConnectionError::TimedOut, cx);
            }
            Timer::FinWait2 | Timer::TimeWait => self.transition(State::Closed(Closed), cx),
        }
    }

    fn on_retransmit_timer(&mut self, cx: &mut Context<'_>) {
        let tcb = &mut self.tcb;
        match self.state {
            State::SynSent(_) => retransmit::on_syn_timeout(tcb, cx),
            State::SynReceived(SynReceived { origin }) => {
                if retransmit::on_syn_ack_timeout(tcb, origin, cx) == Verdict::GiveUp {
                    match origin {
                        Origin::Passive { .. } => self.abandon(AbandonCause::TimedOut, cx),
                        Origin::FastOpen | Origin::Active => {
                            self.fail(ConnectionError::TimedOut, cx);
                        }
                    }
                }
            }
            State::Closing(_) if mutant!(tcb.config, G06, false, true) => {}
            State::Established(_)
            | State::FinWait1(_)
            | State::CloseWait(_)
            | State::Closing(_)
            | State::LastAck(_) => retransmit::on_timeout(tcb, cx),
            // Nothing is outstanding in these.
            State::Closed(_) | State::FinWait2(_) | State::TimeWait(_) => {}
        }
    }

    /// Sends what the last steps made due. True if there is more, as soon as this is taken.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        match self.state {
            State::Closed(_) | State::SynSent(_) => false,
            State::SynReceived(_)
            | State::Established(_)
            | State::FinWait1(_)
            | State::FinWait2(_)
            | State::CloseWait(_)
            | State::Closing(_)
            | State::LastAck(_)
            | State::TimeWait(_) => output::flush(&mut self.tcb, self.state.may_send(), cx),
        }
    }
}

/// Sends a reset that no state asked for: the segment it answers belongs to another connection.
fn send_answer(tcb: &Tcb, reset: Option<Head>, cx: &mut Context<'_>) {
    if let Some(reset) = reset {
        let (local, remote) = (reset.src, reset.dst);
        segments::transmit(tcb, reset, cx);
        cx.event(Event::ResetSent {
            local,
            remote,
            id: None,
        });
    }
}
