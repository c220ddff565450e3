//! `poll` and epoll.

use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;

use super::{failed, outcome, outcome_with};
use crate::call::{Call, Fd, Outcome, Output, PollEntry};
use crate::target::linux::fds::FdTable;

/// Calls that wait for descriptors, or say which to wait for.
pub(super) fn perform(call: &Call, fds: &FdTable) -> Outcome {
    match call {
        Call::Poll {
            entries,
            timeout_ms,
        } => {
            let mut list = list_of(entries, fds);
            // SAFETY: the kernel reads and writes as many entries as the list has.
            let result =
                unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, *timeout_ms) };
            polled(result, &list)
        }
        Call::Ppoll { entries, timeout } => ppoll(&mut list_of(entries, fds), *timeout),
        Call::Select { sets, timeout, .. } => select(sets, *timeout, fds),
        Call::EpollCtl {
            epoll,
            operation,
            fd,
            events,
            data,
        } => {
            let mut event = libc::epoll_event {
                events: *events,
                u64: *data,
            };
            epoll_ctl(fds.live(*epoll), *operation, fds.live(*fd), &raw mut event)
        }
        Call::EpollWait {
            epoll,
            max_events,
            timeout_ms,
        } => epoll_wait(*max_events, |events, most| {
            // SAFETY: `epoll_wait` below says how much room there is.
            unsafe { libc::epoll_wait(fds.live(*epoll), events, most, *timeout_ms) }
        }),
        Call::EpollPwait {
            epoll,
            max_events,
            timeout_ms,
        } => epoll_wait(*max_events, |events, most| {
            // SAFETY: as above; a null mask leaves the thread's own.
            unsafe { libc::epoll_pwait(fds.live(*epoll), events, most, *timeout_ms, ptr::null()) }
        }),
        _ => failed(Errno::ENOSYS),
    }
}

fn list_of(entries: &[PollEntry], fds: &FdTable) -> Vec<libc::pollfd> {
    entries
        .iter()
        .map(|entry| libc::pollfd {
            // A negative number means "leave this entry out", which is not the same as "not open".
            fd: if entry.fd.0 < 0 {
                entry.fd.0
            } else {
                fds.live(entry.fd)
            },
            events: entry.events,
            revents: 0,
        })
        .collect()
}

fn polled(result: i32, list: &[libc::pollfd]) -> Outcome {
    outcome_with(result.into(), |_| {
        Output::Poll(list.iter().map(|entry| entry.revents).collect())
    })
}

fn ppoll(list: &mut [libc::pollfd], timeout: Option<Duration>) -> Outcome {
    let timeout = timeout.map(TimeSpec::from);
    let timeout: *const libc::timespec = match &timeout {
        Some(timeout) => timeout.as_ref(),
        None => ptr::null(),
    };
    // SAFETY: the kernel reads and writes as many entries as the list has, and reads the time; a
    // null mask leaves the thread's own.
    let result = unsafe {
        libc::ppoll(
            list.as_mut_ptr(),
            list.len() as libc::nfds_t,
            timeout,
            ptr::null(),
        )
    };
    polled(result, list)
}

/// `select` and `pselect`: for the kernel one call. Its sets are bits, as many as the highest
/// descriptor needs.
fn select(sets: &[Vec<Fd>; 3], timeout: Option<Duration>, fds: &FdTable) -> Outcome {
    const BITS: usize = usize::BITS as usize;
    if sets.iter().flatten().any(|fd| !fds.is_open(*fd)) {
        return failed(Errno::EBADF);
    }
    let numbers = sets.each_ref().map(|set| {
        set.iter()
            .map(|fd| fds.live(*fd) as usize)
            .collect::<Vec<usize>>()
    });
    let count = numbers.iter().flatten().max().map_or(0, |most| most + 1);
    let mut bits = numbers.each_ref().map(|set| {
        let mut words = vec![0_usize; count.div_ceil(BITS).max(1)];
        for number in set {
            words[number / BITS] |= 1 << (number % BITS);
        }
        words
    });
    let mut timeout = timeout.map(TimeSpec::from).map(|time| *time.as_ref());
    let timeout = match &mut timeout {
        Some(timeout) => &raw mut *timeout,
        None => ptr::null_mut(),
    };
    let [read, write, except] = bits.each_mut().map(|words| words.as_mut_ptr());
    // SAFETY: the kernel reads and writes `count` bits of each set, for which there is room, and
    // the time; a null mask leaves the thread's own.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pselect6,
            count,
            read,
            write,
            except,
            timeout,
            ptr::null::<libc::c_void>(),
        )
    };
    #[allow(
        clippy::useless_conversion,
        reason = "c_long is narrower on 32-bit machines"
    )]
    outcome_with(result.into(), |_| {
        let ready = |set: usize| {
            let is_set = |number: &usize| bits[set][number / BITS] >> (number % BITS) & 1 == 1;
            numbers[set].iter().map(is_set).collect()
        };
        Output::Select([ready(0), ready(1), ready(2)])
    })
}

/// `event` must be null or point at an event.
pub(super) fn epoll_ctl(
    epoll: i32,
    operation: i32,
    fd: i32,
    event: *mut libc::epoll_event,
) -> Outcome {
    // SAFETY: the kernel reads one `epoll_event`, or fails on a null pointer.
    outcome(unsafe { libc::epoll_ctl(epoll, operation, fd, event) }.into())
}

fn epoll_wait(max_events: i32, wait: impl FnOnce(*mut libc::epoll_event, i32) -> i32) -> Outcome {
    const MOST: i32 = 4096;
    let room = max_events.clamp(0, MOST);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; room as usize];
    // The kernel writes at most as many events as there is room for; a count that is not positive
    // makes it fail before writing.
    let result = wait(events.as_mut_ptr(), max_events.min(MOST));
    outcome_with(result.into(), |len| {
        let seen = events.iter().take(len);
        Output::Epoll(seen.map(|event| (event.events, event.u64)).collect())
    })
}
