//! From a source tree to a kernel, in a folder of our own: nothing in the tree is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::child::{ChildError, Runner, Stage};
use super::config::{self, Configuration, FRAGMENT, Untaken};
use super::mirror::{MirrorError, mirror};
use super::{Cache, Kernel, ProgramError, ToolsError, Tree, look_for_tools};
use crate::suite::Interrupt;

/// What building takes on disk, in bytes, and what a copy of the source takes beside it.
const ROOM: u64 = 400 << 20;
const ROOM_FOR_SOURCE: u64 = 2 << 30;

/// What the user's environment may hold that would make another kernel of the same tree.
const FOREIGN: [&str; 14] = [
    "ARCH",
    "SUBARCH",
    "CROSS_COMPILE",
    "LLVM",
    "CC",
    "KBUILD_OUTPUT",
    "KBUILD_KCONFIG",
    "KCONFIG_CONFIG",
    "KCONFIG_ALLCONFIG",
    "KCFLAGS",
    "MAKEFLAGS",
    "MFLAGS",
    "GNUMAKEFLAGS",
    "LOCALVERSION",
];

/// What is to be built.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Of this source.
    pub tree: &'a Tree,
    /// With the options of this fragment beside ours; it has the last word.
    pub own: &'a str,
    /// So many files at a time.
    pub jobs: usize,
    /// Below this folder, in one that the tree's path gives its name.
    pub cache: &'a Cache,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Built {
    /// The kernel, in the folder of the build.
    pub kernel: Kernel,
    /// Options that were wished for and that the tree did not take.
    pub lacks: Vec<String>,
    /// Options of the user's own fragment that it did not take.
    pub own_lacks: Vec<String>,
}

/// Why there is no kernel.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Programs are missing.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The machine is no x86-64 with Linux.
    #[error("kernels for `linux-vm` are built and run on x86-64 with Linux; this is {0}")]
    Machine(String),
    /// Not enough room.
    #[error("building in {} takes {needed} MB, and {free} MB are free", folder.display())]
    NoSpace {
        /// Where.
        folder: PathBuf,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// Somebody builds there.
    #[error("another tcpdrill builds in {}; wait for its end", folder.display())]
    Busy {
        /// Where.
        folder: PathBuf,
    },
    /// A file of the build.
    #[error("cannot {what} {}: {problem}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        problem: io::Error,
    },
    /// Its Kconfig does not begin as one does.
    #[error("{} does not begin with `mainmenu`, as the Kconfig of Linux does", path.display())]
    NoKconfig {
        /// The file.
        path: PathBuf,
    },
    /// The tree does not take what is needed.
    #[error(
        "{} does not take what the target `linux-vm` needs; the tree is changed, or newer than this tcpdrill:\n{}",
        tree.display(),
        options.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
    )]
    Untaken {
        /// The source.
        tree: PathBuf,
        /// Options.
        options: Vec<String>,
    },
    /// Copying the tree.
    #[error(transparent)]
    Copy(#[from] MirrorError),
    /// A program that builds.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// What was built is no kernel.
    #[error("what was built does not work: {0}")]
    Program(#[from] ProgramError),
}

impl BuildError {
    /// Whether a signal ended it.
    pub fn is_interrupted(&self) -> bool {
        matches!(
            self,
            BuildError::Copy(MirrorError::Interrupted) | BuildError::Child(ChildError::Interrupted)
        )
    }

    /// Whether it is about this very source: another one may well be built here.
    pub fn is_about_the_tree(&self) -> bool {
        match self {
            BuildError::NoKconfig { .. }
            | BuildError::Untaken { .. }
            | BuildError::Program(_)
            | BuildError::Child(ChildError::Failed { .. }) => true,
            BuildError::Tools(_)
            | BuildError::Machine(_)
            | BuildError::NoSpace { .. }
            | BuildError::Busy { .. }
            | BuildError::File { .. }
            | BuildError::Copy(_)
            | BuildError::Child(ChildError::Start { .. } | ChildError::Interrupted) => false,
        }
    }

    fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BuildError {
        let path = path.to_owned();
        move |problem| BuildError::File {
            what,
            path,
            problem,
        }
    }
}

/// Builds a kernel. What an earlier build of the same tree has made is used again.
///
/// # Errors
/// If the machine lacks something, the tree does not take what is needed, or it does not compile.
pub fn build(
    order: &Order<'_>,
    interrupt: &Interrupt,
    told: &mut dyn FnMut(&Stage),
) -> Result<Built, BuildError> {
    check_machine(std::env::consts::OS, std::env::consts::ARCH)?;
    look_for_tools()?;
    let folder = folder(order.cache, &order.tree.path);
    let out = folder.join("out");
    fs::create_dir_all(&out).map_err(BuildError::file("make the folder", &out))?;
    let _lock = system::lock(&folder)?;
    let needed = match order.tree.is_clean() || folder.join("source").exists() {
        true => ROOM,
        false => ROOM + ROOM_FOR_SOURCE,
    };
    check_space(&folder, needed)?;
    let log = folder.join("build.log");
    let mut runner = Runner {
        log,
        interrupt,
        told,
    };
    let begun = runner.begin_log();
    begun.map_err(BuildError::file("write", &runner.log))?;
    let source = source(order.tree, &folder, &mut runner)?;
    let untaken = configure(order, &source, &folder, &mut runner)?;
    let what = format!("building Linux {}", order.tree.release);
    let jobs = format!("-j{}", order.jobs);
    let mut command = make(&source, &folder);
    runner.run(&what, command.arg(jobs).arg("linux"))?;
    Ok(Built {
        kernel: Kernel::at(&out.join("linux"))?,
        lacks: untaken.wished,
        own_lacks: untaken.own,
    })
}

/// Where a tree is built: every tree has a folder of its own.
pub fn folder(cache: &Cache, tree: &Path) -> PathBuf {
    let name = tree.file_name().unwrap_or_default().to_string_lossy();
    // make does not take every letter.
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let name: String = name.chars().filter(|c| plain(*c)).collect();
    let hash = Sha256::digest(tree.as_os_str().as_encoded_bytes());
    let hash: String = hash[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    cache.builds().join(format!("{name}-{hash}"))
}

fn check_machine(system: &str, architecture: &str) -> Result<(), BuildError> {
    match (system, architecture) {
        ("linux", "x86_64") => Ok(()),
        _ => Err(BuildError::Machine(format!("{architecture} with {system}"))),
    }
}

fn check_space(folder: &Path, needed: u64) -> Result<(), BuildError> {
    match system::free_space(folder) {
        Some(free) if free < needed => Err(BuildError::NoSpace {
            folder: folder.to_owned(),
            needed: needed >> 20,
            free: free >> 20,
        }),
        // What cannot be known is tried.
        Some(_) | None => Ok(()),
    }
}

/// The tree itself, or a copy of it where somebody has built in it.
fn source(tree: &Tree, folder: &Path, runner: &mut Runner<'_>) -> Result<PathBuf, BuildError> {
    if tree.is_clean() {
        return Ok(tree.path.clone());
    }
    let copy = folder.join("source");
    let started = std::time::Instant::now();
    let mut stage = Stage {
        what: "copying the source, in which somebody has built".into(),
        lines: 0,
        elapsed: std::time::Duration::ZERO,
    };
    mirror(&tree.path, &copy, runner.interrupt, &mut || {
        stage.lines += 1;
        if started.elapsed() >= stage.elapsed + std::time::Duration::from_secs(1) {
            stage.elapsed = started.elapsed();
            (runner.told)(&stage);
        }
    })?;
    let mut command = clean_make(&copy);
    runner.run("cleaning the copy", command.args(["ARCH=um", "mrproper"]))?;
    Ok(copy)
}

/// Writes the configuration, and sees whether the tree takes it.
fn configure(
    order: &Order<'_>,
    source: &Path,
    folder: &Path,
    runner: &mut Runner<'_>,
) -> Result<Untaken, BuildError> {
    let top = source.join("Kconfig");
    let text = fs::read_to_string(&top).map_err(BuildError::file("read", &top))?;
    let text = config::with_hz(&text).ok_or(BuildError::NoKconfig { path: top })?;
    write(&folder.join(KCONFIG), &text)?;
    let fragment = folder.join("fragment.config");
    write(&fragment, &format!("{FRAGMENT}\n{}", order.own))?;
    // Not tinyconfig: it trims the memory management too, which no kernel does that people run.
    let mut command = make(source, folder);
    let all = setting("KCONFIG_ALLCONFIG", &fragment);
    let what = format!("configuring Linux {}", order.tree.release);
    runner.run(&what, command.arg(all).arg("allnoconfig"))?;
    let taken = folder.join("out/.config");
    let text = fs::read_to_string(&taken).map_err(BuildError::file("read", &taken))?;
    let untaken = config::untaken(&Configuration::parse(&text), order.own);
    if !untaken.needed.is_empty() {
        return Err(BuildError::Untaken {
            tree: order.tree.path.clone(),
            options: untaken.needed,
        });
    }
    Ok(untaken)
}

/// The tree's top Kconfig with a tick of our own, in the folder of the build.
const KCONFIG: &str = "Kconfig";

/// Writes a file, unless it says the same already: make goes by its time.
fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(BuildError::file("write", path))
}

fn make(source: &Path, folder: &Path) -> Command {
    let mut command = clean_make(source);
    command
        .arg("ARCH=um")
        // Otherwise the state of a git tree gets into the release.
        .arg("LOCALVERSION=")
        .arg(setting("O", &folder.join("out")))
        .arg(setting("KBUILD_KCONFIG", &folder.join(KCONFIG)));
    command
}

/// `make` with nothing of the user's environment that would change what is built.
fn clean_make(source: &Path) -> Command {
    let mut command = Command::new("make");
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
        .current_dir(source)
        .env("LC_ALL", "C")
        .env("KBUILD_BUILD_USER", "tcpdrill")
        .env("KBUILD_BUILD_HOST", "tcpdrill");
    command
}

fn setting(name: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(format!("{name}="));
    text.push(path);
    text
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::path::Path;

    use nix::errno::Errno;
    use nix::fcntl::{Flock, FlockArg};

    use super::BuildError;

    /// Keeps others out of the folder until it is dropped.
    pub(super) fn lock(folder: &Path) -> Result<Flock<File>, BuildError> {
        let path = folder.join("lock");
        let file = File::create(&path).map_err(BuildError::file("write", &path))?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => BuildError::Busy {
                folder: folder.to_owned(),
            },
            errno => BuildError::file("lock", &path)(errno.into()),
        })
    }

    /// Bytes that an ordinary user may still write.
    pub(super) fn free_space(folder: &Path) -> Option<u64> {
        let facts = nix::sys::statvfs::statvfs(folder).ok()?;
        Some(facts.blocks_available() * facts.fragment_size())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use super::BuildError;

    pub(super) fn lock(_folder: &Path) -> Result<(), BuildError> {
        Ok(())
    }

    pub(super) fn free_space(_folder: &Path) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("linux", "x86_64", None)]
    #[case(
        "linux",
        "aarch64",
        Some(
            "kernels for `linux-vm` are built and run on x86-64 with Linux; this is aarch64 with linux"
        )
    )]
    #[case(
        "macos",
        "x86_64",
        Some(
            "kernels for `linux-vm` are built and run on x86-64 with Linux; this is x86_64 with macos"
        )
    )]
    fn other_machines_are_told(
        #[case] system: &str,
        #[case] architecture: &str,
        #[case] want: Option<&str>,
    ) {
        let told = check_machine(system, architecture).err();
        assert_eq!(told.map(|error| error.to_string()).as_deref(), want);
    }

    #[test]
    fn a_tree_has_a_folder_of_its_own_with_a_name_that_make_takes() {
        let cache = Cache::at("/c".into());
        let of = |path: &str| folder(&cache, Path::new(path)).display().to_string();
        let first = of("/u/linux 6.12:x");
        assert!(first.starts_with("/c/kernel-builds/linux6.12x-"), "{first}");
        assert_eq!(first, of("/u/linux 6.12:x"));
        assert_ne!(of("/a/linux"), of("/b/linux"));
    }

    #[test]
    fn what_a_disk_has_not_is_told_before() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        check_space(folder.path(), 1).expect("one byte is free");
        let error = check_space(folder.path(), u64::MAX).expect_err("nobody has as much");
        let told = error.to_string();
        assert!(told.contains("takes 17592186044415 MB, and "), "{told}");
    }

    #[test]
    fn two_do_not_build_in_one_folder() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let held = system::lock(folder.path()).expect("nobody has it");
        let error = system::lock(folder.path()).expect_err("somebody has it");
        assert!(matches!(error, BuildError::Busy { .. }), "{error}");
        drop(held);
        system::lock(folder.path()).expect("nobody has it any more");
    }

    #[test]
    fn what_a_tree_does_not_take_is_listed() {
        let error = BuildError::Untaken {
            tree: "/tree".into(),
            options: vec!["CONFIG_TUN=y".into(), "CONFIG_HZ=1000".into()],
        };
        insta::assert_snapshot!(error, @r"
        /tree does not take what the target `linux-vm` needs; the tree is changed, or newer than this tcpdrill:
            CONFIG_TUN=y
            CONFIG_HZ=1000
        ");
        assert!(error.is_about_the_tree() && !error.is_interrupted());
        assert!(BuildError::from(ChildError::Interrupted).is_interrupted());
    }

    #[test]
    fn a_file_that_says_the_same_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("Kconfig");
        write(&path, "a").expect("it can be written");
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        let file = fs::File::options()
            .append(true)
            .open(&path)
            .expect("a file");
        let times = fs::FileTimes::new().set_modified(long_ago);
        file.set_times(times).expect("a time");
        let time = || {
            fs::metadata(&path)
                .and_then(|facts| facts.modified())
                .expect("a time")
        };
        write(&path, "a").expect("it can be written");
        assert_eq!(time(), long_ago);
        write(&path, "b").expect("it can be written");
        assert!(time() > long_ago);
    }
}
