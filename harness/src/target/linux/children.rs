//! Children and the descriptors they hold copies of.
//!
//! Until it becomes its program, a child holds a copy of every descriptor of every case, and a
//! connection is closed only with its last copy: on a busy machine a FIN would come milliseconds late.
//! So no descriptor is closed while a child is being made, and children are made quickly: at the
//! priority of a running case, and where they become a program at once without a copy of the address
//! space. (Making one would hold up every thread that needs memory, and each page that a case writes
//! next would have to be copied. The library does without if nothing is to be run in the child.)

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::priority;
use crate::call::Call;

static MAKING: RwLock<()> = RwLock::new(());

/// Held while a child is made, until it holds copies no more.
pub(super) fn making() -> RwLockWriteGuard<'static, ()> {
    MAKING.write().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program, which runs at ordinary priority.
///
/// # Errors
/// The system's.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let making = making();
    let copies = Copies::begin();
    let child = priority::at_once(|| command.spawn());
    // The kernel lets us go on when the child has its new memory; the descriptors that are closed on
    // exec it closes after that.
    copies.wait_until_gone();
    drop(making);
    child.inspect(|child| priority::ordinary_for(child.id()))
}

/// Tells when a child made meanwhile has closed its copies: a pipe whose end of writing is one of them.
struct Copies {
    pipe: Option<(OwnedFd, OwnedFd)>,
}

impl Copies {
    /// They are closed in the order of their numbers; the pipe's should be the last.
    const LAST: RawFd = 8191;
    /// A pipe of which a third holds a copy is not waited for.
    const PATIENCE_MS: u16 = 1000;

    fn begin() -> Copies {
        let pipe = pipe2(OFlag::O_CLOEXEC).ok().map(|(read, write)| {
            match fcntl(&write, FcntlArg::F_DUPFD_CLOEXEC(Copies::LAST)) {
                // SAFETY: the kernel has just made this descriptor; nothing else owns it.
                Ok(last) => (read, unsafe { OwnedFd::from_raw_fd(last) }),
                // So many are not allowed: then nearly the last has to do.
                Err(_) => (read, write),
            }
        });
        Copies { pipe }
    }

    fn wait_until_gone(self) {
        if let Some((read, write)) = self.pipe {
            drop(write);
            let mut hung_up = [PollFd::new(read.as_fd(), PollFlags::empty())];
            while poll(&mut hung_up, PollTimeout::from(Copies::PATIENCE_MS)) == Err(Errno::EINTR) {}
        }
    }
}

/// Held for a call that closes a descriptor; taken before the call's time begins.
pub(super) fn held_off(call: &Call) -> Option<RwLockReadGuard<'static, ()>> {
    matches!(call, Call::Close { .. } | Call::Dup { to: Some(_), .. })
        .then(|| MAKING.read().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::call::Fd;

    /// Closes whenever it may, until nothing is made any more; how often the other end did not see it.
    fn lasting_copies(done: &AtomicBool) -> usize {
        let mut lasting = 0;
        while !done.load(Ordering::Relaxed) {
            let (ours, mut other) = UnixStream::pair().unwrap();
            other.set_nonblocking(true).unwrap();
            let held = held_off(&Call::Close { fd: Fd(3) });
            drop(ours);
            drop(held);
            lasting += usize::from(other.read(&mut [0]).is_err());
        }
        lasting
    }

    #[test]
    fn what_is_closed_while_programs_are_started_is_closed() {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let closing: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| lasting_copies(&done)))
                .collect();
            for _ in 0..200 {
                let mut child = spawn(&mut Command::new("/bin/true")).unwrap();
                assert!(child.wait().unwrap().success());
            }
            done.store(true, Ordering::Relaxed);
            for thread in closing {
                assert_eq!(thread.join().unwrap(), 0);
            }
        });
    }

    #[test]
    fn a_close_waits_for_a_child_in_the_making_and_other_calls_do_not() {
        let making = making();
        assert!(
            held_off(&Call::Listen {
                fd: Fd(3),
                backlog: 1
            })
            .is_none()
        );
        let closing = std::thread::spawn(|| held_off(&Call::Close { fd: Fd(3) }).is_some());
        assert!(!closing.is_finished());
        drop(making);
        assert!(closing.join().is_ok_and(|held| held));
    }
}
