//! Linux kernels in virtual time: what becomes of a run when a kernel misbehaves, and cases in a real one.
//!
//! The kernels that misbehave are shell scripts. A real one is taken from the variable TCPDRILL_KERNEL; without
//! it those tests say so and do nothing, unless TCPDRILL_REQUIRE_VM=1.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;

/// What the scripts have in common: they know their version, and can send a frame.
const FAKE: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo 6.12.0; exit; }
[ "$1" = --showconfig ] && { echo CONFIG_HZ=1000; echo CONFIG_UML_TIME_TRAVEL_SUPPORT=y; exit; }
byte() { printf "\\$(printf %03o $1)"; }
frame() { { byte $1; printf '\000\000\000'; cat; } >> reports; }
ready() { byte 0 | frame 1; }
refused() { { byte 1; byte ${#1}; printf %s "$1"; } | frame $((2 + ${#1})); }
began() { { byte 2; byte $1; } | frame 2; }
unit=$(od -An -tu1 -j 6 -N 1 job | tr -d ' ')
"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Bench { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A kernel that does this.
    fn fake(&self, what: &str) -> PathBuf {
        let path = self.path("kernel");
        fs::write(&path, format!("{FAKE}{what}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn command(&self, kernel: &Path, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tcpdrill"));
        command
            .args(["run", "--target", "linux-vm", "--jobs", "1", "--kernel"])
            .arg(kernel)
            .args(more)
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, kernel: &Path, more: &[&str]) -> Output {
        self.command(kernel, more).output().unwrap()
    }

    /// What is left of the run's own folders.
    fn left(&self) -> usize {
        let entries = fs::read_dir(self.folder.path()).unwrap().flatten();
        let is_run = |entry: &fs::DirEntry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with("tcpdrill-vm.")
        };
        entries.filter(is_run).count()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Two cases, on IPv4.
const TWO: [&str; 2] = ["--filter", "handshake/syn-sent-wrong"];

#[rstest]
#[case::ends_at_once(
    "echo 'Kernel panic - not syncing: no root'; exit 1",
    "the kernel has ended; its console said last:\n      Kernel panic - not syncing: no root\n"
)]
#[case::is_silent("exit 0", "the kernel has ended; its console is silent\n")]
#[case::talks_nonsense(
    "printf '\\004\\000\\000\\000nono' >> reports; sleep 100",
    "what the kernel's first process says is garbled: "
)]
#[case::says_too_much(
    "printf '\\377\\377\\377\\377' >> reports; sleep 100",
    "garbled: a message of 4294967295 bytes"
)]
#[case::hangs("ready; sleep 100", "the kernel hangs: no word from it for 1 s")]
#[case::dies_with_a_case(
    "ready; began $unit; echo 'Oops: 0000'; exit 1",
    "the kernel has ended; its console said last:\n      Oops: 0000\n"
)]
#[case::refuses(
    "refused 'there is no TUN device'; sleep 100",
    "there is no TUN device; its console is silent"
)]
#[case::knows_another_case(
    "ready; began 99; sleep 100",
    "the kernel tells of a case that it does not have"
)]
fn a_kernel_that_misbehaves_is_an_error_with_its_last_words(
    #[case] what: &str,
    #[case] words: &str,
) {
    let bench = Bench::new();
    let began = Instant::now();
    let output = bench.run(
        &bench.fake(what),
        &[&TWO[..], &["--patience", "1"]].concat(),
    );
    let told = text(&output);
    assert!(told.contains(words), "{told}");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("0 passed, 0 failed, 1 error in"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(bench.left(), 0);
}

#[test]
fn what_a_kernel_has_not_got_to_goes_on_in_another() {
    let bench = Bench::new();
    // Each kernel dies with the first case that it is given.
    let kernel = bench.fake("ready; began $unit; echo died with $unit; exit 1");
    let output = bench.run(&kernel, &["--filter", "handshake/syn-retr"]);
    let told = text(&output);
    for unit in 0..3 {
        assert!(told.contains(&format!("died with {unit}\n")), "{told}");
    }
    assert!(told.contains("0 passed, 0 failed, 3 errors in"), "{told}");
}

#[test]
fn a_kernel_that_somebody_stopped_is_no_fault_of_the_case() {
    let bench = Bench::new();
    let times = bench.path("times");
    let kernel = bench.fake(&format!(
        "ready; began $unit; echo >> {}; echo 'userspace - child stopped with signal 18'; exit 1",
        times.display()
    ));
    let output = bench.run(&kernel, &TWO);
    let told = text(&output);
    assert!(told.contains("child stopped with signal 18"), "{told}");
    assert_eq!(fs::read_to_string(&times).unwrap().len(), 4, "{told}");
}

#[test]
fn what_no_kernel_can_be_had_for_is_told_once_at_length() {
    let bench = Bench::new();
    let output = bench.run(
        &bench.fake("echo no; exit 1"),
        &["--filter", "handshake/syn-retr"],
    );
    let told = text(&output);
    assert_eq!(told.matches("its console said last").count(), 1, "{told}");
    let short = "no kernel could be had for it, nor for handshake/syn-retries-back-off";
    assert_eq!(told.matches(short).count(), 2, "{told}");
}

#[rstest]
#[case::another_program("/bin/true", "is no user-mode Linux kernel")]
#[case::nothing("/nowhere", "No such file or directory")]
fn what_is_no_kernel_is_refused(#[case] kernel: &str, #[case] words: &str) {
    let bench = Bench::new();
    let output = bench.run(Path::new(kernel), &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(words), "{told}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_signal_ends_the_kernels_too() {
    let bench = Bench::new();
    let pid = bench.path("pid");
    let kernel = bench.fake(&format!(
        "echo $$ > {}; ready; exec sleep 100",
        pid.display()
    ));
    let mut command = bench.command(&kernel, &TWO);
    let mut run = command.stdout(Stdio::piped()).spawn().unwrap();
    let started = |pid: &Path| fs::read_to_string(pid).is_ok_and(|text| text.ends_with('\n'));
    let end = Instant::now() + Duration::from_secs(60);
    while !started(&pid) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let number = fs::read_to_string(&pid).unwrap();
    let status = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(status.unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let mut told = String::new();
    run.stdout
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert!(
        !Path::new(&format!("/proc/{}", number.trim())).exists(),
        "{told}"
    );
    assert_eq!(bench.left(), 0);
}

#[test]
fn a_kernel_does_not_outlive_a_run_that_is_killed_and_the_next_tidies_up() {
    let bench = Bench::new();
    let pid = bench.path("pid");
    let kernel = bench.fake(&format!(
        "echo $$ > {}; ready; exec sleep 100",
        pid.display()
    ));
    let mut run = bench
        .command(&kernel, &TWO)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let number = fs::read_to_string(&pid).unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    let process = PathBuf::from(format!("/proc/{}", number.trim()));
    let is_gone = || {
        // Where nobody waits for it, its end is still to be seen.
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        !process.exists() || status.contains("State:\tZ")
    };
    while !is_gone() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(is_gone());
    assert_eq!(bench.left(), 1);
    bench.run(&bench.fake("exit 0"), &TWO);
    assert_eq!(bench.left(), 0);
}

/// The real kernel, if there is one.
fn real() -> Option<PathBuf> {
    let kernel = std::env::var_os("TCPDRILL_KERNEL").map(PathBuf::from);
    if kernel.is_none() {
        let is_required = std::env::var("TCPDRILL_REQUIRE_VM").is_ok_and(|value| value == "1");
        assert!(!is_required, "TCPDRILL_KERNEL names no kernel");
        println!("skipped: TCPDRILL_KERNEL names no kernel");
    }
    kernel
}

#[test]
fn a_folder_of_the_suite_is_as_on_a_live_kernel_and_each_time_the_same() {
    let Some(kernel) = real() else { return };
    let bench = Bench::new();
    let traces = ["one", "two"].map(|name| bench.path(name));
    for (trace, jobs) in traces.iter().zip(["1", "2"]) {
        let shown = trace.to_str().unwrap();
        let more = [
            "--filter",
            "handshake/",
            "--ip-version",
            "all",
            "--jobs",
            jobs,
            "--trace",
            shown,
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_tcpdrill"));
        command
            .args(["run", "--target", "linux-vm", "--kernel"])
            .arg(&kernel)
            .args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let [one, two] = traces.map(|trace| fs::read_to_string(trace).unwrap());
    assert!(one.lines().count() > 500, "{one}");
    assert!(one == two);
}

/// What is sent at once, at once; timers as the wheel has them.
#[test]
fn a_folder_of_the_suite_is_as_written_to_the_microsecond() {
    let Some(kernel) = real() else { return };
    let bench = Bench::new();
    let exact = ["--exact", "--filter", "close/", "--ip-version", "all"];
    let output = bench.run(&kernel, &exact);
    assert!(output.status.success(), "{}", text(&output));
}

/// The kernel prints addresses of its own there.
#[test]
fn what_a_kernel_shows_of_its_memory_is_each_time_the_same() {
    let Some(kernel) = real() else { return };
    let bench = Bench::new();
    let script = bench.path("listening.pkt");
    fs::write(
        &script,
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
         +0 bind(3, ..., ...) = 0\n\
         +0 listen(3, 1) = 0\n\
         +0 `cat /proc/net/tcp; false`\n",
    )
    .unwrap();
    let shown = || text(&bench.run(&kernel, &[script.to_str().unwrap()]));
    let address = |told: &str| {
        let line = told
            .lines()
            .find(|line| line.contains(":1F90 00000000:0000 0A"));
        line.and_then(|line| line.split_whitespace().find(|word| word.len() == 16))
            .map(str::to_owned)
    };
    let (one, two) = (shown(), shown());
    assert!(
        address(&one).is_some_and(|address| address != "0".repeat(16)),
        "{one}"
    );
    assert_eq!(address(&one), address(&two));
}

/// A thread that has lost a right makes the calls of that case, and of no other.
#[test]
fn what_a_case_gives_up_is_given_up_for_all_of_it_and_for_no_other() {
    let Some(kernel) = real() else { return };
    let bench = Bench::new();
    let folder = bench.path("scripts");
    fs::create_dir(&folder).unwrap();
    let begin = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
    let force = |result: &str| {
        format!("+0 setsockopt(3, SOL_SOCKET, SO_RCVBUFFORCE, [100000], 4) = {result}\n")
    };
    let give_up = "+0 cap_set(CAP_EFFECTIVE, CAP_NET_ADMIN, CAP_CLEAR) = 0\n";
    let (may, may_not) = (force("0"), force("-1 EPERM"));
    let scripts = [
        ("a.pkt", format!("{begin}{may}{give_up}{may_not}")),
        ("b.pkt", format!("{begin}{may}+0 `true`\n{may}")),
    ];
    for (name, script) in scripts {
        fs::write(folder.join(name), script).unwrap();
    }
    let families = [folder.to_str().unwrap(), "--ip-version", "all"];
    let told = text(&bench.run(&kernel, &families));
    assert!(told.contains("6 passed, 0 failed"), "{told}");
}

#[test]
fn two_kernels_that_are_one_do_not_differ() {
    let Some(kernel) = real() else { return };
    let bench = Bench::new();
    let kernels = ["--kernel", kernel.to_str().unwrap(), "--filter", "close/"];
    let output = bench.run(&kernel, &kernels);
    let told = text(&output);
    assert!(output.status.success(), "{told}");
    let last = told.lines().last().unwrap_or_default();
    let same = " verdicts changed; 0 times the packets differ under the same verdict";
    assert!(last.starts_with("0 of ") && last.ends_with(same), "{told}");
}
