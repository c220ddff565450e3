//! `getsockopt` and `setsockopt`, with values as bytes.

use super::{outcome, outcome_with};
use crate::call::{Outcome, Output};

/// More than any socket option holds.
const MOST: u32 = 1 << 20;

/// Reads an option into a buffer of `len` bytes; gives what the kernel wrote.
pub(crate) fn get(fd: i32, level: i32, name: i32, len: u32) -> Outcome {
    let mut value = vec![0_u8; len.min(MOST) as usize];
    // A length that is negative as an int is passed on as it is: the kernel refuses it.
    let mut len: libc::socklen_t = if len > i32::MAX as u32 {
        len
    } else {
        len.min(MOST)
    };
    // SAFETY: the kernel writes at most `len` bytes, for which there is room, and never as much
    // as the mebibyte that a length it refuses stands for.
    let result =
        unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &raw mut len) };
    outcome_with(result.into(), |_| {
        value.truncate(len as usize);
        Output::Bytes(value)
    })
}

/// Sets an option to these bytes.
pub(crate) fn set(fd: i32, level: i32, name: i32, value: &[u8]) -> Outcome {
    // SAFETY: the kernel reads as many bytes as the slice has. Options whose value holds an address
    // (filters) make it read there, never write, and fail if nothing is mapped.
    let result = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    outcome(result.into())
}
