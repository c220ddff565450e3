//! The source of a kernel from Debian's or Ubuntu's `linux-source` packages.
//!
//! `apt-get download` and `dpkg-deb -x` write into a folder of ours: nobody need be root, and nothing is installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::child::{ChildError, Runner, Stage};
use super::tools::locate;
use super::{OLDEST, Release, Tree, TreeError};
use crate::suite::Interrupt;
use crate::target::linux;

/// What the names of these packages begin with.
const PREFIX: &str = "linux-source-";

/// A package with the source of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Such as `linux-source-6.12`.
    pub name: String,
    /// Such as `6.12.117-1~deb12u1`.
    pub version: String,
    /// Where its archive lies if it is installed.
    installed: Option<PathBuf>,
}

/// Why no source comes of packages.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// This system has no such packages.
    #[error(
        "source packages come by {missing}, which is not here; with a source tree of your own: tcpdrill kernel build --source TREE"
    )]
    NoApt {
        /// The program.
        missing: &'static str,
    },
    /// None of the packages will do.
    #[error(
        "apt knows no package {PREFIX}* with Linux {wanted} (it knows {there}); `apt-get update` may help, or a source tree of your own: tcpdrill kernel build --source TREE"
    )]
    None {
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// Not the release that was asked for.
    #[error(
        "{package} is Linux {release}, and {wanted} was asked for; take {release}, or a source tree of your own: tcpdrill kernel build --source TREE"
    )]
    Other {
        /// The package.
        package: String,
        /// What it is.
        release: Release,
        /// What was asked for.
        wanted: String,
    },
    /// A program of the package system.
    #[error("`{command}` failed: {problem}")]
    Command {
        /// The program and what it was told.
        command: String,
        /// What it said.
        problem: String,
    },
    /// A file.
    #[error("cannot {what} {}: {problem}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's reason.
        problem: io::Error,
    },
    /// The package is not made as they used to be.
    #[error("{package} holds no {what}, which was expected in it")]
    Strange {
        /// The package.
        package: String,
        /// What is not in it.
        what: &'static str,
    },
    /// There is no way to where packages lie.
    #[error("{0}\nwith a source tree of your own: tcpdrill kernel build --source TREE")]
    Download(ChildError),
    /// A program that takes its time.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// What was unpacked is no tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl PackageError {
    /// Whether this system does not offer what was asked for, rather than something going wrong.
    pub fn is_want(&self) -> bool {
        matches!(
            self,
            PackageError::NoApt { .. }
                | PackageError::None { .. }
                | PackageError::Other { .. }
                | PackageError::Download(_)
        )
    }

    fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PackageError {
        let path = path.to_owned();
        move |problem| PackageError::File {
            what,
            path,
            problem,
        }
    }
}

/// The package for a release that begins with `wanted`, or the newest there is.
///
/// # Errors
/// If there is no apt, or it knows none.
pub fn choose(wanted: Option<&str>) -> Result<Package, PackageError> {
    for missing in ["apt-cache", "apt-get", "dpkg-deb", "tar", "xz"] {
        if locate(missing).is_none() {
            return Err(PackageError::NoApt { missing });
        }
    }
    let names = say("apt-cache", &["pkgnames", PREFIX])?;
    let name = fitting(&names, wanted)?;
    let installed = installed(&name);
    let version = match &installed {
        Some((version, _)) => version.clone(),
        None => {
            candidate(&say("apt-cache", &["policy", &name])?).ok_or_else(|| PackageError::None {
                wanted: wanted.unwrap_or("of any release").to_owned(),
                there: format!("{name}, which no source of packages offers"),
            })?
        }
    };
    Ok(Package {
        name,
        version,
        installed: installed.map(|(_, archive)| archive),
    })
}

/// The name that fits, of those that apt knows.
fn fitting(names: &str, wanted: Option<&str>) -> Result<String, PackageError> {
    let number = |name: &str| Release::parse(name.strip_prefix(PREFIX)?);
    let mut known: Vec<(Release, &str)> = names
        .lines()
        .filter_map(|name| Some((number(name)?, name)))
        .collect();
    known.sort();
    // A package is a series, 6.12 say; which 6.12.x it is only its version or its Makefile tells.
    let series = wanted.map(|text| text.splitn(3, '.').take(2).collect::<Vec<_>>().join("."));
    let fits = |release: Release| match &series {
        Some(series) => release.begins_with(series) == Some(true),
        None => release >= OLDEST,
    };
    let found = known.iter().rev().find(|(release, _)| fits(*release));
    found.map(|(_, name)| (*name).to_owned()).ok_or_else(|| {
        let all: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
        PackageError::None {
            wanted: wanted.map_or_else(|| format!("{OLDEST} or later"), ToOwned::to_owned),
            there: match all.is_empty() {
                true => "none".into(),
                false => all.join(", "),
            },
        }
    })
}

/// The version that `apt-cache policy` would have installed.
fn candidate(policy: &str) -> Option<String> {
    let mut lines = policy.lines();
    let line = lines.find_map(|line| line.trim().strip_prefix("Candidate:"))?;
    Some(line.trim().to_owned()).filter(|version| version != "(none)")
}

/// The version and archive of an installed package.
fn installed(name: &str) -> Option<(String, PathBuf)> {
    let told = say("dpkg-query", &["-W", "-f", "${Status}\n${Version}", name]).ok()?;
    let (status, version) = told.split_once('\n')?;
    let archive = archive_below(Path::new("/usr/src"), name)?;
    (status == "install ok installed").then(|| (version.to_owned(), archive))
}

/// `linux-source-6.12.tar.xz`; Ubuntu has it in a folder of that name.
fn archive_below(folder: &Path, name: &str) -> Option<PathBuf> {
    let archives = |folder: &Path| -> Option<PathBuf> {
        let files = fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let is_archive = |path: &PathBuf| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(&format!("{name}.tar.")) && path.is_file()
        };
        files.map(|file| file.path()).find(is_archive)
    };
    archives(folder).or_else(|| archives(&folder.join(name)))
}

impl Package {
    /// As it is told: name and version.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// The release, where its version tells it.
    pub fn release(&self) -> Option<Release> {
        Release::parse(&self.version)
    }

    /// Where its source is unpacked.
    pub fn folder(&self, sources: &Path) -> PathBuf {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let name = self.title().replace(' ', "_");
        sources.join(name.chars().filter(|c| plain(*c)).collect::<String>())
    }

    /// Downloads it, unless it is installed, and unpacks the source; what was unpacked before is used again.
    ///
    /// # Errors
    /// If something cannot be had or written, or the source is not of the release `wanted`.
    pub fn unpack(
        &self,
        sources: &Path,
        wanted: Option<&str>,
        interrupt: &Interrupt,
        told: &mut dyn FnMut(&Stage),
    ) -> Result<Tree, PackageError> {
        let folder = self.folder(sources);
        let source = folder.join("source");
        if !source.exists() {
            fs::create_dir_all(&folder).map_err(PackageError::file("make the folder", &folder))?;
            let mut runner = Runner {
                log: folder.join("unpack.log"),
                interrupt,
                told,
            };
            let begun = runner.begin_log();
            begun.map_err(PackageError::file("write", &runner.log))?;
            let archive = self.archive(&folder, &mut runner)?;
            self.extract(&archive, &folder, &source, &mut runner)?;
        }
        let tree = Tree::at(&source)?;
        let is_other = |wanted: &&str| tree.release.begins_with(wanted) != Some(true);
        match wanted.filter(is_other) {
            None => Ok(tree),
            Some(wanted) => Err(PackageError::Other {
                package: self.title(),
                release: tree.release,
                wanted: wanted.to_owned(),
            }),
        }
    }

    fn archive(&self, folder: &Path, runner: &mut Runner<'_>) -> Result<PathBuf, PackageError> {
        if let Some(archive) = &self.installed {
            return Ok(archive.clone());
        }
        let exactly = format!("{}={}", self.name, self.version);
        let mut command = Command::new("apt-get");
        command
            .args(["download", "-q", &exactly])
            .current_dir(folder);
        let downloaded = runner.run(&format!("downloading {}", self.title()), &mut command);
        downloaded.map_err(|problem| match problem {
            ChildError::Failed { .. } => PackageError::Download(problem),
            ChildError::Start { .. } | ChildError::Interrupted => PackageError::Child(problem),
        })?;
        let package = package_in(folder).ok_or_else(|| self.strange("downloaded file"))?;
        let unpacked = folder.join("package");
        let mut command = Command::new("dpkg-deb");
        command.arg("-x").arg(&package).arg(&unpacked);
        runner.run(&format!("unpacking {}", self.title()), &mut command)?;
        fs::remove_file(&package).map_err(PackageError::file("remove", &package))?;
        let below = unpacked.join("usr/src");
        archive_below(&below, &self.name).ok_or_else(|| self.strange("archive of the source"))
    }

    /// Under another name first, so that what is only half unpacked is not taken for a tree.
    fn extract(
        &self,
        archive: &Path,
        folder: &Path,
        source: &Path,
        runner: &mut Runner<'_>,
    ) -> Result<(), PackageError> {
        let half = folder.join("half");
        remove_folder(&half)?;
        fs::create_dir_all(&half).map_err(PackageError::file("make the folder", &half))?;
        let mut command = Command::new("tar");
        command.arg("-xf").arg(archive).arg("-C").arg(&half);
        command.arg("--no-same-owner");
        runner.run(
            &format!("unpacking the source of {}", self.title()),
            &mut command,
        )?;
        let mut inside = fs::read_dir(&half).map_err(PackageError::file("read", &half))?;
        let tree = match inside.next() {
            Some(Ok(tree)) => tree.path(),
            Some(Err(_)) | None => return Err(self.strange("source")),
        };
        fs::rename(&tree, source).map_err(PackageError::file("rename", &tree))?;
        remove_folder(&half)?;
        remove_folder(&folder.join("package"))
    }

    /// Removes what was downloaded and unpacked.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn clean_up(&self, sources: &Path) -> Result<(), PackageError> {
        remove_folder(&self.folder(sources))
    }

    fn strange(&self, what: &'static str) -> PackageError {
        PackageError::Strange {
            package: self.title(),
            what,
        }
    }
}

fn package_in(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let is_package = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "deb");
    files.map(|file| file.path()).find(is_package)
}

fn remove_folder(folder: &Path) -> Result<(), PackageError> {
    match fs::remove_dir_all(folder) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
            Err(PackageError::file("remove", folder)(problem))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What a program says that answers at once.
fn say(program: &str, words: &[&str]) -> Result<String, PackageError> {
    let failed = |problem: String| PackageError::Command {
        command: format!("{program} {}", words.join(" ")),
        problem,
    };
    let mut command = Command::new(program);
    command.args(words).env("LC_ALL", "C").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = linux::spawn(&mut command)
        .and_then(Child::wait_with_output)
        .map_err(|problem| failed(problem.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(said.trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DEBIAN: &str = "linux-source-6.1\nlinux-source-6.12\nlinux-source-5.10\n";
    const UBUNTU: &str = "linux-source-6.8.0\nlinux-source-6.11.0\n";

    #[rstest]
    #[case(DEBIAN, None, Ok("linux-source-6.12"))]
    #[case(DEBIAN, Some("6"), Ok("linux-source-6.12"))]
    #[case(DEBIAN, Some("6.1"), Ok("linux-source-6.1"))]
    #[case(DEBIAN, Some("6.12.117"), Ok("linux-source-6.12"))]
    #[case(UBUNTU, Some("6.8"), Ok("linux-source-6.8.0"))]
    #[case(UBUNTU, None, Ok("linux-source-6.11.0"))]
    #[case(
        DEBIAN,
        Some("6.13"),
        Err(
            "apt knows no package linux-source-* with Linux 6.13 (it knows linux-source-5.10, linux-source-6.1, linux-source-6.12); `apt-get update` may help, or a source tree of your own: tcpdrill kernel build --source TREE"
        )
    )]
    #[case(
        "linux-source-5.10\n",
        None,
        Err(
            "apt knows no package linux-source-* with Linux 6.1.0 or later (it knows linux-source-5.10); `apt-get update` may help, or a source tree of your own: tcpdrill kernel build --source TREE"
        )
    )]
    #[case(
        "linux-source-core\n",
        None,
        Err(
            "apt knows no package linux-source-* with Linux 6.1.0 or later (it knows none); `apt-get update` may help, or a source tree of your own: tcpdrill kernel build --source TREE"
        )
    )]
    fn the_newest_package_that_fits_is_taken(
        #[case] names: &str,
        #[case] wanted: Option<&str>,
        #[case] want: Result<&str, &str>,
    ) {
        let found = fitting(names, wanted).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), want);
    }

    #[rstest]
    #[case(
        "x:\n  Installed: (none)\n  Candidate: 6.1.192-2\n  Version table:\n",
        Some("6.1.192-2")
    )]
    #[case("x:\n  Installed: (none)\n  Candidate: (none)\n", None)]
    #[case("", None)]
    fn the_version_is_the_candidates(#[case] policy: &str, #[case] want: Option<&str>) {
        assert_eq!(candidate(policy).as_deref(), want);
    }

    #[test]
    fn a_version_may_tell_the_release() {
        let package = Package {
            name: "linux-source-6.12".into(),
            version: "6.12.117-1~deb12u1".into(),
            installed: None,
        };
        assert_eq!(package.release(), Some(Release::new(6, 12, 117)));
        let folder = package.folder(Path::new("/s"));
        assert_eq!(folder, Path::new("/s/linux-source-6.12_6.12.117-1deb12u1"));
    }

    #[rstest]
    #[case::debian("linux-source-6.12.tar.xz", true)]
    #[case::ubuntu("linux-source-6.12/linux-source-6.12.tar.bz2", true)]
    #[case::another("linux-source-6.1.tar.xz", false)]
    #[case::a_patch("linux-source-6.12.patch.xz", false)]
    fn the_archive_is_found_where_either_has_it(#[case] path: &str, #[case] want: bool) {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, "").expect("a file");
        let found = archive_below(folder.path(), "linux-source-6.12");
        assert_eq!(found, want.then_some(path));
    }

    #[test]
    fn what_this_system_does_not_offer_is_told_from_what_goes_wrong() {
        assert!(PackageError::NoApt { missing: "apt-get" }.is_want());
        assert!(!PackageError::Child(ChildError::Interrupted).is_want());
    }
}
