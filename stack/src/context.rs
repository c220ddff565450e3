//! What a step of the state machine may touch besides its own connection: the time, and the way
//! out.

use crate::event::Event;
use crate::fast_open::cache::Cache;
use crate::outbox::Outbox;
use crate::path::cache::PathCache;
use crate::segment::Head;
use crate::time::Instant;
use crate::wire::usual::{Carrier, Usual};

/// The surroundings of one step.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The time of this step.
    pub(crate) now: Instant,
    /// Where packets and events go, in order.
    pub(crate) outbox: &'a mut Outbox,
    /// Whether the listener behind this connection, if there is one, can queue it for `accept`.
    pub(crate) accept_room: bool,
    /// In TIME-WAIT: whether a listener at the connection's local end would queue a SYN, so that
    /// one could open a new incarnation.
    pub(crate) listens: bool,
    /// What is remembered of servers that were opened with Fast Open.
    pub(crate) servers: &'a mut Cache,
    /// What routers said of the paths to other hosts.
    pub(crate) paths: &'a mut PathCache,
}

impl Context<'_> {
    /// Reports a fact.
    pub(crate) fn event(&mut self, event: Event) {
        self.outbox.event(event);
    }

    /// Puts a segment with `text`, in up to two pieces, on the wire.
    #[inline(always)]
    pub(crate) fn transmit_text(&mut self, segment: &Head, text: [&[u8]; 2]) {
        self.outbox.transmit_text(segment, text);
    }

    /// The same for a segment of the form that nearly all have.
    pub(crate) fn transmit_usual(
        &mut self,
        segment: &Usual,
        carrier: Carrier<'_>,
        text: [&[u8]; 2],
    ) {
        self.outbox.transmit_usual(segment, carrier, text);
    }
}
