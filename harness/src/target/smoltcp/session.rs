//! One case's host in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use smoltcp::time::Instant;

use super::blocking::{InFlight, Progress, Stop};
use super::descriptors::{Table, unmapped};
use super::host::{Host, Options};
use super::kernel::Kernel;
use crate::call::{Call, Fd, Outcome};
use crate::program::IpVersion;
use crate::target::guarded::InProcess;
use crate::target::{CallReport, CommandReport, Observed, Session, SessionSettings, TargetError};
use crate::time::{Moment, Time};

/// A host of smoltcp with its descriptors and its clock. Nothing in it reads the machine's clock.
pub(super) struct SmoltcpSession {
    kernel: Kernel,
    in_flight: InFlight,
}

impl SmoltcpSession {
    /// A host with the addresses and MTU of `settings`.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the local address is of another family than the packets;
    /// [`TargetError::Unsupported`] for an MTU outside of what smoltcp documents.
    pub(super) fn new(settings: &SessionSettings) -> Result<SmoltcpSession, TargetError> {
        let address = unmapped(settings.local_ip);
        let ipv6 = settings.ip_version == IpVersion::Ipv6;
        if address.is_ipv6() != ipv6 {
            return Err(TargetError::Machine(format!(
                "the local address {} does not fit the IP version of the case",
                settings.local_ip
            )));
        }
        let least = if ipv6 { 1280 } else { 576 };
        if settings.mtu < least {
            return Err(TargetError::Unsupported {
                capability: "mtu".to_owned(),
                reason: format!("smoltcp wants an MTU of at least {least}"),
            });
        }
        let host = Host::new(
            settings.mtu,
            address,
            settings.local_prefix,
            unmapped(settings.gateway_ip),
            settings.seed,
        );
        let kernel = Kernel {
            host,
            table: Table::default(),
            address,
            defaults: Options::default(),
            port_hint: settings.seed,
        };
        Ok(SmoltcpSession {
            kernel,
            in_flight: InFlight::Nothing,
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
            ended: self.kernel.host.now(),
            result,
        };
    }

    /// Goes on to the next thing that happens not later than `limit`: a timer of the stack, the call in
    /// flight waking, or `own`. If there is none the clock stands at `limit` afterwards, and `false`
    /// comes back.
    fn step(&mut self, limit: Instant, own: Option<Instant>) -> Result<bool, TargetError> {
        let next = [self.kernel.host.deadline(), self.wake(), own]
            .into_iter()
            .flatten()
            .min()
            .filter(|at| *at <= limit);
        self.kernel.host.advance(next.unwrap_or(limit))?;
        self.kernel.refresh();
        self.retry();
        Ok(next.is_some())
    }

    fn moment(&self, started: Instant, ended: Instant) -> Moment {
        Moment {
            start: self.kernel.host.time_of(started),
            end: self.kernel.host.time_of(ended),
        }
    }
}

impl InProcess for SmoltcpSession {
    fn begin(&mut self) {
        self.kernel.host.begin();
    }
}

impl Session for SmoltcpSession {
    fn start(&mut self) {
        self.kernel.host.start();
    }

    fn now(&mut self) -> Time {
        self.kernel.host.time_of(self.kernel.host.now())
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        let limit = self.kernel.host.instant_of(time);
        while self.step(limit, None)? {}
        Ok(())
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let moment = Moment::at(self.now());
        self.kernel.host.receive(datagram);
        self.kernel.refresh();
        self.retry();
        Ok(moment)
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        let limit = self.kernel.host.instant_of(deadline);
        while !self.kernel.host.has_packet() {
            if !self.step(limit, None)? {
                break;
            }
        }
        Ok(self.kernel.host.take_packet())
    }

    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        let started = self.kernel.host.now();
        let end = started + limit.into();
        let mut progress = Progress::new(started);
        loop {
            let wake = match self.kernel.attempt(call, &mut progress) {
                Err(Stop::Sleep(wake)) => wake,
                ended => {
                    let outcome = outcome(ended)?;
                    // What this call did may be what the other one waits for.
                    self.retry();
                    return Ok(CallReport::Returned {
                        moment: self.moment(started, self.kernel.host.now()),
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
        let started = self.kernel.host.now();
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
        let limit = self.kernel.host.instant_of(deadline);
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

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        self.kernel.command(command)
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
        Ok(self.kernel.remote(fd))
    }
}

/// The end of a call: a failure with an errno is an outcome, a fault of the target is not.
fn outcome(ended: Result<Outcome, Stop>) -> Result<Outcome, TargetError> {
    match ended {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Failed(errno)) => Ok(Outcome::failed(errno)),
        Err(Stop::Target(error)) => Err(error),
        Err(Stop::Sleep(_)) => Err(TargetError::Machine(
            "a sleeping call was taken for a finished one".to_owned(),
        )),
    }
}
