//! What the stack sends: a packet socket on `tun0` whose packets carry the kernel's time stamps.
//!
//! Bytes and stamp come together from here, so that no packet has to be matched with its stamp.
//! The kernel hands a packet to this socket after cutting and checksumming it, just before the
//! device gets it: these are the bytes on the wire.

use std::cell::Cell;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, MultiHeaders, MultiResults, SockFlag, SockType,
    recvmmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use super::clock::Clock;
use super::packet_socket::{self, BUFFER_BYTES, Instruction};
use crate::target::{Observed, TargetError};

/// `SKF_AD_OFF + SKF_AD_PKTTYPE`: where a socket filter finds the packet's direction.
const FILTER_PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE) as u32;

/// Lets only packets on their way out into the socket.
const OUTGOING_ONLY: [Instruction; 4] = [
    (
        (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16,
        0,
        0,
        FILTER_PACKET_TYPE,
    ),
    (
        (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        0,
        1,
        libc::PACKET_OUTGOING as u32,
    ),
    ((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, u32::MAX),
    ((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0),
];

/// A packet socket that sees what leaves an interface.
#[derive(Debug)]
pub(super) struct Capture {
    fd: OwnedFd,
    /// Room for [`Capture::MOST`] packets.
    buffers: Vec<u8>,
}

/// More than any packet has bytes.
const LONGEST: usize = 1 << 16;

thread_local! {
    /// The room of the case before.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Drop for Capture {
    fn drop(&mut self) {
        SPARE.set(std::mem::take(&mut self.buffers));
    }
}

impl Capture {
    /// Listens on the interface `index` of the calling thread's network namespace.
    pub(super) fn open(index: u32) -> Result<Capture, TargetError> {
        let failed = |what: &str, errno: Errno| {
            TargetError::Machine(format!(
                "the packet socket on tun0 cannot be set up: {what}: {errno}"
            ))
        };
        // Protocol 0 hears nothing until it is bound, so that no packet comes before the filter.
        // A datagram socket leaves out the header of an Ethernet link.
        let fd = socket(
            AddressFamily::Packet,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )
        .map_err(|errno| failed("socket", errno))?;
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)
            .map_err(|errno| failed("SO_TIMESTAMPNS", errno))?;
        if setsockopt(&fd, sockopt::RcvBufForce, &BUFFER_BYTES).is_err() {
            // Older kernels allow this to root only; what the machine grants has to do.
            let _ = setsockopt(&fd, sockopt::RcvBuf, &BUFFER_BYTES);
        }
        packet_socket::attach(&fd, &OUTGOING_ONLY).map_err(|errno| failed("filter", errno))?;
        packet_socket::bind(&fd, index).map_err(|errno| failed("bind", errno))?;
        let buffers = match SPARE.take() {
            // Of memory that nobody has touched yet.
            none if none.is_empty() => vec![0; Capture::MOST * LONGEST],
            spare => spare,
        };
        Ok(Capture { fd, buffers })
    }

    /// How many packets are taken at once.
    pub(super) const MOST: usize = 8;

    /// Gives what packets are waiting, up to [`Capture::MOST`], to `give`, and says how many there were. The kernel's own IPv6
    /// and multicast housekeeping is counted, but not given.
    pub(super) fn take(
        &mut self,
        clock: Clock,
        give: impl FnMut(Observed),
    ) -> Result<usize, TargetError> {
        let fd = self.fd.as_raw_fd();
        loop {
            // Made anew each time: the kernel writes into them what was used, which is all there were the next time.
            let mut headers =
                MultiHeaders::<()>::preallocate(Capture::MOST, Some(nix::cmsg_space!(TimeSpec)));
            let buffers = self.buffers.chunks_exact_mut(LONGEST);
            let mut parts: Vec<_> = buffers.map(|one| [IoSliceMut::new(one)]).collect();
            let flags = MsgFlags::MSG_DONTWAIT;
            let error = match recvmmsg(fd, &mut headers, parts.iter_mut(), flags, None) {
                Ok(messages) => return handed_over(messages, clock, give),
                Err(errno) => errno,
            };
            match error {
                Errno::EAGAIN => return Ok(0),
                // The interface was taken down by the script; nothing is lost by that.
                Errno::EINTR | Errno::ENETDOWN => {}
                errno => {
                    return Err(TargetError::Machine(format!(
                        "reading the packet socket on tun0 failed: {errno}"
                    )));
                }
            }
        }
    }

    /// How many packets were lost since the last time because nobody read them in time.
    pub(super) fn lost(&self) -> u32 {
        packet_socket::lost(&self.fd)
    }
}

/// Gives what the messages hold to `give`, and says how many there were.
fn handed_over(
    messages: MultiResults<'_, ()>,
    clock: Clock,
    mut give: impl FnMut(Observed),
) -> Result<usize, TargetError> {
    let mut taken = 0;
    for message in messages {
        taken += 1;
        let bytes = message.iovs().next().unwrap_or_default();
        if is_housekeeping(bytes) {
            continue;
        }
        let mut controls = message.cmsgs().into_iter().flatten();
        let stamp = controls.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
            _ => None,
        });
        let Some(stamp) = stamp else {
            return Err(TargetError::Machine(
                "the kernel gave a packet without a time stamp".into(),
            ));
        };
        give(Observed {
            at: clock.time_of_stamp(stamp),
            bytes: bytes.to_vec(),
        });
    }
    Ok(taken)
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether a datagram is neighbour discovery, router solicitation or multicast membership:
/// what an interface says by itself, which no script asks for.
fn is_housekeeping(datagram: &[u8]) -> bool {
    const IGMP: u8 = 2;
    const HOP_BY_HOP: u8 = 0;
    const ICMPV6: u8 = 58;
    let byte = |at: usize| datagram.get(at).copied().unwrap_or(0);
    match byte(0) >> 4 {
        4 => byte(9) == IGMP,
        6 => match byte(6) {
            ICMPV6 => matches!(byte(40), 130..=137 | 143),
            HOP_BY_HOP => byte(40) == ICMPV6 && matches!(byte(48), 130..=132 | 143),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[0] = 0x60;
        bytes[6] = next_header;
        bytes.extend_from_slice(payload);
        bytes
    }

    #[rstest]
    #[case::tcp(ipv6(6, &[133]), false)]
    #[case::router_solicitation(ipv6(58, &[133]), true)]
    #[case::membership_report(ipv6(0, &[58, 0, 5, 2, 0, 0, 1, 0, 143]), true)]
    #[case::unreachable(ipv6(58, &[1]), false)]
    #[case::cut_short(vec![0x60], false)]
    #[case::empty(vec![], false)]
    fn only_what_the_interface_says_by_itself_is_left_out(
        #[case] datagram: Vec<u8>,
        #[case] left_out: bool,
    ) {
        assert_eq!(is_housekeeping(&datagram), left_out);
    }
}
