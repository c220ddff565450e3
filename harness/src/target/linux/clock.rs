//! The case's clock on a live machine: CLOCK_MONOTONIC, and packet stamps brought onto it.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_getres, clock_gettime, clock_nanosleep};

use super::{tick, virtual_time};
use crate::time::{Moment, Time};

/// Nanoseconds of CLOCK_MONOTONIC.
pub(super) type Nanos = i64;

/// Maps the machine's clock to a case's own. Copied freely between the threads of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    zero: Nanos,
    /// In virtual time how far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC, which nobody steps there.
    ahead: Option<Nanos>,
}

/// A case that starts so soon after the moment it should starts on time.
const PROMPT: Nanos = 60_000;
/// How many ticks are tried.
const STARTS: usize = 8;

impl Clock {
    /// A clock whose zero is now.
    pub(super) fn new() -> Clock {
        Clock {
            zero: monotonic_nanos(),
            ahead: virtual_time::rules().then(virtual_time::wall_is_ahead),
        }
    }

    /// The same clock, but its zero is now, `into` a tick of the kernel.
    ///
    /// The kernel's timers count in ticks (1 to 10 ms). Starting every case at the same place
    /// within one makes the rounding of its timers the same from run to run.
    ///
    /// Whoever wakes late for one tick takes the next: that costs less than to be late all the way.
    ///
    /// In virtual time waiting costs nothing, and every case starts at the same place of the kernel's whole
    /// timer wheel: what it sees does not depend on what ran before it.
    pub(super) fn started_in_a_tick(self, into: Nanos) -> Clock {
        if virtual_time::rules() {
            sleep_until_nanos(tick::next_turn(monotonic_nanos(), into));
            return self.starting_now();
        }
        for _ in 1..STARTS {
            let start = tick::next_start(monotonic_nanos(), into);
            sleep_until_nanos(start);
            let clock = self.starting_now();
            if clock.zero - start <= PROMPT {
                return clock;
            }
        }
        sleep_until_nanos(tick::next_start(monotonic_nanos(), into));
        self.starting_now()
    }

    fn starting_now(self) -> Clock {
        Clock {
            zero: monotonic_nanos(),
            ..self
        }
    }

    pub(super) fn now(self) -> Time {
        self.time(monotonic_nanos())
    }

    /// The case's time of an instant, rounded down to the microsecond.
    pub(super) fn time(self, instant: Nanos) -> Time {
        Time::from_micros((instant - self.zero).div_euclid(1_000))
    }

    /// From the microsecond `start` lies in to the one after `end`.
    ///
    /// In virtual time, where what does not wait takes no time, to the one `end` lies in: what comes next need not
    /// wait for the microsecond to be over.
    pub(super) fn moment(self, start: Nanos, end: Nanos) -> Moment {
        let rest = if self.ahead.is_some() { 0 } else { 999 };
        Moment {
            start: self.time(start),
            end: self.time(end.saturating_add(rest)),
        }
    }

    /// The instant of a case's time.
    pub(super) fn instant(self, time: Time) -> Nanos {
        time.as_micros()
            .saturating_mul(1_000)
            .saturating_add(self.zero)
    }

    /// The case's time of a CLOCK_REALTIME stamp that the kernel has just taken.
    ///
    /// On a live machine both clocks are read together now, so that a step of the wall clock earlier in the
    /// case does not matter.
    pub(super) fn time_of_stamp(self, stamp: TimeSpec) -> Time {
        let ahead = self.ahead.unwrap_or_else(wall_is_ahead);
        self.time(nanos(stamp) - ahead)
    }
}

/// How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC.
pub(super) fn wall_is_ahead() -> Nanos {
    let before = monotonic_nanos();
    let wall = clock_nanos(ClockId::CLOCK_REALTIME).unwrap_or_default();
    let after = monotonic_nanos();
    wall - (before + (after - before) / 2)
}

/// Now, in nanoseconds of CLOCK_MONOTONIC.
pub(super) fn monotonic_nanos() -> Nanos {
    clock_nanos(ClockId::CLOCK_MONOTONIC).unwrap_or_default()
}

/// Sleeps until an instant of CLOCK_MONOTONIC; a signal does not end the sleep.
pub(super) fn sleep_until_nanos(instant: Nanos) {
    let until = TimeSpec::new(instant / 1_000_000_000, instant % 1_000_000_000);
    while let Err(nix::errno::Errno::EINTR) = clock_nanosleep(
        ClockId::CLOCK_MONOTONIC,
        ClockNanosleepFlags::TIMER_ABSTIME,
        &until,
    ) {}
}

/// The longest wait to ask `poll` for so that it still wakes before `remaining` nanoseconds are over.
///
/// The kernel lets a poll oversleep by a thousandth of its length (at most 100 ms); asking for
/// less and asking again comes to the deadline from below.
pub(super) fn poll_wait(remaining: Nanos) -> Duration {
    let wait = remaining - remaining / 500;
    Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
}

/// How long it is from now to an instant; nothing if it has passed.
pub(super) fn until(instant: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(instant - monotonic_nanos()).unwrap_or(0))
}

/// Asks for timers as exact as the machine has them, on the calling thread.
pub(super) fn set_exact_timers() {
    thread_local! {
        static ARE_SET: Cell<bool> = const { Cell::new(false) };
    }
    if !ARE_SET.replace(true) {
        // A refusal leaves the default slack of 50 microseconds, which is bearable.
        let _ = nix::sys::prctl::set_timerslack(1);
    }
}

/// The length of the kernel's tick, 1 000 000 000 / HZ.
pub(super) fn tick_nanos() -> Nanos {
    static TICK: OnceLock<Nanos> = OnceLock::new();
    *TICK.get_or_init(|| clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).map_or(4_000_000, nanos))
}

fn clock_nanos(id: ClockId) -> Option<Nanos> {
    clock_gettime(id).ok().map(nanos)
}

#[allow(
    clippy::useless_conversion,
    reason = "the members are narrower on 32-bit machines"
)]
fn nanos(time: TimeSpec) -> Nanos {
    i64::from(time.tv_sec())
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(time.tv_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_wait_with_the_kernels_slack_added_ends_before_the_deadline() {
        for remaining in [1_000, 1_000_000, 1_000_000_000, 60_000_000_000_i64] {
            let wait = i64::try_from(poll_wait(remaining).as_nanos()).unwrap();
            assert!(
                wait + wait / 1_000 <= remaining,
                "{remaining} ns would be overslept"
            );
            assert!(
                wait > remaining / 2,
                "{remaining} ns would need too many polls"
            );
        }
        assert_eq!(poll_wait(-5), Duration::ZERO);
    }

    #[test]
    fn a_moment_encloses_its_two_instants() {
        let clock = Clock {
            zero: 1_000,
            ahead: None,
        };
        let moment = clock.moment(2_500, 2_600);
        assert_eq!(moment.start, Time::from_micros(1));
        assert_eq!(moment.end, Time::from_micros(2));
        assert_eq!(clock.instant(Time::from_micros(3)), 4_000);
    }
}
