//! The controller's side of a conversation with an agent.

use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::channel::{Channel, ChannelError};
use super::handshake::as_caller;
use super::protocol::{Request, Response, System};
use super::secret::Secret;
use super::timed::Timed;
use crate::target::TargetError;

/// How long connecting and the handshake may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take beyond what it was asked to wait for.
const ANSWER: Duration = Duration::from_secs(20);

/// A connection to an agent, for one case. Dropping it ends the case there.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    channel: Channel,
    system: System,
}

impl Client {
    /// Connects to an agent at `HOST:PORT`.
    ///
    /// # Errors
    /// What went wrong and what to do about it.
    pub fn connect(agent: &str, secret: &Secret, controller: u64) -> Result<Client, TargetError> {
        let fail = |what: String| TargetError::Machine(format!("the agent at {agent}: {what}"));
        let stream = dial(agent).map_err(fail)?;
        let _ = stream.set_nodelay(true);
        let keys = as_caller(&mut Timed::new(&stream, CONNECT), secret)
            .map_err(|error| fail(error.to_string()))?;
        let mut client = Client {
            stream,
            channel: Channel::new(keys),
            system: System {
                os: String::new(),
                release: String::new(),
                little_endian: true,
                commands: false,
            },
        };
        match client.ask(&Request::Hello { controller }, CONNECT)? {
            Response::Welcome(system) if system.little_endian == cfg!(target_endian = "little") => {
                client.system = system;
                Ok(client)
            }
            Response::Welcome(_) => Err(fail(
                "its machine has the other byte order; run tcpdrill on one with the same".into(),
            )),
            Response::Busy => Err(fail(
                "it serves another controller; try again when that is done".into(),
            )),
            other => Err(unexpected(&other)),
        }
    }

    /// The machine it runs on.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The connection, to wait for.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The agent's own address on the way to `remote`, and the MTU of that way in bytes.
    ///
    /// # Errors
    /// [`TargetError`] if there is no way, or the agent is gone.
    pub fn route(&mut self, remote: IpAddr) -> Result<(IpAddr, u32), TargetError> {
        match self.ask(&Request::Route { remote }, Duration::ZERO)? {
            Response::Route { local, mtu } => Ok((local, mtu)),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks and waits for the answer, which may take `limit` in good order.
    ///
    /// # Errors
    /// As of [`Client::answer`].
    pub fn ask(&mut self, request: &Request, limit: Duration) -> Result<Response, TargetError> {
        self.send(request)?;
        self.answer(limit, |_, _| Ok(()))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if it is too long; [`TargetError::Machine`] if the agent is gone.
    pub fn send(&mut self, request: &Request) -> Result<(), TargetError> {
        let mut stream = Timed::new(&self.stream, ANSWER);
        self.channel
            .send(&mut stream, request)
            .map_err(|error| match error {
                ChannelError::TooLong(len) => TargetError::Unsupported {
                    capability: "size".into(),
                    reason: format!(
                        "the call takes a message of {len} bytes, more than an agent takes"
                    ),
                },
                other => lost(&other),
            })
    }

    /// The answer to the request sent last. `wait` is called first and may wait until the connection
    /// is readable or the instant it is given has come, doing something else meanwhile.
    ///
    /// # Errors
    /// What the agent could not do; [`TargetError::Machine`] if it is gone or silent.
    pub fn answer(
        &mut self,
        limit: Duration,
        wait: impl FnOnce(&TcpStream, Instant) -> Result<(), TargetError>,
    ) -> Result<Response, TargetError> {
        let deadline = Instant::now() + limit + ANSWER;
        wait(&self.stream, deadline)?;
        let left = deadline.saturating_duration_since(Instant::now());
        // A moment at least for what has come at the last one.
        let mut stream = Timed::new(&self.stream, left.max(Duration::from_secs(1)));
        match self.channel.receive(&mut stream) {
            Ok(Response::Unsupported { capability, reason }) => {
                Err(TargetError::Unsupported { capability, reason })
            }
            Ok(Response::Failed(what)) => Err(TargetError::Machine(format!(
                "the agent's machine failed: {what}"
            ))),
            Ok(response) => Ok(response),
            Err(error) => Err(lost(&error)),
        }
    }
}

/// Tries every address the name has.
fn dial(agent: &str) -> Result<TcpStream, String> {
    let addresses = agent
        .to_socket_addrs()
        .map_err(|error| format!("it is no HOST:PORT that can be resolved ({error})"))?;
    let mut last = "the name has no address".to_string();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                last = format!(
                    "{error}; is `tcpdrill agent` running there, and listening on that address?"
                )
            }
        }
    }
    Err(last)
}

fn lost(error: &ChannelError) -> TargetError {
    TargetError::Machine(format!("the agent is lost: {error}"))
}

/// The error of an answer that does not belong to the request.
pub fn unexpected(response: &Response) -> TargetError {
    TargetError::Machine(format!(
        "the agent gave an answer of another kind: {response:?}"
    ))
}
