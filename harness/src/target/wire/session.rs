//! A case on a machine with an agent: calls go to the agent, packets over the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::line::Line;
use crate::agent::client::{Client, unexpected};
use crate::agent::protocol::{Request, Response};
use crate::call::{Call, Fd};
use crate::script::command;
use crate::target::{CallReport, CommandReport, Observed, Session, TargetError};
use crate::time::{Moment, Time};

/// How long the agent waits for a call at a time.
const SLICE: Duration = Duration::from_secs(1);

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(60);

/// How long closing everything may take.
const CLOSE: Duration = Duration::from_secs(5);

/// A session of an agent.
#[derive(Debug)]
pub(super) struct AgentSession {
    line: Line,
    client: Client,
    /// When the call in flight was started.
    started: Option<Moment>,
}

impl AgentSession {
    pub(super) fn new(line: Line, client: Client) -> AgentSession {
        AgentSession {
            line,
            client,
            started: None,
        }
    }

    /// Asks the agent; the wire is looked after meanwhile. Gives the answer and when it was waited for.
    fn ask(
        &mut self,
        request: &Request,
        limit: Duration,
    ) -> Result<(Response, Time, Time), TargetError> {
        let asked = self.line.now();
        self.client.send(request)?;
        let line = &mut self.line;
        let response = self.client.answer(limit, |stream, deadline| {
            let limit = deadline.saturating_duration_since(std::time::Instant::now());
            line.wait_for(stream, limit)
        })?;
        Ok((response, asked, self.line.now()))
    }
}

impl Session for AgentSession {
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
        self.line.inject(datagram)
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        self.line.next_packet(deadline)
    }

    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        let request = Request::Call {
            call: call.clone(),
            limit_us: micros(limit),
        };
        let (response, asked, told) = self.ask(&request, limit)?;
        report(response, asked, told)
    }

    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        let request = Request::Start { call: call.clone() };
        match self.ask(&request, SLICE)? {
            (Response::Started, start, end) => {
                let moment = Moment { start, end };
                self.started = Some(moment);
                Ok(moment)
            }
            (other, ..) => Err(unexpected(&other)),
        }
    }

    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        let Some(started) = self.started else {
            return Err(TargetError::Machine(
                "no blocking call was started whose end could be waited for".into(),
            ));
        };
        loop {
            let limit = deadline.saturating_since(self.line.now()).min(SLICE);
            let request = Request::Finish {
                limit_us: micros(limit),
            };
            let (response, _, told) = self.ask(&request, limit)?;
            match report(response, started.start, told)? {
                CallReport::Blocked if self.line.now() < deadline => {}
                CallReport::Blocked => return Ok(CallReport::Blocked),
                returned @ CallReport::Returned { .. } => {
                    self.started = None;
                    return Ok(returned);
                }
            }
        }
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        if let Some(report) = harmless(command) {
            return Ok(report);
        }
        let request = Request::Command {
            command: command.to_string(),
        };
        match self.ask(&request, COMMAND)?.0 {
            Response::Ran { status, output } => Ok(CommandReport { status, output }),
            other => Err(unexpected(&other)),
        }
    }

    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        match self.ask(&Request::Info { fd }, Duration::ZERO)?.0 {
            Response::Info(variables) => Ok(variables),
            other => Err(unexpected(&other)),
        }
    }

    fn peer(&mut self, fd: Fd) -> Result<Option<SocketAddr>, TargetError> {
        match self.ask(&Request::Peer { fd }, Duration::ZERO)?.0 {
            Response::Peer(peer) => Ok(peer),
            other => Err(unexpected(&other)),
        }
    }

    fn intact(&mut self) -> Result<(), TargetError> {
        match self.ask(&Request::Ping, Duration::ZERO)?.0 {
            Response::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError> {
        let request = Request::StartProcess { peer };
        match self.ask(&request, Duration::ZERO)?.0 {
            Response::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn end_process(&mut self, signal: i32) -> Result<(), TargetError> {
        let request = Request::EndProcess { signal };
        match self.ask(&request, SLICE)?.0 {
            Response::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

impl Drop for AgentSession {
    fn drop(&mut self) {
        // If the agent is gone, it has closed everything by itself.
        let _ = self.ask(&Request::Close, CLOSE);
        self.line.reset_all();
    }
}

/// A call on the controller's clock: made after it was asked for; it had returned when the answer
/// came, less the time that the agent says had passed since.
fn report(response: Response, asked: Time, told: Time) -> Result<CallReport, TargetError> {
    match response {
        Response::Blocked => Ok(CallReport::Blocked),
        Response::Returned {
            began_us,
            ended_us,
            outcome,
        } => {
            let took = Duration::from_micros(began_us.saturating_sub(ended_us));
            // It cannot have ended before it had run as long as the agent says.
            let end = (told - Duration::from_micros(ended_us)).max(asked + took);
            let start = asked.min(end);
            Ok(CallReport::Returned {
                moment: Moment { start, end },
                outcome,
            })
        }
        other => Err(unexpected(&other)),
    }
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// The report of a command that does nothing, which needs nobody to run it.
pub(super) fn harmless(command: &str) -> Option<CommandReport> {
    let settings = command::settings(command)?;
    settings.is_empty().then(|| CommandReport {
        status: Some(0),
        output: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Outcome;
    use rstest::rstest;

    #[rstest]
    #[case::at_once(310, 300, 1000, 1400, (1000, 1100))]
    #[case::long_over(5_000_000, 4_000_000, 1000, 6_000_000, (1000, 2_000_000))]
    #[case::impossible(900, 800, 1000, 1100, (1000, 1100))]
    fn a_call_lies_between_question_and_answer(
        #[case] began_us: u64,
        #[case] ended_us: u64,
        #[case] asked: i64,
        #[case] told: i64,
        #[case] want: (i64, i64),
    ) {
        let response = Response::Returned {
            began_us,
            ended_us,
            outcome: Outcome::ok(0),
        };
        let at = Time::from_micros;
        let Ok(CallReport::Returned { moment, .. }) = report(response, at(asked), at(told)) else {
            panic!("it has returned");
        };
        assert_eq!((moment.start, moment.end), (at(want.0), at(want.1)));
    }

    #[test]
    fn a_command_that_does_nothing_needs_nobody() {
        assert!(harmless("true").is_some());
        assert!(harmless("sysctl -w net.ipv4.tcp_sack=1").is_none());
        assert!(harmless("date").is_none());
    }
}
