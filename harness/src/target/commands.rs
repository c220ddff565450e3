//! Running the commands of a script on whatever can do what they ask.
//!
//! A [`Machine`] does the tools that need no program and has, or has not, a shell for the rest. The
//! order, `&&` and `||`, files of commands and the exit status are the same on every machine: the
//! status of the last command counts, a line that fails before it does not.

use super::{CommandReport, TargetError};
use crate::script::command::{self, Action, Join, PID, Statement, Tool};

/// How deep files of commands may call each other.
const MAX_DEPTH: usize = 8;

/// What a tool did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Exit status.
    pub status: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// It failed because the machine lacks something. If nothing comes after it that counts, the
    /// case is one that cannot run here.
    pub lacking: Option<TargetError>,
}

impl Done {
    /// Success with something printed.
    pub fn printed(output: impl Into<String>) -> Done {
        Done {
            output: output.into(),
            ..Done::default()
        }
    }

    /// A failure in the tool's own words.
    pub fn failed(status: i32, errors: impl Into<String>) -> Done {
        Done {
            status,
            errors: errors.into(),
            ..Done::default()
        }
    }

    /// A failure because of what the machine lacks.
    pub fn lacking(status: i32, capability: impl Into<String>, reason: impl Into<String>) -> Done {
        let (capability, reason) = (capability.into(), reason.into());
        Done {
            status,
            errors: format!("{capability}: {reason}\n"),
            output: String::new(),
            lacking: Some(TargetError::Unsupported { capability, reason }),
        }
    }
}

/// What can run commands.
pub trait Machine {
    /// The process id of the case's shell; a stand-in as long as there is none.
    fn pid(&mut self) -> String;

    /// Does one tool; never [`Tool::File`]. `direct` says that the script itself has it, not a
    /// file that the script runs.
    ///
    /// # Errors
    /// What ends the whole case: the machine failed, or it could never tell what was asked.
    fn tool(&mut self, tool: &Tool, direct: bool) -> Result<Done, TargetError>;

    /// Whether what `/bin/sh` takes for something else is read as bash does.
    fn reads_bash(&self) -> bool {
        false
    }

    /// The text of a file that may be run; `None` if there is none, or none that is text.
    fn file(&mut self, path: &str) -> Option<String>;

    /// Sets files to values and remembers their old values under `undo`, the path of a script.
    ///
    /// # Errors
    /// As [`tool`](Machine::tool).
    fn set_files(&mut self, files: &[(String, String)], undo: &str) -> Result<Done, TargetError>;

    /// Files and the old values that are remembered under a path.
    fn undo(&mut self, path: &str) -> Option<Vec<(String, String)>>;

    /// Runs what no tool can do.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] naming `shell` if there is none.
    fn shell(&mut self, text: &str) -> Result<CommandReport, TargetError>;
}

/// Runs a back-quoted command.
///
/// # Errors
/// [`TargetError::Unsupported`] if what decides the status is lacking on this machine.
pub fn run(text: &str, machine: &mut dyn Machine) -> Result<CommandReport, TargetError> {
    let as_bash = || machine.reads_bash().then(|| command::read_as_bash(text));
    let Some(statements) = command::read(text).or_else(|| as_bash().flatten()) else {
        return machine.shell(text);
    };
    let mut interpreter = Interpreter {
        machine,
        output: String::new(),
        signalled: false,
    };
    let last = interpreter.statements(&statements, 0)?;
    if let Some(lacking) = last.lacking {
        return Err(lacking);
    }
    Ok(CommandReport {
        status: (!interpreter.signalled).then_some(last.status),
        output: interpreter.output,
    })
}

struct Interpreter<'a> {
    machine: &'a mut dyn Machine,
    output: String,
    /// The last command was ended by a signal.
    signalled: bool,
}

impl Interpreter<'_> {
    fn statements(&mut self, statements: &[Statement], depth: usize) -> Result<Done, TargetError> {
        let mut last = Done::default();
        for (at, statement) in statements.iter().enumerate() {
            let runs = match statement.join {
                Join::Always => true,
                Join::IfOk => last.status == 0,
                Join::IfFailed => last.status != 0,
            };
            if runs {
                // What to do should it fail, the script may say itself.
                let next = statements.get(at + 1);
                let provided = next.is_some_and(|next| next.join == Join::IfFailed);
                last = self.statement(statement, depth, provided)?;
            }
        }
        Ok(last)
    }

    fn statement(
        &mut self,
        statement: &Statement,
        depth: usize,
        provided: bool,
    ) -> Result<Done, TargetError> {
        self.signalled = false;
        let mut done = match &statement.action {
            Action::Shell => self.shell(&statement.text)?,
            Action::Tool(Tool::File(path, arguments)) => {
                self.file(path, arguments, &statement.text, depth)?
            }
            Action::Tool(tool) => self.machine.tool(tool, depth == 0 && !provided)?,
        };
        if !statement.silent.0 {
            self.output.push_str(&done.output);
        }
        if !statement.silent.1 {
            self.output.push_str(&done.errors);
        }
        (done.output, done.errors) = (String::new(), String::new());
        Ok(done)
    }

    fn shell(&mut self, text: &str) -> Result<Done, TargetError> {
        let report = self.machine.shell(text)?;
        self.signalled = report.status.is_none();
        Ok(Done {
            // Any status but 0, as a shell has it.
            status: report.status.unwrap_or(128),
            output: report.output,
            ..Done::default()
        })
    }

    /// Runs a file: in here if it is made of tools only, else as a program.
    fn file(
        &mut self,
        path: &str,
        arguments: &[String],
        text: &str,
        depth: usize,
    ) -> Result<Done, TargetError> {
        if depth >= MAX_DEPTH {
            return Err(TargetError::Machine(format!(
                "files of commands call each other more than {MAX_DEPTH} deep; the last is {path}"
            )));
        }
        let path = if path.contains(PID) {
            path.replace(PID, &self.machine.pid())
        } else {
            path.to_owned()
        };
        if let Some(undo) = self.machine.undo(&path) {
            let mut last = Done::default();
            for (file, value) in undo {
                last = self.machine.tool(&Tool::Write(file, value), false)?;
                self.output.push_str(&last.errors);
            }
            return Ok(last);
        }
        let Some(content) = self.machine.file(&path) else {
            return self.shell(text);
        };
        if command::is_setting_helper(&path, &content) {
            let Some(files) = assignments(arguments) else {
                return self.shell(text);
            };
            let undo = undo_path(&self.machine.pid());
            return self.machine.set_files(&files, &undo);
        }
        match of_tools(&content, arguments) {
            Some(statements) => self.statements(&statements, depth + 1),
            None => self.shell(text),
        }
    }
}

/// Where the suites' helper leaves the script that puts settings back, by the number of its parent.
pub(super) fn undo_path(pid: &str) -> String {
    format!("/tmp/sysctl_restore_{pid}.sh")
}

/// `PATH=VALUE` of each argument, as the helper splits them; `None` if it would do more with one.
fn assignments(arguments: &[String]) -> Option<Vec<(String, String)>> {
    arguments
        .iter()
        .map(|argument| {
            let mut parts = argument.split('=');
            let (path, value) = (parts.next()?, parts.next()?);
            let setting = command::setting_of(path).is_some_and(|name| name.starts_with("net."));
            setting.then(|| (path.to_owned(), value.to_owned()))
        })
        .collect()
}

/// The statements of a shell script that a machine can do without a shell.
fn of_tools(content: &str, arguments: &[String]) -> Option<Vec<Statement>> {
    let shells = ["/sh", "/bash", "/dash", " sh", " bash"];
    let first = content.lines().next().unwrap_or_default().trim_end();
    if let Some(program) = first.strip_prefix("#!")
        && !shells.iter().any(|shell| program.ends_with(shell))
    {
        return None;
    }
    let statements = command::read(content).filter(|_| arguments.is_empty())?;
    statements
        .iter()
        // Inside a file `$PPID` is the shell that runs it, not the case's.
        .all(|one| !matches!(one.action, Action::Shell) && !one.text.contains("PPID"))
        .then_some(statements)
}

#[cfg(test)]
mod tests;
