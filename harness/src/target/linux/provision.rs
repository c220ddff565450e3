//! What the process takes before it has a second thread, so that no running case waits for it later.
//!
//! - A larger table of descriptors: growing one that several threads share waits for all
//!   processors, 10 ms and more, in whatever call needed the next descriptor.
//! - Memory from one arena that grows in large steps and is never given back: the address space of
//!   hundreds of threads has one lock, and who needs a page waits for who maps one.
//! - Memory that is not paged out.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Descriptors for several hundred cases.
const DESCRIPTORS: u64 = 16_384;
/// Descriptors that a case has open at a time, generously.
pub(super) const DESCRIPTORS_OF_A_CASE: u64 = 24;

/// Takes it all. Whatever is refused is gone without.
pub(super) fn take() {
    let limit = raise_descriptor_limit();
    grow_descriptor_table(limit.min(DESCRIPTORS));
    settle_allocator();
    lock_memory();
}

/// How many descriptors the process may have open.
pub(super) fn descriptor_limit() -> u64 {
    limit(libc::RLIMIT_NOFILE).map_or(1024, |limit| limit.rlim_cur)
}

/// Raises the limit of descriptors as far as it may be raised and is of use; gives what it is then.
pub(super) fn raise_descriptor_limit() -> u64 {
    let Some(mut limit) = limit(libc::RLIMIT_NOFILE) else {
        return 1024;
    };
    let wanted = limit.rlim_max.min(DESCRIPTORS);
    if limit.rlim_cur < wanted {
        limit.rlim_cur = wanted;
        // SAFETY: the call reads one `rlimit`.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
    descriptor_limit()
}

/// Has the kernel make the table large enough for the descriptor `size - 1`.
fn grow_descriptor_table(size: u64) {
    let Ok(highest) = i32::try_from(size.saturating_sub(1)) else {
        return;
    };
    let Ok(any) = std::fs::File::open("/") else {
        return;
    };
    // SAFETY: takes numbers only; what it gives is a new descriptor that nothing else owns.
    unsafe {
        let copy = libc::fcntl(any.as_raw_fd(), libc::F_DUPFD_CLOEXEC, highest);
        if copy >= 0 {
            drop(OwnedFd::from_raw_fd(copy));
        }
    }
}

/// Other C libraries have allocators of their own.
#[cfg(target_env = "gnu")]
fn settle_allocator() {
    const STEP: libc::c_int = 16 << 20;
    const NEVER: libc::c_int = 1 << 30;
    // SAFETY: takes numbers only; the process has one thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, STEP);
        libc::mallopt(libc::M_TRIM_THRESHOLD, NEVER);
    }
}

#[cfg(not(target_env = "gnu"))]
fn settle_allocator() {}

/// Only what is really used is locked, and only where locked memory has no limit: with one, running
/// out of it makes allocations fail.
fn lock_memory() {
    let unlimited =
        limit(libc::RLIMIT_MEMLOCK).is_some_and(|limit| limit.rlim_cur == libc::RLIM_INFINITY);
    if unlimited {
        // SAFETY: takes flags only.
        unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    }
}

fn limit(resource: libc::__rlimit_resource_t) -> Option<libc::rlimit> {
    // SAFETY: all zeros is a valid `rlimit`, of which the call writes one.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        (libc::getrlimit(resource, &raw mut limit) == 0).then_some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_table_leaves_no_descriptor_open() {
        let limit = raise_descriptor_limit();
        assert!(limit >= 64);
        grow_descriptor_table(limit.min(DESCRIPTORS));
        let highest = limit.min(DESCRIPTORS) - 1;
        assert!(!std::path::Path::new(&format!("/proc/self/fd/{highest}")).exists());
    }
}
