//! The fake as a session: its clock, its wire and its calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{
    EAGAIN, EINPROGRESS, Ends, FakeSession, Flaw, PROCESS, Socket, is_strange, without_options,
};
use crate::call::{Address, Call, Fd, Outcome};
use crate::target::{CallReport, CommandReport, Observed, Session, TargetError};
use crate::time::{Moment, Time};
use crate::wire::{TcpFlags, Transport, WireFault, parse};

impl Session for FakeSession {
    fn start(&mut self) {}

    fn now(&mut self) -> Time {
        self.now
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.now = self.now.max(time);
        self.expire();
        Ok(())
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        // Each packet takes its time, as it does on a wire.
        self.now = self.now + Duration::from_micros(50);
        let moment = Moment {
            start: self.now,
            end: self.now,
        };
        let plain = without_options(datagram);
        let Ok(parsed) = parse(&plain) else {
            return Ok(moment);
        };
        let has_options = plain.len() < datagram.len() || datagram[0] == 0x46;
        if has_options && self.flaw == Flaw::MindsIpOptions {
            return Ok(moment);
        }
        let is_damaged = parsed
            .faults
            .iter()
            .any(|fault| matches!(fault, WireFault::Checksum { .. }));
        let Transport::Tcp(segment) = parsed.packet.transport else {
            return Ok(moment);
        };
        let takes = self.flaw == Flaw::TakesBadChecksums;
        let minds = self.flaw == Flaw::MindsReservedBits;
        if is_damaged && !takes || segment.reserved != 0 && minds {
            return Ok(moment);
        }
        let ip = parsed.packet.ip;
        let is_stranger =
            is_strange(ip.source) || ip.source == ip.destination || ip.destination != self.local_ip;
        if is_stranger && self.flaw != Flaw::MindsNoAddress {
            return Ok(moment);
        }
        let ends = Ends {
            local: SocketAddr::new(ip.destination, segment.destination_port),
            remote: SocketAddr::new(ip.source, segment.source_port),
        };
        if self.connections.contains_key(&ends) {
            self.on_connection(ends, &segment);
        } else if segment.flags.contains(TcpFlags::SYN) {
            if let Some(backlog) = self.backlog(ends.local.port()) {
                self.on_syn(ends, &segment, backlog);
            }
        } else {
            self.on_ack_for_half(ends, &segment);
        }
        Ok(moment)
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        while self.sent.is_empty() && self.now < deadline {
            let step = self.now + Duration::from_millis(100);
            self.sleep_until(step.min(deadline))?;
        }
        Ok(self.sent.pop_front())
    }

    fn call(&mut self, call: &Call, _limit: Duration) -> Result<CallReport, TargetError> {
        let outcome = match call {
            Call::Socket { .. } => {
                let fd = self.next_fd();
                self.sockets.insert(fd, Socket::default());
                Outcome::ok(i64::from(fd.0))
            }
            Call::Bind {
                fd,
                address: Address::Is(address),
            } => {
                self.sockets.entry(*fd).or_default().bound = Some(address.port());
                Outcome::ok(0)
            }
            Call::Listen { fd, backlog } => {
                self.sockets.entry(*fd).or_default().backlog = Some(*backlog as usize);
                Outcome::ok(0)
            }
            Call::Accept { .. } => match self.accepted.pop_front() {
                None => EAGAIN,
                Some(ends) => {
                    let fd = self.next_fd();
                    let ends = Some(ends);
                    self.sockets.entry(fd).or_default().ends = ends;
                    Outcome::ok(i64::from(fd.0))
                }
            },
            Call::Connect {
                fd,
                address: Address::Is(to),
            } => {
                self.connect(*fd, *to);
                EINPROGRESS
            }
            Call::Read { fd, .. } => self.read(*fd),
            Call::Write { fd, data } => self.write(*fd, data),
            Call::Close { fd } => {
                self.close(*fd);
                Outcome::ok(0)
            }
            _ => Outcome::ok(0),
        };
        let moment = Moment {
            start: self.now,
            end: self.now,
        };
        Ok(CallReport::Returned { moment, outcome })
    }

    fn start_call(&mut self, _call: &Call) -> Result<Moment, TargetError> {
        Err(TargetError::Machine("probes make no blocking calls".into()))
    }

    fn finish_call(&mut self, _deadline: Time) -> Result<CallReport, TargetError> {
        Ok(CallReport::Blocked)
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        let setting = command.strip_prefix("sysctl -q -w ").unwrap_or_default();
        if let Some((name, value)) = setting.split_once('=') {
            let value = value.parse().unwrap_or(0);
            self.sysctls.insert(name.to_string(), value);
        }
        Ok(CommandReport {
            status: Some(0),
            output: String::new(),
        })
    }

    fn socket_info(&mut self, _fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        Ok(BTreeMap::new())
    }

    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError> {
        self.connect(PROCESS, peer);
        Ok(())
    }

    fn end_process(&mut self, _signal: i32) -> Result<(), TargetError> {
        if self.flaw != Flaw::SilentExit {
            self.close(PROCESS);
        }
        Ok(())
    }
}
