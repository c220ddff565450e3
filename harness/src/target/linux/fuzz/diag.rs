//! The state of one connection, by the kernel's socket diagnosis (sock_diag(7)): of half-open ones, orphans and
//! TIME-WAIT as well, which no descriptor tells of.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::super::destroy::{self, NAME, NAME_IN_ANSWER, SOCK_DIAG_BY_FAMILY};
use super::super::rtnetlink::{family, octets};
use crate::fuzz::segment::Ends;
use crate::fuzz::subject::State;
use crate::target::TargetError;

/// Where the cookie stands in a socket's name: the last eight bytes.
const COOKIE: usize = NAME - 8;

/// What the kernel has for a pair of ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) state: State,
    /// Of the socket, and the same from the half-open one to TIME-WAIT.
    pub(super) cookie: u64,
}

/// Asks, and ends.
#[derive(Debug)]
pub(super) struct Diagnosis {
    fd: OwnedFd,
}

impl Diagnosis {
    /// In the calling thread's namespace.
    pub(super) fn open() -> Result<Diagnosis, TargetError> {
        let unsupported = |errno: Errno| TargetError::Unsupported {
            capability: "sock_diag".into(),
            reason: format!("the kernel tells no states (CONFIG_INET_DIAG): {errno}"),
        };
        let fd = destroy::open().map_err(unsupported)?;
        let diagnosis = Diagnosis { fd };
        let nothing = diagnosis.look(&crate::fuzz::subject::ends(false));
        nothing.map_err(|reason| TargetError::Unsupported {
            capability: "sock_diag".into(),
            reason,
        })?;
        Ok(diagnosis)
    }

    /// The connection between these ends; if there is none, the listener.
    pub(super) fn look(&self, ends: &Ends) -> Result<Seen, String> {
        let none = Seen {
            state: State::Closed,
            cookie: 0,
        };
        let family = family(ends.subject.0);
        let message = destroy::message(SOCK_DIAG_BY_FAMILY, 0, family, &name(ends));
        let fd = self.fd.as_raw_fd();
        let failed = |errno: Errno| format!("the socket diagnosis fails: {errno}");
        send(fd, &message, MsgFlags::empty()).map_err(failed)?;
        let mut answer = [0; 2048];
        let len = loop {
            match recv(fd, &mut answer, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                other => break other.map_err(failed)?,
            }
        };
        let (kind, body, _) =
            destroy::first_message(&answer[..len]).ok_or("the socket diagnosis is cut short")?;
        if kind != SOCK_DIAG_BY_FAMILY {
            return match destroy::error_in(body) {
                Errno::ENOENT => Ok(none),
                errno => Err(failed(errno)),
            };
        }
        read(body).ok_or_else(|| "the socket diagnosis is no answer".to_owned())
    }

    /// Ends the connection between these ends; or the listener. Says whether there was one.
    pub(super) fn end(&self, ends: &Ends) -> Result<bool, String> {
        let family = family(ends.subject.0);
        match destroy::destroy(&self.fd, family, &name(ends)) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(format!(
                "a connection cannot be ended (CONFIG_INET_DIAG_DESTROY): {errno}"
            )),
        }
    }
}

/// `struct inet_diag_sockid`: both ports, both addresses, any interface, whatever the cookie.
fn name(ends: &Ends) -> [u8; NAME] {
    let mut name = [0; NAME];
    name[0..2].copy_from_slice(&ends.subject.1.to_be_bytes());
    name[2..4].copy_from_slice(&ends.peer.1.to_be_bytes());
    let mut put = |at: usize, address: IpAddr| {
        let octets = octets(address);
        name[at..at + octets.len()].copy_from_slice(&octets);
    };
    put(4, ends.subject.0);
    put(20, ends.peer.0);
    name[COOKIE..].fill(0xff);
    name
}

/// `struct inet_diag_msg`.
fn read(body: &[u8]) -> Option<Seen> {
    let cookie = body.get(NAME_IN_ANSWER + COOKIE..NAME_IN_ANSWER + NAME)?;
    Some(Seen {
        state: state(*body.get(1)?)?,
        cookie: u64::from_ne_bytes(cookie.try_into().ok()?),
    })
}

/// The kernel's numbers of the states.
fn state(number: u8) -> Option<State> {
    Some(match number {
        1 => State::Established,
        2 => State::SynSent,
        3 | 12 => State::SynReceived,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        7 => State::Closed,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::subject::ends;

    #[test]
    fn a_socket_is_named_by_its_ends() {
        let name = name(&ends(false));
        assert_eq!(name[0..4], [0, 80, 0x9c, 0x40]);
        assert_eq!(name[4..8], [192, 0, 2, 1]);
        assert_eq!(name[20..24], [192, 0, 2, 2]);
        assert_eq!(name[36..40], [0; 4]);
        assert_eq!(name[40..], [0xff; 8]);
    }

    #[test]
    fn an_answer_has_the_state_and_the_cookie() {
        let mut body = [0; 72];
        body[1] = 5;
        body[NAME_IN_ANSWER + COOKIE] = 7;
        let seen = read(&body).unwrap();
        assert_eq!(seen.state, State::FinWait2);
        assert_eq!(seen.cookie.to_ne_bytes()[0], 7);
        body[1] = 13;
        assert_eq!(read(&body), None);
        assert_eq!(read(&body[..40]), None);
    }
}
