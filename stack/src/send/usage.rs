//! Whether the congestion window is what holds the sender back, judged by whole windows: only then may
//! it grow (RFC 7661 §4.3 asks for such a rule, RFC 9438 §5.8 names one).

use crate::seq::SeqNum;

/// What is known of the present window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// It was used up at some moment.
    limited: bool,
    /// Most segments that were out at a time, while it was not.
    most_out: u32,
    /// SND.NXT when this was noted; `None` before anything was sent.
    until: Option<SeqNum>,
}

impl Usage {
    /// Something was sent, or only the congestion window stopped it. `out` segments are not
    /// acknowledged.
    pub(crate) fn note(&mut self, una: SeqNum, nxt: SeqNum, out: u32, limited: bool) {
        let over = self.until.is_none_or(|until| una.at_or_after(until));
        if over || limited || (!self.limited && out > self.most_out) {
            *self = Usage {
                limited,
                most_out: out,
                until: Some(nxt),
            };
        }
    }

    /// Whether the window of `segments` is what holds the sender back. In slow start it may become
    /// twice what was out.
    pub(crate) const fn is_limited(&self, segments: u32, slow_start: bool) -> bool {
        self.limited || (slow_start && segments < 2 * self.most_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NXT: SeqNum = SeqNum::new(u32::MAX - 2);

    #[test]
    fn in_slow_start_the_window_may_become_twice_what_was_out() {
        let mut usage = Usage::default();
        usage.note(NXT, NXT + 6, 6, false);
        assert!(usage.is_limited(11, true));
        assert!(!usage.is_limited(12, true));
        assert!(!usage.is_limited(11, false));
    }

    #[test]
    fn a_window_that_was_used_up_counts_until_it_is_acknowledged() {
        let mut usage = Usage::default();
        usage.note(NXT, NXT + 10, 10, true);
        usage.note(NXT + 9, NXT + 11, 2, false);
        assert!(usage.is_limited(1000, false));
        usage.note(NXT + 10, NXT + 12, 2, false);
        assert!(!usage.is_limited(1000, false));
    }

    #[test]
    fn the_most_that_was_out_counts() {
        let mut usage = Usage::default();
        usage.note(NXT, NXT + 4, 4, false);
        usage.note(NXT + 2, NXT + 5, 3, false);
        assert!(usage.is_limited(7, true));
        usage.note(NXT + 3, NXT + 9, 6, false);
        assert!(usage.is_limited(11, true));
    }
}
