//! Programs that take minutes: what they write goes to a file, a signal ends them, and somebody may watch.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::suite::Interrupt;
use crate::target::linux;

/// How often a program is looked at.
const STRETCH: Duration = Duration::from_millis(50);
/// How often somebody is told how far it is.
const TELLING: Duration = Duration::from_secs(1);

/// How far a program is.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What it does, such as `building Linux 6.12.117`.
    pub what: String,
    /// Lines that it has written.
    pub lines: usize,
    /// For how long it has been running.
    pub elapsed: Duration,
}

/// What comes of a program that does not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It cannot be started, or what it writes has no place.
    #[error("{what} failed: {} cannot be started: {problem}", program.display())]
    Start {
        /// What it was for.
        what: String,
        /// The program.
        program: PathBuf,
        /// The system's reason.
        problem: io::Error,
    },
    /// It ended with an error.
    #[error("{what} failed ({status}); all that was said is in {}:\n{excerpt}", log.display())]
    Failed {
        /// What it was for.
        what: String,
        /// How it ended.
        status: ExitStatus,
        /// Where all is that it wrote.
        log: PathBuf,
        /// What of it matters.
        excerpt: String,
    },
    /// A signal ended us.
    #[error("interrupted by a signal")]
    Interrupted,
}

/// How programs are run, one after the other.
pub(super) struct Runner<'a> {
    /// Where they write.
    pub(super) log: PathBuf,
    /// Ends them.
    pub(super) interrupt: &'a Interrupt,
    /// Is told now and then.
    pub(super) told: &'a mut dyn FnMut(&Stage),
}

impl Runner<'_> {
    /// Makes the file for what programs write, empty.
    pub(super) fn begin_log(&self) -> io::Result<()> {
        File::create(&self.log).map(drop)
    }

    /// Runs a program to its end.
    pub(super) fn run(&mut self, what: &str, command: &mut Command) -> Result<(), ChildError> {
        if self.interrupt.is_raised() {
            return Err(ChildError::Interrupted);
        }
        let start = |command: &Command, problem| ChildError::Start {
            what: what.to_owned(),
            program: command.get_program().into(),
            problem,
        };
        let outputs = open(&self.log).and_then(|(log, begin)| Ok((log.try_clone()?, log, begin)));
        let (first, second, begin) = outputs.map_err(|problem| start(command, problem))?;
        command.stdin(Stdio::null()).stdout(first).stderr(second);
        let child = Group::start(command).map_err(|problem| start(command, problem))?;
        let status = self
            .wait(what, child, begin)
            .map_err(|problem| problem.unwrap_or_else(|problem| start(command, problem)))?;
        if status.success() {
            return Ok(());
        }
        Err(ChildError::Failed {
            what: what.to_owned(),
            status,
            log: self.log.clone(),
            excerpt: excerpt(&written(&self.log, begin)),
        })
    }

    fn wait(
        &mut self,
        what: &str,
        mut child: Group,
        begin: u64,
    ) -> Result<ExitStatus, Result<ChildError, io::Error>> {
        let started = Instant::now();
        let mut told = started;
        loop {
            if let Some(status) = child.0.try_wait().map_err(Err)? {
                return Ok(status);
            }
            if self.interrupt.is_raised() {
                return Err(Ok(ChildError::Interrupted));
            }
            if told.elapsed() >= TELLING {
                told = Instant::now();
                (self.told)(&Stage {
                    what: what.to_owned(),
                    lines: written(&self.log, begin).lines().count(),
                    elapsed: started.elapsed(),
                });
            }
            std::thread::sleep(STRETCH);
        }
    }
}

/// The log, to be written at its end, and where that is.
fn open(log: &Path) -> io::Result<(File, u64)> {
    let file = File::options().append(true).create(true).open(log)?;
    let end = file.metadata()?.len();
    Ok((file, end))
}

/// What the log has behind `begin`.
fn written(log: &Path, begin: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let begin = usize::try_from(begin).unwrap_or(usize::MAX);
    String::from_utf8_lossy(bytes.get(begin..).unwrap_or_default()).into_owned()
}

/// What of a log tells why a program failed: where it first says error, for with several jobs that is far above
/// the end, and its end.
fn excerpt(text: &str) -> String {
    const AROUND: usize = 8;
    const LAST: usize = 12;
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(LAST);
    let is_error = |line: &&str| line.contains("error:") || line.contains("undefined reference");
    let first = lines[..last].iter().position(is_error);
    let mut shown: Vec<&str> = Vec::new();
    if let Some(first) = first {
        shown.extend(&lines[first..last.min(first + AROUND)]);
        if first + AROUND < last {
            shown.push("[…]");
        }
    }
    shown.extend(&lines[last..]);
    let shown: Vec<String> = shown.iter().map(|line| format!("    {line}")).collect();
    shown.join("\n")
}

/// A program and all that it starts; they end with it.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> io::Result<Group> {
        use std::os::unix::process::CommandExt;
        linux::spawn(command.process_group(0)).map(Group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            end_group(self.0.id());
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

#[cfg(target_os = "linux")]
fn end_group(leader: u32) {
    use nix::sys::signal::{Signal, killpg};
    if let Ok(leader) = i32::try_from(leader) {
        // The number is still the child's: nobody has waited for it.
        let _ = killpg(nix::unistd::Pid::from_raw(leader), Signal::SIGKILL);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_group(_leader: u32) {}

/// What a program says to one word; an error is what it did instead.
pub(super) fn ask(program: &Path, word: &str, patience: Duration) -> Result<String, String> {
    /// Nobody who is asked a short question writes as much.
    const MOST: u64 = 4 << 20;
    let mut command = Command::new(program);
    command.arg(word).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Group::start(&mut command).map_err(|problem| problem.to_string())?;
    let output = child.0.stdout.take();
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.map(|output| output.take(MOST).read_to_end(&mut text));
        read.unwrap_or(Ok(0)).map(|_| text)
    });
    let started = Instant::now();
    while !reading.is_finished() {
        if started.elapsed() >= patience {
            return Err(format!("it does not answer to `{word}`"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    match reading.join() {
        Ok(Ok(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Ok(Err(problem)) => Err(problem.to_string()),
        Err(_) => Err("reading what it says broke down".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn run(folder: &TempDir, interrupt: &Interrupt, script: &str) -> Result<(), ChildError> {
        let mut runner = Runner {
            log: folder.path().join("log"),
            interrupt,
            told: &mut |_| {},
        };
        runner.run("building", &mut shell(script))
    }

    #[test]
    fn what_is_said_is_kept_and_shown_when_it_fails() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let interrupt = Interrupt::default();
        run(&folder, &interrupt, "echo first; echo second >&2").expect("it works");
        let script = "echo x.c:1: error: no such thing; seq 1 40; exit 2";
        let error = run(&folder, &interrupt, script).expect_err("it fails");
        let told = error
            .to_string()
            .replace(&folder.path().display().to_string(), "DIR");
        insta::assert_snapshot!(told, @r"
        building failed (exit status: 2); all that was said is in DIR/log:
            x.c:1: error: no such thing
            1
            2
            3
            4
            5
            6
            7
            […]
            29
            30
            31
            32
            33
            34
            35
            36
            37
            38
            39
            40
        ");
        let log = fs::read_to_string(folder.path().join("log")).expect("a log");
        assert!(log.starts_with("first\nsecond\n"));
    }

    #[test]
    fn a_short_log_is_shown_once() {
        assert_eq!(excerpt("error: a\nb"), "    error: a\n    b");
        assert_eq!(excerpt(""), "");
    }

    #[test]
    fn a_signal_ends_what_runs_and_all_below_it() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let interrupt = Interrupt::default();
        let raised = interrupt.clone();
        let path = folder.path().join("number");
        let seen = path.clone();
        let raising = std::thread::spawn(move || {
            while fs::read_to_string(&seen).unwrap_or_default().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            raised.raise();
        });
        let script = format!("sleep 1000 & echo $! > {}; wait", path.display());
        let error = run(&folder, &interrupt, &script).expect_err("it is ended");
        assert!(matches!(error, ChildError::Interrupted));
        raising.join().expect("it ends");
        let number = fs::read_to_string(&path).expect("a number");
        // Gone, or dead and not yet waited for by whoever inherited it; on a busy machine it has to get the processor first.
        let is_gone = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", number.trim()));
            stat.map_or(true, |stat| stat.contains(") Z ") || stat.contains(") X "))
        };
        let looks_until_gone = (0..6_000).find(|_| {
            std::thread::sleep(Duration::from_millis(5));
            is_gone()
        });
        assert!(looks_until_gone.is_some(), "{number}");
        assert!(matches!(
            run(&folder, &interrupt, "true"),
            Err(ChildError::Interrupted)
        ));
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let interrupt = Interrupt::default();
        let mut runner = Runner {
            log: folder.path().join("log"),
            interrupt: &interrupt,
            told: &mut |_| {},
        };
        let error = runner.run("building", &mut Command::new("/no/such/make"));
        let told = error.expect_err("it is not there").to_string();
        assert_eq!(
            told,
            "building failed: /no/such/make cannot be started: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn who_does_not_answer_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let program = folder.path().join("mute");
        fs::write(&program, "#!/bin/sh\nsleep 1000\n").expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).expect("a program");
        let answer = ask(&program, "--version", Duration::from_millis(100));
        assert_eq!(answer, Err("it does not answer to `--version`".into()));
    }
}
