//! `sysctl -w` done in-process, inside the namespace and nowhere else.
//!
//! Most commands of scripts are this one; done by writing /proc they take microseconds instead of
//! milliseconds, and the tool need not be installed.

use std::io::ErrorKind;
use std::path::PathBuf;

use nix::errno::Errno;

use super::netlink::{Netlink, Route};
use crate::target::{CommandReport, TargetError};

const CONGESTION_CONTROL: &str = "net.ipv4.tcp_congestion_control";

/// `name = value` of a `sysctl` command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// As written, with dots or slashes.
    pub(super) name: String,
    pub(super) value: String,
}

/// The assignments of a command that is nothing but `sysctl [-q] [-w] NAME=VALUE…`; `None` for any other command.
pub(super) fn assignments(command: &str) -> Option<Vec<Assignment>> {
    let words = plain_words(command)?;
    let (tool, arguments) = words.split_first()?;
    if !matches!(
        tool.as_str(),
        "sysctl" | "/sbin/sysctl" | "/usr/sbin/sysctl"
    ) {
        return None;
    }
    let mut assignments = Vec::new();
    for word in arguments {
        match word.as_str() {
            "-q" | "-w" | "-qw" | "-wq" | "--quiet" | "--write" => {}
            _ => {
                let (name, value) = word.split_once('=')?;
                if name.is_empty() || name.starts_with('-') {
                    return None;
                }
                assignments.push(Assignment {
                    name: name.trim().into(),
                    value: value.trim().into(),
                });
            }
        }
    }
    (!assignments.is_empty()).then_some(assignments)
}

/// Splits a command at blanks as a shell would; `None` if it needs a shell to be understood.
fn plain_words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.trim().chars() {
        match (c, quote) {
            (_, Some(open)) if c == open => quote = None,
            ('$' | '`' | '\\', Some('"')) => return None,
            (_, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ' | '\t', None) => words.extend(word.take()),
            (c, None) if "$`\\;&|<>()*?[]{}~#!\n\r".contains(c) => return None,
            (_, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Carries out the assignments on the calling thread's namespace.
///
/// # Errors
/// [`TargetError::Unsupported`] naming the first setting that this kernel or machine refuses.
pub(super) fn apply(
    assignments: &[Assignment],
    route: &Route,
) -> Result<CommandReport, TargetError> {
    let mut output = String::new();
    for Assignment { name, value } in assignments {
        match write(name, value) {
            Ok(()) => output.push_str(&format!("{name} = {value}\n")),
            Err(Failure::Value(error)) => {
                return Ok(CommandReport {
                    status: Some(255),
                    output: format!("sysctl: setting key \"{name}\": {error}\n"),
                });
            }
            Err(Failure::Refused(reason)) => {
                if dotted(name) == CONGESTION_CONTROL && set_by_route(value, route).is_ok() {
                    continue;
                }
                return Err(TargetError::Unsupported {
                    capability: format!("sysctl:{}={value}", dotted(name)),
                    reason,
                });
            }
        }
    }
    Ok(CommandReport {
        status: Some(0),
        output,
    })
}

/// Why a setting could not be written.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel does not take the value.
    Value(String),
    /// The setting does not exist, or may not be changed here.
    Refused(String),
}

/// Writes one setting of the calling thread's namespace.
pub(super) fn write(name: &str, value: &str) -> Result<(), Failure> {
    let path = path(name)?;
    // Opened by hand: a missing file must not be created, and /proc wants the value in one write.
    let written = std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::NotFound if path.exists() => {
            Failure::Refused(format!("this kernel has no `{value}`"))
        }
        ErrorKind::NotFound => Failure::Refused(
            "this kernel has no such setting, or not one of each namespace".into(),
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Failure::Refused(format!(
            "it may not be set to `{value}` in a namespace of this machine ({error}){}",
            if dotted(name) == CONGESTION_CONTROL {
                "; the host's administrator can allow it with net.ipv4.tcp_allowed_congestion_control"
            } else {
                ""
            }
        )),
        _ => Failure::Value(error.to_string()),
    })
}

/// One setting of the calling thread's namespace as it is; `None` if it cannot be read.
pub(super) fn read(name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path(name).ok()?).ok()?;
    Some(text.trim_end().to_owned())
}

/// A name with dots, whichever of the two notations it is written in.
fn dotted(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => {
            name.replace('.', "\0").replace('/', ".").replace('\0', "/")
        }
        _ => name.into(),
    }
}

/// The file of a setting. Only `net.*` belongs to a namespace; everything else is the host's.
fn path(name: &str) -> Result<PathBuf, Failure> {
    let name = dotted(name);
    let mut path = PathBuf::from("/proc/sys");
    for (at, part) in name.split('.').enumerate() {
        let part = part.replace('/', ".");
        if at == 0 && part != "net" {
            return Err(Failure::Refused(
                "only settings under net. belong to the case's namespace; the host's are never touched".into(),
            ));
        }
        if part.is_empty() || part == "." || part == ".." {
            return Err(Failure::Refused("it is no name of a setting".into()));
        }
        path.push(part);
    }
    Ok(path)
}

/// Why the machine lacks a setting altogether; `None` if it has it.
pub(super) fn missing(name: &str) -> Option<String> {
    match path(name) {
        Ok(path) if path.exists() => None,
        Ok(_) => Some("this kernel has no such setting".into()),
        Err(Failure::Refused(reason) | Failure::Value(reason)) => Some(reason),
    }
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
    #[case("sysctl -q -w net.ipv4.tcp_ecn=1", &[("net.ipv4.tcp_ecn", "1")])]
    #[case("  sysctl -w net.ipv4.tcp_rmem=\"4096 5 6\"  net.ipv4.tcp_sack='0' ", &[("net.ipv4.tcp_rmem", "4096 5 6"), ("net.ipv4.tcp_sack", "0")])]
    #[case("sysctl -qw net/ipv4/tcp_ecn=2", &[("net/ipv4/tcp_ecn", "2")])]
    fn plain_sysctl_commands_are_recognised(
        #[case] command: &str,
        #[case] expected: &[(&str, &str)],
    ) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| Assignment {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect();
        assert_eq!(assignments(command), Some(expected));
    }

    #[rstest]
    #[case("sysctl net.ipv4.tcp_ecn")]
    #[case("sysctl -q -w net.ipv4.tcp_ecn=1; true")]
    #[case("sysctl -q -w net.ipv4.tcp_ecn=$X")]
    #[case("sysctl -q -w net.ipv4.tcp_ecn=\"$X\"")]
    #[case("sysctl -p file")]
    #[case("sysctl -w \"net.ipv4.tcp_ecn=1")]
    #[case("../common/defaults.sh")]
    #[case("")]
    fn everything_else_is_left_to_the_shell(#[case] command: &str) {
        assert_eq!(assignments(command), None);
    }

    #[rstest]
    #[case("net.ipv4.tcp_ecn", "/proc/sys/net/ipv4/tcp_ecn")]
    #[case("net/ipv4/tcp_ecn", "/proc/sys/net/ipv4/tcp_ecn")]
    #[case(
        "net/ipv4/conf/eth0.5/rp_filter",
        "/proc/sys/net/ipv4/conf/eth0.5/rp_filter"
    )]
    fn both_notations_name_the_same_file(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(path(name).unwrap(), PathBuf::from(expected));
    }

    #[rstest]
    #[case("kernel.panic")]
    #[case("net/../kernel/panic")]
    #[case("net..ipv4")]
    #[case("vm/swappiness")]
    #[case("")]
    fn nothing_outside_the_namespace_can_be_named(#[case] name: &str) {
        assert!(path(name).is_err());
    }
}
