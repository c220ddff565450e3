//! One kernel: a group of processes that ends as a whole.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getppid};

use super::console::Console;
use super::folder::Folder;
use super::tail::Tail;
use crate::target::linux;
use crate::vm::protocol::Job;

/// Memory of a kernel; what it does not use costs nothing.
const MEMORY: &str = "mem=256M";
/// When the clock inside starts, in nanoseconds since 1970: always the same.
const BEGINNING: &str = "time-travel-start=1767225600000000000";
/// How long the last lines of a console are waited for.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A running kernel. Dropping it ends all its processes.
#[derive(Debug)]
pub(super) struct Kernel {
    child: Child,
    pub(super) console: Console,
    /// Says when the console has closed.
    closed: Receiver<()>,
    /// What it tells of its job.
    pub(super) reports: Tail,
    /// The last to go.
    _folder: Folder,
}

impl Kernel {
    /// Starts one with a job to do, on one of the processors (counted round and round).
    pub(super) fn boot(kernel: &Path, job: &Job, processor: usize) -> Result<Kernel, String> {
        started(kernel, job, processor)
            .map_err(|error| format!("no kernel can be started: {error}"))
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it, and what is said last.
    pub(super) fn last_words(&mut self) -> String {
        self.kill();
        let _ = self.closed.recv_timeout(LAST_LINES);
        self.console.told()
    }

    fn kill(&mut self) {
        let group = Pid::from_raw(self.child.id().cast_signed());
        // They are one group as long as the first of them has not been waited for, and afterwards if any is left.
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.kill();
    }
}

fn started(kernel: &Path, job: &Job, processor: usize) -> io::Result<Kernel> {
    let folder = Folder::new(job)?;
    let reports = Tail::of(folder.reports()?);
    let (said, console_end) = io::pipe()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("vm-start")
        .arg(processor.to_string())
        .arg(kernel)
        .args(command_line())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(console_end.try_clone()?)
        .stderr(console_end)
        .process_group(0);
    let child = linux::spawn(&mut command)?;
    // Its copy of the console's end, without which the console would never close.
    drop(command);
    let console = Console::default();
    let (open, closed) = channel();
    let following = console.clone();
    let kernel = Kernel {
        child,
        console,
        closed,
        reports,
        _folder: folder,
    };
    std::thread::Builder::new()
        .name("tcpdrill-console".into())
        .spawn(move || {
            following.follow(said);
            drop(open);
        })?;
    Ok(kernel)
}

/// What the kernel is told: always the same, since a kernel's random numbers begin with it. The folder is the
/// current one.
fn command_line() -> Vec<String> {
    let mut words: Vec<String> = [
        MEMORY,
        "time-travel=inf-cpu",
        BEGINNING,
        // The host's files are its own; nothing of them can be written but the folder.
        "root=/dev/root",
        "rootfstype=hostfs",
        "hostfs=/",
        "ro",
        // Otherwise it adds this itself, behind what is meant for the first process.
        "console=tty0",
        "con=null",
        "con0=null,fd:1",
        "quiet",
        // An oops is the end: what comes after it would be judged on a broken kernel.
        "oops=panic",
        "uml_dir=./",
        "umid=kernel",
        // These are links of the host's, which the kernel reads as its own.
        "init=/proc/self/cwd/init",
    ]
    .map(str::to_owned)
    .into();
    if let Some(path) = path() {
        words.push(path);
    }
    words.extend(["--", "vm-init"].map(str::to_owned));
    words
}

/// Where programs are found, for the environment of the first process.
fn path() -> Option<String> {
    let path = std::env::var("PATH").ok()?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
    (path.len() < 1024 && path.bytes().all(plain)).then(|| format!("PATH={path}"))
}

/// What a kernel says of itself.
pub(super) fn release(kernel: &Path) -> Result<String, String> {
    let shown = kernel.display();
    let mut command = Command::new(kernel);
    command.arg("--version").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = linux::spawn(&mut command)
        .and_then(Child::wait_with_output)
        .map_err(|error| format!("{shown} cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match text.chars().next() {
        Some('0'..='9') if output.status.success() && !text.contains(char::is_whitespace) => {
            Ok(text)
        }
        Some(_) | None => Err(format!(
            "{shown} is no kernel that runs as a program (User Mode Linux): it does not say its version"
        )),
    }
}

/// Becomes a kernel that ends with whoever started it, on one of the processors (counted round and round).
/// Returns only if it cannot.
pub fn start(processor: usize, words: &[std::ffi::OsString]) -> String {
    let Some((kernel, words)) = words.split_first() else {
        return "no kernel is named".to_owned();
    };
    let parent = getppid();
    if let Err(errno) = prctl::set_pdeathsig(Signal::SIGKILL) {
        return format!("it would outlive us: {errno}");
    }
    if getppid() != parent {
        return "who started it has ended".to_owned();
    }
    if let Err(problem) = linux::leave_nothing_to_chance() {
        return problem;
    }
    // A kernel's end may be a panic, and a dump of its memory helps nobody.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    linux::stay_on_one_processor(processor);
    let error = Command::new(kernel).args(words).exec();
    format!("{} cannot be started: {error}", kernel.display())
}
