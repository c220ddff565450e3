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
}

/// Checks every segment that was sent.
///
/// # Errors
/// What is wrong with the first bad one.
pub(crate) fn check(trace: &[TraceEntry]) -> Result<(), String> {
    let mut senders: BTreeMap<(SocketAddr, SocketAddr), Sender> = BTreeMap::new();
    for entry in trace {
        let Happening::Sent(datagram) = &entry.what else {
            continue;
        };
        let segment = match segment::parse(datagram) {
            Ok(Incoming::Segment(segment)) => segment,
            other => {
                return Err(format!(
                    "a host sent something that is no segment: {other:?}"
                ));
            }
        };
        let complaint = judge(&mut senders, &segment);
        if let Err(complaint) = complaint {
            return Err(format!("at {:?} {complaint}: {segment:?}", entry.at));
        }
    }
    Ok(())
}

fn judge(
    senders: &mut BTreeMap<(SocketAddr, SocketAddr), Sender>,
    segment: &Segment,
) -> Result<(), &'static str> {
    let peer = senders.entry((segment.dst, segment.src)).or_default();
    let (peer_scale, peer_syn, peer_edge) = (peer.scale, peer.syn_seen, peer.right_edge);
    if segment.options.note.is_some() {
        return Err("malformed options");
    }
    if segment.options.mss.is_some() && !segment.flags.syn {
        return Err("an MSS option without SYN");
    }
    // A zero-window probe and a FIN may lie just behind the edge.
    if let Some(edge) = peer_edge
        && !segment.payload.is_empty()
        && segment.end().after(edge + 1)
    {
        return Err("text beyond the offered window");
    }
    let own = senders.entry((segment.src, segment.dst)).or_default();
    if segment.flags.syn {
        own.syn_seen = true;
        own.scale = segment.options.window_scale;
    }
    let Some(ack) = segment.ack else {
        return Ok(());
    };
    if !peer_syn && !segment.flags.rst {
        return Err("an ACK of a SYN that was never sent");
    }
    if own.highest_ack.is_some_and(|highest| ack.before(highest)) {
        return Err("the acknowledgment goes back");
    }
    own.highest_ack = Some(ack);
    let scale = match (own.scale, peer_scale) {
        (Some(scale), Some(_)) if !segment.flags.syn => scale,
        _ => WindowScale::ZERO,
    };
    let edge = ack + segment.wnd.scale(scale).bytes();
    // Rounding to the scale may take back less than one unit.
    let unit = 1u32 << scale.shift();
    if own
        .right_edge
        .is_some_and(|highest| edge + unit - 1 != highest && (edge + unit - 1).before(highest))
    {
        return Err("the right edge of the window goes back");
    }
    own.right_edge = Some(own.right_edge.map_or(edge, |highest| highest.max(edge)));
    Ok(())
}
