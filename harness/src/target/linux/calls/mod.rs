//! The calls of a script as real system calls.
//!
//! Everything here runs on a thread in the case's namespace. Arguments are passed on as they are,
//! right or wrong: judging them is the kernel's business.

mod address;
mod buffers;
mod capability;
mod descriptor;
mod message;
mod nature;
mod nulls;
pub(super) mod options;
mod ready;

pub(super) use address::peer;
pub(super) use message::in_case_time;
pub(in crate::target) use message::move_stamps;
pub(super) use nature::{Nature, is_on_descriptors, nature};
pub(super) use options::{get as get_option, set as set_option};

use std::ptr;

use nix::errno::Errno;

use super::fds::FdTable;
use crate::call::{Call, Errno as CallErrno, Outcome, Output};
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
        | Call::EpollCreate1 { .. }
        | Call::EventFd { .. }
        | Call::Pipe
        | Call::Open { .. }
        | Call::Close { .. }
        | Call::Dup { .. }
        | Call::Fcntl { .. } => descriptor::perform(call, fds),
        Call::Bind { .. }
        | Call::Connect { .. }
        | Call::Listen { .. }
        | Call::Shutdown { .. }
        | Call::GetName { .. } => address::perform(call, fds),
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
        Call::Poll { .. }
        | Call::Ppoll { .. }
        | Call::Select { .. }
        | Call::EpollCtl { .. }
        | Call::EpollWait { .. }
        | Call::EpollPwait { .. } => Ok(ready::perform(call, fds)),
        Call::GetSockOpt { .. }
        | Call::SetSockOpt { .. }
        | Call::TcpInfo { .. }
        | Call::Ioctl { .. }
        | Call::CapSet { .. } => setting(call, fds),
        Call::WithNull { call, at } => nulls::perform(call, at, fds),
        Call::SigAction { .. } | Call::TgKill { .. } => Err(TargetError::Machine(
            "a signal is the session's business, not a thread's".into(),
        )),
    }
}

/// Calls on settings of a socket or of the thread.
fn setting(call: &Call, fds: &FdTable) -> Result<Outcome, TargetError> {
    Ok(match call {
        Call::GetSockOpt {
            fd,
            level,
            name,
            len,
        } => options::get(fds.live(*fd), *level, *name, *len),
        Call::SetSockOpt {
            fd,
            level,
            name,
            value,
        } => options::set(fds.live(*fd), *level, *name, value),
        // An empty buffer shows whether there is TCP_INFO to be had, and why not.
        Call::TcpInfo { fd } => match options::get(fds.live(*fd), libc::SOL_TCP, libc::TCP_INFO, 0)
        {
            failed @ Outcome { errno: Some(_), .. } => failed,
            _ => Outcome::with(0, Output::Members(super::info::snapshot(*fd, fds)?)),
        },
        Call::Ioctl {
            fd,
            request,
            argument,
        } => ioctl(fds.live(*fd), *request, *argument),
        Call::CapSet {
            set,
            capability,
            action,
        } => capability::set(*set, *capability, *action),
        _ => failed(Errno::ENOSYS),
    })
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
