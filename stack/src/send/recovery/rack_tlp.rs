//! Loss recovery by RACK-TLP (RFC 8985): `rack` finds losses, `tlp` asks about the end of a flight,
//! and the window comes down as PRR has it.

use core::time::Duration;

use super::rack::{Rack, Reordering, Surroundings};
use super::sack::OnAck;
use super::tlp::{Answer, Tlp};
use crate::congestion::prr::{Delivery, Prr};
use crate::congestion::{Acked, Congestion};
use crate::send::flight::{Delivered, Flight};
use crate::seq::{SeqNum, SeqRange};
use crate::time::Instant;

/// Where the sender stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery.
    Fast(Prr),
    /// After a timeout, until everything sent before it is acknowledged.
    Timeout,
}

/// An acknowledgment that SND.UNA and the scoreboard have taken in already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at: Surroundings,
    /// What was acknowledged cumulatively; `None` if SND.UNA did not move.
    pub(crate) advanced: Option<Acked>,
    /// What was acknowledged selectively, if that is all.
    pub(crate) out_of_order: Option<Acked>,
    pub(crate) delivered: Delivered,
    pub(crate) answer: Answer,
}

/// What is known of losses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RackTlp {
    rack: Rack,
    tlp: Tlp,
    phase: Phase,
    /// SND.NXT when recovery or a timeout began.
    recover: SeqNum,
    /// SND.NXT when something arrived out of order first since SND.UNA moved: what limited transmit sends
    /// later is no flight (RFC 5681 §3.2, step 1).
    nxt_at_first_sack: Option<SeqNum>,
}

impl RackTlp {
    /// Nothing lost yet on a connection whose initial send sequence number is `iss`.
    pub(crate) const fn new(iss: SeqNum) -> RackTlp {
        RackTlp {
            rack: Rack::new(iss),
            tlp: Tlp::new(),
            phase: Phase::Open,
            recover: iss,
            nxt_at_first_sack: None,
        }
    }

    /// True in fast recovery or after a timeout.
    pub(crate) const fn is_recovering(&self) -> bool {
        !matches!(self.phase, Phase::Open)
    }

    /// In recovery, and it was not the timer that found the loss.
    pub(crate) const fn in_fast_recovery(&self) -> bool {
        matches!(self.phase, Phase::Fast(_))
    }

    /// See [`Rack::trusted_until`].
    pub(crate) fn trusted_until(&self, now: Instant) -> Instant {
        self.rack.trusted_until(now)
    }

    /// The least round trip of late.
    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        self.rack.min_rtt()
    }

    /// What was delivered out of order.
    pub(crate) fn reordering(&self) -> Reordering {
        self.rack.reordering()
    }

    /// The handshake took this long.
    pub(crate) fn on_handshake(&mut self, rtt: Duration, now: Instant) {
        self.rack.note_round_trip(rtt, now);
    }

    /// The round trip was measured.
    pub(crate) fn on_measured(&mut self) {
        self.tlp.on_measured();
    }

    /// Whether a probe of the flight's end is worth a timer: nothing is known to be lost or to have
    /// arrived out of order, and no probe is out.
    // REQ: RFC8985-8
    // REQ: RFC8985-10
    pub(crate) fn wants_probe(&self, flight: &Flight) -> bool {
        !self.is_recovering()
            && self.tlp.may_probe()
            && !flight.is_empty()
            && flight.sacked() == 0
            && flight.lost() == 0
    }

    /// A probe went out, with SND.NXT at `end` after it.
    pub(crate) fn on_probe_sent(&mut self, end: SeqNum, repeat: bool) {
        self.tlp.on_sent(end, repeat);
    }

    /// Takes an acknowledgment. Answers what it means, and how long until more may be overdue.
    pub(crate) fn on_ack(
        &mut self,
        flight: &mut Flight,
        congestion: &mut Congestion,
        event: Event,
    ) -> (OnAck, Option<Duration>) {
        let Event {
            at,
            advanced,
            out_of_order,
            delivered,
            answer,
        } = event;
        self.rack.on_delivered(&delivered, flight, at);
        let repaired = self.tlp.on_ack(answer);
        if advanced.is_some() {
            self.nxt_at_first_sack = None;
        }
        if delivered.sacked > 0 {
            self.nxt_at_first_sack.get_or_insert(at.nxt);
        }
        let mut found = OnAck::GoOn;
        if self.is_recovering() && at.una.at_or_after(self.recover) {
            let slow_start = self.phase == Phase::Timeout;
            self.leave(congestion);
            found = OnAck::Recovered;
            // The slow start after a timeout goes on.
            if let (Some(acked), true) = (advanced, slow_start) {
                congestion.on_acked(acked);
            }
        } else if let (Some(acked), Phase::Open | Phase::Timeout) = (advanced, self.phase) {
            congestion.on_acked(acked);
        } else if let (Some(acked), Phase::Open | Phase::Timeout) = (out_of_order, self.phase)
            && self.rack.is_reordered(congestion.smss())
        {
            congestion.on_out_of_order(acked);
        }
        if !self.is_recovering() {
            // Keeps `recover` within half the sequence space however long nothing is lost.
            self.recover = self.recover.max(at.una - 1);
        }
        if repaired && !self.is_recovering() {
            // The probe repaired the loss; the window must know of it all the same.
            congestion.on_loss(flight.outstanding());
            congestion.set_cwnd(congestion.ssthresh());
        }
        let before = flight.lost();
        let wait = self.detect(flight, at);
        let more_lost = flight.lost() > before;
        if more_lost && !self.is_recovering() {
            let just = congestion.measure(delivered.amount, delivered.segments);
            self.enter(flight, congestion, at, just);
            found = OnAck::Entered;
        }
        if let Phase::Fast(prr) = &mut self.phase {
            let delivery = Delivery {
                delivered: congestion.measure(delivered.amount, delivered.segments),
                pipe: congestion.pipe(flight),
                safe: advanced.is_some() && !more_lost,
            };
            let (ssthresh, smss) = (congestion.ssthresh(), congestion.smss());
            congestion.set_cwnd(prr.on_ack(delivery, ssthresh, smss));
        }
        (found, wait)
    }

    /// The reordering timer fired: what was waited for is overdue now.
    // REQ: RFC8985-7
    pub(crate) fn on_reordering_timeout(
        &mut self,
        flight: &mut Flight,
        congestion: &mut Congestion,
        at: Surroundings,
    ) -> (OnAck, Option<Duration>) {
        let before = flight.lost();
        let wait = self.detect(flight, at);
        if flight.lost() == before || self.is_recovering() {
            return (OnAck::GoOn, wait);
        }
        self.enter(flight, congestion, at, 0);
        (OnAck::Entered, wait)
    }

    /// Whether what arrived shows that the timeout was too early: something that was in flight at
    /// the time and never sent again (RFC 5682 §3).
    pub(crate) fn timed_out_early(&self, delivered: &Delivered) -> bool {
        let before_timeout = |range: SeqRange| range.end.at_or_before(self.recover);
        self.phase == Phase::Timeout && delivered.lowest_original.is_some_and(before_timeout)
    }

    /// Nothing was lost after all.
    pub(crate) fn undo(&mut self) {
        self.phase = Phase::Open;
    }

    /// The retransmission timer expired.
    // REQ: RFC8985-3
    pub(crate) fn on_timeout(&mut self, flight: &mut Flight, at: Surroundings) {
        self.tlp.forget();
        self.phase = Phase::Timeout;
        self.recover = at.nxt;
        let at = Surroundings {
            recovering: true,
            ..at
        };
        self.rack.detect_loss_on_timeout(flight, at);
    }

    /// `range` went out, new or again.
    pub(crate) fn on_sent(&mut self, range: SeqRange) {
        if let Phase::Fast(prr) = &mut self.phase {
            prr.on_sent(range.len());
        }
    }

    fn detect(&self, flight: &mut Flight, at: Surroundings) -> Option<Duration> {
        let at = Surroundings {
            recovering: self.is_recovering(),
            ..at
        };
        self.rack.detect_loss(flight, at)
    }

    // REQ: RFC8985-14
    // REQ: RFC5681-15
    fn enter(
        &mut self,
        flight: &Flight,
        congestion: &mut Congestion,
        at: Surroundings,
        just_delivered: u32,
    ) {
        self.tlp.forget();
        self.recover = at.nxt;
        let counted = self.nxt_at_first_sack.unwrap_or(at.nxt);
        congestion.on_loss(at.una.span_to(counted.max(at.una)));
        let out = flight.outstanding();
        // What this acknowledgment delivered was out when the loss happened.
        let in_network = (out - flight.sacked()).saturating_add(just_delivered);
        let before = congestion.measure(in_network, congestion.segments());
        self.phase = Phase::Fast(Prr::new(before));
        let pipe = congestion.pipe(flight);
        congestion.set_cwnd(pipe.saturating_add(congestion.smss()));
    }

    fn leave(&mut self, congestion: &mut Congestion) {
        if let Phase::Fast(_) = self.phase {
            congestion.set_cwnd(congestion.ssthresh());
        }
        self.phase = Phase::Open;
        self.rack.on_recovered();
    }
}

#[cfg(test)]
mod tests;
