//! One case's host in virtual time.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tcpdrill_stack::config::ReceivedOnError;
use tcpdrill_stack::{Config, Host, Instant};

use super::blocking::{InFlight, Progress, Stop};
use super::engine::Engine;
use super::kernel::{Kernel, unmapped};
use super::process::Process;
use crate::call::{Call, Fd, Outcome};
use crate::target::guarded::InProcess;
use crate::target::{
    CallReport, CommandContext, CommandReport, Observed, Session, SessionSettings, TargetError,
};
use crate::time::{Moment, Time};

/// A host of the reference stack with its descriptors and its clock. Nothing in it reads the machine's clock.
#[derive(Debug)]
pub struct ReferenceSession {
    kernel: Kernel,
    in_flight: InFlight,
    process: Option<Process>,
    /// The script's folder.
    folder: Option<PathBuf>,
}

impl ReferenceSession {
    /// The settings that connections opened from now on have.
    #[cfg(test)]
    pub(super) fn config(&mut self) -> &Config {
        self.kernel.engine.host_mut().config_mut()
    }

    /// A host that starts from `config`, with the addresses and MTU of `settings`.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the local address is of another family than the packets, or the MTU is
    /// below the 576 bytes every IPv4 host takes (RFC 9293 §3.7.1).
    pub fn new(
        mut config: Config,
        settings: &SessionSettings,
    ) -> Result<ReferenceSession, TargetError> {
        if settings.mtu < 576 {
            return Err(TargetError::Machine(format!(
                "an MTU of {} is too small for the reference stack; use at least 576",
                settings.mtu
            )));
        }
        config.mtu = settings.mtu;
        // What sockets(7) hand out is the call interface's matter: Linux lets data be read that came
        // before an error.
        config.received_on_error = ReceivedOnError::Keep;
        let address = unmapped(settings.local_ip);
        let wants_ipv6 = settings.ip_version == crate::program::IpVersion::Ipv6;
        if address.is_ipv6() != wants_ipv6 {
            return Err(TargetError::Machine(format!(
                "the local address {} does not fit the IP version of the case",
                settings.local_ip
            )));
        }
        let addresses: [IpAddr; 1] = [address];
        let host = Host::new(config, &addresses, secret(settings.seed), settings.seed);
        Ok(ReferenceSession {
            kernel: Kernel::new(Engine::new(host), settings.ip_version, settings.seed),
            in_flight: InFlight::Nothing,
            process: None,
            folder: None,
        })
    }

    /// When the call in flight wakes by itself.
    fn wake(&self) -> Option<Instant> {
        match &self.in_flight {
            InFlight::Sleeping { until, .. } => *until,
            InFlight::Nothing | InFlight::Ended { .. } => None,
        }
    }

    /// Lets the call in flight try again. To be done after every step.
    fn retry(&mut self) {
        let InFlight::Sleeping {
            call,
            progress,
            until,
        } = &mut self.in_flight
        else {
            return;
        };
        let result = match self.kernel.attempt(call, progress) {
            Err(Stop::Sleep(next)) => {
                *until = next;
                return;
            }
            ended => outcome(ended),
        };
        self.in_flight = InFlight::Ended {
            started: progress.started,
            ended: self.kernel.engine.now(),
            result,
        };
    }

    /// What came of a call on signals; `None` for any other.
    fn signal(&mut self, call: &Call) -> Option<Result<Outcome, TargetError>> {
        let result = match call {
            Call::SigAction {
                signal,
                disposition,
            } => self.kernel.set_signal(*signal, *disposition),
            Call::TgKill { signal } => match self.kernel.signal(*signal, &mut self.in_flight) {
                Err(error) => return Some(Err(error)),
                Ok(Err(errno)) => Err(errno),
                Ok(Ok(None)) => Ok(Outcome::ok(0)),
                Ok(Ok(Some(ended))) => {
                    self.interrupt(ended);
                    Ok(Outcome::ok(0))
                }
            },
            _ => return None,
        };
        Some(Ok(result.unwrap_or_else(Outcome::failed)))
    }

    /// Ends the call in flight.
    fn interrupt(&mut self, ended: Result<Outcome, Stop>) {
        if let InFlight::Sleeping { progress, .. } = &self.in_flight {
            self.in_flight = InFlight::Ended {
                started: progress.started,
                ended: self.kernel.engine.now(),
                result: outcome(ended),
            };
        }
    }

    /// Goes on to the next thing that happens not later than `limit`: a timer of the stack, the call in
    /// flight waking, or `own`. If there is none the clock stands at `limit` afterwards, and `false` comes back.
    fn step(&mut self, limit: Instant, own: Option<Instant>) -> Result<bool, TargetError> {
        let next = [self.kernel.engine.deadline(), self.wake(), own]
            .into_iter()
            .flatten()
            .min()
            .filter(|at| *at <= limit);
        self.kernel.engine.advance(next.unwrap_or(limit))?;
        self.kernel.refresh();
        self.retry();
        Ok(next.is_some())
    }

    fn moment(&self, started: Instant, ended: Instant) -> Moment {
        Moment {
            start: self.kernel.engine.time_of(started),
            end: self.kernel.engine.time_of(ended),
        }
    }
}

impl InProcess for ReferenceSession {
    fn begin(&mut self) {
        self.kernel.engine.begin();
    }
}

impl Session for ReferenceSession {
    fn start(&mut self) {
        self.kernel.engine.start();
    }

    fn now(&mut self) -> Time {
        self.kernel.engine.time()
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        let limit = self.kernel.engine.instant_of(time);
        while self.step(limit, None)? {}
        Ok(())
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let moment = Moment::at(self.now());
        self.kernel.engine.receive(datagram);
        self.kernel.refresh();
        self.retry();
        Ok(moment)
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        let limit = self.kernel.engine.instant_of(deadline);
        while !self.kernel.engine.has_packet() {
            if !self.step(limit, None)? {
                break;
            }
        }
        Ok(self.kernel.engine.take_packet())
    }

    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        let started = self.kernel.engine.now();
        if let Some(outcome) = self.signal(call) {
            return Ok(CallReport::Returned {
                moment: self.moment(started, started),
                outcome: outcome?,
            });
        }
        let end = started + limit;
        let mut progress = Progress::new(started);
        loop {
            let wake = match self.kernel.attempt(call, &mut progress) {
                Err(Stop::Sleep(wake)) => wake,
                ended => {
                    let outcome = outcome(ended)?;
                    // What this call did may be what the other one waits for.
                    self.retry();
                    return Ok(CallReport::Returned {
                        moment: self.moment(started, self.kernel.engine.now()),
                        outcome,
                    });
                }
            };
            if !self.step(end, wake)? {
                return Ok(CallReport::Blocked);
            }
        }
    }

    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        if !matches!(self.in_flight, InFlight::Nothing) {
            return Err(TargetError::Machine(
                "a blocking call was started while another one is in flight".to_owned(),
            ));
        }
        let started = self.kernel.engine.now();
        let mut progress = Progress::new(started);
        self.in_flight = match self.kernel.attempt(call, &mut progress) {
            Err(Stop::Sleep(until)) => InFlight::Sleeping {
                call: call.clone(),
                progress,
                until,
            },
            ended => InFlight::Ended {
                started,
                ended: started,
                result: Ok(outcome(ended)?),
            },
        };
        Ok(Moment::at(self.now()))
    }

    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        let limit = self.kernel.engine.instant_of(deadline);
        while matches!(self.in_flight, InFlight::Sleeping { .. }) {
            if !self.step(limit, None)? {
                break;
            }
        }
        match std::mem::replace(&mut self.in_flight, InFlight::Nothing) {
            InFlight::Nothing => Err(TargetError::Machine(
                "the end of a blocking call was asked for, but none was started".to_owned(),
            )),
            sleeping @ InFlight::Sleeping { .. } => {
                self.in_flight = sleeping;
                Ok(CallReport::Blocked)
            }
            InFlight::Ended {
                started,
                ended,
                result,
            } => Ok(CallReport::Returned {
                moment: self.moment(started, ended),
                outcome: result?,
            }),
        }
    }

    fn prepare_commands(&mut self, context: &CommandContext) -> Result<(), TargetError> {
        self.folder.clone_from(&context.folder);
        Ok(())
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        let slept = self.kernel.command(command, self.folder.as_deref())?;
        let (report, time) = slept;
        let until = self.now() + time;
        self.sleep_until(until)?;
        Ok(report)
    }

    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        self.kernel.info(fd).map_err(|stop| match stop {
            Stop::Target(error) => error,
            Stop::Failed(errno) => TargetError::Machine(format!(
                "descriptor {} has no tcp_info (errno {})",
                fd.0, errno.0
            )),
            Stop::Sleep(_) => TargetError::Machine("a snapshot cannot wait".to_owned()),
        })
    }

    fn peer(&mut self, fd: Fd) -> Result<Option<SocketAddr>, TargetError> {
        Ok(self.kernel.peer(fd))
    }

    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError> {
        if self.process.is_some() {
            return Err(TargetError::Machine(
                "a process was started while another one runs".to_owned(),
            ));
        }
        self.process = Some(Process::connected_to(peer, &mut self.kernel)?);
        Ok(())
    }

    fn end_process(&mut self, signal: i32) -> Result<(), TargetError> {
        let process = self.process.take().ok_or_else(|| {
            TargetError::Machine("there is no process to end; start one first".to_owned())
        })?;
        process.end(signal, &mut self.kernel)
    }
}

/// The end of a call: a failure with an errno is an outcome, a fault of the target is not.
pub(super) fn outcome(ended: Result<Outcome, Stop>) -> Result<Outcome, TargetError> {
    match ended {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Failed(errno)) => Ok(Outcome::failed(errno)),
        Err(Stop::Target(error)) => Err(error),
        Err(Stop::Sleep(_)) => Err(TargetError::Machine(
            "a sleeping call was taken for a finished one".to_owned(),
        )),
    }
}

/// Sixteen bytes from a seed (SplitMix64): the key of ISNs, cookies and ports of one case.
fn secret(seed: u64) -> [u8; 16] {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&word().to_le_bytes());
    bytes[8..].copy_from_slice(&word().to_le_bytes());
    bytes
}
