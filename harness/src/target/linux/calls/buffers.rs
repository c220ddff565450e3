//! Calls that move bytes.

use std::ptr;

use nix::errno::Errno;

use super::address::AddressRoom;
use super::{MAX_BUFFER, failed, message, outcome, outcome_with};
use crate::call::{Call, Outcome, Output};
use crate::target::TargetError;
use crate::target::linux::fds::FdTable;

/// Everything from `read` to `sendfile`.
///
/// What a call with MSG_TRUNC on a TCP socket skips is not written by the kernel: those bytes of
/// the output are zero.
pub(super) fn perform(call: &Call, fds: &FdTable) -> Result<Outcome, TargetError> {
    match call {
        Call::Read { .. }
        | Call::Readv { .. }
        | Call::Recv { .. }
        | Call::RecvFrom { .. }
        | Call::RecvMsg { .. } => Ok(receive(call, fds)),
        Call::SendTo { .. } | Call::SendMsg { .. } => message::send(call, &[], fds),
        _ => Ok(send(call, fds)),
    }
}

fn receive(call: &Call, fds: &FdTable) -> Outcome {
    match call {
        Call::Read { fd, len } => {
            let mut buffer = buffer(*len);
            // SAFETY: the kernel writes at most as many bytes as the buffer has.
            let result =
                unsafe { libc::read(fds.live(*fd), buffer.as_mut_ptr().cast(), buffer.len()) };
            bytes(result, buffer)
        }
        Call::RecvFrom { fd, len, flags } => receive_from(fds.live(*fd), *len, *flags),
        Call::Recv { fd, len, flags } => {
            let mut buffer = buffer(*len);
            // SAFETY: the kernel writes at most as many bytes as the buffer has.
            let result = unsafe {
                libc::recv(
                    fds.live(*fd),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    *flags,
                )
            };
            bytes(result, buffer)
        }
        Call::Readv { fd, lens } => {
            let mut parts = Parts::new(lens);
            // SAFETY: the vector describes memory of `parts`, which outlives the call.
            let result = unsafe {
                libc::readv(
                    fds.live(*fd),
                    parts.vector.as_ptr(),
                    parts.vector.len() as libc::c_int,
                )
            };
            outcome_with(result as i64, |len| Output::Bytes(parts.take(len)))
        }
        Call::RecvMsg {
            fd,
            lens,
            flags,
            control_len,
        } => message::receive(fds.live(*fd), &mut Parts::new(lens), *flags, *control_len),
        _ => failed(Errno::ENOSYS),
    }
}

fn receive_from(fd: i32, len: usize, flags: i32) -> Outcome {
    let mut data = buffer(len);
    let mut peer = AddressRoom::new();
    let (address, address_len) = peer.as_mut_ptrs();
    // SAFETY: the kernel writes at most as many bytes as the buffer has, and as much of the address
    // as there is room for.
    let result = unsafe {
        libc::recvfrom(
            fd,
            data.as_mut_ptr().cast(),
            data.len(),
            flags,
            address,
            address_len,
        )
    };
    outcome_with(result as i64, |len| {
        data.truncate(len);
        Output::Received {
            data,
            address: peer.address(),
        }
    })
}

fn send(call: &Call, fds: &FdTable) -> Outcome {
    match call {
        Call::Write { fd, data } => {
            // SAFETY: the kernel reads as many bytes as the slice has.
            let result = unsafe { libc::write(fds.live(*fd), data.as_ptr().cast(), data.len()) };
            outcome(result as i64)
        }
        Call::Send { fd, data, flags } => {
            let buffer = data.clone();
            // SAFETY: the kernel reads as many bytes as the slice has; with MSG_ZEROCOPY it may do
            // so after the call, and `pin_if_needed` keeps the buffer for that.
            let result =
                unsafe { libc::send(fds.live(*fd), buffer.as_ptr().cast(), buffer.len(), *flags) };
            let outcome = outcome(result as i64);
            pin_if_needed(*flags, vec![buffer], fds);
            outcome
        }
        Call::Writev { fd, data } => {
            let vector = vector_of(data);
            // SAFETY: the vector describes memory of `data`, which the kernel only reads.
            let result = unsafe {
                libc::writev(fds.live(*fd), vector.as_ptr(), vector.len() as libc::c_int)
            };
            outcome(result as i64)
        }
        Call::Splice {
            input,
            output,
            len,
            flags,
        } => {
            // SAFETY: null offsets; the rest are numbers.
            let result = unsafe {
                libc::splice(
                    fds.live(*input),
                    ptr::null_mut(),
                    fds.live(*output),
                    ptr::null_mut(),
                    *len,
                    *flags,
                )
            };
            outcome(result as i64)
        }
        Call::SendFile {
            output,
            input,
            offset,
            len,
        } => {
            let mut offset = *offset as libc::off_t;
            // SAFETY: the kernel reads and writes one `off_t`.
            let result = unsafe {
                libc::sendfile(fds.live(*output), fds.live(*input), &raw mut offset, *len)
            };
            outcome(result as i64)
        }
        _ => failed(Errno::ENOSYS),
    }
}

/// Buffers to be filled, and the vector that describes them to the kernel.
pub(super) struct Parts {
    buffers: Vec<Vec<u8>>,
    pub(super) vector: Vec<libc::iovec>,
}

impl Parts {
    pub(super) fn new(lens: &[usize]) -> Parts {
        let mut buffers: Vec<Vec<u8>> = lens.iter().map(|len| buffer(*len)).collect();
        let vector = buffers
            .iter_mut()
            .map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: buffer.len(),
            })
            .collect();
        Parts { buffers, vector }
    }

    /// The first `len` bytes, in order.
    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.buffers).concat();
        all.truncate(len);
        all
    }
}

fn buffer(len: usize) -> Vec<u8> {
    vec![0; len.min(MAX_BUFFER)]
}

fn bytes(result: isize, mut buffer: Vec<u8>) -> Outcome {
    outcome_with(result as i64, |len| {
        buffer.truncate(len);
        Output::Bytes(buffer)
    })
}

pub(super) fn vector_of(data: &[Vec<u8>]) -> Vec<libc::iovec> {
    data.iter()
        .map(|part| libc::iovec {
            iov_base: part.as_ptr().cast_mut().cast(),
            iov_len: part.len(),
        })
        .collect()
}

pub(super) fn pin_if_needed(flags: i32, data: Vec<Vec<u8>>, fds: &FdTable) {
    if flags & libc::MSG_ZEROCOPY != 0 {
        for buffer in data {
            fds.pin(buffer);
        }
    }
}
