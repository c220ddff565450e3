//! A case on a host without an agent: a server listens there, and that is all that is known.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::assumed::{Server, lacks};
use super::line::Line;
use crate::call::{Address, Call, Fd, Outcome};
use crate::target::{CallReport, CommandReport, Observed, Session, TargetError};
use crate::time::{Moment, Time};
use crate::wire::TcpFlags;

/// A session whose calls are not made but taken as made.
#[derive(Debug)]
pub(super) struct ListeningSession {
    line: Line,
    server: Server,
    given: Given,
    /// When the peer last sent a segment that can complete a handshake.
    acknowledged: Option<Moment>,
    /// An `accept` that waits: when it was started.
    waiting: Option<Moment>,
}

/// What calls give.
#[derive(Debug)]
pub(super) enum Given {
    /// A script's: what it expects of them, in order.
    Script(VecDeque<Outcome>),
    /// A probe's: sockets that listen. The last number that stands for one.
    Sockets(i64),
}

impl ListeningSession {
    pub(super) fn new(line: Line, server: Server, given: Given) -> ListeningSession {
        ListeningSession {
            line,
            server,
            given,
            acknowledged: None,
            waiting: None,
        }
    }

    fn outcome(&mut self, call: &Call) -> Result<Outcome, TargetError> {
        match (&mut self.given, call) {
            (Given::Script(outcomes), _) => outcomes.pop_front().ok_or_else(|| {
                TargetError::Machine("the script makes more calls than it has".into())
            }),
            (Given::Sockets(last), Call::Socket { .. }) => {
                *last += 1;
                Ok(Outcome::ok(*last))
            }
            (
                Given::Sockets(_),
                Call::Bind {
                    address: Address::Is(address),
                    ..
                },
            ) if address.port() != self.server.port => {
                Err(lacks("port", "the host's server listens on one port only"))
            }
            (
                Given::Sockets(_),
                Call::Bind { .. }
                | Call::Listen { .. }
                | Call::SetSockOpt { .. }
                | Call::Fcntl { .. },
            ) => Ok(Outcome::ok(0)),
            (Given::Sockets(_), other) => Err(nobody(other)),
        }
    }
}

fn nobody(call: &Call) -> TargetError {
    lacks(
        &format!("call:{}", call.name()),
        "nobody makes it; an agent on the host would (--agent)",
    )
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
        let moment = self.line.inject(datagram)?;
        if is_acknowledgement(datagram) {
            self.acknowledged = Some(moment);
        }
        Ok(moment)
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
        if !matches!(call, Call::Accept { .. }) {
            return Err(nobody(call));
        }
        let now = Moment::at(self.line.now());
        self.waiting = Some(now);
        Ok(now)
    }

    /// The call started is an `accept`: it ends with the handshake, or at once if that was before.
    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        let (Some(started), Given::Script(outcomes)) = (self.waiting, &mut self.given) else {
            return Err(TargetError::Machine("no call was started".into()));
        };
        let Some(acknowledged) = self.acknowledged else {
            self.line.sleep_until(deadline)?;
            return Ok(CallReport::Blocked);
        };
        let outcome = outcomes.pop_front().unwrap_or_else(|| Outcome::ok(0));
        self.waiting = None;
        let moment = Moment {
            start: started.start,
            end: started.end.max(acknowledged.end),
        };
        Ok(CallReport::Returned { moment, outcome })
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

/// The TCP header of a datagram and what follows it.
fn segment(datagram: &[u8]) -> Option<&[u8]> {
    const TCP: u8 = 6;
    let (protocol, header) = match datagram.first()? >> 4 {
        4 => (9, usize::from(datagram[0] & 15) * 4),
        6 => (6, 40),
        _ => return None,
    };
    datagram
        .get(header..)
        .filter(|_| datagram.get(protocol) == Some(&TCP))
}

/// Whether a datagram is a TCP segment to this port. One that is cut short before that goes nowhere else.
fn goes_to(datagram: &[u8], port: u16) -> bool {
    segment(datagram).is_some_and(|segment| {
        segment
            .get(2..4)
            .is_none_or(|word| word == port.to_be_bytes())
    })
}

/// Whether a segment can be the third of a handshake.
fn is_acknowledgement(datagram: &[u8]) -> bool {
    let flags = segment(datagram)
        .and_then(|segment| segment.get(13))
        .copied()
        .unwrap_or(0);
    let of = |flag: TcpFlags| flag.0 as u8;
    flags & (of(TcpFlags::ACK) | of(TcpFlags::SYN) | of(TcpFlags::RST)) == of(TcpFlags::ACK)
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
        datagram[9] = 6;
        for (flags, third) in [
            (0x10, true),
            (0x18, true),
            (0x12, false),
            (0x14, false),
            (2, false),
        ] {
            datagram[33] = flags;
            assert_eq!(is_acknowledgement(&datagram), third, "{flags:#x}");
        }
    }
}
