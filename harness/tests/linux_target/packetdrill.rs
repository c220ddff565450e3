//! The command under packetdrill's name, on the running kernel.

use std::fs;
use std::process::{Command, Output};

use crate::cases::Case;

pub(crate) const ALL: &[Case] = &[
    ("packetdrill_says_nothing_on_success", success_says_nothing),
    (
        "packetdrill_ends_at_the_first_failure",
        the_first_failure_ends_it,
    ),
    ("packetdrill_prints_what_commands_say", what_commands_say),
    (
        "packetdrill_takes_the_flags_of_its_runners",
        flags_of_the_runners_are_taken,
    ),
    (
        "packetdrill_uses_a_namespace_made_for_it_once",
        a_namespace_made_for_it_is_used_once,
    ),
];

const PASSES: &str = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.01 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
";

/// Runs scripts by the drop-in, through `wrapper` (the words before the binary).
fn packetdrill(wrapper: &[&str], scripts: &[(&str, &str)], flags: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for (name, text) in scripts {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    let binary = env!("CARGO_BIN_EXE_tcpdrill");
    let names = scripts.iter().map(|(name, _)| *name);
    let words: Vec<&str> = wrapper
        .iter()
        .copied()
        .chain([binary, "packetdrill"])
        .chain(flags.iter().copied())
        .chain(names)
        .collect();
    Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder.path())
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn success_says_nothing() {
    let scripts = [("a.pkt", PASSES), ("b.pkt", PASSES)];
    for family in ["ipv4", "ipv6", "ipv4-mapped-ipv6"] {
        let output = packetdrill(&[], &scripts, &["--ip_version", family]);
        let said = (text(&output.stdout), text(&output.stderr));
        assert_eq!(said, (String::new(), String::new()), "{family}");
        assert_eq!(output.status.code(), Some(0), "{family}");
    }
}

/// Though the command succeeds by its last part.
fn what_commands_say() {
    let script = format!("`sysctl -q net.ipv4.tcp_ecn=77; true`\n{PASSES}");
    let output = packetdrill(&[], &[("a.pkt", &script)], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "sysctl: setting key \"net.ipv4.tcp_ecn\": Invalid argument\n"
    );
}

fn the_first_failure_ends_it() {
    let wrong = PASSES.replace("> S. 0:0(0) ack 1", "> S. 0:0(0) ack 2");
    let scripts = [("wrong.pkt", wrong.as_str()), ("never.pkt", "nonsense")];
    let output = packetdrill(&[], &scripts, &["-v"]);
    assert_eq!(output.status.code(), Some(1));
    let first = "wrong.pkt:5: error handling packet: live packet field tcp_ack_seq: expected: 2 (0x2) vs actual: 1 (0x1)\nscript packet: ";
    let said = text(&output.stderr);
    assert!(said.starts_with(first), "{said}");
    assert!(!said.contains("never.pkt"), "{said}");
    let shown = text(&output.stdout);
    assert!(shown.contains("listen syscall: "), "{shown}");
    assert!(shown.contains("inbound injected packet: "), "{shown}");
}

/// What `run_all.py` and the kernel's runner give their scripts: the gateway is the host itself.
fn flags_of_the_runners_are_taken() {
    let four = [
        "--send_omit_free",
        "--ip_version=ipv4",
        "--local_ip=192.168.0.1",
        "--gateway_ip=192.168.0.1",
        "--netmask_ip=255.255.0.0",
        "--remote_ip=192.0.2.1",
        "-D",
        "WIN=20000",
    ];
    let six = [
        "--ip_version=ipv6",
        "--mtu=1520",
        "--local_ip=fd3d:0a0b:17d6::1",
        "--gateway_ip=fd3d:0a0b:17d6:8888::1",
        "--remote_ip=fd3d:fa7b:d17d::1",
        "-DWIN=20000",
    ];
    let script = PASSES.replace("win 20000", "win WIN");
    for flags in [&four[..], &six] {
        let output = packetdrill(&[], &[("a.pkt", &script)], flags);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

/// Whoever makes a namespace for a script sees the script's device in it.
fn a_namespace_made_for_it_is_used_once() {
    if Command::new("unshare").arg("--version").output().is_err() {
        println!("not looked at: this machine has no unshare(1)");
        return;
    }
    let here = PASSES.to_string() + "+0 `test $(readlink /proc/self/ns/net) = $OUTER`\n";
    let elsewhere = here.replace("= $OUTER", "!= $OUTER");
    let outer = "OUTER=$(readlink /proc/self/ns/net) exec \"$0\" \"$@\"";
    let wrapper = ["unshare", "-n", "sh", "-c", outer];
    let scripts = [
        ("here.pkt", here.as_str()),
        ("elsewhere.pkt", elsewhere.as_str()),
    ];
    let output = packetdrill(&wrapper, &scripts, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
