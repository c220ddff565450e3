//! One case as the agent sees it: requests in, calls made, answers out.

use std::net::TcpStream;
use std::time::Duration;

use super::channel::{Channel, ChannelError};
use super::machine::{Finished, Machine};
use super::protocol::{LONGEST_WAIT_US, Request, Response};
use super::timed::Timed;
use crate::call::Call;
use crate::target::TargetError;

/// How long a message may take from its first byte to its last.
pub(super) const MESSAGE: Duration = Duration::from_secs(30);

/// How long a controller may be silent. Longer than any script waits for one packet.
const SILENCE: Duration = Duration::from_secs(1800);

/// Serves requests until the controller is done; `false` if it has gone without a word.
///
/// # Errors
/// Why the conversation ended early. In every case the machine is put in order when it is dropped.
pub(super) fn converse(
    stream: &TcpStream,
    channel: &mut Channel,
    machine: &mut dyn Machine,
    allow_commands: bool,
) -> Result<bool, ChannelError> {
    loop {
        let request = match next(stream, channel) {
            Err(ChannelError::Closed) => return Ok(false),
            request => request?,
        };
        if request == Request::Close {
            return Ok(true);
        }
        let response = answer(&request, machine, allow_commands);
        reply(stream, channel, &response)?;
    }
}

/// The next request, however long it takes to come.
pub(super) fn next(stream: &TcpStream, channel: &mut Channel) -> Result<Request, ChannelError> {
    stream
        .set_read_timeout(Some(SILENCE))
        .map_err(ChannelError::Io)?;
    while let Err(error) = stream.peek(&mut [0]) {
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(ChannelError::Io(error));
        }
    }
    channel.receive(&mut Timed::new(stream, MESSAGE))
}

/// Sends an answer; one that is too long becomes a shorter one that says so.
pub(super) fn reply(
    stream: &TcpStream,
    channel: &mut Channel,
    response: &Response,
) -> Result<(), ChannelError> {
    match channel.send(&mut Timed::new(stream, MESSAGE), response) {
        Err(ChannelError::TooLong(len)) => {
            let shorter = Response::Unsupported {
                capability: "size".into(),
                reason: format!("the answer has {len} bytes, more than the agent sends"),
            };
            channel.send(&mut Timed::new(stream, MESSAGE), &shorter)
        }
        other => other,
    }
}

fn answer(request: &Request, machine: &mut dyn Machine, allow_commands: bool) -> Response {
    perform(request, machine, allow_commands).unwrap_or_else(|error| match error {
        TargetError::Unsupported { capability, reason } => {
            Response::Unsupported { capability, reason }
        }
        TargetError::Machine(what) | TargetError::Stack(what) => Response::Failed(what),
        late @ TargetError::Late(_) => Response::Failed(late.to_string()),
    })
}

fn perform(
    request: &Request,
    machine: &mut dyn Machine,
    allow_commands: bool,
) -> Result<Response, TargetError> {
    Ok(match request {
        Request::Hello { .. } | Request::Close => {
            Response::Failed("this request has no place here".into())
        }
        Request::Ping => Response::Done,
        Request::BePunctual => {
            machine.be_punctual()?;
            Response::Done
        }
        Request::HeldUp { from_us, to_us } => {
            let ago = Duration::from_micros;
            Response::HeldUp(micros(machine.held_up(ago(*from_us), ago(*to_us))))
        }
        Request::Route { remote } => {
            let (local, mtu) = machine.route(*remote)?;
            Response::Route { local, mtu }
        }
        // A file can be anything: what runs commands, what holds the secret.
        Request::Call {
            call: Call::Open { .. },
            ..
        }
        | Request::Start {
            call: Call::Open { .. },
        } if !allow_commands => return Err(not_allowed("call:open", "files are opened")),
        Request::Call { call, limit_us } => returned(machine.call(call, limit(*limit_us))?),
        Request::Start { call } => {
            machine.start_call(call)?;
            Response::Started
        }
        Request::Finish { limit_us } => returned(machine.finish_call(limit(*limit_us))?),
        Request::Command { .. } if !allow_commands => {
            return Err(not_allowed("shell", "commands are run"));
        }
        Request::Command { command } => {
            let report = machine.command(command)?;
            Response::Ran {
                status: report.status,
                output: report.output,
            }
        }
        Request::Info { fd } => Response::Info(machine.socket_info(*fd)?),
        Request::Peer { fd } => Response::Peer(machine.peer(*fd)?),
        Request::StartProcess { peer } => {
            machine.start_process(*peer)?;
            Response::Done
        }
        Request::EndProcess { signal } => {
            machine.end_process(*signal)?;
            Response::Done
        }
    })
}

fn not_allowed(capability: &str, what: &str) -> TargetError {
    TargetError::Unsupported {
        capability: capability.into(),
        reason: format!("{what} only by an agent that was started with --allow-commands"),
    }
}

fn limit(micros: u64) -> Duration {
    Duration::from_micros(micros.min(LONGEST_WAIT_US))
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

fn returned(finished: Option<Finished>) -> Response {
    let Some(finished) = finished else {
        return Response::Blocked;
    };
    Response::Returned {
        began_us: micros(finished.began).saturating_add(1),
        ended_us: micros(finished.ended),
        outcome: finished.outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Fd, Outcome};
    use crate::target::CommandReport;
    use std::collections::BTreeMap;
    use std::net::{IpAddr, SocketAddr};

    /// Counts what it is asked to do.
    #[derive(Default)]
    struct Counting {
        calls: u32,
        commands: u32,
        longest: Duration,
    }

    impl Machine for Counting {
        fn be_punctual(&mut self) -> Result<(), TargetError> {
            Ok(())
        }

        fn held_up(&mut self, from: Duration, to: Duration) -> Duration {
            from.saturating_sub(to)
        }

        fn route(&mut self, remote: IpAddr) -> Result<(IpAddr, u32), TargetError> {
            Ok((remote, 1500))
        }

        fn call(&mut self, _: &Call, limit: Duration) -> Result<Option<Finished>, TargetError> {
            self.calls += 1;
            self.longest = self.longest.max(limit);
            Ok(Some(Finished {
                began: Duration::from_nanos(2_900),
                ended: Duration::from_nanos(1_900),
                outcome: Outcome::ok(0),
            }))
        }

        fn start_call(&mut self, _: &Call) -> Result<(), TargetError> {
            self.calls += 1;
            Ok(())
        }

        fn finish_call(&mut self, _: Duration) -> Result<Option<Finished>, TargetError> {
            Ok(None)
        }

        fn command(&mut self, _: &str) -> Result<CommandReport, TargetError> {
            self.commands += 1;
            Ok(CommandReport {
                status: Some(0),
                output: String::new(),
            })
        }

        fn socket_info(&mut self, _: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
            Err(TargetError::Machine("no socket".into()))
        }

        fn peer(&mut self, _: Fd) -> Result<Option<SocketAddr>, TargetError> {
            Ok(None)
        }

        fn start_process(&mut self, _: SocketAddr) -> Result<(), TargetError> {
            Ok(())
        }

        fn end_process(&mut self, _: i32) -> Result<(), TargetError> {
            Ok(())
        }
    }

    fn open() -> Call {
        Call::Open {
            path: "/etc/passwd".into(),
            flags: 0,
        }
    }

    #[test]
    fn commands_and_files_need_leave() {
        let mut machine = Counting::default();
        let requests = [
            Request::Command {
                command: "true".into(),
            },
            Request::Call {
                call: open(),
                limit_us: 1,
            },
            Request::Start { call: open() },
        ];
        for request in &requests {
            let response = answer(request, &mut machine, false);
            assert!(
                matches!(&response, Response::Unsupported { reason, .. } if reason.contains("--allow-commands")),
                "{response:?}"
            );
        }
        assert_eq!((machine.calls, machine.commands), (0, 0));
        for request in &requests {
            let response = answer(request, &mut machine, true);
            assert!(!matches!(response, Response::Unsupported { .. }));
        }
        assert_eq!((machine.calls, machine.commands), (2, 1));
    }

    #[test]
    fn stalls_are_told_for_any_two_moments() {
        let mut machine = Counting::default();
        for (from_us, to_us, want) in [(9, 2, 7), (2, 9, 0), (u64::MAX, 0, u64::MAX)] {
            let request = Request::HeldUp { from_us, to_us };
            let told = answer(&request, &mut machine, false);
            assert_eq!(told, Response::HeldUp(want));
        }
    }

    #[test]
    fn a_call_is_told_with_its_age_and_waits_no_longer_than_a_minute() {
        let mut machine = Counting::default();
        let request = Request::Call {
            call: Call::Close { fd: Fd(3) },
            limit_us: u64::MAX,
        };
        let expected = Response::Returned {
            began_us: 3,
            ended_us: 1,
            outcome: Outcome::ok(0),
        };
        assert_eq!(answer(&request, &mut machine, false), expected);
        assert_eq!(machine.longest, Duration::from_secs(60));
    }
}
