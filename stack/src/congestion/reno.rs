//! Slow start and congestion avoidance as RFC 5681 §3.1 has them, counting bytes (RFC 3465).

/// What slow start adds for `acked` bytes: for each acknowledgment at most `limit` segments, the L
/// of RFC 3465 §2.2.
// REQ: RFC5681-6
pub fn slow_start(acked: u32, smss: u32, limit: u32) -> u32 {
    acked.min(smss.saturating_mul(limit))
}

/// The threshold after a loss with `flight` bytes out: half of them, at least two segments.
// REQ: RFC5681-9
pub fn threshold_after_loss(flight: u32, smss: u32) -> u32 {
    remains(flight).max(smss.saturating_mul(2))
}

/// What congestion leaves of `flight` bytes.
pub const fn remains(flight: u32) -> u32 {
    flight / 2
}

/// Congestion avoidance, counting bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reno {
    /// Bytes acknowledged since the window grew last.
    acked: u32,
}

impl Reno {
    /// What avoidance adds for `acked` bytes: a segment for each window that was acknowledged.
    // REQ: RFC5681-7
    pub fn avoidance(&mut self, acked: u32, cwnd: u32, smss: u32) -> u32 {
        self.acked = self.acked.saturating_add(acked);
        if self.acked < cwnd {
            return 0;
        }
        self.acked -= cwnd;
        smss
    }

    /// A loss ended the count.
    pub fn restart(&mut self) {
        self.acked = 0;
    }
}
