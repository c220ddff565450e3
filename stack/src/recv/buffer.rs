//! The receive buffer: bytes ready for the user, and bytes that wait for earlier ones.
//!
//! Out-of-order bytes are stored at the place where they belong, inside the window, so they never
//! compete with in-order bytes for room. Of bytes that arrive twice the first copy stays: a later
//! one cannot change what may have been acknowledged. Nothing behind a FIN is taken.

use super::assembler::{Assembler, Island};
use crate::ring::Ring;
use crate::wire::checksum::Checksum;

/// What became of the text of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inserted {
    /// By how many bytes RCV.NXT advances.
    pub advanced: u32,
    /// Bytes stored behind a gap and not there before.
    pub out_of_order: u32,
    /// Bytes thrown away: behind the window, behind a FIN, or one island too many.
    pub refused: u32,
}

/// Received text from the oldest unread byte on. Offsets count from RCV.NXT.
#[derive(Clone, Debug)]
pub struct RecvBuffer {
    /// Unread bytes, then the window as far as something arrived in it; gaps hold anything.
    bytes: Ring,
    readable: u32,
    capacity: u32,
    assembler: Assembler<{ RecvBuffer::MAX_ISLANDS }>,
    fin: Option<u32>,
}

impl RecvBuffer {
    /// The most islands of out-of-order bytes; SACK can report four at a time.
    pub const MAX_ISLANDS: usize = 128;

    /// An empty buffer for `capacity` bytes, at most 1 GiB as no window is larger.
    pub fn new(capacity: usize) -> RecvBuffer {
        RecvBuffer {
            bytes: Ring::new(),
            readable: 0,
            capacity: capacity.min(1 << 30) as u32,
            assembler: Assembler::default(),
            fin: None,
        }
    }

    /// How many bytes it may hold.
    pub const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Changes the capacity, at most 1 GiB. Bytes that are already here stay.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.min(1 << 30) as u32;
    }

    /// Bytes that the user can read now.
    pub const fn readable(&self) -> usize {
        self.readable as usize
    }

    /// Bytes from RCV.NXT on for which there is room: what may be announced as the window.
    pub const fn window(&self) -> u32 {
        self.capacity.saturating_sub(self.readable)
    }

    /// Bytes of memory that the text takes, and the list of islands.
    pub(crate) fn held(&self) -> usize {
        self.bytes.held() + size_of_val(self.islands())
    }

    /// The bytes that wait behind gaps, by rising offset.
    pub fn islands(&self) -> &[Island] {
        self.assembler.islands()
    }

    /// Takes over the text of a segment that starts `offset` bytes behind RCV.NXT. What lies
    /// before RCV.NXT the caller has trimmed.
    pub fn insert(&mut self, offset: u32, text: &[u8]) -> Inserted {
        // REQ: RFC9293-SHLD-31
        let limit = self.window().min(self.fin.unwrap_or(u32::MAX));
        let room = limit.saturating_sub(offset) as usize;
        let kept = &text[..text.len().min(room)];
        let mut inserted = Inserted {
            refused: (text.len() - kept.len()) as u32,
            ..Inserted::default()
        };
        if offset == 0 && self.assembler.islands().is_empty() {
            self.write(0, kept);
            self.advance(kept.len() as u32);
            inserted.advanced = kept.len() as u32;
            return inserted;
        }
        let range = offset..offset + kept.len() as u32;
        if !self.assembler.has_room_for(&range) {
            inserted.refused = text.len() as u32;
            return inserted;
        }
        let mut from = range.start;
        while let Some(piece) = self.assembler.missing(from..range.end) {
            let text = &kept[(piece.start - offset) as usize..(piece.end - offset) as usize];
            self.write(piece.start, text);
            inserted.out_of_order += piece.end - piece.start;
            from = piece.end;
        }
        let advanced = self.assembler.insert(range).unwrap_or(0);
        if advanced > 0 {
            inserted.out_of_order = 0;
        }
        self.advance(advanced);
        inserted.advanced = advanced;
        inserted
    }

    /// Takes over the text of a segment that starts at RCV.NXT, and adds it to `sum` while it is copied.
    /// False, and nothing has changed, if that is no valid checksum then, or if the text does not fit or
    /// something waits behind it.
    pub(crate) fn insert_summed(&mut self, text: &[u8], mut sum: Checksum) -> bool {
        let fits = text.len() <= self.window() as usize && self.fin.is_none();
        let last = self.bytes.len() == self.readable() && self.islands().is_empty();
        if !fits || !last {
            return false;
        }
        let Some([first, second]) = self.bytes.spare(text.len()) else {
            return false;
        };
        let (head, tail) = text.split_at(first.len());
        sum.add_copy(head, first);
        if !tail.is_empty() {
            sum.add_copy(tail, second);
        }
        let valid = sum.is_valid();
        if valid {
            self.bytes.extend(text.len());
            self.readable += text.len() as u32;
        }
        valid
    }

    /// Notes that the peer's stream ends `offset` bytes behind RCV.NXT. The first end counts;
    /// out-of-order bytes behind it are dropped. False when another end was noted before.
    pub fn mark_fin(&mut self, offset: u32) -> bool {
        if let Some(fin) = self.fin {
            return fin == offset;
        }
        self.fin = Some(offset);
        self.assembler.truncate(offset);
        self.bytes.truncate(self.readable() + offset as usize);
        true
    }

    /// Forgets what arrived out of order from `offset` bytes behind RCV.NXT on.
    #[cfg(feature = "mutants")]
    pub(crate) fn forget_behind(&mut self, offset: u32) {
        self.assembler.truncate(offset);
    }

    /// True when all text up to the peer's FIN is here, so that RCV.NXT may step over the FIN.
    pub fn fin_is_next(&self) -> bool {
        self.fin == Some(0)
    }

    /// Moves up to `buf.len()` bytes to the user and says how many.
    pub fn read(&mut self, buf: &mut [u8]) -> usize {
        let len = self.peek(0, buf);
        self.consume(len);
        len
    }

    /// Up to `len` readable bytes in one piece, where they lie. There may be more behind them.
    pub fn front(&self, len: usize) -> &[u8] {
        self.bytes.slices(0, len.min(self.readable()))[0]
    }

    /// Drops `len` readable bytes, or all there are.
    pub fn consume(&mut self, len: usize) {
        let len = len.min(self.readable());
        self.bytes.consume(len);
        self.readable -= len as u32;
    }

    /// Copies up to `buf.len()` readable bytes from position `at` on and says how many.
    pub fn peek(&self, at: usize, buf: &mut [u8]) -> usize {
        let len = self.readable().saturating_sub(at).min(buf.len());
        self.bytes.copy_to(at, &mut buf[..len])
    }

    /// Takes the readable byte at position `at` out of the stream, as urgent data out of band.
    pub fn remove(&mut self, at: usize) -> Option<u8> {
        if at >= self.readable() {
            return None;
        }
        self.readable -= 1;
        self.bytes.remove(at)
    }

    /// Throws everything away; the peer's text no longer has a reader.
    pub fn clear(&mut self) {
        self.bytes = Ring::new();
        self.readable = 0;
        self.assembler.truncate(0);
    }

    fn write(&mut self, offset: u32, text: &[u8]) {
        let at = self.readable() + offset as usize;
        self.bytes.write(at, text, self.capacity());
    }

    fn advance(&mut self, step: u32) {
        self.readable += step;
        // Nothing behind a FIN is ever inserted, so the FIN stays ahead.
        self.fin = self.fin.map(|fin| fin - step);
    }
}

#[cfg(test)]
mod tests;
