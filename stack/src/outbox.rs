//! What a host has to say and was not asked for yet, and the memory of datagrams that were.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::Event;
use crate::host::Output;
use crate::segment::Head;
use crate::wire::usual::{Carrier, Usual};

/// Memory of used datagrams is kept up to this many bytes.
const MOST_SPARE: usize = 4 << 20;

/// Packets and events, in order. Each has a queue of its own, for packets are many and small.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox {
    datagrams: VecDeque<Vec<u8>>,
    /// Each with the number of datagrams that come before it, of all there ever were.
    events: VecDeque<(u64, Event)>,
    /// Datagrams that were asked for.
    taken: u64,
    /// Bytes of those that were not.
    queued: usize,
    /// Memory for the next datagrams.
    spare: Vec<Vec<u8>>,
    /// Bytes that `spare` has room for.
    spare_bytes: usize,
    /// The link takes nothing: what is put on the wire is gone.
    blocked: bool,
    /// A budget of challenge ACKs that all connections share.
    #[cfg(feature = "mutants")]
    pub(crate) challenge: Option<crate::challenge_ack::ChallengeAckLimiter>,
}

impl Outbox {
    /// Reports a fact.
    pub(crate) fn event(&mut self, event: Event) {
        let before = self.taken + self.datagrams.len() as u64;
        self.events.push_back((before, event));
    }

    /// Puts a segment without text on the wire.
    pub(crate) fn transmit(&mut self, segment: &Head) {
        self.transmit_text(segment, [&[], &[]]);
    }

    /// Puts a segment with `text`, in up to two pieces, on the wire.
    // What is known of the segment where it is made need not be put together first.
    #[inline(always)]
    pub(crate) fn transmit_text(&mut self, segment: &Head, text: [&[u8]; 2]) {
        if self.blocked {
            return;
        }
        let mut datagram = self.memory();
        datagram.clear();
        segment.write(text, &mut datagram);
        self.put(datagram);
    }

    /// The same for a segment of the form that nearly all have.
    #[inline]
    pub(crate) fn transmit_usual(
        &mut self,
        segment: &Usual,
        carrier: Carrier<'_>,
        text: [&[u8]; 2],
    ) {
        if self.blocked {
            return;
        }
        let mut datagram = self.memory();
        segment.write(carrier, text, &mut datagram);
        self.put(datagram);
    }

    /// Memory for a datagram, with what it was used for before.
    fn memory(&mut self) -> Vec<u8> {
        let memory = self.spare.pop().unwrap_or_default();
        self.spare_bytes -= memory.capacity();
        memory
    }

    /// The datagram that was put on the wire last, if it is still here.
    #[cfg(feature = "mutants")]
    pub(crate) fn latest(&mut self) -> Option<&mut Vec<u8>> {
        self.datagrams.back_mut()
    }

    fn put(&mut self, datagram: Vec<u8>) {
        self.queued += datagram.len();
        self.datagrams.push_back(datagram);
    }

    /// The oldest of all.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Output> {
        if let Some((before, _)) = self.events.front()
            && *before <= self.taken
        {
            return self
                .events
                .pop_front()
                .map(|(_, event)| Output::Event(event));
        }
        let datagram = self.datagrams.pop_front()?;
        self.taken += 1;
        self.queued -= datagram.len();
        Some(Output::Transmit(datagram))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.events.is_empty()
    }

    /// Bytes of datagrams that wait to be asked for.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes of memory that packets and events take that were not asked for. What is kept for later packets is no
    /// part of it.
    pub(crate) fn held(&self) -> usize {
        self.queued + self.events.len() * size_of::<(u64, Event)>()
    }

    /// Whether the link takes nothing, so that nothing that can wait should be sent.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// From now on the link takes nothing, or does again.
    pub(crate) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// Takes memory back for later datagrams.
    pub(crate) fn recycle(&mut self, memory: Vec<u8>) {
        let size = memory.capacity();
        if self.spare_bytes + size <= MOST_SPARE {
            self.spare_bytes += size;
            self.spare.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::SeqNum;
    use crate::socket::SocketId;
    use crate::window::UnscaledWindow;
    use crate::wire::options::Timestamps;
    use core::net::SocketAddr;

    fn segment(port: u16) -> Head {
        let end = |last, port| SocketAddr::from(([192, 0, 2, last], port));
        Head::head(end(1, port), end(2, 80))
    }

    fn event() -> Event {
        Event::IcmpIgnored {
            id: Some(SocketId::new(1, 0)),
        }
    }

    #[test]
    fn packets_and_events_keep_their_order() {
        let mut outbox = Outbox::default();
        let mut expected = Vec::new();
        for (index, is_event) in [false, true, true, false, false, true]
            .into_iter()
            .enumerate()
        {
            if is_event {
                outbox.event(event());
                expected.push(Output::Event(event()));
            } else {
                let segment = segment(1000 + index as u16);
                outbox.transmit(&segment);
                expected.push(Output::Transmit(segment.with_text([]).emit()));
            }
            if index == 3 {
                assert_eq!(outbox.pop().as_ref(), expected.first());
                assert_eq!(outbox.queued(), 40);
            }
        }
        let rest: Vec<Output> = core::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(rest, expected[1..]);
        assert!(outbox.is_empty());
    }

    /// Segments of either form are lost, and take no memory with them.
    #[test]
    fn a_link_that_takes_nothing_gets_nothing() {
        let mut outbox = Outbox::default();
        outbox.recycle(Vec::with_capacity(100));
        let (src, dst) = (segment(1).src, segment(1).dst);
        let usual = Usual {
            seq: SeqNum::new(1),
            ack: SeqNum::new(2),
            psh: true,
            wnd: UnscaledWindow::new(3),
            timestamps: Timestamps { value: 4, echo: 5 },
        };
        let carrier = Carrier {
            src: &src,
            dst: &dst,
            ttl: 64,
            traffic_class: 0,
        };
        for (blocked, queued) in [(true, 0), (false, 40 + 52 + 1)] {
            outbox.set_blocked(blocked);
            outbox.transmit(&segment(1));
            outbox.transmit_usual(&usual, carrier, [b"x", b""]);
            assert_eq!((outbox.queued(), outbox.is_empty()), (queued, blocked));
            assert_eq!(outbox.spare.len(), usize::from(blocked));
        }
    }

    #[test]
    fn memory_is_used_again_and_not_hoarded() {
        let mut outbox = Outbox::default();
        outbox.recycle(Vec::with_capacity(MOST_SPARE / 2));
        outbox.recycle(Vec::with_capacity(MOST_SPARE));
        outbox.recycle(Vec::with_capacity(MOST_SPARE / 2));
        outbox.recycle(Vec::with_capacity(1));
        let capacities = [0; 3].map(|_| {
            outbox.transmit(&segment(1));
            match outbox.pop() {
                Some(Output::Transmit(datagram)) => datagram.capacity(),
                _ => 0,
            }
        });
        assert_eq!(capacities[..2], [MOST_SPARE / 2; 2]);
        assert!(capacities[2] < 100);
    }
}
