//! Fifth check: the ACK field in synchronized states (RFC 9293 §3.10.7.4, ESTABLISHED).

use super::{handshake, timestamps};
use crate::config::{RttSamples, Segmentation};
use crate::congestion::Acked;
use crate::context::Context;
use crate::ecn::{self, accurate, hold};
use crate::event::Discard;
use crate::fast_open::client;
use crate::path::{probe, too_big};
use crate::segment::SegmentRef;
use crate::send::flight::Delivered;
use crate::send::recovery::{self, Ack};
use crate::send::room::Room;
use crate::send::{autotune, keepalive, persist, retransmit, selective};
use crate::seq::SeqNum;
use crate::state::{Check, Disposition};
use crate::tcb::Tcb;
use crate::user_timeout;
use crate::window::Window;

/// Takes SEG.ACK and SEG.WND.
pub(crate) fn process(tcb: &mut Tcb, segment: &SegmentRef<'_>, cx: &mut Context<'_>) -> Check {
    // REQ: RFC9293-SM-28
    let Some(ack) = segment.ack else {
        return Check::Break(Disposition::Discard(Discard::NoAck));
    };
    let ack = mutant!(tcb.config, C12, ack, {
        let in_range = check_range(tcb, ack).is_continue();
        if in_range { ack } else { tcb.snd.una }
    });
    check_range(tcb, ack)?;
    timestamps::remember(tcb, segment, cx.now);
    user_timeout::take(tcb, segment, cx.now);
    keepalive::heard(tcb, cx.now);
    ecn::on_packet(tcb, segment);
    let una = tcb.snd.una;
    if tcb.snd.syn_unacked() && ack.after(tcb.snd.una) {
        of_syn(tcb, segment, ack, cx);
    } else if says_nothing_of_ours(tcb, segment, ack) {
        // A receiver's everyday: its peer sends, and repeats what it acknowledged long ago.
        if mutant!(tcb.config, H08, false, repeats_itself(tcb, segment)) {
            tcb.rcv.ack.now();
        }
    } else {
        let duplicate = is_duplicate(tcb, segment, ack);
        take(tcb, segment, ack, duplicate, cx);
    }
    // REQ: RFC9293-SM-27
    update_window(tcb, segment, ack, una);
    persist::on_ack(tcb);
    Check::Continue(())
}

/// `SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT` (RFC 5961 §5.2), and never an ACK of bytes we
/// never sent.
fn check_range(tcb: &Tcb, ack: SeqNum) -> Check {
    let snd = &tcb.snd;
    // REQ: RFC9293-SM-26
    if ack.after(mutant!(tcb.config, F05, snd.max, snd.nxt)) {
        return Check::Break(mutant!(
            tcb.config,
            D08,
            Disposition::DiscardAndAck(Discard::Ack),
            Disposition::Discard(Discard::Ack)
        ));
    }
    // Early in a connection SND.UNA - MAX.SND.WND lies before ISS; a forged ACK there would pass.
    let most = u64::from(snd.max_wnd.bytes());
    let acknowledged = snd.buffer.acknowledged() + u64::from(snd.fin_acknowledged);
    let span = mutant!(tcb.config, C13, most.min(acknowledged), most) as u32;
    // REQ: RFC9293-MAY-12
    // REQ: RFC5961-9
    // REQ: RFC5961-10
    if tcb.config.old_ack_check && ack.before(snd.una - span) {
        return Check::Break(Disposition::DiscardAndAck(Discard::Ack));
    }
    Check::Continue(())
}

/// Takes the acknowledgment of our SYN, and of what left with it or before its answer came.
pub(crate) fn of_syn(tcb: &mut Tcb, segment: &SegmentRef<'_>, ack: SeqNum, cx: &mut Context<'_>) {
    if !segment.flags.syn {
        accurate::on_handshake_ack(tcb, segment);
    }
    handshake::take_ack_of_syn(tcb, segment, cx.now);
    if accurate::take_handshake_mark(tcb) {
        recovery::on_mark_in_handshake(tcb);
    }
    if tcb.fast_open.attempt().is_some() {
        take_syn_data(tcb, ack, cx);
        client::on_syn_ack(tcb, segment, cx);
    } else if !tcb.snd.flight.is_empty() {
        take(tcb, segment, ack, false, cx);
    }
}

/// What the peer took of the data on our SYN. The rest is lost, or the peer had no use for it:
/// either way it leaves again at once, and congestion has nothing to do with it.
// REQ: RFC7413-14
fn take_syn_data(tcb: &mut Tcb, ack: SeqNum, cx: &mut Context<'_>) {
    if ack.after(tcb.snd.una) {
        advance(tcb, ack, &mut Delivered::default());
    }
    tcb.snd.flight.mark_all_lost();
    tcb.fast_open.left_over = !tcb.snd.flight.is_empty();
    retransmit::on_progress(tcb, true, cx.now);
}

/// What the acknowledgment says, cumulatively and selectively, and what follows from it.
fn take(
    tcb: &mut Tcb,
    segment: &SegmentRef<'_>,
    ack: SeqNum,
    duplicate: bool,
    cx: &mut Context<'_>,
) {
    let echo = echo(tcb, segment);
    let una = tcb.snd.una;
    let mut delivered = recovery::expect_delivery(tcb, echo, cx.now);
    let bursts = matches!(tcb.config.segmentation, Segmentation::Bursts(_));
    let window_used = is_window_used(tcb, bursts);
    let bytes = ack.after(tcb.snd.una).then(|| {
        let bytes = advance(tcb, ack, &mut delivered);
        if tcb.config.rtt_samples == RttSamples::OneARoundTrip {
            retransmit::sample_rtt(tcb, segment, ack, cx.now);
        }
        bytes
    });
    let duplicate_report = selective::take(tcb, &segment.options.sack, ack, &mut delivered);
    if tcb.config.rtt_samples == RttSamples::EveryAck {
        retransmit::sample_delivery(tcb, segment, &delivered, bytes.is_some(), cx.now);
    }
    // A user who said that more follows holds nothing back any longer than this.
    tcb.snd.more_coming &= !bursts;
    let segments = recovery::newly_delivered(tcb, &delivered);
    tcb.counters.on_delivered(delivered.segments);
    tcb.path.note_arrived(delivered.largest);
    let marked = ecn::tells_of_marks(tcb, segment, una, &delivered);
    if duplicate_report.is_some() {
        tcb.counters.on_duplicate_reported();
    }
    let counted = mutant!(tcb.config, H11, bytes, {
        bytes.map(|bytes| bytes.max(tcb.snd.congestion.smss()))
    });
    let acked = |bytes| Acked {
        bytes,
        segments,
        window_used,
        marked,
        una: tcb.snd.una,
        nxt: tcb.snd.nxt,
        rtt: delivered.round_trip(cx.now),
        srtt: tcb.snd.rtt.srtt(),
        now: cx.now,
    };
    let advanced = counted.map(acked);
    let only_selected = advanced.is_none() && delivered.sacked > 0;
    let ack = Ack {
        ack,
        advanced,
        out_of_order: only_selected.then(|| acked(delivered.sacked)),
        delivered,
        duplicate,
        duplicate_report,
        echo,
    };
    if marked && ecn::is_unanswered(tcb, ack.ack) {
        recovery::on_congestion_echo(tcb, bytes.unwrap_or(0), cx.now);
    } else if !marked && advanced.is_some() {
        hold::end(tcb);
    }
    let restart_timer = recovery::on_ack(tcb, ack, cx);
    if advanced.is_some() {
        autotune::follow_window(tcb);
        too_big::on_progress(tcb);
        probe::on_progress(tcb, cx);
        retransmit::on_progress(tcb, restart_timer, cx.now);
    }
}

/// The timestamp of ours that comes back, where timestamps were agreed on.
fn echo(tcb: &Tcb, segment: &SegmentRef<'_>) -> Option<u32> {
    let timestamps = tcb.negotiated.timestamps.and(segment.options.timestamps);
    timestamps.map(|timestamps| timestamps.echo)
}

/// Whether the congestion window is what has kept more from being sent.
fn is_window_used(tcb: &Tcb, bursts: bool) -> bool {
    let congestion = &tcb.snd.congestion;
    if bursts {
        let slow_start = congestion.in_slow_start();
        tcb.snd.usage.is_limited(congestion.segments(), slow_start)
    } else {
        // One more segment would not have fitted.
        tcb.snd.flight.pipe() + congestion.smss() > congestion.cwnd()
    }
}

/// New data is acknowledged: SND.UNA moves. Answers by how many bytes.
// REQ: DOC-HDR-10
// REQ: RFC9293-SM-51
fn advance(tcb: &mut Tcb, ack: SeqNum, delivered: &mut Delivered) -> u32 {
    let mut bytes = tcb.snd.una.span_to(ack);
    if tcb.snd.fin_queued && !tcb.snd.fin_acknowledged && ack.after(tcb.snd.data_end()) {
        // REQ: RFC9293-SM-06
        tcb.snd.fin_acknowledged = true;
        bytes -= 1;
    }
    tcb.snd.buffer.acknowledge(bytes as usize);
    match &mut tcb.snd.room {
        Room::Buffers(buffers) => buffers.acknowledge(bytes as usize),
        Room::Unused { .. } => {}
        Room::Bytes => tcb.user.wants_room &= !tcb.snd.buffer.has_room_again(),
    }
    tcb.snd.una = ack;
    tcb.snd.nxt = tcb.snd.nxt.max(ack);
    if tcb.snd.up.is_some_and(|up| up.at_or_before(ack)) {
        tcb.snd.up = None;
    }
    tcb.snd.flight.acknowledge(ack, delivered);
    tcb.snd.retries = 0;
    bytes
}

/// Nothing of ours is under way, so that an acknowledgment which is not new cannot tell where it is.
fn says_nothing_of_ours(tcb: &Tcb, segment: &SegmentRef<'_>, ack: SeqNum) -> bool {
    tcb.snd.max == tcb.snd.una
        && ack == tcb.snd.una
        && segment.options.sack.is_empty()
        && matches!(tcb.ecn.mode, ecn::Mode::Off)
}

/// RFC 5681 §2: something is outstanding, the segment says nothing else, and SEG.ACK is the
/// greatest seen. Answers to zero-window probes look the same and mean no loss.
// REQ: RFC5681-13
fn is_duplicate(tcb: &Tcb, segment: &SegmentRef<'_>, ack: SeqNum) -> bool {
    let outstanding = tcb.snd.in_flight() && tcb.snd.wnd.bytes() > 0 && ack == tcb.snd.una;
    outstanding && mutant!(tcb.config, H07, repeats_itself(tcb, segment), true)
}

/// Whether the segment has neither text nor another window.
fn repeats_itself(tcb: &Tcb, segment: &SegmentRef<'_>) -> bool {
    segment.is_empty() && segment.wnd.scale(tcb.negotiated.snd_scale) == tcb.snd.wnd
}

/// Takes SEG.WND unless a newer segment was seen. Then the right edge stands where it was: SND.WND
/// counts from SND.UNA, which was `una` before, and must not carry the edge along beyond what was
/// offered.
// REQ: RFC9293-SM-29
// REQ: RFC9293-MUST-34
// REQ: RFC7323-3
// REQ: RFC7323-6
fn update_window(tcb: &mut Tcb, segment: &SegmentRef<'_>, ack: SeqNum, una: SeqNum) {
    if ack.before(tcb.snd.una) {
        return;
    }
    let newer = tcb.snd.wl1.before(segment.seq)
        || (tcb.snd.wl1 == segment.seq && tcb.snd.wl2.at_or_before(ack));
    if let Some(scale) = mutant!(tcb.config, I04, None, segment.options.window_scale) {
        tcb.negotiated.snd_scale = scale;
    }
    if mutant!(tcb.config, D10, newer, tcb.snd.wl2.at_or_before(ack)) {
        tcb.snd.wnd = segment.wnd.scale(tcb.negotiated.snd_scale);
        tcb.snd.max_wnd = tcb.snd.max_wnd.max(tcb.snd.wnd);
        tcb.snd.wl1 = segment.seq;
        tcb.snd.wl2 = ack;
    } else {
        // What acknowledges our SYN is never older than the window: the SYN, which takes no room in it, is
        // not among these numbers.
        let passed = una.span_to(tcb.snd.una);
        tcb.snd.wnd = Window::new(tcb.snd.wnd.bytes().saturating_sub(passed));
    }
}

#[cfg(test)]
mod tests {
    use crate::socket::SendFlags;
    use crate::state::StateName;
    use crate::testing::bench::Bench;
    use crate::window::UnscaledWindow;
    use rstest::rstest;

    /// RFC 9293 §3.10.7.4: what is acknowledged uses up the window, unless a newer one comes along; however much was
    /// sent since the SYN.
    #[rstest]
    #[case::nothing(0)]
    #[case::two_gib(1 << 31)]
    #[case::three_gib(3 << 30)]
    fn the_right_edge_stays_where_it_is(#[case] sent_before: u32) {
        let mut bench = Bench::new(Bench::plain_config());
        let conn = bench.reach(StateName::Established);
        let tcb = &mut bench.host.connection_mut(conn.id).unwrap().tcb;
        tcb.snd.iss = tcb.snd.iss - sent_before;
        let segment = |bench: &Bench, seq, ack, window| {
            let mut segment = bench.peer_segment("P.", seq, conn.iss + ack);
            segment.payload = [0; 10].into();
            segment.wnd = UnscaledWindow::new(window);
            segment
        };
        bench.inject(&segment(&bench, 11, 1, 2920));
        let sent = bench
            .host
            .send(bench.now, conn.id, &[0; 4000], SendFlags::default());
        assert_eq!((sent, bench.drain().len()), (Ok(4000), 2));
        // It fills a gap, so that it is older.
        bench.inject(&segment(&bench, 1, 1461, 5000));
        let tcb = &bench.host.connection(conn.id).unwrap().tcb;
        assert_eq!(tcb.snd.wnd.bytes(), 1460);
    }
}
