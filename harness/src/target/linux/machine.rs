//! The commands of one case on the running kernel: tools done in its namespace, a shell for the rest.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::guardian::{self, Duty, quoted};
use super::rtnetlink::Route;
use super::shell::Shell;
use super::{device, metrics, place, sysctl};
use crate::script::command::{GLOBAL_STATE, Tool, global_files, setting_of};
use crate::target::commands::{Done, Machine, undo_path};
use crate::target::{CommandContext, CommandReport, TargetError};

/// Stands for the shell's process id in paths as long as there is no shell.
const NO_SHELL: &str = "tcpdrill";

/// The longest file of commands that is looked at.
const MOST: u64 = 1 << 20;

/// Lives on the thread in the case's namespace while a command runs, and with the session between.
#[derive(Debug)]
pub(super) struct CaseMachine {
    route: Route,
    /// The script's folder.
    folder: Option<PathBuf>,
    /// The case has the machine to itself.
    alone: bool,
    /// Its commands may write files of the machine.
    allowed: bool,
    shell: Option<Shell>,
    /// The thread that runs the commands has been moved to a place of the case's own.
    has_moved: bool,
    /// Old values of files by the path of the script that puts them back.
    undo: BTreeMap<String, Vec<(String, String)>>,
    /// Changed files of the host: old value, and the promise to put it back.
    changed: BTreeMap<PathBuf, (String, Duty)>,
    /// Congestion control that the case's route stands in for.
    by_route: Option<String>,
}

impl CaseMachine {
    pub(super) fn new(route: Route, folder: Option<PathBuf>, alone: bool) -> CaseMachine {
        CaseMachine {
            route,
            folder,
            alone,
            allowed: false,
            shell: None,
            has_moved: false,
            undo: BTreeMap::new(),
            changed: BTreeMap::new(),
            by_route: None,
        }
    }

    /// Takes over what is known of the script.
    pub(super) fn prepare(&mut self, context: &CommandContext) {
        self.folder.clone_from(&context.folder);
        self.alone = context.alone;
        self.allowed = context.allowed;
    }

    /// Whether the thread that ran the commands is of no use to another case.
    pub(super) fn has_moved(&self) -> bool {
        self.has_moved
    }

    /// Ends the shell and puts back what was changed of the host. To be called on the thread that
    /// ran the commands.
    pub(super) fn end(mut self) {
        self.shell = None;
        for (file, (old, duty)) in std::mem::take(&mut self.changed) {
            match write(&file, &old) {
                Ok(()) => drop(duty),
                // The guardian has another try when this process ends.
                Err(_) => std::mem::forget(duty),
            }
        }
    }

    fn resolve(&self, path: &str) -> PathBuf {
        match &self.folder {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        }
    }

    fn shell(&mut self) -> Result<&mut Shell, TargetError> {
        if self.shell.is_none() {
            let changed: Vec<PathBuf> = self.changed.keys().cloned().collect();
            self.has_moved = true;
            place::enter(self.folder.as_deref(), &changed, self.allowed)?;
            let shell = Shell::start(self.folder.as_deref())?;
            forget_leftover(&undo_path(&shell.pid().to_string()))?;
            // Scripts that a tool was to have written lie where the shell finds them.
            for (path, files) in std::mem::take(&mut self.undo) {
                let path = path.replace(NO_SHELL, &shell.pid().to_string());
                write_undo(&path, &files)?;
                self.undo.insert(path, files);
            }
            self.shell = Some(shell);
        }
        self.shell
            .as_mut()
            .ok_or_else(|| TargetError::Machine("the shell is gone".into()))
    }

    /// Makes sure that a file of the host may be changed, and will be put back.
    fn change_of_host(&mut self, file: &Path) -> Result<(), TargetError> {
        if self.changed.contains_key(file) {
            return Ok(());
        }
        let unsupported = |reason: String| TargetError::Unsupported {
            capability: GLOBAL_STATE.into(),
            reason: format!("{}: {reason}", file.display()),
        };
        if !self.alone {
            return Err(unsupported(
                "only a command that names it in the script itself can change it".into(),
            ));
        }
        let old = std::fs::read_to_string(file)
            .map_err(|error| unsupported(format!("it cannot be read ({error})")))?;
        let old = old.trim_end().to_owned();
        let words = format!(
            "printf %s {} > {}",
            quoted(&old.replace('\n', " ")),
            quoted(&file.to_string_lossy())
        );
        let duty = guardian::promise(words)?;
        if self.shell.is_some() {
            place::make_writable(file)
                .map_err(|errno| unsupported(format!("it cannot be made writable ({errno})")))?;
        }
        self.changed.insert(file.to_owned(), (old, duty));
        Ok(())
    }

    fn write(&mut self, path: &str, text: &str, direct: bool) -> Result<Done, TargetError> {
        if let Some(name) = setting_of(path).filter(|name| name.starts_with("net.")) {
            return Ok(sysctl::echo(path, &name, text, &self.route));
        }
        let file = Path::new(path);
        match self.change_of_host(file) {
            Err(TargetError::Unsupported { capability, reason }) if !direct => {
                return Ok(Done::lacking(2, capability, reason));
            }
            other => other?,
        }
        Ok(match write(file, text) {
            Ok(()) => Done::default(),
            Err(error) => Done::failed(1, format!("echo: {path}: {error}\n")),
        })
    }

    fn sysctl(&mut self, command: &crate::script::command::Sysctl) -> Result<Done, TargetError> {
        let of_host = |name: &str| !name.starts_with("net.");
        if !command
            .items
            .iter()
            .any(|(name, value)| value.is_some() && of_host(name))
        {
            let done = sysctl::perform(command, &self.route);
            for (name, value) in &command.items {
                if name == sysctl::CONGESTION_CONTROL {
                    let now = sysctl::read(name).unwrap_or_default();
                    self.by_route = value.clone().filter(|value| value != now.trim());
                }
            }
            return Ok(done);
        }
        let mut all = Done::default();
        for (name, value) in &command.items {
            let path = crate::script::command::setting_file(name).unwrap_or_default();
            let done = match value {
                Some(value) => self.write(&path, value, true)?,
                None => Done::default(),
            };
            all.status = all.status.max(done.status);
            all.errors.push_str(&done.errors);
        }
        Ok(all)
    }
}

impl Machine for CaseMachine {
    fn pid(&mut self) -> String {
        match &self.shell {
            Some(shell) => shell.pid().to_string(),
            None => NO_SHELL.into(),
        }
    }

    fn tool(&mut self, tool: &Tool, direct: bool) -> Result<Done, TargetError> {
        Ok(match tool {
            Tool::Status(status) => Done::failed(*status, ""),
            Tool::Sleep(time) => {
                std::thread::sleep(*time);
                Done::default()
            }
            Tool::Echo(text) => {
                let pid = self.pid();
                Done::printed(format!(
                    "{}\n",
                    text.replace(crate::script::command::PID, &pid)
                ))
            }
            Tool::Sysctl(command) => self.sysctl(command)?,
            Tool::Write(path, text) => self.write(path, text, direct)?,
            Tool::Cat(paths) => cat(paths),
            Tool::FlushMetrics => match metrics::flush() {
                Ok(()) => Done::default(),
                Err(errno) => Done::failed(1, format!("ip: tcp_metrics: {}\n", errno.desc())),
            },
            Tool::Qdisc(qdisc) => {
                let done = device::qdisc(qdisc);
                match done.lacking {
                    // Its packets would be paced in another way: better no verdict than a wrong one.
                    Some(lacking) if direct => return Err(lacking),
                    _ => done,
                }
            }
            Tool::Route(route) => device::route(route, self.by_route.as_deref()),
            Tool::Link(link) => device::link(link),
            Tool::Address(name, address, prefix) => device::address(name, *address, *prefix),
            Tool::File(path, _) => {
                return Err(TargetError::Machine(format!("{path} was taken for a tool")));
            }
        })
    }

    fn file(&mut self, path: &str) -> Option<String> {
        let path = self.resolve(path);
        let facts = std::fs::metadata(&path).ok()?;
        let is_program = facts.is_file() && facts.permissions().mode() & 0o111 != 0;
        (is_program && facts.len() <= MOST)
            .then(|| std::fs::read_to_string(&path).ok())
            .flatten()
    }

    fn set_files(&mut self, files: &[(String, String)], undo: &str) -> Result<Done, TargetError> {
        let mut old = Vec::new();
        let mut errors = String::new();
        let mut lacking = None;
        for (path, value) in files {
            let name = setting_of(path).unwrap_or_default();
            match sysctl::read(&name) {
                Ok(value) => old.push((path.clone(), value.trim().to_owned())),
                Err(sysctl::Failure::Missing(reason) | sysctl::Failure::Refused(reason)) => {
                    // The helper ends here; what it has written and set so far stays.
                    lacking = Some(Done::lacking(1, format!("sysctl:{name}"), reason));
                    break;
                }
                Err(sysctl::Failure::Value(reason) | sysctl::Failure::Unknown(reason)) => {
                    lacking = Some(Done::failed(1, reason));
                    break;
                }
            }
            // The helper has a shell write it, whose quotes such a value would break; and whether
            // that worked does not matter to it.
            if !value.contains(['"', '\\', '$', '`']) {
                errors.push_str(&sysctl::echo(path, &name, value, &self.route).errors);
            }
        }
        if self.shell.is_some() {
            write_undo(undo, &old)?;
        }
        self.undo.insert(undo.to_owned(), old);
        let mut done = lacking.unwrap_or_default();
        done.errors.insert_str(0, &errors);
        Ok(done)
    }

    fn undo(&mut self, path: &str) -> Option<Vec<(String, String)>> {
        let known = self.undo.get(path)?;
        // A script may have changed or removed the file, if there is one.
        if self.shell.is_some() && std::fs::read_to_string(path).ok()? != undo_script(known) {
            return None;
        }
        Some(known.clone())
    }

    fn shell(&mut self, text: &str) -> Result<CommandReport, TargetError> {
        if self.alone {
            for file in global_files(text) {
                if Path::new(&file).is_file() {
                    self.change_of_host(Path::new(&file))?;
                }
            }
        }
        CaseMachine::shell(self)?.run(text)
    }
}

fn cat(paths: &[String]) -> Done {
    let mut done = Done::default();
    for path in paths {
        // Of a setting outside the namespace, too: reading does no harm.
        match std::fs::read_to_string(path) {
            Ok(text) => done.output.push_str(&text),
            Err(error) => {
                done.status = 1;
                done.errors.push_str(&format!("cat: {path}: {error}\n"));
            }
        }
    }
    done
}

/// A script that puts files back, as the suites' helper writes it.
fn undo_script(files: &[(String, String)]) -> String {
    let mut text = "#!/bin/sh\n".to_owned();
    for (path, value) in files {
        text.push_str(&format!("echo {} > {path}\n", quoted(value)));
    }
    text
}

/// Takes out of the case's own `/tmp` what an earlier process of the shell's number left in the host's,
/// as packetdrill does: a case that has set nothing would put back the settings of another.
fn forget_leftover(path: &str) -> Result<(), TargetError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TargetError::Machine(
            format!("{path} of another process cannot be hidden: {error}"),
        )),
        _ => Ok(()),
    }
}

fn write_undo(path: &str, files: &[(String, String)]) -> Result<(), TargetError> {
    std::fs::write(path, undo_script(files))
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)))
        .map_err(|error| TargetError::Machine(format!("{path} cannot be written: {error}")))
}

/// Writes a file that is there in one go.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
}
