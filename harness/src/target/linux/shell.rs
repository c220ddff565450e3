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
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::children;
use crate::target::{CommandReport, TargetError};

/// How long to wait for output before `idle` has its turn, in milliseconds.
const STRETCH_MS: u8 = 20;

/// A running shell. Dropping it kills it and everything it has left running.
#[derive(Debug)]
pub(super) struct Shell {
    child: Child,
    commands: ChildStdin,
    statuses: ChildStdout,
    output: ChildStderr,
}

impl Shell {
    /// Starts the shell; the calling thread must be in the case's network namespace.
    ///
    /// The thread gets a mount namespace of its own in which the host's settings are read-only.
    pub(super) fn start() -> Result<Shell, TargetError> {
        protect_host()?;
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
        let making = children::making();
        let child = Command::new("/bin/sh")
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        drop(making);
        let mut child = child.map_err(|error| TargetError::Unsupported {
            capability: "shell".into(),
            reason: format!("/bin/sh cannot be started: {error}"),
        })?;
        let (Some(commands), Some(statuses), Some(output)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken("it has no pipes"));
        };
        let mut shell = Shell {
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

    /// Runs one command and waits for its end, calling `idle` every now and then.
    pub(super) fn run(
        &mut self,
        command: &str,
        mut idle: impl FnMut(),
    ) -> Result<CommandReport, TargetError> {
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
            idle();
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

/// A command as one word of the shell's.
fn quoted(command: &str) -> String {
    format!("'{}'", command.replace('\'', "'\\''"))
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

/// Makes the host's settings read-only for the calling thread and its children; those of its
/// network namespace stay writable.
///
/// In a user namespace a refusal does no harm: there the host's settings are not ours to write.
fn protect_host() -> Result<(), TargetError> {
    let result = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| change("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE))
        .and_then(|()| make_read_only("/proc/sys", Some("/proc/sys/net")))
        .and_then(|()| make_read_only("/sys/module", None));
    match result {
        Err(errno) if owns_host_settings() => Err(TargetError::Unsupported {
            capability: "shell".into(),
            reason: format!(
                "the host's settings cannot be protected from the script's commands ({errno}); run it as an ordinary user"
            ),
        }),
        _ => Ok(()),
    }
}

fn make_read_only(path: &str, except: Option<&str>) -> Result<(), Errno> {
    if !Path::new(path).exists() {
        return Ok(());
    }
    bind(path)?;
    if let Some(except) = except {
        bind(except)?;
    }
    change(
        path,
        MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY,
    )
}

fn bind(path: &str) -> Result<(), Errno> {
    mount(
        Some(path),
        path,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
}

fn change(path: &str, flags: MsFlags) -> Result<(), Errno> {
    mount(None::<&str>, path, None::<&str>, flags, None::<&str>)
}

/// Whether this process is root of the host: its user map is the whole range, one to one.
fn owns_host_settings() -> bool {
    std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().collect::<Vec<_>>() == ["0", "0", "4294967295"])
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
    fn a_command_stays_one_word() {
        assert_eq!(quoted("echo 'a b'"), r"'echo '\''a b'\'''");
    }

    #[test]
    fn a_status_above_128_is_a_signal() {
        assert_eq!(status_in(b"0\n").unwrap(), Some(0));
        assert_eq!(status_in(b"255\n").unwrap(), Some(255));
        assert_eq!(status_in(b"137\n").unwrap(), None);
        assert!(status_in(b"x\n").is_err());
    }
}
