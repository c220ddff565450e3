//! Calls on this machine's own network, without a namespace of their own: what an agent makes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::blocking::{Finished as Ended, InFlight};
use super::calls;
use super::children;
use super::clock::{self, Clock, Nanos};
use super::fds::FdTable;
use super::guardian;
use super::info;
use super::priority;
use super::process::Process;
use super::shell::Shell;
use super::signals::Signals;
use super::sysctl::{self, Failure};
use super::watch::Watch;
use super::wheel::{self, Wheels};
use super::worker::Worker;
use crate::agent::machine::{Finished, Machine};
use crate::call::{Call, Fd, Outcome, Output};
use crate::script::command;
use crate::target::{CommandReport, TargetError};

/// The discard port (RFC 863): nothing is sent to it, connecting just asks for the way.
const DISCARD: u16 = 9;

/// Options that tell the MTU of a connected socket's way; numbers of the kernel's interface.
const IP_MTU: i32 = 14;
const IPV6_MTU: i32 = 24;

/// The calls of one case, made by a thread of its own in the namespace the process is in.
#[derive(Debug)]
pub(crate) struct Caller {
    in_flight: Option<InFlight>,
    signals: Signals,
    shell: Option<Shell>,
    process: Option<Process>,
    worker: Worker,
    fds: Arc<FdTable>,
    /// Settings that the case has changed, with what they were, in order.
    changed: Vec<(String, String)>,
    watch: Arc<Watch>,
    /// Once a case runs: their watchers go on until the process ends.
    wheels: Option<&'static Wheels>,
    /// Until when a thread that makes calls waited for a processor, and how long.
    waits: Vec<(Nanos, Nanos)>,
}

impl Caller {
    /// A caller without descriptors.
    pub(crate) fn open() -> Result<Caller, TargetError> {
        let (worker, ()) = Worker::start(|| Ok(()))?;
        Ok(Caller {
            in_flight: None,
            signals: Signals::default(),
            shell: None,
            process: None,
            worker,
            fds: Arc::default(),
            changed: Vec::new(),
            watch: Watch::shared(),
            wheels: None,
            waits: Vec::new(),
        })
    }

    /// Sets what a plain `sysctl` command asks for and remembers what was there.
    fn set(&mut self, settings: &[(String, String)]) -> Result<CommandReport, TargetError> {
        let mut output = String::new();
        for (name, value) in settings {
            let before = sysctl::read(name);
            match sysctl::write(name, value) {
                Ok(()) => {
                    output.push_str(&format!("{name} = {value}\n"));
                    if let Ok(value) = before {
                        self.changed
                            .push((name.clone(), value.trim_end().to_owned()));
                    }
                }
                Err(Failure::Value(error)) => {
                    return Ok(CommandReport {
                        status: Some(255),
                        output: format!("sysctl: setting key \"{name}\": {error}\n"),
                    });
                }
                Err(Failure::Unknown(error)) => {
                    return Err(TargetError::Unsupported {
                        capability: format!("sysctl:{name}={value}"),
                        reason: sysctl::no_such_value(&error),
                    });
                }
                Err(Failure::Refused(reason) | Failure::Missing(reason)) => {
                    return Err(TargetError::Unsupported {
                        capability: format!("sysctl:{name}={value}"),
                        reason,
                    });
                }
            }
        }
        Ok(CommandReport {
            status: Some(0),
            output,
        })
    }
}

impl Caller {
    /// A call as it is told: everything in it is counted back from now, stamps too.
    fn finished(&mut self, ended: Ended) -> Result<Finished, TargetError> {
        const SHORTEST: Nanos = 500_000;
        if ended.waited > SHORTEST {
            self.waits.push((ended.end, ended.waited));
        }
        let mut outcome = ended.outcome?;
        calls::in_case_time(&mut outcome, Clock::new());
        let now = clock::monotonic_nanos();
        let ago = |instant: Nanos| Duration::from_nanos(u64::try_from(now - instant).unwrap_or(0));
        Ok(Finished {
            began: ago(ended.start),
            ended: ago(ended.end),
            outcome,
        })
    }
}

impl Machine for Caller {
    fn be_punctual(&mut self) -> Result<(), TargetError> {
        let wheels = *self.wheels.get_or_insert_with(Wheels::shared);
        let place = wheels.best();
        let punctual = move || {
            wheel::run_on(&place);
            priority::urgent();
        };
        // The calling thread serves this case and ends with it.
        punctual();
        self.worker.run(punctual)
    }

    fn held_up(&mut self, from: Duration, to: Duration) -> Duration {
        let now = clock::monotonic_nanos();
        let instant = |ago: Duration| {
            now.saturating_sub(Nanos::try_from(ago.as_nanos()).unwrap_or(Nanos::MAX))
        };
        let (from, to) = (instant(from), instant(to));
        let waited = self.waits.iter().map(|&(end, length)| {
            let start = (end - length).max(from);
            (end.min(to) - start).max(0)
        });
        let longest = self.watch.held_up(from, to).max(waited.sum());
        let timers = self
            .wheels
            .map_or(0, |wheels| wheels.held_up(&wheels.all(), from, to));
        let longest = longest.max(timers);
        Duration::from_nanos(u64::try_from(longest).unwrap_or(0))
    }

    fn route(&mut self, remote: IpAddr) -> Result<(IpAddr, u32), TargetError> {
        let (any, level, name): (IpAddr, _, _) = match remote {
            IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), libc::IPPROTO_IP, IP_MTU),
            IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), libc::IPPROTO_IPV6, IPV6_MTU),
        };
        let no_way = |error| TargetError::Unsupported {
            capability: "route".into(),
            reason: format!("the agent's machine has no way to {remote}: {error}"),
        };
        let socket = UdpSocket::bind((any, 0)).map_err(no_way)?;
        socket.connect((remote, DISCARD)).map_err(no_way)?;
        let local = socket.local_addr().map_err(no_way)?.ip();
        let mtu = match calls::get_option(socket.as_raw_fd(), level, name, 4) {
            Outcome {
                output: Output::Bytes(bytes),
                ..
            } => bytes.try_into().ok().map(u32::from_ne_bytes),
            _ => None,
        };
        let mtu = mtu.ok_or_else(|| {
            TargetError::Machine(format!("the kernel does not tell the MTU to {remote}"))
        })?;
        Ok((local, mtu))
    }

    fn call(&mut self, call: &Call, limit: Duration) -> Result<Option<Finished>, TargetError> {
        let thread = self.in_flight.as_ref().map(InFlight::thread);
        if let Some(outcome) = self.signals.perform(call, thread) {
            return Ok(Some(Finished {
                began: Duration::ZERO,
                ended: Duration::ZERO,
                outcome: outcome?,
            }));
        }
        let (call, fds) = (call.clone(), Arc::clone(&self.fds));
        let ended = self.worker.run_within(
            limit,
            move || {
                let _held_off = children::held_off(&call);
                let waited = priority::waited_for_processor();
                let start = clock::monotonic_nanos();
                let outcome = calls::perform(&call, &fds);
                let end = clock::monotonic_nanos();
                Ended {
                    start,
                    end,
                    waited: priority::waited_for_processor() - waited,
                    outcome,
                }
            },
            || {},
        )?;
        ended.map(|ended| self.finished(ended)).transpose()
    }

    fn start_call(&mut self, call: &Call) -> Result<(), TargetError> {
        if self.in_flight.is_some() {
            return Err(TargetError::Machine(
                "a second blocking call was started while one is in flight".into(),
            ));
        }
        let in_flight = InFlight::start(&self.worker, call.clone(), Arc::clone(&self.fds))?;
        let began = in_flight.settle();
        self.in_flight = Some(in_flight);
        began.map(drop)
    }

    fn finish_call(&mut self, limit: Duration) -> Result<Option<Finished>, TargetError> {
        let Some(in_flight) = &mut self.in_flight else {
            return Err(TargetError::Machine(
                "no blocking call was started whose end could be waited for".into(),
            ));
        };
        let Some(ended) = in_flight.wait(limit, || {})? else {
            return Ok(None);
        };
        self.in_flight = None;
        self.finished(ended).map(Some)
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        if let Some(settings) = command::settings(command) {
            return self.set(&settings);
        }
        guardian::from_here();
        let shell = match &mut self.shell {
            Some(shell) => shell,
            none => none.insert(self.worker.run(|| Shell::start(None))??),
        };
        shell.run(command)
    }

    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        let fds = Arc::clone(&self.fds);
        self.worker.run(move || info::snapshot(fd, &fds))?
    }

    fn peer(&mut self, fd: Fd) -> Result<Option<SocketAddr>, TargetError> {
        let fds = Arc::clone(&self.fds);
        self.worker.run(move || calls::peer(fds.live(fd)))
    }

    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError> {
        if self.process.is_some() {
            return Err(TargetError::Machine(
                "a process was started while another one runs".into(),
            ));
        }
        let process = self.worker.run(move || Process::connected_to(peer))??;
        self.process = Some(process);
        Ok(())
    }

    fn end_process(&mut self, signal: i32) -> Result<(), TargetError> {
        let process = self.process.take().ok_or_else(|| {
            TargetError::Machine("there is no process to end; start one first".into())
        })?;
        process.end(signal)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.in_flight = None;
        self.shell = None;
        self.process = None;
        close_all(&self.fds);
        for (name, value) in self.changed.drain(..).rev() {
            // It was readable and writable before; what else could be done?
            let _ = sysctl::write(&name, &value);
        }
    }
}

/// Closes every descriptor of the case, resetting its connections.
fn close_all(fds: &FdTable) {
    // Linger on with time 0: reset at once instead of closing in good order.
    let linger: Vec<u8> = [1_i32, 0]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    for fd in fds.take_all() {
        calls::set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
        // Not interesting: there is nobody left to tell.
        let _ = nix::unistd::close(fd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_loopback_is_known() {
        let mut caller = Caller::open().unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (local, mtu) = caller.route(loopback).unwrap();
        assert_eq!(local, loopback);
        assert!(mtu >= 1280, "{mtu}");
    }

    #[test]
    fn signals_interrupt_the_call_in_flight_and_no_process() {
        let mut caller = Caller::open().unwrap();
        let action = Call::SigAction {
            signal: libc::SIGUSR1,
            disposition: crate::call::Disposition::Handler { restart: false },
        };
        let long = Call::Poll {
            entries: Vec::new(),
            timeout_ms: 60_000,
        };
        let kill = Call::TgKill {
            signal: libc::SIGUSR1,
        };
        let limit = Duration::from_secs(5);
        assert!(caller.call(&action, limit).unwrap().is_some());
        caller.start_call(&long).unwrap();
        assert!(caller.call(&kill, limit).unwrap().is_some());
        let ended = caller.finish_call(limit).unwrap().unwrap();
        assert_eq!(ended.outcome.errno, Some(crate::call::Errno(libc::EINTR)));
    }

    #[test]
    fn time_that_has_not_been_held_up_is_none() {
        let mut caller = Caller::open().unwrap();
        caller.be_punctual().unwrap();
        let now = Duration::ZERO;
        assert_eq!(caller.held_up(now, now), Duration::ZERO);
        caller.waits.push((clock::monotonic_nanos(), 3_000_000));
        let second = Duration::from_secs(1);
        assert!(caller.held_up(second, now) >= Duration::from_millis(3));
        assert_eq!(caller.held_up(second * 3, second * 3), Duration::ZERO);
    }

    #[test]
    fn a_call_has_ended_after_it_began_and_before_now() {
        let mut caller = Caller::open().unwrap();
        let call = Call::Poll {
            entries: Vec::new(),
            timeout_ms: 2,
        };
        let finished = caller.call(&call, Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(finished.outcome.result, 0);
        assert!(finished.began >= finished.ended + Duration::from_millis(2));
    }
}
