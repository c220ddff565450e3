//! LISTEN: waits for a SYN from anybody.

use crate::config::SynWithFin;
use crate::event::Discard;
use crate::segment::SegmentRef;

/// What a listener does with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenDisposition {
    /// Drops it in silence.
    Discard(Discard),
    /// `<SEQ=SEG.ACK><CTL=RST>`.
    Reset,
    /// A SYN: a connection in SYN-RECEIVED, or a cookie.
    Open,
}

/// SEGMENT ARRIVES in LISTEN (RFC 9293 §3.10.7.2). ACKs that bring back a SYN cookie never come
/// here.
pub(crate) fn on_segment(segment: &SegmentRef<'_>, syn_with_fin: SynWithFin) -> ListenDisposition {
    // First: a reset cannot be for anything we sent.
    // REQ: RFC9293-SM-14
    if segment.flags.rst {
        return ListenDisposition::Discard(Discard::Reset);
    }
    // Second: nothing was sent that could be acknowledged.
    // REQ: RFC9293-SM-15
    if segment.ack.is_some() {
        return ListenDisposition::Reset;
    }
    // Third.
    // REQ: RFC9293-SM-10
    if segment.flags.syn {
        if segment.flags.fin && syn_with_fin == SynWithFin::Drop {
            return ListenDisposition::Discard(Discard::NotForListener);
        }
        return ListenDisposition::Open;
    }
    // Fourth.
    // REQ: RFC9293-SM-39
    ListenDisposition::Discard(Discard::NotForListener)
}
