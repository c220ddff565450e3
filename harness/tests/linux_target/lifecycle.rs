//! How a run ends before its time, and what is left of it then: nothing.
//!
//! A virtual Ethernet device with one end in a case's namespace and the other outside shows when
//! the namespace is really gone; no list of namespaces does, since a socket can keep one alive.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tcpdrill::program::IpVersion;

use crate::bench::Bench;

/// A run of the command with one case that waits for minutes.
struct Waiting {
    outside: Bench,
    run: Child,
    json: PathBuf,
}

/// A connection that was closed in good order and whose peer does not answer keeps its namespace
/// for minutes, unless it is reset.
const ORPHAN: &str = "+.1 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
+0 close(4) = 0
+0 > F. 1:1(0) ack 1";

/// One that becomes such an orphan when the kernel closes what a killed process had open.
const OPEN: &str = "+.1 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4";

/// Starts a run whose case has left a process behind and come to its last line; `before` stands
/// before that.
fn waiting(name: &str, before: &str) -> Waiting {
    let mut outside = Bench::new(IpVersion::Ipv4);
    let pid = outside.command("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let script = folder.join(format!("{name}.pkt"));
    let json = folder.join(format!("{name}.json"));
    let text = format!(
        " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
{before}
+0 `sh -c 'sleep 1000; : {}' </dev/null >/dev/null 2>&1 &`
+0 `ip link add inside type veth peer name outside netns {}`
+600 `true`
",
        json.display(),
        pid.trim()
    );
    std::fs::write(&script, text).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .args(["run", "--target", "linux", "--json"])
        .args([&json, &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    outside.command(
        "i=0; until ip link show outside >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 400 ] || exit 1; sleep .05; done",
    );
    let waiting = Waiting { outside, run, json };
    // The run, what it has for the case that it is killed, and what the script has left running.
    assert!(waiting.processes().len() >= 3, "{:?}", waiting.processes());
    waiting
}

impl Waiting {
    /// Sends the signals at once; gives the exit status and what was printed.
    fn end(&mut self, signals: &[Signal]) -> (ExitStatus, String) {
        for signal in signals {
            kill(Pid::from_raw(self.run.id() as i32), *signal).unwrap();
        }
        let mut printed = String::new();
        let mut stdout = self.run.stdout.take().unwrap();
        stdout.read_to_string(&mut printed).unwrap();
        (self.run.wait().unwrap(), printed)
    }

    /// Processes that have the run's name for its results on their command line.
    fn processes(&self) -> Vec<String> {
        let name = self.json.to_str().unwrap();
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
            .map(|words| String::from_utf8_lossy(&words).replace('\0', " "))
            .filter(|words| words.contains(name))
            .collect()
    }

    /// Waits until the other end of the device is gone, and the namespace with it, and every
    /// process of the run.
    fn nothing_is_left(&mut self) {
        self.outside.command(
            "i=0; while ip link show outside >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep .05; done",
        );
        for _ in 0..200 {
            if self.processes().is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("still there: {:?}", self.processes());
    }
}

fn without_ip() -> bool {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let there = bench.session.command("command -v ip").unwrap();
    if there.status != Some(0) {
        println!("skipped: `ip` is not installed");
    }
    there.status != Some(0)
}

pub(crate) fn interrupted() {
    if without_ip() {
        return;
    }
    let ways: [&[Signal]; 4] = [
        &[Signal::SIGINT],
        &[Signal::SIGTERM],
        &[Signal::SIGHUP],
        // Two of one kind may be taken for one; `timeout` sends two.
        &[Signal::SIGINT, Signal::SIGTERM],
    ];
    for signals in ways {
        let name: Vec<&str> = signals.iter().map(|signal| signal.as_str()).collect();
        let mut run = waiting(&format!("interrupted-by-{}", name.join("-")), ORPHAN);
        let (status, printed) = run.end(signals);
        assert_eq!(status.code(), Some(130), "{printed}");
        assert!(
            printed.contains("interrupted by a signal: 1 of 1 runs have no result"),
            "{printed}"
        );
        let json = std::fs::read_to_string(&run.json).unwrap();
        assert!(json.contains("\"interrupted\": true"), "{json}");
        run.nothing_is_left();
    }
}

pub(crate) fn killed() {
    if without_ip() {
        return;
    }
    for (name, before) in [
        ("killed", ""),
        ("killed-orphan", ORPHAN),
        ("killed-open", OPEN),
    ] {
        let mut run = waiting(name, before);
        let (status, _) = run.end(&[Signal::SIGKILL]);
        assert_eq!(status.code(), None);
        run.nothing_is_left();
    }
}
