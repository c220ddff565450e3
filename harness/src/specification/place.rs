//! Where the numbers of a segment lie, seen from the connection.

use super::facts::Facts;
use super::segment::Segment;
use super::table::State;

/// The variables of a connection (RFC 9293 §3.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// IRS; in the states without one, any number.
    pub irs: u32,
    /// ISS; in the states without one, any number.
    pub iss: u32,
    /// Somebody listens for new connections.
    pub listens: bool,
    /// Our FIN has been sent.
    pub fin_sent: bool,
    /// The user has closed, and not only shut down his own direction: nobody will read.
    pub nobody_reads: bool,
    /// The user has closed before the connection was established: the FIN follows at once (§3.10.4).
    pub close_queued: bool,
    /// RCV.NXT; in the states without one, where the peer's numbers begin.
    pub rcv_nxt: u32,
    /// RCV.WND.
    pub rcv_wnd: u32,
    /// SND.UNA.
    pub snd_una: u32,
    /// SND.NXT.
    pub snd_nxt: u32,
    /// MAX.SND.WND (RFC 5961 §5.2).
    pub max_snd_wnd: u32,
}

impl Place {
    /// Where a connection stands once this SYN of the peer is taken: its numbers count from there, ours
    /// from our SYN.
    pub fn after_syn(&self, segment: &Segment, state: State) -> Place {
        let snd_una = match state {
            State::Established => segment.ack,
            _ => self.iss,
        };
        Place {
            irs: segment.seq,
            rcv_nxt: segment.seq.wrapping_add(1),
            snd_una,
            snd_nxt: self.iss.wrapping_add(1),
            fin_sent: false,
            ..*self
        }
    }

    /// The state that follows where a handshake ends: FIN-WAIT-1 if the user has closed already (§3.10.4).
    pub fn or_closing(&self, state: State) -> State {
        match state {
            State::Established if self.close_queued => State::FinWait1,
            state => state,
        }
    }

    /// How far behind RCV.NXT a number lies; negative before it.
    fn offset(&self, number: u32) -> i64 {
        i64::from(number.wrapping_sub(self.rcv_nxt) as i32)
    }

    /// `RCV.NXT =< number < RCV.NXT + RCV.WND`; in a closed window RCV.NXT itself (§3.10.7.4, first: valid
    /// ACKs, URGs and RSTs are to be accepted there).
    pub fn in_window(&self, number: u32) -> bool {
        number.wrapping_sub(self.rcv_nxt) < self.rcv_wnd.max(1)
    }

    /// The test of RFC 9293 §3.4, table 6.
    pub fn acceptable(&self, segment: &Segment, facts: Facts) -> bool {
        match segment.seg_len() {
            0 => self.in_window(segment.seq),
            len => {
                let last = segment.seq.wrapping_add(len - 1);
                // The table's two tests miss a segment that begins before the window and ends behind it.
                let covers = facts.takes_covering_segment
                    && self.offset(segment.seq) < 0
                    && self.offset(last) >= 0;
                self.rcv_wnd > 0 && (self.in_window(segment.seq) || self.in_window(last) || covers)
            }
        }
    }

    /// Text or a FIN comes to a closed window: none of it is taken, and all else that the segment says.
    pub fn is_probed(&self, segment: &Segment) -> bool {
        self.rcv_wnd == 0
            && segment.seq == self.rcv_nxt
            && segment.seg_len() > 0
            && !segment.flags.syn
    }

    /// What the window holds of a segment's text and FIN. A SYN that comes this far was just taken.
    pub fn trim(&self, segment: &Segment) -> Trimmed {
        let controls = u32::from(segment.flags.syn);
        let first = self.offset(segment.seq.wrapping_add(controls));
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
pub struct Trimmed {
    /// Bytes of text.
    pub text: u32,
    /// The FIN.
    pub fin: bool,
    /// Nothing is missing in front of them.
    pub in_order: bool,
}
