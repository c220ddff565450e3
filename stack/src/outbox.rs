//! What a host has to say and was not asked for yet, and the memory of datagrams that were.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::Event;
use crate::host::Output;
use crate::segment::Head;

/// Memory of used datagrams is kept up to this many bytes.
const MOST_SPARE: usize = 4 << 20;

/// Packets and events, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
    /// Bytes of the datagrams in `queue`.
    queued: usize,
    /// Memory for the next datagrams.
    spare: Vec<Vec<u8>>,
    /// Bytes that `spare` has room for.
    spare_bytes: usize,
}

impl Outbox {
    /// Reports a fact.
    pub(crate) fn event(&mut self, event: Event) {
        self.queue.push_back(Output::Event(event));
    }

    /// Puts a segment without text on the wire.
    pub(crate) fn transmit(&mut self, segment: &Head) {
        self.transmit_text(segment, [&[], &[]]);
    }

    /// Puts a segment with `text`, in up to two pieces, on the wire.
    pub(crate) fn transmit_text(&mut self, segment: &Head, text: [&[u8]; 2]) {
        let mut datagram = self.spare.pop().unwrap_or_default();
        self.spare_bytes -= datagram.capacity();
        segment.write(text, &mut datagram);
        self.queued += datagram.len();
        self.queue.push_back(Output::Transmit(datagram));
    }

    /// The oldest of all.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        let output = self.queue.pop_front()?;
        if let Output::Transmit(datagram) = &output {
            self.queued -= datagram.len();
        }
        Some(output)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of datagrams that wait to be asked for.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Takes memory back for later datagrams.
    pub(crate) fn recycle(&mut self, mut memory: Vec<u8>) {
        let size = memory.capacity();
        if self.spare_bytes + size <= MOST_SPARE {
            memory.clear();
            self.spare_bytes += size;
            self.spare.push(memory);
        }
    }
}
