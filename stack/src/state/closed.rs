//! CLOSED: no connection. What a segment for nobody is answered with.

use super::{Check, Disposition};
use crate::config::Config;
use crate::event::Discard;
use crate::segment::{Flags, Head, Segment, SegmentRef};
use crate::seq::SeqNum;
use crate::wire::options::{TcpOptions, Timestamps};

/// CLOSED, of a connection whose user still holds the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

impl Closed {
    /// A closed connection is out of the demultiplexer, so nothing arrives here.
    pub(crate) fn on_segment(self) -> Check {
        Check::Break(Disposition::Discard(Discard::Sequence))
    }
}

/// SEGMENT ARRIVES in CLOSED (RFC 9293 §3.10.7.1): the reset that answers a segment for nobody.
pub(crate) fn answer(segment: &SegmentRef<'_>, config: &Config) -> Option<Head> {
    // REQ: RFC9293-SM-18
    if mutant!(config, B21, segment.flags.rst, false) {
        return None;
    }
    Some(match segment.ack {
        // REQ: RFC9293-SM-17
        // REQ: RFC9293-SM-44
        Some(ack) => reset(segment, ack, None, config),
        // REQ: RFC9293-SM-16
        None => {
            let end = mutant!(config, B20, segment.end(), segment.seq);
            reset(segment, SeqNum::new(0), Some(end), config)
        }
    })
}

/// `<SEQ=SEG.ACK><CTL=RST>` in answer to a segment with an ACK that cannot be right.
pub(crate) fn reset_for_ack(segment: &SegmentRef<'_>, config: &Config) -> Option<Head> {
    if segment.flags.rst {
        return None;
    }
    segment.ack.map(|ack| reset(segment, ack, None, config))
}

fn reset(segment: &SegmentRef<'_>, seq: SeqNum, ack: Option<SeqNum>, config: &Config) -> Head {
    let mut options = TcpOptions::NONE;
    // REQ: RFC7323-23
    if config.timestamp_on_reset
        && let Some(theirs) = segment.options.timestamps
    {
        options.timestamps = Some(Timestamps {
            value: 0,
            echo: theirs.value,
        });
    }
    Segment {
        seq,
        ack,
        flags: Flags::RST,
        options,
        ttl: config.ttl,
        ..Head::head(segment.dst, segment.src)
    }
}
