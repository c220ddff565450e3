//! Back-quoted commands: the few settings of Linux that mean something to smoltcp.

use super::calls::control;
use super::host::Options;
use super::kernel::Kernel;
use crate::script::command;
use crate::target::{CommandReport, TargetError};

/// What a value makes of the options of new sockets; `None` if smoltcp cannot do it.
type Setter = fn(&mut Options, &str) -> Option<()>;

/// What smoltcp can be told.
const SETTINGS: &[(&str, Setter)] = &[
    ("net.ipv4.tcp_timestamps", |options, value| {
        options.timestamps = switch(value)?;
        Some(())
    }),
    ("net.ipv4.tcp_congestion_control", |options, value| {
        options.control = control(value)?;
        Some(())
    }),
];

/// What smoltcp always does, as values: there is nothing to set, and any other value is refused.
const FIXED: &[(&str, &str)] = &[
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_window_scaling", "1"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_syncookies", "0"),
    ("net.ipv4.tcp_fastopen", "0"),
    ("net.ipv4.tcp_mtu_probing", "0"),
];

/// Why a setting is not there, where there is more to say than that.
pub(super) fn reason(name: &str) -> String {
    let name = name.split('=').next().unwrap_or(name);
    match name {
        // Cases about congestion and recovery set them, all together.
        "net.ipv4.tcp_tso_win_divisor"
        | "net.ipv4.tcp_frto"
        | "net.ipv4.tcp_early_retrans"
        | "net.ipv4.tcp_recovery" => {
            "the case counts on an initial window of ten segments and a retransmission timeout of 200 ms, \
             which smoltcp cannot be given"
                .to_owned()
        }
        name => format!("smoltcp has no setting {name}, or not this value"),
    }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// Whether a setting means something here.
pub(super) fn is_known(name: &str) -> bool {
    SETTINGS.iter().any(|entry| entry.0 == name) || FIXED.iter().any(|entry| entry.0 == name)
}

/// Whether a setting takes a value.
pub(super) fn takes(name: &str, value: &str) -> bool {
    set(&mut Options::default(), name, value.trim()).is_some()
}

fn set(options: &mut Options, name: &str, value: &str) -> Option<()> {
    match SETTINGS.iter().find(|entry| entry.0 == name) {
        Some((_, setter)) => setter(options, value),
        None => FIXED.contains(&(name, value)).then_some(()),
    }
}

impl Kernel {
    /// Runs a command that consists of settings.
    pub(super) fn command(&mut self, line: &str) -> Result<CommandReport, TargetError> {
        let settings = command::settings(line).ok_or_else(|| TargetError::Unsupported {
            capability: "shell".to_owned(),
            reason: format!(
                "the smoltcp target has no shell; it takes settings (`sysctl -w NAME=VALUE`), not `{line}`"
            ),
        })?;
        let mut options = self.defaults.clone();
        for (name, value) in &settings {
            set(&mut options, name, value.trim()).ok_or_else(|| TargetError::Unsupported {
                capability: format!("sysctl:{name}={value}"),
                reason: reason(name),
            })?;
        }
        self.defaults = options;
        Ok(CommandReport {
            status: Some(0),
            output: String::new(),
        })
    }
}
