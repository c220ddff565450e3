//! The kernel's own count of its ticks.
//!
//! A tick may come late, above all on a virtual machine whose processors sleep. Until it has come, every
//! timer of TCP is set by the count of the one before, a tick too early; and what is counted in ticks comes
//! out one too short. The count shows in a socket.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::clock::{Nanos, monotonic_nanos};
use super::{calls, tick};
use crate::call::Output;

/// Where `struct tcp_info` has `tcpi_last_data_sent`, in milliseconds.
const LAST_DATA_SENT: std::ops::Range<usize> = 44..48;
/// A tick that comes so little after its time is not late.
const PUNCTUAL: Nanos = 200_000;
/// How often the count and the clock are read before they agree about the tick they were read in.
const READINGS: usize = 4;

/// Compares the kernel's count with the clock.
#[derive(Debug)]
pub(super) struct Jiffies {
    /// Has never sent: how long ago that was is the kernel's count itself.
    socket: OwnedFd,
    /// How far the clock was ahead of the count at the beginning, in milliseconds.
    ahead: u32,
}

impl Jiffies {
    /// From now on, which should be well within a tick; `None` where no socket tells.
    pub(super) fn new() -> Option<Jiffies> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).ok()?;
        let ahead = ahead(&socket)?;
        Some(Jiffies { socket, ahead })
    }

    /// Whether a tick is late at this moment.
    pub(super) fn are_late(&self) -> bool {
        let more = |ahead: u32| ahead.wrapping_sub(self.ahead).cast_signed() > 0;
        ahead(&self.socket).is_some_and(more)
    }
}

/// How many milliseconds the clock is ahead of the kernel's count, which began somewhere. `None` where
/// a tick is no whole number of them.
fn ahead(socket: &OwnedFd) -> Option<u32> {
    let now = || tick::around(monotonic_nanos() - PUNCTUAL);
    for _ in 0..READINGS {
        let before = now();
        let counted = counted(socket)?;
        if now() == before {
            let is_whole = before.length.subsec_nanos().is_multiple_of(1_000_000);
            let length = i64::try_from(before.length.as_millis()).ok()?;
            let ticks = before.number.wrapping_mul(length) as u32;
            return is_whole.then(|| ticks.wrapping_sub(counted));
        }
    }
    None
}

/// The count in milliseconds.
fn counted(socket: &OwnedFd) -> Option<u32> {
    let room = u32::try_from(LAST_DATA_SENT.end).ok()?;
    let outcome = calls::options::get(socket.as_raw_fd(), libc::SOL_TCP, libc::TCP_INFO, room);
    let Output::Bytes(bytes) = outcome.output else {
        return None;
    };
    let bytes = bytes.get(LAST_DATA_SENT)?.try_into().ok()?;
    Some(u32::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_the_ticks_that_the_clock_has() {
        let Some(mut jiffies) = Jiffies::new() else {
            return;
        };
        // A tick may be late now, but none is for long.
        let in_time = |jiffies: &Jiffies| {
            (0..1_000).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(1));
                !jiffies.are_late()
            })
        };
        assert!(in_time(&jiffies));
        // Five seconds ahead: a thousand ticks and more are missing.
        jiffies.ahead = jiffies.ahead.wrapping_sub(5_000);
        assert!(jiffies.are_late());
    }
}
