//! `sysctl` and files of `/proc/sys` done in-process, inside the namespace and nowhere else.
//!
//! Most commands of scripts are this one; done by writing /proc they take microseconds instead of
//! milliseconds, and the tool need not be installed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use super::netlink::Netlink;
use super::rtnetlink::Route;
use super::{netns, worker::Worker};
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
                done.errors.push_str(&complaint(name, &error));
            }
            Err(Failure::Unknown(error)) => {
                let value = value.as_deref().unwrap_or_default();
                done.status = 1;
                done.errors.push_str(&complaint(name, &error));
                done.lacking = done.lacking.or(unknown(1, name, value, &error).lacking);
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
        Err(Failure::Unknown(error)) => Done {
            errors: format!("echo: {path}: {error}\n"),
            ..unknown(1, name, value, &error)
        },
        Err(Failure::Missing(reason)) => Done::lacking(2, format!("sysctl:{name}"), reason),
        Err(Failure::Refused(reason)) => Done::lacking(2, format!("sysctl:{name}={value}"), reason),
    }
}

/// What `sysctl` says of a value that is none.
fn complaint(name: &str, error: &str) -> String {
    format!("sysctl: setting key \"{name}\": {error}\n")
}

/// For a value that this kernel does not know the case may be skipped: it may be one of a newer kernel.
fn unknown(status: i32, name: &str, value: &str, error: &str) -> Done {
    let capability = format!("sysctl:{name}={value}");
    Done::lacking(status, capability, no_such_value(error))
}

/// Why a value that looks right cannot be had.
pub(super) fn no_such_value(error: &str) -> String {
    format!("this kernel does not take the value ({error})")
}

/// Whether a value is as many numbers as the setting is now; another is a mistake of the script.
fn is_of_its_form(name: &str, value: &str) -> bool {
    let numbers = |text: &str| {
        let parts = text.split_whitespace();
        let numbers: Result<Vec<i64>, _> = parts.map(str::parse).collect();
        numbers.ok().map(|numbers| numbers.len())
    };
    let wanted = numbers(value);
    wanted.is_some() && read(name).is_ok_and(|present| numbers(&present) == wanted)
}

/// Why a setting could not be read or written.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is no value of the setting.
    Value(String),
    /// It looks like one, but the kernel does not take it.
    Unknown(String),
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
        _ => {
            // In `sysctl`'s own words, which have no number.
            let error = match error.raw_os_error() {
                Some(errno) => Errno::from_raw(errno).desc().to_string(),
                None => error.to_string(),
            };
            match is_of_its_form(name, value) {
                true => Failure::Unknown(error),
                false => Failure::Value(error),
            }
        }
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
        Err(
            Failure::Missing(reason)
            | Failure::Refused(reason)
            | Failure::Value(reason)
            | Failure::Unknown(reason),
        ) => Some(reason),
    }
}

/// Why the machine does not take a value for a setting; `None` if it does. It is tried in a namespace that
/// nobody uses, once in the life of the process.
pub(super) fn refuses(name: &str, value: &str) -> Option<String> {
    type Known = BTreeMap<(String, String), Option<String>>;
    static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (of_any_device(name), value.to_owned());
    if let Some(reason) = known.get(&key) {
        return reason.clone();
    }
    let reason = tried(&key.0, value);
    known.insert(key, reason.clone());
    reason
}

fn tried(name: &str, value: &str) -> Option<String> {
    // What may not be the default of a namespace is a metric of its route.
    if name == CONGESTION_CONTROL
        && let Ok(available) = read("net.ipv4.tcp_available_congestion_control")
        && available.split_whitespace().any(|one| one == value)
    {
        return None;
    }
    let (name, value) = (name.to_owned(), value.to_owned());
    let done = Worker::start(move || {
        netns::leave()?;
        Ok(write(&name, &value))
    });
    match done {
        Ok((_, Ok(()))) => None,
        Ok((_, Err(Failure::Missing(reason) | Failure::Refused(reason)))) => Some(reason),
        Ok((_, Err(Failure::Value(error) | Failure::Unknown(error)))) => {
            Some(no_such_value(&error))
        }
        Err(error) => Some(format!("it cannot be tried without a namespace ({error})")),
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

    #[test]
    fn a_value_is_tried_where_nobody_sees_it() {
        let name = "net.ipv4.tcp_ecn";
        let before = read(name).unwrap();
        let other = if before.trim() == "1" { "0" } else { "1" };
        let reason = refuses(name, other);
        assert_eq!(read(name).unwrap(), before);
        // Without the right to have a namespace nothing can be tried.
        let usable = Worker::start(netns::leave).is_ok();
        assert_eq!(reason.is_none(), usable, "{reason:?}");
        let refused = refuses(name, "77").unwrap();
        assert!(!usable || refused.contains("Invalid argument"), "{refused}");
        assert!(refuses("net.ipv4.no_such_thing", "1").is_some());
        assert!(refuses("kernel.panic", "1").is_some());
        assert_eq!(refuses(CONGESTION_CONTROL, "reno"), None);
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
