//! Ending every TCP connection of a namespace through the kernel's socket diagnosis.
//!
//! `SOCK_DESTROY` (sock_diag(7), Linux 4.5, CONFIG_INET_DIAG_DESTROY) resets a connection whatever
//! its state: orphans that wait for an acknowledgement, TIME-WAIT and half-open ones too. It needs
//! CAP_NET_ADMIN in the namespace, which a case has. Kernels without it refuse.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

pub(super) const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
/// Every state, listening and half-open ones included.
const ALL_STATES: u32 = 0x1fff;
/// Lengths of a netlink header, of `inet_diag_req_v2` and of the socket's name within it.
const HEADER: usize = 16;
const REQUEST: usize = 56;
pub(super) const NAME: usize = 48;
/// Where the name stands in a request and, after family, state, timer and retransmissions, in an answer.
const NAME_IN_REQUEST: usize = 8;
pub(super) const NAME_IN_ANSWER: usize = 4;

/// Resets every TCP connection of the calling thread's namespace and closes every listener. Gives how
/// many sockets there were.
///
/// # Errors
/// What the kernel says if it cannot; connections may be left then.
pub(super) fn every_connection() -> Result<usize, Errno> {
    let asking = open()?;
    let destroying = open()?;
    let mut found = 0;
    let mut result = Ok(());
    for family in [libc::AF_INET, libc::AF_INET6] {
        for name in sockets(&asking, family as u8)? {
            found += 1;
            match destroy(&destroying, family as u8, &name) {
                // Gone in the meantime, by itself or with its listener.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => result = Err(errno),
            }
        }
    }
    result.map(|()| found)
}

pub(super) fn open() -> Result<OwnedFd, Errno> {
    socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
}

/// The names of all TCP sockets of a family.
fn sockets(fd: &OwnedFd, family: u8) -> Result<Vec<[u8; NAME]>, Errno> {
    let message = message(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP, family, &[0; NAME]);
    send(fd.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut names = Vec::new();
    let mut answer = vec![0; 1 << 16];
    loop {
        let len = match recv(fd.as_raw_fd(), &mut answer, MsgFlags::empty()) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if take_names(&answer[..len], &mut names)? {
            return Ok(names);
        }
    }
}

/// Takes the names out of one answer; says whether it was the last.
fn take_names(mut answer: &[u8], names: &mut Vec<[u8; NAME]>) -> Result<bool, Errno> {
    while let Some((kind, body, rest)) = first_message(answer) {
        match i32::from(kind) {
            libc::NLMSG_DONE => return Ok(true),
            libc::NLMSG_ERROR => return Err(error_in(body)),
            _ => {
                let name = body.get(NAME_IN_ANSWER..NAME_IN_ANSWER + NAME);
                names.extend(name.and_then(|name| <[u8; NAME]>::try_from(name).ok()));
            }
        }
        answer = rest;
    }
    Ok(false)
}

/// Ends one socket.
pub(super) fn destroy(fd: &OwnedFd, family: u8, name: &[u8; NAME]) -> Result<(), Errno> {
    let message = message(SOCK_DESTROY, libc::NLM_F_ACK, family, name);
    send(fd.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 512];
    loop {
        let len = match recv(fd.as_raw_fd(), &mut answer, MsgFlags::empty()) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        let Some((kind, body, _)) = first_message(&answer[..len]) else {
            return Err(Errno::EBADMSG);
        };
        if i32::from(kind) == libc::NLMSG_ERROR {
            return match error_in(body) {
                errno if errno as i32 == 0 => Ok(()),
                errno => Err(errno),
            };
        }
    }
}

/// The kind and body of the first of several netlink messages, and the rest.
pub(super) fn first_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(HEADER..len)?;
    let rest = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, rest))
}

/// The error of an NLMSG_ERROR; [`Errno::UnknownErrno`], which is 0, for a mere acknowledgement.
pub(super) fn error_in(body: &[u8]) -> Errno {
    let code = body.get(..4).and_then(|code| code.try_into().ok());
    Errno::from_raw(-code.map_or(-libc::EBADMSG, i32::from_ne_bytes))
}

pub(super) fn message(
    kind: u16,
    flags: i32,
    family: u8,
    name: &[u8; NAME],
) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    let flags = (libc::NLM_F_REQUEST | flags) as u16;
    bytes[0..4].copy_from_slice(&((HEADER + REQUEST) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    let request = &mut bytes[HEADER..];
    request[0] = family;
    request[1] = libc::IPPROTO_TCP as u8;
    request[4..8].copy_from_slice(&ALL_STATES.to_ne_bytes());
    request[NAME_IN_REQUEST..].copy_from_slice(name);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: i32, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[0..4].copy_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
        bytes[4..6].copy_from_slice(&(kind as u16).to_ne_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn names_are_taken_from_every_message_of_an_answer() {
        let socket = |byte: u8| {
            let mut body = vec![0; 72];
            body[NAME_IN_ANSWER..NAME_IN_ANSWER + NAME].fill(byte);
            answer(i32::from(SOCK_DIAG_BY_FAMILY), &body)
        };
        let mut names = Vec::new();
        let two = [socket(1), socket(2)].concat();
        assert_eq!(take_names(&two, &mut names), Ok(false));
        let last = [socket(3), answer(libc::NLMSG_DONE, &[0; 4])].concat();
        assert_eq!(take_names(&last, &mut names), Ok(true));
        assert_eq!(names, [[1; NAME], [2; NAME], [3; NAME]]);
    }

    #[test]
    fn an_error_and_a_cut_answer_are_told() {
        let refused = answer(libc::NLMSG_ERROR, &(-libc::EPERM).to_ne_bytes());
        assert_eq!(take_names(&refused, &mut Vec::new()), Err(Errno::EPERM));
        for len in 0..refused.len() {
            assert_eq!(take_names(&refused[..len], &mut Vec::new()), Ok(false));
        }
    }

    #[test]
    fn a_request_names_the_socket_and_every_state() {
        let message = message(SOCK_DESTROY, libc::NLM_F_ACK, 2, &[7; NAME]);
        assert_eq!(message.len(), 72);
        assert_eq!(message[HEADER..HEADER + 2], [2, 6]);
        assert_eq!(message[HEADER + NAME_IN_REQUEST..], [7; NAME]);
    }
}
