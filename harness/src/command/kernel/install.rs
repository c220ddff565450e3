//! `tcpdrill kernel install`: a kernel of this system's source package.

use crate::cli::KernelInstallArgs;
use crate::suite::Interrupt;
use crate::vm::kernel::build;
use crate::vm::kernel::package::{self, Package};
use crate::vm::kernel::{Cache, Entry, Tree, look_for_tools, try_out};

use super::Problem;
use super::building::{Building, Progress};

/// Installs a kernel, unless it is there.
pub(super) fn install(args: &KernelInstallArgs, interrupt: &Interrupt) -> Result<(), Problem> {
    let cache = Cache::of_user()?;
    let building = Building::new(&args.how, &cache, interrupt)?;
    let wanted = args.version.as_deref();
    let package = package::choose(wanted)?;
    let mut entries = cache.entries()?.into_iter();
    if let Some(entry) = entries.find(|entry| is_it(entry, &package, &building.configuration())) {
        super::super::say(&format_args!("is there already: {}", super::line(&entry)));
        return Ok(());
    }
    // Before half a gigabyte is moved.
    look_for_tools().map_err(build::BuildError::from)?;
    let mut progress = Progress::default();
    let tree = package.unpack(&cache.sources(), wanted, interrupt, &mut |stage| {
        progress.tell(stage);
    });
    drop(progress);
    let done = tree.map_err(Problem::from).and_then(|tree| {
        put(&building, &cache, &package, &tree, interrupt)?;
        Ok(tree)
    });
    // What was unpacked is as good for a second try, but for one that is not wanted.
    match done {
        Ok(tree) if !args.keep_source => {
            package.clean_up(&cache.sources())?;
            clean_up(&cache, &tree)
        }
        Ok(tree) => {
            super::super::say(&format_args!("its source: {}", tree.path.display()));
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

fn put(
    building: &Building<'_>,
    cache: &Cache,
    package: &Package,
    tree: &Tree,
    interrupt: &Interrupt,
) -> Result<(), Problem> {
    let built = building.build(tree)?;
    try_out(&built.kernel, interrupt)?;
    let facts = building.facts(&built, package.title());
    let entry = cache.put(&built.kernel.path, built.kernel.release, facts)?;
    super::announce(&built, &entry.path);
    Ok(())
}

/// Whether a kernel is the one that would be built.
fn is_it(entry: &Entry, package: &Package, configuration: &str) -> bool {
    entry.facts.source == package.title() && entry.facts.configuration == configuration
}

/// Removes the folder of the build.
fn clean_up(cache: &Cache, tree: &Tree) -> Result<(), Problem> {
    let folder = build::folder(cache, &tree.path);
    std::fs::remove_dir_all(&folder)
        .map_err(|problem| Problem::Other(format!("cannot remove {}: {problem}", folder.display())))
}
