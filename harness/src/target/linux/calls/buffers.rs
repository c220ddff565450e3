//! Calls that move bytes.

use std::ptr;

use nix::errno::Errno;

use super::address::RawAddress;
use super::{MAX_BUFFER, failed, outcome, outcome_with};
use crate::call::{Address, Call, ControlMessage, Fd, Outcome, Output};
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
        Call::SendTo {
            fd,
            data,
            flags,
            address,
        } => send_message(*fd, vec![data.clone()], *flags, Some(address), fds),
        Call::SendMsg {
            fd,
            data,
            flags,
            address,
        } => send_message(*fd, data.clone(), *flags, address.as_ref(), fds),
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
        Call::Recv { fd, len, flags } | Call::RecvFrom { fd, len, flags } => {
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
        } => receive_message(fds.live(*fd), lens, *flags, *control_len),
        _ => failed(Errno::ENOSYS),
    }
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

fn send_message(
    fd: Fd,
    data: Vec<Vec<u8>>,
    flags: i32,
    address: Option<&Address>,
    fds: &FdTable,
) -> Result<Outcome, TargetError> {
    let number = fds.live(fd);
    let address = address
        .map(|address| RawAddress::for_socket(number, address))
        .transpose()?;
    let mut vector = vector_of(&data);
    let mut header = empty_header();
    if let Some(address) = &address {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = address.len();
    }
    header.msg_iov = vector.as_mut_ptr();
    header.msg_iovlen = vector.len() as _;
    // SAFETY: the header points at an address and a vector on this frame, which describe memory
    // that outlives the call (and stays, see `pin_if_needed`, with MSG_ZEROCOPY).
    let result = unsafe { libc::sendmsg(number, &raw const header, flags) };
    let outcome = outcome(result as i64);
    pin_if_needed(flags, data, fds);
    Ok(outcome)
}

fn receive_message(fd: i32, lens: &[usize], flags: i32, control_len: usize) -> Outcome {
    let mut parts = Parts::new(lens);
    // Control messages are aligned like a `usize`.
    let control_len = control_len.min(MAX_BUFFER);
    let mut control = vec![0_usize; control_len.div_ceil(size_of::<usize>())];
    let mut header = empty_header();
    header.msg_iov = parts.vector.as_mut_ptr();
    header.msg_iovlen = parts.vector.len() as _;
    if control_len > 0 {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control_len as _;
    }
    // SAFETY: the header points at memory of `parts` and `control`, of the lengths it says.
    let result = unsafe { libc::recvmsg(fd, &raw mut header, flags) };
    outcome_with(result as i64, |len| Output::Message {
        data: parts.take(len),
        flags: header.msg_flags,
        // SAFETY: the kernel has filled in the header and the control messages it points at.
        control: unsafe { control_messages(&header) },
    })
}

/// # Safety
/// `header` must have been filled in by a successful `recvmsg` and its control buffer be alive.
unsafe fn control_messages(header: &libc::msghdr) -> Vec<ControlMessage> {
    let mut messages = Vec::new();
    // SAFETY: the CMSG macros walk the control buffer within the length the kernel set; each
    // message has `cmsg_len` bytes, data included.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = at.as_ref() {
            let len = usize::saturating_sub(message.cmsg_len as _, libc::CMSG_LEN(0) as usize);
            messages.push(ControlMessage {
                level: message.cmsg_level,
                kind: message.cmsg_type,
                data: std::slice::from_raw_parts(libc::CMSG_DATA(at), len).to_vec(),
            });
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    messages
}

/// Buffers to be filled, and the vector that describes them to the kernel.
struct Parts {
    buffers: Vec<Vec<u8>>,
    vector: Vec<libc::iovec>,
}

impl Parts {
    fn new(lens: &[usize]) -> Parts {
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
    fn take(&mut self, len: usize) -> Vec<u8> {
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

fn vector_of(data: &[Vec<u8>]) -> Vec<libc::iovec> {
    data.iter()
        .map(|part| libc::iovec {
            iov_base: part.as_ptr().cast_mut().cast(),
            iov_len: part.len(),
        })
        .collect()
}

fn empty_header() -> libc::msghdr {
    // SAFETY: all zeros is a valid `msghdr`: no address, no buffers, no control.
    unsafe { std::mem::zeroed() }
}

fn pin_if_needed(flags: i32, data: Vec<Vec<u8>>, fds: &FdTable) {
    if flags & libc::MSG_ZEROCOPY != 0 {
        for buffer in data {
            fds.pin(buffer);
        }
    }
}
