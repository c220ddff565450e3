//! A thread that lives in a session's network namespace and does there what it is told.
//!
//! In virtual time a turn from one thread to another costs more than what it is taken for, and nobody has to be
//! punctual meanwhile: there a case's own thread enters the namespace, and does itself what is known to end.

use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use nix::unistd::{Pid, getpid, gettid};

use super::ending;
use super::handover::{Giver, Taker, handover};
use super::netns;
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
    /// Where a session's own thread is in the namespace, made with the first job that may block.
    thread: OnceLock<Running>,
    /// The session's own thread, if that is in the namespace.
    own: Option<Own>,
    /// The thread is in the namespace as well.
    has_moved_in: AtomicBool,
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

    /// The thread that another worker has left, or a new one.
    fn spare_or_new() -> Result<Running, TargetError> {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take();
        spare.map_or_else(Running::start, Ok)
    }

    /// Hands a job over; `false` if the thread is dead.
    fn give(&self, job: Job) -> bool {
        let is_given = self.jobs.give(job);
        if is_given && virtual_time::rules() {
            // It gets the only processor, and has mostly answered when it gives it back.
            std::thread::yield_now();
        }
        is_given
    }

    /// Moves the thread into the namespace that a session's own thread is in.
    fn follow(&self, own: &Own) -> Result<(), TargetError> {
        let place = own.place()?;
        let (giver, answer) = handover();
        self.give(Box::new(move || {
            giver.give(netns::join(&place));
        }));
        answer.take().ok_or_else(died)?
    }
}

/// A session's thread that is in the namespace itself.
#[derive(Debug)]
struct Own {
    thread: ThreadId,
    tid: Pid,
}

thread_local! {
    /// Whether this thread is in a session's namespace.
    static IS_AWAY: Cell<bool> = const { Cell::new(false) };
}

impl Own {
    /// The calling thread, if it may be moved: in virtual time, where it is not in a namespace of a session yet.
    fn thread() -> Option<Own> {
        (virtual_time::rules() && !IS_AWAY.replace(true)).then(|| Own {
            thread: std::thread::current().id(),
            tid: virtual_time::this_thread(),
        })
    }

    fn is_current(&self) -> bool {
        std::thread::current().id() == self.thread
    }

    /// The namespace that it is in.
    fn place(&self) -> Result<File, TargetError> {
        let path = format!("/proc/self/task/{}/ns/net", self.tid);
        File::open(&path)
            .map_err(|error| TargetError::Machine(format!("{path} cannot be opened: {error}")))
    }

    /// Leaves the namespace, of which nothing may be kept.
    fn go_home(&self) {
        if self.is_current() {
            virtual_time::go_home();
            IS_AWAY.set(false);
        }
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
        let worker = Worker::idle(None);
        let _ = worker.thread.set(Running::spare_or_new()?);
        let value = worker.run(setup)?.inspect_err(|_| worker.use_up())?;
        Ok((worker, value))
    }

    /// The same for a session, whose `setup` enters a namespace: in virtual time that is done by the calling
    /// thread, which is in that namespace until the worker is dropped.
    pub(super) fn of_session<T: Send + 'static>(
        setup: impl FnOnce() -> Result<T, TargetError> + Send + 'static,
    ) -> Result<(Worker, T), TargetError> {
        match Own::thread() {
            None => Worker::start(setup),
            Some(own) => {
                let worker = Worker::idle(Some(own));
                let value = setup()?;
                Ok((worker, value))
            }
        }
    }

    fn idle(own: Option<Own>) -> Worker {
        install_interruption();
        Worker {
            thread: OnceLock::new(),
            has_moved_in: AtomicBool::new(own.is_none()),
            own,
            stuck: AtomicBool::new(false),
            used_up: AtomicBool::new(false),
        }
    }

    /// Nobody else is to have the thread, and nothing is done without it any more: it has been moved into a place
    /// that it cannot leave, or has lost a right.
    pub(super) fn use_up(&self) {
        self.used_up.store(true, Ordering::Relaxed);
    }

    /// Whether the calling thread does itself what is known to end.
    pub(super) fn is_here(&self) -> bool {
        self.own.as_ref().is_some_and(Own::is_current) && !self.used_up.load(Ordering::Relaxed)
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
        if self.is_here() {
            return catch_unwind(AssertUnwindSafe(job)).map_err(|_| died());
        }
        self.move_in()?;
        self.hand_over(job)?.take().ok_or_else(|| self.died())
    }

    /// Runs a job that may block. After `limit` it is interrupted and `None` given. A job for which it matters in
    /// which namespace it runs needs [`Worker::move_in`] before it.
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
        let tid = self.thread()?.tid;
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
        if !self.thread()?.give(job) {
            return Err(self.died());
        }
        Ok(answer)
    }

    /// Has the thread be in the namespace from now on, where only the session's own thread was.
    pub(super) fn move_in(&self) -> Result<(), TargetError> {
        if let Some(own) = &self.own
            && !self.has_moved_in.swap(true, Ordering::Relaxed)
        {
            self.thread()?.follow(own)?;
        }
        Ok(())
    }

    fn thread(&self) -> Result<&Running, TargetError> {
        match self.thread.get() {
            Some(thread) => Ok(thread),
            None => {
                let thread = Running::spare_or_new()?;
                Ok(self.thread.get_or_init(|| thread))
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            own.go_home();
        }
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
