//! What is known of a connection from outside: what each side has sent, and what has reached it.

use super::budget::{AckBudget, BackOff, SendBudget};
use super::ranges::Ranges;
use crate::segment::Segment;
use crate::seq::{SeqNum, SeqRange};
use crate::time::Instant;
use crate::window::WindowScale;
use alloc::vec::Vec;

/// One connection of the plan.
#[derive(Debug)]
pub(super) struct Flow {
    /// What each side sends.
    pub(super) ways: [Way; 2],
    /// An attacker on the path did what no TCP survives.
    pub(super) harmed: bool,
    /// Datagrams that never arrived, in either direction.
    pub(super) lost: u32,
    /// The same since an acknowledgment of something new reached each side.
    pub(super) lost_since_progress: [u32; 2],
    /// What that was when each side's connection broke.
    pub(super) lost_when_broken: [u32; 2],
    /// Whether each side's connection broke before its SYN was acknowledged.
    pub(super) broke_opening: [bool; 2],
    /// The listener answered with a cookie, and kept no state.
    pub(super) cookie_sent: bool,
    /// When a user last got something, or an acknowledgment of something new arrived.
    pub(super) last_progress: Instant,
}

impl Flow {
    /// Nothing sent yet; `budgets` of each side.
    pub(super) fn new(connection: usize, ways: [(AckBudget, BackOff, SendBudget); 2]) -> Flow {
        let mut side = 0;
        Flow {
            ways: ways.map(|(acks, back_off, sends)| {
                side += 1;
                Way::new(2 * connection + side - 1, acks, back_off, sends)
            }),
            harmed: false,
            lost: 0,
            lost_since_progress: [0; 2],
            lost_when_broken: [0; 2],
            broke_opening: [false; 2],
            cookie_sent: false,
            last_progress: Instant::ZERO,
        }
    }

    /// A datagram of either side did not arrive.
    pub(super) fn on_lost(&mut self) {
        self.lost += 1;
        for count in &mut self.lost_since_progress {
            *count += 1;
        }
    }

    /// What SYNs agreed on, if one of each side arrived.
    pub(super) fn agreed(&self, what: fn(&Offer) -> bool) -> Option<bool> {
        let [one, other] = &self.ways;
        Some(what(one.offer.as_ref()?) && what(other.offer.as_ref()?))
    }
}

/// What a SYN says, as it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) mss: Option<u16>,
    pub(super) scale: bool,
    pub(super) sack: bool,
    pub(super) timestamps: bool,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Way {
    /// Where its bytes come from.
    pub(super) stream: usize,
    /// The ISN, once anything but a SYN was sent; before that each SYN sent may tell it.
    isn: Option<SeqNum>,
    candidates: Vec<SeqNum>,
    /// It began with different numbers at the same time, as listeners do that use cookies when they
    /// run out of room: nobody outside knows which of them counts.
    pub(super) ambiguous: bool,
    /// The shift that the sender offered.
    pub(super) scale: Option<WindowScale>,
    /// What arrived at the other side of its SYN.
    pub(super) offer: Option<Offer>,
    /// The highest acknowledgment sent.
    pub(super) highest_ack: Option<SeqNum>,
    /// The end of all sent, counted from the ISN.
    sent: u32,
    /// The end of all text sent.
    pub(super) text_end: Option<SeqNum>,
    /// The furthest SEG.ACK + SEG.WND.
    pub(super) right_edge: Option<SeqNum>,
    /// The same of all that have answered with these numbers: the peer cannot tell them apart.
    pub(super) offered: Option<SeqNum>,
    /// The last TSval sent, or the latest of several SYNs.
    pub(super) last_timestamp: Option<u32>,
    /// What the other side got, counted from the ISN.
    pub(super) delivered: Ranges,
    /// The highest acknowledgment that reached the sender, counted from its ISN.
    pub(super) acked: u32,
    /// What selective acknowledgments told the sender since it last forgot.
    pub(super) sacked: Ranges,
    pub(super) acks: AckBudget,
    pub(super) probes: AckBudget,
    pub(super) back_off: BackOff,
    pub(super) sends: SendBudget,
}

impl Way {
    fn new(stream: usize, acks: AckBudget, back_off: BackOff, sends: SendBudget) -> Way {
        Way {
            stream,
            isn: None,
            candidates: Vec::new(),
            ambiguous: false,
            scale: None,
            offer: None,
            highest_ack: None,
            sent: 0,
            text_end: None,
            right_edge: None,
            offered: None,
            last_timestamp: None,
            delivered: Ranges::default(),
            acked: 0,
            sacked: Ranges::default(),
            acks,
            probes: AckBudget::of_probes(),
            back_off,
            sends,
        }
    }

    /// A SYN was sent.
    pub(super) fn has_syn(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// The ISN that `seq` counts from: the one that is known to be used, else the nearest.
    fn isn_for(&self, seq: SeqNum) -> Option<SeqNum> {
        let nearest = self
            .candidates
            .iter()
            .min_by_key(|isn| seq.raw().wrapping_sub(isn.raw()));
        self.isn.or(nearest.copied())
    }

    /// How far `seq` is from the ISN; `None` if it is before.
    pub(super) fn place(&self, seq: SeqNum) -> Option<u32> {
        let isn = self.isn_for(seq)?;
        let place = seq.raw().wrapping_sub(isn.raw());
        (place < 1 << 31).then_some(place)
    }

    /// Takes note of a segment about to be sent.
    pub(super) fn note_start(&mut self, segment: &Segment) {
        if segment.flags.syn {
            self.note_syn(segment);
        } else if self.isn.is_none() && !segment.flags.rst {
            self.isn = self.isn_for(segment.seq);
        }
        if !segment.flags.rst {
            self.sent = self.sent.max(self.place(segment.end()).unwrap_or(0));
        }
    }

    fn note_syn(&mut self, segment: &Segment) {
        self.ambiguous |= self.candidates.iter().any(|isn| *isn != segment.seq);
        let last_timestamp = self.last_timestamp;
        self.forget_acks();
        if self.candidates.contains(&segment.seq) {
            self.last_timestamp = last_timestamp;
        } else {
            self.candidates.push(segment.seq);
            self.offered = None;
        }
        self.scale = segment.options.window_scale;
    }

    /// Another connection answers with the same numbers.
    pub(super) fn forget_acks(&mut self) {
        self.highest_ack = None;
        self.right_edge = None;
        self.last_timestamp = None;
    }

    /// A segment reached the other side.
    pub(super) fn on_delivered(&mut self, segment: &Segment) {
        if segment.flags.syn {
            let options = &segment.options;
            self.offer = Some(Offer {
                mss: options.mss.map(|mss| mss.raw()),
                scale: options.window_scale.is_some(),
                sack: options.sack_permitted,
                timestamps: options.timestamps.is_some(),
            });
        }
        if let Some(start) = self.place(segment.seq) {
            self.delivered.insert(start, start + segment.len());
        }
    }

    /// An acknowledgment reached the sender. Answers how much it acknowledges that was not before,
    /// and how much selectively. One of what was never sent is dropped (RFC 9293 §3.10.7.4): the peer
    /// may have taken text that nobody wrote.
    pub(super) fn on_ack_delivered(&mut self, ack: SeqNum, blocks: &[SeqRange]) -> (u32, u32) {
        let Some(place) = self.place(ack).filter(|place| *place <= self.sent) else {
            return (0, 0);
        };
        let news = place.saturating_sub(self.acked);
        self.acked = self.acked.max(place);
        let before = self.sacked.total();
        for block in blocks {
            if let (Some(start), Some(end)) = (self.place(block.start), self.place(block.end)) {
                self.sacked.insert(start.max(self.acked), end);
            }
        }
        (news, self.sacked.total() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Flags;
    use core::time::Duration;

    #[test]
    fn what_was_never_sent_is_not_acknowledged() {
        let second = Duration::from_secs(1);
        let acks = AckBudget::new(10, second);
        let back_off = BackOff::new(second, second);
        let mut way = Way::new(0, acks, back_off, SendBudget::new(false));
        let nobody = core::net::SocketAddr::from(([192, 0, 2, 1], 1));
        let mut segment = Segment::new(nobody, nobody);
        segment.flags = Flags::SYN;
        segment.seq = SeqNum::new(u32::MAX);
        way.note_start(&segment);
        assert_eq!(way.on_ack_delivered(SeqNum::new(0), &[]), (1, 0));
        segment.flags = Flags::NONE;
        segment.seq = SeqNum::new(0);
        segment.payload = [7; 10].into();
        way.note_start(&segment);
        let block = SeqRange::with_len(SeqNum::new(4), 6);
        assert_eq!(way.on_ack_delivered(SeqNum::new(11), &[block]), (0, 0));
        assert_eq!(way.on_ack_delivered(SeqNum::new(2), &[block]), (2, 6));
        assert_eq!(way.on_ack_delivered(SeqNum::new(10), &[]), (8, 0));
    }
}
