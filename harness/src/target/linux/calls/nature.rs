//! What a call may do besides what it is made for.

use super::options;
use crate::call::{Call, Fd, Output};
use crate::target::linux::fds::FdTable;

/// `TCP_ZEROCOPY_RECEIVE`, which takes what has arrived and may open the window.
const ZEROCOPY_RECEIVE: i32 = 35;

/// Of a call that waits for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::target::linux) enum Nature {
    /// It has the stack send nothing, and takes no time.
    Silent,
    /// It may have the stack send something.
    Prompt,
}

/// What is known of a call before it is made; `None` if it may wait, or concerns the thread that makes it.
pub(in crate::target::linux) fn nature(call: &Call, fds: &FdTable) -> Option<Nature> {
    match call {
        Call::Socket { .. }
        | Call::Bind { .. }
        | Call::Listen { .. }
        | Call::GetName { .. }
        | Call::TcpInfo { .. }
        | Call::Dup { to: None, .. }
        | Call::EpollCreate { .. }
        | Call::EpollCreate1 { .. }
        | Call::EpollCtl { .. }
        | Call::EventFd { .. }
        | Call::Poll { timeout_ms: 0, .. }
        | Call::EpollWait { timeout_ms: 0, .. } => Some(Nature::Silent),
        Call::Fcntl { command, .. } => {
            // Others wait for locks.
            const FLAGS: [i32; 4] = [libc::F_GETFL, libc::F_SETFL, libc::F_GETFD, libc::F_SETFD];
            FLAGS.contains(command).then_some(Nature::Silent)
        }
        Call::GetSockOpt { name, .. } if *name != ZEROCOPY_RECEIVE => Some(Nature::Silent),
        Call::GetSockOpt { .. }
        | Call::SetSockOpt { .. }
        | Call::Ioctl { .. }
        | Call::Shutdown { .. } => Some(Nature::Prompt),
        Call::Close { fd } => (!lingers(fds.live(*fd))).then_some(Nature::Prompt),
        Call::Accept { fd, .. } => {
            let fd = fds.live(*fd);
            (never_waits(fd) || is_readable(fd)).then_some(Nature::Silent)
        }
        _ => moves_bytes_at_once(call, fds).then_some(Nature::Prompt),
    }
}

/// Whether it is the same in whatever namespace the thread is that makes it: all that it is about it has by its
/// descriptors.
pub(in crate::target::linux) fn is_on_descriptors(call: &Call) -> bool {
    !matches!(
        call,
        Call::Socket { .. } | Call::Open { .. } | Call::CapSet { .. } | Call::WithNull { .. }
    )
}

/// Whether this is a call that moves bytes, or connects, and does not wait for that.
fn moves_bytes_at_once(call: &Call, fds: &FdTable) -> bool {
    let (fd, flags, reads): (&Fd, i32, bool) = match call {
        Call::Read { fd, .. } | Call::Readv { fd, .. } => (fd, 0, true),
        Call::Recv { fd, flags, .. }
        | Call::RecvFrom { fd, flags, .. }
        | Call::RecvMsg { fd, flags, .. } => (fd, *flags, true),
        Call::Connect { fd, .. } | Call::Write { fd, .. } | Call::Writev { fd, .. } => {
            (fd, 0, false)
        }
        Call::Send { fd, flags, .. }
        | Call::SendTo { fd, flags, .. }
        | Call::SendMsg { fd, flags, .. } => (fd, *flags, false),
        _ => return false,
    };
    let fd = fds.live(*fd);
    let is_enough = reads && flags & libc::MSG_WAITALL == 0;
    flags & libc::MSG_DONTWAIT != 0 || never_waits(fd) || (is_enough && is_readable(fd))
}

/// Whether the descriptor says EAGAIN instead of waiting (O_NONBLOCK).
fn never_waits(fd: i32) -> bool {
    // SAFETY: the command takes no argument and writes nowhere.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_NONBLOCK != 0
}

/// Whether there is something to be had, be it an error.
fn is_readable(fd: i32) -> bool {
    let mut entry = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the call reads and writes this one entry, and does not wait.
    let ready = unsafe { libc::poll(&raw mut entry, 1, 0) };
    ready == 1 && entry.revents & libc::POLLIN != 0
}

/// Whether its end may be waited for (SO_LINGER with a time).
fn lingers(fd: i32) -> bool {
    let len = size_of::<libc::linger>() as u32;
    match options::get(fd, libc::SOL_SOCKET, libc::SO_LINGER, len).output {
        Output::Bytes(bytes) => bytes.iter().any(|byte| *byte != 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::linux::calls::perform;

    fn made(call: &Call, fds: &FdTable) -> Fd {
        let outcome = perform(call, fds).unwrap();
        Fd(i32::try_from(outcome.result).unwrap())
    }

    fn socket(kind: i32, fds: &FdTable) -> Fd {
        let call = Call::Socket {
            domain: libc::AF_INET,
            kind,
            protocol: 0,
        };
        made(&call, fds)
    }

    #[test]
    fn who_may_wait_is_known_by_the_descriptor_and_by_the_flags() {
        let fds = FdTable::default();
        let waiting = socket(libc::SOCK_DGRAM, &fds);
        let never = socket(libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, &fds);
        let read = |fd| Call::Read { fd, len: 1 };
        assert_eq!(nature(&read(waiting), &fds), None);
        assert_eq!(nature(&read(never), &fds), Some(Nature::Prompt));
        let receive = |flags| Call::Recv {
            fd: waiting,
            len: 1,
            flags,
        };
        assert_eq!(nature(&receive(0), &fds), None);
        let asked = nature(&receive(libc::MSG_DONTWAIT), &fds);
        assert_eq!(asked, Some(Nature::Prompt));
        fds.take_all().into_iter().for_each(close);
    }

    #[test]
    fn what_is_there_is_not_waited_for() {
        let fds = FdTable::default();
        let event = |initial| Call::EventFd { initial, flags: 0 };
        let (empty, full) = (made(&event(0), &fds), made(&event(1), &fds));
        let read = |fd| Call::Read { fd, len: 8 };
        assert_eq!(nature(&read(empty), &fds), None);
        assert_eq!(nature(&read(full), &fds), Some(Nature::Prompt));
        fds.take_all().into_iter().for_each(close);
    }

    #[test]
    fn whoever_lingers_may_wait_at_the_end() {
        let fds = FdTable::default();
        let fd = socket(libc::SOCK_STREAM, &fds);
        assert_eq!(nature(&Call::Close { fd }, &fds), Some(Nature::Prompt));
        let value = [1_i32.to_ne_bytes(), 5_i32.to_ne_bytes()].concat();
        options::set(fd.0, libc::SOL_SOCKET, libc::SO_LINGER, &value);
        assert_eq!(nature(&Call::Close { fd }, &fds), None);
        fds.take_all().into_iter().for_each(close);
    }

    fn close(fd: i32) {
        nix::unistd::close(fd).unwrap();
    }
}
