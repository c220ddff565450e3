//! What is to be done should this process be killed: shells ended, the machine's state put back.
//!
//! A child holds the list and does what stands on it when the pipe to it closes, however the
//! process has ended. It is a shell of a few words: the list is the last line it was told. It has
//! a process group of its own, so that an interruption from the keyboard leaves it to its work.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::children;
use crate::target::TargetError;

/// What the child runs.
const KEEP: &str = "last=; while IFS= read -r line; do last=$line; done; eval \"$last\"";

struct Guardian {
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

type Asked = Sender<Sender<Result<Guardian, TargetError>>>;

/// The way to the thread that makes the child. It is there before the first need, and costs less.
static MAKER: OnceLock<Mutex<Asked>> = OnceLock::new();

/// Lets the child, should one be needed, be made from here. To be called from a thread that has
/// left none of the host's namespaces: the child keeps those of its maker.
pub(super) fn from_here() {
    MAKER.get_or_init(|| {
        let (asked, asks) = channel::<Sender<Result<Guardian, TargetError>>>();
        std::thread::spawn(move || {
            for answer in asks {
                // Whoever asked waits for it.
                let _ = answer.send(make());
            }
        });
        Mutex::new(asked)
    });
}

fn make() -> Result<Guardian, TargetError> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", KEEP])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = children::spawn(&mut command).map_err(|error| TargetError::Unsupported {
        capability: "shell".into(),
        reason: format!("/bin/sh cannot be started: {error}"),
    })?;
    let told = child.stdin.take().ok_or_else(|| gone("it has no pipe"))?;
    Ok(Guardian {
        told,
        child,
        list: BTreeMap::new(),
        next: 0,
    })
}

fn made_elsewhere() -> Result<Guardian, TargetError> {
    let (sender, answer) = channel();
    MAKER
        .get()
        .and_then(|asked| {
            let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.send(sender).ok()
        })
        .and_then(|()| answer.recv().ok())
        .unwrap_or_else(|| Err(gone("there is nobody to make it")))
}

/// Puts words for a shell on the list, without line ends.
pub(super) fn promise(words: String) -> Result<Duty, TargetError> {
    let mut guardian = lock();
    let guardian = match guardian.as_mut() {
        Some(guardian) => guardian,
        None => guardian.insert(made_elsewhere()?),
    };
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
