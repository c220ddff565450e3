//! The agent's door: who may come in, and one controller at a time.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::channel::{Channel, ChannelError};
use super::conversation::{MESSAGE, converse, next, reply};
use super::handshake::{HANDSHAKE, STRANGERS, as_agent};
use super::machine;
use super::protocol::{Request, Response, System};
use super::secret::Secret;
use super::timed::Timed;

/// Cases of the controller at a time; each has threads and sockets.
const CASES: usize = 512;

/// How an agent is run.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// The shared secret.
    pub secret: Secret,
    /// Whether it runs commands and opens files.
    pub allow_commands: bool,
}

/// Where an agent's log lines go.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// An agent in waiting.
pub struct Agent {
    settings: AgentSettings,
    log: Log,
    strangers: AtomicUsize,
    served: Mutex<Option<Served>>,
}

/// The controller that is being served.
#[derive(Debug)]
struct Served {
    controller: u64,
    connections: usize,
    /// In all.
    seen: usize,
}

impl Agent {
    /// An agent that tells `log` who came and who was refused.
    pub fn new(settings: AgentSettings, log: Log) -> Arc<Agent> {
        Arc::new(Agent {
            settings,
            log,
            strangers: AtomicUsize::new(0),
            served: Mutex::new(None),
        })
    }

    /// Serves whoever comes, for ever.
    ///
    /// # Errors
    /// If connections cannot be taken any more.
    pub fn serve(self: &Arc<Agent>, listener: &TcpListener) -> std::io::Result<()> {
        loop {
            let (stream, caller) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if is_passing(&error) => {
                    // Out of descriptors, say: not for ever, but do not spin.
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let agent = Arc::clone(self);
            let started = std::thread::Builder::new()
                .name("tcpdrill-agent".into())
                .spawn(move || agent.receive(&stream, caller));
            if let Err(error) = started {
                (self.log)(&format!("{caller}: refused: no thread for it: {error}"));
            }
        }
    }

    /// One connection from its first byte to its end.
    fn receive(&self, stream: &TcpStream, caller: SocketAddr) {
        if let Err(problem) = self.admit(stream, caller) {
            (self.log)(&format!("{caller}: {problem}"));
        }
    }

    fn admit(&self, stream: &TcpStream, caller: SocketAddr) -> Result<(), String> {
        let stranger = Counted::within(&self.strangers, STRANGERS)
            .ok_or_else(|| {
                format!(
                    "refused: {STRANGERS} callers have not proved themselves yet, and no more are let in"
                )
            })?;
        // Without delay: each answer is waited for.
        let _ = stream.set_nodelay(true);
        let keys = as_agent(&mut Timed::new(stream, HANDSHAKE), &self.settings.secret)
            .map_err(|error| format!("refused: {error}"))?;
        drop(stranger);
        keep_alive(stream);
        let mut channel = Channel::new(keys);
        let early = |error: ChannelError| format!("ended early: {error}");
        let Request::Hello { controller } = next(stream, &mut channel).map_err(early)? else {
            return Err("refused: it did not say who it is".into());
        };
        let Some(_visit) = self.begin(controller, caller) else {
            reply(stream, &mut channel, &Response::Busy).map_err(early)?;
            return Err("refused: another controller is being served".into());
        };
        let mut machine = machine::open().map_err(|error| format!("refused: {error}"))?;
        let system = System {
            os: std::env::consts::OS.into(),
            release: machine::release(),
            little_endian: cfg!(target_endian = "little"),
            commands: self.settings.allow_commands,
        };
        reply(stream, &mut channel, &Response::Welcome(system)).map_err(early)?;
        let ended = converse(
            stream,
            &mut channel,
            machine.as_mut(),
            self.settings.allow_commands,
        );
        drop(machine);
        match ended {
            // Only now: the controller waits for the sockets to be closed.
            Ok(false) => Ok(()),
            Ok(true) => channel
                .send(&mut Timed::new(stream, MESSAGE), &Response::Done)
                .map_err(early),
            Err(error) => Err(early(error)),
        }
    }

    fn served(&self) -> MutexGuard<'_, Option<Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection of a controller in, unless another controller is being served.
    fn begin(&self, controller: u64, caller: SocketAddr) -> Option<Visit<'_>> {
        let mut served = self.served();
        match served.as_mut() {
            Some(present) if present.controller == controller && present.connections < CASES => {
                present.connections += 1;
                present.seen += 1;
            }
            Some(_) => return None,
            None => {
                (self.log)(&format!("{caller}: controller {controller:016x} came"));
                *served = Some(Served {
                    controller,
                    connections: 1,
                    seen: 1,
                });
            }
        }
        drop(served);
        Some(Visit { agent: self })
    }

    fn end(&self) {
        let mut served = self.served();
        if let Some(present) = served.as_mut() {
            present.connections -= 1;
            if present.connections == 0 {
                let (controller, seen) = (present.controller, present.seen);
                (self.log)(&format!(
                    "controller {controller:016x} left after {seen} connections"
                ));
                *served = None;
            }
        }
    }
}

/// A connection that was let in.
struct Visit<'a> {
    agent: &'a Agent,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.agent.end();
    }
}

/// One of a limited number.
struct Counted<'a>(&'a AtomicUsize);

impl Counted<'_> {
    fn within(count: &AtomicUsize, most: usize) -> Option<Counted<'_>> {
        let counted = Counted(count);
        // Dropped if there are too many, which counts it off again.
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(counted)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    /// ENFILE and EMFILE, the same on every unix.
    const OUT_OF_DESCRIPTORS: [i32; 2] = [23, 24];
    matches!(error.kind(), ConnectionAborted | Interrupted | WouldBlock)
        || error
            .raw_os_error()
            .is_some_and(|errno| OUT_OF_DESCRIPTORS.contains(&errno))
}

/// Has the kernel notice within half a minute that the controller's machine is gone.
fn keep_alive(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt};
        // A refusal costs promptness only: silence ends the conversation, too.
        let _ = setsockopt(stream, sockopt::KeepAlive, &true);
        let _ = setsockopt(stream, sockopt::TcpKeepIdle, &10);
        let _ = setsockopt(stream, sockopt::TcpKeepInterval, &5);
        let _ = setsockopt(stream, sockopt::TcpKeepCount, &4);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::client::Client;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes()).unwrap()
    }

    /// An agent on loopback, its address, and what it has logged.
    fn agent() -> (String, Arc<Mutex<Vec<String>>>) {
        let (_, address, lines) = agent_in_sight();
        (address, lines)
    }

    fn agent_in_sight() -> (Arc<Agent>, String, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&lines);
        let settings = AgentSettings {
            secret: secret("0123456789abcdef"),
            allow_commands: false,
        };
        let agent = Agent::new(
            settings,
            Arc::new(move |line: &str| log.lock().unwrap().push(line.to_string())),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Arc::clone(&agent);
        std::thread::spawn(move || server.serve(&listener));
        (agent, address, lines)
    }

    #[test]
    fn a_caller_with_a_wrong_secret_gets_nothing_and_is_logged() {
        let (address, lines) = agent();
        let error = Client::connect(&address, &secret("fedcba9876543210"), 1).unwrap_err();
        assert!(error.to_string().contains("secret"), "{error}");
        // The log line may come a moment after the connection's end.
        for _ in 0..500 {
            if !lines.lock().unwrap().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let lines = lines.lock().unwrap().join("\n");
        assert!(lines.contains("refused: the secret"), "{lines}");
    }

    #[test]
    fn a_crowd_of_silent_callers_is_named_on_both_sides() {
        let (agent, address, lines) = agent_in_sight();
        let crowd: Vec<TcpStream> = (0..STRANGERS)
            .map(|_| TcpStream::connect(&address).unwrap())
            .collect();
        // Each of them has a thread that comes to it in its own time; a caller before the last of
        // these would have its place for good.
        while agent.strangers.load(Ordering::Relaxed) < STRANGERS {
            std::thread::sleep(Duration::from_millis(1));
        }
        let told = Client::connect(&address, &secret("0123456789abcdef"), 1).unwrap_err();
        let told = told.to_string();
        assert!(told.contains("32 callers at a time"), "{told}");
        drop(crowd);
        let lines = lines.lock().unwrap().join("\n");
        assert!(lines.contains("32 callers have not"), "{lines}");
    }

    #[cfg(target_os = "linux")]
    mod on_linux {
        use super::*;
        use crate::call::{Call, Fd};

        #[test]
        fn one_controller_is_served_at_a_time_with_many_cases() {
            let (address, _) = agent();
            let secret = secret("0123456789abcdef");
            let mut first = Client::connect(&address, &secret, 1).unwrap();
            assert_eq!(first.system().os, "linux");
            let second = Client::connect(&address, &secret, 1).unwrap();
            let error = Client::connect(&address, &secret, 2).unwrap_err();
            assert!(error.to_string().contains("another controller"), "{error}");
            drop(second);
            let closed = first.ask(&Request::Close, Duration::ZERO).unwrap();
            assert_eq!(closed, Response::Done);
        }

        #[test]
        fn calls_are_made_and_commands_are_not() {
            let (address, _) = agent();
            let mut client = Client::connect(&address, &secret("0123456789abcdef"), 1).unwrap();
            let call = Call::Socket {
                domain: libc::AF_INET,
                kind: libc::SOCK_STREAM,
                protocol: 0,
            };
            let request = Request::Call {
                call,
                limit_us: 1_000_000,
            };
            let Response::Returned { outcome, .. } = client.ask(&request, Duration::ZERO).unwrap()
            else {
                panic!("a call returns");
            };
            assert!(outcome.result >= 0, "{outcome:?}");
            // The agent's own descriptors are none of the case's.
            let call = Call::Close { fd: Fd(0) };
            let request = Request::Call {
                call,
                limit_us: 1_000_000,
            };
            let Response::Returned { outcome, .. } = client.ask(&request, Duration::ZERO).unwrap()
            else {
                panic!("a call returns");
            };
            assert_eq!(outcome.errno, Some(crate::call::Errno(libc::EBADF)));
            let command = Request::Command {
                command: "true".into(),
            };
            let error = client.ask(&command, Duration::ZERO).unwrap_err();
            assert!(error.to_string().contains("--allow-commands"), "{error}");
        }
    }
}
