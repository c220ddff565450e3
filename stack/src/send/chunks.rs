//! Where what was never sent may be cut, for a sender that leaves the cutting into segments to what
//! lies below it (segmentation offload): the pieces that SEND made of the stream.
//!
//! A chunk grows while it is unsent, up to a size the peer's window suggests; one that ends a record
//! does not. PSH stands at the end of a chunk, so that a later SEND which adds to it takes the mark
//! along.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::seq::SeqNum;

/// A stretch of the send queue that begins where the one before it ends, or at SND.NXT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The number after its last byte.
    pub(crate) end: SeqNum,
    /// PSH belongs on its last segment.
    pub(crate) push: bool,
    /// It ends a record: nothing joins it.
    pub(crate) closed: bool,
}

/// The chunks of a connection, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks {
    /// None before the first.
    #[expect(
        clippy::box_collection,
        reason = "a connection that sends nothing, or without chunks, has room for a pointer only"
    )]
    list: Option<Box<VecDeque<Chunk>>>,
}

impl Chunks {
    /// Forgets what ends at or before `nxt`: it was sent.
    pub(crate) fn sent_to(&mut self, nxt: SeqNum) {
        let Some(list) = &mut self.list else {
            return;
        };
        while list.front().is_some_and(|c| c.end.at_or_before(nxt)) {
            list.pop_front();
        }
    }

    /// The first chunk that was not sent entirely.
    pub(crate) fn first(&self) -> Option<Chunk> {
        self.list.as_ref()?.front().copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.as_ref().map_or(0, |list| list.len())
    }

    /// Bytes of memory that they take.
    pub(crate) fn held(&self) -> usize {
        self.len() * size_of::<Chunk>()
    }

    /// Up to how many of `len` bytes behind `end`, the end of the queue, the last chunk may take, and
    /// whether a new one was begun for them. `nxt` is SND.NXT, `goal` the size of a full chunk.
    pub(crate) fn append(
        &mut self,
        nxt: SeqNum,
        end: SeqNum,
        len: u32,
        goal: u32,
        first_of_call: bool,
    ) -> u32 {
        self.sent_to(nxt);
        let list = self.list.get_or_insert_default();
        let start = match list.len() {
            0 => None,
            1 => Some(nxt),
            n => Some(list[n - 2].end),
        };
        if let (Some(start), Some(last)) = (start, list.back_mut()) {
            let has = start.span_to(last.end);
            if !last.closed && has < goal {
                let taken = len.min(goal - has);
                last.end += taken;
                last.push &= !first_of_call;
                return taken;
            }
        }
        let taken = len.min(goal);
        list.push_back(Chunk {
            end: end + taken,
            push: false,
            closed: false,
        });
        taken
    }

    /// PSH belongs behind what is queued.
    pub(crate) fn push(&mut self) {
        if let Some(last) = self.last() {
            last.push = true;
        }
    }

    /// What is queued ends a record.
    pub(crate) fn close(&mut self) {
        if let Some(last) = self.last() {
            last.closed = true;
        }
    }

    fn last(&mut self) -> Option<&mut Chunk> {
        self.list.as_mut()?.back_mut()
    }

    /// Lets the first chunk take up to `missing` bytes from those behind it.
    pub(crate) fn grow_first(&mut self, missing: u32) {
        let Some(list) = &mut self.list else {
            return;
        };
        let (Some(first), Some(second)) = (list.front().copied(), list.get(1).copied()) else {
            return;
        };
        if first.closed {
            return;
        }
        let available = first.end.span_to(second.end);
        if missing < available {
            list[0].end += missing;
            return;
        }
        list.pop_front();
        list[0].push |= first.push;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const NXT: SeqNum = SeqNum::new(u32::MAX - 1000);

    /// Appends `len` bytes, as one call that pushes does.
    fn write(chunks: &mut Chunks, at: &mut u32, nxt: SeqNum, mut len: u32) {
        let mut first = true;
        while len > 0 {
            let taken = chunks.append(nxt, NXT + *at, len, 1000, first);
            first = false;
            *at += taken;
            len -= taken;
        }
        chunks.push();
    }

    fn shape(chunks: &Chunks) -> Vec<(u32, bool)> {
        let shape = |chunk: &Chunk| (NXT.span_to(chunk.end), chunk.push);
        chunks
            .list
            .iter()
            .flat_map(|list| list.iter())
            .map(shape)
            .collect()
    }

    #[test]
    fn calls_share_a_chunk_and_only_the_last_one_pushes() {
        let (mut chunks, mut at) = (Chunks::default(), 0);
        write(&mut chunks, &mut at, NXT, 400);
        write(&mut chunks, &mut at, NXT, 300);
        assert_eq!(shape(&chunks), [(700, true)]);
        write(&mut chunks, &mut at, NXT, 1500);
        assert_eq!(shape(&chunks), [(1000, false), (2000, false), (2200, true)]);
    }

    #[test]
    fn what_was_sent_makes_room_in_a_chunk() {
        let (mut chunks, mut at) = (Chunks::default(), 0);
        write(&mut chunks, &mut at, NXT, 1000);
        write(&mut chunks, &mut at, NXT + 600, 500);
        assert_eq!(shape(&chunks), [(1500, true)]);
        write(&mut chunks, &mut at, NXT + 1500, 10);
        assert_eq!(shape(&chunks), [(1510, true)]);
    }

    #[test]
    fn nothing_joins_what_ends_a_record() {
        let (mut chunks, mut at) = (Chunks::default(), 0);
        write(&mut chunks, &mut at, NXT, 100);
        chunks.close();
        write(&mut chunks, &mut at, NXT, 100);
        assert_eq!(shape(&chunks), [(100, true), (200, true)]);
        chunks.grow_first(1000);
        assert_eq!(shape(&chunks), [(100, true), (200, true)]);
    }

    #[test]
    fn the_first_grows_at_the_cost_of_the_second() {
        let (mut chunks, mut at) = (Chunks::default(), 0);
        write(&mut chunks, &mut at, NXT, 1800);
        chunks.grow_first(300);
        assert_eq!(shape(&chunks), [(1300, false), (1800, true)]);
        chunks.grow_first(500);
        assert_eq!(shape(&chunks), [(1800, true)]);
        chunks.grow_first(500);
        assert_eq!(
            (chunks.len(), chunks.first().map(|c| c.push)),
            (1, Some(true))
        );
    }
}
