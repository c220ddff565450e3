//! What a case's commands have left running in a session of their own.
//!
//! Most of it ends with the process group of the case's shell. A daemon has left the group, but it
//! is still in the case's mount namespace, which nobody else is in.

use std::ffi::OsString;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often to look, and how long between: a process that is killed needs a moment.
const ROUNDS: u32 = 200;
const MOMENT: Duration = Duration::from_millis(1);

/// The mount namespace of one case's commands.
#[derive(Debug)]
pub(super) struct Namespace(OsString);

impl Namespace {
    /// That of the process `pid`; `None` if it is also this process's own.
    pub(super) fn of(pid: u32) -> Option<Namespace> {
        let theirs = link(&pid.to_string())?;
        (theirs != link("self")?).then_some(Namespace(theirs))
    }

    /// Ends all processes in it and waits until they are gone.
    pub(super) fn end_all(&self) {
        for _ in 0..ROUNDS {
            let members = self.members();
            if members.is_empty() {
                return;
            }
            for pid in members {
                // Gone already, in the worst case.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// Of a process that has ended, the namespace cannot be told any more.
    fn members(&self) -> Vec<i32> {
        let Ok(all) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        all.flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let pid = name.parse::<i32>().ok()?;
                (link(&name)? == self.0).then_some(pid)
            })
            .collect()
    }
}

fn link(process: &str) -> Option<OsString> {
    let path = std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok()?;
    Some(path.into_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shares_our_own_namespace_is_left_alone() {
        let mut child = std::process::Command::new("/bin/sh")
            .args(["-c", "read line"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(Namespace::of(child.id()).is_none());
        assert!(Namespace::of(std::process::id()).is_none());
        drop(child.stdin.take());
        assert!(child.wait().unwrap().code().is_some());
    }
}
