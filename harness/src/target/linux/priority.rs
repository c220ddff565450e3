//! Being on time beside whatever else the machine does.
//!
//! Threads of a running case ask for the real-time policy SCHED_RR, as packetdrill does. They sleep
//! nearly always; setting a case up and taking it apart, which is work, is done at ordinary
//! priority. Who may not have it goes on without: lateness is measured either way.

use std::fs::File;
use std::os::unix::fs::FileExt;

use nix::unistd::Pid;

use super::clock::Nanos;
use super::virtual_time;

/// The lowest real-time priority: above everything ordinary, below the machine's own urgent work.
const CASE: i32 = 1;
/// Above the cases, so that stalls of the machine are told from a crowd of cases.
const WATCH: i32 = 2;

/// Gives the calling thread real-time priority for a running case; says whether it got it.
pub(super) fn urgent() -> bool {
    round_robin(CASE)
}

/// The same for a thread that watches a processor.
pub(super) fn most_urgent() -> bool {
    round_robin(WATCH)
}

/// Makes a thread that begins with the calling thread's own priority, instead of getting it only
/// when it first has a processor.
pub(super) fn handed_on<T>(make: impl FnOnce() -> T) -> T {
    // SAFETY: takes a number only; zero is the calling thread.
    let policy = unsafe { libc::sched_getscheduler(0) };
    let is_urgent = policy & !libc::SCHED_RESET_ON_FORK == libc::SCHED_RR;
    if is_urgent {
        set(libc::SCHED_RR, CASE);
    }
    let made = make();
    if is_urgent {
        urgent();
    }
    made
}

/// Makes a child that begins with the priority of a running case, whatever the calling thread's is.
/// It keeps that until [`ordinary_for`].
pub(super) fn at_once<T>(make: impl FnOnce() -> T) -> T {
    // SAFETY: takes a number only; zero is the calling thread.
    let before = unsafe { libc::sched_getscheduler(0) };
    if virtual_time::rules() {
        return make();
    }
    set(libc::SCHED_RR, CASE);
    let made = make();
    match before & !libc::SCHED_RESET_ON_FORK {
        libc::SCHED_RR => urgent(),
        _ => set(libc::SCHED_OTHER, 0),
    };
    made
}

/// Takes the calling thread back to ordinary priority.
pub(super) fn ordinary() {
    set(libc::SCHED_OTHER, 0);
}

/// Takes the child of this number back to ordinary priority, if it is still there.
pub(super) fn ordinary_for(child: u32) {
    if let Ok(child) = libc::pid_t::try_from(child) {
        set_for(child, libc::SCHED_OTHER, 0);
    }
}

/// Children and threads made meanwhile begin at ordinary priority.
fn round_robin(priority: i32) -> bool {
    // In virtual time nobody is late, and who never sleeps keeps all others from running.
    if virtual_time::rules() {
        return false;
    }
    set(libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, priority)
}

fn set(policy: i32, priority: i32) -> bool {
    // Zero is the calling thread.
    set_for(0, policy, priority)
}

fn set_for(process: libc::pid_t, policy: i32, priority: i32) -> bool {
    // SAFETY: `sched_param` is plain data for which all zeros is a valid value; the call reads one
    // of them and changes nothing but how the process is scheduled.
    unsafe {
        let mut parameters: libc::sched_param = std::mem::zeroed();
        parameters.sched_priority = priority;
        libc::sched_setscheduler(process, policy, &raw const parameters) == 0
    }
}

/// How long the calling thread has waited for a processor in all, ready to run, in nanoseconds;
/// zero on kernels that do not tell (CONFIG_SCHED_INFO).
pub(super) fn waited_for_processor() -> Nanos {
    thread_local! {
        static STATISTICS: Option<File> = File::open("/proc/thread-self/schedstat").ok();
    }
    STATISTICS.with(|file| file.as_ref().and_then(waited).unwrap_or(0))
}

/// The same by the `schedstat` file of any thread; `None` if it does not tell.
pub(super) fn waited(statistics: &File) -> Option<Nanos> {
    let mut text = [0; 96];
    let len = statistics.read_at(&mut text, 0).ok()?;
    waited_in(text.get(..len)?)
}

/// The same of another thread of this process; zero also if it is gone.
pub(super) fn thread_waited_for_processor(thread: Pid) -> Nanos {
    let text = std::fs::read(format!("/proc/self/task/{thread}/schedstat"));
    text.ok().and_then(|text| waited_in(&text)).unwrap_or(0)
}

/// The second of the numbers in a `schedstat` file: time on the processor, time waiting, turns.
fn waited_in(text: &[u8]) -> Option<Nanos> {
    std::str::from_utf8(text)
        .ok()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_spent_waiting_is_the_second_number() {
        assert_eq!(waited_in(b"123 4567 8\n"), Some(4567));
        assert_eq!(waited_in(b"123"), None);
        assert_eq!(waited_in(&[0xff]), None);
    }

    #[test]
    fn priority_is_had_or_not_and_given_back() {
        let policy = || {
            // SAFETY: takes a number only; zero is the calling thread.
            unsafe { libc::sched_getscheduler(0) }
        };
        let had = urgent();
        assert_eq!(policy() == libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, had);
        ordinary();
        assert_eq!(policy(), libc::SCHED_OTHER);
        urgent();
        let made = handed_on(|| std::thread::spawn(policy).join());
        let expected = if had {
            libc::SCHED_RR
        } else {
            libc::SCHED_OTHER
        };
        assert_eq!(made.ok(), Some(expected));
        assert_eq!(policy() & libc::SCHED_RESET_ON_FORK != 0, had);
        ordinary();
        let made = at_once(|| std::thread::spawn(policy).join());
        assert_eq!(made.ok(), Some(expected));
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
