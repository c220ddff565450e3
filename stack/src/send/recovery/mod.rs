//! Finding losses and recovering from them. The method depends on what the peer can tell us:
//! duplicate acknowledgments (`new_reno`) or selective ones (`sack`).

pub(crate) mod new_reno;
pub(crate) mod rack;
pub(crate) mod rack_tlp;
pub(crate) mod sack;
pub(crate) mod tlp;
pub(crate) mod undo;

use alloc::boxed::Box;

use super::flight::Delivered;
use super::output;
use crate::config::LossDetection;
use crate::congestion::{Acked, Congestion, Snapshot};
use crate::context::Context;
use crate::ecn::{self, hold};
use crate::event::RetransmitCause;
use crate::path::probe;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;
use core::time::Duration;
use new_reno::{NewReno, OnDuplicateAck, OnNewAck};
use rack::{Reordering, Surroundings};
use rack_tlp::RackTlp;
use sack::{OnAck, Progress, SackRecovery};
use tlp::Answer;
use undo::Undo;

/// What is known of losses, by the method in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LossRecovery {
    /// The peer has no SACK.
    NewReno(NewReno),
    /// It has.
    Sack(SackRecovery),
    /// It has, and time tells more.
    RackTlp(Box<RackTlp>),
    /// The same as long as nothing was sent, and all there is to know is what the handshake took.
    Untried(Option<Handshake>),
}

/// When the handshake's round trip began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    began: Instant,
    ended: Instant,
}

impl Handshake {
    fn round_trip(self) -> Duration {
        self.ended.saturating_duration_since(self.began)
    }
}

impl LossRecovery {
    /// Nothing lost yet. `method` is `None` if the peer has no SACK, or before that is known.
    // REQ: RFC8985-1
    // REQ: RFC8985-15
    pub(crate) fn new(iss: SeqNum, method: Option<LossDetection>) -> LossRecovery {
        match method {
            None => LossRecovery::NewReno(NewReno::new(iss)),
            Some(LossDetection::SelectiveAcks) => LossRecovery::Sack(SackRecovery::new(iss)),
            Some(LossDetection::RackTlp) => LossRecovery::Untried(None),
        }
    }

    /// There is something to lose from now on, which begins at `una` or later.
    pub(crate) fn begin(&mut self, una: SeqNum) {
        if let LossRecovery::Untried(handshake) = *self {
            let mut rack_tlp = RackTlp::new(una - 1);
            if let Some(handshake) = handshake {
                rack_tlp.on_handshake(handshake.round_trip(), handshake.ended);
            }
            *self = LossRecovery::RackTlp(Box::new(rack_tlp));
        }
    }

    /// Numbers went out for the first time.
    pub(crate) fn on_sent(&mut self, range: SeqRange) {
        self.begin(range.start);
        if let LossRecovery::RackTlp(rack_tlp) = self {
            rack_tlp.on_sent(range);
        }
    }

    /// Numbers already in flight went out again.
    pub(crate) fn on_sent_again(&mut self, range: SeqRange, rescue: bool) {
        match self {
            LossRecovery::NewReno(_) | LossRecovery::Untried(_) => {}
            LossRecovery::Sack(sack) => sack.on_sent_again(range, rescue),
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.on_sent(range),
        }
    }

    /// A loss is being recovered from.
    pub(crate) fn in_recovery(&self) -> bool {
        match self {
            LossRecovery::NewReno(new_reno) => new_reno.in_recovery(),
            LossRecovery::Sack(sack) => sack.in_recovery(),
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.is_recovering(),
            LossRecovery::Untried(_) => false,
        }
    }

    /// A loss is being recovered from, and it was not the timer that found it.
    fn in_fast_recovery(&self) -> bool {
        match self {
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.in_fast_recovery(),
            LossRecovery::NewReno(_) | LossRecovery::Sack(_) => self.in_recovery(),
            LossRecovery::Untried(_) => false,
        }
    }

    /// Duplicate acknowledgments in a row; RACK does not count them.
    pub(crate) const fn duplicate_acks(&self) -> u32 {
        match self {
            LossRecovery::NewReno(new_reno) => new_reno.duplicate_acks(),
            LossRecovery::Sack(sack) => sack.duplicate_acks(),
            LossRecovery::RackTlp(_) | LossRecovery::Untried(_) => 0,
        }
    }

    /// Nothing was lost after all.
    fn undo(&mut self) {
        match self {
            LossRecovery::NewReno(new_reno) => new_reno.undo(),
            LossRecovery::Sack(sack) => sack.undo(),
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.undo(),
            LossRecovery::Untried(_) => {}
        }
    }

    /// The least round trip, where it is known.
    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        match self {
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.min_rtt(),
            LossRecovery::Untried(handshake) => handshake.map(Handshake::round_trip),
            LossRecovery::NewReno(_) | LossRecovery::Sack(_) => None,
        }
    }

    /// What was delivered out of order, as far as that is looked at.
    pub(crate) fn reordering(&self) -> Reordering {
        match self {
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.reordering(),
            LossRecovery::NewReno(_) | LossRecovery::Sack(_) | LossRecovery::Untried(_) => {
                Reordering::default()
            }
        }
    }

    /// The handshake took this long.
    pub(crate) fn on_handshake(&mut self, rtt: Duration, now: Instant) {
        match self {
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.on_handshake(rtt, now),
            LossRecovery::Untried(handshake) => {
                let began = now.as_micros().saturating_sub(rtt.as_micros() as u64);
                *handshake = Some(Handshake {
                    began: Instant::from_micros(began),
                    ended: now,
                });
            }
            LossRecovery::NewReno(_) | LossRecovery::Sack(_) => {}
        }
    }

    /// What is lost up to `max` tells nothing of congestion: acknowledgments up to there start no
    /// recovery.
    fn forgive(&mut self, max: SeqNum) {
        match self {
            // What follows is sent once only: three duplicates from there on mean a loss.
            LossRecovery::NewReno(new_reno) => new_reno.on_timeout(max - 1),
            LossRecovery::Sack(sack) => sack.on_timeout(max),
            LossRecovery::RackTlp(rack_tlp) => rack_tlp.undo(),
            LossRecovery::Untried(_) => {}
        }
    }

    /// The round trip was measured.
    pub(crate) fn on_measured(&mut self) {
        if let LossRecovery::RackTlp(rack_tlp) = self {
            rack_tlp.on_measured();
        }
    }
}

/// What an acknowledgment brought, after SND.UNA and the scoreboard took it in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    /// SEG.ACK.
    pub(crate) ack: SeqNum,
    /// What was acknowledged cumulatively; `None` if SND.UNA did not move.
    pub(crate) advanced: Option<Acked>,
    /// What was acknowledged selectively, if that is all.
    pub(crate) out_of_order: Option<Acked>,
    /// What left the network.
    pub(crate) delivered: Delivered,
    /// It is a duplicate by RFC 5681 §2.
    pub(crate) duplicate: bool,
    /// The duplicate it reports (D-SACK).
    pub(crate) duplicate_report: Option<SeqRange>,
    /// The timestamp it echoes.
    pub(crate) echo: Option<u32>,
}

/// What an acknowledgment that arrives now, with this echo, may count as delivered.
pub(crate) fn expect_delivery(tcb: &Tcb, echo: Option<u32>, now: Instant) -> Delivered {
    let LossRecovery::RackTlp(rack_tlp) = &tcb.snd.recovery else {
        return Delivered::default();
    };
    let plausible = rack_tlp.trusted_until(now);
    let echoed = echo.map(|echo| tcb.negotiated.end_of_tick(echo, now));
    Delivered::trusting(echoed.map_or(plausible, |echoed| echoed.min(plausible)))
}

/// Takes an acknowledgment. Answers whether the retransmission timer starts anew, should SND.UNA
/// have moved.
pub(crate) fn on_ack(tcb: &mut Tcb, ack: Ack, cx: &mut Context<'_>) -> bool {
    undo_if_spurious(tcb, &ack);
    let before = tcb.snd.congestion.snapshot();
    by_method(tcb, ack, before, cx)
}

/// Takes a reduction back if this acknowledgment shows that nothing was lost.
fn undo_if_spurious(tcb: &mut Tcb, ack: &Ack) {
    let snd = &mut tcb.snd;
    let Some(undo) = &mut snd.undo else {
        return;
    };
    let reported = ack
        .duplicate_report
        .is_some_and(|range| undo.on_duplicate_report(range.len()));
    let original = ack.advanced.is_some() && ack.echo.is_some_and(|echo| undo.on_echo(echo));
    let early = tcb.config.frto
        && matches!(&snd.recovery, LossRecovery::RackTlp(rack) if rack.timed_out_early(&ack.delivered));
    if reported || original || early {
        snd.congestion.restore(undo.before);
        snd.flight.forget_losses();
        snd.recovery.undo();
        snd.undo = None;
    }
}

/// A reduction of the window from what it was `before`.
fn note_reduction(tcb: &mut Tcb, before: Snapshot) {
    ecn::note_reduced(tcb);
    tcb.snd.undo = tcb.config.undo.then(|| Box::new(Undo::new(before)));
}

/// A loss was found. If it is that of a probe of the path, and of nothing else, the path is too narrow
/// for that size and not congested: what congestion control was before holds on (RFC 4821
/// §7.6.2).
// REQ: RFC4821-4
fn begin_repair(tcb: &mut Tcb, before: Snapshot, spare: Option<Congestion>, now: Instant) {
    let Some((range, congestion)) = probe::alone_is_lost(tcb).zip(spare) else {
        return note_reduction(tcb, before);
    };
    tcb.snd.congestion = congestion;
    tcb.snd.recovery.forgive(tcb.snd.max);
    tcb.snd
        .flight
        .mark_lost(|sent| range.contains_range(sent.range));
    probe::failed(tcb, now);
}

/// Congestion control as it is, for the case that only a probe turns out to be lost.
fn spare(tcb: &Tcb) -> Option<Congestion> {
    probe::is_under_way(tcb).then(|| tcb.snd.congestion.clone())
}

/// Segments with more than `most` bytes of text did not pass a router: they leave again in smaller
/// ones, and the congestion window stays (RFC 1191 §6.4, RFC 8201 §5.4).
// REQ: RFC1191-8
// REQ: RFC8201-6
pub(crate) fn repeat_larger(tcb: &mut Tcb, most: u32) {
    let snd = &mut tcb.snd;
    let end = snd.data_end();
    let text = |range: SeqRange| range.start.span_to(range.end.min(end));
    let lost = snd.flight.mark_lost(|sent| text(sent.range) > most);
    if lost > 0 && !snd.recovery.in_recovery() {
        snd.recovery.forgive(snd.max);
    }
}

fn by_method(tcb: &mut Tcb, ack: Ack, before: Snapshot, cx: &mut Context<'_>) -> bool {
    // What acknowledges nothing of ours says nothing of losses before there can be any.
    if ack.advanced.is_some() || ack.duplicate_report.is_some() {
        tcb.snd.recovery.begin(tcb.snd.una);
    }
    match &tcb.snd.recovery {
        LossRecovery::Untried(_) => {}
        LossRecovery::RackTlp(_) => on_rack_ack(tcb, ack, before, cx),
        LossRecovery::Sack(_) => on_sack_ack(tcb, ack, before, cx),
        LossRecovery::NewReno(_) => match ack.advanced {
            Some(acked) => return on_new_ack(tcb, acked, cx),
            None if ack.duplicate => on_duplicate_ack(tcb, before, cx),
            None => {}
        },
    }
    true
}

/// The peer says that a router marked what we sent, in an acknowledgment of `acked` bytes: as a loss, but
/// nothing is to be sent again. What was out until then counts.
// REQ: RFC3168-8
// REQ: RFC9438-7
pub(crate) fn on_congestion_echo(tcb: &mut Tcb, acked: u32, now: Instant) {
    let snd = &mut tcb.snd;
    if snd.recovery.in_recovery() {
        return;
    }
    let flight = snd.flight.outstanding().saturating_add(acked);
    if snd.congestion.on_mark(flight) {
        hold::begin(tcb, now);
    }
}

/// The handshake told of a mark on our SYN or SYN-ACK, when nothing else was out: half of what may
/// be sent is enough.
pub(crate) fn on_mark_in_handshake(tcb: &mut Tcb) {
    ecn::note_reduced(tcb);
    let congestion = &mut tcb.snd.congestion;
    congestion.on_loss(congestion.cwnd());
    congestion.set_cwnd(congestion.ssthresh());
}

fn on_sack_ack(tcb: &mut Tcb, ack: Ack, before: Snapshot, cx: &mut Context<'_>) {
    let spare = spare(tcb);
    let snd = &mut tcb.snd;
    let LossRecovery::Sack(sack) = &mut snd.recovery else {
        return;
    };
    let progress = Progress {
        una: snd.una,
        nxt: snd.nxt,
        advanced: ack.advanced,
        sacked: ack.delivered.sacked,
    };
    if sack.on_ack(&mut snd.flight, &mut snd.congestion, progress) == OnAck::Entered {
        begin_repair(tcb, before, spare, cx.now);
        output::send_first_lost(tcb, RetransmitCause::FastRetransmit, cx);
    }
}

fn on_rack_ack(tcb: &mut Tcb, ack: Ack, before: Snapshot, cx: &mut Context<'_>) {
    let at = surroundings(tcb, ack.duplicate_report.is_some(), cx.now);
    let spare = spare(tcb);
    let snd = &mut tcb.snd;
    let LossRecovery::RackTlp(rack_tlp) = &mut snd.recovery else {
        return;
    };
    let event = rack_tlp::Event {
        at,
        advanced: ack.advanced,
        out_of_order: ack.out_of_order,
        delivered: ack.delivered,
        answer: Answer {
            ack: ack.ack,
            duplicate: ack.duplicate_report,
            empty: ack.duplicate && ack.delivered.amount == 0 && ack.duplicate_report.is_none(),
        },
    };
    let (found, wait) = rack_tlp.on_ack(&mut snd.flight, &mut snd.congestion, event);
    after_detection(tcb, found, wait, (before, spare), cx);
}

/// The reordering timer fired.
// REQ: RFC8985-7
pub(crate) fn on_reordering_timeout(tcb: &mut Tcb, cx: &mut Context<'_>) {
    let at = surroundings(tcb, false, cx.now);
    let before = (tcb.snd.congestion.snapshot(), spare(tcb));
    let snd = &mut tcb.snd;
    let LossRecovery::RackTlp(rack_tlp) = &mut snd.recovery else {
        return;
    };
    let (found, wait) = rack_tlp.on_reordering_timeout(&mut snd.flight, &mut snd.congestion, at);
    after_detection(tcb, found, wait, before, cx);
}

/// What RACK found: a loss is repaired at once, and a timer waits for what may be overdue next.
fn after_detection(
    tcb: &mut Tcb,
    found: OnAck,
    wait: Option<Duration>,
    (before, spare): (Snapshot, Option<Congestion>),
    cx: &mut Context<'_>,
) {
    match wait {
        Some(wait) => tcb.arm(Timer::Reordering, cx.now, wait + tcb.config.timer_slack),
        None => {
            tcb.timers.disarm(Timer::Reordering);
        }
    }
    if found == OnAck::Entered {
        begin_repair(tcb, before, spare, cx.now);
        tcb.timers.disarm(Timer::LossProbe);
        output::send_first_lost(tcb, RetransmitCause::FastRetransmit, cx);
    } else if let LossRecovery::RackTlp(rack_tlp) = &tcb.snd.recovery
        && !rack_tlp.wants_probe(&tcb.snd.flight)
    {
        tcb.timers.disarm(Timer::LossProbe);
    }
}

fn surroundings(tcb: &Tcb, duplicate_reported: bool, now: Instant) -> Surroundings {
    Surroundings {
        now,
        una: tcb.snd.una,
        nxt: tcb.snd.nxt,
        duplicate_reported,
        srtt: tcb.snd.rtt.srtt(),
        recovering: false,
        round_trip: tcb.config.rack_round_trip,
    }
}

/// A duplicate ACK arrived; what the window then permits leaves with the next flush.
// REQ: RFC5681-13
// REQ: RFC5681-14
fn on_duplicate_ack(tcb: &mut Tcb, before: Snapshot, cx: &mut Context<'_>) {
    let spare = spare(tcb);
    let snd = &mut tcb.snd;
    let LossRecovery::NewReno(new_reno) = &mut snd.recovery else {
        return;
    };
    match new_reno.on_duplicate_ack(&mut snd.congestion, snd.una, snd.nxt) {
        OnDuplicateAck::Wait | OnDuplicateAck::Inflated => {}
        OnDuplicateAck::FastRetransmit => {
            begin_repair(tcb, before, spare, cx.now);
            output::resend_first(tcb, RetransmitCause::FastRetransmit, cx);
        }
    }
}

/// SND.UNA moved.
// REQ: RFC6582-1
// REQ: RFC6582-5
fn on_new_ack(tcb: &mut Tcb, acked: Acked, cx: &mut Context<'_>) -> bool {
    let snd = &mut tcb.snd;
    let flight = snd.una.span_to(snd.max);
    let LossRecovery::NewReno(new_reno) = &mut snd.recovery else {
        return true;
    };
    match new_reno.on_new_ack(&mut snd.congestion, acked, flight) {
        OnNewAck::Grown | OnNewAck::Recovered => true,
        OnNewAck::PartialAck { first } => {
            output::resend_first(tcb, RetransmitCause::PartialAck, cx);
            first
        }
    }
}

/// The retransmission timer expired: everything outstanding counts as lost, or what RACK says.
/// `first` as in [`Congestion::on_timeout`](crate::congestion::Congestion::on_timeout).
// REQ: RFC2018-8
// REQ: RFC2018-9
pub(crate) fn on_timeout(tcb: &mut Tcb, first: bool, now: Instant) {
    tcb.timers.disarm(Timer::Reordering);
    tcb.timers.disarm(Timer::LossProbe);
    if first {
        note_reduction(tcb, tcb.snd.congestion.snapshot());
    }
    let at = surroundings(tcb, false, now);
    let snd = &mut tcb.snd;
    let mut flight = snd.una.span_to(snd.max);
    // What was sent again is lost as well: congestion a second time, and less than half of what was
    // out at the first sign of it may be out now (RFC 5681 §4.3).
    // REQ: RFC5681-21
    if snd.recovery.in_fast_recovery() {
        flight = flight.min(snd.congestion.ssthresh());
    }
    if mutant!(tcb.config, H09, true, false) {
        snd.congestion.on_timeout(flight, first);
    }
    snd.recovery.begin(snd.una);
    match &mut snd.recovery {
        LossRecovery::NewReno(new_reno) => new_reno.on_timeout(snd.max),
        LossRecovery::Sack(sack) => {
            sack.on_timeout(snd.max);
            if mutant!(tcb.config, H15, true, false) {
                snd.flight.forget_sacks();
            }
        }
        LossRecovery::RackTlp(rack_tlp) => {
            // A peer that has the first segment and does not acknowledge it has thrown it away.
            if mutant!(tcb.config, H15, snd.flight.first_is_sacked(), false) {
                snd.flight.forget_sacks();
            }
            rack_tlp.on_timeout(&mut snd.flight, at);
            return;
        }
        // It has begun.
        LossRecovery::Untried(_) => return,
    }
    snd.flight.mark_all_lost();
}

/// How many sequence numbers more the congestion window lets into the network.
// REQ: RFC5681-1
// REQ: RFC6675-5
#[inline]
pub(crate) fn room(tcb: &Tcb) -> u32 {
    let snd = &tcb.snd;
    let (cwnd, smss) = (snd.congestion.cwnd(), snd.congestion.smss());
    match &snd.recovery {
        LossRecovery::NewReno(new_reno) => {
            let allowance = cwnd.saturating_add(new_reno.extra_allowance(smss));
            allowance.saturating_sub(snd.flight.pipe())
        }
        LossRecovery::Sack(sack) => {
            let room = cwnd.saturating_sub(snd.flight.pipe());
            if sack.in_recovery() && room < smss {
                return 0;
            }
            room
        }
        LossRecovery::RackTlp(_) | LossRecovery::Untried(_) => {
            cwnd.saturating_sub(snd.flight.pipe())
        }
    }
}

/// Segments beyond the congestion window that duplicate acknowledgments without SACK permit. With SACK
/// only what is reported makes room.
// REQ: RFC3042-3
pub(crate) fn extra_segments(tcb: &Tcb) -> u32 {
    let smss = tcb.snd.congestion.smss();
    match &tcb.snd.recovery {
        LossRecovery::NewReno(new_reno) => new_reno.extra_allowance(smss) / smss,
        LossRecovery::Sack(_) | LossRecovery::RackTlp(_) | LossRecovery::Untried(_) => 0,
    }
}

/// How many segments arrived that did not count before. Without SACK each duplicate acknowledgment
/// counted for one of them, and what was missing counts in any case once it is whole.
pub(crate) fn newly_delivered(tcb: &Tcb, delivered: &Delivered) -> u32 {
    match &tcb.snd.recovery {
        LossRecovery::NewReno(_) if delivered.segments == 0 => 0,
        LossRecovery::NewReno(new_reno) => {
            let counted = new_reno.duplicate_acks();
            delivered.segments.saturating_sub(counted).max(1)
        }
        LossRecovery::Sack(_) | LossRecovery::RackTlp(_) | LossRecovery::Untried(_) => {
            delivered.segments
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time-based detection is made when the first segment leaves, and knows what the handshake took.
    #[test]
    fn what_the_handshake_took_is_kept_until_something_is_sent() {
        let iss = SeqNum::new(u32::MAX);
        let (rtt, now) = (Duration::from_millis(30), Instant::from_millis(50));
        let mut untried = LossRecovery::new(iss, Some(LossDetection::RackTlp));
        assert_eq!(untried.min_rtt(), None);
        untried.on_handshake(rtt, now);
        assert_eq!(untried.min_rtt(), Some(rtt));
        let mut expected = RackTlp::new(iss);
        expected.on_handshake(rtt, now);
        untried.on_sent(SeqRange::with_len(iss + 1, 10));
        assert_eq!(untried, LossRecovery::RackTlp(Box::new(expected)));
    }

    #[test]
    fn other_methods_are_there_from_the_start() {
        let iss = SeqNum::new(7);
        for method in [None, Some(LossDetection::SelectiveAcks)] {
            let before = LossRecovery::new(iss, method);
            let mut after = before.clone();
            after.begin(iss + 1);
            assert_eq!(after, before);
        }
    }
}
