//! ESTABLISHED: data flows both ways.

use super::{Check, CloseWait, Disposition, State};
use crate::context::Context;
use crate::input::{acceptability, ack, fin, reset, syn, text, timestamps, urgent};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// ESTABLISHED. SEND, RECEIVE and CLOSE are all possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Established;

impl Established {
    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.4).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        // Before the first: PAWS. The third, security and compartment, is not offered.
        timestamps::check(tcb, segment, cx.now)?;
        // First.
        acceptability::check(tcb, segment)?;
        // Second.
        // REQ: RFC9293-SM-46
        reset::abort(tcb, segment)?;
        // Fourth.
        syn::challenge(tcb, segment)?;
        // Fifth.
        ack::process(tcb, segment, cx)?;
        self.on_text(tcb, segment, cx)
    }

    /// Sixth to eighth.
    pub(crate) fn on_text(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        urgent::process(tcb, segment, cx);
        text::process(tcb, segment, cx)?;
        // REQ: RFC9293-SM-30
        if fin::process(tcb) {
            return Check::Break(Disposition::Enter(State::CloseWait(CloseWait)));
        }
        Check::Continue(())
    }
}
