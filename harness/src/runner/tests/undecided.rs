//! A machine that is late by little, where what is found depends on it.

use super::lateness::{DATA, Machine, SLEEPS, oversleeping, verdict};
use super::*;
use rstest::rstest;

/// The stack answers `after` microseconds after data that came `late` milliseconds late, 101 ms after the
/// handshake; its timers fire with ticks that are 4 ms apart, the next but one of them 1 ms after it was due.
fn timed(late: u64, after: u64) -> String {
    let machine = Machine {
        tick: 4,
        ..oversleeping(late)
    };
    let script = "+.103 < . 1:101(100) ack 1 win 20000\n+.003 > . 1:1(0) ack 101 win 64000\n";
    verdict(script, after, machine)
}

#[rstest]
#[case::on_time(0, 6_900, "pass")]
#[case::on_time_and_wrong(0, 7_100, "fail time")]
// The tick at 104 ms has passed meanwhile: a punctual harness had started the timer one tick before,
// and 3 ms earlier, and would have waited 1 ms less.
#[case::fails_by_a_tick(
    3,
    7_500,
    "what set the timer of this packet was 0.003000 s late (what was found depends on it)"
)]
#[case::fails_anyway(3, 8_100, "fail time")]
#[case::passes_anyway(3, 6_500, "pass")]
fn a_timer_s_packet_is_judged_only_if_a_tick_more_makes_no_difference(
    #[case] late: u64,
    #[case] after: u64,
    #[case] want: &str,
) {
    assert_eq!(timed(late, after), want);
}

/// Where a tick begins is known to some 50 microseconds; this data comes 1 ms late, before the tick at 104 ms.
#[rstest]
#[case::just_before_it(
    "+.10297",
    "what set the timer of this packet was 0.001000 s late (what was found depends on it)"
)]
#[case::long_before_it("+.10290", "fail time")]
fn next_to_a_tick_either_side_of_it_counts(#[case] wait: &str, #[case] want: &str) {
    let machine = Machine {
        tick: 4,
        ..oversleeping(1)
    };
    let script =
        format!("{wait} < . 1:101(100) ack 1 win 20000\n+.003 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, 7_100, machine), want);
}

#[rstest]
// In the same tick a timer fires that much sooner after a late event.
#[case::passes_by_lateness(
    6_000,
    "what set the timer of this packet was 0.002000 s late (what was found depends on it)"
)]
#[case::passes_anyway(4_900, "pass")]
fn a_pass_by_lateness_is_none(#[case] after: u64, #[case] want: &str) {
    let machine = Machine {
        tick: 4,
        ..oversleeping(2)
    };
    let script = format!("{DATA}+.003 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, after, machine), want);
}

/// A timer that was set while the tick was late would have fired a tick later.
#[rstest]
#[case::passes_by_it(
    6_000,
    "what set the timer of this packet was 0.004000 s late (what was found depends on it)"
)]
#[case::passes_anyway(2_500, "pass")]
fn a_pass_by_a_late_tick_is_none(#[case] after: u64, #[case] want: &str) {
    let machine = Machine {
        tick: 4,
        late_ticks: true,
        ..Machine::default()
    };
    let script = format!("{DATA}+.003 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, after, machine), want);
}

#[test]
fn without_ticks_nothing_is_undecided() {
    let script = format!("{DATA}+.003 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, 6_000, oversleeping(2)), "pass");
}

#[rstest]
#[case::a_quarter(1, "+.004", "fail ack")]
#[case::at_once(1, "+0", "fail ack")]
#[case::at_once_and_late(
    2,
    "+0",
    "the harness was 0.002000 s late (what was found depends on it)"
)]
#[case::more(
    1,
    "+.002",
    "the harness was 0.001000 s late (what was found depends on it)"
)]
fn a_failure_after_a_wait_that_was_distorted_says_nothing(
    #[case] late: u64,
    #[case] wait: &str,
    #[case] want: &str,
) {
    let script = |ack: u32| {
        format!("{wait} < . 1:101(100) ack 1 win 20000\n+0 > . 1:1(0) ack {ack} win 64000\n")
    };
    assert_eq!(verdict(&script(100), 0, oversleeping(late)), want);
    assert_eq!(verdict(&script(101), 0, oversleeping(late)), "pass");
}

#[rstest]
#[case::quick(25, "fail ack")]
#[case::slow(
    26,
    "the end of this step was 0.026000 s late (what was found depends on it)"
)]
fn a_failure_after_a_slow_command_says_nothing(#[case] takes: u64, #[case] want: &str) {
    let machine = || Machine {
        commanding: takes,
        ..Machine::default()
    };
    let script = |ack: u32| format!("+0 `true`\n{DATA}+0 > . 1:1(0) ack {ack} win 64000\n");
    assert_eq!(verdict(&script(100), 0, machine()), want);
    assert_eq!(verdict(&script(101), 0, machine()), "pass");
}

/// What a block finds in a run that was late by `late` milliseconds before it, up to the end of a tick.
fn counted(late: u64, block: &str) -> String {
    counted_and_told(late, 0, block)
}

/// The same, where the answer takes some milliseconds.
fn counted_and_told(late: u64, informing: u64, block: &str) -> String {
    let mut oversleeps = vec![0; SLEEPS];
    oversleeps.push(late);
    let machine = Machine {
        tick: 4,
        oversleeps,
        informing,
        info: vec![("tcpi_busy_time", 48_000), ("tcpi_rwnd_limited", 0)],
        ..Machine::default()
    };
    let script = format!(
        "+.103 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n+0 %{{ assert {block} }}%\n"
    );
    verdict(&script, 0, machine)
}

const DEPENDS: &str = "what is counted here in ticks may be one off; the harness was 0.002000 s late (what was found depends on it)";

#[rstest]
#[case::on_time(0, "tcpi_busy_time == 48000", "pass")]
#[case::on_time_and_wrong(0, "49000 <= tcpi_busy_time <= 52000", "fail assert")]
#[case::a_tick_more_would_do(2, "49000 <= tcpi_busy_time <= 52000", DEPENDS)]
#[case::a_tick_less_would_not(2, "48000 <= tcpi_busy_time <= 52000", DEPENDS)]
#[case::either_would_do(2, "40000 <= tcpi_busy_time <= 60000", "pass")]
#[case::neither_would_do(2, "tcpi_busy_time > 60000", "fail assert")]
#[case::nothing_counted(2, "tcpi_rwnd_limited == 0", "pass")]
#[case::not_asked_for(2, "tcpi_unacked == 4", "fail assert")]
fn what_is_counted_in_ticks_is_judged_only_if_one_more_makes_no_difference(
    #[case] late: u64,
    #[case] block: &str,
    #[case] want: &str,
) {
    assert_eq!(counted(late, block), want);
}

#[rstest]
#[case::in_another_tick(2, "49000 <= tcpi_busy_time <= 52000", DEPENDS)]
#[case::too_late(
    5,
    "tcpi_busy_time == 48000",
    "the harness was 0.005000 s late (at most 0.004000 s are allowed)"
)]
fn what_a_socket_tells_late_is_late(
    #[case] informing: u64,
    #[case] block: &str,
    #[case] want: &str,
) {
    assert_eq!(counted_and_told(0, informing, block), want);
}

/// Two segments in answer to data, the second of which the script expects first.
fn answered_by(first: u32, second: u32, target: &dyn Fn(Canned) -> Box<dyn Target>) -> String {
    let text = [0; 10];
    let replies = vec![
        syn_ack(),
        vec![
            (10, segment(ACK, ISN + first, 101, &text)),
            (30, segment(ACK, ISN + second, 101, &text)),
        ],
    ];
    let stack = Canned {
        replies,
        ..Canned::default()
    };
    let script = format!("{OPEN}{DATA}+0 > . 1:11(10) ack 101\n+0 > . 11:21(10) ack 101\n");
    match run_text(&script, target(stack).as_ref()) {
        (Verdict::Perturbed(found), _) => found.to_string(),
        (verdict, _) => verdict.name().to_string(),
    }
}

#[rstest]
#[case::in_order(1, 11, "pass")]
#[case::overtaken(
    11,
    1,
    "a segment that a later one overtook on its way was 0.000020 s late (what was found depends on it)"
)]
// Nothing comes that was passed over: the stack is wrong.
#[case::a_hole(11, 21, "fail")]
fn a_failure_where_segments_changed_places_is_none(
    #[case] first: u32,
    #[case] second: u32,
    #[case] want: &str,
) {
    let live = |stack| -> Box<dyn Target> {
        Box::new(Machine {
            stack,
            ..Machine::default()
        })
    };
    assert_eq!(answered_by(first, second, &live), want);
    // Nothing overtakes anything in virtual time.
    let want = if want == "pass" { "pass" } else { "fail" };
    let virtual_time = |stack| -> Box<dyn Target> { Box::new(stack) };
    assert_eq!(answered_by(first, second, &virtual_time), want);
}
