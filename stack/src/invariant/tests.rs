//! Each rule is broken by hand and must be found: a checker that finds nothing protects from
//! nothing.

use core::time::Duration;

use super::*;
use crate::config::TimeWaitIss;
use crate::ecn::accurate::Accurate;
use crate::ecn::{Codepoint, Mode};
use crate::event::Event;
use crate::host::Output;
use crate::input::handshake;
use crate::seq::SeqRange;
use crate::state::FinWait2;
use crate::testing::bench::Bench;
use crate::time::Instant;
use crate::window::{Mss, Window};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use rstest::rstest;

/// A drained host with one connection in `state`, and that connection after `damage`.
fn damaged(state: StateName, damage: impl FnOnce(&mut Connection)) -> Option<Rule> {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.reach(state);
    assert_eq!(check(&bench.host), Ok(()));
    damage(bench.host.connection_mut(conn.id).expect("a connection"));
    check(&bench.host).err().map(|violation| violation.rule)
}

#[rstest]
#[case(Rule::SendOrder, |c: &mut Connection| c.tcb.snd.una += 1)]
#[case(Rule::SendOrder, |c: &mut Connection| c.tcb.snd.max += 2)]
#[case(Rule::SendWithinQueue, |c: &mut Connection| {
    c.tcb.snd.nxt += 1;
    c.tcb.snd.max += 1;
})]
#[case(Rule::SynAcknowledged, |c: &mut Connection| c.tcb.snd.una = c.tcb.snd.iss)]
#[case(Rule::ScoreboardIsFlight, |c: &mut Connection| {
    c.tcb.snd.flight.sent(SeqRange::with_len(c.tcb.snd.nxt, 1), Instant::from_millis(0));
})]
#[case(Rule::CongestionWindowHoldsSegment, |c: &mut Connection| {
    c.tcb.snd.congestion.set_smss(u32::MAX);
})]
#[case(Rule::SegmentsFitPath, |c: &mut Connection| c.tcb.snd.mss = Mss::new(1461))]
#[case(Rule::SegmentsFitPath, |c: &mut Connection| c.tcb.snd.congestion.set_smss(1459))]
#[case(Rule::LossTimersWatchFlight, |c: &mut Connection| {
    c.tcb.timers.arm(Timer::LossProbe, Instant::from_millis(0));
})]
#[case(Rule::ReceiveWithinWindow, |c: &mut Connection| c.tcb.rcv.nxt = c.tcb.rcv.adv + 1)]
#[case(Rule::WindowWithinBuffer, |c: &mut Connection| c.tcb.rcv.adv += 100_000)]
#[case(Rule::BuffersWithinBounds, |c: &mut Connection| c.tcb.snd.buffer.set_capacity(65_537))]
#[case(Rule::BuffersWithinBounds, |c: &mut Connection| c.tcb.rcv.capacity += 1)]
#[case(Rule::MarksAreTold, |c: &mut Connection| {
    let mut state = Accurate::of_server(Codepoint::NotEct);
    state.receiver.cep += 3;
    c.tcb.ecn.mode = Mode::Accurate(Box::new(state));
})]
#[case(Rule::MarksAreTold, |c: &mut Connection| {
    let mut state = Accurate::of_server(Codepoint::NotEct);
    state.handshake_ack = Some(Codepoint::NotEct);
    c.tcb.ecn.mode = Mode::Accurate(Box::new(state));
})]
#[case(Rule::FinsMatchState, |c: &mut Connection| c.tcb.rcv.fin_received = true)]
#[case(Rule::FinsMatchState, |c: &mut Connection| c.state = State::FinWait2(FinWait2))]
#[case(Rule::OutstandingIsWatched, |c: &mut Connection| {
    c.tcb.timers.arm(Timer::Retransmit, Instant::from_secs(9));
})]
#[case(Rule::OutstandingIsWatched, |c: &mut Connection| {
    c.tcb.snd.wnd = Window::ZERO;
    c.tcb.snd.buffer.write(b"x", true);
})]
#[case(Rule::PacingTimer, |c: &mut Connection| {
    c.tcb.timers.arm(Timer::Pacing, Instant::from_secs(9));
})]
#[case(Rule::TimeWaitTimer, |c: &mut Connection| {
    c.tcb.timers.arm(Timer::TimeWait, Instant::from_secs(9));
})]
#[case(Rule::DelayedAckTimer, |c: &mut Connection| c.tcb.rcv.ack.on_text(1, 1460))]
#[case(Rule::DeadlinesMatchTimers, |c: &mut Connection| {
    c.tcb.timers.arm(Timer::KeepAlive, Instant::from_secs(9));
})]
fn established(#[case] rule: Rule, #[case] damage: fn(&mut Connection)) {
    assert_eq!(damaged(StateName::Established, damage), Some(rule));
}

#[rstest]
#[case(StateName::SynSent, Rule::HandshakeIsWatched, |c: &mut Connection| {
    c.tcb.timers.disarm(Timer::Retransmit);
})]
#[case(StateName::SynReceived, Rule::HandshakeIsWatched, |c: &mut Connection| {
    c.tcb.timers.disarm(Timer::Retransmit);
})]
#[case(StateName::TimeWait, Rule::TimeWaitTimer, |c: &mut Connection| {
    c.tcb.timers.disarm(Timer::TimeWait);
})]
#[case(StateName::FinWait1, Rule::OutstandingIsWatched, |c: &mut Connection| {
    c.tcb.timers.disarm(Timer::Retransmit);
})]
#[case(StateName::Established, Rule::ClosedIsQuiet, |c: &mut Connection| {
    c.state = State::Closed(crate::state::Closed);
    c.tcb.timers.arm(Timer::KeepAlive, Instant::from_secs(9));
})]
#[case(StateName::Established, Rule::NoLeftovers, |c: &mut Connection| {
    c.state = State::Closed(crate::state::Closed);
    c.tcb.user.detached = true;
})]
#[case(StateName::Established, Rule::DemuxMatchesSockets, |c: &mut Connection| {
    c.state = State::Closed(crate::state::Closed);
})]
fn other_states(#[case] state: StateName, #[case] rule: Rule, #[case] damage: fn(&mut Connection)) {
    assert_eq!(damaged(state, damage), Some(rule));
}

#[test]
fn a_lost_connection_is_missed_by_the_demultiplexer() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.accepted();
    bench.host.sockets.remove(&conn.id);
    let rule = check(&bench.host).err().map(|violation| violation.rule);
    assert_eq!(rule, Some(Rule::DemuxMatchesSockets));
}

#[test]
fn a_half_open_connection_must_be_in_its_listeners_queue() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.half_open();
    let listener = conn
        .listener
        .and_then(|id| bench.host.listener_mut(id))
        .expect("passive");
    listener.drop_half_open(conn.id);
    let violation = check(&bench.host).expect_err("the queue is wrong");
    assert_eq!(violation.rule, Rule::ListenerQueues);
    assert_eq!(
        violation.to_string(),
        "invariant broken: a listener's queues hold what they should (socket 2 in SYN-RECEIVED)"
    );
}

#[test]
fn a_host_that_was_not_drained_is_told_so() {
    let mut bench = Bench::new(Bench::plain_config());
    bench.host.receive(bench.now, &bench.peer_syn(false).emit());
    let rule = check(&bench.host).err().map(|violation| violation.rule);
    assert_eq!(rule, Some(Rule::NothingPending));
    assert!(matches!(
        bench.host.poll(),
        Output::Transmit(_) | Output::Event(Event::ResetSent { .. })
    ));
    bench.drain();
    assert_eq!(check(&bench.host), Ok(()));
}

/// `iss_after` keeps a new incarnation clear of the old one's numbers.
#[test]
fn a_new_incarnation_begins_behind_the_old_one() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.reach(StateName::TimeWait);
    let old = bench.host.status(conn.id).expect("waiting").snd_nxt;
    assert!(handshake::iss_after(old - 1, old, TimeWaitIss::Generated).after(old + 65_535));
    assert_eq!(
        handshake::iss_after(old + 1, old, TimeWaitIss::Generated),
        old + 1
    );
    // 65,535 + 2, as Linux has it.
    let linux = handshake::iss_after(old + 1, old, TimeWaitIss::AfterOld);
    assert_eq!(linux, old + 65_537);
    bench.wait(Duration::from_secs(1));
}

/// What nobody armed a timer for.
#[test]
fn a_deadline_of_no_timer_is_found() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.accepted();
    let listener = conn.listener.expect("passive");
    bench
        .host
        .deadlines
        .set(listener, Some(Instant::from_secs(99)));
    let violation = check(&bench.host).expect_err("one too many");
    assert_eq!(violation.rule, Rule::DeadlinesMatchTimers);
    assert_eq!(
        violation.to_string(),
        "invariant broken: the deadlines are those of the timers"
    );
}

/// Handed out early, and not counted where its handshake counts.
#[test]
fn an_early_connection_must_be_known_to_its_listener() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.half_open();
    let damaged = bench.host.connection_mut(conn.id).expect("half open");
    damaged
        .tcb
        .fast_open
        .set_pending(conn.listener.expect("it came in"));
    let violation = check(&bench.host).expect_err("never handed out");
    assert_eq!(violation.rule, Rule::ListenerQueues);
}

#[test]
fn every_rule_says_what_should_hold_in_words_of_its_own() {
    let rules = [
        Rule::SendOrder,
        Rule::SendWithinQueue,
        Rule::SynAcknowledged,
        Rule::ScoreboardIsFlight,
        Rule::CongestionWindowHoldsSegment,
        Rule::SegmentsFitPath,
        Rule::LossTimersWatchFlight,
        Rule::ReceiveWithinWindow,
        Rule::WindowWithinBuffer,
        Rule::BuffersWithinBounds,
        Rule::MarksAreTold,
        Rule::NoHiddenText,
        Rule::FinsMatchState,
        Rule::OutstandingIsWatched,
        Rule::PacingTimer,
        Rule::TimeWaitTimer,
        Rule::HandshakeIsWatched,
        Rule::ClosedIsQuiet,
        Rule::DelayedAckTimer,
        Rule::NoLeftovers,
        Rule::DemuxMatchesSockets,
        Rule::DeadlinesMatchTimers,
        Rule::ListenerQueues,
        Rule::NothingPending,
    ];
    let lines: Vec<String> = rules.map(|rule| rule.to_string()).into();
    insta::assert_snapshot!(lines.join("\n"));
}
