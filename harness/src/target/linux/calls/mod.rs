//! The calls of a script as real system calls.
//!
//! Everything here runs on a thread in the case's namespace. Arguments are passed on as they are,
//! right or wrong: judging them is the kernel's business.

mod address;
mod buffers;
mod capability;
mod options;

pub(super) use address::peer;
pub(super) use options::set as set_option;

use std::ffi::CString;
use std::ptr;

use nix::errno::Errno;

use super::fds::FdTable;
use crate::call::{Call, Errno as CallErrno, Fd, Outcome, Output, PollEntry};
use crate::target::TargetError;

/// More than any socket holds: a script may name any length, but only this much is set aside.
const MAX_BUFFER: usize = 64 << 20;

/// More than any ioctl on a socket writes through its argument, which scripts give as one `int`.
const IOCTL_WORDS: usize = 1024;

/// Makes a call and gives what came of it. `fds` learns the descriptors it makes or closes.
///
/// # Errors
/// [`TargetError::Unsupported`] for what cannot be done safely in this process.
pub(super) fn perform(call: &Call, fds: &FdTable) -> Result<Outcome, TargetError> {
    match call {
        Call::Socket { .. }
        | Call::Accept { .. }
        | Call::EpollCreate { .. }
        | Call::Pipe
        | Call::Open { .. }
        | Call::Close { .. }
        | Call::Fcntl { .. } => descriptor_call(call, fds),
        Call::Bind { .. } | Call::Connect { .. } | Call::Listen { .. } | Call::Shutdown { .. } => {
            address::perform(call, fds)
        }
        Call::Read { .. }
        | Call::Readv { .. }
        | Call::Recv { .. }
        | Call::RecvFrom { .. }
        | Call::RecvMsg { .. }
        | Call::Write { .. }
        | Call::Writev { .. }
        | Call::Send { .. }
        | Call::SendTo { .. }
        | Call::SendMsg { .. }
        | Call::Splice { .. }
        | Call::SendFile { .. } => buffers::perform(call, fds),
        Call::GetSockOpt {
            fd,
            level,
            name,
            len,
        } => Ok(options::get(fds.live(*fd), *level, *name, *len)),
        Call::SetSockOpt {
            fd,
            level,
            name,
            value,
        } => Ok(options::set(fds.live(*fd), *level, *name, value)),
        Call::Ioctl {
            fd,
            request,
            argument,
        } => Ok(ioctl(fds.live(*fd), *request, *argument)),
        Call::Poll {
            entries,
            timeout_ms,
        } => Ok(poll(entries, *timeout_ms, fds)),
        Call::EpollCtl {
            epoll,
            operation,
            fd,
            events,
            data,
        } => Ok(epoll_ctl(
            fds.live(*epoll),
            *operation,
            fds.live(*fd),
            *events,
            *data,
        )),
        Call::EpollWait {
            epoll,
            max_events,
            timeout_ms,
        } => Ok(epoll_wait(fds.live(*epoll), *max_events, *timeout_ms)),
        Call::CapSet {
            set,
            capability,
            action,
        } => Ok(capability::set(*set, *capability, *action)),
    }
}

/// The outcome of a call that returned `result` just now: errno is the calling thread's.
fn outcome(result: i64) -> Outcome {
    if result < 0 {
        Outcome::failed(CallErrno(Errno::last_raw()))
    } else {
        Outcome::ok(result)
    }
}

/// The outcome of a call that fails without asking the kernel.
fn failed(errno: Errno) -> Outcome {
    Outcome::failed(CallErrno(errno as i32))
}

/// `outcome`, with what `output` makes of a result that is not an error.
fn outcome_with(result: i64, output: impl FnOnce(usize) -> Output) -> Outcome {
    match usize::try_from(result) {
        Ok(len) => Outcome::with(result, output(len)),
        Err(_) => outcome(result),
    }
}

/// Calls that make, close or describe descriptors.
///
/// Each is made with close-on-exec: another case may be starting a process right now, and a copy
/// of a socket in it would keep the connection open after this case's `close`.
fn descriptor_call(call: &Call, fds: &FdTable) -> Result<Outcome, TargetError> {
    // SAFETY: every call here takes numbers, a null pointer or a NUL-terminated string that
    // outlives it, and writes nowhere (`pipe2` apart, see there).
    let outcome = unsafe {
        match call {
            Call::Socket {
                domain,
                kind,
                protocol,
            } => outcome(libc::socket(*domain, *kind | libc::SOCK_CLOEXEC, *protocol).into()),
            Call::Accept { fd, flags } => outcome(
                libc::accept4(
                    fds.live(*fd),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    flags.unwrap_or(0) | libc::SOCK_CLOEXEC,
                )
                .into(),
            ),
            // epoll_create refuses sizes below 1, epoll_create1 has none.
            Call::EpollCreate { size } if *size <= 0 => failed(Errno::EINVAL),
            Call::EpollCreate { .. } => outcome(libc::epoll_create1(libc::EPOLL_CLOEXEC).into()),
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
        Call::Fcntl { command, .. } if *command == libc::F_DUPFD => false,
        Call::Fcntl { command, .. } if *command == libc::F_DUPFD_CLOEXEC => true,
        _ => return,
    };
    fds.add(number, close_on_exec);
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

fn ioctl(fd: i32, request: u64, argument: Option<i32>) -> Outcome {
    let mut words = [0_i32; IOCTL_WORDS];
    words[0] = argument.unwrap_or(0);
    let pointer = match argument {
        Some(_) => words.as_mut_ptr(),
        None => ptr::null_mut(),
    };
    // SAFETY: the kernel reads and writes through a null pointer (which fails) or at the start of
    // 4 KiB of zeros, more than any request on the kinds of file a script can open uses; nested
    // pointers in there are null.
    let result = unsafe { libc::ioctl(fd, request as _, pointer) };
    outcome_with(result.into(), |_| match argument {
        Some(_) => Output::Int(words[0]),
        None => Output::None,
    })
}

fn poll(entries: &[PollEntry], timeout_ms: i32, fds: &FdTable) -> Outcome {
    let mut list: Vec<libc::pollfd> = entries
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
        .collect();
    // SAFETY: the kernel reads and writes as many entries as the list has.
    let result = unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, timeout_ms) };
    outcome_with(result.into(), |_| {
        Output::Poll(list.iter().map(|entry| entry.revents).collect())
    })
}

fn epoll_ctl(epoll: i32, operation: i32, fd: i32, events: u32, data: u64) -> Outcome {
    let mut event = libc::epoll_event { events, u64: data };
    // SAFETY: the kernel reads one `epoll_event`.
    outcome(unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) }.into())
}

fn epoll_wait(epoll: i32, max_events: i32, timeout_ms: i32) -> Outcome {
    const MOST: i32 = 4096;
    let room = max_events.clamp(0, MOST);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; room as usize];
    // SAFETY: the kernel writes at most as many events as there is room for; a count that is not
    // positive makes it fail before writing.
    let result =
        unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), max_events.min(MOST), timeout_ms) };
    outcome_with(result.into(), |len| {
        let seen = events.iter().take(len);
        Output::Epoll(seen.map(|event| (event.events, event.u64)).collect())
    })
}
