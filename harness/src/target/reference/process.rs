//! A process besides the case's own: a descriptor table, and what the kernel does with it at exit.

use std::net::SocketAddr;

use super::abi::family;
use super::blocking::Progress;
use super::descriptors::Table;
use super::kernel::Kernel;
use super::session::outcome;
use crate::call::{Address, Call, Errno, Fd, Outcome};
use crate::target::TargetError;

/// Signals whose default action does not end a process, see signal(7): SIGCHLD, SIGCONT, SIGSTOP,
/// SIGTSTP, SIGTTIN, SIGTTOU, SIGURG and SIGWINCH.
const HARMLESS: [i32; 8] = [17, 18, 19, 20, 21, 22, 23, 28];

/// A process that waits for ever.
#[derive(Debug)]
pub(super) struct Process {
    table: Table,
}

impl Process {
    /// A new process whose only socket connects to `peer`.
    pub(super) fn connected_to(
        peer: SocketAddr,
        kernel: &mut Kernel,
    ) -> Result<Process, TargetError> {
        let mut process = Process {
            table: Table::default(),
        };
        process.running(kernel, |kernel| {
            let domain = if peer.is_ipv4() {
                family::INET
            } else {
                family::INET6
            };
            let socket = call(
                kernel,
                &Call::Socket {
                    domain,
                    kind: family::STREAM | family::NONBLOCK,
                    protocol: 0,
                },
            )?;
            let fd = Fd(i32::try_from(socket.result).unwrap_or(-1));
            let address = Address::Is(peer);
            let connect = call(kernel, &Call::Connect { fd, address })?;
            match connect.errno {
                None | Some(super::errno::EINPROGRESS) => Ok(()),
                Some(Errno(number)) => Err(TargetError::Machine(format!(
                    "the process could not connect to {peer}: errno {number}"
                ))),
            }
        })?;
        Ok(process)
    }

    /// Ends it with a signal: every descriptor is closed, in order, and nothing is waited for.
    pub(super) fn end(mut self, signal: i32, kernel: &mut Kernel) -> Result<(), TargetError> {
        if !(1..=31).contains(&signal) || HARMLESS.contains(&signal) {
            return Err(TargetError::Machine(format!(
                "signal {signal} does not end a process"
            )));
        }
        let numbers = self.table.numbers();
        self.running(kernel, |kernel| {
            for fd in numbers {
                call(kernel, &Call::Close { fd })?;
            }
            Ok(())
        })
    }

    /// Lets the process make calls: its descriptors stand in the kernel's table meanwhile.
    fn running(
        &mut self,
        kernel: &mut Kernel,
        calls: impl FnOnce(&mut Kernel) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        std::mem::swap(&mut kernel.table, &mut self.table);
        let result = calls(kernel);
        std::mem::swap(&mut kernel.table, &mut self.table);
        result
    }
}

fn call(kernel: &mut Kernel, call: &Call) -> Result<Outcome, TargetError> {
    let mut progress = Progress::new(kernel.engine.now());
    match kernel.attempt(call, &mut progress) {
        // A dying process does not linger.
        Err(super::blocking::Stop::Sleep(_)) => Ok(Outcome::ok(0)),
        ended => outcome(ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::IpVersion;
    use crate::target::reference::ReferenceTarget;
    use crate::target::{Session, SessionSettings};
    use crate::wire::{TcpFlags, Transport, parse};
    use rstest::rstest;

    fn session() -> crate::target::reference::ReferenceSession {
        let settings = SessionSettings {
            ip_version: IpVersion::Ipv4,
            local_ip: "192.168.0.1".parse().unwrap(),
            remote_ip: "192.0.2.1".parse().unwrap(),
            remote_prefix: 24,
            gateway_ip: "192.168.0.254".parse().unwrap(),
            local_prefix: 16,
            mtu: 1500,
            mss: None,
            speed: None,
            is_anyip: false,
            seed: 1,
        };
        ReferenceTarget::default().session(&settings).unwrap()
    }

    fn start(session: &mut impl Session) -> Result<(), TargetError> {
        session.start_process("192.0.2.1:7000".parse().unwrap())
    }

    #[test]
    fn a_process_sends_a_syn_and_has_descriptors_of_its_own() {
        let mut session = session();
        start(&mut session).unwrap();
        let now = session.now();
        let syn = session.next_packet(now).unwrap().unwrap();
        let Transport::Tcp(segment) = parse(&syn.bytes).unwrap().packet.transport else {
            panic!("no TCP");
        };
        assert_eq!(
            (segment.flags, segment.destination_port),
            (TcpFlags::SYN, 7000)
        );
        let close = Call::Close { fd: Fd(3) };
        let report = session.call(&close, std::time::Duration::ZERO).unwrap();
        let crate::target::CallReport::Returned { outcome, .. } = report else {
            panic!("blocked");
        };
        assert_eq!(outcome, Outcome::failed(super::super::errno::EBADF));
    }

    #[rstest]
    #[case(0)]
    #[case(17)]
    #[case(64)]
    fn a_signal_that_ends_nothing_is_refused(#[case] signal: i32) {
        let mut session = session();
        start(&mut session).unwrap();
        let problem = session.end_process(signal).unwrap_err().to_string();
        assert!(problem.contains("does not end a process"), "{problem}");
    }

    #[test]
    fn one_process_at_a_time() {
        let mut session = session();
        assert!(session.end_process(9).is_err());
        start(&mut session).unwrap();
        assert!(start(&mut session).is_err());
    }
}
