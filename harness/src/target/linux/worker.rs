//! A thread that lives in a session's network namespace and does there what it is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::unistd::{Pid, getpid, gettid};

use super::ending;
use super::handover::{Giver, Taker, handover};
use super::virtual_time;
use crate::target::TargetError;

/// How long an interrupted call may take to come back before its thread is given up.
pub(super) const GIVE_UP: Duration = Duration::from_secs(2);

/// How often an interruption is repeated: a signal that comes just before the call begins is lost.
const REPEAT: Duration = Duration::from_millis(1);

/// Enough for any job. Small stacks are kept and used again, large ones mapped anew each time.
pub(super) const STACK: usize = 256 << 10;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that runs jobs one after the other. Dropping it ends and joins the thread, or keeps it for the next
/// worker where threads are dear.
#[derive(Debug)]
pub(super) struct Worker {
    thread: Option<Running>,
    stuck: AtomicBool,
    /// The thread is dead, or something of this one's case clings to it.
    used_up: AtomicBool,
}

/// A thread that waits for jobs.
#[derive(Debug)]
struct Running {
    jobs: Giver<Job>,
    handle: JoinHandle<()>,
    tid: Pid,
}

impl Running {
    fn start() -> Result<Running, TargetError> {
        let (jobs, waiting) = handover::<Job>();
        let (identity, tid) = handover();
        let handle = std::thread::Builder::new()
            .name("tcpdrill-netns".into())
            .stack_size(STACK)
            .spawn(move || {
                super::clock::set_exact_timers();
                identity.give(gettid());
                while let Some(job) = waiting.take() {
                    job();
                }
            })
            .map_err(|error| TargetError::Machine(format!("no thread for the case: {error}")))?;
        let tid = tid.take().ok_or_else(died)?;
        Ok(Running { jobs, handle, tid })
    }
}

/// In virtual time, where making one takes a twentieth of a case: the thread of the case before.
static SPARE: Mutex<Option<Running>> = Mutex::new(None);

impl Worker {
    /// Takes a thread and runs `setup` on it; the thread goes on if that succeeds. The thread may have run jobs
    /// of another worker.
    pub(super) fn start<T: Send + 'static>(
        setup: impl FnOnce() -> Result<T, TargetError> + Send + 'static,
    ) -> Result<(Worker, T), TargetError> {
        install_interruption();
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = match spare {
            Some(thread) => thread,
            None => Running::start()?,
        };
        let worker = Worker {
            thread: Some(thread),
            stuck: AtomicBool::new(false),
            used_up: AtomicBool::new(false),
        };
        let value = worker.run(setup)?.inspect_err(|_| worker.use_up())?;
        Ok((worker, value))
    }

    /// Nobody else is to have the thread: it has been moved into a place that it cannot leave.
    pub(super) fn use_up(&self) {
        self.used_up.store(true, Ordering::Relaxed);
    }

    fn died(&self) -> TargetError {
        self.use_up();
        died()
    }

    /// Runs a job that is known to end and gives what it returns.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TargetError> {
        self.hand_over(job)?.take().ok_or_else(|| self.died())
    }

    /// Runs a job that may block. After `limit` it is interrupted and `None` given.
    ///
    /// `idle` is called every now and then while waiting.
    pub(super) fn run_within<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce() -> T + Send + 'static,
        idle: impl FnMut(),
    ) -> Result<Option<T>, TargetError> {
        let answer = self.hand_over(job)?;
        match wait_idling(&answer, limit, idle) {
            Ok(value) => return Ok(Some(value)),
            Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let tid = self.thread.as_ref().ok_or_else(died)?.tid;
        match interrupt_until_answered(tid, &answer) {
            Err(RecvTimeoutError::Timeout) => self.stuck.store(true, Ordering::Relaxed),
            Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
            Ok(_) => {}
        }
        Ok(None)
    }

    fn hand_over<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Taker<T>, TargetError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(TargetError::Machine(
                "the case's thread hangs in a call that could not be interrupted".into(),
            ));
        }
        let (giver, answer) = handover();
        let job: Job = Box::new(move || {
            // Nobody is waiting any more if the call was given up.
            giver.give(job());
        });
        let thread = self.thread.as_ref().ok_or_else(died)?;
        if !thread.jobs.give(job) {
            return Err(self.died());
        }
        if virtual_time::rules() {
            // It gets the only processor, and has mostly answered when it gives it back.
            std::thread::yield_now();
        }
        Ok(answer)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let is_stuck = self.stuck.load(Ordering::Relaxed);
        let is_used_up = self.used_up.load(Ordering::Relaxed);
        if virtual_time::rules() && !is_stuck && !is_used_up {
            *SPARE.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
            return;
        }
        drop(thread.jobs);
        // A thread that hangs in the kernel is left behind rather than hung upon.
        if !is_stuck {
            let _ = thread.handle.join();
        }
    }
}

/// Waits for an answer in short stretches with `idle` in between.
pub(super) fn wait_idling<T>(
    answer: &Taker<T>,
    limit: Duration,
    mut idle: impl FnMut(),
) -> Result<T, RecvTimeoutError> {
    /// On a live machine packets pile up while they are waited for.
    const STRETCH: Duration = Duration::from_millis(20);
    /// In virtual time only what the kernel sends by itself.
    const VIRTUAL_STRETCH: Duration = Duration::from_secs(1);
    // In virtual time it has been answered by now unless the call sleeps.
    if let Ok(value) = answer.try_take() {
        return Ok(value);
    }
    let stretch = if virtual_time::rules() {
        VIRTUAL_STRETCH
    } else {
        STRETCH
    };
    let end = Instant::now().checked_add(limit);
    loop {
        if ending::has_come() {
            return answer.try_take().map_err(|_| RecvTimeoutError::Timeout);
        }
        let left = end.map_or(stretch, |end| end.saturating_duration_since(Instant::now()));
        match answer.take_within(left.min(stretch)) {
            Err(RecvTimeoutError::Timeout) if left > stretch || end.is_none() => idle(),
            other => return other,
        }
    }
}

/// Interrupts whatever call a thread is in until it answers or [`GIVE_UP`] is over.
pub(super) fn interrupt_until_answered<T>(
    tid: Pid,
    answer: &Taker<T>,
) -> Result<T, RecvTimeoutError> {
    let end = Instant::now() + GIVE_UP;
    loop {
        interrupt(tid);
        match answer.take_within(REPEAT) {
            Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
            other => return other,
        }
    }
}

fn died() -> TargetError {
    TargetError::Machine("the case's thread ended unexpectedly".into())
}

/// A signal that nothing else uses; the first real-time ones belong to the C library.
fn interruption_signal() -> i32 {
    libc::SIGRTMIN() + 7
}

/// Another one, whose handler lets calls go on where signal(7) says they can.
fn restarting_signal() -> i32 {
    libc::SIGRTMIN() + 8
}

extern "C" fn do_nothing(_signal: i32) {}

/// Gives both signals an empty handler, the second one with SA_RESTART, so that they end or
/// restart a blocked call and do nothing else.
fn install_interruption() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        install(interruption_signal(), 0);
        install(restarting_signal(), libc::SA_RESTART);
    });
}

fn install(signal: i32, flags: i32) {
    // SAFETY: all zeros is a valid `sigaction`; the handler is async-signal-safe, being empty;
    // the call reads one `sigaction` and is given no place to write to.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = do_nothing as extern "C" fn(i32) as usize;
        action.sa_flags = flags;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Makes the call a thread of this process is blocked in return EINTR.
pub(super) fn interrupt(tid: Pid) {
    send(tid, interruption_signal());
}

/// The same, except that a call goes on that can.
pub(super) fn interrupt_restarting(tid: Pid) {
    send(tid, restarting_signal());
}

fn send(tid: Pid, signal: i32) {
    // SAFETY: tgkill takes numbers only. The thread group is ours, so at worst a thread of this
    // process runs an empty handler.
    unsafe {
        libc::syscall(libc::SYS_tgkill, getpid().as_raw(), tid.as_raw(), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_blocks_is_interrupted_and_the_thread_goes_on() {
        let (worker, ()) = Worker::start(|| Ok(())).unwrap();
        let (read, _write) = nix::unistd::pipe().unwrap();
        let blocked = worker.run_within(
            Duration::from_millis(5),
            move || nix::unistd::read(&read, &mut [0; 1]),
            || {},
        );
        assert_eq!(blocked.unwrap(), None);
        assert_eq!(worker.run(|| 7).unwrap(), 7);
    }

    #[test]
    fn a_setup_that_fails_is_reported_and_a_panic_is_no_hang() {
        let failed = Worker::start(|| Err::<(), _>(TargetError::Machine("no".into())));
        assert_eq!(failed.unwrap_err(), TargetError::Machine("no".into()));
        let (worker, ()) = Worker::start(|| Ok(())).unwrap();
        assert!(worker.run(|| panic!("on purpose")).is_err());
        assert!(worker.run(|| ()).is_err());
    }
}
