//! Defects of opening.

use crate::config::Config;
use crate::segment::{Flags, SegmentRef};
use crate::seq::SeqNum;

/// A segment as a listener sees it.
pub(crate) fn at_listener<'a>(config: &Config, segment: &SegmentRef<'a>) -> SegmentRef<'a> {
    let unreset = SegmentRef {
        flags: Flags {
            rst: false,
            ..segment.flags
        },
        ..*segment
    };
    let seen = mutant!(config, B06, *segment, unreset);
    mutant!(config, B07, seen, {
        let answers = segment.flags.syn && !segment.flags.rst;
        SegmentRef {
            ack: segment.ack.filter(|_| !answers),
            ..*segment
        }
    })
}

/// Whether an ACK in SYN-SENT acknowledges less than the SYN: the SYN's number is taken off what it
/// acknowledges.
///
/// # Panics
/// If there is nothing to take it off.
pub(crate) fn acknowledges_nothing(iss: SeqNum, ack: SeqNum) -> bool {
    let text = iss.span_to(ack).checked_sub(1);
    let text = text.expect("attempt to subtract with overflow");
    text >= 1 << 31
}
