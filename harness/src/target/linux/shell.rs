//! Back-quoted commands: one `/bin/sh` for each case, inside its namespace.
//!
//! All commands of a case are children of the same shell, as scripts expect: `$PPID` is one number
//! from the init command to the cleanup command, and no other case has it.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::children;
use super::guardian::{self, Duty, quoted};
use super::stragglers::Namespace;
use crate::target::{CommandReport, TargetError};

/// How long to wait for output at a time, in milliseconds.
const STRETCH_MS: u8 = 20;

/// Where commands of a case that comes from no file are run, in the case's own `/tmp`.
const SCRATCH: &str = "/tmp/tcpdrill";

/// A running shell. Dropping it kills it and everything it has left running.
#[derive(Debug)]
pub(super) struct Shell {
    /// Let go after the shell has ended: until then its number is its own.
    _duty: Duty,
    /// Where its commands are, if nobody else is there.
    namespace: Option<Namespace>,
    child: Child,
    commands: ChildStdin,
    statuses: ChildStdout,
    output: ChildStderr,
}

impl Shell {
    /// Starts the shell in `folder`; the calling thread must be in the case's namespaces.
    pub(super) fn start(folder: Option<&Path>) -> Result<Shell, TargetError> {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
        let folder = match folder {
            Some(folder) => folder,
            None => {
                std::fs::create_dir_all(SCRATCH).map_err(broken)?;
                Path::new(SCRATCH)
            }
        };
        let mut command = Command::new("/bin/sh");
        command
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child =
            children::spawn(&mut command).map_err(|error| TargetError::Unsupported {
                capability: "shell".into(),
                reason: format!("/bin/sh cannot be started: {error}"),
            })?;
        let (Some(commands), Some(statuses), Some(output)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken("it has no pipes"));
        };
        // At this process's death the shell ends by itself, with its input; what it runs does not.
        let duty = guardian::promise(format!("kill -9 -{}", child.id()))?;
        let mut shell = Shell {
            _duty: duty,
            namespace: Namespace::of(child.id()),
            child,
            commands,
            statuses,
            output,
        };
        for pipe in [shell.statuses.as_fd(), shell.output.as_fd()] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(broken)?;
        }
        shell.say("PACKETDRILL_PID=$$; export PACKETDRILL_PID\n")?;
        Ok(shell)
    }

    /// The number that commands know as `$PPID`.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs one command and waits for its end.
    pub(super) fn run(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        // The command's output goes where the shell's errors go; the status comes by its standard
        // output. A command in the background may keep the one open without holding up the other.
        self.say(&format!(
            "/bin/sh -c {} </dev/null >&2\necho $?\n",
            quoted(command)
        ))?;
        let mut status = Vec::new();
        let mut output = Vec::new();
        loop {
            wait_readable([self.statuses.as_fd(), self.output.as_fd()])?;
            let ended = read_waiting(&mut self.statuses, &mut status)?;
            read_waiting(&mut self.output, &mut output)?;
            if status.ends_with(b"\n") {
                break;
            }
            if ended {
                return Err(broken("it has ended"));
            }
        }
        // What the command wrote before its end is in the pipe by now.
        read_waiting(&mut self.output, &mut output)?;
        Ok(CommandReport {
            status: status_in(&status)?,
            output: String::from_utf8_lossy(&output).into_owned(),
        })
    }

    fn say(&mut self, text: &str) -> Result<(), TargetError> {
        self.commands
            .write_all(text.as_bytes())
            .and_then(|()| self.commands.flush())
            .map_err(broken)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // Gone already, in the worst case: the process id is still the child's, being unwaited for.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.child.wait();
        if let Some(namespace) = &self.namespace {
            namespace.end_all();
        }
    }
}

/// A shell reports a child ended by a signal as 128 and the signal's number.
fn status_in(line: &[u8]) -> Result<Option<i32>, TargetError> {
    let number = std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.trim().parse::<i32>().ok())
        .ok_or_else(|| broken("it gave no exit status"))?;
    Ok((!(129..=192).contains(&number)).then_some(number))
}

/// Waits a little while for one of two pipes.
fn wait_readable(pipes: [BorrowedFd<'_>; 2]) -> Result<(), TargetError> {
    let mut list = pipes.map(|pipe| PollFd::new(pipe, PollFlags::POLLIN));
    match poll(&mut list, PollTimeout::from(STRETCH_MS)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(broken(errno)),
    }
}

/// Reads what is waiting in a pipe; says whether its other end is closed.
fn read_waiting(pipe: &mut impl Read, into: &mut Vec<u8>) -> Result<bool, TargetError> {
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(len) => into.extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(error)),
        }
    }
}

fn broken(what: impl std::fmt::Display) -> TargetError {
    TargetError::Machine(format!(
        "the shell for the script's commands failed: {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_above_128_is_a_signal() {
        assert_eq!(status_in(b"0\n").unwrap(), Some(0));
        assert_eq!(status_in(b"255\n").unwrap(), Some(255));
        assert_eq!(status_in(b"137\n").unwrap(), None);
        assert!(status_in(b"x\n").is_err());
    }
}
