//! FIN-WAIT-2: our direction is closed and acknowledged, the peer's is open.

use super::{Check, Disposition, State, TimeWait};
use crate::context::Context;
use crate::input::{acceptability, ack, fin, reset, syn, text, timestamps, urgent};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// FIN-WAIT-2. RECEIVE goes on, for as long as the peer likes while the user still holds the
/// socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FinWait2;

impl FinWait2 {
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
        // Fifth.
        ack::process(tcb, segment, cx)?;
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
        if mutant!(tcb.config, G05, true, segment.payload.is_empty()) {
            text::process(tcb, segment, cx)?;
        }
        // REQ: RFC9293-SM-32
        if fin::process(tcb) {
            return Check::Break(Disposition::Enter(State::TimeWait(TimeWait)));
        }
        Check::Continue(())
    }
}
