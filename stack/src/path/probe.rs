//! Probing with data: sending, and what becomes of it (RFC 4821 §7, RFC 8899 §5 as far as it applies to
//! TCP).

use alloc::boxed::Box;
use core::time::Duration;

use super::Probing;
use super::search::{Probe, Search};
use super::state::{report, resize};
use super::too_big::IPV6_MINIMUM;
use crate::context::Context;
use crate::event::Event;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::window::Mss;
use crate::wire::ip::IpVersion;

/// Full segments that must follow a probe, so that its loss is noticed by what arrives behind it.
const FOLLOWERS: u32 = 3;

/// The packet of a segment of `mss` bytes, headers but no options.
fn packet(tcb: &Tcb, mss: Mss) -> u16 {
    let headers = tcb.ip_version().header_len() + 20;
    mss.raw().saturating_add(headers)
}

/// The largest packet there can be, as far as the ends and routers have said.
fn ceiling(tcb: &Tcb) -> u16 {
    let ends = tcb.path.ceiling.unwrap_or(tcb.snd.mss);
    packet(tcb, ends).min(tcb.path.mtu)
}

/// The smallest packet worth trying.
fn floor(tcb: &Tcb) -> u16 {
    let least = Mss::new(tcb.config.path_mtu.floor_mss.max(tcb.config.min_mss));
    match tcb.ip_version() {
        IpVersion::V4 => packet(tcb, least),
        IpVersion::V6 => packet(tcb, least).max(IPV6_MINIMUM),
    }
}

fn begin(tcb: &mut Tcb, now: Instant) {
    let base = packet(tcb, Mss::new(tcb.config.path_mtu.base_mss)).max(floor(tcb));
    let search = Search::new(base, ceiling(tcb), now);
    tcb.path.search = Some(Box::new(search));
}

/// The connection is about to send: where probing is always on, from the base upwards.
// REQ: RFC4821-2
// REQ: RFC8899-1
pub(crate) fn start(tcb: &mut Tcb, now: Instant) {
    if tcb.config.path_mtu.probing == Probing::Always {
        begin(tcb, now);
        resize(tcb);
    }
}

/// What the sender has to offer for a probe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// Bytes that were never sent.
    pub(crate) waiting: u32,
    /// Payload of a full segment, and its options.
    pub(crate) full: u32,
    pub(crate) options_len: usize,
    /// What the congestion window leaves.
    pub(crate) room: u32,
    /// What the peer's window leaves.
    pub(crate) window: u32,
}

/// What to do about a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    NoProbe,
    /// Hold new data back until an acknowledgment makes room for it.
    Wait,
    /// Send one with `len` bytes in a packet of `mtu`, and tell by [`on_sent`] when it leaves.
    Send { len: u32, mtu: u16 },
}

/// Whether it is time for a probe. There must be as much behind it, and windows for that, as it takes
/// to notice its loss, and nothing else may be amiss.
// REQ: RFC4821-3
pub(crate) fn next(tcb: &mut Tcb, offer: Offer, now: Instant) -> Next {
    match candidate(tcb, offer, now) {
        None => Next::NoProbe,
        Some((_, len)) if offer.room < len => Next::Wait,
        Some((mtu, len)) => Next::Send { len, mtu },
    }
}

/// A probe with these numbers leaves in a packet of `mtu` bytes.
pub(crate) fn on_sent(tcb: &mut Tcb, range: SeqRange, mtu: u16, cx: &mut Context<'_>) {
    if let Some(search) = tcb.path.search.as_deref_mut() {
        search.sent(Probe { range, mtu });
    }
    cx.event(Event::PathMtuProbeSent { id: tcb.id, mtu });
}

/// Packet and payload of a probe that would make sense now, if the congestion window had room for it.
fn candidate(tcb: &mut Tcb, offer: Offer, now: Instant) -> Option<(u16, u32)> {
    tcb.path.search.as_deref()?;
    let snd = &tcb.snd;
    let calm = !snd.syn_unacked()
        && !snd.recovery.in_recovery()
        && snd.recovery.duplicate_acks() == 0
        && snd.flight.lost() == 0
        && snd.flight.sacked() == 0;
    if !calm {
        return None;
    }
    let ceiling = ceiling(tcb);
    let config = &tcb.config.path_mtu;
    let search = tcb.path.search.as_deref_mut()?;
    let mtu = search.candidate(ceiling, config, now)?;
    let len = Mss::for_mtu(tcb.ip_version(), mtu).payload_limit(offer.options_len) as u32;
    let needed = len + FOLLOWERS * offer.full;
    let windows = offer.window.min(tcb.snd.congestion.cwnd());
    let fits = len > offer.full && offer.waiting >= needed && windows >= needed;
    fits.then_some((mtu, len))
}

fn outstanding(tcb: &Tcb) -> Option<Probe> {
    tcb.path.search.as_deref()?.probe()
}

/// Whether a probe is out.
pub(crate) fn is_under_way(tcb: &Tcb) -> bool {
    outstanding(tcb).is_some()
}

/// The probe under way, if `seq` is its first number.
pub(super) fn quoted(tcb: &Tcb, seq: SeqNum) -> Option<Probe> {
    outstanding(tcb).filter(|probe| probe.range.start == seq)
}

/// How long after a loss without consequences the next probe may be lost: a round trip for each packet
/// of the congestion window, so that it is rarer than losses by congestion (RFC 4821 §4, §7.6.2).
// REQ: RFC4821-7
fn headway(tcb: &Tcb) -> Duration {
    let rtt = &tcb.snd.rtt;
    let round_trip = rtt.srtt().unwrap_or(rtt.rto());
    round_trip.saturating_mul(tcb.snd.congestion.segments())
}

/// A router says what fits.
pub(super) fn bound(tcb: &mut Tcb, mtu: u16, now: Instant) {
    let headway = headway(tcb);
    if let Some(search) = tcb.path.search.as_deref_mut() {
        search.bound(mtu, headway, now);
    }
}

/// SND.UNA moved: a probe below it has arrived.
// REQ: RFC4821-1
pub(crate) fn on_progress(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let una = tcb.snd.una;
    if !outstanding(tcb).is_some_and(|probe| una.at_or_after(probe.range.end)) {
        return;
    }
    if let Some(search) = tcb.path.search.as_deref_mut() {
        search.succeeded(cx.now);
    }
    if resize(tcb) {
        report(tcb, true, cx);
    }
}

/// Whether the loss that was just found is that of the probe and of nothing else, as far as one can
/// tell.
pub(crate) fn alone_is_lost(tcb: &Tcb) -> Option<SeqRange> {
    let range = outstanding(tcb)?.range;
    let snd = &tcb.snd;
    (range.start == snd.una && snd.flight.lost() <= range.len()).then_some(range)
}

/// The probe was lost.
// REQ: RFC4821-4
// REQ: RFC8899-2
pub(crate) fn failed(tcb: &mut Tcb, now: Instant) {
    let headway = headway(tcb);
    let config = &tcb.config.path_mtu;
    if let Some(search) = tcb.path.search.as_deref_mut() {
        search.failed(config, headway, now);
    }
}

/// Something was sent again: what its acknowledgment says of the probe is not clear.
// REQ: RFC4821-5
pub(crate) fn on_retransmitted(tcb: &mut Tcb) {
    if let Some(search) = tcb.path.search.as_deref_mut() {
        search.forget_probe();
    }
}

/// The retransmission timer expired once more. After R1 of them a router may swallow what is too large
/// without a word: down to the base, then by halves.
// REQ: RFC4821-6
// REQ: RFC8899-4
pub(crate) fn on_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    on_retransmitted(tcb);
    let probing = tcb.config.path_mtu.probing != Probing::Off;
    if !probing || tcb.snd.retries < tcb.config.r1 || tcb.snd.syn_unacked() {
        return;
    }
    let version = tcb.ip_version();
    let base = Mss::new(tcb.config.path_mtu.base_mss);
    match tcb.path.search.as_deref().map(Search::low) {
        None => begin(tcb, cx.now),
        Some(low) => {
            let half = Mss::new(Mss::for_mtu(version, low).raw() / 2).min(base);
            let low = packet(tcb, half).max(floor(tcb)).min(low);
            if let Some(search) = tcb.path.search.as_deref_mut() {
                search.fall_back(low, cx.now);
            }
        }
    }
    if resize(tcb) {
        report(tcb, false, cx);
    }
}
