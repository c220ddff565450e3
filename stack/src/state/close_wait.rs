//! CLOSE-WAIT: the peer has closed its direction, ours is open.

use super::Check;
use crate::context::Context;
use crate::input::{acceptability, ack, reset, syn, text, timestamps};
use crate::segment::SegmentRef;
use crate::tcb::Tcb;

/// CLOSE-WAIT. SEND goes on, RECEIVE hands out what is left and then the end of the stream. Lasts
/// until the user closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseWait;

impl CloseWait {
    /// SEGMENT ARRIVES (RFC 9293 §3.10.7.4).
    pub(crate) fn on_segment(
        self,
        tcb: &mut Tcb,
        segment: &SegmentRef<'_>,
        cx: &mut Context<'_>,
    ) -> Check {
        timestamps::check(tcb, segment, cx.now)?;
        // First. A repeat of the peer's FIN ends here, acknowledged.
        acceptability::check(tcb, segment)?;
        // Second.
        reset::abort(tcb, segment)?;
        // Fourth.
        syn::challenge(tcb, segment)?;
        // Fifth: as in ESTABLISHED.
        ack::process(tcb, segment, cx)?;
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
