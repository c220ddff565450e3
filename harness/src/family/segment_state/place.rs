//! Where the numbers of a segment lie, seen from the connection.

use super::facts::Facts;
use super::segment::Segment;
use super::table::State;

/// The window the stack is made to offer: a whole number of segments, since some stacks round it so.
pub(super) const WINDOW: u32 = 7300;
/// The window the peer offers, so small that what is older than it is soon reached.
pub(super) const PEER_WINDOW: u32 = 100;
/// The variables of a connection (RFC 9293 §3.3.1), in script numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// RCV.NXT; in the states without one, where the peer's numbers begin.
    pub(super) rcv_nxt: u32,
    /// RCV.WND.
    pub(super) rcv_wnd: u32,
    /// SND.UNA.
    pub(super) snd_una: u32,
    /// SND.NXT.
    pub(super) snd_nxt: u32,
    /// MAX.SND.WND (RFC 5961 §5.2).
    pub(super) max_snd_wnd: u32,
}

impl Place {
    /// Where a connection in this state stands, as `opening` brings it there.
    pub(super) fn of(state: State, facts: Facts) -> Place {
        let (rcv_nxt, snd_una, snd_nxt) = match state {
            State::Closed | State::Listen => (0, 5000, 5000),
            State::SynSent => (0, 0, 1),
            State::SynReceived | State::SynReceivedActive => (1, 0, 1),
            State::Established => (1, 151, 201),
            State::FinWait1 => (1, 151, 202),
            State::FinWait2 => (1, 202, 202),
            State::CloseWait => (2, 151, 201),
            State::Closing | State::LastAck => (2, 151, 202),
            State::TimeWait => (2, 202, 202),
        };
        let has_fin = rcv_nxt == 2;
        let over_fin = u32::from(has_fin && !facts.window_passes_fin);
        Place {
            rcv_nxt,
            rcv_wnd: WINDOW - over_fin,
            snd_una,
            snd_nxt,
            max_snd_wnd: PEER_WINDOW,
        }
    }

    /// Where a connection stands once a SYN of the peer is taken: its numbers count from there, ours
    /// from our SYN.
    pub(super) fn after_syn(&self, state: State) -> Place {
        Place {
            rcv_nxt: 1,
            snd_una: u32::from(state == State::Established),
            snd_nxt: 1,
            ..*self
        }
    }

    /// How far behind RCV.NXT a number lies; negative before it.
    fn offset(&self, number: u32) -> i64 {
        i64::from(number.wrapping_sub(self.rcv_nxt) as i32)
    }

    /// `RCV.NXT =< number < RCV.NXT + RCV.WND`.
    pub(super) fn in_window(&self, number: u32) -> bool {
        number.wrapping_sub(self.rcv_nxt) < self.rcv_wnd
    }

    /// The test of RFC 9293 §3.4, table 6, for a window that is open.
    pub(super) fn acceptable(&self, segment: &Segment) -> bool {
        match segment.len() {
            0 => self.in_window(segment.seq),
            len => {
                let last = segment.seq.wrapping_add(len - 1);
                self.in_window(segment.seq) || self.in_window(last)
            }
        }
    }

    /// What the window holds of a segment's text and FIN. A SYN that comes this far was just taken.
    pub(super) fn trim(&self, segment: &Segment) -> Trimmed {
        let first = match segment.flags.syn {
            true => 0,
            false => self.offset(segment.seq),
        };
        let behind = first + i64::from(segment.text);
        let edge = i64::from(self.rcv_wnd);
        let (from, to) = (first.max(0), behind.min(edge));
        let text = u32::try_from(to - from).unwrap_or(0);
        Trimmed {
            text,
            fin: segment.flags.fin && (0..edge).contains(&behind),
            in_order: from == 0,
        }
    }
}

/// What is left of a segment within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trimmed {
    /// Bytes of text.
    pub(super) text: u32,
    /// The FIN.
    pub(super) fin: bool,
    /// Nothing is missing in front of them.
    pub(super) in_order: bool,
}
