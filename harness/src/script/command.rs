//! Back-quoted commands that need no shell: settings, and what suites do to their device.
//!
//! A command is read as a shell would read it, as far as simple commands, their redirections to
//! nowhere and `;`, `&&`, `||` go. What a target can do itself becomes a [`Tool`]; any other simple
//! command stays text for the shell. Whatever keeps a state of the shell (variables, functions,
//! `cd`, loops) makes the whole command one for the shell.

mod arithmetic;
mod device;
mod reader;
mod tool;

use std::net::IpAddr;
use std::time::Duration;

/// Stands in words for the process id of the case's shell (`$PPID`, `$PACKETDRILL_PID`), which is
/// known only to a running case. No script can write it: it is of Unicode's private use.
pub const PID: char = '\u{f8ff}';

/// The capability of commands that change what all programs of a machine share.
pub const GLOBAL_STATE: &str = "command:global-state";

/// Programs that a target may know itself. Everywhere else a shell runs them.
const SMALL_PROGRAMS: [&str; 5] = ["dd", "ethtool", "grep", "nstat", "rm"];

/// One simple command or pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// When it is run.
    pub join: Join,
    /// What it does.
    pub action: Action,
    /// As written.
    pub text: String,
    /// Its output goes to `/dev/null`: standard output, standard error.
    pub silent: (bool, bool),
}

/// The settings that a command consists of, in order: name and value. Empty for `true` alone;
/// `None` if it does anything else.
pub fn settings(text: &str) -> Option<Vec<(String, String)>> {
    let mut settings = Vec::new();
    for statement in read(text)? {
        match statement.action {
            Action::Tool(Tool::Status(0)) => {}
            Action::Tool(Tool::Sysctl(sysctl)) if statement.join == Join::Always => {
                for (name, value) in sysctl.items {
                    settings.push((name, value?));
                }
            }
            Action::Tool(_) | Action::Shell => return None,
        }
    }
    Some(settings)
}

/// How a statement hangs on the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// `;` or a new line.
    Always,
    /// `&&`
    IfOk,
    /// `||`
    IfFailed,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something a target can do itself.
    Tool(Tool),
    /// Anything else: it needs `/bin/sh`.
    Shell,
}

/// A command that needs no program.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// `true` (0), `false` (1).
    Status(i32),
    /// `sleep N`
    Sleep(Duration),
    /// `echo …`: what is printed, without the line end.
    Echo(String),
    /// `sysctl …`
    Sysctl(Sysctl),
    /// `echo TEXT > /proc/sys/…`: the file and the text.
    Write(String, String),
    /// `cat /proc/sys/…`
    Cat(Vec<String>),
    /// `ip tcp_metrics flush`
    FlushMetrics,
    /// `tc qdisc … dev D root …`
    Qdisc(Qdisc),
    /// `ip route add|change|replace …`
    Route(Route),
    /// `ip link set …`
    Link(Link),
    /// `ip addr add …`: device, address, prefix length.
    Address(String, IpAddr, u8),
    /// A file to be run: its path, its arguments.
    File(String, Vec<String>),
}

/// A `sysctl` command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sysctl {
    /// `-q`: what was set is not printed.
    pub quiet: bool,
    /// `-e`: names that do not exist are passed over.
    pub ignore: bool,
    /// `-n`: values are printed without their names.
    pub values_only: bool,
    /// Names with dots, and the value to set; without one the setting is read.
    pub items: Vec<(String, Option<String>)>,
}

/// What becomes of the root queueing discipline of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qdisc {
    /// What is done.
    pub change: Change,
    /// Device name.
    pub device: String,
    /// `pfifo`, `fq` …; may be left out when deleting.
    pub kind: Option<String>,
    /// `limit N`: packets, bytes with `bfifo`.
    pub limit: Option<u32>,
}

/// The verbs of `ip` and `tc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the verbs themselves")]
pub enum Change {
    Add,
    Change,
    Replace,
    Delete,
}

/// A route with its metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What is done.
    pub change: Change,
    /// Destination network: address, prefix length.
    pub destination: (IpAddr, u8),
    /// Next hop.
    pub gateway: Option<IpAddr>,
    /// The next hop is on the link whatever the addresses say.
    pub onlink: bool,
    /// Device name.
    pub device: String,
    /// Numbers of `RTAX_` and their values.
    pub metrics: Vec<(u16, u32)>,
    /// Bits of locked metrics.
    pub locks: u32,
    /// `congctl NAME`
    pub congestion_control: Option<String>,
}

/// Changes of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Device name.
    pub device: String,
    /// `up`, `down`.
    pub up: Option<bool>,
    /// `mtu N`, bytes.
    pub mtu: Option<u32>,
    /// `txqueuelen N`, packets.
    pub queue: Option<u32>,
}

/// Reads a command: its statements, or `None` if only a shell can run it as a whole.
pub fn read(text: &str) -> Option<Vec<Statement>> {
    reader::read(text)
}

/// The same by the grammar of bash, which sends both outputs to a file by `&>`; for `/bin/sh` that is
/// a command in the background and another one.
pub fn read_as_bash(text: &str) -> Option<Vec<Statement>> {
    reader::read_as_bash(text)
}

/// Where a quote in a command begins that is never closed, in bytes: no shell can run that.
pub fn unclosed_quote(text: &str) -> Option<usize> {
    reader::unclosed_quote(text)
}

/// Whether a file is the suites' helper that sets files of `/proc/sys` and writes a script that
/// undoes it: known by its name and by what it does.
pub fn is_setting_helper(path: &str, text: &str) -> bool {
    path.rsplit('/').next() == Some("set_sysctls.py")
        && [
            "PACKETDRILL_PID",
            "/tmp/sysctl_restore_%s.sh",
            "sys.argv[1:]",
            "split('=')",
        ]
        .iter()
        .all(|mark| text.contains(mark))
}

/// What a command asks of a target, by the names of capabilities.
///
/// A setting that may be missing without harm (`-e`, `|| …`) is not asked for. With `drop_in` only
/// what decides the command's status is: the shell goes on after a line that fails.
pub fn needs(text: &str, drop_in: bool) -> Vec<String> {
    let mut needs = Vec::new();
    let bash = || {
        let statements = read_as_bash(text)?;
        let whole = |statement: &Statement| statement.action != Action::Shell;
        statements.iter().all(whole).then_some(statements)
    };
    let plain = read(text);
    if plain.is_none() && bash().is_some() {
        needs.push("shell:bash".to_owned());
    }
    let Some(statements) = plain.or_else(bash) else {
        needs.push("shell".to_owned());
        if !global_files(text).is_empty() {
            needs.push(GLOBAL_STATE.to_owned());
        }
        return needs;
    };
    for (at, statement) in statements.iter().enumerate() {
        let next = statements.get(at + 1);
        let counts = match next {
            Some(next) => next.join == Join::IfOk || (next.join == Join::Always && !drop_in),
            None => true,
        };
        match &statement.action {
            Action::Shell => {
                needs.extend(shell_needs(&statement.text));
                if !global_files(&statement.text).is_empty() {
                    needs.push(GLOBAL_STATE.to_owned());
                }
            }
            Action::Tool(tool) => tool_needs(tool, counts, &mut needs),
        }
    }
    needs
}

/// `shell`, or the programs by name where a target may know them itself.
fn shell_needs(text: &str) -> Vec<String> {
    let programs: Option<Vec<String>> = text
        .split('|')
        .map(|part| {
            let first = part.split_whitespace().next()?;
            let name = first.rsplit('/').next()?;
            SMALL_PROGRAMS
                .contains(&name)
                .then(|| format!("shell:{name}"))
        })
        .collect();
    programs.unwrap_or_else(|| vec!["shell".to_owned()])
}

fn tool_needs(tool: &Tool, counts: bool, needs: &mut Vec<String>) {
    let mut setting = |name: &str, asked: bool| {
        if !name.starts_with("net.") {
            needs.push(GLOBAL_STATE.to_owned());
        } else if asked && counts {
            needs.push(format!("sysctl:{name}"));
        }
    };
    match tool {
        Tool::Sysctl(sysctl) => {
            for (name, value) in &sysctl.items {
                if value.is_some() {
                    setting(name, !sysctl.ignore);
                }
            }
        }
        Tool::Write(path, _) => match setting_of(path) {
            Some(name) => setting(&name, true),
            None => needs.push(GLOBAL_STATE.to_owned()),
        },
        Tool::File(_, arguments) => {
            for argument in arguments {
                if let Some((path, _)) = argument.split_once('=')
                    && let Some(name) = setting_of(path)
                {
                    setting(&name, true);
                }
            }
        }
        Tool::Status(_)
        | Tool::Sleep(_)
        | Tool::Echo(_)
        | Tool::Cat(_)
        | Tool::FlushMetrics
        | Tool::Qdisc(_)
        | Tool::Route(_)
        | Tool::Link(_)
        | Tool::Address(..) => {}
    }
}

/// The name of the setting that a file of `/proc/sys` holds, with dots.
pub fn setting_of(path: &str) -> Option<String> {
    let name = path.strip_prefix("/proc/sys/")?;
    let plain = !name.is_empty() && !name.split('/').any(|part| matches!(part, "" | "." | ".."));
    plain.then(|| dotted(name))
}

/// A name of a setting with dots, whichever of the two notations it is written in.
pub fn dotted(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => {
            name.replace('.', "\0").replace('/', ".").replace('\0', "/")
        }
        _ => name.into(),
    }
}

/// The file of a setting whose name has dots; `None` if it is no name.
pub fn setting_file(name: &str) -> Option<String> {
    let mut path = String::from("/proc/sys");
    for part in dotted(name).split('.') {
        let part = part.replace('/', ".");
        if part.is_empty() || part == "." || part == ".." {
            return None;
        }
        path.push('/');
        path.push_str(&part);
    }
    Some(path)
}

/// The files that a command for the shell names and that all programs of a machine share: below
/// `/sys`, and below `/proc/sys` apart from `net`. Only such that end like a word are files.
pub fn global_files(text: &str) -> Vec<String> {
    let ends = |c: char| c.is_whitespace() || "\"'`;&|<>()=".contains(c);
    let mut files: Vec<String> = text
        .split(ends)
        .filter(|word| {
            let outside = word
                .strip_prefix("/proc/sys/")
                .is_some_and(|rest| !rest.starts_with("net/") && !rest.is_empty());
            outside || word.starts_with("/sys/")
        })
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    files
}

#[cfg(test)]
mod tests;
