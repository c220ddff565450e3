//! When to acknowledge (RFC 9293 §3.8.6.3, RFC 5681 §4.2).

/// The acknowledgment a connection owes its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// None.
    Nothing,
    /// One, within the delay.
    Soon,
    /// One, at once.
    Now,
}

/// Smallest segment that counts as full sized: what every peer may send.
const FULL_SIZE_FLOOR: u32 = 536;

/// Decides between an acknowledgment at once and a delayed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckPolicy {
    owed: Owed,
    /// In-order bytes since the last acknowledgment.
    unacknowledged: u32,
    /// Largest text seen: the peer's full size, as far as we can tell.
    full_size: u32,
    /// Acknowledgments still sent at once after the handshake.
    quick: u32,
}

impl AckPolicy {
    /// Nothing owed; the first `quick` short segments are acknowledged at once.
    pub const fn new(quick: u32) -> Self {
        Self {
            owed: Owed::Nothing,
            unacknowledged: 0,
            full_size: FULL_SIZE_FLOOR,
            quick,
        }
    }

    /// What is owed.
    pub const fn owed(&self) -> Owed {
        self.owed
    }

    /// An acknowledgment waits for its delay to pass.
    pub fn is_delayed(&self) -> bool {
        self.owed == Owed::Soon
    }

    /// Bytes that arrived in order since the last acknowledgment.
    pub const fn unacknowledged(&self) -> u32 {
        self.unacknowledged
    }

    /// An acknowledgment is owed at once.
    pub const fn now(&mut self) {
        self.owed = Owed::Now;
    }

    /// `len` bytes arrived in order, from a peer to which we announced `mss`.
    // REQ: RFC9293-SHLD-18
    // REQ: RFC9293-SHLD-19
    // REQ: RFC5681-19
    pub fn on_text(&mut self, len: u32, mss: u32) {
        self.unacknowledged = self.unacknowledged.saturating_add(len);
        self.full_size = self.full_size.max(len.min(mss));
        if self.quick > 0 && len < self.full_size {
            self.quick -= 1;
            self.owed = Owed::Now;
        } else if self.unacknowledged >= self.full_size.min(mss).saturating_mul(2) {
            self.owed = Owed::Now;
        } else if self.owed == Owed::Nothing {
            self.owed = Owed::Soon;
        }
    }

    /// A segment with the present RCV.NXT went out.
    pub const fn sent(&mut self) {
        self.owed = Owed::Nothing;
        self.unacknowledged = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::one_full(&[1460], 1460, Owed::Soon)]
    #[case::two_full(&[1460, 1460], 1460, Owed::Now)]
    #[case::two_small(&[10, 10], 1460, Owed::Soon)]
    #[case::as_many_bytes(&[1460, 700, 760], 1460, Owed::Now)]
    #[case::full_is_what_the_peer_sends(&[1000, 1000], 1460, Owed::Now)]
    #[case::we_announced_little(&[100, 100], 100, Owed::Now)]
    fn text_in_order(#[case] texts: &[u32], #[case] mss: u32, #[case] owed: Owed) {
        let mut policy = AckPolicy::new(0);
        for len in texts {
            policy.on_text(*len, mss);
        }
        assert_eq!(policy.owed(), owed);
        assert_eq!(policy.is_delayed(), owed == Owed::Soon);
    }

    #[test]
    fn sending_pays_the_debt() {
        let mut policy = AckPolicy::new(0);
        policy.on_text(1460, 1460);
        policy.sent();
        assert_eq!((policy.owed(), policy.unacknowledged()), (Owed::Nothing, 0));
        policy.on_text(1460, 1460);
        assert_eq!(policy.owed(), Owed::Soon);
        policy.now();
        assert_eq!(policy.owed(), Owed::Now);
    }

    #[test]
    fn quick_acknowledgments_run_out() {
        let mut policy = AckPolicy::new(2);
        for expected in [Owed::Now, Owed::Now, Owed::Soon] {
            policy.on_text(10, 1460);
            assert_eq!(policy.owed(), expected);
            policy.sent();
        }
    }
}
