//! The descriptors of one case.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::Fd;

/// A number no descriptor has: calls on it fail with EBADF (POLLNVAL in `poll`), as on a closed one.
const NOT_OPEN: i32 = i32::MAX;

/// Which descriptors a case has made and not closed yet, and what must outlive its calls.
///
/// Descriptors are shared by the whole process. A case can only name those in its own table, so it
/// cannot reach another case's.
#[derive(Debug, Default)]
pub(super) struct FdTable {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By number: whether the case has set FD_CLOEXEC itself. (The kernel's flag is always set, so
    /// that no child process of another case holds the descriptor open.)
    open: BTreeMap<i32, bool>,
    /// Buffers that the kernel may still read after the call (MSG_ZEROCOPY).
    pinned: Vec<Vec<u8>>,
}

impl FdTable {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a descriptor that a call has made.
    pub(super) fn add(&self, number: i32, close_on_exec: bool) {
        self.lock().open.insert(number, close_on_exec);
    }

    /// The number to hand to the kernel.
    pub(super) fn live(&self, fd: Fd) -> i32 {
        if self.lock().open.contains_key(&fd.0) {
            fd.0
        } else {
            NOT_OPEN
        }
    }

    /// Whether the case has this descriptor open.
    pub(super) fn is_open(&self, fd: Fd) -> bool {
        self.lock().open.contains_key(&fd.0)
    }

    /// Forgets a descriptor that is about to be closed and gives the number to hand to the kernel.
    ///
    /// Before closing, not after: the number may be another case's the moment it is closed.
    pub(super) fn remove(&self, fd: Fd) -> i32 {
        match self.lock().open.remove(&fd.0) {
            Some(_) => fd.0,
            None => NOT_OPEN,
        }
    }

    /// FD_CLOEXEC as the case sees it; `None` if the descriptor is not open.
    pub(super) fn close_on_exec(&self, fd: Fd) -> Option<bool> {
        self.lock().open.get(&fd.0).copied()
    }

    /// Sets FD_CLOEXEC as the case sees it; false if the descriptor is not open.
    pub(super) fn set_close_on_exec(&self, fd: Fd, value: bool) -> bool {
        match self.lock().open.get_mut(&fd.0) {
            Some(flag) => {
                *flag = value;
                true
            }
            None => false,
        }
    }

    /// Keeps a buffer until the case ends.
    pub(super) fn pin(&self, buffer: Vec<u8>) {
        self.lock().pinned.push(buffer);
    }

    /// Every descriptor still open; the table is empty afterwards.
    pub(super) fn take_all(&self) -> Vec<i32> {
        std::mem::take(&mut self.lock().open).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_reaches_only_its_own_descriptors() {
        let table = FdTable::default();
        table.add(40, false);
        assert_eq!(table.live(Fd(40)), 40);
        assert_eq!(table.live(Fd(1)), NOT_OPEN);
        assert_eq!(table.remove(Fd(40)), 40);
        assert_eq!(table.remove(Fd(40)), NOT_OPEN);
        assert!(table.take_all().is_empty());
    }
}
