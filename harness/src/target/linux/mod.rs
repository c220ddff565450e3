//! The running Linux kernel as a target: a network namespace with a TUN device for every case.
//!
//! - [`prepare`] gets the rights, once, before the process has a second thread.
//! - `session` ties the rest together: `worker` is the thread inside the namespace that makes the
//!   calls (`calls`, `blocking`) and runs the commands (`machine`: in-process by `sysctl`, `device` and
//!   `metrics`, the rest by `shell` in a `place` of its own, with a `guardian` should we be killed); `tun` and `capture`
//!   are the two sides of the wire; `process` is what a signal ends; `orphans` sees to it that nothing is left behind.
//!
//! This module is the only one in the repository with `unsafe`.
#![expect(
    unsafe_code,
    reason = "system calls that nix has no safe form for, or only for arguments it knows to be right"
)]

mod alone;
mod blocking;
mod calls;
mod capture;
mod children;
mod clock;
mod device;
mod facts;
mod fds;
mod given;
mod guardian;
mod info;
mod machine;
mod metrics;
mod netlink;
mod netns;
mod orphans;
mod place;
mod privilege;
mod process;
mod session;
mod shell;
mod sysctl;
mod tun;
mod worker;

use std::sync::OnceLock;

pub(crate) use facts::findings;
pub use given::use_given_namespace;
pub use privilege::{Privilege, prepare};

use super::{Session, SessionSettings, Target, TargetError};
use crate::program::Capability;
use session::LinuxSession;
use worker::Worker;

/// The running kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxTarget;

impl LinuxTarget {
    /// Whether cases can be run against this machine's kernel. Found out once, by making a
    /// namespace with a TUN device.
    ///
    /// # Errors
    /// What is missing and what to do about it, in one line.
    pub fn available() -> Result<(), String> {
        static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
        ANSWER
            .get_or_init(|| {
                Worker::start(|| {
                    netns::enter()?;
                    tun::Tun::open().map(drop)
                })
                .map(drop)
                .map_err(|error| error.to_string())
            })
            .clone()
    }
}

impl Target for LinuxTarget {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn description(&self) -> String {
        let kernel = nix::sys::utsname::uname().map_or(String::new(), |name| {
            format!(" ({})", name.release().to_string_lossy())
        });
        format!("the running Linux kernel{kernel}")
    }

    fn defines(&self) -> Vec<String> {
        vec!["linux".into(), "Linux".into()]
    }

    fn kernel(&self) -> Option<String> {
        let names = nix::sys::utsname::uname().ok()?;
        Some(names.release().to_str()?.to_owned())
    }

    fn lacks(&self, capability: &Capability) -> Option<String> {
        if let Err(reason) = LinuxTarget::available() {
            return Some(reason);
        }
        match capability.0.as_str() {
            "psp" => Some("PSP needs hardware that speaks it".into()),
            "udp_encapsulation" => Some("Linux has no TCP inside UDP".into()),
            "option:mss" | "option:speed" | "option:is_anyip" => {
                Some("the linux target does not act on this option line yet".into())
            }
            name => sysctl::missing(name.strip_prefix("sysctl:")?),
        }
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(LinuxSession::open(settings)?))
    }
}
