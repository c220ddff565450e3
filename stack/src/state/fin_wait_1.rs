//! FIN-WAIT-1: our FIN is on its way, the peer has said nothing of it and not sent its own.

use super::{Check, Closing, Disposition, FinWait2, State};
use crate::context::Context;
use crate::input::{acceptability, ack, fin, reset, syn, text, timestamps, urgent};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// FIN-WAIT-1. SEND and CLOSE answer "connection closing"; RECEIVE goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FinWait1;

impl FinWait1 {
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
        reset::abort(tcb, segment)?;
        // Fourth.
        syn::challenge(tcb, segment)?;
        // Fifth: as in ESTABLISHED, and once our FIN is acknowledged the segment goes on in
        // FIN-WAIT-2.
        ack::process(tcb, segment, cx)?;
        // REQ: RFC9293-SM-31
        // REQ: RFC9293-SM-34
        if tcb.snd.fin_acknowledged {
            return Check::Break(Disposition::Continue(State::FinWait2(FinWait2)));
        }
        self.on_text(tcb, segment, cx)
    }

    /// Sixth to eighth.
    // REQ: RFC9293-SM-37
    pub(crate) fn on_text(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        urgent::process(tcb, segment, cx);
        text::process(tcb, segment, cx)?;
        // REQ: RFC9293-SM-33
        if fin::process(tcb) {
            return Check::Break(Disposition::Enter(State::Closing(Closing)));
        }
        Check::Continue(())
    }
}
