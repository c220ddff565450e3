//! The feedback of RFC 3168 §6.1: a mark is echoed until the sender says that it slowed down.

use super::Codepoint;
use crate::segment::SegmentRef;

/// A connection whose two sides agreed on RFC 3168.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classic {
    /// A mark came and the peer has not said yet that it slowed down: every ACK says so.
    echo: bool,
    /// The next new segment tells the peer that we slowed down.
    cwr_due: bool,
}

impl Classic {
    /// Text arrived: its mark, and the peer's answer to ours. Answers whether the sender should
    /// know at once.
    // REQ: RFC3168-7
    // REQ: RFC3168-12
    pub(super) fn on_text(&mut self, segment: &SegmentRef<'_>) -> bool {
        if segment.flags.cwr {
            self.echo = false;
        }
        let marked = Codepoint::of(segment.traffic_class) == Codepoint::Ce;
        if !marked || segment.payload.is_empty() {
            return false;
        }
        // Later marks tell nothing new.
        !core::mem::replace(&mut self.echo, true)
    }

    /// Whether a segment echoes a mark.
    pub(super) const fn echo(&self) -> bool {
        self.echo
    }

    /// We slowed down: the peer hears of it with the next new segment.
    // REQ: RFC3168-9
    pub(super) const fn note_reduced(&mut self) {
        self.cwr_due = true;
    }

    /// Whether this new segment tells that we slowed down; only one does.
    pub(super) const fn take_cwr(&mut self) -> bool {
        core::mem::replace(&mut self.cwr_due, false)
    }
}
