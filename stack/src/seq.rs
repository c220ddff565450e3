//! Sequence numbers.

/// A sequence number (RFC 9293 §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqNum(u32);

impl SeqNum {
    /// The number `raw`.
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The 32 bits.
    pub const fn raw(self) -> u32 {
        self.0
    }
}
