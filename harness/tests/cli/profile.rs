//! `--profile`: the reference stack with other choices.

use std::fs;

use super::{folder, status, stderr, stdout, tcpdrill};

/// Passes on the RFC's profile only, once the other side has a call that fails.
const SCRIPT: &str = "\
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
#if profile == rfc9293
+0 close(3) = 0
#endif
";

#[test]
fn scripts_can_ask_for_the_profile() {
    let folder = folder();
    let text = SCRIPT.replace("#endif", "#else\n+0 close(99) = 0\n#endif");
    fs::write(folder.path().join("asks.pkt"), text).expect("writes");
    let run = |more: &[&str]| {
        status(&tcpdrill(
            folder.path(),
            &[&["run", "asks.pkt"], more].concat(),
        ))
    };
    assert_eq!(run(&[]), 0);
    assert_eq!(run(&["--profile", "rfc9293"]), 0);
    assert_eq!(run(&["--profile", "linux"]), 1);
    assert_eq!(run(&["--profile", "freebsd"]), 1);
}

#[test]
fn the_report_names_the_profile() {
    let folder = folder();
    let output = tcpdrill(folder.path(), &["run", "first.pkt", "--profile", "linux"]);
    assert!(
        stdout(&output).contains("profile linux"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_profile_is_for_the_reference_only() {
    let folder = folder();
    let arguments = [
        "run",
        "first.pkt",
        "--target",
        "linux",
        "--profile",
        "linux",
    ];
    let output = tcpdrill(folder.path(), &arguments);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("`--profile` is for the reference stack"));
}
