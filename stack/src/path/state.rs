//! What a connection knows of its path, and what follows for the size of its segments.

use alloc::boxed::Box;

use super::search::Search;
use crate::context::Context;
use crate::event::Event;
use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::window::Mss;

/// The path of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// The largest packet it carries as far as routers have said: the link's if they have not.
    pub(crate) mtu: u16,
    /// Until when a router's word counts.
    pub(super) expires: Option<Instant>,
    /// Our link did not take what was to be sent for the first time.
    pub(crate) refused: bool,
    /// The state of the host's memory that `mtu` goes by.
    pub(super) generation: u32,
    /// What the peer, our link and the user allow, whatever the path carries; `None` before the peer
    /// has said what it takes.
    pub(crate) ceiling: Option<Mss>,
    /// Payload of the largest segment sent, in bytes (RFC 5927 §7.2: maxsizesent).
    pub(super) sent: u32,
    /// Payload of the largest segment that arrived (maxsizeacked).
    pub(super) acked: u32,
    /// A claim that is held back.
    pub(super) claim: Option<Claim>,
    /// The search for a larger size, where probing is on.
    pub(super) search: Option<Box<Search>>,
}

/// A router's word that is not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) mtu: u16,
    /// The first number of the segment it quotes.
    pub(super) seq: SeqNum,
}

impl Path {
    /// A path that starts with a link of `link` bytes and of which routers have said `known`.
    pub(crate) fn new(link: u16, known: Option<(u16, Option<Instant>)>, generation: u32) -> Self {
        let (mtu, expires) = known.map_or((link, None), |(mtu, end)| (mtu.min(link), end));
        Self {
            mtu,
            expires,
            refused: false,
            generation,
            ceiling: None,
            sent: 0,
            acked: 0,
            claim: None,
            search: None,
        }
    }

    /// Whether larger sizes are looked for.
    pub(crate) const fn is_searched(&self) -> bool {
        self.search.is_some()
    }

    /// A segment with `len` bytes of text leaves.
    pub(crate) fn note_sent(&mut self, len: u32) {
        self.sent = self.sent.max(len);
    }

    /// A segment that took `len` numbers has arrived, a FIN counting as one.
    pub(crate) fn note_arrived(&mut self, len: u32) {
        self.acked = self.acked.max(len.min(self.sent));
    }

    /// What passed before says nothing of a path that has another size now.
    fn forget_sizes(&mut self, payload: u32) {
        self.sent = self.sent.min(payload);
        self.acked = self.acked.min(payload);
        self.claim = None;
    }
}

/// The segment size that the path leaves of what the ends allow (RFC 9293 §3.7.1). A path that claims
/// to carry next to nothing is not believed below the floor for peers.
// REQ: RFC9293-MUST-16
// REQ: RFC1191-2
// REQ: RFC8201-1
fn size(tcb: &Tcb, ceiling: Mss) -> Mss {
    let version = tcb.ip_version();
    let fits = |mtu| Mss::for_mtu(version, mtu).raw().max(tcb.config.min_mss);
    let known = ceiling.raw().min(fits(tcb.path.mtu));
    let probed = tcb.path.search.as_deref().map(|search| fits(search.low()));
    Mss::new(probed.map_or(known, |probed| known.min(probed)))
}

/// Whether segments have the size that the path and the ends allow.
pub(crate) fn is_kept(tcb: &Tcb) -> bool {
    let Some(ceiling) = tcb.path.ceiling else {
        return true;
    };
    let counted = tcb.snd.congestion.smss() as usize;
    let settled =
        !tcb.user.was_established || counted == tcb.effective_mss(tcb.fixed_options_len());
    tcb.snd.mss == size(tcb, ceiling) && settled
}

/// Brings SND.MSS and what congestion control counts in in line with the path. Answers whether
/// SND.MSS changed.
pub(crate) fn resize(tcb: &mut Tcb) -> bool {
    let Some(ceiling) = tcb.path.ceiling else {
        return false;
    };
    let mss = size(tcb, ceiling);
    let payload = mss.payload_limit(tcb.fixed_options_len()) as u32;
    if mss == tcb.snd.mss && payload == tcb.snd.congestion.smss() {
        return false;
    }
    tcb.snd.mss = mss;
    tcb.path.forget_sizes(payload);
    // The window holds a segment, whatever its size.
    let cwnd = tcb.snd.congestion.cwnd();
    tcb.snd.congestion.set_smss(payload);
    tcb.snd.congestion.set_cwnd(cwnd);
    true
}

/// Before something is sent: takes over what routers told other connections to the same destination,
/// and forgets what is too old to count (RFC 1191 §6.3).
// REQ: RFC1191-5
// REQ: RFC1191-7
// REQ: RFC8201-4
// REQ: RFC8201-5
pub(crate) fn refresh(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let expired = tcb.path.expires.is_some_and(|end| cx.now >= end);
    if tcb.path.generation == cx.paths.generation() && !expired {
        return;
    }
    let lifetime = tcb.config.path_mtu.lifetime;
    let known = cx.paths.get(tcb.remote.ip(), lifetime, cx.now);
    let link = tcb.config.mtu;
    let before = tcb.path.mtu;
    tcb.path.generation = cx.paths.generation();
    (tcb.path.mtu, tcb.path.expires) =
        known.map_or((link, None), |(mtu, end)| (mtu.min(link), end));
    let larger = tcb.path.mtu > before;
    if resize(tcb) {
        report(tcb, larger, cx);
    }
}

/// Tells of the new segment size.
pub(super) fn report(tcb: &Tcb, larger: bool, cx: &mut Context<'_>) {
    let (id, mss) = (tcb.id, tcb.snd.mss.raw());
    cx.event(if larger {
        Event::PathMtuRaised { id, mss }
    } else {
        Event::PathMtuReduced { id, mss }
    });
}
