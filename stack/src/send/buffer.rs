//! The send queue: text from the first unacknowledged byte on.

use crate::ring::Ring;
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// Text that the peer has not acknowledged, sent or not. Offsets count from the first byte, whose
/// sequence number is SND.UNA once the SYN is acknowledged.
#[derive(Clone, Debug)]
pub struct SendBuffer {
    bytes: Ring,
    /// At most 1 GiB, as no window is larger.
    capacity: u32,
    /// Bytes acknowledged so far, the origin of `pushes`.
    acknowledged: u64,
    /// Ends of pushed writes as positions in the whole stream, rising; none before the first write.
    #[expect(
        clippy::box_collection,
        reason = "a connection that sends nothing has room for a pointer, not for a queue"
    )]
    pushes: Option<Box<VecDeque<u64>>>,
}

impl SendBuffer {
    /// An empty queue for `capacity` bytes.
    pub fn new(capacity: usize) -> SendBuffer {
        SendBuffer {
            bytes: Ring::new(),
            capacity: SendBuffer::bounded(capacity),
            acknowledged: 0,
            pushes: None,
        }
    }

    /// How many bytes it may hold.
    pub const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Changes the capacity. Bytes that are already here stay.
    pub const fn set_capacity(&mut self, capacity: usize) {
        self.capacity = SendBuffer::bounded(capacity);
    }

    const fn bounded(capacity: usize) -> u32 {
        if capacity < 1 << 30 {
            capacity as u32
        } else {
            1 << 30
        }
    }

    /// Bytes in the queue.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of memory that the text takes, and the marks between its writes.
    pub(crate) fn held(&self) -> usize {
        let marks = self.pushes.as_ref().map_or(0, |pushes| pushes.len());
        self.bytes.held() + marks * size_of::<u64>()
    }

    /// Bytes that [`write`](Self::write) would take.
    pub fn free(&self) -> usize {
        self.capacity().saturating_sub(self.bytes.len())
    }

    /// Whether so much has become free that a writer who found it full should come again: a third.
    pub fn has_room_again(&self) -> bool {
        self.free() * 2 >= self.bytes.len().max(1)
    }

    /// Appends as much of `data` as there is room for and says how much. With `push` the end of a
    /// write that went in whole is marked (RFC 9293 §3.9.1.2).
    pub fn write(&mut self, data: &[u8], push: bool) -> usize {
        let len = data.len().min(self.free());
        self.bytes
            .write(self.bytes.len(), &data[..len], self.capacity());
        if push && len == data.len() {
            self.push();
        }
        len
    }

    /// Lets `fill` write up to `most` bytes behind the queue in one piece, and appends as many as it
    /// says. The piece may be shorter than what is free. With `push` the end is marked.
    pub fn write_with(
        &mut self,
        most: usize,
        push: bool,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        let room = self.free().min(most);
        let len = self.bytes.write_with(room, self.capacity(), fill);
        if push && len > 0 {
            self.push();
        }
        len
    }

    /// Marks the present end of the queue as pushed.
    pub fn push(&mut self) {
        let end = self.acknowledged + self.bytes.len() as u64;
        if self.bytes.is_empty() {
            return;
        }
        let pushes = self.pushes.get_or_insert_default();
        if pushes.back() != Some(&end) {
            pushes.push_back(end);
        }
    }

    /// True when a segment of the `len` bytes from `offset` on ends where a pushed write ends, so
    /// that the PSH bit belongs there (RFC 9293 §3.9.1.2).
    pub fn ends_pushed(&self, offset: usize, len: usize) -> bool {
        let end = self.acknowledged + (offset + len) as u64;
        let Some(pushes) = self.pushes.as_ref().filter(|_| len > 0) else {
            return false;
        };
        // Where the next step of a search would go nobody can guess; a few are sooner looked at.
        if pushes.len() <= 8 {
            pushes.contains(&end)
        } else {
            pushes.binary_search(&end).is_ok()
        }
    }

    /// Up to `len` bytes from `offset` on, where they lie: in one piece or two.
    pub fn slices(&self, offset: usize, len: usize) -> [&[u8]; 2] {
        self.bytes.slices(offset, len)
    }

    /// The peer has the first `len` bytes: they are dropped. More than there are count as all.
    pub fn acknowledge(&mut self, len: usize) {
        let len = len.min(self.bytes.len());
        self.bytes.consume(len);
        self.acknowledged += len as u64;
        let Some(pushes) = &mut self.pushes else {
            return;
        };
        while pushes.front().is_some_and(|end| *end <= self.acknowledged) {
            pushes.pop_front();
        }
    }

    /// Bytes that the peer has acknowledged, ever.
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// As if so many bytes had been acknowledged.
    #[cfg(test)]
    pub(crate) const fn set_acknowledged(&mut self, bytes: u64) {
        self.acknowledged = bytes;
    }

    /// Throws everything away, and the memory for it.
    pub fn clear(&mut self) {
        self.bytes = Ring::new();
        self.pushes = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn copy(buffer: &SendBuffer, offset: usize, len: usize) -> Vec<u8> {
        buffer.slices(offset, len).concat()
    }

    #[test]
    fn writes_are_cut_at_the_capacity() {
        let mut buffer = SendBuffer::new(5);
        assert_eq!(buffer.write(b"abc", true), 3);
        assert_eq!(buffer.write(b"defg", true), 2);
        assert_eq!((buffer.len(), buffer.free()), (5, 0));
        assert_eq!(buffer.write(b"h", true), 0);
        buffer.acknowledge(2);
        assert_eq!(buffer.free(), 2);
        assert_eq!(copy(&buffer, 0, 100), b"cde");
        assert_eq!(copy(&buffer, 1, 1), b"d");
        assert_eq!(copy(&buffer, 3, 1), b"");
        assert_eq!(copy(&buffer, 9, usize::MAX), b"");
    }

    #[test]
    fn a_push_mark_stands_at_the_end_of_a_whole_write() {
        let mut buffer = SendBuffer::new(10);
        buffer.write(b"abcd", true);
        buffer.write(b"ef", false);
        buffer.write(b"ghijkl", true);
        let marked: Vec<usize> = (1..=10).filter(|end| buffer.ends_pushed(0, *end)).collect();
        assert_eq!(marked, [4]);
        assert!(buffer.ends_pushed(3, 1));
        assert!(!buffer.ends_pushed(4, 0));
        buffer.push();
        assert!(buffer.ends_pushed(6, 4));
        buffer.acknowledge(4);
        assert!(!buffer.ends_pushed(0, 4));
        assert!(buffer.ends_pushed(0, 6));
    }

    #[test]
    fn every_one_of_many_marks_is_found() {
        let mut buffer = SendBuffer::new(100);
        for writes in 1..=20 {
            buffer.write(b"abc", true);
            let marked = (1..=buffer.len()).filter(|end| buffer.ends_pushed(0, *end));
            assert!(marked.eq((1..=writes).map(|write| 3 * write)));
        }
    }

    #[test]
    fn a_smaller_capacity_leaves_no_room_but_drops_nothing() {
        let mut buffer = SendBuffer::new(10);
        buffer.write(b"abcdef", true);
        buffer.set_capacity(3);
        assert_eq!((buffer.len(), buffer.free(), buffer.capacity()), (6, 0, 3));
        buffer.clear();
        assert!(buffer.is_empty());
        assert_eq!(buffer.free(), 3);
        buffer.acknowledge(1);
        assert!(buffer.is_empty());
    }

    proptest! {
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec((any::<Vec<u8>>(), 0usize..50), 0..30)) {
            let mut buffer = SendBuffer::new(300);
            let mut model: Vec<u8> = Vec::new();
            for (data, acknowledged) in steps {
                let len = buffer.write(&data, false);
                prop_assert_eq!(len, data.len().min(300 - model.len()));
                model.extend(&data[..len]);
                prop_assert_eq!(copy(&buffer, 0, usize::MAX), &model[..]);
                buffer.acknowledge(acknowledged);
                model.drain(..acknowledged.min(model.len()));
                prop_assert_eq!(buffer.len(), model.len());
            }
        }
    }
}
