//! `cap_set`: one capability of the calling thread.

use nix::errno::Errno;

use super::{failed, outcome};
use crate::call::Outcome;

/// `_LINUX_CAPABILITY_VERSION_3`: 64-bit sets in two halves.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Sets or clears one capability in the effective (0), permitted (1) or inheritable (2) set of the
/// calling thread. Numbers are those of the capability library.
pub(super) fn set(set: i32, capability: i32, action: i32) -> Outcome {
    let (Ok(bit), 0..=2, 0..=1) = (u32::try_from(capability), set, action) else {
        return failed(Errno::EINVAL);
    };
    if bit >= 64 {
        return failed(Errno::EINVAL);
    }
    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let mut halves = [Half::default(); 2];
    // SAFETY: for this version the kernel writes two `Half`, for which there is room.
    if unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) } < 0 {
        return outcome(-1);
    }
    let half = &mut halves[(bit / 32) as usize];
    let word = match set {
        0 => &mut half.effective,
        1 => &mut half.permitted,
        _ => &mut half.inheritable,
    };
    let mask = 1 << (bit % 32);
    if action == 1 {
        *word |= mask;
    } else {
        *word &= !mask;
    }
    // SAFETY: the kernel reads one `Header` and two `Half`.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, halves.as_ptr()) };
    #[allow(
        clippy::useless_conversion,
        reason = "c_long is narrower on 32-bit machines"
    )]
    outcome(result.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_capability_is_gone_for_this_thread_only() {
        const CAP_SYS_TIME: i32 = 25;
        let effective = crate::target::linux::privilege::effective_capabilities;
        let before = effective();
        std::thread::spawn(move || {
            assert_eq!(set(0, CAP_SYS_TIME, 0), Outcome::ok(0));
            assert_eq!(effective(), before & !(1 << CAP_SYS_TIME));
        })
        .join()
        .unwrap();
        assert_eq!(effective(), before);
        assert_eq!(set(3, 0, 0), failed(Errno::EINVAL));
        assert_eq!(set(0, 64, 0), failed(Errno::EINVAL));
    }
}
