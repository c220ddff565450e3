//! A kernel as a program, and what it says of itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::Configuration;
use super::{Release, child};

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a kernel cannot do without: a clock that jumps.
const TIME_TRAVEL: &str = "CONFIG_UML_TIME_TRAVEL_SUPPORT";

/// A program that is a kernel for the target `linux-vm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The program.
    pub path: PathBuf,
    /// Its release as it tells it, such as `6.13.0-rc3`.
    pub name: String,
    /// The number of that.
    pub release: Release,
    /// Its ticks a second.
    pub hz: u32,
}

/// Why a program is no kernel to run cases in.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no such file, or it is no program.
    #[error("the kernel {} cannot be used: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It is something else.
    #[error(
        "{} is no user-mode Linux kernel: {said}; `tcpdrill kernel install` or `tcpdrill kernel build` makes one",
        path.display()
    )]
    Stranger {
        /// The file.
        path: PathBuf,
        /// What came of asking it.
        said: String,
    },
    /// Its clock goes as the host's.
    #[error(
        "{} (Linux {release}) has no {TIME_TRAVEL}, so its clock cannot jump; `tcpdrill kernel build --source TREE` makes one that can",
        path.display()
    )]
    NoTimeTravel {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        release: String,
    },
}

impl Kernel {
    /// Asks the program at `path` what it is.
    ///
    /// # Errors
    /// If it is no user-mode Linux with a clock that can jump.
    pub fn at(path: &Path) -> Result<Kernel, ProgramError> {
        let unusable = |problem: String| ProgramError::Unusable {
            path: path.to_owned(),
            problem,
        };
        let path = std::path::absolute(path).map_err(|problem| unusable(problem.to_string()))?;
        let facts = fs::metadata(&path).map_err(|problem| unusable(problem.to_string()))?;
        if !facts.is_file() || facts.permissions().mode() & 0o111 == 0 {
            return Err(unusable("it is no program".into()));
        }
        let stranger = |said: String| ProgramError::Stranger {
            path: path.clone(),
            said,
        };
        let ask = |word: &str| child::ask(&path, word, PATIENCE).map_err(stranger);
        let name = ask("--version")?;
        let name = name.trim();
        let Some(release) = Release::parse(name) else {
            let first = name.lines().next().unwrap_or_default();
            return Err(stranger(format!("to `--version` it says `{first}`")));
        };
        let configuration = Configuration::parse(&ask("--showconfig")?);
        let (Some(hz), false) = (configuration.hz(), configuration.is_empty()) else {
            return Err(stranger("to `--showconfig` it says nothing of HZ".into()));
        };
        if configuration.get(TIME_TRAVEL) != Some("y") {
            let release = name.to_owned();
            return Err(ProgramError::NoTimeTravel { path, release });
        }
        Ok(Kernel {
            name: name.to_owned(),
            path,
            release,
            hz,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A program that answers as a kernel does.
    pub(crate) fn write_fake(path: &Path, release: &str, configuration: &str) {
        let script = format!(
            "#!/bin/sh\ncase $1 in\n--version) echo '{release}' ;;\n--showconfig) printf '{configuration}' ;;\nesac\n"
        );
        fs::write(path, script).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
    }

    pub(crate) const GOOD: &str = "CONFIG_HZ=1000\\nCONFIG_UML_TIME_TRAVEL_SUPPORT=y\\n";

    fn fake(release: &str, configuration: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("linux");
        write_fake(&path, release, configuration);
        (folder, path)
    }

    fn told(path: &Path) -> String {
        let error = Kernel::at(path).expect_err("it is no kernel").to_string();
        let folder = path.parent().expect("a folder");
        let folder = fs::canonicalize(folder).expect("it is there");
        error.replace(&folder.display().to_string(), "DIR")
    }

    #[test]
    fn a_kernel_says_what_it_is() {
        let (_folder, path) = fake("6.13.0-rc3", GOOD);
        let kernel = Kernel::at(&path).expect("a kernel");
        assert_eq!(kernel.name, "6.13.0-rc3");
        assert_eq!((kernel.release, kernel.hz), (Release::new(6, 13, 0), 1000));
    }

    #[test]
    fn what_is_no_kernel_is_told_from_one() {
        let (folder, path) = fake("tcpdrill 0.1.0", "");
        insta::assert_snapshot!(told(&path), @"DIR/linux is no user-mode Linux kernel: to `--version` it says `tcpdrill 0.1.0`; `tcpdrill kernel install` or `tcpdrill kernel build` makes one");
        write_fake(&path, "6.12.1", "");
        insta::assert_snapshot!(told(&path), @"DIR/linux is no user-mode Linux kernel: to `--showconfig` it says nothing of HZ; `tcpdrill kernel install` or `tcpdrill kernel build` makes one");
        write_fake(&path, "6.12.1", "CONFIG_HZ=100\\n");
        insta::assert_snapshot!(told(&path), @"DIR/linux (Linux 6.12.1) has no CONFIG_UML_TIME_TRAVEL_SUPPORT, so its clock cannot jump; `tcpdrill kernel build --source TREE` makes one that can");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a file");
        insta::assert_snapshot!(told(&path), @"the kernel DIR/linux cannot be used: it is no program");
        insta::assert_snapshot!(told(&folder.path().join("gone")), @"the kernel DIR/gone cannot be used: No such file or directory (os error 2)");
    }
}
