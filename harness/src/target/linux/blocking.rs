//! A call that may block, on a thread of its own inside the session's namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::unistd::{Pid, gettid};

use super::calls;
use super::children;
use super::clock::{self, Nanos};
use super::fds::FdTable;
use super::handover::{Giver, Taker, handover};
use super::priority;
use super::virtual_time;
use super::worker::{self, Worker};
use crate::call::{Call, Outcome};
use crate::target::TargetError;

/// How long a call may keep running before it has to sleep or return.
const SETTLE: Duration = Duration::from_secs(1);

/// So often, in virtual time, a call is given the processor before a moment is let pass: it may wait for
/// one.
const LOOKS: u32 = 100;

/// A finished call: from when to when it ran, and what it gave.
pub(super) struct Finished {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    /// How long its thread waited for a processor meanwhile, ready to go on.
    pub(super) waited: Nanos,
    pub(super) outcome: Result<Outcome, TargetError>,
}

const STARTING: u8 = 0;
const CALLING: u8 = 1;
const DONE: u8 = 2;

/// What both threads look at.
#[derive(Debug, Default)]
struct Progress {
    phase: AtomicU8,
    start: AtomicI64,
    /// How long the thread had waited for a processor before the call.
    waited: AtomicI64,
}

/// A call in flight. Dropping it interrupts the call and ends its thread.
#[derive(Debug)]
pub(super) struct InFlight {
    tid: Pid,
    progress: Arc<Progress>,
    finished: Taker<Finished>,
    /// Its thread waits for the end of this channel, so that `tid` stays its own.
    release: Option<Giver<()>>,
    thread: Option<JoinHandle<()>>,
    taken: bool,
}

impl InFlight {
    /// Starts `call` on a child of the worker's thread, which has its namespace and capabilities.
    pub(super) fn start(
        worker: &Worker,
        call: Call,
        fds: Arc<FdTable>,
    ) -> Result<InFlight, TargetError> {
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        let (identity, tid) = handover();
        let (result, finished) = handover();
        let (release, released) = handover::<()>();
        let body = move || {
            clock::set_exact_timers();
            priority::urgent();
            identity.give(gettid());
            let _held_off = children::held_off(&call);
            let waited = priority::waited_for_processor();
            let start = clock::monotonic_nanos();
            shared.start.store(start, Ordering::Relaxed);
            shared.waited.store(waited, Ordering::Relaxed);
            shared.phase.store(CALLING, Ordering::Release);
            let outcome = calls::perform(&call, &fds);
            let end = clock::monotonic_nanos();
            result.give(Finished {
                start,
                end,
                waited: priority::waited_for_processor() - waited,
                outcome,
            });
            shared.phase.store(DONE, Ordering::Release);
            released.take();
        };
        let thread = worker
            .run(move || {
                priority::handed_on(|| {
                    std::thread::Builder::new()
                        .name("tcpdrill-call".into())
                        .stack_size(worker::STACK)
                        .spawn(body)
                })
            })?
            .map_err(|error| TargetError::Machine(format!("no thread for the call: {error}")))?;
        let tid = tid
            .take()
            .ok_or_else(|| TargetError::Machine("the call's thread ended unexpectedly".into()))?;
        Ok(InFlight {
            tid,
            progress,
            finished,
            release: Some(release),
            thread: Some(thread),
            taken: false,
        })
    }

    /// The thread that makes the call, also when it has returned.
    pub(super) fn thread(&self) -> Pid {
        self.tid
    }

    /// How long the thread has waited for a processor since the call began.
    pub(super) fn waited(&self) -> Nanos {
        let before = self.progress.waited.load(Ordering::Relaxed);
        priority::thread_waited_for_processor(self.tid) - before
    }

    /// Waits until the call has returned or sleeps, and gives the two instants between which it began.
    pub(super) fn settle(&self) -> Result<(Nanos, Nanos), TargetError> {
        let end = Instant::now() + SETTLE;
        let (mut asleep, mut looks) = (0, 0);
        loop {
            let phase = self.progress.phase.load(Ordering::Acquire);
            asleep = if phase == CALLING && is_asleep(self.tid) {
                asleep + 1
            } else {
                0
            };
            // Asleep twice in a row: not just waiting for a lock for a moment.
            if phase == DONE || asleep == 2 {
                let start = self.progress.start.load(Ordering::Relaxed);
                return Ok((start, clock::monotonic_nanos()));
            }
            if Instant::now() >= end {
                let state = if phase == STARTING {
                    "begun"
                } else {
                    "come to rest"
                };
                return Err(TargetError::Machine(format!(
                    "a blocking call has not {state} after {} s; the machine may be overloaded",
                    SETTLE.as_secs()
                )));
            }
            if virtual_time::rules() && looks < LOOKS {
                // It has the processor for as long as it needs it, and no time passes.
                looks += 1;
                std::thread::yield_now();
            } else {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
    }

    /// What the call gave, waiting at most `limit` for it.
    pub(super) fn wait(
        &mut self,
        limit: Duration,
        idle: impl FnMut(),
    ) -> Result<Option<Finished>, TargetError> {
        match worker::wait_idling(&self.finished, limit, idle) {
            Ok(finished) => {
                self.taken = true;
                Ok(Some(finished))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(TargetError::Machine(
                "the call's thread ended unexpectedly".into(),
            )),
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let answered = self.taken
            || !matches!(
                worker::interrupt_until_answered(self.tid, &self.finished),
                Err(RecvTimeoutError::Timeout)
            );
        self.release = None;
        if let Some(thread) = self.thread.take()
            && answered
        {
            let _ = thread.join();
        }
    }
}

/// Whether a thread of this process sleeps interruptibly, by its state in /proc.
fn is_asleep(tid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/self/task/{tid}/stat"))
        .is_ok_and(|stat| state_in(&stat) == Some('S'))
}

/// The state letter of a `stat` file: after the name, which is in parentheses and may hold some.
fn state_in(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_found_behind_any_thread_name() {
        assert_eq!(state_in("12 (a) R) S 1 2"), Some('S'));
        assert_eq!(state_in("12 (x) R 1"), Some('R'));
        assert_eq!(state_in("12"), None);
    }
}
