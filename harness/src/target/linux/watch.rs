//! Stalls of the processors: stretches in which not even the most urgent thread was run.
//!
//! A virtual machine's processor is taken away by its host, an interrupt handler takes long, the
//! kernel works on something without letting go: then its own timers and queues are late too, and
//! a packet that was due meanwhile says nothing about the stack. One thread a processor, pinned to
//! it, wakes every two milliseconds and notes when it was woken late, and what the kernel has put off
//! meanwhile. That costs the processor less than a hundredth of its time, and only while cases run.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::clock::{self, Nanos};
use super::priority;
use super::softirq::Deferred;

/// How long a watcher sleeps.
const PERIOD: Nanos = 2_000_000;
/// Stalls shorter than this are no stalls: waking up takes that long on a busy machine.
const SHORTEST: Nanos = 1_000_000;
/// Stalls remembered for each processor: more than any case lasts, unless there is nothing else.
const MOST: usize = 4096;
/// How long the watchers are waited for before a processor that says nothing counts as standing still.
const PATIENCE: Nanos = 20_000_000;

/// The watchers of all processors. They end when the last copy is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    processors: Vec<Processor>,
}

/// What is known of one processor.
#[derive(Debug, Default)]
struct Processor {
    /// When its watcher last ran.
    seen: AtomicI64,
    /// From when to when it stood still, oldest first.
    stalls: Stretches,
    /// From when to when what the kernel had put off waited for it.
    deferrals: Stretches,
}

/// Stretches of time, oldest first.
#[derive(Debug, Default)]
struct Stretches(Mutex<VecDeque<(Nanos, Nanos)>>);

impl Watch {
    /// The watchers, started if nobody has them yet.
    pub(super) fn shared() -> Arc<Watch> {
        static CURRENT: Mutex<Weak<Watch>> = Mutex::new(Weak::new());
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        current.upgrade().unwrap_or_else(|| {
            let watch = Arc::new(Watch::start());
            *current = Arc::downgrade(&watch);
            watch
        })
    }

    fn start() -> Watch {
        let usable = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
        let numbers: Vec<usize> = (0..CpuSet::count())
            .filter(|&number| usable.is_set(number).unwrap_or(false))
            .collect();
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            processors: numbers.iter().map(|_| Processor::new()).collect(),
        });
        let start = |(index, number): (usize, usize)| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("tcpdrill-watch".into())
                .stack_size(super::worker::STACK)
                .spawn(move || shared.watch(index, number))
                .ok()
        };
        // A processor without a watcher is not known to stand still; see `held_up`.
        let threads = numbers.into_iter().enumerate().filter_map(start).collect();
        Watch { shared, threads }
    }

    /// How long the processor that stood still longest did so between two instants.
    ///
    /// Waits until the watchers have seen the end of that stretch, a few milliseconds at most.
    pub(super) fn held_up(&self, from: Nanos, to: Nanos) -> Nanos {
        let give_up = clock::monotonic_nanos() + PATIENCE;
        let behind = || self.shared.processors.iter().any(|one| one.is_behind(to));
        while behind() && clock::monotonic_nanos() < give_up {
            clock::sleep_until_nanos(clock::monotonic_nanos() + PERIOD / 2);
        }
        let processors = self.shared.processors.iter();
        processors
            .map(|one| one.held_up(from, to))
            .max()
            .unwrap_or(0)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A watcher's life.
    fn watch(&self, index: usize, number: usize) {
        let mut only = CpuSet::new();
        let pinned = only.set(number).is_ok() && sched_setaffinity(Pid::from_raw(0), &only).is_ok();
        let processor = &self.processors[index];
        if !pinned {
            processor.seen.store(Nanos::MAX, Ordering::Relaxed);
            return;
        }
        clock::set_exact_timers();
        let urgent = priority::most_urgent();
        // What an ordinary thread waits for its turn is no stall: timers and interrupts go on.
        let waited = || {
            if urgent {
                0
            } else {
                priority::waited_for_processor()
            }
        };
        let mut waited_before = waited();
        let mut deferred = Deferred::of(number);
        while !self.stop.load(Ordering::Relaxed) {
            let due = clock::monotonic_nanos() + PERIOD;
            clock::sleep_until_nanos(due);
            let waited_now = waited();
            let put_off = deferred.as_mut().map_or(0, Deferred::waited);
            let now = clock::monotonic_nanos();
            processor.deferrals.note(now - put_off, now);
            processor.woke(due, now, waited_now - waited_before);
            waited_before = waited_now;
        }
    }
}

impl Processor {
    fn new() -> Processor {
        let processor = Processor::default();
        processor
            .seen
            .store(clock::monotonic_nanos(), Ordering::Relaxed);
        processor
    }

    /// Its watcher was to wake at `due` and did at `now`, having waited for its turn meanwhile.
    fn woke(&self, due: Nanos, now: Nanos, waited: Nanos) {
        let end = now - waited;
        self.stalls.note(due, end);
        self.seen.store(now, Ordering::Release);
    }

    fn is_behind(&self, to: Nanos) -> bool {
        self.seen.load(Ordering::Acquire) < to
    }

    fn held_up(&self, from: Nanos, to: Nanos) -> Nanos {
        // Its watcher has not come back yet: it stands still now.
        let seen = self.seen.load(Ordering::Acquire);
        let present = if seen < to {
            overlap((seen.saturating_add(PERIOD), to), from, to)
        } else {
            0
        };
        let stood_still = self.stalls.within(from, to) + present;
        stood_still.max(self.deferrals.within(from, to))
    }
}

/// How much of a stretch lies between two instants.
fn overlap((start, end): (Nanos, Nanos), from: Nanos, to: Nanos) -> Nanos {
    (end.min(to) - start.max(from)).max(0)
}

impl Stretches {
    /// Adds one, unless it is too short to matter.
    fn note(&self, start: Nanos, end: Nanos) {
        if end - start <= SHORTEST {
            return;
        }
        let mut known = self.known();
        if known.len() == MOST {
            known.pop_front();
        }
        known.push_back((start, end));
    }

    /// What lies of them between two instants, in sum.
    fn within(&self, from: Nanos, to: Nanos) -> Nanos {
        let known = self.known();
        known.iter().map(|one| overlap(*one, from, to)).sum()
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(Nanos, Nanos)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MS: Nanos = 1_000_000;

    fn processor(wakes: &[(Nanos, Nanos, Nanos)]) -> Processor {
        let processor = Processor::default();
        for (due, now, waited) in wakes {
            processor.woke(due * MS, now * MS, waited * MS);
        }
        processor
    }

    #[rstest]
    #[case::all_of_it(0, 100, 20)]
    #[case::its_beginning(0, 20, 10)]
    #[case::its_end(25, 100, 5)]
    #[case::before(0, 10, 0)]
    #[case::after(30, 40, 0)]
    fn a_stall_counts_as_far_as_it_lies_in_between(
        #[case] from: Nanos,
        #[case] to: Nanos,
        #[case] want: Nanos,
    ) {
        let processor = processor(&[(1, 1, 0), (10, 30, 0), (200, 200, 0)]);
        assert_eq!(processor.held_up(from * MS, to * MS), want * MS);
    }

    #[test]
    fn waiting_for_ones_turn_is_no_stall() {
        let processor = processor(&[(10, 30, 19), (40, 60, 5), (200, 200, 0)]);
        assert_eq!(processor.held_up(0, 100 * MS), 15 * MS);
    }

    #[test]
    fn a_watcher_that_does_not_come_back_is_a_stall_still_going_on() {
        let processor = processor(&[(10, 10, 0)]);
        assert!(processor.is_behind(50 * MS));
        assert_eq!(processor.held_up(0, 50 * MS), 38 * MS);
        assert!(!processor.is_behind(10 * MS));
    }

    #[test]
    fn what_the_kernel_put_off_counts_like_a_stall_but_not_twice() {
        let processor = processor(&[(10, 12, 0), (100, 100, 0)]);
        processor.deferrals.note(11 * MS, 18 * MS);
        assert_eq!(processor.held_up(0, 50 * MS), 7 * MS);
        assert_eq!(processor.held_up(0, 12 * MS), 2 * MS);
        assert_eq!(processor.held_up(20 * MS, 50 * MS), 0);
    }

    #[test]
    fn the_watchers_are_shared_and_see_the_present() {
        let (one, other) = (Watch::shared(), Watch::shared());
        assert!(Arc::ptr_eq(&one, &other));
        let now = clock::monotonic_nanos();
        assert!(one.held_up(now, now) == 0);
        // They come back in the end, however busy the machine is.
        let behind = || one.shared.processors.iter().any(|each| each.is_behind(now));
        while behind() {
            clock::sleep_until_nanos(clock::monotonic_nanos() + 1_000_000);
        }
    }
}
