//! The command under packetdrill's name.

use std::fs;
use std::process::Command;

use super::{FIRST, folder, status, stderr, stdout, tcpdrill};

const SCRIPT: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = 0\n";

#[cfg(unix)]
#[test]
fn a_link_of_that_name_takes_its_flags() {
    let folder = folder();
    fs::write(folder.path().join("a.pkt"), SCRIPT).expect("writes");
    for name in ["packetdrill", "packetdrill-2"] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tcpdrill"), &link).expect("a link");
        let output = Command::new(&link)
            .args(["--ip_version=ipv4", "--dry_run", "--mtu", "1400", "a.pkt"])
            .current_dir(folder.path())
            .output()
            .expect("the command starts");
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        assert_eq!(
            (stdout(&output), stderr(&output)),
            (String::new(), String::new())
        );
    }
}

fn dry(arguments: &[&str]) -> (i32, String, String) {
    let folder = folder();
    fs::write(folder.path().join("a.pkt"), SCRIPT).expect("writes");
    fs::write(folder.path().join("bad.pkt"), "0 socket(..., = 3\n").expect("writes");
    let arguments = [&["packetdrill", "--dry_run"], arguments].concat();
    let output = tcpdrill(folder.path(), &arguments);
    (status(&output), stdout(&output), stderr(&output))
}

#[test]
fn the_first_script_that_is_wrong_ends_it() {
    assert_eq!(dry(&["a.pkt"]), (0, String::new(), String::new()));
    let (status, out, err) = dry(&["a.pkt", "bad.pkt", "missing.pkt"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(
        err.starts_with("bad.pkt:1: parse error at '=': syntax error\n"),
        "{err}"
    );
    assert!(!err.contains("missing.pkt"), "{err}");
    let (status, _, err) = dry(&["missing.pkt", "a.pkt"]);
    let want = "parse error: stat() of script file 'missing.pkt': No such file or directory\n";
    assert_eq!((status, err.as_str()), (1, want));
}

#[test]
fn the_command_line_wins_over_the_script() {
    let folder = folder();
    let text = format!(
        "--define=RESULT=5\n--ip_version=ipv6\n{}",
        SCRIPT.replace("close(3) = 0", "close(3) = RESULT")
    );
    fs::write(folder.path().join("x.pkt"), text).expect("writes");
    let run = |more: &[&str]| {
        let arguments = [&["packetdrill", "--dry_run"], more, &["x.pkt"]].concat();
        status(&tcpdrill(folder.path(), &arguments))
    };
    assert_eq!(run(&["--ip_version=ipv4", "-D", "RESULT=0"]), 0);
    assert_eq!(run(&["-DRESULT=\"a\""]), 1, "a text is no result");
}

#[test]
fn what_is_refused_is_refused_with_status_1() {
    for (arguments, want) in [
        (
            &["--nope", "a.pkt"][..],
            "packetdrill: unrecognized option '--nope'",
        ),
        (&[], "error: missing script path"),
        (&["--wire_server"], "packetdrill: --wire_server: "),
        (
            &["--so_filename=x", "a.pkt"],
            "packetdrill: --so_filename: ",
        ),
        (
            &["--tolerance_usecs=0", "a.pkt"],
            "Command Line: bad --tolerance_usecs: 0",
        ),
    ] {
        let (status, out, err) = dry(arguments);
        assert_eq!((status, out.as_str()), (1, ""));
        assert!(err.starts_with(want), "{err}");
    }
}

/// Additions of this harness are not part of packetdrill's language.
#[test]
fn a_case_of_ours_without_additions_reads_as_a_script_of_theirs() {
    let folder = folder();
    fs::write(folder.path().join("x.pkt"), FIRST).expect("writes");
    let arguments = ["packetdrill", "--dry_run", "x.pkt"];
    assert_eq!(status(&tcpdrill(folder.path(), &arguments)), 0);
}
