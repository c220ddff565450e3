//! CLOSING: both FINs crossed; ours is not acknowledged yet.

use super::{Check, Disposition, State, TimeWait};
use crate::context::Context;
use crate::input::{acceptability, ack, reset, syn, text, timestamps};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// CLOSING. Our FIN goes on being retransmitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing;

impl Closing {
    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.4).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        timestamps::check(tcb, segment, cx.now)?;
        // First.
        acceptability::check(tcb, segment)?;
        // Second.
        reset::close(tcb, segment)?;
        // Fourth.
        syn::challenge(tcb, segment)?;
        // Fifth: as in ESTABLISHED; the acknowledgment of our FIN ends the state.
        ack::process(tcb, segment, cx)?;
        // REQ: RFC9293-SM-33
        if tcb.snd.fin_acknowledged {
            return Check::Break(Disposition::Continue(State::TimeWait(TimeWait)));
        }
        self.on_text(tcb, segment, cx)
    }

    /// Sixth to eighth: nothing can follow the peer's FIN.
    pub(crate) fn on_text(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        text::ignore(tcb, segment, cx);
        Check::Continue(())
    }
}
