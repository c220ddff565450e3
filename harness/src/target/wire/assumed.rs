//! Without an agent: what a script may say about a server that is just there.

use crate::call::{Address, Call, Outcome};
use crate::program::{Action, BodyPattern, CallStep, Match, PacketPattern, Program, Step};
use crate::target::TargetError;
use crate::wire::TcpFlags;

const SOL_SOCKET: i32 = 1;
const SO_REUSEADDR: i32 = 2;
const SO_REUSEPORT: i32 = 15;
const SOCK_STREAM: i32 = 1;
const SOCK_TYPE_MASK: i32 = 0xf;
const F_GETFL: i32 = 3;
const F_SETFL: i32 = 4;

/// With a shorter backlog than this, more SYNs than it holds are a test of the backlog.
const ROOMY: i32 = 64;

/// What is known about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its port.
    pub(super) port: u16,
    /// It neither reads nor writes nor closes.
    pub(super) is_idle: bool,
}

/// What the calls of a script give, in order, if it can be run against the server.
///
/// Taken as given are only the calls by which a script comes to its server and its connection: a
/// result that a rule hangs on must be looked at, or the case would pass for nothing.
///
/// # Errors
/// [`TargetError::Unsupported`] with the first thing that the server cannot be assumed to do.
pub(super) fn check(program: &Program, server: Server) -> Result<Vec<Outcome>, TargetError> {
    let mut listens = false;
    let mut given = Vec::new();
    let syns = program.steps.iter().filter(|step| is_syn(step)).count();
    for step in &program.steps {
        match &step.action {
            Action::Call(call) => {
                assumable(&call.call, syns)?;
                listens |= matches!(call.call, Call::Listen { .. });
                given.push(outcome(call, given.len())?);
            }
            Action::Check(_) => {
                return Err(lacks("tcp_info", "nobody can ask the host's kernel for it"));
            }
            Action::Command(_) | Action::Nothing => {}
            Action::Inject(_) | Action::Expect(_) if !listens => {
                return Err(lacks(
                    "call:listen",
                    "the script has no server at that point, the host has one",
                ));
            }
            Action::Inject(pattern) => injectable(pattern, server)?,
            Action::Expect(pattern) => own_port(pattern, server, false)?,
        }
    }
    if listens {
        return Ok(given);
    }
    Err(lacks("call:listen", "the script has no server"))
}

/// The outcome a script expects of a call that is to succeed.
fn outcome(step: &CallStep, index: usize) -> Result<Outcome, TargetError> {
    /// Above every number that a script writes for a descriptor.
    const FIRST_FD: i64 = 1000;
    match step.expect.result {
        Some(result) if result < 0 => Err(lacks_call(
            &step.call,
            "it is to fail, and nobody can see whether it does",
        )),
        _ if step.call.makes_fd() => Ok(Outcome::ok(FIRST_FD + index as i64)),
        result => Ok(Outcome::ok(result.unwrap_or(0))),
    }
}

fn is_syn(step: &Step) -> bool {
    matches!(
        &step.action,
        Action::Inject(PacketPattern { body: BodyPattern::Tcp(tcp), .. })
            if tcp.has(TcpFlags::SYN)
    )
}

/// Whether a call changes nothing that could be seen from outside, on a host where a server listens.
fn assumable(call: &Call, syns: usize) -> Result<(), TargetError> {
    match call {
        Call::Socket { kind, .. } if kind & SOCK_TYPE_MASK == SOCK_STREAM => Ok(()),
        Call::SetSockOpt {
            level: SOL_SOCKET,
            name: SO_REUSEADDR | SO_REUSEPORT,
            ..
        }
        | Call::Bind {
            address: Address::Default,
            ..
        }
        | Call::Accept { .. }
        | Call::Fcntl {
            command: F_GETFL | F_SETFL,
            ..
        } => Ok(()),
        Call::Listen { backlog, .. }
            if *backlog < ROOMY && syns > usize::try_from(*backlog).unwrap_or(0).max(1) =>
        {
            Err(lacks_call(
                call,
                "the script may count on a backlog that the server need not have",
            ))
        }
        Call::Listen { .. } => Ok(()),
        Call::SetSockOpt { .. } => Err(lacks_call(call, "the server's options are its own")),
        Call::Bind { .. } => Err(lacks_call(call, "the server has its address and port")),
        other => Err(lacks_call(
            other,
            "nobody makes it; an agent on the host would (--agent)",
        )),
    }
}

fn injectable(pattern: &PacketPattern, server: Server) -> Result<(), TargetError> {
    let BodyPattern::Tcp(tcp) = &pattern.body else {
        let capability = match pattern.body {
            BodyPattern::Icmp(_) => "icmp",
            BodyPattern::Udp(_) | BodyPattern::Tcp(_) => "udp",
        };
        return Err(lacks(
            capability,
            "packets go to the server's TCP port only",
        ));
    };
    own_port(pattern, server, true)?;
    let opens = tcp.has(TcpFlags::SYN) || tcp.has(TcpFlags::RST);
    let tells = tcp.len != Match::Is(0) || tcp.has(TcpFlags::FIN);
    if tells && !opens && !server.is_idle {
        return Err(lacks(
            "idle_server",
            "the server may answer data and FIN; if it neither reads, writes nor closes, say so with --idle-server",
        ));
    }
    Ok(())
}

/// A port that a line names must be the server's.
fn own_port(pattern: &PacketPattern, server: Server, inbound: bool) -> Result<(), TargetError> {
    let BodyPattern::Tcp(tcp) = &pattern.body else {
        return Ok(());
    };
    let (source, destination) = tcp.ports.unwrap_or((0, 0));
    let theirs = if inbound { destination } else { source };
    if theirs == 0 || theirs == server.port {
        return Ok(());
    }
    Err(lacks("port", "packets go to the server's port only"))
}

fn lacks_call(call: &Call, reason: &str) -> TargetError {
    lacks(&format!("call:{}", call.name()), reason)
}

pub(super) fn lacks(capability: &str, reason: &str) -> TargetError {
    TargetError::Unsupported {
        capability: capability.to_string(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{self, LoadContext};
    use crate::source::Source;
    use rstest::rstest;

    const SERVER: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
        +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0\n\
        +0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n";

    fn judged(rest: &str, is_idle: bool) -> String {
        let text = format!("{SERVER}{rest}");
        let program = script::load(&Source::new("x", text), &LoadContext::default()).unwrap();
        let server = Server { port: 80, is_idle };
        match check(&program, server) {
            Ok(_) => "runs".to_string(),
            Err(TargetError::Unsupported { capability, .. }) => capability,
            Err(error) => error.to_string(),
        }
    }

    #[rstest]
    #[case::handshake(
        "+0 < S 0:0(0) win 9\n+0 > S. 0:0(0) ack 1 <...>\n+0 < . 1:1(0) ack 1 win 9\n+0 accept(3, ..., ...) = 4\n",
        "runs"
    )]
    #[case::syn_data("+0 < S 0:9(9) win 9\n+0 > S. 0:0(0) ack 1 <...>\n", "runs")]
    #[case::reset("+0 < R 0:0(0) win 9\n", "runs")]
    #[case::data("+0 < . 1:9(8) ack 1 win 9\n", "idle_server")]
    #[case::end("+0 < F. 1:1(0) ack 1 win 9\n", "idle_server")]
    #[case::closed("+0 close(3) = 0\n", "call:close")]
    #[case::nothing_to_accept("+0 accept(3, ..., ...) = -1\n", "call:accept")]
    #[case::read("+0 read(4, ..., 9) = 9\n", "call:read")]
    #[case::accept_that_waits("+0...0.5 accept(3, ..., ...) = 4\n", "runs")]
    #[case::read_that_waits("+0...0.5 read(4, ..., 9) = 4\n", "call:read")]
    #[case::another_port("+0 < 5 > 8080 S 0:0(0) win 9\n", "port")]
    #[case::the_port("+0 < 5 > 80 S 0:0(0) win 9\n", "runs")]
    #[case::backlog("+0 < S 0:0(0) win 9\n+0 < S 0:0(0) win 9\n", "call:listen")]
    #[case::option(
        "+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [5000], 4) = 0\n",
        "call:setsockopt"
    )]
    #[case::snapshot("+0 %{ assert tcpi_state == 1 }%\n", "tcp_info")]
    fn what_a_server_does_by_itself_is_taken_as_given(#[case] rest: &str, #[case] want: &str) {
        assert_eq!(judged(rest, false), want);
    }

    #[test]
    fn data_is_taken_by_a_server_that_is_idle() {
        assert_eq!(judged("+0 < . 1:9(8) ack 1 win 9\n", true), "runs");
    }

    #[test]
    fn before_the_script_listens_there_must_be_no_server() {
        let text = format!("0 < S 0:0(0) win 9\n{SERVER}");
        let program = script::load(&Source::new("x", text), &LoadContext::default()).unwrap();
        let server = Server {
            port: 80,
            is_idle: true,
        };
        assert!(check(&program, server).is_err());
    }
}
