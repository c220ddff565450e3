//! The wire: a TUN device named `tun0`. What is written to it arrives at the stack as received.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::uio::writev;

use super::offload;
use crate::target::TargetError;

/// The name scripts use in `dev tun0`.
pub(super) const NAME: &str = "tun0";

nix::ioctl_write_ptr_bad!(tun_set_iff, libc::TUNSETIFF, libc::ifreq);

/// A TUN device of the network namespace it was opened in. Gone when dropped.
#[derive(Debug)]
pub(super) struct Tun {
    fd: OwnedFd,
    /// Injected TCP packets look joined from segments of this size; each write begins with a header.
    segment_size: Option<u16>,
}

impl Tun {
    /// Makes the device in the calling thread's network namespace.
    ///
    /// The device offers no offloads, so the kernel cuts and checksums every segment before it
    /// gets here. With a segment size every packet that is put in begins with a virtio header.
    pub(super) fn open(segment_size: Option<u16>) -> Result<Tun, TargetError> {
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let fd = open("/dev/net/tun", flags, Mode::empty()).map_err(unavailable)?;
        let mut request = empty_request();
        for (to, from) in request.ifr_name.iter_mut().zip(NAME.bytes()) {
            *to = from as libc::c_char;
        }
        let header = if segment_size.is_some() {
            libc::IFF_VNET_HDR
        } else {
            0
        };
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | header) as libc::c_short;
        // SAFETY: TUNSETIFF reads and writes one `ifreq`, which outlives the call.
        unsafe { tun_set_iff(fd.as_raw_fd(), &request) }.map_err(|errno| {
            TargetError::Unsupported {
                capability: "tun".into(),
                reason: format!("the kernel refuses to make a TUN device ({errno}); it needs CAP_NET_ADMIN in the network namespace"),
            }
        })?;
        Ok(Tun { fd, segment_size })
    }

    /// Puts one IP datagram in front of the stack, which has dealt with it when this returns.
    pub(super) fn write(&self, datagram: &[u8]) -> Result<(), Errno> {
        let header = self
            .segment_size
            .map(|size| offload::segments(datagram, size, None));
        let header = header.as_ref().map_or(&[][..], |header| &header[..]);
        loop {
            let parts = [IoSlice::new(header), IoSlice::new(datagram)];
            match writev(&self.fd, &parts) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Reads the oldest datagram that the stack has sent; [`Errno::EAGAIN`] if there is none.
    pub(super) fn read(&self, datagram: &mut [u8]) -> Result<usize, Errno> {
        loop {
            match nix::unistd::read(&self.fd, datagram) {
                Err(Errno::EINTR) => {}
                other => return other,
            }
        }
    }

    /// Takes at most so many packets that the stack sent off the device's queue; they are had from
    /// [`super::capture`].
    ///
    /// The queue holds 500 packets. Left full, it would hold up the stack's sending.
    pub(super) fn discard_sent(&self, most: usize) {
        // A byte is enough: the device drops the rest of a datagram that does not fit.
        let mut start = [0; 1];
        for _ in 0..most {
            if !matches!(
                nix::unistd::read(&self.fd, &mut start),
                Ok(_) | Err(Errno::EINTR)
            ) {
                break;
            }
        }
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn empty_request() -> libc::ifreq {
    // SAFETY: `ifreq` is plain data for which all zeros is a valid value.
    unsafe { std::mem::zeroed() }
}

fn unavailable(errno: Errno) -> TargetError {
    let todo = match errno {
        Errno::ENOENT => {
            "load the module (`modprobe tun`) or, in a container, pass the device in (`--device /dev/net/tun`)"
        }
        Errno::EACCES | Errno::EPERM => {
            "run as root, or make it accessible (`chmod 0666 /dev/net/tun`, as desktop distributions have it)"
        }
        Errno::ENODEV | Errno::ENXIO => "this kernel has no TUN driver (CONFIG_TUN)",
        _ => "see `tcpdrill doctor`",
    };
    TargetError::Unsupported {
        capability: "tun".into(),
        reason: format!("/dev/net/tun cannot be opened ({errno}): {todo}"),
    }
}
