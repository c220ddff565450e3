//! The commands, one file each. Only here and in `main` does tcpdrill print.

mod agent;
mod check;
mod compare;
mod coverage;
mod diff;
mod doctor;
mod explain;
mod files;
mod fmt;
mod fuzz;
mod kernel;
mod learn;
mod list;
mod output;
mod packetdrill;
mod profiles;
mod replay;
mod results;
mod run;
mod seed;
mod vm;
mod wire;
mod zoo;
mod zoo_fuzz;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use crate::cli::{Cli, Command, FamilyArgs, RunArgs};
use crate::diagnostic::render::{Color, render};
use crate::exit::Exit;
use crate::program::IpVersion;
use crate::script::{self, Given, OptionPair};
use crate::suite::{Case, Convention, DiscoverError, Selection, Suite};

use output::Output;
pub use packetdrill::{is_packetdrill, packetdrill};

/// Does what the command line asks for.
pub fn dispatch(cli: Cli) -> Exit {
    let exit = match cli.command {
        None => run::main_job(),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Check(args)) => check::check(&args),
        Some(Command::Fmt(args)) => fmt::fmt(&args),
        Some(Command::List(args)) => list::list(&args),
        Some(Command::Coverage(args)) => coverage::coverage(&args),
        Some(Command::Explain(args)) => explain::explain(&args),
        Some(Command::Diff(args)) => diff::diff(&args),
        Some(Command::Compare(args)) => compare::compare(&args),
        Some(Command::Profiles(args)) => profiles::profiles(&args),
        Some(Command::Fuzz(args)) => fuzz::fuzz(&args),
        Some(Command::Learn(args)) => learn::learn(&args),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Seed(args)) => seed::seed(&args),
        Some(Command::Zoo(args)) => zoo::zoo(&args),
        Some(Command::Agent(args)) => agent::agent(&args),
        Some(Command::Kernel(command)) => kernel::kernel(&command),
        Some(Command::BisectRun(args)) => kernel::bisect_run(&args),
        Some(Command::Packetdrill(args)) => packetdrill(&args.words),
        Some(Command::Doctor) => doctor::doctor(),
        Some(Command::VmInit) => vm::init(),
        Some(Command::VmStart(args)) => vm::start(&args),
    };
    output::settle(exit)
}

/// The bundled suite, or the one in these paths.
fn suite(paths: &[std::path::PathBuf]) -> Result<Suite, DiscoverError> {
    if paths.is_empty() {
        Ok(Suite::bundled())
    } else {
        Suite::from_paths(paths)
    }
}

/// The chosen cases, or a complaint that there is none.
fn chosen<'a>(suite: &'a Suite, filter: Option<&String>) -> Result<Vec<&'a Case>, Exit> {
    let selection = Selection {
        filter: filter.cloned(),
    };
    let cases: Vec<&Case> = suite
        .cases
        .iter()
        .filter(|case| selection.takes(case))
        .collect();
    match (cases.is_empty(), filter) {
        (true, Some(filter)) => Err(refuse(&format!("no case matches the filter `{filter}`"))),
        _ => Ok(cases),
    }
}

/// The families asked for, as far as the convention has them.
fn families(args: &FamilyArgs) -> Result<Vec<IpVersion>, Exit> {
    let mut families = args.ip_version.versions();
    if let Some(name) = args.convention {
        let convention = Convention::from(name);
        families.retain(|family| convention.families().contains(family));
        if families.is_empty() {
            let problem = format!("this convention runs nothing on {}", args.ip_version.name());
            return Err(refuse(&problem));
        }
    }
    Ok(families)
}

/// What scripts of each family are given: by the convention, and then by the command line.
fn given(
    args: &FamilyArgs,
    families: &[IpVersion],
    own: &[OptionPair],
) -> Result<BTreeMap<IpVersion, Given>, Exit> {
    if let Err(problems) = script::check_options("the command line", own) {
        for problem in &problems {
            let _ = writeln!(io::stderr(), "{}", render(problem, Color::Never));
        }
        return Err(Exit::Usage);
    }
    let convention = args.convention.map(Convention::from);
    let one = |family: &IpVersion| {
        let mut given = convention.map_or_else(Given::default, |one| one.given(*family));
        given.options.extend_from_slice(own);
        (*family, given)
    };
    Ok(families.iter().map(one).collect())
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

/// Writes a line to standard output.
fn say(line: &dyn Display) {
    Output::Standard.say(line);
}

/// The arguments of the main job.
fn default_run() -> RunArgs {
    RunArgs::default()
}
