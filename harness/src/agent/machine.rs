//! What an agent needs of its operating system.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::call::{Call, Fd, Outcome};
use crate::target::{CommandReport, TargetError};

/// A call that has returned, seen from now.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How long ago it was made.
    pub began: Duration,
    /// How long ago it had returned.
    pub ended: Duration,
    /// What it gave.
    pub outcome: Outcome,
}

/// The calls and commands of one case on this machine. Dropping it resets and closes every socket
/// of the case, and puts back the settings it has changed.
pub trait Machine {
    /// This machine's own address on the way to `remote`, and the MTU of that way in bytes.
    ///
    /// # Errors
    /// If there is no way.
    fn route(&mut self, remote: IpAddr) -> Result<(IpAddr, u32), TargetError>;

    /// Makes a call that is expected to return at once; `None` if it has not within `limit`.
    ///
    /// # Errors
    /// As of [`crate::target::Session::call`].
    fn call(&mut self, call: &Call, limit: Duration) -> Result<Option<Finished>, TargetError>;

    /// Starts a call that may block; it is at rest when this returns.
    ///
    /// # Errors
    /// As of [`crate::target::Session::start_call`].
    fn start_call(&mut self, call: &Call) -> Result<(), TargetError>;

    /// How the started call ended, waiting up to `limit` for it.
    ///
    /// # Errors
    /// As of [`crate::target::Session::finish_call`].
    fn finish_call(&mut self, limit: Duration) -> Result<Option<Finished>, TargetError>;

    /// Runs a command of the script.
    ///
    /// # Errors
    /// As of [`crate::target::Session::command`].
    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError>;

    /// What the kernel tells about a socket.
    ///
    /// # Errors
    /// As of [`crate::target::Session::socket_info`].
    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError>;

    /// The address at the other end of a socket, if it has one.
    ///
    /// # Errors
    /// As of [`crate::target::Session::peer`].
    fn peer(&mut self, fd: Fd) -> Result<Option<SocketAddr>, TargetError>;

    /// Starts a process that connects and waits.
    ///
    /// # Errors
    /// As of [`crate::target::Session::start_process`].
    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError>;

    /// Ends it with a signal.
    ///
    /// # Errors
    /// As of [`crate::target::Session::end_process`].
    fn end_process(&mut self, signal: i32) -> Result<(), TargetError>;
}

/// This machine for one case.
///
/// # Errors
/// If the agent is not built for this operating system, or the machine is out of threads.
pub fn open() -> Result<Box<dyn Machine>, TargetError> {
    #[cfg(target_os = "linux")]
    {
        let caller = crate::target::linux::Caller::open()?;
        Ok(Box::new(caller))
    }
    #[cfg(not(target_os = "linux"))]
    {
        Err(TargetError::Unsupported {
            capability: "agent".into(),
            reason: "the agent makes its calls on Linux only so far".into(),
        })
    }
}

/// The release of this machine's kernel; empty if it is not known.
pub fn release() -> String {
    #[cfg(target_os = "linux")]
    {
        nix::sys::utsname::uname().map_or(String::new(), |name| {
            name.release().to_string_lossy().into_owned()
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        String::new()
    }
}
