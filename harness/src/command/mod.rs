//! The commands, one file each. Only here and in `main` does tcpdrill print.

mod agent;
mod check;
mod doctor;
mod list;
mod run;
mod wire;

use std::fmt::Display;
use std::io::{self, Write};

use crate::cli::{Cli, Command, RunArgs};
use crate::exit::Exit;
use crate::suite::{DiscoverError, Suite};

/// Does what the command line asks for.
pub fn dispatch(cli: Cli) -> Exit {
    match cli.command {
        None => run::main_job(),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Check(args)) => check::check(&args),
        Some(Command::List(args)) => list::list(&args),
        Some(Command::Agent(args)) => agent::agent(&args),
        Some(Command::Doctor) => doctor::doctor(),
    }
}

/// The bundled suite, or the one in these paths.
fn suite(paths: &[std::path::PathBuf]) -> Result<Suite, DiscoverError> {
    if paths.is_empty() {
        Ok(Suite::bundled())
    } else {
        Suite::from_paths(paths)
    }
}

/// Says on standard error why a command cannot go on.
fn refuse(problem: &dyn Display) -> Exit {
    complain("error", problem);
    Exit::Usage
}

/// Writes a line to standard error.
fn complain(kind: &str, problem: &dyn Display) {
    // Whoever closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{kind}: {problem}");
}

/// Writes a line to standard output. A reader such as `head` may close the pipe: the command
/// then goes on without it, for its exit status and its files still count.
fn say(line: &dyn Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// The arguments of the main job.
fn default_run() -> RunArgs {
    RunArgs::default()
}
