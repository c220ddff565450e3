//! Where the kernel's ticks lie, on which its long timers fire.
//!
//! A timer of TCP fires with the first tick after its time, so how far into a tick it was started
//! decides how late it seems. The ticks are a whole number of tick lengths apart on
//! CLOCK_MONOTONIC for as long as the machine runs; where they begin is measured once, by a wait
//! that ends with one. (CLOCK_MONOTONIC_COARSE does not tell: it moves with a tick, but to a time
//! of its own.)

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;
use std::time::Duration;

use super::clock::{Nanos, monotonic_nanos, tick_nanos};
use super::priority;
use crate::target::Tick;
use crate::time::Time;

/// How far into a tick a case starts. Events of scripts are mostly whole milliseconds apart, and what
/// each is late adds up, to half a millisecond and more: with ticks 4 ms apart there is room for that
/// before the next tick, where a little lateness makes a timer a whole tick later. Not less than a
/// millisecond: a timer that takes just over a whole number of ticks is then late by less than one.
const INTO_TICK: Nanos = 1_050_000;

/// What a case measures in ticks begins and ends not sooner after one than this, so that it is surely
/// in the tick that is meant.
const SURELY_IN: Nanos = 300_000;

/// The level of the kernel's timer wheel on which timers lie that are 2^15 to 2^18 ticks ahead moves every so
/// many ticks; those of sooner timers move more often, those of later ones are none of TCP's.
const TURN: Nanos = 8_i64.pow(5);

/// How many waits are measured at least; the shortest way from the tick to us counts.
const WAITS: usize = 6;
/// How many at most, on a machine so busy that few agree.
const MOST_WAITS: usize = 50;
/// So many have to agree, and so well.
const AGREEING: usize = 4;
const AGREEMENT: Nanos = 50_000;

/// How far into a tick to start a case which does something at these times that is counted in ticks.
pub(super) fn place_for(moments: &BTreeSet<Time>) -> Nanos {
    roomiest(moments, tick_nanos())
}

/// Where the least time that is left to the next tick is longest. Of several such places the first, as
/// for every other case.
fn roomiest(moments: &BTreeSet<Time>, tick: Nanos) -> Nanos {
    let rest = |time: &Time| time.as_micros().saturating_mul(1_000).rem_euclid(tick);
    let rests: BTreeSet<Nanos> = moments.iter().map(rest).collect();
    let room = |place: &Nanos| -> Nanos {
        let left = rests.iter().map(|rest| tick - (place + rest) % tick);
        left.min().unwrap_or(tick)
    };
    let places = rests.iter().map(|rest| (SURELY_IN - rest).rem_euclid(tick));
    places
        .max_by_key(|place| (room(place), -*place))
        .unwrap_or(INTO_TICK.min(tick / 2))
}

/// The next moment, not before `now`, that lies so far `into` a tick.
pub(super) fn next_start(now: Nanos, into: Nanos) -> Nanos {
    let tick = tick_nanos();
    // Where ticks are long, waiting for one gains nothing.
    if tick > 20_000_000 {
        return now;
    }
    next_at(now, phase() + into, tick)
}

/// The next moment that lies so far `into` a tick and at the same place of the kernel's timer wheel as
/// every other such moment.
pub(super) fn next_turn(now: Nanos, into: Nanos) -> Nanos {
    next_at(now, phase() + into, tick_nanos() * TURN)
}

/// The tick in which an instant lies.
pub(super) fn around(instant: Nanos) -> Tick {
    let tick = tick_nanos();
    Tick {
        number: (instant - phase()).div_euclid(tick),
        length: Duration::from_nanos(tick.unsigned_abs()),
    }
}

/// The number of the tick that came last before an instant, counted from the clock's zero.
pub(super) fn number_at(instant: Nanos) -> i64 {
    let tick = tick_nanos();
    // Somebody may be woken a little faster than when it was measured.
    (instant - phase() + tick / 20).div_euclid(tick)
}

/// When the tick of this number comes.
pub(super) fn begin_of(number: i64) -> Nanos {
    phase() + number * tick_nanos()
}

/// Measures where the ticks lie, if that was not done yet: it takes a few ticks.
pub(super) fn measure() {
    phase();
}

/// When ticks come, as a remainder of CLOCK_MONOTONIC by their length.
fn phase() -> Nanos {
    static PHASE: OnceLock<Nanos> = OnceLock::new();
    *PHASE.get_or_init(|| measured_urgently(tick_nanos()).unwrap_or(0))
}

/// Measured by a thread that nothing ordinary keeps waiting, if there can be one: when all wake late
/// together, they agree on a tick that is none.
fn measured_urgently(tick: Nanos) -> Option<Nanos> {
    std::thread::scope(|scope| {
        let measuring = std::thread::Builder::new().spawn_scoped(scope, || {
            priority::most_urgent();
            measured(tick)
        });
        match measuring {
            Ok(thread) => thread.join().ok().flatten(),
            Err(_) => measured(tick),
        }
    })
}

/// A receive with a time limit sleeps on a timer that fires with a tick.
fn measured(tick: Nanos) -> Option<Nanos> {
    let (socket, _other) = UnixDatagram::pair().ok()?;
    let limit = Duration::from_nanos(u64::try_from(tick).ok()?);
    socket.set_read_timeout(Some(limit)).ok()?;
    let mut woken = Vec::new();
    loop {
        let _ = socket.recv(&mut [0]);
        woken.push(monotonic_nanos().rem_euclid(tick));
        let is_settled = woken.len() >= WAITS && is_agreed(&woken, tick);
        if is_settled || woken.len() == MOST_WAITS {
            return earliest(&woken, tick);
        }
    }
}

/// Whether enough were woken as soon after a tick as the earliest.
fn is_agreed(woken: &[Nanos], tick: Nanos) -> bool {
    earliest(woken, tick).is_some_and(|earliest| {
        let agrees = |at: &&Nanos| (**at - earliest).rem_euclid(tick) <= AGREEMENT;
        woken.iter().filter(agrees).count() >= AGREEING
    })
}

/// The moment just before most of these, on a circle of `tick`: some were woken late, none early.
fn earliest(woken: &[Nanos], tick: Nanos) -> Option<Nanos> {
    let lateness = |from: Nanos| -> Nanos {
        let late = woken.iter().map(|at| (at - from).rem_euclid(tick));
        late.sum()
    };
    woken.iter().copied().min_by_key(|from| lateness(*from))
}

fn next_at(now: Nanos, place: Nanos, tick: Nanos) -> Nanos {
    now + (place - now).rem_euclid(tick)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TICK: Nanos = 4_000_000;

    #[rstest]
    #[case::before_this_tick_s_place(8_100_000, 9_080_000)]
    #[case::after_it(9_150_000, 13_080_000)]
    #[case::at_it(9_080_000, 9_080_000)]
    fn a_case_starts_a_little_into_a_tick(#[case] now: Nanos, #[case] start: Nanos) {
        assert_eq!(next_at(now, 1_080_000, TICK), start);
    }

    #[rstest]
    #[case::nothing_is_counted(&[], TICK, INTO_TICK)]
    #[case::nothing_is_counted_in_short_ticks(&[], 500_000, 250_000)]
    #[case::whole_ticks_apart(&[0, 4_000, 100_000], TICK, SURELY_IN)]
    #[case::half_a_tick_apart_is_begun_early(&[0, 10_000, 100_000], TICK, SURELY_IN)]
    #[case::all_at_once_after_a_while(&[3_000, 7_000], TICK, 1_300_000)]
    #[case::every_millisecond(&[0, 1_000, 2_000, 3_000], TICK, SURELY_IN)]
    #[case::ticks_of_a_millisecond(&[0, 10_000, 100_000], 1_000_000, 300_000)]
    fn what_is_counted_in_ticks_keeps_away_from_the_next(
        #[case] micros: &[i64],
        #[case] tick: Nanos,
        #[case] place: Nanos,
    ) {
        let moments = micros.iter().copied().map(Time::from_micros).collect();
        assert_eq!(roomiest(&moments, tick), place);
    }

    #[rstest]
    #[case::four_of_six(&[30_000, 31_000, 900_000, 40_000, 80_000, 500_000], true)]
    #[case::three(&[30_000, 31_000, 900_000, 40_000, 90_000, 500_000], false)]
    #[case::around_zero(&[3_990_000, 10_000, 3_995_000, 0], true)]
    fn enough_have_to_agree(#[case] woken: &[Nanos], #[case] want: bool) {
        assert_eq!(is_agreed(woken, TICK), want);
    }

    #[rstest]
    #[case::some_late(&[40_000, 900_000, 30_000, 31_000], 30_000)]
    #[case::around_zero(&[3_990_000, 10_000, 3_995_000, 400_000], 3_990_000)]
    fn who_was_woken_first_tells_the_tick(#[case] woken: &[Nanos], #[case] phase: Nanos) {
        assert_eq!(earliest(woken, TICK), Some(phase));
    }
}
