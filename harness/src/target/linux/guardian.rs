//! What is to be done should this process be killed: shells ended, the machine's state put back.
//!
//! A child holds the list and does what stands on it when the pipe to it closes, however the
//! process has ended. It is a shell of a few words: the list is the last line it was told. It has
//! a process group of its own, so that an interruption from the keyboard leaves it to its work.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::children;
use crate::target::TargetError;

/// What the child runs.
const KEEP: &str = "last=; while IFS= read -r line; do last=$line; done; eval \"$last\"";

struct Guardian {
    /// `None` once it has been found dead.
    told: ChildStdin,
    child: Child,
    list: BTreeMap<u64, String>,
    next: u64,
}

static GUARDIAN: Mutex<Option<Guardian>> = Mutex::new(None);

/// A line of the list. Dropping it takes the line off.
#[derive(Debug)]
pub(super) struct Duty {
    number: u64,
}

/// Starts the child if there is none. To be called from a thread that has left none of the host's
/// namespaces: the child keeps those of its maker.
pub(super) fn start() -> Result<(), TargetError> {
    let mut guardian = lock();
    if guardian.is_some() {
        return Ok(());
    }
    let making = children::making();
    let child = Command::new("/bin/sh")
        .args(["-c", KEEP])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    drop(making);
    let mut child = child.map_err(|error| TargetError::Unsupported {
        capability: "shell".into(),
        reason: format!("/bin/sh cannot be started: {error}"),
    })?;
    let told = child.stdin.take().ok_or_else(|| gone("it has no pipe"))?;
    *guardian = Some(Guardian {
        told,
        child,
        list: BTreeMap::new(),
        next: 0,
    });
    Ok(())
}

/// Puts words for a shell on the list, without line ends.
pub(super) fn promise(words: String) -> Result<Duty, TargetError> {
    let mut guardian = lock();
    let guardian = guardian
        .as_mut()
        .ok_or_else(|| gone("it was never started"))?;
    let number = guardian.next;
    guardian.next += 1;
    guardian.list.insert(number, words);
    match guardian.tell() {
        Ok(()) => Ok(Duty { number }),
        Err(error) => {
            guardian.list.remove(&number);
            Err(gone(error))
        }
    }
}

impl Guardian {
    fn tell(&mut self) -> std::io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(std::io::Error::other(format!("it has ended ({status})")));
        }
        let list: Vec<&str> = self.list.values().map(String::as_str).collect();
        self.told
            .write_all(format!("{}\n", list.join("; ")).as_bytes())
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        if let Some(guardian) = lock().as_mut() {
            guardian.list.remove(&self.number);
            // Should it be dead, there is nobody who could do the line any more.
            let _ = guardian.tell();
        }
    }
}

/// A word that a shell takes as it stands.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn lock() -> MutexGuard<'static, Option<Guardian>> {
    GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone(what: impl std::fmt::Display) -> TargetError {
    TargetError::Machine(format!(
        "the process that cleans up behind commands failed: {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stays_one_word() {
        assert_eq!(quoted("echo 'a b'"), r"'echo '\''a b'\'''");
    }
}
