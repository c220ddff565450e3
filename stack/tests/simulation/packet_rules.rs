//! What must hold of every packet whatever happened, judged from the outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tcpdrill_stack::segment::{self, Incoming, Segment};
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::pair::{Happening, TraceEntry};
use tcpdrill_stack::window::WindowScale;

/// What one end of a connection has sent so far.
#[derive(Debug, Default)]
struct Sender {
    /// The scale it offered; in force when both ends did.
    scale: Option<WindowScale>,
    syn_seen: bool,
    highest_ack: Option<SeqNum>,
    /// The furthest SEG.ACK + SEG.WND.
    right_edge: Option<SeqNum>,
    /// The largest SEG.WND, in bytes.
    largest_window: u32,
}

impl Sender {
    /// How far its peer may send. SND.WND counts from SND.UNA, so the largest window ever offered
    /// may slide along with acknowledgments in segments too old to change it (RFC 9293
    /// §3.10.7.4, fifth check).
    fn furthest(&self) -> Option<SeqNum> {
        self.highest_ack.map(|ack| ack + self.largest_window)
    }
}

/// Checks every segment that was sent.
///
/// # Errors
/// Where the first bad one is, and what is wrong with it.
pub(crate) fn check(trace: &[TraceEntry]) -> Result<(), (usize, String)> {
    let mut senders: BTreeMap<(SocketAddr, SocketAddr), Sender> = BTreeMap::new();
    for (index, entry) in trace.iter().enumerate() {
        let Happening::Sent(datagram) = &entry.what else {
            continue;
        };
        let complaint = match segment::parse(datagram) {
            Ok(Incoming::Segment(segment)) => judge(&mut senders, &segment),
            other => Err(format!("this is no segment: {other:?}")),
        };
        complaint.map_err(|complaint| (index, complaint))?;
    }
    Ok(())
}

fn judge(
    senders: &mut BTreeMap<(SocketAddr, SocketAddr), Sender>,
    segment: &Segment,
) -> Result<(), String> {
    let peer = senders.entry((segment.dst, segment.src)).or_default();
    let (peer_scale, peer_syn, peer_furthest) = (peer.scale, peer.syn_seen, peer.furthest());
    if segment.options.note.is_some() {
        return Err("malformed options".into());
    }
    if segment.options.mss.is_some() && !segment.flags.syn {
        return Err("an MSS option without SYN".into());
    }
    // A zero-window probe and a FIN may lie just behind the edge.
    if let Some(edge) = peer_furthest
        && !segment.payload.is_empty()
        && segment.end().after(edge + 1)
    {
        return Err(format!("text beyond the offered window up to {edge}"));
    }
    let own = senders.entry((segment.src, segment.dst)).or_default();
    if segment.flags.syn {
        own.syn_seen = true;
        own.scale = segment.options.window_scale;
    }
    // A reset that answers an old duplicate speaks of that one.
    let Some(ack) = segment.ack.filter(|_| !segment.flags.rst) else {
        return Ok(());
    };
    if !peer_syn {
        return Err("an ACK of a SYN that was never sent".into());
    }
    if own.highest_ack.is_some_and(|highest| ack.before(highest)) {
        return Err("the acknowledgment goes back".into());
    }
    own.highest_ack = Some(ack);
    let scale = match (own.scale, peer_scale) {
        (Some(scale), Some(_)) if !segment.flags.syn => scale,
        _ => WindowScale::ZERO,
    };
    let window = segment.wnd.scale(scale).bytes();
    own.largest_window = own.largest_window.max(window);
    let edge = ack + window;
    // Rounding to the scale may take back less than one unit, and a SYN cannot offer more than
    // 16 bits hold.
    let unit = 1u32 << scale.shift();
    if let Some(highest) = own.right_edge
        && !segment.flags.syn
        && (edge + (unit - 1)).before(highest)
    {
        return Err(format!(
            "the right edge of the window goes back from {highest} to {edge}"
        ));
    }
    own.right_edge = Some(own.right_edge.map_or(edge, |highest| highest.max(edge)));
    Ok(())
}
