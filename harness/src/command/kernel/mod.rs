//! `tcpdrill kernel`: building, finding and removing kernels for the target `linux-vm`.

mod bisect;
mod building;
mod install;

use std::path::Path;

use crate::cli::{KernelBuildArgs, KernelCommand, KernelRemoveArgs};
use crate::exit::Exit;
use crate::suite::Interrupt;
use crate::target;
use crate::vm::kernel::build::{BuildError, Built};
use crate::vm::kernel::package::PackageError;
use crate::vm::kernel::{self, Cache, CacheError, Entry, Facts, Release, Tree, TreeError};

pub(super) use bisect::bisect_run;
use building::Building;

/// Why a command about kernels cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Trial(#[from] kernel::TrialError),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("{0}")]
    Other(String),
}

impl Problem {
    fn exit(&self) -> Exit {
        match self {
            Problem::Build(problem) if problem.is_interrupted() => Exit::Interrupted,
            Problem::Package(PackageError::Child(kernel::ChildError::Interrupted)) => {
                Exit::Interrupted
            }
            Problem::Build(BuildError::Tools(_) | BuildError::Machine(_)) => Exit::NothingRan,
            Problem::Package(problem) if problem.is_want() => Exit::NothingRan,
            _ => Exit::Usage,
        }
    }
}

/// Does what is asked for.
pub(super) fn kernel(command: &KernelCommand) -> Exit {
    let interrupt = Interrupt::default();
    target::linux::raise_on_signals(&interrupt);
    let done = match command {
        KernelCommand::Build(args) => build(args, &interrupt),
        KernelCommand::Install(args) => install::install(args, &interrupt),
        KernelCommand::List => list(),
        KernelCommand::Remove(args) => remove(args),
    };
    match done {
        Ok(()) => Exit::Success,
        Err(problem) => {
            super::complain("error", &problem);
            problem.exit()
        }
    }
}

fn build(args: &KernelBuildArgs, interrupt: &Interrupt) -> Result<(), Problem> {
    let cache = Cache::of_user()?;
    let tree = Tree::at(&args.source)?;
    let source = tree.path.display().to_string();
    if args.out.is_none() {
        refuse_strangers(cache.entry(tree.release)?, &source)?;
    }
    let building = Building::new(&args.how, &cache, interrupt)?;
    let built = building.build(&tree)?;
    kernel::try_out(&built.kernel, interrupt)?;
    match &args.out {
        Some(out) => {
            let copied = copy(&built.kernel.path, out);
            copied.map_err(|problem| {
                Problem::Other(format!("cannot write {}: {problem}", out.display()))
            })?;
            announce(&built, out);
        }
        None => {
            let facts = building.facts(&built, source);
            let entry = cache.put(&built.kernel.path, built.kernel.release, facts)?;
            announce(&built, &entry.path);
        }
    }
    Ok(())
}

/// A kernel of another source is not overwritten.
fn refuse_strangers(entry: Option<Entry>, source: &str) -> Result<(), Problem> {
    match entry {
        Some(entry) if entry.facts.source != source => Err(Problem::Other(format!(
            "the cache has Linux {} already, built of {}; give `--out FILE`, or first: tcpdrill kernel remove {}",
            entry.release, entry.facts.source, entry.release
        ))),
        Some(_) | None => Ok(()),
    }
}

/// In place of what is there, which may be running.
fn copy(program: &Path, out: &Path) -> std::io::Result<()> {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let half = out.with_file_name(format!(".{name}.{}", std::process::id()));
    std::fs::copy(program, &half)?;
    std::fs::rename(&half, out)
}

/// What was built and where it is.
fn announce(built: &Built, path: &Path) {
    let kernel = &built.kernel;
    if !built.lacks.is_empty() {
        let line = format!(
            "without what this tree does not offer: {}",
            built.lacks.join(", ")
        );
        super::complain("note", &line);
    }
    if !built.own_lacks.is_empty() {
        let line = format!(
            "this tree did not take, of your own options: {}",
            built.own_lacks.join(", ")
        );
        super::complain("warning", &line);
    }
    let (name, hz, path) = (&kernel.name, kernel.hz, path.display());
    super::say(&format_args!("Linux {name}, HZ={hz}: {path}"));
}

fn list() -> Result<(), Problem> {
    let cache = Cache::of_user()?;
    let entries = cache.entries()?;
    if entries.is_empty() {
        let kernels = cache.kernels();
        super::say(&format_args!(
            "no kernel in {}; tcpdrill kernel install",
            kernels.display()
        ));
        return Ok(());
    }
    for entry in entries.iter().rev() {
        super::say(&line(entry));
    }
    Ok(())
}

fn line(entry: &Entry) -> String {
    let Facts {
        release,
        hz,
        source,
        configuration,
        lacks,
        built,
    } = &entry.facts;
    let path = entry.path.display();
    let lacks = match lacks.is_empty() {
        true => String::new(),
        false => format!("\n          without {}", lacks.join(", ")),
    };
    format!(
        "{release:<8}  HZ={hz}  {path}\n          {source}; configuration {configuration}, built {built}{lacks}"
    )
}

fn remove(args: &KernelRemoveArgs) -> Result<(), Problem> {
    let cache = Cache::of_user()?;
    for text in &args.releases {
        let release = Release::parse(text);
        let entry = release.map(|release| cache.entry(release)).transpose()?;
        let Some(entry) = entry.flatten() else {
            let kernels = cache.kernels();
            let problem = format!(
                "there is no kernel {text} in {}; tcpdrill kernel list",
                kernels.display()
            );
            return Err(Problem::Other(problem));
        };
        cache.remove(&entry)?;
        super::say(&format_args!("removed {}", entry.path.display()));
    }
    if args.builds {
        for folder in [cache.builds(), cache.sources()] {
            match std::fs::remove_dir_all(&folder) {
                Ok(()) => super::say(&format_args!("removed {}", folder.display())),
                Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {}
                Err(problem) => {
                    let problem = format!("cannot remove {}: {problem}", folder.display());
                    return Err(Problem::Other(problem));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str, lacks: &[&str]) -> Entry {
        Entry {
            path: "/c/kernels/linux-6.1.192".into(),
            release: Release::new(6, 1, 192),
            facts: Facts {
                release: "6.1.192".into(),
                hz: 1000,
                source: source.into(),
                configuration: "0123456789ab".into(),
                lacks: lacks.iter().map(ToString::to_string).collect(),
                built: "2026-11-22T12:00:00Z".into(),
            },
        }
    }

    #[test]
    fn a_kernel_is_listed_with_what_is_known_of_it() {
        let full = line(&entry("linux-source-6.1 6.1.192-2", &["CONFIG_TCP_AO=y"]));
        insta::assert_snapshot!(full, @r"
        6.1.192   HZ=1000  /c/kernels/linux-6.1.192
                  linux-source-6.1 6.1.192-2; configuration 0123456789ab, built 2026-11-22T12:00:00Z
                  without CONFIG_TCP_AO=y
        ");
    }

    #[test]
    fn a_kernel_of_another_source_is_not_overwritten() {
        let other = Some(entry("linux-source-6.1 6.1.192-2", &[]));
        let problem = refuse_strangers(other, "/u/linux").expect_err("it is another's");
        insta::assert_snapshot!(problem, @"the cache has Linux 6.1.192 already, built of linux-source-6.1 6.1.192-2; give `--out FILE`, or first: tcpdrill kernel remove 6.1.192");
        refuse_strangers(Some(entry("/u/linux", &[])), "/u/linux").expect("its own");
        refuse_strangers(None, "/u/linux").expect("nobody's");
    }
}
