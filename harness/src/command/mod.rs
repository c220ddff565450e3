//! The commands, one file each. Only here and in `main` does tcpdrill print.

mod check;
mod doctor;
mod list;
mod run;

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
fn refuse(problem: &dyn std::fmt::Display) -> Exit {
    eprintln!("error: {problem}");
    Exit::Usage
}

/// The arguments of the main job.
fn default_run() -> RunArgs {
    RunArgs::default()
}
