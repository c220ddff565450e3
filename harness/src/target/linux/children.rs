//! Children and the descriptors they hold copies of.
//!
//! Until it becomes its program, a child holds a copy of every descriptor of every case, and a
//! connection is closed only with its last copy: on a busy machine a FIN would come milliseconds late.
//! So no descriptor is closed while a child is being made, and children are made quickly: at the
//! priority of a running case, and where they become a program at once without a copy of the address
//! space. (Making one would hold up every thread that needs memory, and each page that a case writes
//! next would have to be copied. The library does without if nothing is to be run in the child.)

use std::io;
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::priority;
use crate::call::Call;

static MAKING: RwLock<()> = RwLock::new(());

/// Held while a child is made, until it holds copies no more.
pub(super) fn making() -> RwLockWriteGuard<'static, ()> {
    MAKING.write().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a program, which runs at ordinary priority.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    let making = making();
    let child = priority::at_once(|| command.spawn());
    drop(making);
    child.inspect(|child| priority::ordinary_for(child.id()))
}

/// Held for a call that closes a descriptor; taken before the call's time begins.
pub(super) fn held_off(call: &Call) -> Option<RwLockReadGuard<'static, ()>> {
    matches!(call, Call::Close { .. } | Call::Dup { to: Some(_), .. })
        .then(|| MAKING.read().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Fd;

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
