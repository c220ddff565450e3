//! A process of its own with one connection, to be ended by a signal.
//!
//! It is a fork of the harness that never returns to Rust: between `fork` and its end it makes only
//! calls that signal-safety(7) allows, since the other threads of the harness, and the locks they
//! held, were not copied. Running another program instead would need one whose path a library knows.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{SockaddrLike, SockaddrStorage};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::children;
use super::priority;
use super::worker::GIVE_UP;
use crate::target::TargetError;

/// How often the end of the process is looked for.
const STEP: Duration = Duration::from_millis(1);

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    is_gone: bool,
}

impl Process {
    /// Starts a process in the calling thread's namespace that connects to `peer` and waits.
    pub(super) fn connected_to(peer: SocketAddr) -> Result<Process, TargetError> {
        let address = SockaddrStorage::from(peer);
        let parent = nix::unistd::getpid();
        let making = children::making();
        let (copies_gone, holds_copies) = nix::unistd::pipe().map_err(no_process)?;
        let told_by = holds_copies.as_raw_fd();
        // SAFETY: the child calls nothing but `connect_and_wait`, which makes only calls that are
        // async-signal-safe, allocates nothing and never returns.
        match priority::at_once(|| unsafe { fork() }) {
            Ok(ForkResult::Parent { child: pid }) => {
                let process = Process {
                    pid,
                    is_gone: false,
                };
                // The end of the pipe's stream says that the child has closed what it had copied.
                drop(holds_copies);
                while nix::unistd::read(&copies_gone, &mut [0]) == Err(Errno::EINTR) {}
                drop(making);
                priority::ordinary_for(pid.as_raw().cast_unsigned());
                Ok(process)
            }
            Ok(ForkResult::Child) => connect_and_wait(&address, parent, told_by),
            Err(errno) => Err(no_process(errno)),
        }
    }

    /// Sends the signal and waits until the kernel has taken the process apart, its sockets included.
    pub(super) fn end(mut self, signal: i32) -> Result<(), TargetError> {
        let signal = Signal::try_from(signal)
            .map_err(|_| TargetError::Machine(format!("{signal} is no signal")))?;
        kill(self.pid, signal).map_err(|errno| {
            TargetError::Machine(format!("the process could not be sent {signal}: {errno}"))
        })?;
        let end = Instant::now() + GIVE_UP;
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) if Instant::now() < end => std::thread::sleep(STEP),
                Ok(WaitStatus::Signaled(_, by, _)) if by == signal => {
                    self.is_gone = true;
                    return Ok(());
                }
                Ok(WaitStatus::StillAlive) => {
                    return Err(TargetError::Machine(format!(
                        "{signal} does not end a process: it was still there after {GIVE_UP:?}"
                    )));
                }
                Ok(status) => {
                    self.is_gone = true;
                    return Err(TargetError::Machine(format!(
                        "the process was gone before {signal}: {status:?}"
                    )));
                }
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    return Err(TargetError::Machine(format!(
                        "the process cannot be waited for: {errno}"
                    )));
                }
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.is_gone {
            // The number is still the child's: nobody has waited for it.
            let _ = kill(self.pid, Signal::SIGKILL);
            while waitpid(self.pid, None) == Err(Errno::EINTR) {}
        }
    }
}

fn no_process(errno: Errno) -> TargetError {
    TargetError::Machine(format!("no process can be started: {errno}"))
}

/// What the process does: one connection, then nothing for ever.
fn connect_and_wait(address: &SockaddrStorage, parent: Pid, told_by: RawFd) -> ! {
    // SAFETY: every call is on the list of signal-safety(7) or a bare system call; pointers are to
    // locals and to `address`, which is a whole socket address of the length given.
    unsafe {
        // Whatever the harness was started with, signals end this process as they end any other.
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const all, std::ptr::null_mut());
        // It does not outlive the harness, nor hold open what belongs to other cases.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent.as_raw() {
            libc::_exit(1);
        }
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
        // Kernels before 5.9 know no close_range; the parent is told all the same.
        libc::close(told_by);
        let family = address
            .family()
            .map_or(libc::AF_INET, |family| family as i32);
        let socket = libc::socket(family, libc::SOCK_STREAM, 0);
        if socket < 0 || libc::connect(socket, address.as_ptr(), address.len()) != 0 {
            libc::_exit(1);
        }
        loop {
            libc::pause();
        }
    }
}
