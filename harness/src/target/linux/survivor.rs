//! What becomes of the cases' connections should this process be killed.
//!
//! A connection that its peer never acknowledges keeps a namespace for minutes, and the peer is gone.
//! A child holds every case's namespace by a descriptor. When the socket to it closes, however the
//! process has ended, it resets in each what connections are left, and ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::SigSet;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType,
    recvmsg, sendmsg, shutdown, socketpair,
};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

use super::{destroy, provision};

/// How long the kernel may take to close what a killed process had open, in milliseconds.
const CLOSING_MS: u16 = 10_000;
/// Between two looks into a namespace: what a case's own processes had open closes in between.
const PAUSE: Duration = Duration::from_millis(100);
/// Looks at most; without connections two in a row are enough.
const ROUNDS: usize = 10;
const ENOUGH: usize = 2;

/// Not the program's own: who kills that by its name does not mean this process.
const NAME: &std::ffi::CStr = c"drill-survivor";

/// How long the process waits at its end for the child's: it takes a fraction of that.
const ENDING: Duration = Duration::from_millis(200);

/// The child, once there is one.
static CHILD: OnceLock<Child> = OnceLock::new();

/// How many namespaces it looks after.
static LOOKED_AFTER: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Child {
    told: OwnedFd,
    pid: Pid,
}

/// A namespace that the child looks after. Dropping it takes it off the child's hands.
#[derive(Debug)]
pub(super) struct Legacy {
    number: u64,
}

/// Makes the child. To be called while the process has one thread, in the user namespace that the
/// cases' namespaces will belong to; does nothing otherwise. Without the child a killed run leaves
/// its namespaces to the kernel's patience with orphans.
pub(super) fn begin() {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    if CHILD.get().is_some() || !matches!(threads, Ok(1)) {
        return;
    }
    let kind = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    let Ok((ours, its)) = socketpair(AddressFamily::Unix, kind.0, None, kind.1) else {
        return;
    };
    let parent = nix::unistd::getpid();
    // SAFETY: the process has one thread, so no lock is copied in the hands of another; the child
    // never returns from here.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child: pid }) => {
            let _ = CHILD.set(Child { told: ours, pid });
            // SAFETY: takes a function that stays. If it is refused the child still ends.
            unsafe { libc::atexit(let_go) };
        }
        Ok(ForkResult::Child) => {
            // Else the child would wait for its own end of the socket to close.
            drop(ours);
            // A panic must not go on as a second copy of the program.
            let _ = std::panic::catch_unwind(|| survive(&its, parent));
            // SAFETY: ends the process and touches no memory.
            unsafe { libc::_exit(0) }
        }
        Err(_) => {}
    }
}

/// Ends the child and waits for it, unless there is something left to do for it: not everywhere
/// does the first process see to the ends of others' children.
extern "C" fn let_go() {
    let Some(child) = CHILD.get() else {
        return;
    };
    // A copy of the socket in another child does not matter to this.
    let _ = shutdown(child.told.as_raw_fd(), Shutdown::Write);
    let end = Instant::now() + ENDING;
    while LOOKED_AFTER.load(Ordering::Relaxed) == 0
        && waitpid(child.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
        && Instant::now() < end
    {
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Has the child look after the calling thread's network namespace.
pub(super) fn look_after() -> Option<Legacy> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let told = &CHILD.get()?.told;
    let namespace = File::open("/proc/thread-self/ns/net").ok()?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    tell(told, number, Some(namespace.as_raw_fd())).ok()?;
    LOOKED_AFTER.fetch_add(1, Ordering::Relaxed);
    Some(Legacy { number })
}

impl Drop for Legacy {
    fn drop(&mut self) {
        if let Some(child) = CHILD.get() {
            // Should it be dead, it holds nothing any more.
            let _ = tell(&child.told, self.number, None);
        }
        LOOKED_AFTER.fetch_sub(1, Ordering::Relaxed);
    }
}

fn tell(to: &OwnedFd, number: u64, namespace: Option<RawFd>) -> Result<(), Errno> {
    let bytes = number.to_ne_bytes();
    let parts = [IoSlice::new(&bytes)];
    let fds: Vec<RawFd> = namespace.into_iter().collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let rights = if fds.is_empty() { &[] } else { &rights[..] };
    loop {
        match sendmsg::<()>(to.as_raw_fd(), &parts, rights, MsgFlags::MSG_NOSIGNAL, None) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

/// The child's whole life.
fn survive(from: &OwnedFd, parent: Pid) {
    let _ = SigSet::all().thread_block();
    let _ = setsid();
    let from = detach(from);
    provision::raise_descriptor_limit();
    // SAFETY: takes numbers only; what it gives is a new descriptor that nothing else owns. Kernels
    // before 5.3 have none.
    let alive = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, parent.as_raw(), 0);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd as RawFd))
    };
    let mut namespaces = BTreeMap::new();
    while let Some((number, namespace)) = hear(&from) {
        match namespace {
            Some(namespace) => namespaces.insert(number, namespace),
            None => namespaces.remove(&number),
        };
    }
    if namespaces.is_empty() {
        return;
    }
    if let Some(alive) = alive {
        let mut list = [PollFd::new(
            std::os::fd::AsFd::as_fd(&alive),
            PollFlags::POLLIN,
        )];
        let _ = poll(&mut list, PollTimeout::from(CLOSING_MS));
    }
    reset_all(namespaces.into_values().collect());
}

/// Lets go of all that was the parent's: whoever reads its output waits for the last copy to close.
fn detach(from: &OwnedFd) -> RawFd {
    /// Above the standard ones.
    const KEPT: RawFd = 3;
    let _ = nix::unistd::chdir("/");
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        let _ = dup2_stdin(&null);
        let _ = dup2_stdout(&null);
        let _ = dup2_stderr(&null);
    }
    // SAFETY: the first two take numbers only, the third reads a string that ends in a zero. No
    // value of this process that owns a descriptor above is used after this.
    unsafe {
        if from.as_raw_fd() != KEPT {
            libc::dup2(from.as_raw_fd(), KEPT);
        }
        libc::syscall(libc::SYS_close_range, KEPT + 1, libc::c_uint::MAX, 0);
        libc::prctl(libc::PR_SET_NAME, NAME.as_ptr());
    }
    KEPT
}

/// The next message: a namespace's number, and the namespace if it is a new one. `None` when the
/// parent is gone.
fn hear(from: &RawFd) -> Option<(u64, Option<OwnedFd>)> {
    let mut bytes = [0; 8];
    let mut control = nix::cmsg_space!(RawFd);
    loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = match recvmsg::<()>(*from, &mut parts, Some(&mut control), flags) {
            Err(Errno::EINTR) => continue,
            other => other.ok()?,
        };
        if message.bytes != size_of::<u64>() {
            return None;
        }
        let fds = message.cmsgs().ok().into_iter().flatten();
        let namespace = fds.into_iter().find_map(|control| match control {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        });
        // SAFETY: the kernel has just made this descriptor; nothing else owns it.
        let namespace = namespace.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        return Some((u64::from_ne_bytes(bytes), namespace));
    }
}

/// Resets every connection in the namespaces and lets go of them.
fn reset_all(namespaces: Vec<OwnedFd>) {
    let mut left: Vec<(OwnedFd, usize)> = namespaces.into_iter().map(|fd| (fd, 0)).collect();
    for _ in 0..ROUNDS {
        left.retain_mut(|(namespace, quiet)| {
            let entered = setns(&*namespace, CloneFlags::CLONE_NEWNET);
            match entered.and_then(|()| destroy::every_connection()) {
                Ok(0) => *quiet += 1,
                Ok(_) | Err(_) => *quiet = 0,
            }
            *quiet < ENOUGH
        });
        if left.is_empty() {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}
