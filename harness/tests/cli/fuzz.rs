//! `tcpdrill fuzz` as a user sees it.

use std::fs;
use std::process::{Command, Stdio};

fn fuzz(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcpdrill"));
    command.arg("fuzz").args(words).stdin(Stdio::null());
    command
}

/// What a list would explain is found without one.
const UNEXPLAINED: [&str; 4] = ["--target", "smoltcp", "--jobs", "1"];

#[test]
fn a_finding_comes_again_by_the_command_that_is_printed() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (list, out) = (folder.path().join("none.toml"), folder.path().join("out"));
    fs::write(&list, "").unwrap();
    let (list, out) = (list.to_str().unwrap(), out.to_str().unwrap());
    let more = [
        "--known",
        list,
        "--out",
        out,
        "--findings",
        "1",
        "--runs",
        "100000",
    ];
    let output = fuzz(&UNEXPLAINED).args(more).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let printed = told
        .split("(tcpdrill ")
        .nth(1)
        .and_then(|rest| rest.split(')').next());
    let words: Vec<&str> = printed.unwrap().split(' ').collect();
    assert_eq!(words[..3], ["replay", "--target", "smoltcp"], "{told}");
    let mut again = Command::new(env!("CARGO_BIN_EXE_tcpdrill"));
    let again = again.args(words).output().unwrap();
    assert_eq!(
        again.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&again.stdout)
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_anything_is_done() {
    let output = fuzz(&["--seconds", "1000", "--out", "/dev/null/findings"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("the folder /dev/null/findings for findings cannot be made"),
        "{told}"
    );
    assert!(told.contains("--out"), "{told}");
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::time::Duration;

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::*;

    /// Whether SIGINT is blocked, for a thread that waits for it.
    fn watches_signals(process: u32) -> bool {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.unwrap().trim(), 16).unwrap();
        blocked >> (Signal::SIGINT as u32 - 1) & 1 == 1
    }

    #[test]
    fn a_signal_ends_a_run_with_what_was_done() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let out = folder.path().join("out");
        let mut command = fuzz(&[
            "--seconds",
            "1000",
            "--jobs",
            "1",
            "--out",
            out.to_str().unwrap(),
        ]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        // Until its signals are watched one would end it at once.
        while !watches_signals(child.id()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{told}");
        assert!(told.contains(" inputs, "), "{told}");
        assert!(told.contains("interrupted by a signal"), "{told}");
        assert!(!out.exists());
    }
}
