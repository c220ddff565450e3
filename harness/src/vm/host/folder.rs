//! A folder of a kernel's own: the job, the reports, and what the kernel itself leaves there.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::unistd::{AccessFlags, access};

use crate::vm::protocol::{self, JOB, Job, REPORTS};

/// The link to this program, as the kernel's command line has it.
const INIT: &str = "init";

/// Dropping it removes it with all that is in it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// A new one, with the job and an empty file for the reports.
    pub(super) fn new(job: &Job) -> io::Result<Folder> {
        let folder = Folder(place());
        DirBuilder::new().mode(0o700).create(&folder.0)?;
        let job = protocol::frame(job).map_err(io::Error::other)?;
        std::fs::write(folder.0.join(JOB), job)?;
        File::create(folder.0.join(REPORTS))?;
        symlink(std::env::current_exe()?, folder.0.join(INIT))?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn reports(&self) -> io::Result<File> {
        File::open(self.0.join(REPORTS))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It lies where temporary files do; what stays is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the folders of this program's processes begin with.
const PREFIX: &str = "tcpdrill-vm";

/// Files in memory, where a machine has them. A disk that is busy lets whoever adds a few bytes wait for seconds.
const IN_MEMORY: &str = "/dev/shm";

/// Where the folders lie: where temporary files are to go if that was said, and else in memory.
fn home() -> PathBuf {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    let chosen = HOME.get_or_init(|| {
        let memory = PathBuf::from(IN_MEMORY);
        let is_usable = access(&memory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
        if std::env::var_os("TMPDIR").is_none() && is_usable && memory.is_dir() {
            return memory;
        }
        std::env::temp_dir()
    });
    chosen.clone()
}

/// Removes what processes have left that were killed.
pub(super) fn sweep() {
    let Ok(entries) = std::fs::read_dir(home()) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_left) {
            // What is another user's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a folder of this name is of a process that is no more.
fn is_left(name: &str) -> bool {
    let mut parts = name.split('.');
    let process = match (parts.next(), parts.next()) {
        (Some(PREFIX), Some(process)) => process.parse::<u32>(),
        _ => return false,
    };
    process.is_ok_and(|process| !Path::new(&format!("/proc/{process}")).exists())
}

/// A name that nobody else has.
fn place() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let chance = getrandom::u32().unwrap_or_default();
    let name = format!("{PREFIX}.{}.{number}.{chance:08x}", std::process::id());
    home().join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_known_by_its_process() {
        let name = |process: u32| format!("{PREFIX}.{process}.0.00000000");
        assert!(!is_left(&name(std::process::id())));
        // Numbers of processes are smaller than this.
        assert!(is_left(&name(u32::MAX)));
        assert!(!is_left(&name(u32::MAX).replace("vm", "wm")));
        assert!(!is_left("tcpdrill-vm.x.0"));
    }

    #[test]
    fn it_holds_the_job_and_goes_with_all_that_is_in_it() {
        let job = Job::Run {
            units: Vec::new(),
            settings: Box::default(),
            link: None,
        };
        let folder = Folder::new(&job).unwrap();
        let path = folder.path().to_owned();
        let mut bytes = std::fs::read(path.join(JOB)).unwrap();
        assert!(protocol::take::<Job>(&mut bytes).unwrap().is_some());
        assert_eq!(folder.reports().unwrap().metadata().unwrap().len(), 0);
        drop(folder);
        assert!(!path.exists());
    }
}
