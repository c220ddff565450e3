//! What must hold of what the host says.

use super::text::user_byte;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tcpdrill_stack::segment::{self, Incoming, Segment};
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::window::WindowScale;

/// What the host has told the peer about one connection, as far as packets show.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The host's initial sequence numbers, from its SYNs. Only the host knows which of several
    /// cookies came back.
    iss: Vec<SeqNum>,
    /// The number behind the last one that it sent.
    pub(super) snd_nxt: SeqNum,
    /// The last SEG.ACK.
    pub(super) rcv_nxt: Option<SeqNum>,
    /// The window of its last segment, in bytes if it uses the scale it offered.
    pub(super) window: u32,
    /// The last TSval.
    pub(super) timestamp: u32,
    scale: WindowScale,
}

impl View {
    /// True when the host has sent a SYN.
    pub(super) fn is_open(&self) -> bool {
        !self.iss.is_empty()
    }

    /// True when each byte of text is the user's at its place.
    fn fits(&self, segment: &Segment) -> bool {
        self.iss.iter().any(|iss| {
            let first = (*iss + 1).span_to(segment.text_seq());
            let mut bytes = (0..).zip(&segment.payload);
            bytes.all(|(offset, byte)| *byte == user_byte(first.wrapping_add(offset)))
        })
    }
}

/// Follows the host's packets, by the other end's address.
#[derive(Debug, Default)]
pub(super) struct Judge {
    views: BTreeMap<SocketAddr, View>,
}

impl Judge {
    pub(super) fn view(&self, remote: SocketAddr) -> View {
        self.views.get(&remote).cloned().unwrap_or_default()
    }

    /// Judges a packet of the host, sent in answer to `cause`, if that was a segment.
    pub(super) fn packet(&mut self, datagram: &[u8], cause: Option<&Segment>) {
        let segment = match segment::parse(datagram) {
            Ok(Incoming::Segment(segment)) => segment,
            other => panic!("the host sent something that is no segment: {other:?}"),
        };
        assert!(
            segment.options.note.is_none(),
            "malformed options: {segment:?}"
        );
        assert!(
            !(segment.flags.rst && cause.is_some_and(|cause| cause.flags.rst)),
            "a RST answers a RST: {segment:?}"
        );
        assert!(
            !segment.flags.rst || segment.payload.is_empty() && !segment.flags.syn,
            "a RST carries more than itself: {segment:?}"
        );
        let syn_only = segment.options.mss.is_some()
            || segment.options.window_scale.is_some()
            || segment.options.sack_permitted;
        assert!(
            segment.flags.syn || !syn_only,
            "a SYN's option without a SYN: {segment:?}"
        );
        if segment.flags.rst {
            return;
        }
        let view = self.views.entry(segment.dst).or_default();
        if segment.flags.syn {
            if !view.iss.contains(&segment.seq) {
                view.iss.push(segment.seq);
            }
            view.scale = segment.options.window_scale.unwrap_or_default();
            view.snd_nxt = segment.end();
        }
        assert!(
            view.is_open(),
            "a segment of a connection that never sent a SYN: {segment:?}"
        );
        assert!(
            view.fits(&segment),
            "wrong bytes, or right ones in a wrong place: {segment:?}"
        );
        view.snd_nxt = view.snd_nxt.max(segment.end());
        view.rcv_nxt = segment.ack.or(view.rcv_nxt);
        let scale = if segment.flags.syn {
            WindowScale::ZERO
        } else {
            view.scale
        };
        view.window = segment.wnd.scale(scale).bytes();
        if let Some(timestamps) = segment.options.timestamps {
            view.timestamp = timestamps.value;
        }
    }
}
