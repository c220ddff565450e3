//! Calls that make, close or describe descriptors.

use std::ffi::CString;

use nix::errno::Errno;

use super::address::AddressRoom;
use super::{failed, outcome, outcome_with};
use crate::call::{Call, Fd, Outcome, Output};
use crate::target::TargetError;
use crate::target::linux::fds::FdTable;

/// Calls that make, close or describe descriptors.
///
/// Each is made with close-on-exec: another case may be starting a process right now, and a copy
/// of a socket in it would keep the connection open after this case's `close`.
pub(super) fn perform(call: &Call, fds: &FdTable) -> Result<Outcome, TargetError> {
    // SAFETY: every call here takes numbers, a null pointer or a NUL-terminated string that
    // outlives it, and writes nowhere (`pipe2` apart, see there).
    let outcome = unsafe {
        match call {
            Call::Socket {
                domain,
                kind,
                protocol,
            } => outcome(libc::socket(*domain, *kind | libc::SOCK_CLOEXEC, *protocol).into()),
            Call::Accept { fd, flags } => accept(fds.live(*fd), flags.unwrap_or(0)),
            // epoll_create refuses sizes below 1, epoll_create1 has none.
            Call::EpollCreate { size } if *size <= 0 => failed(Errno::EINVAL),
            Call::EpollCreate { .. } => outcome(libc::epoll_create1(libc::EPOLL_CLOEXEC).into()),
            Call::EpollCreate1 { flags } => {
                outcome(libc::epoll_create1(*flags | libc::EPOLL_CLOEXEC).into())
            }
            Call::EventFd { initial, flags } => {
                outcome(libc::eventfd(*initial, *flags | libc::EFD_CLOEXEC).into())
            }
            Call::Dup { fd, to, flags } => dup(*fd, *to, *flags, fds),
            Call::Open { path, flags } => match CString::new(path.as_str()) {
                Ok(path) => {
                    let mode: libc::c_uint = 0o600;
                    outcome(libc::open(path.as_ptr(), *flags | libc::O_CLOEXEC, mode).into())
                }
                Err(_) => failed(Errno::ENOENT),
            },
            Call::Pipe => pipe(),
            Call::Close { fd } => outcome(libc::close(fds.remove(*fd)).into()),
            Call::Fcntl {
                fd,
                command,
                argument,
            } => fcntl(*fd, *command, argument.unwrap_or(0), fds)?,
            _ => failed(Errno::ENOSYS),
        }
    };
    note_new_descriptors(call, &outcome, fds);
    Ok(outcome)
}

fn note_new_descriptors(call: &Call, outcome: &Outcome, fds: &FdTable) {
    if let Output::Pipe(read, write) = outcome.output {
        fds.add(read.0, false);
        fds.add(write.0, false);
        return;
    }
    let Ok(number) = i32::try_from(outcome.result) else {
        return;
    };
    let close_on_exec = match call {
        _ if number < 0 => return,
        Call::Socket { kind, .. } => kind & libc::SOCK_CLOEXEC != 0,
        Call::Accept { flags, .. } => flags.unwrap_or(0) & libc::SOCK_CLOEXEC != 0,
        Call::Open { flags, .. } => flags & libc::O_CLOEXEC != 0,
        Call::EpollCreate { .. } => false,
        Call::EpollCreate1 { flags } => flags & libc::EPOLL_CLOEXEC != 0,
        Call::EventFd { flags, .. } => flags & libc::EFD_CLOEXEC != 0,
        // Nothing new: dup2 to itself leaves the flag alone.
        Call::Dup { fd, to, .. } if *to == Some(*fd) => return,
        Call::Dup { flags, .. } => flags.unwrap_or(0) & libc::O_CLOEXEC != 0,
        Call::Fcntl { command, .. } if *command == libc::F_DUPFD => false,
        Call::Fcntl { command, .. } if *command == libc::F_DUPFD_CLOEXEC => true,
        _ => return,
    };
    fds.add(number, close_on_exec);
}

fn accept(fd: i32, flags: i32) -> Outcome {
    let mut peer = AddressRoom::new();
    let (address, len) = peer.as_mut_ptrs();
    // SAFETY: the kernel writes at most as much of the address as there is room for.
    let result = unsafe { libc::accept4(fd, address, len, flags | libc::SOCK_CLOEXEC) };
    outcome_with(result.into(), |_| Output::Address(peer.address()))
}

/// `dup`, `dup2` and `dup3`. A number that this case has not open is another case's or nobody's:
/// the copy then gets one that is free.
fn dup(fd: Fd, to: Option<Fd>, flags: Option<i32>, fds: &FdTable) -> Outcome {
    let from = fds.live(fd);
    let copy = |number| {
        // SAFETY: the command takes a number and writes nowhere.
        outcome(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0) }.into())
    };
    let Some(to) = to else { return copy(from) };
    let flags = match flags {
        // dup2 to itself does nothing, and dup3 refuses it.
        None if to == fd => {
            // SAFETY: the command takes a number and writes nowhere.
            let known = unsafe { libc::fcntl(from, libc::F_GETFD) } >= 0;
            return match known {
                true => Outcome::ok(i64::from(fd.0)),
                false => failed(Errno::EBADF),
            };
        }
        Some(flags) if to == fd || flags & !libc::O_CLOEXEC != 0 => return failed(Errno::EINVAL),
        flags => flags.unwrap_or(0),
    };
    if to.0 < 0 {
        return failed(Errno::EBADF);
    }
    if !fds.is_open(to) {
        return copy(from);
    }
    // SAFETY: both numbers are this case's own, or none (which fails).
    outcome(unsafe { libc::dup3(from, fds.live(to), flags | libc::O_CLOEXEC) }.into())
}

fn pipe() -> Outcome {
    let mut ends = [0; 2];
    // SAFETY: the kernel writes two numbers, for which there is room.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    outcome_with(result.into(), |_| Output::Pipe(Fd(ends[0]), Fd(ends[1])))
}

fn fcntl(fd: Fd, command: i32, argument: i64, fds: &FdTable) -> Result<Outcome, TargetError> {
    /// The commands whose argument is a number. For others it is an address, and a number from a
    /// script taken for one could overwrite this process's memory.
    const NUMBERS: [i32; 14] = [
        libc::F_DUPFD_CLOEXEC,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_GETOWN,
        libc::F_SETOWN,
        10, // F_SETSIG
        11, // F_GETSIG
        libc::F_GETLEASE,
        libc::F_SETLEASE,
        libc::F_NOTIFY,
        libc::F_GETPIPE_SZ,
        libc::F_SETPIPE_SZ,
        libc::F_GET_SEALS,
        libc::F_ADD_SEALS,
    ];
    match command {
        libc::F_GETFD => Ok(match fds.close_on_exec(fd) {
            Some(flag) => Outcome::ok(i64::from(flag)),
            None => failed(Errno::EBADF),
        }),
        libc::F_SETFD => {
            let flag = argument & i64::from(libc::FD_CLOEXEC) != 0;
            Ok(if fds.set_close_on_exec(fd, flag) {
                Outcome::ok(0)
            } else {
                failed(Errno::EBADF)
            })
        }
        libc::F_DUPFD => fcntl(fd, libc::F_DUPFD_CLOEXEC, argument, fds),
        _ if NUMBERS.contains(&command) => {
            // SAFETY: these commands take a number and write nowhere.
            let result = unsafe { libc::fcntl(fds.live(fd), command, argument) };
            Ok(outcome(result.into()))
        }
        _ => Err(TargetError::Unsupported {
            capability: format!("fcntl:{command}"),
            reason: "its argument is an address, which a script cannot give".into(),
        }),
    }
}
