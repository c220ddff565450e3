//! Which segments are lost, by time (RFC 8985 §6): a segment is, once another that was sent later
//! has arrived and more than a round trip and a bit have passed.

use core::time::Duration;

use super::new_reno::DUPLICATE_ACK_THRESHOLD;
use crate::config::RackRoundTrip;
use crate::send::flight::{Delivered, Flight, Sent};
use crate::seq::SeqNum;
use crate::time::Instant;

/// How many recoveries a wider reordering window lasts (RFC 8985 §6.2 step 4).
const WIDER_WINDOW_LASTS: u32 = 16;

/// How long a minimum of the round trip counts.
const MIN_RTT_LASTS: Duration = Duration::from_secs(300);

/// What RACK knows, in the RFC's own names but for the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rack {
    /// RACK.xmit_ts and RACK.end_seq: the segment sent last of all that were delivered.
    newest: Option<(Instant, SeqNum)>,
    /// RACK.rtt: its round trip.
    rtt: Duration,
    /// RACK.min_RTT, and since when it counts.
    min_rtt: Option<(Duration, Instant)>,
    /// RACK.fack: the end of the highest segment delivered.
    fack: SeqNum,
    /// RACK.reordering_seen
    reordering_seen: bool,
    /// How far that went, for STATUS.
    reordering: Reordering,
    /// RACK.reo_wnd_mult
    window_multiple: u32,
    /// RACK.reo_wnd_persist
    window_persist: u32,
    /// RACK.dsack_round
    dsack_round: Option<SeqNum>,
}

/// What an acknowledgment says besides what it delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    pub(crate) now: Instant,
    pub(crate) una: SeqNum,
    pub(crate) nxt: SeqNum,
    /// It carried a D-SACK.
    pub(crate) duplicate_reported: bool,
    /// SRTT, which bounds the reordering window.
    pub(crate) srtt: Option<Duration>,
    /// In fast recovery, or after a timeout.
    pub(crate) recovering: bool,
    /// Which round trip to wait for.
    pub(crate) round_trip: RackRoundTrip,
}

/// How out of order segments were delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reordering {
    /// How often that was seen.
    pub(crate) times: u32,
    /// Most sequence numbers from a late one to the highest delivered.
    pub(crate) distance: u32,
}

impl Rack {
    /// Nothing delivered yet on a connection whose initial send sequence number is `iss`.
    pub(crate) const fn new(iss: SeqNum) -> Rack {
        Rack {
            newest: None,
            rtt: Duration::ZERO,
            min_rtt: None,
            fack: iss,
            reordering_seen: false,
            reordering: Reordering {
                times: 0,
                distance: 0,
            },
            window_multiple: 1,
            window_persist: WIDER_WINDOW_LASTS,
            dsack_round: None,
        }
    }

    /// The least round trip of late.
    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt.map(|(rtt, _)| rtt)
    }

    /// Whether segments of `smss` bytes were seen to arrive further out of order than what counts as a
    /// loss.
    pub(crate) fn is_reordered(&self, smss: u32) -> bool {
        self.reordering.distance > smss.saturating_mul(DUPLICATE_ACK_THRESHOLD)
    }

    /// What was delivered out of order.
    pub(crate) const fn reordering(&self) -> Reordering {
        self.reordering
    }

    /// Copies sent again after this cannot be what a delivery at `now` answers: nothing is faster
    /// than the least round trip (§6.2 step 2).
    pub(crate) fn trusted_until(&self, now: Instant) -> Instant {
        let least = self.min_rtt().unwrap_or_default();
        Instant::from_micros(now.as_micros().saturating_sub(least.as_micros() as u64))
    }

    /// Steps 1 to 3 of §6.2: the round trip, the newest delivery, reordering.
    // REQ: RFC8985-2
    pub(crate) fn on_delivered(
        &mut self,
        delivered: &Delivered,
        flight: &Flight,
        at: Surroundings,
    ) {
        if let Some(sent) = delivered.newest {
            let rtt = at.now.saturating_duration_since(sent.sent_at);
            if !sent.was_repeated() {
                self.note_round_trip(rtt, at.now);
            }
            let later = self.newest.is_none_or(|(sent_at, end)| {
                is_after((sent.sent_at, sent.range.end), (sent_at, end))
            });
            if later {
                self.newest = Some((sent.sent_at, sent.range.end));
                self.rtt = rtt;
            }
        }
        let (acknowledged, selected) = delivered.highest;
        if at.round_trip == RackRoundTrip::OfHighest
            && let Some(sent_at) = acknowledged.or(selected)
        {
            self.rtt = at.now.saturating_duration_since(sent_at);
        }
        let below = delivered
            .lowest_original
            .is_some_and(|range| range.end.before(self.fack));
        self.reordering_seen |= below;
        let highest = flight.highest_sacked().unwrap_or(at.una).max(at.una);
        self.fack = self.fack.max(highest);
        if let Some(range) = delivered.lowest_original.filter(|_| below) {
            self.reordering.times += 1;
            let distance = range.start.span_to(self.fack);
            self.reordering.distance = self.reordering.distance.max(distance);
        }
        self.note_duplicate_report(at);
    }

    pub(crate) fn note_round_trip(&mut self, rtt: Duration, now: Instant) {
        let stale = |(least, since): (Duration, Instant)| {
            rtt <= least || now.saturating_duration_since(since) > MIN_RTT_LASTS
        };
        if self.min_rtt.is_none_or(stale) {
            self.min_rtt = Some((rtt, now));
        }
    }

    /// A round with a D-SACK widens the window: something was sent again needlessly.
    // REQ: RFC8985-6
    fn note_duplicate_report(&mut self, at: Surroundings) {
        self.dsack_round = self.dsack_round.filter(|round| at.una.before(*round));
        if at.duplicate_reported && self.dsack_round.is_none() {
            self.dsack_round = Some(at.nxt);
            self.window_multiple = self.window_multiple.saturating_add(1);
            self.window_persist = WIDER_WINDOW_LASTS;
        }
    }

    /// A recovery ended: a wider window lasts for some of them only.
    // REQ: RFC8985-6
    pub(crate) fn on_recovered(&mut self) {
        self.window_persist = self.window_persist.saturating_sub(1);
        if self.window_persist == 0 {
            self.window_multiple = 1;
        }
    }

    /// RACK.reo_wnd: how much later than a round trip is still no loss.
    // REQ: RFC8985-4
    // REQ: RFC8985-5
    fn reordering_window(&self, flight: &Flight, at: Surroundings) -> Duration {
        let enough = || flight.has_sacked(DUPLICATE_ACK_THRESHOLD as usize);
        if !self.reordering_seen && (at.recovering || enough()) {
            return Duration::ZERO;
        }
        let quarter = self.min_rtt().unwrap_or_default() / 4;
        let window = quarter.saturating_mul(self.window_multiple);
        at.srtt.map_or(window, |srtt| window.min(srtt))
    }

    /// Step 5: marks what is overdue. Answers how long until the rest of what was sent before the
    /// newest delivery is, if there is such a rest.
    // REQ: RFC8985-3
    // REQ: RFC8985-7
    pub(crate) fn detect_loss(&self, flight: &mut Flight, at: Surroundings) -> Option<Duration> {
        let newest = self.newest?;
        let allowance = self.rtt + self.reordering_window(flight, at);
        let mut wait: Option<Duration> = None;
        flight.mark_lost(|sent| {
            if !is_after(newest, (sent.sent_at, sent.range.end)) {
                return false;
            }
            let due = sent.sent_at + allowance;
            if due <= at.now {
                return true;
            }
            let left = due.saturating_duration_since(at.now);
            wait = Some(wait.map_or(left, |wait| wait.max(left)));
            false
        });
        wait
    }

    /// The retransmission timer expired: the first segment is lost, and what is overdue (§6.3).
    pub(crate) fn detect_loss_on_timeout(&self, flight: &mut Flight, at: Surroundings) {
        let allowance = self.rtt + self.reordering_window(flight, at);
        let overdue = |sent: &Sent| {
            sent.range.start.at_or_before(at.una) || sent.sent_at + allowance <= at.now
        };
        flight.mark_lost(overdue);
    }
}

/// RACK_sent_after(): of two segments sent together the one that ends later counts as later.
fn is_after(one: (Instant, SeqNum), other: (Instant, SeqNum)) -> bool {
    one.0 > other.0 || (one.0 == other.0 && one.1.after(other.1))
}

#[cfg(test)]
mod tests;
