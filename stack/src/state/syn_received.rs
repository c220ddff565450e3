//! SYN-RECEIVED: both SYNs are seen; ours is not acknowledged yet.

use super::{Check, Disposition, Established, State};
use crate::config::{DuplicateSyn, InWindowSyn, ResetError};
use crate::context::Context;
use crate::ecn::{self, negotiation};
use crate::error::ConnectionError;
use crate::event::{AbandonCause, Discard};
use crate::input::reset::{self, Reset};
use crate::input::{acceptability, ack, timestamps};
use crate::recv::duplicate;
use crate::segment::SegmentRef;
use crate::seq::SeqNum;
use crate::socket::SocketId;
use crate::tcb::Tcb;

/// SYN-RECEIVED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SynReceived {
    /// How the connection came here, which decides where a reset leads.
    pub(crate) origin: Origin,
}

/// What kind of OPEN a connection in SYN-RECEIVED stems from.
// REQ: RFC9293-MUST-11
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A listener got a SYN.
    Passive {
        /// The listener.
        listener: SocketId,
    },
    /// A listener got a SYN with a valid cookie and has handed the connection out already (RFC 7413
    /// §4.2.2): the user holds it, so what ends it is an error, never a return to LISTEN.
    FastOpen,
    /// Two active OPENs met.
    Active,
}

impl SynReceived {
    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.4).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        if let Some(ack) = self.completes_crossed_open(tcb, segment) {
            // The peer's SYN was used already; what is new is the ACK on its repeat.
            ack::of_syn(tcb, segment, ack, cx);
            duplicate::note_syn(tcb);
            // An old sequence number is answered, whatever else the segment brings.
            // REQ: RFC9293-SM-08
            tcb.rcv.ack.now();
            return Check::Break(Disposition::Enter(State::Established(Established)));
        }
        timestamps::check(tcb, segment, cx.now)?;
        check_repeated_syn(tcb, segment, self.origin)?;
        // First.
        acceptability::check(tcb, segment)?;
        // Second.
        self.check_reset(tcb, segment)?;
        // Fourth.
        self.check_syn(tcb, segment)?;
        // Fifth.
        self.check_ack(tcb, segment, cx)
    }

    /// In a simultaneous open each side repeats its SYN with an ACK of the other's (RFC 9293 §3.5,
    /// figure 7). By its sequence number that segment is old; by its ACK it is what we wait for.
    // REQ: RFC9293-MUST-10
    fn completes_crossed_open(self, tcb: &Tcb, segment: &SegmentRef<'_>) -> Option<SeqNum> {
        let crossed = self.origin == Origin::Active
            && segment.flags.syn
            && !segment.flags.rst
            && segment.seq == tcb.rcv.irs;
        segment
            .ack
            .filter(|ack| crossed && ack.after(tcb.snd.una) && ack.at_or_before(tcb.snd.nxt))
    }

    fn check_reset(self, tcb: &Tcb, segment: &SegmentRef<'_>) -> Check {
        match reset::judge(tcb, segment)? {
            Reset::Absent => Check::Continue(()),
            Reset::Valid => Check::Break(match self.origin {
                // REQ: RFC9293-SM-23
                Origin::Passive { .. } => Disposition::ReturnToListen {
                    cause: AbandonCause::Reset,
                    reset: false,
                },
                Origin::FastOpen => Disposition::Abort(ConnectionError::Reset),
                Origin::Active => Disposition::Abort(match tcb.config.reset_error {
                    ResetError::ByOpen => ConnectionError::Refused,
                    ResetError::ByState => ConnectionError::Reset,
                }),
            }),
        }
    }

    fn check_syn(self, tcb: &Tcb, segment: &SegmentRef<'_>) -> Check {
        if !segment.flags.syn {
            return Check::Continue(());
        }
        Check::Break(
            match (self.origin, tcb.config.syn_in_window_in_syn_received) {
                // REQ: RFC9293-SM-24
                (Origin::Passive { .. }, InWindowSyn::ReturnToListen) => {
                    Disposition::ReturnToListen {
                        cause: AbandonCause::NewSyn,
                        reset: false,
                    }
                }
                (Origin::Passive { .. }, InWindowSyn::ResetAndReturnToListen) => {
                    Disposition::ReturnToListen {
                        cause: AbandonCause::NewSyn,
                        reset: true,
                    }
                }
                (Origin::Passive { .. }, InWindowSyn::RetransmitSynAck) => {
                    Disposition::RepeatSynAck
                }
                (Origin::Passive { .. }, InWindowSyn::ChallengeAck)
                | (Origin::FastOpen | Origin::Active, _) => Disposition::ChallengeAck(Discard::Syn),
            },
        )
    }

    fn check_ack(self, tcb: &mut Tcb, segment: &SegmentRef<'_>, cx: &mut Context<'_>) -> Check {
        let Some(ack) = segment.ack else {
            // REQ: RFC9293-SM-28
            return Check::Break(Disposition::Discard(Discard::NoAck));
        };
        // REQ: RFC9293-SM-22
        let refused = ack.at_or_before(tcb.snd.una) || ack.after(tcb.snd.nxt);
        if mutant!(tcb.config, B11, refused, {
            ack.before(tcb.snd.una) || ack.after(tcb.snd.nxt + 1)
        }) {
            return Check::Break(Disposition::DiscardAndReset(Discard::Ack));
        }
        match self.origin {
            // Nobody could take the connection: the peer will ask again when its data is not
            // acknowledged.
            Origin::Passive { .. } if !cx.accept_room => {
                return Check::Break(Disposition::Discard(Discard::QueueFull));
            }
            Origin::Passive { .. } | Origin::FastOpen | Origin::Active => {}
        }
        timestamps::remember(tcb, segment, cx.now);
        ecn::on_packet(tcb, segment);
        ack::of_syn(tcb, segment, ack, cx);
        let next = State::Established(Established);
        Check::Break(if mutant!(tcb.config, B15, false, !segment.is_empty()) {
            Disposition::Enter(next)
        } else {
            Disposition::Continue(next)
        })
    }
}

/// The very SYN that opened the connection, once more: the peer did not get our SYN-ACK.
fn check_repeated_syn(tcb: &mut Tcb, segment: &SegmentRef<'_>, origin: Origin) -> Check {
    let is_repeat = segment.flags.syn
        && !segment.flags.rst
        && segment.ack.is_none()
        && segment.seq == tcb.rcv.irs;
    if is_repeat {
        negotiation::on_repeated_syn(tcb, segment, origin)?;
    }
    match tcb.config.duplicate_syn_in_syn_received {
        DuplicateSyn::RetransmitSynAck if is_repeat => Check::Break(Disposition::RepeatSynAck),
        // REQ: RFC9293-SM-25
        DuplicateSyn::Ack if is_repeat => Check::Break(Disposition::DiscardAndAck(Discard::Syn)),
        DuplicateSyn::RetransmitSynAck | DuplicateSyn::Ack => Check::Continue(()),
    }
}
