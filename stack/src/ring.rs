//! A queue of bytes in one piece of memory that grows when it has to and is used again and again.
//!
//! Unlike `VecDeque<u8>` it has bytes to write into behind its end, so that text can be put in its
//! place once, out of order and by the user's own hand.

use alloc::boxed::Box;
use alloc::vec;

/// The first piece of memory is no smaller.
const LEAST: usize = 256;

/// Bytes by their offset from the front. It has no memory before the first byte is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ring {
    memory: Box<[u8]>,
    /// Where the front is in `memory`. There are many rings without any, so its size counts; none
    /// holds 4 GiB, as no window does.
    start: u32,
    len: u32,
}

impl Ring {
    /// Nothing, and no memory for it.
    pub(crate) fn new() -> Ring {
        Ring::default()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory that it has taken, in use or not.
    pub(crate) const fn held(&self) -> usize {
        self.memory.len()
    }

    /// Up to `len` bytes from `offset` on, in two pieces where they lie across the end of memory.
    pub(crate) fn slices(&self, offset: usize, len: usize) -> [&[u8]; 2] {
        let offset = offset.min(self.len());
        let len = len.min(self.len() - offset);
        let from = self.place(offset);
        let first = len.min(self.memory.len() - from);
        [
            &self.memory[from..from + first],
            &self.memory[..len - first],
        ]
    }

    /// Copies as many bytes from `offset` on as there are and `to` has room for; says how many.
    pub(crate) fn copy_to(&self, offset: usize, to: &mut [u8]) -> usize {
        let [first, second] = self.slices(offset, to.len());
        to[..first.len()].copy_from_slice(first);
        to[first.len()..first.len() + second.len()].copy_from_slice(second);
        first.len() + second.len()
    }

    /// Puts `data` at `offset`, over what is there and behind it. Of bytes before it that were never
    /// written nothing is promised. `most` is how long the queue may become, so that no more memory
    /// is taken.
    pub(crate) fn write(&mut self, offset: usize, data: &[u8], most: usize) {
        let end = offset + data.len();
        self.make_room(end, most);
        let from = self.place(offset);
        let first = data.len().min(self.memory.len() - from);
        let (head, tail) = data.split_at(first);
        self.memory[from..from + first].copy_from_slice(head);
        self.memory[..tail.len()].copy_from_slice(tail);
        self.len = self.len.max(end as u32);
    }

    /// Lets `fill` write behind the end, up to `len` bytes in one piece, and keeps as many of them as
    /// it says. That may be fewer bytes than could be written in two pieces.
    pub(crate) fn write_with(
        &mut self,
        len: usize,
        most: usize,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        self.make_room(self.len() + len, most);
        let from = self.place(self.len());
        let len = len.min(self.memory.len() - from);
        let filled = fill(&mut self.memory[from..from + len]).min(len);
        self.len += filled as u32;
        filled
    }

    /// `len` bytes behind the end, in two pieces where they lie across the end of memory; `None` if
    /// memory would have to be taken for them. What is written there counts once the queue is
    /// [`extended`](Self::extend).
    pub(crate) fn spare(&mut self, len: usize) -> Option<[&mut [u8]; 2]> {
        if len > self.memory.len() - self.len() {
            return None;
        }
        let from = self.place(self.len());
        let (before, behind) = self.memory.split_at_mut(from);
        let first = len.min(behind.len());
        Some([&mut behind[..first], &mut before[..len - first]])
    }

    /// The `len` bytes behind the end, not more than there is memory for, belong to the queue.
    pub(crate) fn extend(&mut self, len: usize) {
        debug_assert!(self.len() + len <= self.memory.len());
        self.len += len as u32;
    }

    /// Drops `len` bytes at the front, or all.
    pub(crate) fn consume(&mut self, len: usize) {
        let len = len.min(self.len());
        self.start = self.place(len) as u32;
        self.len -= len as u32;
        // Text in one piece is cheaper to write and to read.
        if self.len == 0 {
            self.start = 0;
        }
    }

    /// Drops everything behind `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len().min(len) as u32;
    }

    /// Takes out the byte at `offset`; those behind it move up.
    pub(crate) fn remove(&mut self, offset: usize) -> Option<u8> {
        if offset >= self.len() {
            return None;
        }
        let byte = self.memory[self.place(offset)];
        for at in offset..self.len() - 1 {
            let (to, from) = (self.place(at), self.place(at + 1));
            self.memory[to] = self.memory[from];
        }
        self.len -= 1;
        Some(byte)
    }

    /// The place of an offset not above the size of the memory.
    fn place(&self, offset: usize) -> usize {
        let place = self.start as usize + offset;
        if place >= self.memory.len() && place > 0 {
            place - self.memory.len()
        } else {
            place
        }
    }

    fn make_room(&mut self, needed: usize, most: usize) {
        let size = self.memory.len();
        if needed <= size {
            return;
        }
        let doubled = (size * 2).max(LEAST).min(most);
        let mut memory = vec![0; needed.max(doubled)];
        let len = self.copy_to(0, &mut memory);
        debug_assert_eq!(len, self.len());
        self.memory = memory.into_boxed_slice();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn contents(ring: &Ring) -> Vec<u8> {
        ring.slices(0, usize::MAX).concat()
    }

    #[test]
    fn it_takes_no_memory_before_it_is_needed_and_no_more_than_allowed() {
        let mut ring = Ring::new();
        assert_eq!((ring.memory.len(), ring.is_empty()), (0, true));
        ring.consume(1);
        assert_eq!(contents(&ring), b"");
        ring.write(0, b"abc", 300);
        assert_eq!(ring.memory.len(), LEAST);
        ring.write(3, &[1; 290], 300);
        assert_eq!(ring.memory.len(), 300);
    }

    #[test]
    fn bytes_are_written_in_place() {
        let mut ring = Ring::new();
        assert_eq!(
            ring.write_with(3, 10, |space| {
                space.copy_from_slice(b"abc");
                3
            }),
            3
        );
        ring.consume(2);
        // Ten bytes of memory, one of them in use: seven lie behind it in one piece.
        assert_eq!(ring.write_with(9, 10, |space| space.len()), 7);
        assert_eq!((ring.len(), contents(&ring)[0]), (8, b'c'));
        assert_eq!(
            ring.write_with(2, 10, |space| {
                space.copy_from_slice(b"yz");
                9
            }),
            2
        );
        assert_eq!(contents(&ring)[8..], *b"yz");
    }

    #[derive(Clone, Debug)]
    enum Act {
        Write(usize, Vec<u8>),
        Consume(usize),
        Truncate(usize),
        Remove(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        let bytes = prop::collection::vec(any::<u8>(), 0..200);
        prop_oneof![
            4 => (0usize..400, bytes).prop_map(|(at, bytes)| Act::Write(at, bytes)),
            4 => (0usize..300).prop_map(Act::Consume),
            1 => (0usize..500).prop_map(Act::Truncate),
            1 => (0usize..500).prop_map(Act::Remove),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_queue_of_bytes(acts in prop::collection::vec(act(), 0..60)) {
            let mut ring = Ring::new();
            let mut model = VecDeque::new();
            for act in acts {
                match act {
                    Act::Write(at, bytes) => {
                        let at = at.min(model.len());
                        ring.write(at, &bytes, 1000);
                        for (index, byte) in bytes.into_iter().enumerate() {
                            match model.get_mut(at + index) {
                                Some(place) => *place = byte,
                                None => model.push_back(byte),
                            }
                        }
                    }
                    Act::Consume(len) => {
                        ring.consume(len);
                        model.drain(..len.min(model.len()));
                    }
                    Act::Truncate(len) => {
                        ring.truncate(len);
                        model.truncate(len);
                    }
                    Act::Remove(at) => prop_assert_eq!(ring.remove(at), model.remove(at)),
                }
                prop_assert_eq!(ring.len(), model.len());
                prop_assert!(contents(&ring).iter().eq(model.iter()));
                let mut part = [0; 50];
                let len = ring.copy_to(20, &mut part);
                prop_assert!(part[..len].iter().eq(model.iter().skip(20).take(50)));
            }
        }
    }
}
