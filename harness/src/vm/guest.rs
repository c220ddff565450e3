//! Process 1 of a kernel in virtual time.
//!
//! It must not end before the kernel does, and it must not look at the clock to wait: nothing else runs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use serde::Serialize;

use super::protocol::{self, JOB, Job, REPORTS, Report, Unit};
use crate::exit::Exit;
use crate::learn::Expense;
use crate::learn::study::Study;
use crate::suite::{ExecuteSettings, judge_one};
use crate::target::linux::{self, Link, LinuxTarget};

/// Starts the kernel's random numbers; what scripts see of them is relative to what was drawn.
const SEED: u64 = 0x7463_7064_7269_6c6c;

/// What is mounted where.
const MOUNTS: [(&str, &str); 4] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/run"),
];

/// The kernel's current folder on the host, and where it is here.
const HOSTS: &str = "/proc/self/cwd";
const FOLDER: &str = "/dev/tcpdrill";

/// Does the job, and turns the kernel off. Gives an exit status only where it is
/// not the first process.
pub fn main() -> Exit {
    if nix::unistd::getpid().as_raw() != 1 {
        return Exit::Usage;
    }
    if let Err(problem) = work() {
        // The console: what it says last is told with the verdict.
        let _ = writeln!(std::io::stderr(), "tcpdrill: {problem}");
    }
    match reboot(RebootMode::RB_POWER_OFF) {
        Ok(never) => match never {},
        Err(_) => Exit::NothingRan,
    }
}

fn work() -> Result<(), String> {
    prepare()?;
    let folder = Path::new(FOLDER);
    let mut reports = Reports::open(folder)?;
    let ready = linux::settle_in(SEED).and_then(|()| read_job(folder));
    let done = match ready {
        Ok(job) => reports
            .tell(&Report::Ready)
            .and_then(|()| perform(job, &mut reports)),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(()) => reports.tell(&Report::Done),
        Err(problem) => reports.tell(&Report::Refused { problem }),
    }
}

fn read_job(folder: &Path) -> Result<Job, String> {
    let unreadable = |what: String| format!("the job cannot be read: {what}");
    let mut bytes =
        std::fs::read(folder.join(JOB)).map_err(|error| unreadable(error.to_string()))?;
    protocol::take(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?
        .ok_or_else(|| unreadable("it is not whole".into()))
}

fn perform(job: Job, reports: &mut Reports) -> Result<(), String> {
    match job {
        Job::Run {
            units,
            settings,
            link,
        } => run(&units, &settings, link, reports),
        Job::Learn(study) => learn(&study, reports),
    }
}

fn learn(study: &Study, reports: &mut Reports) -> Result<(), String> {
    let mut lost = Ok(());
    let mut progress = |expense: &Expense| {
        let told = reports.tell(&Report::Learning { expense: *expense });
        lost = std::mem::replace(&mut lost, Ok(())).and(told);
    };
    let learned = study.of(&LinuxTarget::over(Link::Tun), &mut progress)?;
    lost?;
    reports.tell(&Report::Learned(Box::new(learned)))
}

fn run(
    units: &[Unit],
    settings: &ExecuteSettings,
    link: Option<Link>,
    reports: &mut Reports,
) -> Result<(), String> {
    let link = match link {
        Some(link) => link.try_out().map(|()| link)?,
        None => Link::usable()?,
    };
    let target = LinuxTarget::over(link);
    for unit in units {
        let number = unit.number;
        reports.tell(&Report::Began { unit: number })?;
        if let Some(result) = judge_one(&unit.case, unit.ip_version, &target, settings) {
            // Told with the next one, which is begun at once.
            reports.note(&Report::Ended {
                unit: number,
                result: Box::new(result),
            })?;
        }
    }
    Ok(())
}

/// The file that the host reads as it grows.
#[derive(Debug)]
struct Reports {
    file: File,
    /// What the host has not been told yet.
    noted: Vec<u8>,
}

impl Reports {
    fn open(folder: &Path) -> Result<Reports, String> {
        let path: PathBuf = folder.join(REPORTS);
        let file = OpenOptions::new().append(true).open(&path);
        let noted = Vec::new();
        file.map(|file| Reports { file, noted })
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    /// Keeps a report until the next one is told.
    fn note(&mut self, report: &impl Serialize) -> Result<(), String> {
        let bytes = protocol::frame(report).map_err(lost)?;
        self.noted.extend_from_slice(&bytes);
        Ok(())
    }

    /// Adds a report; the host has it when this returns.
    fn tell(&mut self, report: &impl Serialize) -> Result<(), String> {
        self.note(report)?;
        let written = self.file.write_all(&self.noted);
        self.noted.clear();
        written.map_err(|error| lost(error.to_string()))?;
        linux::write_back(&self.file).map_err(|error| lost(error.to_string()))
    }
}

fn lost(what: String) -> String {
    format!("a report is lost: {what}")
}

/// Makes the files of the host a system that programs can run in.
fn prepare() -> Result<(), String> {
    for (kind, place) in MOUNTS {
        attach(kind, place, None)?;
    }
    std::fs::create_dir(FOLDER).map_err(|error| format!("{FOLDER} cannot be made: {error}"))?;
    // The host's files can only be read; these can be written.
    attach("hostfs", FOLDER, Some(HOSTS))?;
    for (name, file) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        // Some shells' scripts want them; who has them already keeps them.
        let _ = symlink(file, Path::new("/dev").join(name));
    }
    Ok(())
}

fn attach(kind: &str, place: &str, data: Option<&str>) -> Result<(), String> {
    mount(Some(kind), place, Some(kind), MsFlags::empty(), data)
        .map_err(|errno| format!("{kind} cannot be mounted on {place}: {errno}"))
}
