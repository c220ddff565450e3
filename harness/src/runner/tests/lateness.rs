//! A machine that is late: what is the stack's doing, and what is not.

use super::*;
use rstest::rstest;

/// A canned stack on a machine that is late on purpose.
#[derive(Clone, Default)]
pub(super) struct Machine {
    pub(super) stack: Canned,
    /// How late each sleep ends, in milliseconds; punctual afterwards.
    pub(super) oversleeps: Vec<u64>,
    /// How long the injection of each packet takes, in milliseconds.
    pub(super) injecting: Vec<u64>,
    /// Stretches in which the machine stood still, in milliseconds.
    pub(super) stalls: Vec<(i64, i64)>,
    /// How long each call takes, in milliseconds.
    pub(super) calling: Vec<u64>,
    /// How long each command takes, in milliseconds.
    pub(super) commanding: u64,
    /// How long the answer takes to what is asked of a socket, in milliseconds.
    pub(super) informing: u64,
    /// How far the ticks are apart on which the stack's timers fire, in milliseconds; exact timers if zero.
    pub(super) tick: i64,
    /// The stack's ticks come late.
    pub(super) late_ticks: bool,
    /// A thread that makes calls came late.
    pub(super) kept_waiting: bool,
    /// What the stack says of the connection, beside what it always says.
    pub(super) info: Vec<(&'static str, i64)>,
}

struct OnMachine {
    inner: Box<dyn Session>,
    machine: Machine,
    /// What the machine's lateness has added to the stack's own clock.
    now: Time,
    sleeps: usize,
    injections: usize,
    calls: usize,
}

impl Target for Machine {
    fn name(&self) -> &'static str {
        "late"
    }
    fn defines(&self) -> Vec<String> {
        Vec::new()
    }
    fn lacks(&self, capability: &Capability) -> Option<String> {
        self.stack.lacks(capability)
    }
    fn is_virtual(&self) -> bool {
        false
    }
    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(OnMachine {
            inner: self.stack.open(settings)?,
            machine: self.clone(),
            now: Time::ZERO,
            sleeps: 0,
            injections: 0,
            calls: 0,
        }))
    }
}

fn nth(list: &[u64], index: &mut usize) -> Duration {
    let value = list.get(*index).copied().unwrap_or(0);
    *index += 1;
    Duration::from_millis(value)
}

impl OnMachine {
    fn pass(&mut self, length: Duration) {
        self.now = self.inner.now().max(self.now) + length;
        self.inner.sleep_until(self.now).unwrap();
    }
}

impl Session for OnMachine {
    fn start(&mut self) {}
    fn now(&mut self) -> Time {
        self.inner.now()
    }
    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.inner.sleep_until(time)?;
        let late = nth(&self.machine.oversleeps, &mut self.sleeps);
        self.pass(late);
        Ok(())
    }
    fn held_up(&mut self, from: Time, to: Time) -> Duration {
        let stalls = self.machine.stalls.iter().map(|(start, end)| {
            let start = Time::from_micros(start * 1000).max(from);
            Time::from_micros(end * 1000)
                .min(to)
                .saturating_since(start)
        });
        stalls.sum()
    }
    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let start = self.inner.inject(datagram)?.start;
        let took = nth(&self.machine.injecting, &mut self.injections);
        self.pass(took);
        let end = self.now();
        Ok(Moment { start, end })
    }
    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        self.inner.next_packet(deadline)
    }
    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        let start = self.now();
        let took = nth(&self.machine.calling, &mut self.calls);
        self.pass(took);
        let CallReport::Returned { outcome, .. } = self.inner.call(call, limit)? else {
            return Ok(CallReport::Blocked);
        };
        let moment = Moment {
            start,
            end: self.now(),
        };
        Ok(CallReport::Returned { moment, outcome })
    }
    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        self.inner.start_call(call)
    }
    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        self.inner.finish_call(deadline)
    }
    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        self.pass(Duration::from_millis(self.machine.commanding));
        self.inner.command(command)
    }
    fn tick(&self, time: Time) -> Option<Tick> {
        let length = self.machine.tick;
        (length > 0).then(|| Tick {
            number: time.as_micros().div_euclid(length * 1000),
            length: Duration::from_millis(length.unsigned_abs()),
        })
    }
    fn is_tick_late(&self) -> bool {
        self.machine.late_ticks
    }
    fn kept_waiting(&self) -> bool {
        self.machine.kept_waiting
    }
    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        let mut info = self.inner.socket_info(fd)?;
        self.pass(Duration::from_millis(self.machine.informing));
        let more = self.machine.info.iter();
        info.extend(more.map(|&(name, value)| (name.to_string(), value)));
        Ok(info)
    }
}

/// Runs what follows the handshake; the stack answers the data segment `after` microseconds later.
pub(super) fn verdict(rest: &str, after: u64, machine: Machine) -> String {
    let replies = vec![syn_ack(), vec![(after, segment(ACK, ISN + 1, 101, &[]))]];
    let machine = Machine {
        stack: Canned {
            replies,
            ..Canned::default()
        },
        ..machine
    };
    let (verdict, message) = run_text(&format!("{OPEN}{rest}"), &machine);
    match verdict {
        Verdict::Fail(failure) => {
            let fields: Vec<&str> = failure.differences.iter().map(|one| one.field).collect();
            format!("fail {}", fields.join(" "))
        }
        Verdict::Perturbed(found) => found.to_string(),
        Verdict::Pass => "pass".to_string(),
        _ => message,
    }
}

pub(super) const DATA: &str = "+.1 < . 1:101(100) ack 1 win 20000\n";
/// Sleeps before the data segment: two calls after the socket, and the SYN.
pub(super) const SLEEPS: usize = 4;

pub(super) fn oversleeping(late: u64) -> Machine {
    let mut oversleeps = vec![0; SLEEPS];
    oversleeps.push(late);
    Machine {
        oversleeps,
        ..Machine::default()
    }
}

#[rstest]
#[case::on_time(0, 500, "pass")]
#[case::late_within_the_tolerance(4, 500, "pass")]
#[case::too_late_though_the_stack_is_right(
    5,
    500,
    "the harness was 0.005000 s late (at most 0.004000 s are allowed)"
)]
#[case::too_late_and_the_stack_is_wrong_too(
    5,
    50_000,
    "the harness was 0.005000 s late (at most 0.004000 s are allowed)"
)]
#[case::a_slow_stack_is_not_excused_by_a_little_lateness(3, 12_000, "fail time")]
fn beyond_the_fixed_tolerance_an_attempt_is_perturbed_whatever_it_came_to(
    #[case] late: u64,
    #[case] after: u64,
    #[case] want: &str,
) {
    let script = format!("{DATA}+0 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, after, oversleeping(late)), want);
}

#[test]
fn a_long_wait_does_not_make_the_harness_less_punctual() {
    let script = "+8 < . 1:101(100) ack 1 win 20000\n+0 > . 1:1(0) ack 101 win 64000\n";
    let found = verdict(script, 0, oversleeping(5));
    assert!(found.starts_with("the harness was"), "{found}");
}

#[test]
fn an_injection_that_takes_too_long_perturbs() {
    let script = format!("{DATA}+0 > . 1:1(0) ack 101 win 64000\n");
    let slow = Machine {
        injecting: vec![0, 6],
        ..Machine::default()
    };
    let found = verdict(&script, 0, slow);
    assert!(found.starts_with("the harness was 0.006000 s"), "{found}");
}

#[rstest]
#[case::while_the_machine_stood_still(vec![(101, 120)], "this packet was 0.020000 s late (at most 0.004000 s are allowed)")]
#[case::not_long_enough(vec![(101, 110)], "fail time")]
#[case::before_it_was_due(vec![(50, 100)], "fail time")]
#[case::after_it_came(vec![(121, 200)], "fail time")]
#[case::never(vec![], "fail time")]
fn a_late_packet_is_excused_by_what_the_machine_stood_still_meanwhile(
    #[case] stalls: Vec<(i64, i64)>,
    #[case] want: &str,
) {
    let machine = Machine {
        stalls,
        ..Machine::default()
    };
    let script = format!("{DATA}+0 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, 20_000, machine), want);
}

/// Lateness that is allowed at each step adds up until an absolute time.
fn adding_up() -> Machine {
    let mut oversleeps = vec![0; SLEEPS];
    oversleeps.extend([3, 3, 3]);
    Machine {
        oversleeps,
        ..Machine::default()
    }
}

const THREE: &str = "+.01 < . 1:101(100) ack 1 win 20000
+0 > . 1:1(0) ack 101 win 64000
+.01 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+.01 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0
";

#[test]
fn an_absolute_time_does_not_blame_the_stack_for_our_own_lateness() {
    let script = format!("{THREE}0.03 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n");
    let found = verdict(&script, 0, adding_up());
    assert!(
        found.starts_with("what comes before was 0.009000 s"),
        "{found}"
    );
    assert_eq!(verdict(&script, 0, Machine::default()), "pass");
    // Not the harness, the script itself is behind its own schedule.
    let script = format!("{THREE}0.02 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n");
    assert_eq!(verdict(&script, 0, Machine::default()), "fail time");
}

#[test]
fn an_outbound_packet_at_an_absolute_time_is_judged_by_what_really_happened() {
    let script =
        "+.1 < . 1:101(100) ack 1 win 20000\n0.1 > . 1:1(0) ack 101 win 64000\n".to_string();
    let found = verdict(&script, 2_500, oversleeping(3));
    assert!(
        found.starts_with("this packet, or what it answers, was 0.005500 s"),
        "{found}"
    );
    assert_eq!(verdict(&script, 8_000, oversleeping(3)), "fail time");
    assert_eq!(verdict(&script, 5_500, Machine::default()), "fail time");
}

#[test]
fn a_timer_older_than_a_late_event_is_not_early() {
    // The stack's packet comes 20 ms after the data, whenever the call in between is made.
    let script = |wait: &str| {
        format!(
            "{DATA}+.01 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n+{wait} > . 1:1(0) ack 101 win 64000\n"
        )
    };
    let mut late = oversleeping(0);
    late.oversleeps.push(2);
    let found = verdict(&script(".013"), 20_000, late.clone());
    assert!(
        found.starts_with("the event before was 0.002000 s"),
        "{found}"
    );
    assert_eq!(verdict(&script(".013"), 20_000, Machine::default()), "pass");
    assert_eq!(verdict(&script(".020"), 20_000, late), "fail time");
}

/// The stack's packet comes 1 ms after the data; of three calls behind that the first two take 3 ms each.
#[rstest]
#[case::kept(vec![(101, 106)], "the event before was 0.005000 s late (at most 0.004000 s are allowed)")]
#[case::slow_by_itself(vec![], "fail time")]
fn a_packet_before_calls_that_were_held_up_is_not_early(
    #[case] stalls: Vec<(i64, i64)>,
    #[case] want: &str,
) {
    let machine = Machine {
        calling: vec![0, 0, 0, 3, 3],
        stalls,
        ..Machine::default()
    };
    let call = "+0 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n";
    let script = format!("{DATA}{call}{call}{call}+0 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, 1_000, machine), want);
}

#[rstest]
#[case::held_up(vec![(100, 120)], "the end of this call was 0.020000 s late (at most 0.004000 s are allowed)")]
#[case::waiting_as_it_may(vec![], "pass")]
fn a_call_that_waits_is_no_lateness_and_one_that_is_kept_waiting_is(
    #[case] stalls: Vec<(i64, i64)>,
    #[case] want: &str,
) {
    let machine = Machine {
        calling: vec![0, 0, 0, 20],
        stalls,
        ..Machine::default()
    };
    let script = "+.1 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n";
    assert_eq!(verdict(script, 0, machine), want);
}

/// What is asked for here is counted in ticks.
const COUNTED: &str = "+0 %{ assert tcpi_busy_time == 100000 }%\n";

#[rstest]
#[case::nothing_is_counted("", "what comes before was 0.009000 s")]
#[case::something_is_counted(COUNTED, "pass")]
fn a_script_that_asks_for_what_is_counted_in_ticks_keeps_to_its_schedule(
    #[case] check: &str,
    #[case] want: &str,
) {
    let slowly = THREE.replace("+.01", "+.02");
    let script = format!("{slowly}{check}0.06 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n");
    let machine = Machine {
        info: vec![("tcpi_busy_time", 100_000)],
        ..adding_up()
    };
    let found = verdict(&script, 0, machine);
    assert!(found.starts_with(want), "{found}");
}

#[test]
fn a_train_keeps_to_its_schedule_once() {
    // The first of the train is 3 ms late after 3 ms before it, which it catches up; the others have
    // nothing to catch up.
    let train = "+.02 setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+.02 < . 1:101(100) ack 1 win 20000
+.02 < . 101:201(100) ack 1 win 20000
+.02 < . 201:301(100) ack 1 win 20000
";
    let script = format!("{train}0.08 %{{ assert tcpi_busy_time == 0 }}%\n");
    let mut machine = adding_up();
    machine.info = vec![("tcpi_busy_time", 0)];
    machine.stack.replies = vec![syn_ack()];
    let program = program(&format!("{OPEN}{script}"));
    let outcome = run(&program, &machine, &RunSettings::default());
    let injected = outcome.trace.packets().filter(|(_, by_stack, _)| !by_stack);
    let acted: Vec<i64> = injected.skip(1).map(|(at, ..)| at.as_micros()).collect();
    assert_eq!(acted, [43_000, 63_000, 80_000]);
}

#[rstest]
#[case::all_in_time(false, false, "fail assert")]
#[case::a_tick_was_late(true, false, "what is counted here in ticks may be one off")]
#[case::a_thread_was_late(false, true, "what is counted here in ticks may be one off")]
fn what_lateness_may_have_changed_is_not_judged(
    #[case] late_ticks: bool,
    #[case] kept_waiting: bool,
    #[case] want: &str,
) {
    let machine = Machine {
        tick: 4,
        late_ticks,
        kept_waiting,
        info: vec![("tcpi_busy_time", 96_000)],
        ..Machine::default()
    };
    let found = verdict(COUNTED, 0, machine);
    assert!(found.starts_with(want), "{found}");
}

#[rstest]
#[case::in_time(false, "fail time")]
#[case::late(
    true,
    "a tick of the stack's clock was 0.004000 s late (what was found depends on it)"
)]
fn a_failure_while_ticks_are_late_says_nothing(#[case] late_ticks: bool, #[case] want: &str) {
    let machine = Machine {
        tick: 4,
        late_ticks,
        ..Machine::default()
    };
    let script = format!("{DATA}+0 > . 1:1(0) ack 101 win 64000\n");
    assert_eq!(verdict(&script, 20_000, machine.clone()), want);
    // Nothing is wrong with what passes all the same.
    assert_eq!(verdict(&script, 500, machine), "pass");
}
