//! The running Linux kernel as a target: a network namespace with a TUN device for every case.
//!
//! - [`prepare`] gets the rights, once, before the process has a second thread.
//! - `session` ties the rest together: `worker` is the thread inside the namespace that makes the
//!   calls (`calls`, `blocking`) and runs the commands (`machine`: in-process by `sysctl`, `device` and
//!   `metrics`, the rest by `shell` in a `place` of its own, with a `guardian` should we be killed); `tun` and `capture`
//!   are the two sides of the wire; `process` is what a signal ends; `orphans` and
//!   `destroy` see to it that nothing is left behind, `survivor` should we be killed.
//! - `virtual_time` is for a kernel whose clock stands still while anything runs (`crate::vm`): nothing that
//!   measures the machine's punctuality is started there.
//! - `fuzz` is the kernel as the fuzzer's subject.
//! - `caller` makes calls where the process is, for an agent; `link` is an Ethernet interface, for
//!   the `wire` target; it and `capture` share `packet_socket`.
//!
//! This module is the only one in the repository with `unsafe`.
#![expect(
    unsafe_code,
    reason = "system calls that nix has no safe form for, or only for arguments it knows to be right"
)]

mod alone;
mod blocking;
mod cable;
mod caller;
mod calls;
mod capture;
mod children;
mod clock;
mod destroy;
mod device;
mod ending;
mod ethtool;
mod facts;
mod fds;
mod fuzz;
pub(in crate::target) mod gate;
mod given;
mod guardian;
mod handover;
mod info;
mod jiffies;
mod line;
pub(in crate::target) mod link;
mod machine;
mod metrics;
mod netlink;
mod netns;
mod offload;
pub(in crate::target) mod orphans;
pub(in crate::target) mod packet_socket;
mod place;
mod priority;
mod privilege;
mod process;
mod provision;
mod rtnetlink;
mod session;
mod shell;
mod signals;
mod softirq;
mod stragglers;
mod survivor;
mod sysctl;
mod tick;
mod tun;
mod veth;
mod virtual_time;
mod watch;
mod wheel;
mod worker;

pub use cable::Link;
pub(crate) use caller::Caller;
pub(in crate::target) use calls::move_stamps;
pub(crate) use children::spawn;
pub use ending::raise_on_signals;
pub(crate) use facts::findings;
pub use fuzz::LinuxSubject;
pub use given::use_given_namespace;
pub use privilege::{Privilege, prepare};
pub(crate) use virtual_time::{
    leave_nothing_to_chance, settle_in, stay_on_one_processor, write_back,
};

use std::sync::OnceLock;

use super::{Session, SessionSettings, Target, TargetError};
use crate::program::Capability;
use session::LinuxSession;

/// Sessions at a time, whatever the machine: each has two threads and a namespace.
const MOST_SESSIONS: usize = 512;

/// The running kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxTarget {
    link: Option<Link>,
}

impl LinuxTarget {
    fn link(&self) -> Option<Link> {
        self.link.or_else(|| Link::usable().ok())
    }

    /// The running kernel, over this link instead of the first that the machine has.
    pub fn over(link: Link) -> LinuxTarget {
        tick::measure();
        if !virtual_time::rules() {
            wheel::Wheels::shared();
        }
        LinuxTarget { link: Some(link) }
    }

    /// Whether cases can be run against this machine's kernel. Found out once, by making a
    /// namespace with a link.
    ///
    /// # Errors
    /// What is missing and what to do about it, in one line.
    pub fn available() -> Result<(), String> {
        Link::usable().map(drop)
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
        static RELEASE: OnceLock<Option<String>> = OnceLock::new();
        let release = RELEASE.get_or_init(|| {
            let names = nix::sys::utsname::uname().ok()?;
            Some(names.release().to_str()?.to_owned())
        });
        release.clone()
    }

    fn lacks(&self, capability: &Capability) -> Option<String> {
        if let Err(reason) = LinuxTarget::available() {
            return Some(reason);
        }
        match capability.0.as_str() {
            "psp" => Some("PSP needs hardware that speaks it".into()),
            "udp_encapsulation" => Some("Linux has no TCP inside UDP".into()),
            "option:speed" if self.link() == Some(Link::Packet) => {
                Some("a virtual Ethernet device has no speed to set; use `--link tun`".into())
            }
            name => match name.strip_prefix("sysctl:")?.split_once('=') {
                Some((name, value)) => sysctl::refuses(name, value),
                None => sysctl::missing(name.strip_prefix("sysctl:")?),
            },
        }
    }

    fn is_virtual(&self) -> bool {
        virtual_time::rules()
    }

    fn most_sessions(&self) -> usize {
        let most = provision::descriptor_limit() / provision::DESCRIPTORS_OF_A_CASE;
        usize::try_from(most).map_or(MOST_SESSIONS, |most| most.clamp(1, MOST_SESSIONS))
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        let link = match self.link {
            Some(link) => link,
            None => Link::usable().map_err(TargetError::Machine)?,
        };
        Ok(Box::new(LinuxSession::open(settings, link)?))
    }
}
