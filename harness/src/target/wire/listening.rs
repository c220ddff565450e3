//! A case on a host without an agent: a server listens there, and that is all that is known.

use std::collections::BTreeMap;
use std::time::Duration;

use super::assumed::{F_GETFL, Server, lacks};
use super::line::Line;
use crate::call::{Address, Call, Fd, Outcome};
use crate::target::{CallReport, CommandReport, Observed, Session, TargetError};
use crate::time::{Moment, Time};

/// `O_RDWR`, with Linux's numbers.
const READ_WRITE: i64 = 2;

/// A session whose calls are not made but taken as made.
#[derive(Debug)]
pub(super) struct ListeningSession {
    line: Line,
    server: Server,
    /// The next number that stands for a descriptor.
    next_fd: i64,
    /// The `fcntl` flags of each.
    flags: BTreeMap<Fd, i64>,
}

impl ListeningSession {
    pub(super) fn new(line: Line, server: Server) -> ListeningSession {
        ListeningSession {
            line,
            server,
            next_fd: 3,
            flags: BTreeMap::new(),
        }
    }

    fn outcome(&mut self, call: &Call) -> Result<Outcome, TargetError> {
        match call {
            Call::Socket { .. } | Call::Accept { .. } => {
                self.next_fd += 1;
                Ok(Outcome::ok(self.next_fd))
            }
            Call::Bind {
                address: Address::Is(address),
                ..
            } if address.port() != self.server.port => {
                Err(lacks("port", "the host's server listens on one port only"))
            }
            Call::Fcntl {
                fd,
                command: F_GETFL,
                ..
            } => {
                let flags = self.flags.get(fd).copied().unwrap_or(0);
                Ok(Outcome::ok(READ_WRITE | flags))
            }
            Call::Fcntl { fd, argument, .. } => {
                self.flags.insert(*fd, argument.unwrap_or(0));
                Ok(Outcome::ok(0))
            }
            Call::Bind { .. } | Call::Listen { .. } | Call::SetSockOpt { .. } => Ok(Outcome::ok(0)),
            other => Err(lacks(
                &format!("call:{}", other.name()),
                "nobody makes it; an agent on the host would (--agent)",
            )),
        }
    }
}

impl Session for ListeningSession {
    fn start(&mut self) {
        self.line.start();
    }

    fn now(&mut self) -> Time {
        self.line.now()
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.line.sleep_until(time)
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        if !goes_to(datagram, self.server.port) {
            return Err(lacks("port", "packets go to the server's TCP port only"));
        }
        self.line.inject(datagram)
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        self.line.next_packet(deadline)
    }

    fn call(&mut self, call: &Call, _limit: Duration) -> Result<CallReport, TargetError> {
        let outcome = self.outcome(call)?;
        let moment = Moment::at(self.line.now());
        Ok(CallReport::Returned { moment, outcome })
    }

    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        Err(lacks(
            &format!("call:{}", call.name()),
            "it may block, and nobody makes it",
        ))
    }

    fn finish_call(&mut self, _deadline: Time) -> Result<CallReport, TargetError> {
        Err(TargetError::Machine("no call was started".into()))
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        super::session::harmless(command).ok_or_else(|| {
            lacks(
                "shell",
                "commands are run by an agent only, with --allow-commands",
            )
        })
    }

    fn socket_info(&mut self, _fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        Err(lacks("tcp_info", "nobody can ask the host's kernel for it"))
    }
}

impl Drop for ListeningSession {
    fn drop(&mut self) {
        self.line.reset_all();
    }
}

/// Whether a datagram is a TCP segment to this port. A fragment or one cut short goes nowhere else.
fn goes_to(datagram: &[u8], port: u16) -> bool {
    const TCP: u8 = 6;
    let (protocol, header) = match datagram.first().map_or(0, |byte| byte >> 4) {
        4 => (9, usize::from(datagram[0] & 15) * 4),
        6 => (6, 40),
        _ => return false,
    };
    datagram.get(protocol) == Some(&TCP)
        && datagram
            .get(header + 2..header + 4)
            .is_none_or(|word| word == port.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_port_is_sent_to() {
        let mut datagram = vec![0; 40];
        datagram[0] = 0x45;
        datagram[9] = 6;
        datagram[22..24].copy_from_slice(&80_u16.to_be_bytes());
        assert!(goes_to(&datagram, 80));
        assert!(!goes_to(&datagram, 81));
        datagram[9] = 17;
        assert!(!goes_to(&datagram, 80));
        assert!(!goes_to(&[], 80));
    }
}
