//! What must hold of every packet whatever happened, judged from outside.

use super::flow::Flow;
use super::pattern::Pattern;
use crate::segment::Segment;
use crate::seq::SeqNum;
use crate::window::WindowScale;
use alloc::format;
use alloc::string::String;

/// What a host may do by its settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of a datagram on its link.
    pub(super) mtu: u16,
    /// The smallest MSS it believes.
    pub(super) min_mss: u16,
    /// Bytes of the fixed IP header.
    pub(super) ip_header: u16,
}

/// Judges a segment that `side` sends.
///
/// # Errors
/// What is wrong with it.
pub(super) fn judge(
    flow: &mut Flow,
    side: usize,
    segment: &Segment,
    limits: Limits,
    pattern: &Pattern,
) -> Result<(), String> {
    flow.ways[side].note_start(segment);
    if segment.options.note.is_some() {
        return Err("malformed options".into());
    }
    if !segment.flags.syn
        && (segment.options.mss.is_some()
            || segment.options.window_scale.is_some()
            || segment.options.sack_permitted)
    {
        return Err("an option of SYNs without SYN".into());
    }
    check_size(flow, side, segment, limits)?;
    // A reset that answers an old duplicate speaks of that one.
    if segment.flags.rst || flow.ways.iter().any(|way| way.ambiguous) {
        return Ok(());
    }
    check_text(flow, side, segment, pattern)?;
    check_timestamps(flow, side, segment)?;
    let Some(ack) = segment.ack else {
        return Ok(());
    };
    check_ack(flow, side, ack)?;
    check_sacks(flow, side, segment, ack)?;
    check_window(flow, side, segment, ack)
}

/// RFC 9293 §3.7.1: what the peer takes, less the options, and what the link carries.
fn check_size(flow: &Flow, side: usize, segment: &Segment, limits: Limits) -> Result<(), String> {
    let options = segment.options.len();
    let len = segment.payload.len() + options;
    let most = usize::from(limits.mtu - limits.ip_header - 20);
    if len > most {
        return Err(format!(
            "{len} bytes of options and text for a link of {most}"
        ));
    }
    let Some(offer) = flow.ways[1 - side].offer else {
        return Ok(());
    };
    let default = if limits.ip_header == 20 { 536 } else { 1_220 };
    let mss = usize::from(offer.mss.unwrap_or(default).max(limits.min_mss));
    if !segment.payload.is_empty() && len > mss && !segment.flags.syn {
        return Err(format!(
            "{len} bytes of options and text for an MSS of {mss}"
        ));
    }
    Ok(())
}

fn check_text(
    flow: &mut Flow,
    side: usize,
    segment: &Segment,
    pattern: &Pattern,
) -> Result<(), String> {
    if segment.payload.is_empty() {
        return Ok(());
    }
    let end = segment.text_seq() + segment.payload.len() as u32;
    let new = flow.ways[side]
        .text_end
        .is_none_or(|highest| end.after(highest));
    // A zero-window probe may lie just behind the edge, and what was sent before may be sent again
    // wherever the edge is now (RFC 9293 §3.8.6, MAY-7).
    if let Some(edge) = flow.ways[1 - side].offered
        && new
        && end.after(edge + 1)
    {
        return Err(format!("text beyond the offered window up to {edge}"));
    }
    let way = &mut flow.ways[side];
    if new {
        way.text_end = Some(end);
    }
    let Some(position) = way
        .place(segment.text_seq())
        .and_then(|at| at.checked_sub(1))
    else {
        return Err("text before the stream begins".into());
    };
    if !pattern.matches(way.stream, position.into(), &segment.payload) {
        return Err(format!("the text is not that of position {position}"));
    }
    Ok(())
}

/// RFC 7323 §3.2: all or nothing; the clock does not go back, and echoes are of what was sent. Only
/// SYN-ACKs with cookies need not be in order: their low bits keep options, and a listener without
/// state knows nothing of the one before (RFC 4987 §3.6).
fn check_timestamps(flow: &mut Flow, side: usize, segment: &Segment) -> Result<(), String> {
    let older = |one: u32, other: u32| (one.wrapping_sub(other) as i32) < 0;
    if segment.flags.syn {
        let last = &mut flow.ways[side].last_timestamp;
        let new = segment.options.timestamps.map(|stamps| stamps.value);
        let later = last.filter(|last| new.is_some_and(|new| older(new, *last)));
        *last = later.or(new);
        return Ok(());
    }
    let agreed = flow.agreed(|offer| offer.timestamps);
    let Some(stamps) = segment.options.timestamps else {
        return match agreed {
            Some(true) => Err("no timestamps where they were agreed on".into()),
            Some(false) | None => Ok(()),
        };
    };
    if agreed == Some(false) {
        return Err("timestamps that nobody agreed on".into());
    }
    let way = &mut flow.ways[side];
    if way
        .last_timestamp
        .is_some_and(|last| older(stamps.value, last))
    {
        return Err("the timestamp goes back".into());
    }
    way.last_timestamp = Some(stamps.value);
    let theirs = flow.ways[1 - side].last_timestamp;
    if theirs.is_some_and(|last| older(last, stamps.echo)) {
        return Err("an echo of a timestamp that was never sent".into());
    }
    Ok(())
}

/// Only what has arrived can be acknowledged, and never less than before.
fn check_ack(flow: &mut Flow, side: usize, ack: SeqNum) -> Result<(), String> {
    let peer = &flow.ways[1 - side];
    if !peer.has_syn() {
        return Err("an ACK of a SYN that was never sent".into());
    }
    let arrived = peer.delivered.prefix();
    if peer.place(ack).is_none_or(|place| place > arrived) {
        return Err(format!("{ack} acknowledges what never arrived"));
    }
    let own = &mut flow.ways[side];
    if own.highest_ack.is_some_and(|highest| ack.before(highest)) {
        return Err("the acknowledgment goes back".into());
    }
    own.highest_ack = Some(ack);
    Ok(())
}

/// RFC 2018 §4, RFC 2883 §4: what has arrived and is not acknowledged, and first of all maybe a
/// duplicate.
fn check_sacks(flow: &Flow, side: usize, segment: &Segment, ack: SeqNum) -> Result<(), String> {
    let blocks = segment.options.sack.as_slice();
    if blocks.is_empty() {
        return Ok(());
    }
    if flow.agreed(|offer| offer.sack) == Some(false) {
        return Err("SACK blocks that nobody agreed on".into());
    }
    let peer = &flow.ways[1 - side];
    for (number, block) in blocks.iter().enumerate() {
        let place = peer.place(block.start).zip(peer.place(block.end));
        let arrived = place.is_some_and(|(start, end)| peer.delivered.contains(start, end));
        if !arrived || block.is_empty() {
            return Err(format!("SACK block {number} of what never arrived"));
        }
        if number > 0 && block.start.at_or_before(ack) {
            return Err(format!("SACK block {number} of what is acknowledged"));
        }
    }
    Ok(())
}

/// The right edge does not go back (RFC 9293 §3.8.6). Rounding to the scale may take back less than
/// one unit, and a SYN cannot offer more than 16 bits hold.
fn check_window(
    flow: &mut Flow,
    side: usize,
    segment: &Segment,
    ack: SeqNum,
) -> Result<(), String> {
    let peer_scale = flow.ways[1 - side].offer.map(|offer| offer.scale);
    let own = &mut flow.ways[side];
    let scale = match (own.scale, peer_scale) {
        (Some(scale), Some(true)) if !segment.flags.syn => scale,
        _ => WindowScale::ZERO,
    };
    let window = segment.wnd.scale(scale).bytes();
    let edge = ack + window;
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
    own.offered = Some(own.offered.map_or(edge, |highest| highest.max(edge)));
    Ok(())
}
