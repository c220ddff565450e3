//! Calls with NULL where a buffer or value belongs: the kernel's checks of pointers.

use std::ptr;

use nix::errno::Errno;

use super::buffers::{Parts, vector_of};
use super::message::{self, make_null};
use super::{failed, outcome, ready};
use crate::call::{Call, Outcome};
use crate::target::TargetError;
use crate::target::linux::fds::FdTable;

/// Makes `call` with NULL for its buffer, or for those pieces of its vector that stand at `at`.
pub(super) fn perform(call: &Call, at: &[usize], fds: &FdTable) -> Result<Outcome, TargetError> {
    Ok(match call {
        Call::Read { .. } | Call::Recv { .. } | Call::RecvFrom { .. } => receive(call, fds),
        Call::Write { .. } | Call::Send { .. } => send(call, fds),
        Call::SendTo { .. } | Call::SendMsg { .. } => return message::send(call, at, fds),
        Call::Readv { fd, lens } => {
            let mut parts = Parts::new(lens);
            make_null(&mut parts.vector, at);
            let (vector, count) = (parts.vector.as_ptr(), parts.vector.len() as libc::c_int);
            // SAFETY: the vector describes memory of `parts`, or nothing, which the kernel refuses.
            outcome(unsafe { libc::readv(fds.live(*fd), vector, count) } as i64)
        }
        Call::Writev { fd, data } => {
            let mut vector = vector_of(data);
            make_null(&mut vector, at);
            let count = vector.len() as libc::c_int;
            // SAFETY: as above, and the kernel only reads.
            outcome(unsafe { libc::writev(fds.live(*fd), vector.as_ptr(), count) } as i64)
        }
        Call::RecvMsg {
            fd,
            lens,
            flags,
            control_len,
        } => {
            let mut parts = Parts::new(lens);
            make_null(&mut parts.vector, at);
            message::receive(fds.live(*fd), &mut parts, *flags, *control_len)
        }
        Call::EpollCtl {
            epoll,
            operation,
            fd,
            ..
        } => ready::epoll_ctl(fds.live(*epoll), *operation, fds.live(*fd), ptr::null_mut()),
        _ => option(call, fds),
    })
}

fn receive(call: &Call, fds: &FdTable) -> Outcome {
    let none = ptr::null_mut();
    // SAFETY: the kernel refuses to write to a null pointer.
    let result = unsafe {
        match call {
            Call::Read { fd, len } => libc::read(fds.live(*fd), none, *len),
            Call::Recv { fd, len, flags } => libc::recv(fds.live(*fd), none, *len, *flags),
            Call::RecvFrom { fd, len, flags } => libc::recvfrom(
                fds.live(*fd),
                none,
                *len,
                *flags,
                ptr::null_mut(),
                ptr::null_mut(),
            ),
            _ => return failed(Errno::ENOSYS),
        }
    };
    outcome(result as i64)
}

fn send(call: &Call, fds: &FdTable) -> Outcome {
    let none = ptr::null();
    // SAFETY: the kernel refuses to read from a null pointer.
    let result = unsafe {
        match call {
            Call::Write { fd, data } => libc::write(fds.live(*fd), none, data.len()),
            Call::Send { fd, data, flags } => libc::send(fds.live(*fd), none, data.len(), *flags),
            _ => return failed(Errno::ENOSYS),
        }
    };
    outcome(result as i64)
}

fn option(call: &Call, fds: &FdTable) -> Outcome {
    // SAFETY: the kernel refuses a null pointer, or takes it for "no value" where an option says so;
    // the length is on this frame.
    let result = unsafe {
        match call {
            Call::SetSockOpt {
                fd,
                level,
                name,
                value,
            } => libc::setsockopt(
                fds.live(*fd),
                *level,
                *name,
                ptr::null(),
                value.len() as libc::socklen_t,
            ),
            Call::GetSockOpt {
                fd,
                level,
                name,
                len,
            } => {
                let mut len: libc::socklen_t = *len;
                libc::getsockopt(fds.live(*fd), *level, *name, ptr::null_mut(), &raw mut len)
            }
            _ => return failed(Errno::ENOSYS),
        }
    };
    outcome(result.into())
}
