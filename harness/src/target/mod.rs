//! Targets: TCP stacks a case can be run against, behind one trait.
//!
//! A [`Target`] opens one [`Session`] for each case: a host of its own with an
//! address, a wire to it, a system call interface and a clock. Nothing of one
//! session can be seen in another.

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(not(target_os = "linux"))]
#[path = "linux_stub.rs"]
pub mod linux;
pub mod place;
pub mod reference;
pub mod smoltcp;
pub mod wire;

mod abi;
pub mod commands;
mod errno;
mod guarded;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command};
use std::time::Duration;

use crate::call::{Call, Outcome};
use crate::program::{Capability, IpVersion};
use crate::time::{Moment, Time};
use crate::verdict::Perturbation;

pub use place::{Place, Plan, Ports};

/// A TCP stack that cases can be run against.
pub trait Target: Sync {
    /// Its name on the command line and in results: `reference`, `linux`.
    fn name(&self) -> &'static str;

    /// One line for people: what it is and where it runs.
    fn description(&self) -> String {
        format!("target {}", self.name())
    }

    /// Names predefined for `#ifdef`: the target's, the profile's, the operating system's.
    fn defines(&self) -> Vec<String>;

    /// The set of free choices the stack follows, for `#if profile == …`: `rfc9293`, `linux`, `freebsd`.
    fn profile(&self) -> String {
        self.name().to_string()
    }

    /// The version of its kernel, such as `6.18.5`, if it is one: for `#if kernel >= …`.
    fn kernel(&self) -> Option<String> {
        None
    }

    /// Why this target cannot offer `capability`, or `None` if it can.
    fn lacks(&self, capability: &Capability) -> Option<String>;

    /// Whether its clock is virtual: waiting costs nothing and times are exact.
    fn is_virtual(&self) -> bool;

    /// Whether the TCP options of its packets stand in an order of their own, with padding of their own:
    /// then neither is compared. The bundled scripts write both as Linux has them; RFC 9293 §3.2 leaves
    /// them to the sender.
    fn has_own_option_layout(&self) -> bool {
        false
    }

    /// Whether commands of a script could change what other programs see, so that they need leave.
    fn shares_a_machine(&self) -> bool {
        !self.is_virtual()
    }

    /// How many sessions can be open at a time, whatever the machine's speed.
    fn most_sessions(&self) -> usize {
        usize::MAX
    }

    /// The list of known deviations that applies to it: that of the target of this name.
    fn known(&self) -> &str {
        self.name()
    }

    /// How many addresses the peer can have, from [`SessionSettings::remote_ip`] on.
    fn remote_addresses(&self) -> usize {
        200
    }

    /// Decides where a case runs. A target that makes a host of its own for each case takes
    /// whatever was asked for.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if the case cannot be run anywhere.
    fn place(
        &self,
        _plan: &Plan<'_>,
        settings: SessionSettings,
        ports: Ports,
    ) -> Result<Place, TargetError> {
        Ok(Place {
            settings,
            ports,
            lease: None,
        })
    }

    /// Makes a fresh host for one case.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if this machine or target cannot offer what the
    /// settings ask for; [`TargetError::Machine`] if making it failed.
    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError>;
}

/// The host a case wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Socket and packet family.
    pub ip_version: IpVersion,
    /// Address of the stack under test.
    pub local_ip: IpAddr,
    /// Address the harness plays.
    pub remote_ip: IpAddr,
    /// Prefix length of the remote network, routed through the gateway.
    pub remote_prefix: u8,
    /// The stack's next hop.
    pub gateway_ip: IpAddr,
    /// Prefix length of the local address.
    pub local_prefix: u8,
    /// MTU of the stack's interface in bytes.
    pub mtu: u16,
    /// Injected TCP segments reach the stack as if its receive offload had joined segments of
    /// this many bytes of payload; `None`: as single segments. Capability `option:mss`.
    pub mss: Option<u16>,
    /// The speed the stack's link reports, in Mbit/s. Capability `option:speed`.
    pub speed: Option<u32>,
    /// The local address is not configured on an interface, only routed to the stack, and there
    /// is no gateway. Capability `option:is_anyip`.
    pub is_anyip: bool,
    /// Seed for everything random on a virtual target.
    pub seed: u64,
}

/// A packet the stack sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// When it left the stack.
    pub at: Time,
    /// The IP datagram.
    pub bytes: Vec<u8>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallReport {
    /// It returned.
    Returned {
        /// From before the call was made until it had returned.
        moment: Moment,
        /// What it gave.
        outcome: Outcome,
    },
    /// It did not return within the limit.
    Blocked,
}

/// What a command gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandReport {
    /// Exit status; `None` if ended by a signal.
    pub status: Option<i32>,
    /// Standard output and error.
    pub output: String,
}

/// What the commands of a script can count on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandContext {
    /// The script's folder, absolute: commands are run there. `None` for a script that is no file.
    pub folder: Option<std::path::PathBuf>,
    /// They change what all programs of the machine share, so no other case may run meanwhile, and
    /// all is put back afterwards.
    pub alone: bool,
    /// They may write files of the machine (`--allow-commands`); otherwise only below `/tmp` and in
    /// the script's folder.
    pub allowed: bool,
}

/// A tick of a clock whose timers fire with the first tick after their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Ticks are numbered in their order.
    pub number: i64,
    /// How far two are apart.
    pub length: Duration,
}

/// Starts a program.
pub type Starter = fn(&mut Command) -> io::Result<Child>;

/// One case's host. Dropping it releases everything it holds.
///
/// Times are the case's own: [`Session::start`] makes the current moment zero.
pub trait Session {
    /// From here on being on time is worth more than sharing the machine: what follows sleeps nearly
    /// always. Not for what works its way through thousands of packets.
    fn be_punctual(&mut self) {}

    /// What happens at these times of the case is counted by the stack in ticks of its clock: the
    /// clock should be started where none of them comes shortly before a tick. Before
    /// [`Session::start`]; without it, or with no times, one place in a tick serves all cases.
    fn keep_from_ticks(&mut self, _moments: BTreeSet<Time>) {}

    /// Starts the clock. Called once, after the init command.
    fn start(&mut self);

    /// The current time.
    fn now(&mut self) -> Time;

    /// Lets time pass until `time`; returns at once if it has passed.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the machine failed.
    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError>;

    /// How long, between two times, the machine itself kept the stack or this session's calls from
    /// running: time in which even a right stack does nothing. May wait a little for the answer.
    /// Nothing ever on a virtual clock.
    fn held_up(&mut self, _from: Time, _to: Time) -> Duration {
        Duration::ZERO
    }

    /// Whether a tick of the stack's clock is late at this moment: it sets its timers too early then, and
    /// counts what is counted in ticks too short.
    fn is_tick_late(&self) -> bool {
        false
    }

    /// Whether the machine has kept a thread that makes this case's calls waiting for long.
    fn kept_waiting(&self) -> bool {
        false
    }

    /// The tick of the stack's clock in which `time` lies; `None` where its timers are exact, or nothing
    /// is known of them.
    fn tick(&self, _time: Time) -> Option<Tick> {
        None
    }

    /// Puts one IP datagram in front of the stack and says when it went in.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the machine failed.
    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError>;

    /// The next packet the stack has sent or sends not later than `deadline`, oldest first.
    /// `None` only when the clock stands at or after `deadline`.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the machine failed.
    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError>;

    /// Makes a call that is expected to return at once; gives up after `limit`.
    /// Descriptors and addresses are live ones.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] for a call or option the target lacks.
    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError>;

    /// Starts a call that may block. Only one can be in flight; it is at rest
    /// (blocked or finished) when this returns. Gives the moment of the start.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] for a call or option the target lacks.
    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError>;

    /// How the started call ended, waiting until `deadline` for it.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the machine failed.
    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError>;

    /// How a program of the harness's own is started beside running cases.
    fn starter(&self) -> Starter {
        Command::spawn
    }

    /// Says where the script's commands belong. Called at most once, before the first of them.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if the target cannot run them that way.
    fn prepare_commands(&mut self, _context: &CommandContext) -> Result<(), TargetError> {
        Ok(())
    }

    /// Runs a back-quoted command of the script.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] naming `shell` or the sysctl if the target cannot.
    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError>;

    /// The variables a `%{ … }%` block can see for this socket (`tcpi_state` …): unsigned
    /// numbers, of those of 64 bits the bits.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if the target cannot take such a snapshot.
    fn socket_info(&mut self, fd: crate::call::Fd) -> Result<BTreeMap<String, i64>, TargetError>;

    /// Asked when a case has failed: whether everything that the verdict rests on is still there.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if it is not; then the failure says nothing about the stack.
    fn intact(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    /// The address at the other end of a connected socket; `None` if it has none (any more), or
    /// if the target cannot tell.
    ///
    /// # Errors
    /// [`TargetError::Machine`] if the machine failed.
    fn peer(&mut self, _fd: crate::call::Fd) -> Result<Option<SocketAddr>, TargetError> {
        Ok(None)
    }

    /// Starts a process of its own that connects to `peer` and then waits for ever.
    /// The SYN may still be under way when this returns. One process at a time.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] naming `process` if the target has no processes.
    fn start_process(&mut self, _peer: SocketAddr) -> Result<(), TargetError> {
        Err(TargetError::no_processes())
    }

    /// Ends the process with a signal (Linux's number) and returns when it is gone.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] naming `process` if the target has no processes;
    /// [`TargetError::Machine`] if there is none to end.
    fn end_process(&mut self, _signal: i32) -> Result<(), TargetError> {
        Err(TargetError::no_processes())
    }
}

/// Why a target could not do what was asked. Never the stack's fault, but for [`TargetError::Stack`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The stack under test, which runs in this process, broke down: it panicked, or comes to no
    /// end. The case fails.
    #[error("{0}")]
    Stack(String),
    /// The target lacks something: the case is skipped.
    #[error("{capability} is not available: {reason}")]
    Unsupported {
        /// What is missing.
        capability: String,
        /// Why, and what to do about it.
        reason: String,
    },
    /// The machine or the harness failed: the case's verdict is `error`.
    #[error("{0}")]
    Machine(String),
    /// The machine was too late for a judgement: the case is run again.
    #[error("{0}")]
    Late(Perturbation),
}

impl TargetError {
    fn no_processes() -> TargetError {
        TargetError::Unsupported {
            capability: "process".to_string(),
            reason: "the target runs no processes besides the harness's own".to_string(),
        }
    }
}
