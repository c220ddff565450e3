//! A thread that lives in a session's network namespace and does there what it is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::unistd::{Pid, getpid, gettid};

use super::ending;
use crate::target::TargetError;

/// How long an interrupted call may take to come back before its thread is given up.
pub(super) const GIVE_UP: Duration = Duration::from_secs(2);

/// How often an interruption is repeated: a signal that comes just before the call begins is lost.
const REPEAT: Duration = Duration::from_millis(1);

/// Enough for any job. Small stacks are kept and used again, large ones mapped anew each time.
pub(super) const STACK: usize = 256 << 10;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that runs jobs one after the other. Dropping it ends and joins the thread.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    tid: Pid,
    stuck: Arc<AtomicBool>,
}

impl Worker {
    /// Starts a thread and runs `setup` on it; the thread goes on if that succeeds.
    pub(super) fn start<T: Send + 'static>(
        setup: impl FnOnce() -> Result<T, TargetError> + Send + 'static,
    ) -> Result<(Worker, T), TargetError> {
        install_interruption();
        let (jobs, waiting) = channel::<Job>();
        let (answer, ready) = channel();
        let thread = std::thread::Builder::new()
            .name("tcpdrill-netns".into())
            .stack_size(STACK)
            .spawn(move || {
                super::clock::set_exact_timers();
                let result = setup();
                let failed = result.is_err();
                if answer.send((gettid(), result)).is_err() || failed {
                    return;
                }
                for job in waiting {
                    job();
                }
            })
            .map_err(|error| TargetError::Machine(format!("no thread for the case: {error}")))?;
        let (tid, result) = ready.recv().map_err(|_| died())?;
        let value = match result {
            Ok(value) => value,
            Err(error) => {
                let _ = thread.join();
                return Err(error);
            }
        };
        let worker = Worker {
            jobs: Some(jobs),
            thread: Some(thread),
            tid,
            stuck: Arc::default(),
        };
        Ok((worker, value))
    }

    /// Runs a job that is known to end and gives what it returns.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TargetError> {
        self.hand_over(job)?.recv().map_err(|_| died())
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
            Err(RecvTimeoutError::Disconnected) => return Err(died()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        match interrupt_until_answered(self.tid, &answer) {
            Err(RecvTimeoutError::Timeout) => self.stuck.store(true, Ordering::Relaxed),
            Err(RecvTimeoutError::Disconnected) => return Err(died()),
            Ok(_) => {}
        }
        Ok(None)
    }

    fn hand_over<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Receiver<T>, TargetError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(TargetError::Machine(
                "the case's thread hangs in a call that could not be interrupted".into(),
            ));
        }
        let (sender, answer) = channel();
        let job: Job = Box::new(move || {
            // Nobody is waiting any more if the call was given up.
            let _ = sender.send(job());
        });
        let jobs = self.jobs.as_ref().ok_or_else(died)?;
        jobs.send(job).map_err(|_| died())?;
        Ok(answer)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        // A thread that hangs in the kernel is left behind rather than hung upon.
        if let Some(thread) = self.thread.take()
            && !self.stuck.load(Ordering::Relaxed)
        {
            let _ = thread.join();
        }
    }
}

/// Waits for an answer in short stretches with `idle` in between.
pub(super) fn wait_idling<T>(
    answer: &Receiver<T>,
    limit: Duration,
    mut idle: impl FnMut(),
) -> Result<T, RecvTimeoutError> {
    const STRETCH: Duration = Duration::from_millis(20);
    let end = Instant::now().checked_add(limit);
    loop {
        if ending::has_come() {
            return answer.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
        let left = end.map_or(STRETCH, |end| end.saturating_duration_since(Instant::now()));
        match answer.recv_timeout(left.min(STRETCH)) {
            Err(RecvTimeoutError::Timeout) if left > STRETCH || end.is_none() => idle(),
            other => return other,
        }
    }
}

/// Interrupts whatever call a thread is in until it answers or [`GIVE_UP`] is over.
pub(super) fn interrupt_until_answered<T>(
    tid: Pid,
    answer: &Receiver<T>,
) -> Result<T, RecvTimeoutError> {
    let end = Instant::now() + GIVE_UP;
    loop {
        interrupt(tid);
        match answer.recv_timeout(REPEAT) {
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
