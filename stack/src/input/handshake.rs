//! What the two SYNs say, and the acknowledgment of ours (RFC 9293 §3.5, §3.10.7.2, §3.10.7.3).

use crate::config::{RttSamples, TimeWaitIss};
use crate::ecn;
use crate::path::{self, probe};
use crate::recv::{autotune, window};
use crate::segment::SegmentRef;
use crate::send::recovery::LossRecovery;
use crate::send::{self, keepalive, retransmit};
use crate::seq::SeqNum;
use crate::tcb::{Tcb, TimestampState};
use crate::time::Instant;
use crate::timers::Timer;
use crate::user_timeout;
use crate::window::{Mss, WindowScale};

#[cfg(feature = "mutants")]
use crate::mutants::wrong::parsing;

/// Takes the peer's SYN: IRS, the options, the first window.
pub(crate) fn take_syn(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    tcb.rcv.syn_received = true;
    tcb.rcv.irs = segment.seq;
    tcb.rcv.nxt = segment.seq + 1;
    tcb.rcv.highest = tcb.rcv.nxt;
    // What our SYN announces counts from here, and it is never scaled.
    let first_window = u32::from(window::for_syn(tcb).raw());
    tcb.rcv.adv = tcb.rcv.nxt + first_window;
    if tcb.config.tuning.gradual_window {
        tcb.rcv.opened = first_window;
    }
    if mutant!(tcb.config, B03, false, segment.flags.fin) {
        tcb.rcv.fin = Some(segment.end() - 1);
    }
    negotiate(tcb, segment, now);
    user_timeout::take(tcb, segment, now);
    // REQ: RFC7323-4
    let scale = mutant!(tcb.config, I01, WindowScale::ZERO, tcb.negotiated.snd_scale);
    tcb.snd.wnd = segment.wnd.scale(scale);
    tcb.snd.max_wnd = tcb.snd.wnd;
    tcb.snd.wl1 = segment.seq;
    tcb.snd.wl2 = segment.ack.unwrap_or(tcb.snd.iss);
    let (ours, theirs) = (tcb.rcv.mss.raw(), tcb.snd.mss.raw());
    let window = tcb.rcv.wnd();
    tcb.rcv
        .ack
        .on_established(u32::from(ours), u32::from(theirs), window);
    tcb.last_heard = now;
}

fn negotiate(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    let theirs = &segment.options;
    tcb.path.ceiling = Some(largest_mss(tcb, theirs.mss));
    path::resize(tcb);
    // REQ: RFC7323-2
    if let (Some(ours), Some(theirs)) = (tcb.offered_scale(), theirs.window_scale) {
        tcb.negotiated.scaling = true;
        tcb.negotiated.snd_scale = mutant!(
            tcb.config,
            I03,
            theirs,
            parsing::raw_scale(&segment.options)
        );
        tcb.negotiated.rcv_scale = ours;
    }
    if let Some(ours) = mutant!(tcb.config, I02, None, tcb.offered_scale()) {
        tcb.negotiated.rcv_scale = ours;
    }
    tcb.rcv
        .make_room(tcb.rcv.capacity, tcb.negotiated.rcv_scale);
    // REQ: RFC7323-10
    let timestamps = mutant!(tcb.config, I10, theirs.timestamps, {
        Some(parsing::timestamps(theirs))
    });
    if let (true, Some(theirs)) = (tcb.wants_timestamps(), timestamps) {
        tcb.negotiated.timestamps = Some(TimestampState {
            recent: theirs.value,
            recent_at: now,
            last_ack_sent: tcb.rcv.nxt,
        });
    }
    ecn::negotiation::take(tcb, segment);
    // REQ: RFC2018-2
    let sack = tcb.config.sack && theirs.sack_permitted;
    tcb.negotiated.sack = mutant!(tcb.config, I13, sack, sack && segment.ack.is_none());
}

/// The least of what the peer takes, our link carries and the user wants; the path may carry less. A peer that claims to take next to
/// nothing is not believed below a floor, or no segment would have room for data.
// REQ: RFC9293-MUST-15
// REQ: RFC9293-MUST-16
fn largest_mss(tcb: &Tcb, theirs: Option<Mss>) -> Mss {
    let version = tcb.ip_version();
    let told = theirs;
    let theirs = told.unwrap_or(Mss::default_for(version)).raw();
    let link = Mss::for_mtu(version, tcb.config.mtu).raw();
    let wish = tcb.options.mss.unwrap_or(link);
    let believed = mutant!(tcb.config, A07, theirs.max(tcb.config.min_mss), theirs);
    let believed = mutant!(tcb.config, A08, believed, theirs.max(1));
    let believed = mutant!(tcb.config, A09, believed, told.map_or(0, |_| believed));
    Mss::new(believed.min(link).min(wish))
}

/// Takes the acknowledgment of our SYN: the connection is synchronized and may send.
// REQ: RFC5681-3
pub(crate) fn take_ack_of_syn(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    tcb.snd.una = tcb.snd.iss + 1;
    tcb.counters.on_synchronized(now);
    let scale = if mutant!(tcb.config, I01, segment.flags.syn, false) {
        WindowScale::ZERO
    } else {
        tcb.negotiated.snd_scale
    };
    tcb.snd.wnd = mutant!(tcb.config, B16, segment.wnd.scale(scale), tcb.snd.wnd);
    tcb.snd.max_wnd = tcb.snd.max_wnd.max(tcb.snd.wnd);
    tcb.snd.wl1 = segment.seq;
    tcb.snd.wl2 = segment.ack.unwrap_or(tcb.snd.una);
    // REQ: RFC6298-12
    let repeats = tcb.snd.retries;
    let sends_already = tcb.fast_open.early && !tcb.snd.flight.is_empty();
    if !sends_already {
        start_sending(tcb, repeats, now);
    }
    retransmit::sample_rtt(tcb, segment, tcb.snd.una, now);
    if let (RttSamples::EveryAck, Some(srtt)) = (tcb.config.rtt_samples, tcb.snd.rtt.srtt()) {
        tcb.snd.recovery.on_handshake(srtt, now);
    }
    if repeats > 0 {
        tcb.snd.rtt.on_established_after_syn_timeout();
    }
    tcb.snd.retries = 0;
    tcb.timers.disarm(Timer::HandshakeGiveUp);
    retransmit::on_progress(tcb, true, now);
    tcb.user.was_established = true;
    autotune::start(tcb);
    send::autotune::follow_window(tcb);
    tcb.last_heard = now;
    keepalive::restart(tcb, now);
}

/// SMSS: what a segment holds beside the options that all of them have (RFC 5681 §2).
pub(crate) fn segment_size(tcb: &Tcb) -> u32 {
    tcb.snd.mss.payload_limit(tcb.fixed_options_len()) as u32
}

/// The segment size and the method of recovery are known, so that data may leave. The SYN or SYN-ACK was
/// sent again `repeats` times.
// REQ: RFC5681-4
// REQ: RFC7413-13
pub(crate) fn start_sending(tcb: &mut Tcb, repeats: u32, now: Instant) {
    probe::start(tcb, now);
    let smss = segment_size(tcb);
    tcb.snd.congestion.on_established(smss, repeats);
    let method = tcb.negotiated.sack.then_some(tcb.config.loss_detection);
    tcb.snd.recovery = LossRecovery::new(tcb.snd.iss, method);
    // The text of our SYN.
    if !tcb.snd.flight.is_empty() {
        tcb.snd.recovery.begin(tcb.snd.una);
    }
}

/// Keeps the text of a SYN, to be read once the connection is established, or at once if a listener
/// hands the connection out before.
// REQ: RFC9293-SM-12
pub(crate) fn queue_text(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    let room = tcb.rcv.wnd() as usize;
    let text = &segment.payload[..segment.payload.len().min(room)];
    let taken = tcb.rcv.buffer.insert(0, text).advanced;
    tcb.rcv.nxt += taken;
    tcb.rcv.highest = tcb.rcv.nxt;
    if mutant!(tcb.config, B04, false, taken > 0) {
        tcb.rcv.buffer.clear();
    }
}

/// The first sequence number a new incarnation may use if the old one used numbers up to `old_nxt`.
// REQ: RFC9293-MAY-2
pub(crate) fn iss_after(iss: SeqNum, old_nxt: SeqNum, rule: TimeWaitIss) -> SeqNum {
    /// More than the largest window without scaling, so that no old segment fits.
    const GAP: u32 = 65_537;
    if rule == TimeWaitIss::Generated && iss.after(old_nxt) {
        iss
    } else {
        old_nxt + GAP
    }
}
