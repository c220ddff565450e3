//! Ticks on which a processor did not look at its timers.
//!
//! All timers of TCP but its pacing lie in a timer wheel that each processor looks at when its tick
//! comes. One processor counts the ticks for all; another whose tick comes at the same instant may
//! look just before that, and then its timers wait for the next one: with 250 ticks a second a
//! packet comes 4 ms late that the stack had told to go on time. Nothing but a timer of the same
//! wheel shows it. So some processors have two threads that wait in turn, each by such a timer, and
//! note every tick that was missed. Cases run on the processor that misses the fewest.

use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::clock::{self, Nanos};
use super::{priority, tick};

/// Processors that are watched, and that cases run on: a case needs little of one.
const PROCESSORS: usize = 4;
/// Late looks remembered for each processor.
const MOST: usize = 4096;
/// A timer that is looked at so soon after its tick is not late.
const NOTHING: Nanos = 20_000;
/// What a missed tick adds to a processor's score, which loses a part of itself with each tick.
const MISS: u32 = 1024;
const FORGET: u32 = 64;
/// Waits of so many ticks and more are not told apart.
const LONGEST: usize = 8;
/// How long the last wait is waited for.
const PATIENCE: Nanos = 30_000_000;

/// How long the watchers look before the first case has a place.
const SETTLING: Nanos = 100_000_000;

/// The watchers of the wheels. They go on until the process ends: what they know of the processors
/// is worth more the longer they have looked.
#[derive(Debug)]
pub(super) struct Wheels {
    shared: Arc<Shared>,
    /// There are watchers.
    watched: bool,
}

#[derive(Debug)]
struct Shared {
    wheels: Vec<Wheel>,
    /// Whose turn it is among processors that are equally good.
    turn: AtomicUsize,
    /// What the process may use, to go back to.
    all: CpuSet,
}

/// What is known of one processor's wheel.
#[derive(Debug)]
struct Wheel {
    number: usize,
    /// How many waits have taken no tick, one, two and so on.
    waits: [AtomicU32; LONGEST],
    /// When its watchers last came back.
    seen: [AtomicI64; 2],
    score: AtomicU32,
    /// When timers were due and when they were looked at, oldest first.
    misses: Mutex<VecDeque<(Nanos, Nanos)>>,
    /// The ticks for which a watcher had a timer, oldest first: of others nothing is known.
    watched: Mutex<VecDeque<i64>>,
}

impl Wheels {
    /// The watchers. Whoever is the first to ask has to wait until they know something.
    pub(super) fn shared() -> &'static Wheels {
        static WHEELS: OnceLock<Wheels> = OnceLock::new();
        WHEELS.get_or_init(|| {
            let wheels = Wheels::start();
            if wheels.watched {
                clock::sleep_until_nanos(clock::monotonic_nanos() + SETTLING);
            }
            wheels
        })
    }

    fn start() -> Wheels {
        let all = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
        let usable = (0..CpuSet::count()).filter(|&number| all.is_set(number).unwrap_or(false));
        let shared = Arc::new(Shared {
            wheels: usable.take(PROCESSORS).map(Wheel::new).collect(),
            turn: AtomicUsize::new(0),
            all,
        });
        // Where ticks are long, or cannot be measured, nothing would be gained.
        if clock::tick_nanos() > 20_000_000 {
            return Wheels {
                shared,
                watched: false,
            };
        }
        let places = (0..shared.wheels.len()).flat_map(|index| [(index, 0), (index, 1)]);
        let started = places.map(|(index, parity)| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("tcpdrill-wheel".into())
                .stack_size(super::worker::STACK)
                .spawn(move || shared.watch(index, parity))
        });
        // All of them are started, whatever became of the first.
        let started: Vec<_> = started.collect();
        let watched = started.iter().all(Result::is_ok);
        Wheels { shared, watched }
    }

    /// How long timers were looked at late between two instants, on that of these processors that did
    /// so longest. Waits until that is known, some ticks at most.
    pub(super) fn held_up(&self, on: &CpuSet, from: Nanos, to: Nanos) -> Nanos {
        if !self.watched {
            return 0;
        }
        let give_up = clock::monotonic_nanos() + PATIENCE;
        let behind = || self.shared.wheels.iter().any(|wheel| wheel.is_behind(to));
        while behind() && clock::monotonic_nanos() < give_up {
            clock::sleep_until_nanos(clock::monotonic_nanos() + 1_000_000);
        }
        let wheels = self.shared.wheels.iter();
        wheels
            .filter(|wheel| on.is_set(wheel.number).unwrap_or(false))
            .map(|wheel| wheel.held_up(from, to))
            .max()
            .unwrap_or(0)
    }

    /// The processors that the next case should run on: one, if there is a choice.
    pub(super) fn best(&self) -> CpuSet {
        let shared = &self.shared;
        let least = shared.wheels.iter().map(Wheel::score).min();
        let Some(least) = least.filter(|_| self.watched) else {
            return shared.all;
        };
        let as_good: Vec<&Wheel> = shared
            .wheels
            .iter()
            .filter(|wheel| wheel.score() <= least + MISS)
            .collect();
        let turn = shared.turn.fetch_add(1, Ordering::Relaxed);
        let mut only = CpuSet::new();
        match as_good.get(turn % as_good.len().max(1)) {
            Some(wheel) if only.set(wheel.number).is_ok() => only,
            Some(_) | None => shared.all,
        }
    }

    /// All processors that the process may use.
    pub(super) fn all(&self) -> CpuSet {
        self.shared.all
    }
}

/// Lets the calling thread run on these processors only; a refusal leaves it where it may be.
pub(super) fn run_on(processors: &CpuSet) {
    let _ = sched_setaffinity(Pid::from_raw(0), processors);
}

impl Shared {
    /// A watcher's life. The two of a processor begin their waits on even and on odd ticks.
    fn watch(&self, index: usize, parity: i64) {
        let wheel = &self.wheels[index];
        let place = &wheel.seen[usize::from(parity != 0)];
        let Some(socket) = self.prepare(wheel.number) else {
            place.store(Nanos::MAX, Ordering::Relaxed);
            return;
        };
        clock::set_exact_timers();
        priority::most_urgent();
        loop {
            let now = clock::monotonic_nanos();
            let begun = tick::number_at(now);
            // A wait that begins near the next tick may seem to take one tick less than it does.
            let is_late = now - tick::begin_of(begun) > clock::tick_nanos() / 2;
            if is_late || begun.rem_euclid(2) != parity {
                clock::sleep_until_nanos(tick::begin_of(begun + 1) + 100_000);
                continue;
            }
            let _ = socket.recv(&mut [0]);
            let now = clock::monotonic_nanos();
            wheel.waited(tick::number_at(now) - begun);
            wheel.watched_tick(begun + self.usual());
            wheel.woke(tick::begin_of(begun + self.usual()), now);
            place.store(now, Ordering::Release);
        }
    }

    /// A socket whose receive ends with the first timer there can be.
    fn prepare(&self, number: usize) -> Option<UnixDatagram> {
        let mut only = CpuSet::new();
        only.set(number).ok()?;
        sched_setaffinity(Pid::from_raw(0), &only).ok()?;
        let (socket, _) = UnixDatagram::pair().ok()?;
        let shortest = Duration::from_micros(1);
        socket.set_read_timeout(Some(shortest)).ok()?;
        Some(socket)
    }

    /// How many ticks a wait takes if none is missed: what most waits take where they take least.
    /// (Not the least of all: a wait that begins before its tick has been counted is one shorter.)
    fn usual(&self) -> i64 {
        let modes = self.wheels.iter().filter_map(Wheel::mode);
        modes
            .min()
            .and_then(|mode| i64::try_from(mode).ok())
            .unwrap_or(0)
    }
}

impl Wheel {
    fn new(number: usize) -> Wheel {
        let now = clock::monotonic_nanos();
        Wheel {
            number,
            waits: Default::default(),
            seen: [AtomicI64::new(now), AtomicI64::new(now)],
            score: AtomicU32::new(0),
            misses: Mutex::default(),
            watched: Mutex::default(),
        }
    }

    fn waited(&self, ticks: i64) {
        let place = usize::try_from(ticks).map_or(0, |ticks| ticks.min(LONGEST - 1));
        self.waits[place].fetch_add(1, Ordering::Relaxed);
    }

    /// How many ticks most waits have taken; `None` before the first.
    fn mode(&self) -> Option<usize> {
        let times = |ticks: &usize| self.waits[*ticks].load(Ordering::Relaxed);
        // Of several equals the shortest.
        (0..LONGEST)
            .rev()
            .max_by_key(times)
            .filter(|most| times(most) > 0)
    }

    /// A watcher whose timer was due with the tick at `due` woke at `now`.
    fn woke(&self, due: Nanos, now: Nanos) {
        let missed = now - due >= clock::tick_nanos();
        let score = self.score();
        let score = score - score / FORGET + if missed { MISS } else { 0 };
        self.score.store(score, Ordering::Relaxed);
        // The tick itself may come a little late, too.
        if now - due > NOTHING {
            let mut misses = self.misses();
            if misses.len() == MOST {
                misses.pop_front();
            }
            misses.push_back((due, now));
        }
    }

    fn score(&self) -> u32 {
        self.score.load(Ordering::Relaxed)
    }

    fn is_behind(&self, to: Nanos) -> bool {
        self.seen
            .iter()
            .any(|seen| seen.load(Ordering::Acquire) < to)
    }

    /// The longest of what lies in between: the two watchers may have seen the same. A watcher that comes
    /// late has no timer for the tick it came late for; such a tick may have been missed.
    fn held_up(&self, from: Nanos, to: Nanos) -> Nanos {
        let overlap = |(due, seen): (Nanos, Nanos)| (seen.min(to) - due.max(from)).max(0);
        let missed = self.misses().iter().copied().map(overlap).max();
        let unknown = self.unwatched(tick::number_at(from) + 1, tick::number_at(to));
        let stretch = |number: i64| (tick::begin_of(number), tick::begin_of(number + 1));
        let unknown = unknown.into_iter().map(stretch).map(overlap).max();
        missed.max(unknown).unwrap_or(0)
    }

    /// A watcher had a timer for this tick.
    fn watched_tick(&self, number: i64) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() == MOST {
            watched.pop_front();
        }
        watched.push_back(number);
    }

    /// Those of these ticks for which no watcher had a timer, as far back as is remembered.
    fn unwatched(&self, first: i64, last: i64) -> Vec<i64> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = watched.front().copied() else {
            return Vec::new();
        };
        let ticks = first.max(oldest)..=last;
        ticks.filter(|number| !watched.contains(number)).collect()
    }

    fn misses(&self) -> MutexGuard<'_, VecDeque<(Nanos, Nanos)>> {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MS: Nanos = 1_000_000;

    #[rstest]
    #[case::within(0, 100, 4)]
    #[case::its_end(22, 100, 2)]
    #[case::before(0, 19, 0)]
    #[case::after(25, 30, 0)]
    fn a_missed_tick_counts_as_far_as_it_lies_in_between(
        #[case] from: Nanos,
        #[case] to: Nanos,
        #[case] want: Nanos,
    ) {
        let wheel = Wheel::new(0);
        wheel.woke(10 * MS, 10 * MS + NOTHING);
        assert!(wheel.misses().is_empty());
        wheel.misses().push_back((20 * MS, 24 * MS));
        wheel.misses().push_back((20 * MS, 24 * MS));
        assert_eq!(wheel.held_up(from * MS, to * MS), want * MS);
    }

    /// Of a tick that no watcher had a timer for, nobody knows when timers were looked at.
    #[test]
    fn a_tick_that_nobody_watched_may_have_been_missed() {
        let wheel = Wheel::new(0);
        let tick = clock::tick_nanos();
        let first = tick::number_at(clock::monotonic_nanos());
        let within = |number: i64| tick::begin_of(number) + tick / 2;
        for number in [first, first + 1, first + 3, first + 4] {
            wheel.watched_tick(number);
        }
        assert_eq!(wheel.held_up(within(first), within(first + 1)), 0);
        assert_eq!(wheel.held_up(within(first), within(first + 2)), tick / 2);
        assert_eq!(wheel.held_up(within(first), within(first + 4)), tick);
        assert_eq!(wheel.held_up(within(first + 2), within(first + 4)), 0);
        // Before that, nothing was watched at all.
        assert_eq!(wheel.held_up(within(first - 9), within(first + 1)), 0);
    }

    #[rstest]
    #[case::none(&[], None)]
    #[case::a_short_one_is_an_exception(&[2, 1, 2, 2], Some(2))]
    #[case::many_missed(&[2, 3, 2, 3, 2], Some(2))]
    #[case::the_shorter_of_equals(&[3, 2, 3, 2], Some(2))]
    #[case::beyond_all(&[100, -1, 100], Some(LONGEST - 1))]
    fn most_waits_tell_how_long_one_takes(#[case] waits: &[i64], #[case] want: Option<usize>) {
        let wheel = Wheel::new(0);
        waits.iter().for_each(|&ticks| wheel.waited(ticks));
        assert_eq!(wheel.mode(), want);
    }

    #[test]
    fn a_processor_that_misses_ticks_is_not_the_best() {
        let (good, bad) = (Wheel::new(0), Wheel::new(1));
        for _ in 0..20 {
            good.woke(0, 1);
            bad.woke(0, 2 * clock::tick_nanos());
        }
        assert_eq!(good.score(), 0);
        assert!(bad.score() > MISS);
        for _ in 0..1000 {
            bad.woke(0, 1);
        }
        assert!(bad.score() < MISS);
    }

    #[test]
    fn the_watchers_are_shared_and_see_the_present() {
        let one = Wheels::shared();
        assert!(std::ptr::eq(one, Wheels::shared()));
        let now = clock::monotonic_nanos();
        assert!(!one.watched || one.held_up(&one.all(), now, now) == 0);
        assert!(one.all().is_set(0).is_ok());
    }
}
