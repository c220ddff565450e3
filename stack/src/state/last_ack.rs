//! LAST-ACK: the peer closed first; our FIN awaits its acknowledgment.

use super::{Check, Disposition};
use crate::context::Context;
use crate::input::{acceptability, ack, reset, syn, text, timestamps};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// LAST-ACK. Only the acknowledgment of our FIN is of interest, and data queued before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastAck;

impl LastAck {
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
        // Fifth.
        ack::process(tcb, segment, cx)?;
        // REQ: RFC9293-SM-35
        if mutant!(tcb.config, G03, tcb.snd.fin_acknowledged, true) {
            return Check::Break(Disposition::Close);
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
