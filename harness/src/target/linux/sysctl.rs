//! `sysctl` and files of `/proc/sys` done in-process, inside the namespace and nowhere else.
//!
//! Most commands of scripts are this one; done by writing /proc they take microseconds instead of
//! milliseconds, and the tool need not be installed.

use std::io::ErrorKind;

use nix::errno::Errno;

use super::netlink::{Netlink, Route};
use crate::script::command::{Sysctl, setting_file};
use crate::target::commands::Done;

pub(super) const CONGESTION_CONTROL: &str = "net.ipv4.tcp_congestion_control";

/// Carries out a `sysctl` command on the calling thread's namespace.
pub(super) fn perform(command: &Sysctl, route: &Route) -> Done {
    let mut done = Done::default();
    for (name, value) in &command.items {
        let result = match value {
            Some(value) => assign(name, value, route).map(|()| value.clone()),
            None => read(name).map(|value| value.trim_end().to_owned()),
        };
        match result {
            Ok(_) if command.quiet && value.is_some() => {}
            Ok(text) if command.values_only => done.output.push_str(&format!("{text}\n")),
            Ok(text) => done.output.push_str(&format!("{name} = {text}\n")),
            Err(Failure::Missing(_)) if command.ignore => {}
            Err(Failure::Value(error)) => {
                done.status = 1;
                done.errors
                    .push_str(&format!("sysctl: setting key \"{name}\": {error}\n"));
            }
            Err(Failure::Missing(reason) | Failure::Refused(reason)) => {
                let what = match value {
                    Some(value) => format!("sysctl:{name}={value}"),
                    None => format!("sysctl:{name}"),
                };
                let lacking = Done::lacking(1, what, reason);
                done.status = 1;
                done.errors.push_str(&lacking.errors);
                done.lacking = done.lacking.or(lacking.lacking);
            }
        }
    }
    done
}

/// `echo VALUE > /proc/sys/net/…`
pub(super) fn echo(path: &str, name: &str, value: &str, route: &Route) -> Done {
    match assign(name, value, route) {
        Ok(()) => Done::default(),
        Err(Failure::Value(error)) => Done::failed(1, format!("echo: {path}: {error}\n")),
        Err(Failure::Missing(reason)) => Done::lacking(2, format!("sysctl:{name}"), reason),
        Err(Failure::Refused(reason)) => Done::lacking(2, format!("sysctl:{name}={value}"), reason),
    }
}

/// Why a setting could not be read or written.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel does not take the value.
    Value(String),
    /// The setting does not exist.
    Missing(String),
    /// It may not be changed here.
    Refused(String),
}

/// Writes one setting. A congestion control that a namespace may not have as its default is set by
/// a metric of the route.
fn assign(name: &str, value: &str, route: &Route) -> Result<(), Failure> {
    match write(name, value) {
        Err(Failure::Refused(_))
            if name == CONGESTION_CONTROL && set_by_route(value, route).is_ok() =>
        {
            Ok(())
        }
        other => other,
    }
}

/// The value of one setting of the calling thread's namespace.
pub(super) fn read(name: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file(name)?).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing_setting(),
        _ => Failure::Refused(format!("it cannot be read ({error})")),
    })
}

/// Writes one setting of the calling thread's namespace.
pub(super) fn write(name: &str, value: &str) -> Result<(), Failure> {
    let path = file(name)?;
    // Opened by hand: a missing file must not be created, and /proc wants the value in one write.
    let written = std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::NotFound if std::path::Path::new(&path).exists() => {
            Failure::Refused(format!("this kernel has no `{value}`"))
        }
        ErrorKind::NotFound => missing_setting(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Failure::Refused(format!(
            "it may not be set to `{value}` in a namespace of this machine ({error}){}",
            if name == CONGESTION_CONTROL {
                "; the host's administrator can allow it with net.ipv4.tcp_allowed_congestion_control"
            } else {
                ""
            }
        )),
        // In `sysctl`'s own words, which have no number.
        _ => Failure::Value(match error.raw_os_error() {
            Some(errno) => Errno::from_raw(errno).desc().to_string(),
            None => error.to_string(),
        }),
    })
}

fn missing_setting() -> Failure {
    Failure::Missing("this kernel has no such setting, or not one of each namespace".into())
}

/// The file of a setting. Only `net.*` belongs to a namespace; everything else is the host's.
fn file(name: &str) -> Result<String, Failure> {
    let path = setting_file(name).ok_or(Failure::Missing("it is no name of a setting".into()))?;
    if !path.starts_with("/proc/sys/net/") {
        return Err(Failure::Refused(
            "only settings under net. belong to the case's namespace; all others are the host's"
                .into(),
        ));
    }
    Ok(path)
}

/// Why the machine lacks a setting altogether; `None` if it has it.
pub(super) fn missing(name: &str) -> Option<String> {
    match file(&of_any_device(name)) {
        Ok(path) if std::path::Path::new(&path).exists() => None,
        Ok(_) => Some("this kernel has no such setting".into()),
        Err(Failure::Missing(reason) | Failure::Refused(reason) | Failure::Value(reason)) => {
            Some(reason)
        }
    }
}

/// A setting of one device, which there may not be yet, as the one that new devices start from.
fn of_any_device(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('.').collect();
    if let [_, _, "conf" | "neigh", device, ..] = &mut parts[..] {
        *device = "default";
    }
    parts.join(".")
}

/// Chooses a congestion control for the connections of the case by a metric of the route.
///
/// The way out on machines that do not let a namespace have it as its default.
fn set_by_route(name: &str, route: &Route) -> Result<(), Errno> {
    let mut route = route.clone();
    route.congestion_control = Some(name.into());
    Netlink::open()?.set_route(&route)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("net.ipv4.conf.tun0.rp_filter", true)]
    #[case("net.ipv4.conf.tun0/5.rp_filter", true)]
    #[case("net.ipv4.conf.tun0.nothing", false)]
    #[case("net.ipv4.tcp_sack", true)]
    fn a_device_need_not_be_there_yet(#[case] name: &str, #[case] there: bool) {
        assert_eq!(missing(name).is_none(), there);
    }

    #[rstest]
    #[case("kernel.panic")]
    #[case("net/../kernel/panic")]
    #[case("net..ipv4")]
    #[case("vm/swappiness")]
    #[case("net")]
    #[case("")]
    fn nothing_outside_the_namespace_can_be_named(#[case] name: &str) {
        assert!(file(name).is_err());
        assert!(missing(name).is_some());
    }
}
