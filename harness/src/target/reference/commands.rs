//! Back-quoted commands on the reference: settings of the stack, and what leaves it alone.

use std::path::Path;
use std::time::Duration;

use tcpdrill_stack::Config;

use super::kernel::Kernel;
use super::programs;
use super::sysctl::{self, Refusal};
use crate::script::command::{self, Action, Statement, Sysctl, Tool, setting_of};
use crate::target::commands::{self, Done, Machine};
use crate::target::{CommandReport, TargetError};

/// Stands for a process id: there is no shell.
const NO_SHELL: &str = "tcpdrill";

/// The longest file of commands that is looked at, in bytes.
const MOST: u64 = 1 << 20;

/// Settings as they were.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    config: Config,
    max_backlog: usize,
}

fn is_understood(statement: &Statement) -> bool {
    statement.action != Action::Shell || programs::understands(&statement.text)
}

struct KernelMachine<'a> {
    kernel: &'a mut Kernel,
    folder: Option<&'a Path>,
    /// How long commands have slept.
    slept: Duration,
}

impl Kernel {
    /// Runs a command; what comes back besides is how long it takes.
    pub(super) fn command(
        &mut self,
        line: &str,
        folder: Option<&Path>,
    ) -> Result<(CommandReport, Duration), TargetError> {
        // Nothing is done by halves: a line that is not understood changes nothing.
        let statements = command::read(line).or_else(|| command::read_as_bash(line));
        let understood = statements.is_some_and(|statements| statements.iter().all(is_understood));
        if !understood {
            return Err(not_understood(line));
        }
        let mut machine = KernelMachine {
            kernel: self,
            folder,
            slept: Duration::ZERO,
        };
        let report = commands::run(line, &mut machine)?;
        Ok((report, machine.slept))
    }
}

impl KernelMachine<'_> {
    fn set(&mut self, name: &str, value: &str, direct: bool) -> Result<Done, TargetError> {
        match self.kernel.set(name, value) {
            Ok(()) => Ok(Done::default()),
            Err(Refusal::Invalid) => Ok(Done::failed(
                1,
                format!("sysctl: setting key \"{name}\": Invalid argument\n"),
            )),
            Err(Refusal::Lacking(reason)) => {
                let mut done = Done::lacking(1, format!("sysctl:{name}"), reason);
                done.errors = format!("{name} cannot be `{value}`: {reason}\n");
                match done.lacking {
                    // The script counts on it. A file of defaults sets more than a script needs.
                    Some(lacking) if direct => Err(lacking),
                    _ => Ok(done),
                }
            }
        }
    }

    fn sysctl(&mut self, command: &Sysctl, direct: bool) -> Result<Done, TargetError> {
        let mut all = Done::default();
        for (name, value) in &command.items {
            if command.ignore && !sysctl::is_known(name) {
                continue;
            }
            let done = match value {
                Some(value) => {
                    let mut done = self.set(name, value, direct)?;
                    if done.status == 0 && !command.quiet {
                        done.output = shown(command, name, value);
                    }
                    done
                }
                None => match self.kernel.settings.get(name) {
                    Some(value) => Done::printed(shown(command, name, value)),
                    None => unread(name),
                },
            };
            all.status = all.status.max(done.status);
            all.output.push_str(&done.output);
            all.errors.push_str(&done.errors);
            all.lacking = all.lacking.or(done.lacking);
        }
        Ok(all)
    }
}

fn shown(command: &Sysctl, name: &str, value: &str) -> String {
    if command.values_only {
        format!("{value}\n")
    } else {
        format!("{name} = {value}\n")
    }
}

fn unread(name: &str) -> Done {
    let reason = "the reference target can show only what the script has set";
    Done::lacking(1, format!("sysctl:{name}"), reason)
}

impl Machine for KernelMachine<'_> {
    fn pid(&mut self) -> String {
        NO_SHELL.to_owned()
    }

    fn tool(&mut self, tool: &Tool, direct: bool) -> Result<Done, TargetError> {
        let lacks = |what: &str, reason: &str| TargetError::Unsupported {
            capability: what.to_owned(),
            reason: reason.to_owned(),
        };
        Ok(match tool {
            Tool::Status(status) => Done::failed(*status, ""),
            Tool::Sleep(time) => {
                self.slept += *time;
                Done::default()
            }
            Tool::Echo(text) => {
                Done::printed(format!("{}\n", text.replace(command::PID, NO_SHELL)))
            }
            Tool::Sysctl(command) => self.sysctl(command, direct)?,
            Tool::Write(path, value) => match setting_of(path) {
                Some(name) => self.set(&name, value, direct)?,
                None if self.kernel.set_parameter(path, value) => Done::default(),
                None => {
                    return Err(lacks(
                        command::GLOBAL_STATE,
                        "the reference target shares nothing with other programs that a command could change",
                    ));
                }
            },
            Tool::Cat(paths) => {
                let mut all = Done::default();
                for path in paths {
                    let name = setting_of(path).unwrap_or_default();
                    match self.kernel.settings.get(&name) {
                        Some(value) => all.output.push_str(&format!("{value}\n")),
                        None => return Ok(unread(&name)),
                    }
                }
                all
            }
            Tool::FlushMetrics => {
                self.kernel.engine.host_mut().forget_servers();
                Done::default()
            }
            Tool::Qdisc(qdisc) => {
                self.kernel.set_queue(qdisc)?;
                Done::default()
            }
            Tool::Route(_) => {
                return Err(lacks("command:route", "the reference stack has no routes"));
            }
            Tool::Link(_) | Tool::Address(..) => {
                return Err(lacks(
                    "command:link",
                    "the reference stack has one link, which does not change",
                ));
            }
            Tool::File(path, _) => return Err(not_understood(path)),
        })
    }

    fn reads_bash(&self) -> bool {
        true
    }

    fn file(&mut self, path: &str) -> Option<String> {
        let path = self.folder?.join(path);
        let facts = std::fs::metadata(&path).ok()?;
        (facts.is_file() && facts.len() <= MOST)
            .then(|| std::fs::read_to_string(&path).ok())
            .flatten()
    }

    fn set_files(&mut self, files: &[(String, String)], undo: &str) -> Result<Done, TargetError> {
        let remembered = Remembered {
            config: self.kernel.engine.host_mut().config_mut().clone(),
            max_backlog: self.kernel.max_backlog,
        };
        let mut errors = String::new();
        for (path, value) in files {
            let name = setting_of(path).unwrap_or_default();
            if !value.contains(['"', '\\', '$', '`']) {
                errors.push_str(&self.set(&name, value, true)?.errors);
            }
        }
        self.kernel.undo.insert(undo.to_owned(), remembered);
        Ok(Done {
            errors,
            ..Done::default()
        })
    }

    fn undo(&mut self, path: &str) -> Option<Vec<(String, String)>> {
        let remembered = self.kernel.undo.get(path)?.clone();
        *self.kernel.engine.host_mut().config_mut() = remembered.config;
        self.kernel.max_backlog = remembered.max_backlog;
        Some(Vec::new())
    }

    fn shell(&mut self, text: &str) -> Result<CommandReport, TargetError> {
        self.kernel
            .run_programs(text)
            .ok_or_else(|| not_understood(text))
    }
}

fn not_understood(line: &str) -> TargetError {
    TargetError::Unsupported {
        capability: "shell".to_owned(),
        reason: format!(
            "the reference target has no shell; it takes settings (`sysctl NAME=VALUE`) and what leaves its stack alone, not `{line}`"
        ),
    }
}
