//! What back-quoted commands can do, and what they cannot.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tcpdrill::program::IpVersion;
use tcpdrill::target::{CommandContext, TargetError};

use crate::bench::Bench;
use crate::cases::Case;

pub(crate) const ALL: &[Case] = &[
    ("sysctls_are_the_cases_own", sysctls),
    ("commands_run_in_the_cases_namespace", commands),
    ("the_hosts_settings_cannot_be_written", host_is_protected),
    (
        "devices_and_routes_are_changed_in_process",
        devices_and_routes,
    ),
    (
        "files_of_suites_give_the_same_with_and_without_a_shell",
        files_of_suites,
    ),
    ("cases_are_apart_in_tmp_and_by_number", cases_are_apart),
    (
        "what_a_case_changes_of_the_host_is_put_back",
        host_is_put_back,
    ),
    (
        "a_killed_process_leaves_nothing_behind",
        killed_process_leaves_nothing,
    ),
    ("defaults_are_set_in_a_moment", defaults_are_fast),
];

/// One test at a time may change the host.
static HOST: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A setting of the host that no case of ours comes near, if this machine has it and we may set it.
const OF_HOST: &str = "/sys/module/tcp_cubic/parameters/hystart_low_window";

fn sysctls() {
    let host = || std::fs::read_to_string("/proc/sys/net/ipv4/tcp_retries2").unwrap();
    let before = host();
    let mut bench = Bench::new(IpVersion::Ipv4);
    bench.command("sysctl -q -w net.ipv4.tcp_retries2=3 net.ipv4.tcp_rmem=\"4096 5000 6000\"");
    assert_eq!(bench.command("cat /proc/sys/net/ipv4/tcp_retries2"), "3");
    assert_eq!(
        bench.command("sysctl -n net/ipv4/tcp_rmem"),
        "4096\t5000\t6000"
    );
    assert_eq!(
        bench.command("sysctl net.ipv4.tcp_sack=0"),
        "net.ipv4.tcp_sack = 0"
    );
    bench.command("echo 4 > /proc/sys/net/ipv4/tcp_retries2");
    assert_eq!(
        bench.command("sysctl net.ipv4.tcp_retries2"),
        "net.ipv4.tcp_retries2 = 4"
    );
    assert_eq!(host(), before);
    for wrong in [
        "sysctl -q -w net.ipv4.tcp_retries2=abc",
        "echo abc > /proc/sys/net/ipv4/tcp_retries2",
    ] {
        let report = bench.session.command(wrong).unwrap();
        assert_eq!(report.status, Some(1), "{wrong}: {}", report.output);
    }
    let refused = bench.session.command("sysctl -q net.ipv4.tcp_ecn=77");
    assert_eq!(capability(refused), "sysctl:net.ipv4.tcp_ecn=77");
    let refused = bench
        .session
        .command("sysctl -q net.ipv4.tcp_no_such_thing=1");
    assert_eq!(capability(refused), "sysctl:net.ipv4.tcp_no_such_thing=1");
    let refused = bench.session.command("sysctl -q kernel.panic=1");
    assert_eq!(capability(refused), "command:global-state");
    // Where it does not count, it is passed over.
    bench.command("sysctl -q net.ipv4.tcp_no_such_thing=1; true");
    bench.command("sysctl -e -q net.ipv4.tcp_no_such_thing=1");
    bench.command("sysctl net.ipv4.tcp_no_such_thing=1 > /dev/null 2>&1 || true");
}

fn capability<T: std::fmt::Debug>(refused: Result<T, TargetError>) -> String {
    match refused {
        Err(TargetError::Unsupported { capability, .. }) => capability,
        other => panic!("{other:?}"),
    }
}

fn commands() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    assert_eq!(
        bench.command("ls /dev/null; echo 'b c' >&2"),
        "/dev/null\nb c"
    );
    let failed = bench.session.command("echo no; exit 3").unwrap();
    assert_eq!((failed.status, failed.output.as_str()), (Some(3), "no\n"));
    let killed = bench.session.command("true; kill -9 $$").unwrap();
    assert_eq!(killed.status, None);
    let shells = "sh -c 'echo $PPID' | cat >/dev/null; cd /; echo $PPID";
    let parent = bench.command(shells);
    assert_eq!(bench.command(shells), parent);
    assert_eq!(bench.command("cd /; echo $PACKETDRILL_PID"), parent);
    assert_eq!(bench.command("echo $PPID"), parent);
    let mut other = Bench::new(IpVersion::Ipv4);
    assert_ne!(other.command(shells), parent);
    // One interface apart from loopback, and it is the case's own.
    let devices = bench.command("cat /proc/net/dev");
    assert!(devices.contains("tun0:"), "{devices}");
    assert_ne!(
        bench.command("readlink /proc/self/ns/net"),
        other.command("readlink /proc/self/ns/net")
    );
    // What only some shells take for a redirection is what this machine's takes it for.
    for words in ["false &> /dev/null", "false >& /dev/null", "exit 3 & true"] {
        let own = std::process::Command::new("/bin/sh")
            .args(["-c", words])
            .output();
        let own = own.unwrap().status.code();
        assert_eq!(bench.session.command(words).unwrap().status, own, "{words}");
    }
    // Output larger than a pipe does not block, a command in the background does not hold up.
    let zeros = bench.command("head -c 300000 /dev/zero | tr '\\0' x");
    assert_eq!(zeros.len(), 300_000);
    let left = bench.command("sleep 1000 & echo $!");
    // One that has left the shell's process group as well.
    let daemon = bench.command(
        "setsid sh -c 'echo $$ > /tmp/daemon; exec sleep 1000' & \
         until test -s /tmp/daemon; do sleep .01; done; cat /tmp/daemon",
    );
    drop(bench);
    // Killed it is gone, or a zombie until the machine's first process reaps it.
    for left in [left, daemon] {
        other.command(&format!(
            "! grep -q '^State:[[:space:]]*[RSD]' /proc/{left}/status 2>/dev/null"
        ));
    }
}

fn host_is_protected() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let value = std::fs::read_to_string("/proc/sys/kernel/panic").unwrap();
    let value = value.trim();
    for command in [
        format!("cd /; echo {value} > /proc/sys/kernel/panic"),
        format!("printf {value} | tee /proc/sys/kernel/panic"),
        "cd /; echo x > /var/tcpdrill-must-not-write-here".to_string(),
    ] {
        let report = bench.session.command(&command).unwrap();
        assert!(
            report.output.contains("ead-only") || report.output.contains("ermission"),
            "{command}: {report:?}"
        );
    }
    bench.command("cd /; echo 4 > /proc/sys/net/ipv4/tcp_retries2");
}

fn devices_and_routes() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    bench.command("ip tcp_metrics flush all > /dev/null 2>&1");
    bench.command("ip tcp_metrics flush all");
    bench.command("tc qdisc add dev tun0 root pfifo");
    let again = bench
        .session
        .command("tc qdisc add dev tun0 root pfifo")
        .unwrap();
    assert_eq!(again.status, Some(2), "{}", again.output);
    bench.command("tc qdisc replace dev tun0 root pfifo limit 7");
    bench.command("tc qdisc delete dev tun0 root; tc qdisc add dev tun0 root pfifo limit 8");
    bench.command("ip route change 192.0.2.0/24 via 192.168.0.254 dev tun0 onlink advmss 600 mtu lock 640 initcwnd 11");
    bench.command("ip link set dev tun0 mtu 1400 txqueuelen 9");
    assert_eq!(bench.command("cd /; cat /sys/class/net/tun0/mtu 2>/dev/null || ip link show dev tun0 | grep -o 'mtu [0-9]*' | cut -c5-"), "1400");
    for (wrong, status) in [
        ("ip route change 10.0.0.0/8 via 192.168.0.254 dev tun0", 2),
        ("ip link set dev nothing0 up", 1),
        ("tc qdisc add dev nothing0 root pfifo", 1),
    ] {
        let report = bench.session.command(wrong).unwrap();
        assert_eq!(report.status, Some(status), "{wrong}: {}", report.output);
    }
    if tool("ip") && tool("tc") {
        let route = bench.command("ip route show 192.0.2.0/24");
        assert!(
            route.contains("mtu lock 640 advmss 600 initcwnd 11"),
            "{route}"
        );
        let qdisc = bench.command("tc qdisc show dev tun0");
        assert!(
            qdisc.contains("pfifo") && qdisc.contains("limit 8p"),
            "{qdisc}"
        );
        let link = bench.command("ip link show dev tun0");
        assert!(
            link.contains("mtu 1400") && link.contains("qlen 9"),
            "{link}"
        );
    }
    // What the kernel has not is what the case lacks.
    let report = bench
        .session
        .command("tc qdisc replace dev tun0 root fq; true");
    if report.is_err() {
        assert_eq!(capability(report), "qdisc:fq");
    }
    let mut six = Bench::new(IpVersion::Ipv6);
    six.command("ip -6 route change 2001:db8::/32 via fd3d:fa7b:d17d:8888:: dev tun0 advmss 600 mtu lock 1300");
    six.command("ip addr add fd3d:fa7b:d17d::77/48 dev tun0");
}

fn tool(name: &str) -> bool {
    ["/sbin", "/usr/sbin", "/bin", "/usr/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(name).exists())
}

/// A folder with a file of defaults, the helper and a place for scripts, as suites have it.
fn suite(root: &Path) -> PathBuf {
    let program = |path: PathBuf, text: &str| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let (common, scripts) = (root.join("common"), root.join("scripts"));
    std::fs::create_dir_all(&common).unwrap();
    std::fs::create_dir_all(&scripts).unwrap();
    program(
        common.join("defaults.sh"),
        "#!/bin/bash\n# What all start from.\nip tcp_metrics flush all > /dev/null 2>&1\n\
         sysctl -q net.ipv4.tcp_rmem=\"4096 5000 $((15*1024))\"\n\
         sysctl -q net.ipv4.tcp_no_such_thing=1\n\
         sysctl -q net.ipv4.tcp_retries2=9 net.ipv4.tcp_sack=0\n\
         tc qdisc add dev tun0 root pfifo\n",
    );
    program(
        common.join("set_sysctls.py"),
        "#!/usr/bin/env python3\nimport os, subprocess, sys\n\
         path = '/tmp/sysctl_restore_%s.sh' % os.environ['PACKETDRILL_PID']\n\
         with open(path, 'w') as undo:\n\
         \x20   undo.write('#!/bin/sh\\n')\n\
         \x20   for one in sys.argv[1:]:\n\
         \x20       name, value = one.split('=')\n\
         \x20       undo.write('echo \"%s\" > %s\\n' % (open(name).read().strip(), name))\n\
         \x20       subprocess.call(['sh', '-c', 'echo \"%s\" > %s' % (value, name)])\n\
         os.chmod(path, 0o755)\n",
    );
    program(
        scripts.join("more.sh"),
        "#!/bin/sh\nls ../common/defaults.sh\n",
    );
    scripts
}

fn bench_in(folder: &Path, alone: bool) -> Bench {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let context = CommandContext {
        folder: Some(folder.to_path_buf()),
        alone,
        allowed: alone,
    };
    bench.session.prepare_commands(&context).unwrap();
    bench
}

/// The same files give the same with and without a shell.
fn files_of_suites() {
    let root = tempfile::tempdir().unwrap();
    let folder = suite(root.path());
    let settings = |bench: &mut Bench| {
        bench.command("sysctl -n net.ipv4.tcp_rmem net.ipv4.tcp_retries2 net.ipv4.tcp_sack")
    };
    let set = "../common/set_sysctls.py /proc/sys/net/ipv4/tcp_retries2=4 /proc/sys/net/ipv4/tcp_rmem=\"1 2 3\"";
    for shell in [false, true] {
        let mut bench = bench_in(&folder, false);
        // With this the whole command is one for the shell, and so is every file in it.
        let (before, in_shell) = match shell && tool("sysctl") && tool("tc") && tool("ip") {
            true => ("cd . || exit 1\n", true),
            false => ("", false),
        };
        bench.command(&format!("{before}../common/defaults.sh"));
        assert_eq!(
            settings(&mut bench),
            "4096\t5000\t15360\n9\n0",
            "shell: {in_shell}"
        );
        if in_shell && !has_python() {
            continue;
        }
        bench.command(&format!("{before}{set}"));
        assert_eq!(settings(&mut bench), "1\t2\t3\n4\n0");
        bench.command(&format!("{before}/tmp/sysctl_restore_${{PPID}}.sh"));
        assert_eq!(settings(&mut bench), "4096\t5000\t15360\n9\n0");
        // Set without a shell, undone by one, and the other way about.
        bench.command(set);
        bench.command("cd .; /tmp/sysctl_restore_$PPID.sh");
        assert_eq!(settings(&mut bench), "4096\t5000\t15360\n9\n0");
        if has_python() {
            bench.command(&format!("cd .; {set}"));
            bench.command("/tmp/sysctl_restore_${PPID}.sh");
            assert_eq!(settings(&mut bench), "4096\t5000\t15360\n9\n0");
        }
        assert_eq!(bench.command("./more.sh"), "../common/defaults.sh");
    }
    // The cleanup of a case that has set nothing finds no script: not even one that an earlier
    // process of the shell's number has left, as packetdrill does.
    let _leftovers = Leftovers::of_the_next_processes();
    let mut bench = bench_in(&folder, false);
    let report = bench
        .session
        .command("/tmp/sysctl_restore_${PPID}.sh")
        .unwrap();
    assert_eq!(report.status, Some(127), "{}", report.output);
}

/// Scripts in the host's `/tmp` by the numbers that processes to come will have.
struct Leftovers(Vec<PathBuf>);

impl Leftovers {
    fn of_the_next_processes() -> Leftovers {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap();
        let latest: u32 = load.split_whitespace().last().unwrap().parse().unwrap();
        let path = |number| PathBuf::from(format!("/tmp/sysctl_restore_{number}.sh"));
        let new: Vec<_> = (latest..latest + 500)
            .map(path)
            .filter(|path| !path.exists())
            .collect();
        for path in &new {
            std::fs::write(path, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Leftovers(new)
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn has_python() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("python3").is_file())
}

/// Two cases at once see neither each other's `/tmp` nor each other's number.
fn cases_are_apart() {
    let root = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
    let folder = suite(root.path());
    std::fs::write(root.path().join("there"), "before").unwrap();
    let name = root
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    let mut one = bench_in(&folder, false);
    let mut two = bench_in(&folder, false);
    let mut none = Bench::new(IpVersion::Ipv4);
    for (bench, text) in [(&mut one, "one"), (&mut two, "two"), (&mut none, "none")] {
        bench.command(&format!(
            "cd .; echo {text} > /tmp/{name}.file; echo $PPID > /tmp/{name}.pid"
        ));
    }
    let seen = |bench: &mut Bench| bench.command(&format!("cd .; cat /tmp/{name}.file"));
    assert_eq!(
        [seen(&mut one), seen(&mut two), seen(&mut none)],
        ["one", "two", "none"]
    );
    let number =
        |bench: &mut Bench| bench.command(&format!("cd .; cat /tmp/{name}.pid; echo $PPID"));
    let numbers = [number(&mut one), number(&mut two), number(&mut none)];
    for text in &numbers {
        let (first, second) = text.split_once('\n').unwrap();
        assert_eq!(first, second);
    }
    assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
    assert!(!Path::new(&format!("/tmp/{name}.file")).exists());
    // What lay there before can be read, and is not changed.
    assert_eq!(one.command("pwd"), folder.display().to_string());
    assert_eq!(
        one.command("cat ../there; echo changed > ../there; true"),
        "before"
    );
    assert_eq!(
        std::fs::read_to_string(root.path().join("there")).unwrap(),
        "before"
    );
    // A case that is no file has a folder as well.
    none.command("cd .; echo x > here; test -e \"$PWD/here\"");
}

/// Whether the setting of the host is there and ours to write.
fn may_change_host() -> Option<String> {
    let value = std::fs::read_to_string(OF_HOST).ok()?;
    let writable = std::fs::OpenOptions::new().write(true).open(OF_HOST);
    if writable.is_err() {
        println!("skipped: {OF_HOST} is not ours to write");
        return None;
    }
    Some(value.trim().to_owned())
}

fn of_host() -> String {
    std::fs::read_to_string(OF_HOST).unwrap().trim().to_owned()
}

/// What a case changes of the host is put back when it ends.
fn host_is_put_back() {
    let _one_at_a_time = HOST.lock().unwrap_or_else(|broken| broken.into_inner());
    let Some(before) = may_change_host() else {
        return;
    };
    // Other than what is there, whatever that is.
    let (new, other) = if before == "17" {
        (18, 19)
    } else {
        (17, before.parse::<u32>().unwrap() + 20)
    };
    let folder = std::env::temp_dir();
    let mut beside = bench_in(&folder, false);
    let refused = beside.session.command(&format!("echo {new} > {OF_HOST}"));
    assert_eq!(capability(refused), "command:global-state");
    let report = beside
        .session
        .command(&format!("cd .; echo {new} > {OF_HOST}"))
        .unwrap();
    assert_ne!(report.status, Some(0), "the host's setting was written");
    drop(beside);
    for commands in [
        [format!("echo {new} > {OF_HOST}"), "true".to_owned()],
        [format!("cd .; echo {new} > {OF_HOST}"), "true".to_owned()],
        [
            format!("echo {other} > {OF_HOST}"),
            format!("cd .; echo {new} > {OF_HOST}"),
        ],
        [
            format!("cd .; echo {other} > {OF_HOST}"),
            format!("echo {new} > {OF_HOST}"),
        ],
    ] {
        let mut alone = bench_in(&folder, true);
        for command in &commands {
            alone.command(command);
        }
        assert_eq!(of_host(), new.to_string(), "{commands:?}");
        // Nothing else has become writable with it.
        let beside = OF_HOST.replace("hystart_low_window", "bic_scale");
        let report = alone
            .session
            .command(&format!(
                "cd .; cat $(echo {beside}X | tr -d X) | tee $(echo {beside}X | tr -d X)"
            ))
            .unwrap();
        assert!(report.output.contains("ead-only"), "{report:?}");
        drop(alone);
        assert_eq!(of_host(), before, "{commands:?}");
    }
}

/// The same if the process is killed, and what its commands have left running ends as well.
fn killed_process_leaves_nothing() {
    let _one_at_a_time = HOST.lock().unwrap_or_else(|broken| broken.into_inner());
    let before = may_change_host();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let new = if before.as_deref() == Some("17") {
        "18"
    } else {
        "17"
    };
    let init = match &before {
        Some(_) => format!("`echo {new} > {OF_HOST}`\n"),
        None => String::new(),
    };
    // What it sleeps tells it from other processes: a file would be the case's own below `/tmp`.
    let seconds = 1_000_000 + std::process::id();
    let script = format!("// title: sleeps\n{init}0 `cd .; sleep {seconds} & sleep 1000`\n");
    std::fs::write(folder.path().join("x.pkt"), script).unwrap();
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .args(["run", "--target", "linux", "--allow-commands"])
        .arg(folder.path().join("x.pkt"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let killed = KilledOnDrop(child);
    until("the command runs", || sleeper(seconds).is_some());
    let state = sleeper(seconds).unwrap().join("status");
    if before.is_some() {
        assert_eq!(of_host(), new);
    }
    drop(killed);
    until("the command has ended", || {
        let status = std::fs::read_to_string(&state).unwrap_or_default();
        !status
            .lines()
            .any(|line| line.starts_with("State:") && !line.contains('Z'))
    });
    if let Some(before) = before {
        until("the host's setting is back", || of_host() == before);
    }
}

/// A test that fails must not leave it running either.
struct KilledOnDrop(std::process::Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The folder in `/proc` of the process that sleeps so long.
fn sleeper(seconds: u32) -> Option<PathBuf> {
    let command = format!("sleep\0{seconds}\0");
    std::fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|process| {
            std::fs::read(process.join("cmdline")).is_ok_and(|line| line == command.as_bytes())
        })
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Without a shell: how long it takes is printed, not judged.
fn defaults_are_fast() {
    let root = tempfile::tempdir().unwrap();
    let folder = suite(root.path());
    let mut bench = bench_in(&folder, false);
    let before = Instant::now();
    bench.command("../common/defaults.sh");
    println!("the defaults take {:?}", before.elapsed());
    // There is no shell yet, so its number is none.
    assert_eq!(bench.command("echo $PPID"), "tcpdrill");
}
